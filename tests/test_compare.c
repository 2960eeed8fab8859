/*
 * compare/recall on graphs made by hand: every number here was worked out on paper.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compare/recall.h"
#include "core/random.h"

enum { N = 6, K = 3 };

#define assert_near(a, b, by) assert_true(fabs((a) - (b)) <= (by)) /* cmocka's compares floats */

typedef struct entry {
    int row;
    float score;
} entry;

/* A graph in memory; a row ends at score 0. */
typedef struct made {
    kin_graph graph;
    int32_t indices[N * K];
    float data[N * K];
} made;

static void make(made *self, const char *name, entry rows[N][K])
{
    *self = (made){.graph = {.n = N, .k = K, .modality_count = 2}};
    kin_graph *g = &self->graph;
    g->directory = strdup(name);
    g->indptr = calloc(N + 1, sizeof *g->indptr);
    assert_true(g->directory && g->indptr);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < K && rows[i][j].score != 0; j++) {
            self->indices[g->pairs] = rows[i][j].row;
            self->data[g->pairs++] = rows[i][j].score;
        }
        g->indptr[i + 1] = (int64_t)g->pairs;
    }
    g->indices = self->indices;
    g->data = self->data;
    assert_int_equal(kin_lines_number(&g->ids, N, NULL), 0);
    strcpy(g->modality[0], "text");
    strcpy(g->modality[1], "image");
    g->manifest = json_pack("{s:{s:s}, s:[{s:s, s:f, s:s}, {s:s, s:f, s:s}]}", "options", "missing",
                            "renorm", "modalities", "name", "text", "weight", 0.6, "xxh3_128",
                            "aaaa", "name", "image", "weight", 0.4, "xxh3_128", "bbbb");
    assert_non_null(g->manifest);
}

static void drop(made *self)
{
    free(self->graph.directory);
    free(self->graph.indptr);
    kin_lines_close(&self->graph.ids);
    json_decref(self->graph.manifest);
}

static entry reference_rows[N][K] = {
    {{1, 0.9f}, {2, 0.8f}, {3, 0.7f}},
    {{0, 0.9f}, {2, 0.8f}, {3, 0.7f}},
    {{0, 0.9f}, {1, 0.8f}},
    {{0, 0}},
    {{0, 0.5f}, {1, 0.4f}, {2, 0.3f}},
    {{0, 0.9f}, {1, 0.8f}, {2, 0.7f}},
};

static entry graph_rows[N][K] = {
    {{1, 0.9f}, {2, 0.8f}, {4, 0.7f}},       /* another of two equals: 2/3, tie-aware 1 */
    {{0, 0.9f}, {2, 0.8f}, {5, 0.6999985f}}, /* 1.5e-6 lower is no tie: 2/3, 2/3 */
    {{0, 0.9f}},                             /* short: 1/2, 1/2 */
    {{0, 0.5f}},                             /* no reference: not judged */
    {{0, 0}},                                /* empty: 0, 0 */
    {{0, 0.9f}, {0, 0.9f}, {1, 0.8f}},       /* a repeated id counts once: 2/3, 2/3 */
};

static void check_by_hand(const kin_recall *r)
{
    assert_int_equal(r->rows, 6);
    assert_int_equal(r->judged, 5);
    assert_int_equal(r->k, 3);
    assert_true(r->census);
    assert_true(isnan(r->lower95));
    assert_near(r->strict.mean, 0.5, 1e-12);
    assert_near(r->tie_aware.mean, 17.0 / 30, 1e-12);
    assert_near(r->tie_aware.min, 0, 0);
    assert_near(r->tie_aware.p5, 0, 0);
    assert_near(r->tie_aware.p50, 2.0 / 3, 1e-12);
    assert_near(r->fill, 9.0 / 14, 1e-12);
    assert_int_equal(r->empty_rows, 1);
    assert_int_equal(r->reference_empty_rows, 1);
}

static void test_every_row_by_hand(void **state)
{
    made graph, reference;
    kin_recall r;

    (void)state;
    make(&graph, "g", graph_rows);
    make(&reference, "r", reference_rows);
    assert_int_equal(kin_recall_comparable(&graph.graph, &reference.graph, NULL), 0);
    assert_int_equal(kin_recall_graphs(&r, &graph.graph, &reference.graph, NULL), 0);
    check_by_hand(&r);
    drop(&graph);
    drop(&reference);
}

