/*
 * The kernels for AVX-512 VNNI, AVX-VNNI and AVX2, compiled for those instructions function by
 * function, so that the file needs no flags and only a CPU that has them ever enters them.
 *
 * AVX-512 VNNI: a tile is 12 rows by two registers of 16 columns, 24 accumulators. Each step of four
 * dimensions loads 2 registers of columns and 12 broadcast quads of rows for 24 VPDPBUSD, so that
 * loads (two a cycle) hide behind products (two a cycle on the widest cores).
 * AVX-VNNI and AVX2 take the tile as 4 rows by 16 columns, 8 accumulators of 8. Without VNNI,
 * PMADDUBSW multiplies |a| by sign(b, a): with codes in [-127, 127] a sum of two products is at most
 * 2 * 127^2 < 2^15 and cannot saturate.
 */
#include "scan/kernels_cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define AVX2    __attribute__((target("avx2")))
#define AVXVNNI __attribute__((target("avx2,avxvnni")))
#define AVX512  __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx2")))

/* ---- AVX-512 VNNI ------------------------------------------------------------------------------- */

AVX512 static inline __m512i load512(const void *p)
{
    return _mm512_loadu_si512(p);
}

/* Four codes of a row, for every column. */
AVX512 static inline __m512i quad512(const uint8_t *p)
{
    int32_t quad;
    memcpy(&quad, p, sizeof quad);
    return _mm512_set1_epi32(quad);
}

/* Which of 16 columns a row hits; the operations are those of the portable `reaches`. */
AVX512 static inline __mmask16 reaches512(__m512i dot, __m512 row_tail, __m512 tail, __m512 bias,
                                          __m512 gap, __m512 row_bar, __m512 column_bar)
{
    __m512 v = _mm512_add_ps(_mm512_cvtepi32_ps(dot), _mm512_mul_ps(row_tail, tail));
    return _mm512_cmp_ps_mask(_mm512_add_ps(v, bias), row_bar, _CMP_GE_OQ) |
           _mm512_cmp_ps_mask(_mm512_add_ps(v, gap), column_bar, _CMP_GE_OQ);
}

/* acc += a . b by VPDPBUSD. As an instruction of its own because GCC 12 copies the accumulators of
 * the intrinsic around and spills half of them, which halves the rate. */
AVX512 static inline void dot512(__m512i *acc, __m512i a, __m512i b)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*acc) : "v"(a), "v"(b));
}

/* What 16 columns' accumulators start from: less what lifting the rows adds. */
AVX512 static inline __m512i start512(const int32_t *sum)
{
    return _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(load512(sum), 7));
}

typedef __m512i tile512[KIN_STRIP_ROWS][2];

AVX512 static inline __attribute__((always_inline)) void
multiply512(tile512 acc, const uint8_t *a, const int8_t *b, const int32_t *sum, size_t quads)
{
    __m512i start[2] = {start512(sum), start512(sum + 16)};
#pragma GCC unroll 12
    for (int r = 0; r < KIN_STRIP_ROWS; r++) {
        acc[r][0] = start[0];
        acc[r][1] = start[1];
    }
    for (size_t q = 0; q < quads; q++) {
        __m512i left = load512(b);
        __m512i right = load512(b + 64);
#pragma GCC unroll 12
        for (int r = 0; r < KIN_STRIP_ROWS; r++) {
            __m512i row = quad512(a + 4 * (size_t)r);
            dot512(&acc[r][0], row, left);
            dot512(&acc[r][1], row, right);
        }
        a += KIN_STRIP_ROWS * 4;
        b += KIN_PANEL_COLUMNS * 4;
    }
}

AVX512 static inline __attribute__((always_inline)) void
store512(const tile512 acc, int32_t out[KIN_STRIP_ROWS][KIN_PANEL_COLUMNS])
{
#pragma GCC unroll 12
    for (int r = 0; r < KIN_STRIP_ROWS; r++) {
        _mm512_storeu_si512(out[r], acc[r][0]);
        _mm512_storeu_si512(out[r] + 16, acc[r][1]);
    }
}

AVX512 static void dots_avx512(const uint8_t *row_code, const int8_t *panel_code,
                               const int32_t *panel_sum, size_t quads,
                               int32_t out[KIN_STRIP_ROWS][KIN_PANEL_COLUMNS])
{
    tile512 acc;
    multiply512(acc, row_code, panel_code, panel_sum, quads);
    store512(acc, out);
}

AVX512 static size_t tile_avx512(const kin_strip *strip, const kin_panel *panel, size_t quads,
                                 kin_tile *out)
{
    tile512 acc;
    multiply512(acc, strip->code, panel->code, panel->sum, quads);
    uint32_t any = 0;
    __m512 tail[2], bias[2], gap[2];
    for (int h = 0; h < 2; h++) {
        tail[h] = _mm512_loadu_ps(panel->tail + 16 * h);
        bias[h] = _mm512_loadu_ps(panel->bias + 16 * h);
        gap[h] = _mm512_loadu_ps(panel->gap + 16 * h);
    }
#pragma GCC unroll 12
    for (int r = 0; r < KIN_STRIP_ROWS; r++) {
        __m512 row_tail = _mm512_set1_ps(strip->tail[r]);
        __m512 row_bar = _mm512_set1_ps(strip->row_bar[r]);
        __m512 column_bar = _mm512_set1_ps(strip->column_bar[r]);
        uint32_t low =
            reaches512(acc[r][0], row_tail, tail[0], bias[0], gap[0], row_bar, column_bar);
        uint32_t high =
            reaches512(acc[r][1], row_tail, tail[1], bias[1], gap[1], row_bar, column_bar);
        out->mask[r] = low | high << 16;
        any |= out->mask[r];
    }
    if (any == 0)
        return 0;
    store512(acc, out->dot);
    return kin_tile_hits(out);
}

