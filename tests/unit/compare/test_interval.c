/*
 * compare/interval: bounds worked out on paper, and how often they hold.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare/interval.h"
#include "core/random.h"

#define assert_near(a, b, by) assert_true(fabs((a) - (b)) <= (by)) /* cmocka's compares floats */

/* ---- the bound ------------------------------------------------------------------------------ */

/* Without a loss the bound is what a sample of s can say at most, alpha^(1/s), and never 1. */
static void test_bound_at_the_ends(void **state)
{
    static const size_t sizes[] = {1, 10, 100, 2000};
    static const double alphas[] = {0.05, 0.025, 0.00625};
    double *value = malloc(2000 * sizeof *value);

    (void)state;
    assert_non_null(value);
    for (size_t i = 0; i < 2000; i++)
        value[i] = 1;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t a = 0; a < sizeof alphas / sizeof *alphas; a++) {
            double bound = kin_lower_bound(value, sizes[s], alphas[a]);

            assert_near(bound, pow(alphas[a], 1.0 / (double)sizes[s]), 1e-12);
            assert_true(bound < 1);
        }
    memset(value, 0, 2000 * sizeof *value);
    assert_true(kin_lower_bound(value, 100, 0.05) == 0);
    free(value);
}

/* Any loss lowers it, a small one little; less error that may happen lowers it too. */
static void test_bound_moves_the_right_way(void **state)
{
    double value[400];
    double last = 1;

    (void)state;
    for (size_t i = 0; i < 400; i++)
        value[i] = 1;
    for (size_t lost = 0; lost < 400; lost += 40) {
        double bound = kin_lower_bound(value, 400, 0.05);
        double surer = kin_lower_bound(value, 400, 0.0125);

        assert_true(bound < last && surer < bound);
        assert_true(lost == 0 || last - bound < 0.02);
        last = bound;
        for (size_t i = lost; i < lost + 40; i++)
            value[i] = 0.9;
    }
}

/* By hand for one row at x: with 16 bets sum 2^-(j+1) = 1 - 2^-16 and sum 2^-(2j+1) =
 * (2/3)(1 - 4^-16) =: b, so V(m) = c + e / m with c = 1 - 2^-16 - b and e = b x, and
 * x + (alpha - m) V(m) = 1 is c m^2 + (e + 1 - x - alpha c) m - alpha e = 0. */
static void test_bound_of_one_row(void **state)
{
    double x = 0.75;
    double b = 2.0 / 3 * (1 - 0x1p-32);
    double c = 1 - 0x1p-16 - b;
    double e = b * x;

    (void)state;
    for (int a = 0; a < 3; a++) {
        double alpha = ldexp(0.05, -a);
        double p = e + 1 - x - alpha * c;
        double m = (sqrt(p * p + 4 * c * alpha * e) - p) / (2 * c);

        assert_near(kin_lower_bound(&x, 1, alpha), m, 1e-9);
    }
}

/* Adapts to the spread: 1,000 rows around 0.97 that differ by 0.03 give 0.97 - 0.0045 or better,
 * where Hoeffding's bound takes off 0.039. */
static void test_bound_is_tight(void **state)
{
    double value[1000];

    (void)state;
    for (size_t i = 0; i < 1000; i++)
        value[i] = i % 2 ? 1.0 : 0.94;
    double bound = kin_lower_bound(value, 1000, 0.05);
    assert_true(bound > 0.9655 && bound < 0.97);
}

/* Populations that recall may have: a row is `low` with probability `p`, else spread evenly between
 * `from` and 1. */
typedef struct population {
    double p, low, from;
} population;

static double draw(const population *of, uint64_t key, size_t i)
{
    double rest = of->from + (1 - of->from) * kin_random_unit(key, 2 * i + 1);
    return kin_random_unit(key, 2 * i) < of->p ? of->low : rest;
}

/* Of 500 samples no more than the share alpha (and what chance adds, 3 standard deviations) put the
 * bound above the true mean: a heavy lower tail, one row in a hundred or in a thousand lost, hardly
 * any loss, all or nothing, an even spread, the rule of three at its edge (0.05^(1/60) of 60). */
static void test_bound_covers(void **state)
{
    static const population populations[] = {
        {0.05, 0.2, 1}, {0.01, 0, 1}, {0.01, 0, 0.9}, {0.001, 0, 0.99}, {0, 0, 0.999},
        {0.5, 0, 1},    {0, 0, 0},    {0.3, 0.9, 1},  {0.0487, 0, 1},   {0.0705, 0, 1},
    };
    static const double alphas[] = {0.05, 0.0125};
    static const size_t sizes[] = {60, 300};
    enum { TRIALS = 500 };
    double value[300];

    (void)state;
    for (size_t d = 0; d < sizeof populations / sizeof *populations; d++)
        for (size_t c = 0; c < 4; c++) {
            const population *of = &populations[d];
            double mean = of->p * of->low + (1 - of->p) * (1 + of->from) / 2;
            double alpha = alphas[c % 2];
            size_t misses = 0;

            for (uint64_t t = 0; t < TRIALS; t++) {
                uint64_t key = kin_random_key(3, 100 * d + c, t);

                for (size_t i = 0; i < sizes[c / 2]; i++)
                    value[i] = draw(of, key, i);
                misses += kin_lower_bound(value, sizes[c / 2], alpha) > mean;
            }
            assert_true((double)misses <= TRIALS * alpha + 3 * sqrt(TRIALS * alpha));
        }
}

/* ---- two sides ------------------------------------------------------------------------------- */

