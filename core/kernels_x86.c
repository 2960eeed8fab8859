/*
 * The kernels for AVX2 with FMA and F16C, and for AVX-512: the same lanes, held in registers.
 * Compiled for those instructions function by function, so that the file needs no flags and only
 * a CPU that has them ever enters them.
 */
#include "core/kernels_cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2   __attribute__((target("avx2,fma,f16c")))
#define AVX512 __attribute__((target("avx512f,avx2,fma,f16c")))

/* ---- eight elements of each type as floats ------------------------------------------------- */

AVX2 static inline __m256 load8_f32(const unsigned char *p)
{
    return _mm256_loadu_ps((const float *)(const void *)p);
}

AVX2 static inline __m256 load8_f16(const unsigned char *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

AVX2 static inline __m256 load8_f64(const unsigned char *p)
{
    const double *d = (const void *)p;
    return _mm256_set_m128(_mm256_cvtpd_ps(_mm256_loadu_pd(d + 4)),
                           _mm256_cvtpd_ps(_mm256_loadu_pd(d)));
}

AVX2 static inline __m256 load8_i8(const unsigned char *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const void *)p)));
}

/* ---- conversion of rows: the vector body, then the portable tail --------------------------- */

#define WIDEN_AVX2(suffix, type, element_bytes)                                                    \
    AVX2 static void widen_##suffix(float *out, const void *in, size_t count)                      \
    {                                                                                              \
        const unsigned char *bytes = in;                                                           \
        size_t i = 0;                                                                              \
        for (; i + 8 <= count; i += 8)                                                             \
            _mm256_storeu_ps(out + i, load8_##suffix(bytes + i * (element_bytes)));                \
        kin_kernels_portable.widen[type](out + i, bytes + i * (element_bytes), count - i);         \
    }

WIDEN_AVX2(f32, KIN_F32, 4)
WIDEN_AVX2(f16, KIN_F16, 2)
WIDEN_AVX2(f64, KIN_F64, 8)
WIDEN_AVX2(i8, KIN_I8, 1)

#define WIDEN_DOUBLE(table, target, suffix, type, element_bytes)                                   \
    target static void widen_double_##table##_##suffix(double *out, const void *in, size_t count)  \
    {                                                                                              \
        const unsigned char *bytes = in;                                                           \
        size_t i = 0;                                                                              \
        for (; i + 8 <= count; i += 8)                                                             \
            store8_##table(out + i, load8_##suffix(bytes + i * (element_bytes)));                  \
        kin_kernels_portable.widen_double[type](out + i, bytes + i * (element_bytes), count - i);  \
    }

AVX2 static inline void store8_avx2(double *out, __m256 x)
{
    _mm256_storeu_pd(out, _mm256_cvtps_pd(_mm256_castps256_ps128(x)));
    _mm256_storeu_pd(out + 4, _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)));
}

AVX512 static inline void store8_avx512(double *out, __m256 x)
{
    _mm512_storeu_pd(out, _mm512_cvtps_pd(x));
}

WIDEN_DOUBLE(avx2, AVX2, f32, KIN_F32, 4)
WIDEN_DOUBLE(avx2, AVX2, f16, KIN_F16, 2)
WIDEN_DOUBLE(avx2, AVX2, f64, KIN_F64, 8)
WIDEN_DOUBLE(avx2, AVX2, i8, KIN_I8, 1)
WIDEN_DOUBLE(avx512, AVX512, f32, KIN_F32, 4)
WIDEN_DOUBLE(avx512, AVX512, f16, KIN_F16, 2)
WIDEN_DOUBLE(avx512, AVX512, f64, KIN_F64, 8)
WIDEN_DOUBLE(avx512, AVX512, i8, KIN_I8, 1)

