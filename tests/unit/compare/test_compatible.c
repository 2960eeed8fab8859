/*
 * compare/compatible: what makes a comparison mean nothing is named, both values of it.
 */
#include "compare/compatible.h"
#include "support/hand.h"
#include "support/test.h"

enum { N = 3, K = 2 };

static const hand_entry rows[N * K] = {{2, 0.9f}, {0, 0}, {1, 0.9f}, {0, 0}, {1, 0.1f}, {0, 0}};

static void expect_refusal(const hand *a, const hand *b, size_t count, const char *one,
                           const char *other)
{
    kin_mismatches found;
    kin_error err = {0};

    assert_int_equal(kin_graph_check_compatible(&found, &a->graph, &b->graph, 0, &err), KIN_E_DATA);
    assert_int_equal(found.count, count);
    assert_string_equal(found.text[0], err.message);
    assert_non_null(strstr(err.message, one));
    test_refused(KIN_E_DATA, &err, KIN_E_DATA, other);
}

static json_t *modality(hand *self, size_t m)
{
    return json_array_get(json_object_get(self->graph.manifest, "modalities"), m);
}

static void test_refusals_name_both_values(void **state)
{
    static const char *const names[] = {"0", "x", "2"};
    hand a, b;
    kin_mismatches found;

    (void)state;
    hand_make(&a, "left", N, K, rows);
    hand_make(&b, "right", N, K, rows);
    b.graph.n = 2;
    expect_refusal(&a, &b, 1, "left has 3 items", "right has 2");
    b.graph.n = N;
    b.graph.k = 9;
    expect_refusal(&a, &b, 1, "left has top-k 2", "right has 9");
    b.graph.k = K;
    json_object_set_new(modality(&b, 1), "xxh3_128", json_string("cccc"));
    expect_refusal(&a, &b, 1, "bbbb in left", "cccc in right");
    json_object_set_new(modality(&b, 0), "weight", json_real(0.5));
    expect_refusal(&a, &b, 2, "0.6 in left", "0.5 in right");
    json_object_set_new(modality(&b, 1), "xxh3_128", json_string("bbbb"));
    json_object_set_new(modality(&b, 0), "weight", json_real(0.6));
    json_object_set_new(json_object_get(b.graph.manifest, "options"), "missing",
                        json_string("zero"));
    expect_refusal(&a, &b, 1, "renorm for left", "zero for right");
    json_object_set_new(json_object_get(b.graph.manifest, "options"), "missing",
                        json_string("renorm"));
    json_object_set_new(modality(&b, 0), "name", json_string("title"));
    expect_refusal(&a, &b, 1, "left has a modality 'text'", "right has none");
    json_object_set_new(modality(&b, 0), "name", json_string("text"));
    assert_int_equal(kin_graph_check_compatible(&found, &a.graph, &b.graph, 0, NULL), 0);
    assert_int_equal(found.count, 0);
    hand_name(&b, names);
    expect_refusal(&a, &b, 1, "'1' in left", "'x' in right");
    hand_drop(&a);
    hand_drop(&b);
}

/* An imported file says little about itself: what it does not say is no difference. */
static void test_imported(void **state)
{
    hand a, b;
    kin_mismatches found;

    (void)state;
    hand_make(&a, "left", N, K, rows);
    hand_make(&b, "right", N, K, rows);
    json_object_set_new(b.graph.manifest, "engine", json_string("imported"));
    b.graph.k = 9;
    assert_true(kin_graph_is_imported(&b.graph) && !kin_graph_is_imported(&a.graph));
    assert_int_equal(kin_graph_check_compatible(&found, &a.graph, &b.graph, 0, NULL), 0);
    json_object_set_new(modality(&b, 0), "weight", json_real(1));
    expect_refusal(&a, &b, 1, "0.6 in left", "1 in right"); /* its scores were made with that */
    b.graph.data = NULL;
    assert_int_equal(kin_graph_check_compatible(&found, &a.graph, &b.graph, 0, NULL), 0);
    assert_true(kin_graph_weight_sum(&a.graph) == 0.6 + 0.4);
    hand_drop(&a);
    hand_drop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals_name_both_values),
        cmocka_unit_test(test_imported),
    };

    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
