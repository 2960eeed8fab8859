/*
 * core/kernels: every table against the oracle's lane order bit for bit, for all types, lengths
 * around the lanes, any alignment and values at the ends of the ranges, with x as floats and as
 * doubles, and against several vectors at once; the error bound that the header states against long
 * double; and conversions.
 */
#include "core/half.h"
#include "core/kernels.h"
#include "support/oracle.h"
#include "support/test.h"

#include <float.h>
#include <math.h>

static const size_t lengths[] = {0,  1,  2,  3,  7,  8,  9,   15,  16,  17,
                                 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000};

typedef enum value_kind { ORDINARY, SUBNORMAL, VERY_LARGE, MIXED, ZEROS, VALUE_KINDS } value_kind;

static double draw(value_kind kind, uint64_t *random)
{
    double z = test_random_normal(random);
    double sign = z < 0 ? -1 : 1;
    switch (kind) {
    case SUBNORMAL:
        return sign * (double)test_random_below(random, 1 << 20) * 0x1p-149;
    case VERY_LARGE:
        return sign * (double)FLT_MAX * (0.5 + 0.5 * test_random_unit(random));
    case MIXED:
        return sign *
               ldexp(1 + test_random_unit(random), (int)test_random_below(random, 250) - 126);
    case ZEROS:
        return sign * 0.0;
    default:
        return z;
    }
}

/* `count` values of the type at `bytes`, and what they are as floats. */
static void fill(kin_dtype type, value_kind kind, size_t count, unsigned char *bytes, float *value,
                 uint64_t *random)
{
    for (size_t i = 0; i < count; i++) {
        double x = draw(kind, random);
        float narrow = (float)x;
        uint16_t half = test_half_bits(fmax(-65504, fmin(65504, x)));
        signed char small = (signed char)fmax(-128, fmin(127, 40 * x));
        value[i] = type == KIN_F16  ? (float)test_half_value(half)
                   : type == KIN_I8 ? (float)small
                                    : narrow;
        if (type == KIN_F32)
            memcpy(bytes + 4 * i, &narrow, 4);
        else if (type == KIN_F16)
            memcpy(bytes + 2 * i, &half, 2);
        else if (type == KIN_F64)
            memcpy(bytes + 8 * i, &x, 8);
        else
            memcpy(bytes + i, &small, 1);
    }
}

static void check_bound(double dot, const float *x, const float *y, size_t d)
{
    long double magnitude;
    long double exact = oracle_dot(x, y, d, &magnitude);
    long double bound = ((long double)d / KIN_LANES + 5) * 0x1p-53L * magnitude;
    if (!(fabsl(dot - exact) <= bound))
        fail_msg("d %zu: %.17g is off by %Lg, the bound is %Lg", d, dot, fabsl(dot - exact), bound);
}

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The product with x kept as doubles. */
static double dot_wide(const kin_kernels *table, kin_dtype type, const float *x, const void *y,
                       size_t d)
{
    double *wide = malloc(d * sizeof *wide + 1);
    for (size_t i = 0; i < d; i++)
        wide[i] = (double)x[i];
    double dot = table->dot_wide[type](wide, y, d);
    free(wide);
    return dot;
}

/* The elements as doubles are the floats `y`, each converted: rounded once where they are
 * float64. */
static void check_widen_double(const kin_kernels *table, kin_dtype type, const void *raw,
                               const float *y, size_t d)
{
    static const double behind = -7.25;
    double *out = malloc((d + 1) * sizeof *out);
    out[d] = behind;
    table->widen_double[type](out, raw, d);
    for (size_t i = 0; i < d; i++)
        if (bits_of(out[i]) != bits_of((double)y[i]))
            fail_msg("%s %s, %zu of %zu: %a, wanted %a", table->name, kin_dtype_name(type), i, d,
                     out[i], (double)y[i]);
    assert_true(out[d] == behind);
    free(out);
}