AVX2 static void narrow(uint16_t *out, const float *in, size_t count)
{
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm_storeu_si128((__m128i *)(void *)(out + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(in + i),
                                         _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    kin_kernels_portable.narrow(out + i, in + i, count - i);
}

/* The last d % KIN_LANES elements, which start at element `done`. */
static inline void add_tail(double lane[KIN_LANES], const float *x, const unsigned char *y,
                            size_t done, size_t d, kin_dtype type)
{
    float tail[KIN_LANES];
    kin_kernels_portable.widen[type](tail, y + done * kin_dtype_bytes(type), d - done);
    kin_lanes_add(lane, x + done, tail, d - done);
}

static inline void add_tail_wide(double lane[KIN_LANES], const double *x, const unsigned char *y,
                                 size_t done, size_t d, kin_dtype type)
{
    float tail[KIN_LANES];
    kin_kernels_portable.widen[type](tail, y + done * kin_dtype_bytes(type), d - done);
    kin_lanes_add_wide(lane, x + done, tail, d - done);
}

/* ---- dot products: 32 lanes are eight registers of four doubles, or four of eight ---------- */

#define DOT_AVX2(suffix, type, element_bytes)                                                      \
    AVX2 static double dot_avx2_##suffix(const float *x, const void *y, size_t d)                  \
    {                                                                                              \
        const unsigned char *bytes = y;                                                            \
        __m256d acc[8];                                                                            \
        for (int j = 0; j < 8; j++)                                                                \
            acc[j] = _mm256_setzero_pd();                                                          \
        size_t i = 0;                                                                              \
        for (; i + KIN_LANES <= d; i += KIN_LANES)                                                 \
            for (int j = 0; j < 4; j++) {                                                          \
                __m256 a = _mm256_loadu_ps(x + i + 8 * j);                                         \
                __m256 b = load8_##suffix(bytes + (i + 8 * (size_t)j) * (element_bytes));          \
                acc[2 * j] =                                                                       \
                    _mm256_fmadd_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(a)),                    \
                                    _mm256_cvtps_pd(_mm256_castps256_ps128(b)), acc[2 * j]);       \
                acc[2 * j + 1] =                                                                   \
                    _mm256_fmadd_pd(_mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)),                  \
                                    _mm256_cvtps_pd(_mm256_extractf128_ps(b, 1)), acc[2 * j + 1]); \
            }                                                                                      \
        double lane[KIN_LANES];                                                                    \
        for (int j = 0; j < 8; j++)                                                                \
            _mm256_storeu_pd(lane + 4 * j, acc[j]);                                                \
        add_tail(lane, x, bytes, i, d, type);                                                      \
        return kin_lanes_sum(lane);                                                                \
    }

