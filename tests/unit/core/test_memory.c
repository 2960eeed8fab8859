/*
 * core/memory: checked sums, plans and their refusals, aligned memory, what the machine has.
 */
#include "core/cgroup.h"
#include "core/memory.h"
#include "support/test.h"

static void test_sums_saturate(void **state)
{
    (void)state;
    assert_true(kin_size_mul(3, 5) == 15 && kin_size_add(3, 5) == 8);
    assert_true(kin_size_mul(SIZE_MAX, 0) == 0);
    assert_true(kin_size_mul((size_t)1 << 32, (size_t)1 << 32) == SIZE_MAX);
    assert_true(kin_size_mul(SIZE_MAX / 2 + 1, 2) == SIZE_MAX);
    assert_true(kin_size_add(SIZE_MAX, 1) == SIZE_MAX);
    assert_true(kin_size_add(SIZE_MAX - 1, 1) == SIZE_MAX);
}

static void test_plan(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_memory_plan plan = KIN_MEMORY_PLAN_INIT;
    kin_memory_plan_add(&plan, "small", 1 << 20, 1);
    kin_memory_plan_add(&plan, "large", 3 << 20, 2);
    assert_true(plan.total_bytes == (size_t)7 << 20);
    test_ok(kin_memory_plan_check(&plan, (size_t)7 << 20, &err), &err);
    test_ok(kin_memory_plan_check(&plan, 0, &err), &err);
    test_refused(kin_memory_plan_check(&plan, ((size_t)7 << 20) - 1, &err), &err, KIN_E_MEMORY,
                 "needs 7.0 MiB, --memory allows 7.0 MiB; the largest part is large with 6.0 MiB");
    assert_int_equal(kin_memory_plan_check(&plan, 1, NULL), KIN_E_MEMORY);

    /* beyond the machine, and beyond numbers */
    kin_memory_plan_add(&plan, "huge", (size_t)1 << 50, 1);
    test_refused(kin_memory_plan_check(&plan, 0, &err), &err, KIN_E_MEMORY,
                 "this machine has left");
    test_refused(kin_memory_plan_check(&plan, (size_t)1 << 60, &err), &err, KIN_E_MEMORY,
                 "this machine has left");
    kin_memory_plan_add(&plan, "overflow", SIZE_MAX / 2, 3);
    assert_true(plan.total_bytes == SIZE_MAX);
    test_refused(kin_memory_plan_check(&plan, 0, &err), &err, KIN_E_MEMORY, "overflow");
}

/* More parts than a plan names still count. */
static void test_plan_counts_all_parts(void **state)
{
    (void)state;
    kin_memory_plan plan = KIN_MEMORY_PLAN_INIT;
    for (size_t i = 0; i < KIN_MEMORY_PLAN_MAX + 10; i++)
        kin_memory_plan_add(&plan, "part", 10, 10);
    assert_true(plan.total_bytes == (KIN_MEMORY_PLAN_MAX + 10) * 100);
    assert_true(plan.count == KIN_MEMORY_PLAN_MAX);
}

static void test_alloc(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes < 200; bytes++) {
        unsigned char *p = kin_alloc_zero(bytes, 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(p[i], 0);
        free(p);
    }
    assert_null(kin_alloc(SIZE_MAX, 1));
    assert_null(kin_alloc(SIZE_MAX - 70, 1));
    assert_null(kin_alloc((size_t)1 << 32, (size_t)1 << 32));
    assert_null(kin_alloc_zero(SIZE_MAX / 8, 16));
}

static void test_machine(void **state)
{
    (void)state;
    size_t before = kin_memory_resident();
    enum { BYTES = 32 << 20 };
    unsigned char *p = kin_alloc(BYTES, 1);
    assert_non_null(p);
    memset(p, 1, BYTES);
    size_t after = kin_memory_resident();
    assert_true(after >= before + BYTES / 2);
    assert_true(kin_memory_peak_rss() >= BYTES);
    assert_true(kin_memory_available() > 0);
    size_t limit = kin_cgroup_memory_limit();
    assert_true(limit == 0 || kin_memory_available() <= limit);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_saturate),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_plan_counts_all_parts),
        cmocka_unit_test(test_alloc),
        cmocka_unit_test(test_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