static void check_table(const kin_kernels *table, kin_dtype type, value_kind kind, size_t d,
                        size_t shift, uint64_t *random)
{
    /* exactly as long as needed, so that a read beyond the end is one beyond the allocation */
    float *x = malloc(d * sizeof *x + 1);
    float *y = malloc(d * sizeof *y + 1);
    float *wide = malloc(d * sizeof *wide + 1);
    unsigned char *raw = malloc(d * kin_dtype_bytes(type) + shift + 1);
    unsigned char *scratch = malloc(d * sizeof(float) + 1);
    fill(KIN_F32, kind, d, scratch, x, random);
    fill(type, kind, d, raw + shift, y, random);
    double dot = table->dot[type](x, raw + shift, d);
    double wanted = oracle_lane_dot(x, y, d);
    if (bits_of(dot) != bits_of(wanted))
        fail_msg("%s %s d %zu shift %zu kind %d: %a, wanted %a", table->name, kin_dtype_name(type),
                 d, shift, kind, dot, wanted);
    check_bound(dot, x, y, d);
    assert_true(bits_of(dot_wide(table, type, x, raw + shift, d)) == bits_of(dot));
    table->widen[type](wide, raw + shift, d);
    assert_memory_equal(wide, y, d * sizeof *y);
    check_widen_double(table, type, raw + shift, y, d);
    free(x);
    free(y);
    free(wide);
    free(raw);
    free(scratch);
}

static void test_tables_agree(void **state)
{
    (void)state;
    uint64_t random = 11;
    for (const kin_kernels *const *table = kin_kernels_all(); *table; table++)
        for (int type = 0; type < KIN_DTYPE_COUNT; type++)
            for (size_t l = 0; l < TEST_COUNT(lengths); l++)
                for (int kind = 0; kind < VALUE_KINDS; kind++)
                    for (size_t shift = 0; shift < 4; shift++)
                        check_table(*table, (kin_dtype)type, (value_kind)kind, lengths[l], shift,
                                    &random);
}

/* Every length up to several times the lanes, so that all tails come up behind all numbers of
 * blocks. */
static void test_all_lengths(void **state)
{
    (void)state;
    uint64_t random = 12;
    for (const kin_kernels *const *table = kin_kernels_all(); *table; table++)
        for (int type = 0; type < KIN_DTYPE_COUNT; type++)
            for (size_t d = 0; d <= 5 * KIN_LANES + 1; d++)
                for (int kind = ORDINARY; kind <= MIXED; kind += MIXED - ORDINARY)
                    check_table(*table, (kin_dtype)type, (value_kind)kind, d, d % 8, &random);
}

/* ---- several vectors at once ----------------------------------------------------------------- */

enum { VECTORS_MOST = 64 };

/* A vector of its own length exactly, `shift` floats into its memory. */
static float *draw_vector(value_kind kind, size_t d, size_t shift, uint64_t *random)
{
    unsigned char *scratch = malloc(d * sizeof(float) + 1);
    float *vector = malloc((shift + d) * sizeof *vector + 1);
    fill(KIN_F32, kind, d, scratch, vector + shift, random);
    free(scratch);
    return vector;
}

/* Each sum is that of `dot` and of the oracle, and nothing is written behind the last. */
static void check_dots(const kin_kernels *table, const float *x, const float *const *y,
                       size_t count, size_t d)
{
    static const double behind = -7.25;
    double out[VECTORS_MOST + 1];
    for (size_t i = 0; i <= VECTORS_MOST; i++)
        out[i] = behind;
    table->dots(x, y, count, d, out);
    for (size_t i = 0; i < count; i++) {
        double wanted = oracle_lane_dot(x, y[i], d);
        if (bits_of(out[i]) != bits_of(wanted))
            fail_msg("%s d %zu, %zu of %zu: %a, wanted %a", table->name, d, i, count, out[i],
                     wanted);
        assert_true(bits_of(table->dot[KIN_F32](x, y[i], d)) == bits_of(out[i]));
    }
    for (size_t i = count; i <= VECTORS_MOST; i++)
        assert_true(out[i] == behind);
}

