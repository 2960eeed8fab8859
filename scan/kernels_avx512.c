/*
 * The kernels for AVX-512 VNNI, compiled for it function by function, so that the file needs no
 * flags and only a CPU that has it ever enters them.
 *
 * A tile is 12 rows by two registers of 16 columns, 24 accumulators. Each step of four dimensions
 * loads 2 registers of columns and 12 broadcast quads of rows for 24 VPDPBUSD, so that loads (two
 * a cycle) hide behind products (two a cycle on the widest cores).
 */
#include "scan/kernels_cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx2")))

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
                                          __m512 margin, __m512 row_threshold,
                                          __m512 column_threshold)
{
    __m512 v = _mm512_add_ps(_mm512_cvtepi32_ps(dot), _mm512_mul_ps(row_tail, tail));
    return _mm512_cmp_ps_mask(_mm512_add_ps(v, bias), row_threshold, _CMP_GE_OQ) |
           _mm512_cmp_ps_mask(_mm512_add_ps(v, margin), column_threshold, _CMP_GE_OQ);
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

typedef __m512i tile512[KIN_PANEL_ROWS][2];

AVX512 static inline __attribute__((always_inline)) void
multiply512(tile512 acc, const uint8_t *a, const int8_t *b, const int32_t *sum, size_t quads)
{
    __m512i start[2] = {start512(sum), start512(sum + 16)};
#pragma GCC unroll 12
    for (int r = 0; r < KIN_PANEL_ROWS; r++) {
        acc[r][0] = start[0];
        acc[r][1] = start[1];
    }
    for (size_t q = 0; q < quads; q++) {
        __m512i left = load512(b);
        __m512i right = load512(b + 64);
#pragma GCC unroll 12
        for (int r = 0; r < KIN_PANEL_ROWS; r++) {
            __m512i row = quad512(a + 4 * (size_t)r);
            dot512(&acc[r][0], row, left);
            dot512(&acc[r][1], row, right);
        }
        a += KIN_PANEL_ROWS * 4;
        b += KIN_PANEL_COLUMNS * 4;
    }
}

AVX512 static inline __attribute__((always_inline)) void
store512(const tile512 acc, int32_t out[KIN_PANEL_ROWS][KIN_PANEL_COLUMNS])
{
#pragma GCC unroll 12
    for (int r = 0; r < KIN_PANEL_ROWS; r++) {
        _mm512_storeu_si512(out[r], acc[r][0]);
        _mm512_storeu_si512(out[r] + 16, acc[r][1]);
    }
}

AVX512 static void dots_avx512(const uint8_t *row_code, const int8_t *panel_code,
                               const int32_t *panel_sum, size_t quads,
                               int32_t out[KIN_PANEL_ROWS][KIN_PANEL_COLUMNS])
{
    tile512 acc;
    multiply512(acc, row_code, panel_code, panel_sum, quads);
    store512(acc, out);
}

AVX512 static size_t tile_avx512(const kin_row_panel *row_panel, const kin_panel *panel,
                                 size_t quads, kin_tile *out)
{
    tile512 acc;
    multiply512(acc, row_panel->code, panel->code, panel->sum, quads);
    uint32_t any = 0;
    __m512 tail[2], bias[2], margin[2];
    for (int h = 0; h < 2; h++) {
        tail[h] = _mm512_loadu_ps(panel->tail + 16 * h);
        bias[h] = _mm512_loadu_ps(panel->bias + 16 * h);
        margin[h] = _mm512_loadu_ps(panel->margin + 16 * h);
    }
#pragma GCC unroll 12
    for (int r = 0; r < KIN_PANEL_ROWS; r++) {
        __m512 row_tail = _mm512_set1_ps(row_panel->tail[r]);
        __m512 row_threshold = _mm512_set1_ps(row_panel->row_threshold[r]);
        __m512 column_threshold = _mm512_set1_ps(row_panel->column_threshold[r]);
        uint32_t low = reaches512(acc[r][0], row_tail, tail[0], bias[0], margin[0], row_threshold,
                                  column_threshold);
        uint32_t high = reaches512(acc[r][1], row_tail, tail[1], bias[1], margin[1], row_threshold,
                                   column_threshold);
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

/* The bits of 16 columns from c on; the operations are those of kin_refine_bits. */
AVX512 static inline void bits512(const kin_refine_row *row, const kin_refine_columns *columns,
                                  uint32_t mask, size_t c, kin_refined *out)
{
    __m512 error = _mm512_loadu_ps(out->error + c);
    __m512 reach = _mm512_add_ps(_mm512_loadu_ps(out->estimate + c), error);
    __mmask16 hits = (__mmask16)(mask >> c);
    __mmask16 own =
        _mm512_mask_cmp_ps_mask(hits, reach, _mm512_set1_ps(row->threshold), _CMP_GE_OQ);
    __mmask16 other =
        _mm512_mask_cmp_ps_mask(hits, reach, _mm512_loadu_ps(columns->threshold + c), _CMP_GE_OQ);
    __mmask16 coarse =
        _mm512_mask_cmp_ps_mask(own, error, _mm512_set1_ps(row->tolerance), _CMP_GT_OQ) |
        _mm512_mask_cmp_ps_mask(other, error, _mm512_loadu_ps(columns->tolerance + c), _CMP_GT_OQ);
    out->row_hits |= (uint32_t)own << c;
    out->column_hits |= (uint32_t)other << c;
    out->too_coarse |= (uint32_t)coarse << c;
}

AVX512 static void refine_avx512(const kin_refine_row *row, const kin_refine_columns *columns,
                                 const kin_products *product, uint32_t mask, kin_refined *out)
{
    kin_refine_approximate(row, columns, product, out->estimate, out->error);
    out->row_hits = out->column_hits = out->too_coarse = 0;
    bits512(row, columns, mask, 0, out);
    bits512(row, columns, mask, 16, out);
}

/* Compressed in registers, because compressing to memory is microcode on some cores. */
AVX512 static void append_avx512(const float *value, const int32_t *id, uint32_t mask,
                                 float *values, int32_t *ids)
{
    for (size_t c = 0; c < KIN_PANEL_COLUMNS; c += 16) {
        __mmask16 half = (__mmask16)(mask >> c);
        int count = __builtin_popcount(half);
        __mmask16 front = (__mmask16)((1u << count) - 1);
        __m512 v = _mm512_maskz_loadu_ps(half, value + c);
        __m512i i = _mm512_maskz_loadu_epi32(half, id + c);
        _mm512_mask_storeu_ps(values, front, _mm512_maskz_compress_ps(half, v));
        _mm512_mask_storeu_epi32(ids, front, _mm512_maskz_compress_epi32(half, i));
        values += count;
        ids += count;
    }
}

/* Sixteen at a time: what is written never passes what has been read. */
AVX512 static size_t compact_avx512(float *value, int32_t *id, size_t count, float least)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i += 16) {
        size_t left = count - i;
        __mmask16 there = (__mmask16)(left < 16 ? (1u << left) - 1 : 0xffff);
        __m512 v = _mm512_maskz_loadu_ps(there, value + i);
        __m512i n = _mm512_maskz_loadu_epi32(there, id + i);
        __mmask16 keep = _mm512_mask_cmp_ps_mask(there, v, _mm512_set1_ps(least), _CMP_GE_OQ);
        int some = __builtin_popcount(keep);
        __mmask16 front = (__mmask16)((1u << some) - 1);
        _mm512_mask_storeu_ps(value + kept, front, _mm512_maskz_compress_ps(keep, v));
        _mm512_mask_storeu_epi32(id + kept, front, _mm512_maskz_compress_epi32(keep, n));
        kept += (size_t)some;
    }
    return kept;
}

AVX512 static size_t reaching_avx512(const float *value, size_t count, float least)
{
    __m512 threshold = _mm512_set1_ps(least);
    size_t reaching = 0, i = 0;
    for (; i + 16 <= count; i += 16)
        reaching += (size_t)__builtin_popcount(
            _mm512_cmp_ps_mask(_mm512_loadu_ps(value + i), threshold, _CMP_GE_OQ));
    __mmask16 there = (__mmask16)((1u << (count - i)) - 1);
    __m512 last = _mm512_maskz_loadu_ps(there, value + i);
    return reaching +
           (size_t)__builtin_popcount(_mm512_mask_cmp_ps_mask(there, last, threshold, _CMP_GE_OQ));
}

const kin_scan_kernels kin_scan_avx512vnni = {.name = "avx512vnni",
                                              .row_bias = 0x80,
                                              .tile = tile_avx512,
                                              .dots = dots_avx512,
                                              .pairs = pairs_avx512,
                                              .refine = refine_avx512,
                                              .append = append_avx512,
                                              .compact = compact_avx512,
                                              .reaching = reaching_avx512};

#else
typedef int kin_scan_kernels_avx512_is_empty_elsewhere;
#endif
