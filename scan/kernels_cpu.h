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

/* The hits of a tile whose dots and masks are known (bit c of mask[r]: row r, column c). */
static inline size_t kin_hits_from_masks(const uint32_t mask[KIN_STRIP_ROWS],
                                         const int32_t dot[KIN_STRIP_ROWS][KIN_PANEL_COLUMNS],
                                         kin_hit *out)
{
    size_t count = 0;
    for (int r = 0; r < KIN_STRIP_ROWS; r++)
        for (uint32_t left = mask[r]; left != 0; left &= left - 1) {
            int c = __builtin_ctz(left);
            out[count++] = (kin_hit){(uint16_t)r, (uint16_t)c, dot[r][c]};
        }
    return count;
}

#endif
