/*
 * job/engine_choice: what was measured is what is chosen, and the choice changes once along each
 * size.
 */
#include "job/engine_choice.h"
#include "support/test.h"

enum { THRESHOLD = 1000000 };

static kin_engine choose(size_t n, size_t d, size_t k)
{
    return kin_engine_choice(n, d, k, THRESHOLD);
}

static void test_measured(void **state)
{
    (void)state;
    assert_int_equal(choose(1500, 30000, 50), KIN_ENGINE_STREAM);
    assert_int_equal(choose(3000, 30000, 200), KIN_ENGINE_STREAM);
    assert_int_equal(choose(4000, 30000, 50), KIN_ENGINE_STREAM);
    assert_int_equal(choose(1500, 8000, 50), KIN_ENGINE_STREAM);
    assert_int_equal(choose(2000, 4000, 20), KIN_ENGINE_STREAM);
    assert_int_equal(choose(10000, 30000, 50), KIN_ENGINE_EXACT);
    assert_int_equal(choose(10000, 8000, 50), KIN_ENGINE_EXACT);
    assert_int_equal(choose(6000, 4000, 20), KIN_ENGINE_EXACT);
    assert_int_equal(choose(44072, 1024, 200), KIN_ENGINE_EXACT);
    assert_int_equal(choose(3000, 176, 20), KIN_ENGINE_EXACT); /* both take a moment */
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(choose(THRESHOLD - 1, 896, 200), KIN_ENGINE_EXACT);
    assert_int_equal(choose(THRESHOLD, 896, 200), KIN_ENGINE_JOIN);
    assert_int_equal(kin_engine_choice(300, 8, 5, 300), KIN_ENGINE_JOIN);
    assert_int_equal(choose(50, 32768, 5), KIN_ENGINE_STREAM);
    assert_int_equal(choose(50000, 32768, 5), KIN_ENGINE_EXACT);
    assert_int_equal(choose(50000, 32769, 5), KIN_ENGINE_STREAM);
    assert_int_equal(choose(THRESHOLD, 32769, 5), KIN_ENGINE_STREAM); /* join refuses them */
}

static int changes(size_t n, size_t d, size_t k, size_t n_step, size_t d_step, size_t steps)
{
    int count = 0;
    kin_engine before = choose(n, d, k);
    for (size_t i = 1; i < steps; i++) {
        kin_engine now = choose(n + i * n_step, d + i * d_step, k);
        count += now != before;
        before = now;
    }
    return count;
}

static void test_one_change(void **state)
{
    (void)state;
    static const size_t k[] = {1, 20, 200, 10000};
    for (size_t i = 0; i < TEST_COUNT(k); i++)
        for (size_t d = 8000; d <= 32000; d += 8000)
            assert_int_equal(changes(1000, d, k[i], 500, 0, 100), 1); /* stream, then exact */
    for (size_t i = 0; i < TEST_COUNT(k); i++)
        for (size_t n = 1000; n <= 4000; n += 1000)
            assert_int_equal(changes(n, 64, k[i], 0, 64, 500), 1); /* exact, then stream */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measured),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_one_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
