/*
 * core/threads: the default follows the affinity mask, a set number is what OpenMP uses, names are
 * there.
 */
#include "core/blas_type.h"
#include "core/threads.h"
#include "support/test.h"

#include <omp.h>
#include <sched.h>

static void test_numbers(void **state)
{
    (void)state;
    int most = kin_threads_default();
    assert_true(most >= 1);
    for (int threads = 1; threads <= 5; threads++) {
        int seen = 0;
        kin_threads_set(threads);
        assert_int_equal(kin_threads_used(), threads);
#pragma omp parallel reduction(+ : seen)
        seen = 1;
        assert_int_equal(seen, threads);
        assert_int_equal(kin_threads_default(), most); /* setting does not change the default */
    }
    kin_threads_set(0);
    assert_int_equal(kin_threads_used(), most);
}

static void test_affinity(void **state)
{
    (void)state;
    cpu_set_t before;
    cpu_set_t one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (int cpu = 0; CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &before))
            CPU_SET(cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(kin_threads_default(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

static void test_names(void **state)
{
    (void)state;
    assert_non_null(strstr(kin_blas_config(), "OpenBLAS"));
    assert_true(strlen(kin_blas_core()) > 0);
    assert_string_equal(kin_blas_threading(), "openmp");
    assert_true(strlen(kin_cpu_name()) > 0);
    assert_string_equal(kin_cpu_name(), kin_cpu_name());
}

/* With what the command and all test programs start with: see support/test.c. */
static void test_blas_fits(void **state)
{
    (void)state;
    const char *forced = getenv("OPENBLAS_CORETYPE");
    kin_blas_type type = kin_blas_type_look();
    assert_string_equal(type.own, kin_blas_core());
    if (!forced || !*forced) {
        assert_int_equal(type.fit, KIN_BLAS_FITS);
        assert_null(type.fitting);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_affinity),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_blas_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