/* kin_lanes_sum in registers: the same tree, eight lanes to a register. */
AVX512 static inline double lanes_sum_avx512(const __m512d acc[4])
{
    __m512d eight = _mm512_add_pd(_mm512_add_pd(acc[0], acc[2]), _mm512_add_pd(acc[1], acc[3]));
    __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

#define DOT_AVX512(suffix, type, element_bytes)                                                    \
    AVX512 static double dot_avx512_##suffix(const float *x, const void *y, size_t d)              \
    {                                                                                              \
        const unsigned char *bytes = y;                                                            \
        __m512d acc[4];                                                                            \
        for (int j = 0; j < 4; j++)                                                                \
            acc[j] = _mm512_setzero_pd();                                                          \
        size_t i = 0;                                                                              \
        for (; i + KIN_LANES <= d; i += KIN_LANES)                                                 \
            for (int j = 0; j < 4; j++) {                                                          \
                __m256 a = _mm256_loadu_ps(x + i + 8 * j);                                         \
                __m256 b = load8_##suffix(bytes + (i + 8 * (size_t)j) * (element_bytes));          \
                acc[j] = _mm512_fmadd_pd(_mm512_cvtps_pd(a), _mm512_cvtps_pd(b), acc[j]);          \
            }                                                                                      \
        if (i == d)                                                                                \
            return lanes_sum_avx512(acc);                                                          \
        double lane[KIN_LANES];                                                                    \
        for (int j = 0; j < 4; j++)                                                                \
            _mm512_storeu_pd(lane + 8 * j, acc[j]);                                                \
        add_tail(lane, x, bytes, i, d, type);                                                      \
        return kin_lanes_sum(lane);                                                                \
    }

#define WIDE_AVX2(suffix, type, element_bytes)                                                     \
    AVX2 static double wide_avx2_##suffix(const double *x, const void *y, size_t d)                \
    {                                                                                              \
        const unsigned char *bytes = y;                                                            \
        __m256d acc[8];                                                                            \
        for (int j = 0; j < 8; j++)                                                                \
            acc[j] = _mm256_setzero_pd();                                                          \
        size_t i = 0;                                                                              \
        for (; i + KIN_LANES <= d; i += KIN_LANES)                                                 \
            for (int j = 0; j < 4; j++) {                                                          \
                const double *a = x + i + 8 * j;                                                   \
                __m256 b = load8_##suffix(bytes + (i + 8 * (size_t)j) * (element_bytes));          \
                acc[2 * j] = _mm256_fmadd_pd(                                                      \
                    _mm256_loadu_pd(a), _mm256_cvtps_pd(_mm256_castps256_ps128(b)), acc[2 * j]);   \
                acc[2 * j + 1] =                                                                   \
                    _mm256_fmadd_pd(_mm256_loadu_pd(a + 4),                                        \
                                    _mm256_cvtps_pd(_mm256_extractf128_ps(b, 1)), acc[2 * j + 1]); \
            }                                                                                      \
        double lane[KIN_LANES];                                                                    \
        for (int j = 0; j < 8; j++)                                                                \
            _mm256_storeu_pd(lane + 4 * j, acc[j]);                                                \
        add_tail_wide(lane, x, bytes, i, d, type);                                                 \
        return kin_lanes_sum(lane);                                                                \
    }

#define WIDE_AVX512(suffix, type, element_bytes)                                                   \
    AVX512 static double wide_avx512_##suffix(const double *x, const void *y, size_t d)            \
    {                                                                                              \
        const unsigned char *bytes = y;                                                            \
        __m512d acc[4];                                                                            \
        for (int j = 0; j < 4; j++)                                                                \
            acc[j] = _mm512_setzero_pd();                                                          \
        size_t i = 0;                                                                              \
        for (; i + KIN_LANES <= d; i += KIN_LANES)                                                 \
            for (int j = 0; j < 4; j++) {                                                          \
                __m256 b = load8_##suffix(bytes + (i + 8 * (size_t)j) * (element_bytes));          \
                acc[j] =                                                                           \
                    _mm512_fmadd_pd(_mm512_loadu_pd(x + i + 8 * j), _mm512_cvtps_pd(b), acc[j]);   \
            }                                                                                      \
        if (i == d)                                                                                \
            return lanes_sum_avx512(acc);                                                          \
        double lane[KIN_LANES];                                                                    \
        for (int j = 0; j < 4; j++)                                                                \
            _mm512_storeu_pd(lane + 8 * j, acc[j]);                                                \
        add_tail_wide(lane, x, bytes, i, d, type);                                                 \
        return kin_lanes_sum(lane);                                                                \
    }

WIDE_AVX2(f32, KIN_F32, 4)
WIDE_AVX2(f16, KIN_F16, 2)
WIDE_AVX2(f64, KIN_F64, 8)
WIDE_AVX2(i8, KIN_I8, 1)
WIDE_AVX512(f32, KIN_F32, 4)
WIDE_AVX512(f16, KIN_F16, 2)
WIDE_AVX512(f64, KIN_F64, 8)
WIDE_AVX512(i8, KIN_I8, 1)
DOT_AVX2(f32, KIN_F32, 4)
DOT_AVX2(f16, KIN_F16, 2)
DOT_AVX2(f64, KIN_F64, 8)
DOT_AVX2(i8, KIN_I8, 1)
DOT_AVX512(f32, KIN_F32, 4)
DOT_AVX512(f16, KIN_F16, 2)
DOT_AVX512(f64, KIN_F64, 8)
DOT_AVX512(i8, KIN_I8, 1)

AVX2 static void dots_avx2(const float *x, const float *const *y, size_t count, size_t d,
                           double *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = dot_avx2_f32(x, y[i], d);
}

AVX2 static void dots_wide_avx2(const float *x, const double *const *y, size_t count, size_t d,
                                double *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = wide_avx2_f32(y[i], x, d);
}

/* The last d % KIN_LANES elements of one product, and the sum of its lanes. */
AVX512 static double finish_lanes(const __m512d acc[4], const float *x, const float *y, size_t done,
                                  size_t d)
{
    if (done == d)
        return lanes_sum_avx512(acc);
    double lane[KIN_LANES];
    for (int j = 0; j < 4; j++)
        _mm512_storeu_pd(lane + 8 * j, acc[j]);
    kin_lanes_add(lane, x + done, y + done, d - done);
    return kin_lanes_sum(lane);
}

/* n <= 4 products at a time, n known where it is inlined: up to 16 registers of lanes, and x is
 * converted once for all. */
AVX512 static inline __attribute__((always_inline)) void
dots_of_avx512(const int n, const float *x, const float *const *y, size_t d, double *out)
{
    __m512d acc[4][4];
#pragma GCC unroll 4
    for (int i = 0; i < n; i++)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            acc[i][j] = _mm512_setzero_pd();
    size_t k = 0;
    for (; k + KIN_LANES <= d; k += KIN_LANES) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            __m512d a = _mm512_cvtps_pd(_mm256_loadu_ps(x + k + 8 * j));
#pragma GCC unroll 4
            for (int i = 0; i < n; i++) {
                __m512d b = _mm512_cvtps_pd(_mm256_loadu_ps(y[i] + k + 8 * j));
                acc[i][j] = _mm512_fmadd_pd(a, b, acc[i][j]);
            }
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < n; i++)
        out[i] = finish_lanes(acc[i], x, y[i], k, d);
}

