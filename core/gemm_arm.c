/*
 * The kernel of matrix products for NEON, which every aarch64 CPU has.
 *
 * A tile is taken 12 rows by 8 columns at a time: 24 accumulators, 3 registers of rows and 2 of
 * columns, of the 32 there are. A row's element is a lane of its register and is never broadcast.
 */
#include "core/gemm_tables.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#define INLINE static inline __attribute__((always_inline))

enum { ROWS = KIN_GEMM_ROWS, COLUMNS = KIN_GEMM_COLUMNS, CHUNK = KIN_GEMM_CHUNK };

/* sum += four rows times eight columns. Written out, as a lane has to be a constant. */
INLINE void add_four_rows(float32x4_t sum[4][2], float32x4_t rows, float32x4_t left,
                          float32x4_t right)
{
    sum[0][0] = vfmaq_laneq_f32(sum[0][0], left, rows, 0);
    sum[0][1] = vfmaq_laneq_f32(sum[0][1], right, rows, 0);
    sum[1][0] = vfmaq_laneq_f32(sum[1][0], left, rows, 1);
    sum[1][1] = vfmaq_laneq_f32(sum[1][1], right, rows, 1);
    sum[2][0] = vfmaq_laneq_f32(sum[2][0], left, rows, 2);
    sum[2][1] = vfmaq_laneq_f32(sum[2][1], right, rows, 2);
    sum[3][0] = vfmaq_laneq_f32(sum[3][0], left, rows, 3);
    sum[3][1] = vfmaq_laneq_f32(sum[3][1], right, rows, 3);
}

INLINE void update(kin_gemm_mode mode, float32x4_t sum, float *c)
{
    if (mode == KIN_GEMM_ADD)
        sum = vaddq_f32(vld1q_f32(c), sum);
    else if (mode == KIN_GEMM_SUBTRACT)
        sum = vsubq_f32(vld1q_f32(c), sum);
    vst1q_f32(c, sum);
}

/* One chunk of `count` rows, a multiple of 4, and eight columns. */
INLINE void chunk(size_t count, size_t rows, size_t depth, const float *left, const float *right,
                  kin_gemm_mode mode, float *c, size_t stride)
{
    float32x4_t sum[ROWS][2];
#pragma GCC unroll 12
    for (size_t i = 0; i < count; i++)
        sum[i][0] = sum[i][1] = vdupq_n_f32(0);
    for (size_t l = 0; l < depth; l++) {
        float32x4_t low = vld1q_f32(right), high = vld1q_f32(right + 4);
#pragma GCC unroll 3
        for (size_t i = 0; i < count; i += 4)
            add_four_rows(sum + i, vld1q_f32(left + i), low, high);
        left += ROWS;
        right += COLUMNS;
    }
#pragma GCC unroll 12
    for (size_t i = 0; i < count; i++)
        if (i < rows) {
            update(mode, sum[i][0], c + i * stride);
            update(mode, sum[i][1], c + i * stride + 4);
        }
}

INLINE void all_columns(size_t count, size_t rows, size_t columns, size_t depth, const float *left,
                        const float *right, kin_gemm_mode mode, float *c, size_t stride)
{
    for (size_t j = 0; j < columns; j += 8) {
        kin_gemm_mode now = mode;
        for (size_t from = 0; from < depth; from += CHUNK) {
            chunk(count, rows, depth - from < CHUNK ? depth - from : CHUNK, left + from * ROWS,
                  right + from * COLUMNS + j, now, c + j, stride);
            now = now == KIN_GEMM_SET ? KIN_GEMM_ADD : now;
        }
    }
}

static void tile(size_t rows, size_t columns, size_t depth, const float *left, const float *right,
                 kin_gemm_mode mode, float *c, size_t stride)
{
    if (rows > 8)
        all_columns(12, rows, columns, depth, left, right, mode, c, stride);
    else if (rows > 4)
        all_columns(8, rows, columns, depth, left, right, mode, c, stride);
    else
        all_columns(4, rows, columns, depth, left, right, mode, c, stride);
}

const kin_gemm_table kin_gemm_neon = {"neon", tile};
#endif
