/*
 * job/options: a walk over groups with bases, options set by name, and the check of structs that
 * were filled by hand. Texts from command lines are test_arguments.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/build_options.h"
#include "support/test.h"

typedef struct inner {
    int64_t count;
    double share;
} inner;

typedef struct outer {
    bool flag;
    int colour;
    inner first, second;
    kin_text_list name;
} outer;

static const char *const colours[] = {"red", "green", NULL};

static const kin_option inner_lines[] = {
    {.name = "count", .type = KIN_OPTION_INT, .offset = offsetof(inner, count), .min = 1, .max = 9},
    {.name = "share", .type = KIN_OPTION_REAL, .offset = offsetof(inner, share), .max = 1},
    KIN_OPTIONS_END,
};
static const kin_option more_lines[] = {
    {.name = "more", .type = KIN_OPTION_INT, .offset = offsetof(inner, count), .min = 1, .max = 9},
    KIN_OPTIONS_END,
};
static const kin_option none[] = {KIN_OPTIONS_END};
static const kin_option outer_lines[] = {
    {.name = "flag", .type = KIN_OPTION_FLAG, .offset = offsetof(outer, flag)},
    {.name = "colour",
     .type = KIN_OPTION_CHOICE,
     .offset = offsetof(outer, colour),
     .choices = colours},
    {.name = "name", .type = KIN_OPTION_LIST, .offset = offsetof(outer, name)},
    KIN_OPTIONS_END,
};

static const outer defaults = {.first = {.count = 3}}; /* second.count 0: outside, "by size" */
static const kin_option_group groups[] = {
    {NULL, none, 0},        {"a", inner_lines, offsetof(outer, first)},
    {"b", none, 0},         {"b", more_lines, offsetof(outer, second)},
    {NULL, outer_lines, 0}, {NULL, none, 0},
};
static const kin_option_table table = {
    .group = groups, .count = TEST_COUNT(groups), .defaults = &defaults, .bytes = sizeof defaults};

static void test_walk(void **state)
{
    (void)state;
    static const char *const names[] = {"count", "share", "more", "flag", "colour", "name"};
    kin_option_walk walk = {0};
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        assert_true(kin_options_next(&table, &walk));
        assert_string_equal(walk.option->name, names[i]);
        assert_int_equal(walk.number, i);
        assert_true(kin_options_find(&table, &walk, names[i], strlen(names[i])));
        assert_int_equal(walk.number, i);
    }
    assert_false(kin_options_next(&table, &walk));
    assert_int_equal(walk.number, TEST_COUNT(names));
    assert_false(kin_options_find(&table, &walk, "coun", 4));
    assert_true(kin_options_find(&table, &walk, "counter", 5));
    const kin_option_table empty = {.group = groups, .count = 1};
    walk = (kin_option_walk){0};
    assert_false(kin_options_next(&empty, &walk));
}

static void test_set(void **state)
{
    (void)state;
    outer values = defaults;
    kin_error err = {0};
    test_ok(kin_options_set(&table, &values, "count", "5", &err), &err);
    test_ok(kin_options_set(&table, &values, "more", "7", &err), &err);
    test_ok(kin_options_set(&table, &values, "colour", "green", &err), &err);
    test_ok(kin_options_set(&table, &values, "flag", "yes", &err), &err);
    test_ok(kin_options_set(&table, &values, "name", "x", &err), &err);
    test_ok(kin_options_set(&table, &values, "name", "y", &err), &err);
    assert_int_equal(values.first.count, 5);
    assert_int_equal(values.second.count, 7);
    assert_int_equal(values.colour, 1);
    assert_true(values.flag);
    assert_int_equal(values.name.count, 2);
    assert_string_equal(values.name.item[1], "y");
    test_refused(kin_options_set(&table, &values, "counts", "5", &err), &err, KIN_E_USAGE,
                 "unknown option counts");
    test_refused(kin_options_set(&table, &values, "count", "10", &err), &err, KIN_E_USAGE,
                 "count=10: must be 1 to 9");
    assert_int_equal(values.first.count, 5);
}

static void test_check(void **state)
{
    (void)state;
    kin_error err = {0};
    outer values = defaults;
    test_ok(kin_options_check(&table, &values, &err), &err);
    values.second.count = 10;
    test_refused(kin_options_check(&table, &values, &err), &err, KIN_E_USAGE,
                 "more=10: must be 1 to 9");
    values = defaults;
    values.first.share = NAN;
    test_refused(kin_options_check(&table, &values, &err), &err, KIN_E_USAGE, "share=nan");
    values.first.share = 1;
    values.colour = 2;
    test_refused(kin_options_check(&table, &values, &err), &err, KIN_E_USAGE,
                 "colour: choice 2 of 2");
    values.colour = -1;
    test_refused(kin_options_check(&table, &values, &err), &err, KIN_E_USAGE, "choice -1");
}

/* The struct's own defaults are those of the table, and keep to its limits. */
static void test_build_table(void **state)
{
    (void)state;
    const kin_build_options options = KIN_BUILD_OPTIONS_INIT;
    kin_error err = {0};
    test_ok(kin_options_check(&kin_build_table, &options, &err), &err);
    for (kin_option_walk walk = {0}, again; kin_options_next(&kin_build_table, &walk);) {
        assert_true(kin_options_find(&kin_build_table, &again, walk.option->name,
                                     strlen(walk.option->name)));
        assert_int_equal(again.number, walk.number); /* no name twice */
        assert_non_null(walk.option->help);
        assert_true(kin_option_field(&walk, NULL) < (void *)sizeof options);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_build_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
