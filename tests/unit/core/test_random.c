/*
 * core/random: values are fixed for ever (stored catalogs are described by their seed), normals
 * have the promised moments and are unrelated across keys, places are permutations.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/random.h"

static void test_values_are_fixed(void **state)
{
    float z[3];

    (void)state;
    assert_true(kin_random_key(1, 2, 3) == 0xcb4231b3c036e95du);
    assert_true(kin_random_bits(0, 0) == 0xe220a8397b1dcdafu); /* splitmix64 from state 0 */
    kin_random_normals(42, 3, z);
    assert_true(z[0] == -0x1.b85ff2p-5f && z[1] == 0x1.c533ecp-1f && z[2] == -0x1.983cbp-1f);
}

static void test_unit_is_uniform(void **state)
{
    enum { n = 100000, bins = 20 };
    size_t count[bins] = {0};
    uint64_t key = kin_random_key(7, 1, 0);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        double u = kin_random_unit(key, i);

        assert_true(u >= 0 && u < 1);
        count[(size_t)(u * bins)]++;
    }
    const double expected = (double)n / bins;
    for (size_t b = 0; b < bins; b++)
        assert_true(fabs((double)count[b] - expected) < 5 * sqrt(expected));
}

static void test_normals_have_the_moments(void **state)
{
    enum { n = 200000 };
    float *z = malloc(n * sizeof *z), *other = malloc(n * sizeof *other);
    double sum = 0, square = 0, fourth = 0, cross = 0, lag = 0;

    (void)state;
    assert_non_null(z);
    assert_non_null(other);
    kin_random_normals(kin_random_key(7, 2, 0), n, z);
    kin_random_normals(kin_random_key(7, 2, 1), n, other);
    for (size_t i = 0; i < n; i++) {
        double x = z[i];

        assert_true(fabs(x) < 3.47);
        sum += x;
        square += x * x;
        fourth += x * x * x * x;
        cross += x * other[i];
        lag += i ? x * z[i - 1] : 0;
    }
    assert_true(fabs(sum / n) < 5 / sqrt(n));
    assert_true(fabs(square / n - 1) < 0.015);
    assert_true(fabs(fourth / n - 2.7) < 0.05);
    assert_true(fabs(cross / n) < 5 / sqrt(n));
    assert_true(fabs(lag / n) < 5 / sqrt(n));
    free(other);
    free(z);
}

static void test_a_shorter_request_is_a_prefix(void **state)
{
    float whole[100], part[37];

    (void)state;
    kin_random_normals(99, 100, whole);
    kin_random_normals(99, 37, part);
    assert_memory_equal(whole, part, sizeof part);
    kin_random_normals(99, 0, part);
}

static void test_places_are_a_permutation(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 4, 5, 16, 17, 1000, 4097};

    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        unsigned char *seen = calloc(sizes[s], 1);
        size_t fixed = 0;

        assert_non_null(seen);
        for (size_t i = 0; i < sizes[s]; i++) {
            size_t place = kin_random_place(5, sizes[s], i);

            assert_true(place < sizes[s]);
            assert_false(seen[place]++);
            fixed += place == i;
        }
        assert_true(sizes[s] < 100 || fixed < 12); /* one expected */
        free(seen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_fixed),
        cmocka_unit_test(test_unit_is_uniform),
        cmocka_unit_test(test_normals_have_the_moments),
        cmocka_unit_test(test_a_shorter_request_is_a_prefix),
        cmocka_unit_test(test_places_are_a_permutation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
