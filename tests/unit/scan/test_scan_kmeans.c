/*
 * scan/kmeans: the same clusters for any number of threads, ties, and rows that are compared with
 * the centroids around them alone.
 */
#include "core/threads.h"
#include "scan/kmeans.h"
#include "support/bunches.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int threads[] = {1, 2, 3, 7};
static kin_error err;

static void test_kmeans_threads(void **state)
{
    (void)state;
    enum { COUNT = 3000, D = 24, LISTS = 40 };
    float *x = test_bunches(COUNT, D, 13, 5); /* fewer bunches than lists: some run empty */
    float first[LISTS * D], other[LISTS * D];
    int64_t first_list[COUNT], other_list[COUNT];
    for (size_t t = 0; t < TEST_COUNT(threads); t++) {
        float *centroid = t ? other : first;
        int64_t *list = t ? other_list : first_list;
        kin_threads_set(threads[t]);
        test_ok(kin_kmeans_fit(centroid, LISTS, x, COUNT, D, kin_kmeans_assign, 3, NULL, &err),
                &err);
        test_ok(kin_kmeans_assign(list, x, COUNT, D, centroid, LISTS, &err), &err);
        assert_memory_equal(centroid, first, sizeof first);
        assert_memory_equal(list, first_list, sizeof first_list);
    }
    for (size_t l = 0; l < LISTS; l++) {
        double square = 0;
        for (size_t j = 0; j < D; j++)
            square += (double)first[l * D + j] * first[l * D + j];
        assert_true(fabs(square - 1) < 1e-5);
    }
    for (size_t i = 0; i < COUNT; i += 7) { /* the best list, up to the rounding of sgemm */
        double best = -1e9, chosen = 0;
        for (size_t l = 0; l < LISTS; l++) {
            double dot = 0;
            for (size_t j = 0; j < D; j++)
                dot += (double)x[i * D + j] * first[l * D + j];
            best = dot > best ? dot : best;
            chosen = (int64_t)l == first_list[i] ? dot : chosen;
        }
        assert_true(chosen > best - 1e-4);
    }
    free(x);
}

static void test_kmeans_ties(void **state)
{
    (void)state;
    float x[8] = {1, 0, 1, 0, 1, 0, 1, 0}; /* four equal rows, two lists: one is always empty */
    float centroid[4];
    int64_t list[4];
    test_ok(kin_kmeans_fit(centroid, 2, x, 4, 2, kin_kmeans_assign, 1, NULL, &err), &err);
    memcpy(centroid + 2, centroid, 2 * sizeof *centroid);
    test_ok(kin_kmeans_assign(list, x, 4, 2, centroid, 2, &err), &err);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(list[i], 0);
    /* of equal centroids the smaller number, wherever it lies among those compared together */
    enum { LISTS = 1100 };
    static const size_t worse[] = {0, 1, 16, 17, 31, 1023, 1024, 1090};
    float *many = malloc(2 * LISTS * sizeof *many);
    for (size_t t = 0; t < TEST_COUNT(worse); t++) {
        for (size_t l = 0; l < LISTS; l++) {
            many[2 * l] = l < worse[t] ? 0 : 1;
            many[2 * l + 1] = l < worse[t] ? 1 : 0;
        }
        test_ok(kin_kmeans_assign(list, x, 4, 2, many, LISTS, &err), &err);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(list[i], worse[t]);
    }
    free(many);
}

/* Compared with the centroids around them, rows get nearly always the best one, and the same one
 * on any number of threads. */
static void test_kmeans_near(void **state)
{
    (void)state;
    enum { COUNT = 12000, D = 16, LISTS = 700 };
    float *x = test_bunches(COUNT, D, 900, 6), *centroid = malloc(LISTS * D * sizeof *centroid);
    int64_t *best = malloc(COUNT * sizeof *best), *first = malloc(COUNT * sizeof *first);
    int64_t *list = malloc(COUNT * sizeof *list);
    test_ok(kin_kmeans_fit(centroid, LISTS, x, COUNT, D, kin_kmeans_assign_near, 3, NULL, &err),
            &err);
    test_ok(kin_kmeans_assign(best, x, COUNT, D, centroid, LISTS, &err), &err);
    for (size_t t = 0; t < TEST_COUNT(threads); t++) {
        kin_threads_set(threads[t]);
        test_ok(kin_kmeans_assign_near(t ? list : first, x, COUNT, D, centroid, LISTS, &err), &err);
        assert_memory_equal(t ? list : first, first, COUNT * sizeof *first);
    }
    size_t same = 0;
    for (size_t i = 0; i < COUNT; i++) {
        assert_in_range(first[i], 0, LISTS - 1);
        same += first[i] == best[i];
    }
    assert_true(same > COUNT * 98 / 100);
    free(x);
    free(centroid);
    free(best);
    free(first);
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kmeans_threads),
        cmocka_unit_test(test_kmeans_ties),
        cmocka_unit_test(test_kmeans_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
