/*
 * compare/drift, the inputs: what two manifests say of their vectors, of which an older one says
 * less.
 */
#include "compare/drift.h"
#include "support/lists.h"
#include "support/test.h"

#include <math.h>

enum { N = 5 };

static void make(kin_graph *g)
{
    static int rows[N][LISTS_ROOM] = {
        {1, LISTS_END}, {0, LISTS_END}, {LISTS_END}, {LISTS_END}, {LISTS_END}};
    lists_make(g, N, 1, rows, NULL);
    assert_int_equal(kin_lines_number(&g->ids, N, NULL), 0);
}

static void describe(kin_graph *g, const char *manifest, const char *first, const char *second)
{
    json_decref(g->manifest);
    g->manifest = json_loads(manifest, 0, NULL);
    assert_non_null(g->manifest);
    strcpy(g->modality[0], first);
    strcpy(g->modality[1], second);
}

/* The previous night's manifest is an older one of text, and says all of title; image came, title
 * went. */
static void test_inputs(void **state)
{
    static const char then_text[] =
        "{\"modalities\": [{\"name\": \"title\", \"weight\": 1, \"missing\": 5, \"xxh3_128\": "
        "\"cc\", \"vectors\": {\"norm_mean\": null, \"mean_cosine\": null, \"repeated_rows\": 0}},"
        "{\"name\": \"text\", \"weight\": 0.5, \"missing\": 0, \"xxh3_128\": \"aa\"}]}";
    static const char now_text[] =
        "{\"modalities\": [{\"name\": \"text\", \"weight\": 0.6, \"missing\": 1, \"xxh3_128\": "
        "\"aa\", \"vectors\": {\"norm_mean\": 2.5, \"mean_cosine\": 0.125, \"repeated_rows\": 2}},"
        "{\"name\": \"image\", \"weight\": 0.4, \"missing\": 0, \"xxh3_128\": \"bb\", "
        "\"vectors\": {\"norm_mean\": 1.0, \"mean_cosine\": -0.25, \"repeated_rows\": 0}}]}";
    kin_graph graph, previous;
    kin_error err;

    (void)state;
    make(&graph);
    make(&previous);
    describe(&graph, now_text, "text", "image");
    describe(&previous, then_text, "title", "text");
    kin_drift d;
    kin_id_map id_map = {.n = N, .other_n = N, .common = N};
    test_ok(kin_drift_measure(&d, &graph, &previous, &id_map, 0, &err), &err);
    assert_int_equal(d.input_count, 3);
    const kin_input_drift *text = &d.input[0], *image = &d.input[1], *title = &d.input[2];
    assert_string_equal(text->name, "text");
    assert_true(text->same_file);
    assert_true(text->weight.now == 0.6 && text->weight.then == 0.5);
    assert_true(text->missing_share.now == 0.2 && text->missing_share.then == 0);
    assert_true(text->repeated_share.now == 0.5); /* two of four */
    assert_true(text->mean_cosine.now == 0.125 && text->norm_mean.now == 2.5);
    assert_true(isnan(text->repeated_share.then) && isnan(text->mean_cosine.then) &&
                isnan(text->norm_mean.then));
    assert_string_equal(image->name, "image");
    assert_false(image->same_file);
    assert_true(image->weight.now == 0.4 && isnan(image->weight.then));
    assert_true(image->missing_share.now == 0 && isnan(image->missing_share.then));
    assert_true(image->mean_cosine.now == -0.25 && isnan(image->mean_cosine.then));
    assert_string_equal(title->name, "title");
    assert_false(title->same_file);
    assert_true(isnan(title->weight.now) && title->weight.then == 1);
    assert_true(title->missing_share.then == 1);
    assert_true(isnan(title->repeated_share.then)); /* of no rows */
    assert_true(isnan(title->mean_cosine.then) && isnan(title->norm_mean.then));
    kin_graph_close(&graph);
    kin_graph_close(&previous);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inputs),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