/* The same with the y as doubles, each of its own length exactly. */
static void check_dots_wide(const kin_kernels *table, const float *x, const float *const *y,
                            size_t count, size_t d)
{
    static const double behind = -7.25;
    double *memory[VECTORS_MOST];
    const double *wide[VECTORS_MOST];
    double out[VECTORS_MOST + 1], wanted[VECTORS_MOST];
    for (size_t i = 0; i < count; i++) {
        wide[i] = memory[i] = malloc(d * sizeof *memory[i] + 1);
        for (size_t k = 0; k < d; k++)
            memory[i][k] = y[i][k];
    }
    table->dots(x, y, count, d, wanted);
    out[count] = behind;
    table->dots_wide(x, wide, count, d, out);
    for (size_t i = 0; i < count; i++) {
        if (bits_of(out[i]) != bits_of(wanted[i]))
            fail_msg("%s d %zu, %zu of %zu: %a, wanted %a", table->name, d, i, count, out[i],
                     wanted[i]);
        free(memory[i]);
    }
    assert_true(out[count] == behind);
}

static void check_vectors(value_kind kind, size_t d, uint64_t *random)
{
    static const size_t counts[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, VECTORS_MOST};
    float *memory[VECTORS_MOST];
    const float *y[VECTORS_MOST];
    float *x = draw_vector(kind, d, 1, random);
    for (size_t i = 0; i < VECTORS_MOST; i++) {
        size_t shift = test_random_below(random, 16);
        memory[i] = draw_vector(kind, d, shift, random);
        y[i] = memory[i] + shift;
    }
    for (const kin_kernels *const *table = kin_kernels_all(); *table; table++)
        for (size_t c = 0; c < TEST_COUNT(counts); c++) {
            check_dots(*table, x + 1, y, counts[c], d);
            check_dots_wide(*table, x + 1, y, counts[c], d);
        }
    for (size_t i = 0; i < VECTORS_MOST; i++)
        free(memory[i]);
    free(x);
}

static void test_several_vectors(void **state)
{
    (void)state;
    static const size_t dimensions[] = {0, 1, 3, 31, 32, 33, 63, 64, 65, 96, 100, 512, 1000};
    uint64_t random = 14;
    for (size_t l = 0; l < TEST_COUNT(dimensions); l++)
        for (int kind = 0; kind < VALUE_KINDS; kind++)
            check_vectors((value_kind)kind, dimensions[l], &random);
}

/* ---- conversions ----------------------------------------------------------------------------- */

/* float16 of any bits: by the definition where it is a number, and NaN as core/half.h says. */
static void test_narrow(void **state)
{
    (void)state;
    enum { COUNT = 4099 };
    uint64_t random = 13;
    float in[COUNT];
    uint16_t out[COUNT + 1];
    for (const kin_kernels *const *table = kin_kernels_all(); *table; table++)
        for (size_t count = COUNT; count > COUNT - 20; count--) {
            for (size_t i = 0; i < count; i++) {
                uint32_t bits = (uint32_t)test_random(&random);
                memcpy(&in[i], &bits, sizeof bits);
                if (i % 2) /* most floats are far outside float16's range */
                    in[i] = (float)ldexp(test_random_normal(&random), (int)(i % 48) - 30);
                if (i % 3 == 0) /* ties: halves of the last place that stays */
                    in[i] = (float)(2 * test_random_below(&random, 2048) + 1) * 0x1p-25f;
            }
            out[count] = 0x5555;
            (*table)->narrow(out, in, count);
            assert_int_equal(out[count], 0x5555);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(out[i], kin_half_from_float(in[i]));
                assert_true(isnan(in[i]) || out[i] == test_half_bits((double)in[i]));
            }
        }
}

