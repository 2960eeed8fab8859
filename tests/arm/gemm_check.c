/*
 * The NEON kernel of core/gemm.h against the portable one, bit for bit: tiles of all numbers of
 * rows, depths around a chunk, all modes.
 *
 *     gemm_check
 *
 * Ends with 1 after a difference. It needs no more than core/gemm_arm.c, core/gemm_portable.c and
 * libc, so that a cross compiler can build it; ./tools/check-extras runs it in an emulator.
 */
#include "core/gemm_tables.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 200, STRIDE = KIN_GEMM_COLUMNS + 5, FLOATS = KIN_GEMM_ROWS * STRIDE };

static float left[DEPTH_MAX * KIN_GEMM_ROWS], right[DEPTH_MAX * KIN_GEMM_COLUMNS];
static float before[FLOATS], c[FLOATS], want[FLOATS];

static void draw(float *x, size_t count)
{
    static uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)((int32_t)state >> 8) * 0x1p-20f;
    }
}

static long check(const kin_gemm_table *table, size_t rows, size_t columns, size_t depth,
                  kin_gemm_mode mode)
{
    memcpy(c, before, sizeof c);
    memcpy(want, before, sizeof want);
    table->tile(rows, columns, depth, left, right, mode, c, STRIDE);
    kin_gemm_portable.tile(rows, columns, depth, left, right, mode, want, STRIDE);
    if (memcmp(c, want, sizeof c) == 0)
        return 0;
    fprintf(stderr, "gemm_check: %s: %zu x %zu, depth %zu, mode %d differ\n", table->name, rows,
            columns, depth, (int)mode);
    return 1;
}

int main(void)
{
    const kin_gemm_table *table = &kin_gemm_portable;
#if defined(__aarch64__)
    table = &kin_gemm_neon;
#endif
    long calls = 0, differences = 0;
    draw(left, DEPTH_MAX * KIN_GEMM_ROWS);
    draw(right, DEPTH_MAX * KIN_GEMM_COLUMNS);
    draw(before, FLOATS);
    for (size_t rows = 1; rows <= KIN_GEMM_ROWS; rows++)
        for (size_t depth = 1; depth <= DEPTH_MAX; depth++)
            for (int mode = KIN_GEMM_SET; mode <= KIN_GEMM_SUBTRACT; mode++, calls += 2) {
                differences += check(table, rows, 16, depth, (kin_gemm_mode)mode);
                differences += check(table, rows, KIN_GEMM_COLUMNS, depth, (kin_gemm_mode)mode);
            }
    printf("%s: %ld tiles, %ld differences\n", table->name, calls, differences);
    return differences > 0;
}
