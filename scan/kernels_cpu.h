#ifndef KIN_SCAN_KERNELS_CPU_H
#define KIN_SCAN_KERNELS_CPU_H
/*
 * Private to scan/kernels*.c: the tables, and what they share.
 */
#include "scan/kernels.h"

extern const kin_scan_kernels kin_scan_portable;
#if defined(__x86_64__)
extern const kin_scan_kernels kin_scan_avx2;
extern const kin_scan_kernels kin_scan_avxvnni;
extern const kin_scan_kernels kin_scan_avx512vnni;
#elif defined(__aarch64__)
extern const kin_scan_kernels kin_scan_neon;
#endif

/* The number of hits. */
static inline size_t kin_tile_hits(const kin_tile *tile)
{
    size_t count = 0;
    for (int r = 0; r < KIN_STRIP_ROWS; r++)
        count += (size_t)__builtin_popcount(tile->mask[r]);
    return count;
}

#endif