/* Rounding of float64: ties, the border to infinity, and below the smallest float. */
static void test_float64_rounds_once(void **state)
{
    (void)state;
    static const struct {
        double in;
        float out;
    } values[] = {
        {1 + 0x1p-24, 1.0f},
        {1 + 0x1p-24 + 0x1p-50, 1.0f + 0x1p-23f},
        {1 + 3 * 0x1p-24, 1.0f + 0x1p-22f},
        {3.5e38, INFINITY},
        {-1e300, -INFINITY},
        {0x1p-150, 0.0f},
        {0x1.8p-150, 0x1p-149f},
        {1e-300, 0.0f},
    };
    double in[TEST_COUNT(values)];
    float out[TEST_COUNT(values)];
    double wide[TEST_COUNT(values)];
    for (const kin_kernels *const *table = kin_kernels_all(); *table; table++)
        /* eight, a block of the vector kernels, and seven, which are a tail */
        for (size_t from = 0; from < 2; from++) {
            size_t count = TEST_COUNT(values) - from;
            for (size_t i = 0; i < count; i++)
                in[i] = values[from + i].in;
            (*table)->widen[KIN_F64](out, in, count);
            (*table)->widen_double[KIN_F64](wide, in, count);
            for (size_t i = 0; i < count; i++) {
                assert_true(out[i] == values[from + i].out);
                assert_true(wide[i] == (double)values[from + i].out);
            }
        }
}

enum { PATTERNS = 0x10000 };

/* All float16 patterns as doubles, eight at a time and in the tail. */
static void check_patterns_double(const kin_kernels *table, const uint16_t in[PATTERNS])
{
    double *out = malloc(PATTERNS * sizeof *out);
    table->widen_double[KIN_F16](out, in, PATTERNS);
    for (size_t i = 0; i < PATTERNS; i++) {
        double one, wanted = test_half_value(in[i]);
        table->widen_double[KIN_F16](&one, in + i, 1);
        if (isnan(wanted))
            assert_true(isnan(out[i]) && isnan(one));
        else
            assert_true(bits_of(out[i]) == bits_of(wanted) && bits_of(one) == bits_of(wanted));
    }
    free(out);
}

/* All 65,536 float16 patterns, eight at a time and in the tail. */
static void test_float16_patterns(void **state)
{
    (void)state;
    uint16_t *in = malloc(PATTERNS * sizeof *in);
    float *out = malloc(PATTERNS * sizeof *out);
    float *tail = malloc(PATTERNS * sizeof *tail);
    for (size_t i = 0; i < PATTERNS; i++)
        in[i] = (uint16_t)i;
    for (const kin_kernels *const *table = kin_kernels_all(); *table; table++) {
        (*table)->widen[KIN_F16](out, in, PATTERNS);
        for (size_t i = 0; i < PATTERNS; i++) {
            (*table)->widen[KIN_F16](tail + i, in + i, 1);
            float wanted = (float)test_half_value(in[i]);
            assert_true(out[i] == wanted || (isnan(out[i]) && isnan(wanted)));
        }
        assert_memory_equal(out, tail, PATTERNS * sizeof *out);
        check_patterns_double(*table, in);
    }
    free(in);
    free(out);
    free(tail);
}

static void test_tables_and_names(void **state)
{
    (void)state;
    const kin_kernels *const *table = kin_kernels_all();
    assert_ptr_equal(kin_kernels_best(), table[0]);
    size_t count = 0;
    while (table[count])
        count++;
    assert_string_equal(table[count - 1]->name, "portable");
    assert_string_equal(kin_dtype_name(KIN_F32), "float32");
    assert_string_equal(kin_dtype_name(KIN_F16), "float16");
    assert_string_equal(kin_dtype_name(KIN_F64), "float64");
    assert_string_equal(kin_dtype_name(KIN_I8), "int8");
    assert_int_equal(kin_dtype_bytes(KIN_F64), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_agree),        cmocka_unit_test(test_all_lengths),
        cmocka_unit_test(test_several_vectors),     cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_float64_rounds_once), cmocka_unit_test(test_float16_patterns),
        cmocka_unit_test(test_tables_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
