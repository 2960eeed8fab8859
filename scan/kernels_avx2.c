/*
 * The kernels for AVX2 and AVX-VNNI, compiled for them function by function
 * (scan/kernels_avx512.c).
 *
 * A tile is taken as 4 rows by 16 columns, 8 accumulators of 8. Without VNNI, PMADDUBSW multiplies
 * |a| by sign(b, a): with codes in [-127, 127] a sum of two products is at most 2 * 127^2 < 2^15
 * and cannot saturate.
 */
#include "scan/kernels_cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define AVX2    __attribute__((target("avx2")))
#define AVXVNNI __attribute__((target("avx2,avxvnni")))

AVX2 static inline __m256i load256(const void *p)
{
    return _mm256_loadu_si256(p);
}

AVX2 static inline __m256i quad256(const uint8_t *p)
{
    int32_t quad;
    memcpy(&quad, p, sizeof quad);
    return _mm256_set1_epi32(quad);
}

AVX2 static inline int32_t sum256(__m256i x)
{
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1));
    return _mm_cvtsi128_si32(four);
}

/* acc + sums of four products of rows a (plain) and columns b. */
AVX2 static inline __m256i dot_avx2(__m256i acc, __m256i a, __m256i b)
{
    __m256i twos = _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(twos, _mm256_set1_epi16(1)));
}

/* The same with rows lifted by 128. */
AVXVNNI static inline __m256i dot_avxvnni(__m256i acc, __m256i a, __m256i b)
{
    return _mm256_dpbusd_avx_epi32(acc, a, b);
}

/* The mask of one row of 32 columns; the operations are those of the portable `reaches`. */
AVX2 static uint32_t mask256(const kin_row_panel *row_panel, const kin_panel *panel, int r,
                             const int32_t dot[KIN_PANEL_COLUMNS])
{
    uint32_t mask = 0;
    __m256 row_tail = _mm256_set1_ps(row_panel->tail[r]);
    __m256 row_threshold = _mm256_set1_ps(row_panel->row_threshold[r]);
    __m256 column_threshold = _mm256_set1_ps(row_panel->column_threshold[r]);
    for (int c = 0; c < KIN_PANEL_COLUMNS; c += 8) {
        __m256 v = _mm256_add_ps(_mm256_cvtepi32_ps(load256(dot + c)),
                                 _mm256_mul_ps(row_tail, _mm256_loadu_ps(panel->tail + c)));
        __m256 own = _mm256_cmp_ps(_mm256_add_ps(v, _mm256_loadu_ps(panel->bias + c)),
                                   row_threshold, _CMP_GE_OQ);
        __m256 other = _mm256_cmp_ps(_mm256_add_ps(v, _mm256_loadu_ps(panel->margin + c)),
                                     column_threshold, _CMP_GE_OQ);
        mask |= (uint32_t)_mm256_movemask_ps(_mm256_or_ps(own, other)) << c;
    }
    return mask;
}

/* Both 256-bit tables are the same loops around another product. `lifted`: whether rows are
 * lifted by 128, so that 128 times a column's sum has to come off. */
#define DOTS_256(name, target, product, lifted)                                                    \
    target static void dots_##name(const uint8_t *row_code, const int8_t *panel_code,              \
                                   const int32_t *panel_sum, size_t quads,                         \
                                   int32_t out[KIN_PANEL_ROWS][KIN_PANEL_COLUMNS])                 \
    {                                                                                              \
        for (int c = 0; c < KIN_PANEL_COLUMNS; c += 16)                                            \
            for (int r = 0; r < KIN_PANEL_ROWS; r += 4) {                                          \
                __m256i acc[4][2];                                                                 \
                for (int h = 0; h < 2; h++) {                                                      \
                    __m256i sum = load256(panel_sum + c + 8 * h);                                  \
                    __m256i start = _mm256_setzero_si256();                                        \
                    if (lifted)                                                                    \
                        start = _mm256_sub_epi32(start, _mm256_slli_epi32(sum, 7));                \
                    for (int i = 0; i < 4; i++)                                                    \
                        acc[i][h] = start;                                                         \
                }                                                                                  \
                const uint8_t *a = row_code + 4 * (size_t)r;                                       \
                const int8_t *b = panel_code + 4 * (size_t)c;                                      \
                for (size_t q = 0; q < quads; q++) {                                               \
                    __m256i left = load256(b);                                                     \
                    __m256i right = load256(b + 32);                                               \
                    _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++)                            \
                    {                                                                              \
                        __m256i row = quad256(a + 4 * (size_t)i);                                  \
                        acc[i][0] = product(acc[i][0], row, left);                                 \
                        acc[i][1] = product(acc[i][1], row, right);                                \
                    }                                                                              \
                    a += KIN_PANEL_ROWS * 4;                                                       \
                    b += KIN_PANEL_COLUMNS * 4;                                                    \
                }                                                                                  \
                for (int i = 0; i < 4; i++)                                                        \
                    for (int h = 0; h < 2; h++)                                                    \
                        _mm256_storeu_si256((__m256i *)(void *)&out[r + i][c + 8 * h], acc[i][h]); \
            }                                                                                      \
    }