/* acc + the product of two lifted registers, less what lifting the first adds. */
AVX512 static inline __m512i lifted512(__m512i acc, const uint8_t *x, const uint8_t *y)
{
    __m512i plain = _mm512_xor_si512(load512(y), _mm512_set1_epi8((char)0x80));
    return _mm512_dpbusd_epi32(acc, load512(x), plain);
}

AVX512 static void pairs_avx512(const uint8_t *x, const kin_pair_row *y, size_t count, size_t lead,
                                size_t tail, int32_t *cross, int32_t *tail_dot)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *code = y[i].code;
        __m512i high = _mm512_setzero_si512();
        __m512i low = high;
        __m512i even = high;
        __m512i odd = high;
        for (size_t k = 0; k < lead; k += 64) {
            high = lifted512(high, x + k, code + lead + k);
            low = lifted512(low, x + lead + k, code + k);
        }
        const uint8_t *a = x + 2 * lead;
        const uint8_t *b = code + 2 * lead;
        size_t k = 0;
        for (; k + 128 <= tail; k += 128) {
            even = lifted512(even, a + k, b + k);
            odd = lifted512(odd, a + k + 64, b + k + 64);
        }
        if (k < tail)
            even = lifted512(even, a + k, b + k);
        cross[i] = _mm512_reduce_add_epi32(_mm512_add_epi32(high, low)) - 128 * y[i].lead_sum;
        tail_dot[i] = _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd)) - 128 * y[i].tail_sum;
    }
}

const kin_scan_kernels kin_scan_avx512vnni = {.name = "avx512vnni",
                                              .row_bias = 0x80,
                                              .tile = tile_avx512,
                                              .dots = dots_avx512,
                                              .pairs = pairs_avx512};

/* ---- 256 bits ------------------------------------------------------------------------------------ */

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
AVX2 static uint32_t mask256(const kin_strip *strip, const kin_panel *panel, int r,
                             const int32_t dot[KIN_PANEL_COLUMNS])
{
    uint32_t mask = 0;
    __m256 row_tail = _mm256_set1_ps(strip->tail[r]);
    __m256 row_bar = _mm256_set1_ps(strip->row_bar[r]);
    __m256 column_bar = _mm256_set1_ps(strip->column_bar[r]);
    for (int c = 0; c < KIN_PANEL_COLUMNS; c += 8) {
        __m256 v = _mm256_add_ps(_mm256_cvtepi32_ps(load256(dot + c)),
                                 _mm256_mul_ps(row_tail, _mm256_loadu_ps(panel->tail + c)));
        __m256 own =
            _mm256_cmp_ps(_mm256_add_ps(v, _mm256_loadu_ps(panel->bias + c)), row_bar, _CMP_GE_OQ);
        __m256 other = _mm256_cmp_ps(_mm256_add_ps(v, _mm256_loadu_ps(panel->gap + c)), column_bar,
                                     _CMP_GE_OQ);
        mask |= (uint32_t)_mm256_movemask_ps(_mm256_or_ps(own, other)) << c;
    }
    return mask;
}

/* Both 256-bit tables are the same loops around another product. `lifted`: whether rows are lifted by
 * 128, so that 128 times a column's sum has to come off. */
#define DOTS_256(name, target, product, lifted)                                                    \
    target static void dots_##name(const uint8_t *row_code, const int8_t *panel_code,              \
                                   const int32_t *panel_sum, size_t quads,                         \
                                   int32_t out[KIN_STRIP_ROWS][KIN_PANEL_COLUMNS])                 \
    {                                                                                              \
        for (int c = 0; c < KIN_PANEL_COLUMNS; c += 16)                                            \
            for (int r = 0; r < KIN_STRIP_ROWS; r += 4) {                                          \
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
                    a += KIN_STRIP_ROWS * 4;                                                       \
                    b += KIN_PANEL_COLUMNS * 4;                                                    \
                }                                                                                  \
                for (int i = 0; i < 4; i++)                                                        \
                    for (int h = 0; h < 2; h++)                                                    \
                        _mm256_storeu_si256((__m256i *)(void *)&out[r + i][c + 8 * h], acc[i][h]); \
            }                                                                                      \
    }

#define TILE_256(name, target)                                                                     \
    target static size_t tile_##name(const kin_strip *strip, const kin_panel *panel, size_t quads, \
                                     kin_tile *out)                                                \
    {                                                                                              \
        dots_##name(strip->code, panel->code, panel->sum, quads, out->dot);                        \
        for (int r = 0; r < KIN_STRIP_ROWS; r++)                                                   \
            out->mask[r] = mask256(strip, panel, r, out->dot[r]);                                  \
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

DOTS_256(avx2, AVX2, dot_avx2, 0)
DOTS_256(avxvnni, AVXVNNI, dot_avxvnni, 1)
TILE_256(avx2, AVX2)
TILE_256(avxvnni, AVXVNNI)
PART_256(avx2, AVX2, dot_avx2, 0)
PART_256(avxvnni, AVXVNNI, dot_avxvnni, 1)
PAIRS_256(avx2, AVX2, 0)
PAIRS_256(avxvnni, AVXVNNI, 1)

const kin_scan_kernels kin_scan_avx2 = {
    .name = "avx2", .row_bias = 0, .tile = tile_avx2, .dots = dots_avx2, .pairs = pairs_avx2};

const kin_scan_kernels kin_scan_avxvnni = {.name = "avxvnni",
                                           .row_bias = 0x80,
                                           .tile = tile_avxvnni,
                                           .dots = dots_avxvnni,
                                           .pairs = pairs_avxvnni};

#else
typedef int kin_scan_kernels_x86_is_empty_elsewhere;
#endif
