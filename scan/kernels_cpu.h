#ifndef KIN_SCAN_KERNELS_CPU_H
#define KIN_SCAN_KERNELS_CPU_H
/*
 * Private to scan/kernels*.c: the tables, and what more than one of them uses.
 */
#include "scan/codes_pair.h"
#include "scan/kernels.h"

extern const kin_scan_kernels kin_scan_portable;
#if defined(__x86_64__)
extern const kin_scan_kernels kin_scan_avx2;
extern const kin_scan_kernels kin_scan_avxvnni;
extern const kin_scan_kernels kin_scan_avx512vnni;
#elif defined(__aarch64__)
extern const kin_scan_kernels kin_scan_neon;
#endif

/* kin_scan_kernels.refine without the bits. Plain C, so that each table's function that it is
 * inlined into has it vectorised for its own instructions, the operations being the same. */
static inline __attribute__((always_inline)) void
kin_refine_approximate(const kin_refine_row *x, const kin_refine_columns *y,
                       const kin_products *dot, float *restrict estimate, float *restrict error)
{
    float x_both = x->coarse + x->fine;
    for (size_t c = 0; c < KIN_PANEL_COLUMNS; c++) {
        float value = kin_pair_estimate(x->lead, dot->lead[c], x->low, dot->cross[c],
                                        x->step * y->step[c], dot->tail[c], x->bias + y->bias[c]);
        float loss = x->fine * y->norm[c] + y->fine[c] * x->norm + x->tail_loss * y->tail_norm[c] +
                     y->tail_loss[c] * x->tail_norm + x_both * (y->coarse[c] + y->fine[c]) +
                     x->rounding;
        estimate[c] = x->factor * value;
        error[c] = x->factor * loss;
    }
}

/* Portable: the bits of refine, column by column; and kin_scan_kernels.append, compact and
 * reaching. */
void kin_refine_bits(const kin_refine_row *row, const kin_refine_columns *columns, uint32_t mask,
                     kin_refined *out);
void kin_append(const float *value, const int32_t *id, uint32_t mask, float *values, int32_t *ids);
size_t kin_compact(float *value, int32_t *id, size_t count, float least);
size_t kin_reaching(const float *value, size_t count, float least);

/* The number of hits. */
static inline size_t kin_tile_hits(const kin_tile *tile)
{
    size_t count = 0;
    for (int r = 0; r < KIN_PANEL_ROWS; r++)
        count += (size_t)__builtin_popcount(tile->mask[r]);
    return count;
}

#endif