/* The order of entries on disk is no part of the answer. */
static void test_column_order_is_the_same(void **state)
{
    entry columns[N][K] = {
        {{1, 0.9f}, {2, 0.8f}, {4, 0.7f}},
        {{0, 0.9f}, {2, 0.8f}, {5, 0.6999985f}},
        {{0, 0.9f}},
        {{0, 0.5f}},
        {{0, 0}},
        {{1, 0.8f}, {0, 0.9f}, {0, 0.9f}},
    };
    made graph, reference;
    kin_recall r;

    (void)state;
    make(&graph, "g", columns);
    make(&reference, "r", reference_rows);
    graph.graph.order = KIN_ORDER_COLUMN;
    assert_int_equal(kin_recall_graphs(&r, &graph.graph, &reference.graph, NULL), 0);
    check_by_hand(&r);
    drop(&graph);
    drop(&reference);
}

/* More good neighbours than a short reference has count as much as it has. */
static void test_recall_is_capped(void **state)
{
    entry one[N][K] = {{{1, 0.7f}}};
    entry three[N][K] = {{{1, 0.7f}, {2, 0.7f}, {3, 0.7f}}};
    made graph, reference;
    kin_recall r;

    (void)state;
    make(&graph, "g", three);
    make(&reference, "r", one);
    assert_int_equal(kin_recall_graphs(&r, &graph.graph, &reference.graph, NULL), 0);
    assert_int_equal(r.judged, 1);
    assert_near(r.tie_aware.mean, 1, 0);
    assert_near(r.strict.mean, 1, 0);
    assert_near(r.fill, 1, 0);
    assert_int_equal(r.empty_rows, 5);
    drop(&graph);
    drop(&reference);
}

static void test_nothing_to_judge(void **state)
{
    entry none[N][K] = {{{0, 0}}};
    made graph, reference;
    kin_recall r;

    (void)state;
    make(&graph, "g", graph_rows);
    make(&reference, "r", none);
    assert_int_equal(kin_recall_graphs(&r, &graph.graph, &reference.graph, NULL), 0);
    assert_int_equal(r.judged, 0);
    assert_int_equal(r.reference_empty_rows, 6);
    assert_true(r.tie_aware.mean == 0 && r.fill == 0 && isnan(r.lower95));
    drop(&graph);
    drop(&reference);
}

/* Rows 5 and 0 against exact rows. */
static void test_sampled_rows(void **state)
{
    static const int32_t row[] = {5, 0};
    made graph;
    kin_rows exact;
    kin_recall r;

    (void)state;
    make(&graph, "g", graph_rows);
    assert_int_equal(kin_rows_init(&exact, 2, K, 2, NULL), 0);
    exact.count = 2;
    for (size_t q = 0; q < 2; q++) {
        exact.filled[q] = K;
        for (size_t i = 0; i < K; i++) {
            exact.neighbor[q * K + i] = reference_rows[row[q]][i].row;
            exact.score[q * K + i] = reference_rows[row[q]][i].score;
        }
    }
    assert_int_equal(kin_recall_rows(&r, &graph.graph, row, &exact, NULL), 0);
    assert_int_equal(r.rows, 2);
    assert_false(r.census);
    assert_near(r.tie_aware.mean, 5.0 / 6, 1e-12);
    assert_near(r.strict.mean, 2.0 / 3, 1e-12);
    assert_near(r.fill, 5.0 / 6, 1e-12);
    assert_true(r.lower95 > 0 && r.lower95 < r.tie_aware.mean);
    kin_rows_release(&exact);
    drop(&graph);
}

/* ---- the bound ------------------------------------------------------------------------------ */

static void test_bound_at_the_ends(void **state)
{
    static const size_t sizes[] = {1, 10, 100, 2000};
    double *value = malloc(2000 * sizeof *value);

    (void)state;
    assert_non_null(value);
    for (size_t i = 0; i < 2000; i++)
        value[i] = 1;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        double bound = kin_recall_lower95(value, sizes[s]);

        assert_true(bound >= pow(0.025, 1.0 / (double)sizes[s]) - 1e-9);
        assert_true(bound <= pow(0.05, 1.0 / (double)sizes[s]) + 1e-9);
        assert_true(bound < 1);
    }
    memset(value, 0, 2000 * sizeof *value);
    assert_true(kin_recall_lower95(value, 100) == 0);
    free(value);
}

/* Fixed by hand for one row at x: W(m) = sum_j 2^-(j+1) (1 - 2^-j + 2^-j x / m) = 20. With 16 bets
 * sum 2^-(j+1) = 1 - 2^-16 =: a and sum 2^-(2j+1) = (2/3)(1 - 4^-16) =: b, so
 * m = b x / (20 - a + b). */
