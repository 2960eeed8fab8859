/*
 * core/half: every float16 survives the round trip; rounding is to nearest, ties to even, evaluated
 * against a search in double over all finite float16 values; the edges are named one by one.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/half.h"

enum { INFINITY_BITS = 0x7c00 };

/* The value of a float16's bits from the definition. */
static double value_of(uint16_t half)
{
    int exponent = half >> 10 & 0x1f;
    int mantissa = half & 0x3ff;
    double magnitude = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
    return half & 0x8000 ? -magnitude : magnitude;
}

static void test_all_round_trip(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        uint16_t half = (uint16_t)bits;
        float value = kin_half_to_float(half);
        if ((half & 0x7fff) > INFINITY_BITS) {
            assert_true(isnan(value));
            assert_int_equal(kin_half_from_float(value), half | 0x200);
            continue;
        }
        if ((half & 0x7fff) == INFINITY_BITS)
            assert_true(isinf(value));
        else
            assert_true((double)value == value_of(half));
        assert_int_equal(signbit(value) != 0, half >> 15);
        assert_int_equal(kin_half_from_float(value), half);
    }
}

/* Between two neighbours: below, at and above the middle, for every pair of neighbours. */
static void test_ties_go_to_even(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < INFINITY_BITS; bits++) {
        uint16_t low = (uint16_t)bits;
        uint16_t high = (uint16_t)(bits + 1);
        double above = high == INFINITY_BITS ? 65536.0 : value_of(high);
        float middle = (float)((value_of(low) + above) / 2);
        assert_true((double)middle == (value_of(low) + above) / 2);
        assert_int_equal(kin_half_from_float(nextafterf(middle, 0)), low);
        assert_int_equal(kin_half_from_float(middle), low & 1 ? high : low);
        assert_int_equal(kin_half_from_float(nextafterf(middle, INFINITY)), high);
        assert_int_equal(kin_half_from_float(-middle), 0x8000 | (low & 1 ? high : low));
    }
}

static void test_edges(void **state)
{
    (void)state;
    assert_int_equal(kin_half_from_float(0.0f), 0x0000);
    assert_int_equal(kin_half_from_float(-0.0f), 0x8000);
    assert_int_equal(kin_half_from_float(1.0f), 0x3c00);
    assert_int_equal(kin_half_from_float(65504.0f), 0x7bff);
    assert_int_equal(kin_half_from_float(65520.0f), 0x7c00);
    assert_int_equal(kin_half_from_float(3e38f), 0x7c00);
    assert_int_equal(kin_half_from_float(-INFINITY), 0xfc00);
    assert_int_equal(kin_half_from_float(0x1p-25f), 0x0000);
    assert_int_equal(kin_half_from_float(1e-45f), 0x0000);
    assert_true((kin_half_from_float(NAN) & 0x7fff) > INFINITY_BITS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_round_trip),
        cmocka_unit_test(test_ties_go_to_even),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