/* Recalls of rows of 200 neighbours: one row in a hundred lost whole, the others lose by chance,
 * each of their neighbours with its own probability. */
static double row_recall(double lost_share, double loss, uint64_t key, size_t i)
{
    if (kin_random_unit(key, 3 * i) < lost_share)
        return 0;
    double p = loss * 2 * kin_random_unit(key, 3 * i + 1); /* of this row, on average `loss` */
    size_t found = 0;
    uint64_t own = kin_random_key(key, 1, i);
    for (uint64_t e = 0; e < 200; e++)
        found += kin_random_unit(own, e) >= p;
    return (double)found / 200;
}

/* Of 2,000 samples at least 93 % have the true mean between the two bounds, and each bound alone at
 * its side: with 1 % of rows at recall 0, without any loss at all, and where hardly anything is
 * lost. */
static void test_two_sides_cover(void **state)
{
    static const struct {
        double lost_share, loss;
        size_t s;
    } cases[] = {{0.01, 0.03, 300}, {0.01, 0, 300}, {0, 0.002, 200}, {0, 0, 100}, {0.01, 0.1, 60}};
    enum { TRIALS = 2000 };
    double value[300];

    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double mean = (1 - cases[c].lost_share) * (1 - cases[c].loss);
        size_t covered = 0, above = 0, below = 0;
        for (uint64_t t = 0; t < TRIALS; t++) {
            uint64_t key = kin_random_key(11, c, t);
            kin_interval interval;
            for (size_t i = 0; i < cases[c].s; i++)
                value[i] = row_recall(cases[c].lost_share, cases[c].loss, key, i);
            assert_int_equal(kin_interval_of(&interval, value, cases[c].s, 0, 1, NULL), 0);
            covered += interval.low <= mean && mean <= interval.high;
            above += interval.lower > mean;
            below += interval.upper < mean;
            assert_true(interval.low <= interval.lower && interval.upper <= interval.high);
        }
        assert_true(covered >= TRIALS * 93 / 100);
        assert_true(above <= TRIALS * 7 / 100 && below <= TRIALS * 7 / 100);
    }
}

/* An interval that always holds would be [0, 1]: this one is narrow. 1,000 rows of which ten are
 * lost, the others at 0.97: from the exact interval of ten in a thousand (Clopper and Pearson:
 * 0.0048 to 0.0183) the mean is from 0.9522 to 0.9653, and nothing was told to us about the
 * others. */
static void test_two_sides_are_narrow(void **state)
{
    double value[1000];
    kin_interval interval;

    (void)state;
    for (size_t i = 0; i < 1000; i++)
        value[i] = i % 100 == 0 ? 0 : 0.97;
    assert_int_equal(kin_interval_of(&interval, value, 1000, 0, 1, NULL), 0);
    assert_true(interval.low > 0.9522 - 0.006 && interval.low < 0.9603);
    assert_true(interval.high < 0.9653 + 0.003 && interval.high > 0.9603);
}

/* Without a loss: alpha^(1/s) on one side, 1 on the other; one in nothing else than scale. */
static void test_ends_and_scale(void **state)
{
    double one[50], scaled[50];
    kin_interval a, b;

    (void)state;
    for (size_t i = 0; i < 50; i++) {
        one[i] = 1;
        scaled[i] = 3;
    }
    assert_int_equal(kin_interval_of(&a, one, 50, 0, 1, NULL), 0);
    assert_near(a.lower, pow(0.05, 1.0 / 50), 1e-12);
    assert_near(a.low, pow(0.025, 1.0 / 50), 1e-12);
    assert_true(a.upper == 1 && a.high == 1);
    assert_int_equal(kin_interval_of(&b, scaled, 50, -1, 4, NULL), 0);
    assert_near(b.low, -1 + 4 * a.low, 1e-9);
    assert_true(b.high == 3);
    assert_int_equal(kin_interval_of(&a, one, 0, -1, 2, NULL), 0);
    assert_true(a.low == -1 && a.high == 1);
}

/* As many rows as it says, with the same shares of values, do halve the interval. */
static void test_rows_for_half(void **state)
{
    static const size_t s = 400;
    double *value = malloc(64 * s * sizeof *value);

    (void)state;
    assert_non_null(value);
    for (int kind = 0; kind < 3; kind++) {
        kin_interval now, then;
        size_t rows;
        for (size_t i = 0; i < 64 * s; i++)
            value[i] = kind == 0 ? 1 : kind == 1 ? 0.9 + 0.1 * (double)(i % 5) / 4 : i % 100 > 0;
        assert_int_equal(kin_interval_of(&now, value, s, 0, 1, NULL), 0);
        assert_int_equal(kin_interval_halved(&rows, value, s, NULL), 0);
        assert_true(rows > s && rows <= 16 * s);
        assert_int_equal(kin_interval_of(&then, value, rows, 0, 1, NULL), 0);
        double ratio = (then.high - then.low) / (now.high - now.low);
        assert_true(ratio > 0.45 && ratio < 0.52);
    }
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bound_at_the_ends),
        cmocka_unit_test(test_bound_moves_the_right_way),
        cmocka_unit_test(test_bound_of_one_row),
        cmocka_unit_test(test_bound_is_tight),
        cmocka_unit_test(test_bound_covers),
        cmocka_unit_test(test_two_sides_cover),
        cmocka_unit_test(test_two_sides_are_narrow),
        cmocka_unit_test(test_ends_and_scale),
        cmocka_unit_test(test_rows_for_half),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