static void test_bound_of_one_row(void **state)
{
    double a = 1 - 0x1p-16;
    double b = 2.0 / 3 * (1 - 0x1p-32);
    double x = 0.75;

    (void)state;
    assert_near(kin_recall_lower95(&x, 1), b * x / (20 - a + b), 1e-9);
}

/* Adapts to the spread: 1,000 rows around 0.97 that differ by 0.03 give 0.97 - 0.0045 or better,
 * where Hoeffding's bound takes off 0.039. */
static void test_bound_is_tight(void **state)
{
    double value[1000];

    (void)state;
    for (size_t i = 0; i < 1000; i++)
        value[i] = i % 2 ? 1.0 : 0.94;
    double bound = kin_recall_lower95(value, 1000);
    assert_true(bound > 0.9655 && bound < 0.97);
}

/* Of 1,000 samples of 60 rows from a population with a heavy lower tail, at most 5 % (and what
 * chance adds) put the bound above the true mean. */
static void test_bound_covers(void **state)
{
    enum { TRIALS = 1000, S = 60 };
    const double mean = 0.95 * 1 + 0.05 * 0.2;
    size_t misses = 0;

    (void)state;
    for (uint64_t t = 0; t < TRIALS; t++) {
        double value[S];
        uint64_t key = kin_random_key(3, 99, t);

        for (size_t i = 0; i < S; i++)
            value[i] = kin_random_unit(key, i) < 0.95 ? 1 : 0.2;
        misses += kin_recall_lower95(value, S) > mean;
    }
    assert_true(misses <= 70);
}

/* ---- what may not be compared --------------------------------------------------------------- */

static void expect_refusal(const kin_graph *a, const kin_graph *b, const char *one,
                           const char *other)
{
    kin_error err = {0};

    assert_int_equal(kin_recall_comparable(a, b, &err), KIN_E_DATA);
    assert_int_equal(err.code, KIN_E_DATA);
    assert_non_null(strstr(err.message, one));
    assert_non_null(strstr(err.message, other));
    assert_true(err.hint[0] != '\0');
}

static json_t *modality(made *self, size_t m)
{
    return json_array_get(json_object_get(self->graph.manifest, "modalities"), m);
}

static void test_refusals_name_both_values(void **state)
{
    made a, b;

    (void)state;
    make(&a, "left", graph_rows);
    make(&b, "right", reference_rows);
    b.graph.n = 5;
    expect_refusal(&a.graph, &b.graph, "left has 6 items", "right has 5");
    b.graph.n = N;
    b.graph.k = 9;
    expect_refusal(&a.graph, &b.graph, "left has top-k 3", "right has 9");
    b.graph.k = K;
    json_object_set_new(modality(&b, 1), "xxh3_128", json_string("cccc"));
    expect_refusal(&a.graph, &b.graph, "bbbb in left", "cccc in right");
    json_object_set_new(modality(&b, 1), "xxh3_128", json_string("bbbb"));
    json_object_set_new(modality(&b, 0), "weight", json_real(0.5));
    expect_refusal(&a.graph, &b.graph, "0.6 in left", "0.5 in right");
    json_object_set_new(modality(&b, 0), "weight", json_real(0.6));
    json_object_set_new(json_object_get(b.graph.manifest, "options"), "missing",
                        json_string("zero"));
    expect_refusal(&a.graph, &b.graph, "renorm for left", "zero for right");
    json_object_set_new(json_object_get(b.graph.manifest, "options"), "missing",
                        json_string("renorm"));
    json_object_set_new(modality(&b, 0), "name", json_string("title"));
    expect_refusal(&a.graph, &b.graph, "left has a modality 'text'", "right has none");
    json_object_set_new(modality(&b, 0), "name", json_string("text"));
    assert_int_equal(kin_recall_comparable(&a.graph, &b.graph, NULL), 0);
    ((char *)(uintptr_t)b.graph.ids.made)[b.graph.ids.start[4]] = 'x';
    expect_refusal(&a.graph, &b.graph, "'4' in left", "'x' in right");
    drop(&a);
    drop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_by_hand), cmocka_unit_test(test_column_order_is_the_same),
        cmocka_unit_test(test_recall_is_capped),  cmocka_unit_test(test_nothing_to_judge),
        cmocka_unit_test(test_sampled_rows),      cmocka_unit_test(test_bound_at_the_ends),
        cmocka_unit_test(test_bound_of_one_row),  cmocka_unit_test(test_bound_is_tight),
        cmocka_unit_test(test_bound_covers),      cmocka_unit_test(test_refusals_name_both_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
