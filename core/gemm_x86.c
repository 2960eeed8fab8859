/*
 * The kernels of matrix products for AVX-512, and for AVX2 with FMA.
 *
 * AVX-512: a tile of 12 x 32 is 24 accumulators; two registers hold the columns and one a row's
 * element, of the 32 there are. Each step is 14 loads for 24 multiply-adds. AVX2: a tile is
 * taken 6 x 16 at a time: 12 accumulators and 3 registers of 16. Fewer rows take the kernel for 8,
 * 4 or 1, so that a remainder costs little. Compiled for those instructions function by function.
 */
#include "core/gemm_tables.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2   __attribute__((target("avx2,fma")))
#define AVX512 __attribute__((target("avx512f,avx2,fma")))
#define INLINE static inline __attribute__((always_inline))

enum { ROWS = KIN_GEMM_ROWS, COLUMNS = KIN_GEMM_COLUMNS, CHUNK = KIN_GEMM_CHUNK };

/* ---- AVX-512 --------------------------------------------------------------------------------- */

AVX512 INLINE void update_avx512(kin_gemm_mode mode, __m512 sum, float *c)
{
    if (mode == KIN_GEMM_ADD)
        sum = _mm512_add_ps(_mm512_loadu_ps(c), sum);
    else if (mode == KIN_GEMM_SUBTRACT)
        sum = _mm512_sub_ps(_mm512_loadu_ps(c), sum);
    _mm512_storeu_ps(c, sum);
}

/* One chunk of `count` rows, of which `rows` are stored, and 16 or, if `both`, 32 columns. */
AVX512 INLINE void chunk_avx512(int count, bool both, size_t rows, size_t depth, const float *left,
                                const float *right, kin_gemm_mode mode, float *c, size_t stride)
{
    __m512 sum[ROWS][2];
#pragma GCC unroll 12
    for (int i = 0; i < count; i++)
        sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (size_t l = 0; l < depth; l++) {
        __m512 low = _mm512_loadu_ps(right), high = both ? _mm512_loadu_ps(right + 16) : low;
#pragma GCC unroll 12
        for (int i = 0; i < count; i++) {
            __m512 x = _mm512_set1_ps(left[i]);
            sum[i][0] = _mm512_fmadd_ps(x, low, sum[i][0]);
            if (both)
                sum[i][1] = _mm512_fmadd_ps(x, high, sum[i][1]);
        }
        left += ROWS;
        right += COLUMNS;
    }
#pragma GCC unroll 12
    for (int i = 0; i < count; i++)
        if ((size_t)i < rows) {
            update_avx512(mode, sum[i][0], c + (size_t)i * stride);
            if (both)
                update_avx512(mode, sum[i][1], c + (size_t)i * stride + 16);
        }
}

/* A function for each size: in one for all GCC 12 runs out of registers. */
#define TILE_AVX512(count, columns)                                                                \
    AVX512 static __attribute__((noinline)) void tile_##count##_##columns(                         \
        size_t rows, size_t depth, const float *left, const float *right, kin_gemm_mode mode,      \
        float *c, size_t stride)                                                                   \
    {                                                                                              \
        for (size_t from = 0; from < depth; from += CHUNK) {                                       \
            size_t length = depth - from < CHUNK ? depth - from : CHUNK;                           \
            chunk_avx512(count, (columns) == COLUMNS, rows, length, left + from * ROWS,            \
                         right + from * COLUMNS, mode, c, stride);                                 \
            mode = mode == KIN_GEMM_SET ? KIN_GEMM_ADD : mode;                                     \
        }                                                                                          \
    }

TILE_AVX512(1, 16)
TILE_AVX512(4, 16)
TILE_AVX512(8, 16)
TILE_AVX512(12, 16)
TILE_AVX512(1, 32)
TILE_AVX512(4, 32)
TILE_AVX512(8, 32)
TILE_AVX512(12, 32)

