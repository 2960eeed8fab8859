/*
 * compare/gates: which gates are asked for, what each is held against, and how a miss is named and
 * shown.
 */
#include "compare/gates.h"
#include "support/test.h"

/* A comparison of 100 rows of which 10 are empty. */
typedef struct world {
    kin_recall recall;
    kin_structure structure;
    kin_drift drift;
    kin_gate_facts facts;
} world;

static void make(world *w)
{
    *w = (world){
        .recall = {.evaluated = 100, .empty_rows = 10, .scored = true, .fill = 0.9},
        .structure = {.items = 200, .empty_rows = 50},
        .drift = {.drift = 0.2, .item_change = 0.05},
    };
    w->recall.tie_aware.mean = 0.97;
    w->recall.tie_aware_interval.lower = 0.96;
    w->recall.strict.mean = 0.8;
    w->recall.strict_interval.lower = 0.7;
    w->facts = (kin_gate_facts){&w->recall, &w->structure, &w->drift, false};
}

static void test_what_is_asked(void **state)
{
    const kin_gate_limits none = KIN_GATE_LIMITS_INIT;
    kin_gate_limits some = KIN_GATE_LIMITS_INIT;
    kin_gate gate[KIN_GATES_MAX];
    world w;
    (void)state;
    make(&w);
    assert_int_equal(kin_gates_check(gate, &none, &w.facts), 0);
    some.min_recall = 0.96;
    some.max_empty = 0.1;
    some.max_drift = 0.1;
    assert_int_equal(kin_gates_check(gate, &some, &w.facts), 3);
    assert_string_equal(gate[0].name, "min-recall");
    assert_string_equal(gate[0].what, "recall, lower bound");
    assert_true(gate[0].met && gate[0].at_least && gate[0].value == 0.96);
    assert_true(gate[1].met && !gate[1].at_least && gate[1].value == 0.1);
    assert_string_equal(gate[2].name, "max-drift");
    assert_false(gate[2].met);
}

static void test_bounds(void **state)
{
    kin_gate_limits limits = KIN_GATE_LIMITS_INIT;
    kin_gate gate[KIN_GATES_MAX];
    world w;
    (void)state;
    make(&w);
    limits.min_recall = 0.5;
    limits.bound = KIN_GATE_BOUND_MEAN;
    kin_gates_check(gate, &limits, &w.facts);
    assert_true(gate[0].value == 0.97);
    w.recall.scored = false;
    kin_gates_check(gate, &limits, &w.facts);
    assert_true(gate[0].value == 0.8);
    assert_string_equal(gate[0].what, "strict recall, mean");
    limits.bound = KIN_GATE_BOUND_LOWER;
    kin_gates_check(gate, &limits, &w.facts);
    assert_true(gate[0].value == 0.7);
}

/* No row was evaluated: recall and fill are 0, and rows are empty by the structure. */
static void test_nothing_evaluated(void **state)
{
    const kin_gate_limits limits = {.min_recall = 0,
                                    .max_empty = 0.2,
                                    .min_fill = 0.1,
                                    .max_drift = NAN,
                                    .max_item_change = NAN};
    kin_gate gate[KIN_GATES_MAX];
    world w;
    (void)state;
    make(&w);
    w.recall.evaluated = 0;
    assert_int_equal(kin_gates_check(gate, &limits, &w.facts), 3);
    assert_true(gate[0].value == 0 && gate[0].met);
    assert_true(gate[1].value == 0 && !gate[1].met);
    assert_true(gate[2].value == 0.25 && !gate[2].met);
}

static void test_facts_that_lack(void **state)
{
    const kin_gate_limits limits = {
        .min_recall = 0, .max_empty = 1, .min_fill = 0, .max_drift = 1, .max_item_change = 1};
    kin_gate gate[KIN_GATES_MAX];
    world w;
    (void)state;
    make(&w);
    w.facts.recall = NULL;
    w.facts.drift = NULL;
    assert_int_equal(kin_gates_check(gate, &limits, &w.facts), KIN_GATES_MAX);
    assert_true(isnan(gate[0].value) && !gate[0].met);
    assert_true(gate[2].value == 0.25 && gate[2].met);
    assert_true(isnan(gate[3].value) && !gate[3].met);
    assert_true(isnan(gate[4].value) && !gate[4].met);
}

static void test_refusals(void **state)
{
    kin_gate_limits limits = KIN_GATE_LIMITS_INIT;
    kin_gate gate[KIN_GATES_MAX];
    kin_error err;
    world w;
    (void)state;
    make(&w);
    limits.min_recall = 0.99;
    limits.max_drift = 0.3;
    limits.max_item_change = 0.01;
    size_t count = kin_gates_check(gate, &limits, &w.facts);
    test_refused(kin_gates_error(gate, count, false, &err), &err, KIN_E_GATE,
                 "recall, lower bound is 0.96, --min-recall asks for at least 0.99; share of items "
                 "that came or went is 0.05, --max-item-change asks for at most 0.01");
    limits = (kin_gate_limits)KIN_GATE_LIMITS_INIT;
    limits.min_recall = 0.5;
    count = kin_gates_check(gate, &limits, &w.facts);
    test_ok(kin_gates_error(gate, count, false, &err), &err);
    w.facts.incompatible = true;
    count = kin_gates_check(gate, &limits, &w.facts);
    assert_false(gate[0].met);
    test_refused(kin_gates_error(gate, count, true, &err), &err, KIN_E_GATE, "at least 0.5");
    kin_gates_error(gate, count, true, &err);
    assert_non_null(strstr(err.hint, "does not fit"));
}

/* A miss is never shown at its limit. */
static void test_shown(void **state)
{
    const kin_gate low = {.value = 0.96999999, .limit = 0.97, .at_least = true};
    const kin_gate high = {.value = 0.10000001, .limit = 0.1};
    (void)state;
    assert_true(kin_gate_shown(&low) < 0.97 && kin_gate_shown(&low) > 0.9699);
    assert_true(kin_gate_shown(&high) > 0.1 && kin_gate_shown(&high) < 0.1001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_asked),     cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_nothing_evaluated), cmocka_unit_test(test_facts_that_lack),
        cmocka_unit_test(test_refusals),          cmocka_unit_test(test_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
