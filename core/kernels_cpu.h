#ifndef KIN_CORE_KERNELS_CPU_H
#define KIN_CORE_KERNELS_CPU_H
/*
 * Private to core/kernels*.c: the tables, and the pieces of the lane order they share.
 */
#include "core/kernels.h"

extern const kin_kernels kin_kernels_portable;
#if defined(__x86_64__)
extern const kin_kernels kin_kernels_avx2;
extern const kin_kernels kin_kernels_avx512;
#endif

/* lane[l] += x[l] * y[l] for l < count <= KIN_LANES: the tail of a row. */
void kin_lanes_add(double lane[KIN_LANES], const float *x, const float *y, size_t count);
void kin_lanes_add_wide(double lane[KIN_LANES], const double *x, const float *y, size_t count);

/* The balanced tree over the lanes. */
double kin_lanes_sum(const double lane[KIN_LANES]);

#endif