AVX512 static void dots_avx512(const float *x, const float *const *y, size_t count, size_t d,
                               double *out)
{
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
        dots_of_avx512(4, x, y + i, d, out + i);
    if (count - i == 3)
        dots_of_avx512(3, x, y + i, d, out + i);
    else if (count - i == 2)
        dots_of_avx512(2, x, y + i, d, out + i);
    else if (count - i == 1)
        dots_of_avx512(1, x, y + i, d, out + i);
}

/* The sum of the lanes of one product, with its last d % KIN_LANES elements. */
AVX512 static double finish_wide_lanes(const double *y, const float *x, size_t done, size_t d,
                                       double lane[KIN_LANES])
{
    kin_lanes_add_wide(lane, y + done, x + done, d - done);
    return kin_lanes_sum(lane);
}

/* dots_of_avx512 with the y as doubles: only x is converted. */
AVX512 static inline __attribute__((always_inline)) void
dots_wide_of_avx512(const int n, const float *x, const double *const *y, size_t d, double *out)
{
    __m512d acc[4][4];
#pragma GCC unroll 4
    for (int i = 0; i < n; i++)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            acc[i][j] = _mm512_setzero_pd();
    size_t k = 0;
    for (; k + KIN_LANES <= d; k += KIN_LANES) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            __m512d a = _mm512_cvtps_pd(_mm256_loadu_ps(x + k + 8 * j));
#pragma GCC unroll 4
            for (int i = 0; i < n; i++)
                acc[i][j] = _mm512_fmadd_pd(a, _mm512_loadu_pd(y[i] + k + 8 * j), acc[i][j]);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < n; i++) {
        double lane[KIN_LANES];
        if (k == d) {
            out[i] = lanes_sum_avx512(acc[i]);
            continue;
        }
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            _mm512_storeu_pd(lane + 8 * j, acc[i][j]);
        out[i] = finish_wide_lanes(y[i], x, k, d, lane);
    }
}

AVX512 static void dots_wide_avx512(const float *x, const double *const *y, size_t count, size_t d,
                                    double *out)
{
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
        dots_wide_of_avx512(4, x, y + i, d, out + i);
    if (count - i == 3)
        dots_wide_of_avx512(3, x, y + i, d, out + i);
    else if (count - i == 2)
        dots_wide_of_avx512(2, x, y + i, d, out + i);
    else if (count - i == 1)
        dots_wide_of_avx512(1, x, y + i, d, out + i);
}

#define WIDEN_TABLE                                                                                \
    {                                                                                              \
        [KIN_F32] = widen_f32, [KIN_F16] = widen_f16, [KIN_F64] = widen_f64, [KIN_I8] = widen_i8   \
    }

const kin_kernels kin_kernels_avx2 = {
    .name = "avx2",
    .dot = {[KIN_F32] = dot_avx2_f32,
            [KIN_F16] = dot_avx2_f16,
            [KIN_F64] = dot_avx2_f64,
            [KIN_I8] = dot_avx2_i8},
    .dot_wide = {[KIN_F32] = wide_avx2_f32,
                 [KIN_F16] = wide_avx2_f16,
                 [KIN_F64] = wide_avx2_f64,
                 [KIN_I8] = wide_avx2_i8},
    .dots = dots_avx2,
    .dots_wide = dots_wide_avx2,
    .widen = WIDEN_TABLE,
    .widen_double = {[KIN_F32] = widen_double_avx2_f32,
                     [KIN_F16] = widen_double_avx2_f16,
                     [KIN_F64] = widen_double_avx2_f64,
                     [KIN_I8] = widen_double_avx2_i8},
    .narrow = narrow,
};

const kin_kernels kin_kernels_avx512 = {
    .name = "avx512",
    .dot = {[KIN_F32] = dot_avx512_f32,
            [KIN_F16] = dot_avx512_f16,
            [KIN_F64] = dot_avx512_f64,
            [KIN_I8] = dot_avx512_i8},
    .dot_wide = {[KIN_F32] = wide_avx512_f32,
                 [KIN_F16] = wide_avx512_f16,
                 [KIN_F64] = wide_avx512_f64,
                 [KIN_I8] = wide_avx512_i8},
    .dots = dots_avx512,
    .dots_wide = dots_wide_avx512,
    .widen = WIDEN_TABLE,
    .widen_double = {[KIN_F32] = widen_double_avx512_f32,
                     [KIN_F16] = widen_double_avx512_f16,
                     [KIN_F64] = widen_double_avx512_f64,
                     [KIN_I8] = widen_double_avx512_i8},
    .narrow = narrow,
};

#else
typedef int kin_kernels_x86_is_empty_elsewhere;
#endif