#define TILE_256(name, target)                                                                     \
    target static size_t tile_##name(const kin_row_panel *row_panel, const kin_panel *panel,       \
                                     size_t quads, kin_tile *out)                                  \
    {                                                                                              \
        dots_##name(row_panel->code, panel->code, panel->sum, quads, out->dot);                    \
        for (int r = 0; r < KIN_PANEL_ROWS; r++)                                                   \
            out->mask[r] = mask256(row_panel, panel, r, out->dot[r]);                              \
        return kin_tile_hits(out);                                                                 \
    }

#define PART_256(name, target, product, lifted)                                                    \
    target static int32_t part_##name(const uint8_t *x, const uint8_t *y, size_t d)                \
    {                                                                                              \
        __m256i even = _mm256_setzero_si256();                                                     \
        __m256i odd = even;                                                                        \
        __m256i bias = _mm256_set1_epi8((lifted) ? (char)0x80 : 0);                                \
        for (size_t k = 0; k < d; k += 64) {                                                       \
            __m256i left = _mm256_xor_si256(load256(y + k), bias);                                 \
            __m256i right = _mm256_xor_si256(load256(y + k + 32), bias);                           \
            even = product(even, load256(x + k), left);                                            \
            odd = product(odd, load256(x + k + 32), right);                                        \
        }                                                                                          \
        return sum256(_mm256_add_epi32(even, odd));                                                \
    }

#define PAIRS_256(name, target, lifted)                                                            \
    target static void pairs_##name(const uint8_t *x, const kin_pair_row *y, size_t count,         \
                                    size_t lead, size_t tail, int32_t *cross, int32_t *tail_dot)   \
    {                                                                                              \
        for (size_t i = 0; i < count; i++) {                                                       \
            const uint8_t *code = y[i].code;                                                       \
            cross[i] = part_##name(x, code + lead, lead) + part_##name(x + lead, code, lead) -     \
                       ((lifted) ? 128 : 0) * y[i].lead_sum;                                       \
            tail_dot[i] = part_##name(x + 2 * lead, code + 2 * lead, tail) -                       \
                          ((lifted) ? 128 : 0) * y[i].tail_sum;                                    \
        }                                                                                          \
    }

/* Eight columns' bits; the operations are those of kin_refine_bits. */
AVX2 static inline void bits256(const kin_refine_row *row, const kin_refine_columns *columns,
                                size_t c, kin_refined *out)
{
    __m256 error = _mm256_loadu_ps(out->error + c);
    __m256 reach = _mm256_add_ps(_mm256_loadu_ps(out->estimate + c), error);
    __m256 own = _mm256_cmp_ps(reach, _mm256_set1_ps(row->threshold), _CMP_GE_OQ);
    __m256 other = _mm256_cmp_ps(reach, _mm256_loadu_ps(columns->threshold + c), _CMP_GE_OQ);
    __m256 own_coarse = _mm256_cmp_ps(error, _mm256_set1_ps(row->tolerance), _CMP_GT_OQ);
    __m256 other_coarse = _mm256_cmp_ps(error, _mm256_loadu_ps(columns->tolerance + c), _CMP_GT_OQ);
    __m256 coarse =
        _mm256_or_ps(_mm256_and_ps(own, own_coarse), _mm256_and_ps(other, other_coarse));
    out->row_hits |= (uint32_t)_mm256_movemask_ps(own) << c;
    out->column_hits |= (uint32_t)_mm256_movemask_ps(other) << c;
    out->too_coarse |= (uint32_t)_mm256_movemask_ps(coarse) << c;
}

AVX2 static void refine_avx2(const kin_refine_row *row, const kin_refine_columns *columns,
                             const kin_products *product, uint32_t mask, kin_refined *out)
{
    kin_refine_approximate(row, columns, product, out->estimate, out->error);
    out->row_hits = out->column_hits = out->too_coarse = 0;
    for (size_t c = 0; c < KIN_PANEL_COLUMNS; c += 8)
        bits256(row, columns, c, out);
    out->row_hits &= mask;
    out->column_hits &= mask;
    out->too_coarse &= mask;
}

DOTS_256(avx2, AVX2, dot_avx2, 0)
DOTS_256(avxvnni, AVXVNNI, dot_avxvnni, 1)
TILE_256(avx2, AVX2)
TILE_256(avxvnni, AVXVNNI)
PART_256(avx2, AVX2, dot_avx2, 0)
PART_256(avxvnni, AVXVNNI, dot_avxvnni, 1)
PAIRS_256(avx2, AVX2, 0)
PAIRS_256(avxvnni, AVXVNNI, 1)

const kin_scan_kernels kin_scan_avx2 = {.name = "avx2",
                                        .row_bias = 0,
                                        .tile = tile_avx2,
                                        .dots = dots_avx2,
                                        .pairs = pairs_avx2,
                                        .refine = refine_avx2,
                                        .append = kin_append,
                                        .compact = kin_compact,
                                        .reaching = kin_reaching};

const kin_scan_kernels kin_scan_avxvnni = {.name = "avxvnni",
                                           .row_bias = 0x80,
                                           .tile = tile_avxvnni,
                                           .dots = dots_avxvnni,
                                           .pairs = pairs_avxvnni,
                                           .refine = refine_avx2,
                                           .append = kin_append,
                                           .compact = kin_compact,
                                           .reaching = kin_reaching};

#else
typedef int kin_scan_kernels_avx2_is_empty_elsewhere;
#endif