static void tile_avx512(size_t rows, size_t columns, size_t depth, const float *left,
                        const float *right, kin_gemm_mode mode, float *c, size_t stride)
{
    static void (*const tile[2][4])(size_t, size_t, const float *, const float *, kin_gemm_mode,
                                    float *, size_t) = {
        {tile_1_16, tile_4_16, tile_8_16, tile_12_16},
        {tile_1_32, tile_4_32, tile_8_32, tile_12_32},
    };
    size_t size = rows > 8 ? 3 : rows > 4 ? 2 : rows > 1;
    tile[columns == COLUMNS][size](rows, depth, left, right, mode, c, stride);
}

const kin_gemm_table kin_gemm_avx512 = {"avx512", tile_avx512};

/* ---- AVX2 ------------------------------------------------------------------------------------ */

AVX2 INLINE void update_avx2(kin_gemm_mode mode, __m256 sum, float *c)
{
    if (mode == KIN_GEMM_ADD)
        sum = _mm256_add_ps(_mm256_loadu_ps(c), sum);
    else if (mode == KIN_GEMM_SUBTRACT)
        sum = _mm256_sub_ps(_mm256_loadu_ps(c), sum);
    _mm256_storeu_ps(c, sum);
}

/* One chunk of `count` rows, at most 6, and 16 columns. */
AVX2 INLINE void chunk_avx2(int count, size_t rows, size_t depth, const float *left,
                            const float *right, kin_gemm_mode mode, float *c, size_t stride)
{
    __m256 sum[6][2];
#pragma GCC unroll 6
    for (int i = 0; i < count; i++)
        sum[i][0] = sum[i][1] = _mm256_setzero_ps();
    for (size_t l = 0; l < depth; l++) {
        __m256 low = _mm256_loadu_ps(right), high = _mm256_loadu_ps(right + 8);
#pragma GCC unroll 6
        for (int i = 0; i < count; i++) {
            __m256 x = _mm256_broadcast_ss(left + i);
            sum[i][0] = _mm256_fmadd_ps(x, low, sum[i][0]);
            sum[i][1] = _mm256_fmadd_ps(x, high, sum[i][1]);
        }
        left += ROWS;
        right += COLUMNS;
    }
#pragma GCC unroll 6
    for (int i = 0; i < count; i++)
        if ((size_t)i < rows) {
            update_avx2(mode, sum[i][0], c + (size_t)i * stride);
            update_avx2(mode, sum[i][1], c + (size_t)i * stride + 8);
        }
}

AVX2 INLINE void rows_avx2(int count, size_t rows, size_t columns, size_t depth, const float *left,
                           const float *right, kin_gemm_mode mode, float *c, size_t stride)
{
    for (size_t j = 0; j < columns; j += 16) {
        kin_gemm_mode now = mode;
        for (size_t from = 0; from < depth; from += CHUNK) {
            chunk_avx2(count, rows, depth - from < CHUNK ? depth - from : CHUNK, left + from * ROWS,
                       right + from * COLUMNS + j, now, c + j, stride);
            now = now == KIN_GEMM_SET ? KIN_GEMM_ADD : now;
        }
    }
}

AVX2 static void tile_avx2(size_t rows, size_t columns, size_t depth, const float *left,
                           const float *right, kin_gemm_mode mode, float *c, size_t stride)
{
    while (rows > 8 || rows == 6 || rows == 5) {
        size_t count = rows < 6 ? rows : 6;
        rows_avx2(6, count, columns, depth, left, right, mode, c, stride);
        rows -= count;
        left += 6;
        c += 6 * stride;
    }
    for (; rows > 1; left += 4, c += 4 * stride) {
        size_t count = rows < 4 ? rows : 4;
        rows_avx2(4, count, columns, depth, left, right, mode, c, stride);
        rows -= count;
    }
    if (rows == 1)
        rows_avx2(1, rows, columns, depth, left, right, mode, c, stride);
}

const kin_gemm_table kin_gemm_avx2 = {"avx2", tile_avx2};
#endif
