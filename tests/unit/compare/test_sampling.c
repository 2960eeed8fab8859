/*
 * compare/sampling: rows drawn by strata are different, in proportion, and each as likely as any
 * other; rows drawn from a population are in it.
 */
#include "compare/sampling.h"
#include "support/test.h"

enum { N = 997, STRATA = 5 };

/* Sizes of 1, 13, 83, 300 and 600, mixed. */
static size_t stratum_of(size_t i)
{
    size_t place = i * 389 % N;
    return place < 1 ? 0 : place < 14 ? 1 : place < 97 ? 2 : place < 397 ? 3 : 4;
}

static void fill(kin_strata *groups, int32_t of[N], size_t items[STRATA])
{
    memset(items, 0, STRATA * sizeof *items);
    for (size_t i = 0; i < N; i++) {
        of[i] = (int32_t)stratum_of(i);
        items[of[i]]++;
    }
    *groups = (kin_strata){.count = STRATA, .of = of, .items = items};
}

static void test_proportion(void **state)
{
    static const size_t counts[] = {1, 2, 10, 100, 498, 499, 996, 997};
    kin_strata groups;
    int32_t of[N], row[N];
    size_t items[STRATA];
    kin_error err;
    (void)state;
    fill(&groups, of, items);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (uint64_t seed = 0; seed < 50; seed++) {
            size_t drawn[STRATA] = {0}, count = counts[c];
            test_ok(kin_sample_draw_strata(row, count, &groups, N, seed, &err), &err);
            for (size_t i = 0; i < count; i++) {
                assert_in_range(row[i], i > 0 ? row[i - 1] + 1 : 0, N - 1);
                drawn[of[row[i]]]++;
            }
            for (size_t s = 0; s < STRATA; s++) {
                assert_in_range(drawn[s] * N, 0, items[s] * count + N - 1);
                assert_in_range(items[s] * count, 0, drawn[s] * N + N - 1);
            }
        }
}

/* Over many seeds, each row as often as count / n says: within 6 deviations. */
static void test_each_row_alike(void **state)
{
    enum { COUNT = 40, SEEDS = 4000 };
    kin_strata groups;
    int32_t of[N], row[COUNT];
    size_t items[STRATA], times[N] = {0};
    kin_error err;
    (void)state;
    fill(&groups, of, items);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        test_ok(kin_sample_draw_strata(row, COUNT, &groups, N, seed, &err), &err);
        for (size_t i = 0; i < COUNT; i++)
            times[row[i]]++;
    }
    for (size_t i = 0; i < N; i++) /* 160.5, deviation 12.4 */
        assert_in_range(times[i], 160 - 75, 160 + 75);
}

/* Without replacement, in order, and only rows that may be drawn. */
static void test_population(void **state)
{
    enum { LARGE = 500 };
    static const int32_t without[] = {3, 5, 400};
    uint8_t present[LARGE];
    int32_t row[LARGE];
    (void)state;
    for (size_t i = 0; i < LARGE; i++)
        present[i] = i % 4 != 0;
    const kin_population all = {.n = LARGE};
    const kin_population some = {LARGE, present, without, TEST_COUNT(without)};
    for (uint64_t key = 0; key < 50; key++) {
        assert_int_equal(kin_sample_draw(row, 40, &all, key), 40);
        for (size_t i = 1; i < 40; i++)
            assert_true(row[i] > row[i - 1]);
        assert_int_equal(kin_sample_draw(row, LARGE, &some, key), LARGE * 3 / 4 - 2);
        for (size_t i = 0; i < LARGE * 3 / 4 - 2; i++)
            assert_true(row[i] % 4 != 0 && row[i] != 3 && row[i] != 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proportion),
        cmocka_unit_test(test_each_row_alike),
        cmocka_unit_test(test_population),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
