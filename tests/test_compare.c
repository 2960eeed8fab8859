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

/* Rows in memory are judged as the same rows on disk are; each row's own recall comes with it. */
static void test_kept_rows(void **state)
{
    made graph;
    kin_rows got, exact;
    kin_recall r;
    double value[N];

    (void)state;
    make(&graph, "g", graph_rows);
    assert_int_equal(kin_rows_init(&got, N, K, 0, NULL), 0);
    assert_int_equal(kin_rows_init(&exact, N, K, 0, NULL), 0);
    got.count = exact.count = N;
    for (size_t q = 0; q < N; q++) {
        got.filled[q] = exact.filled[q] = 0;
        for (size_t i = 0; i < K && graph_rows[q][i].score != 0; i++, got.filled[q]++) {
            got.neighbor[q * K + i] = graph_rows[q][i].row;
            got.score[q * K + i] = graph_rows[q][i].score;
        }
        for (size_t i = 0; i < K && reference_rows[q][i].score != 0; i++, exact.filled[q]++) {
            exact.neighbor[q * K + i] = reference_rows[q][i].row;
            exact.score[q * K + i] = reference_rows[q][i].score;
        }
    }
    assert_int_equal(kin_recall_kept(&r, value, &got, &exact, NULL), 0);
    assert_int_equal(r.judged, 5);
    assert_near(r.tie_aware.mean, 17.0 / 30, 1e-12);
    assert_near(r.strict.mean, 0.5, 1e-12);
    double sum = 0;
    for (size_t i = 0; i < r.judged; i++)
        sum += value[i];
    assert_near(sum, 17.0 / 6, 1e-12);
    assert_near(r.lower95, kin_recall_lower(value, 5, 0.05), 0);
    kin_rows_release(&got);
    kin_rows_release(&exact);
    drop(&graph);
}

/* ---- the bound ------------------------------------------------------------------------------ */

/* Without a loss the bound is what a sample of s can say at most, alpha^(1/s), and never 1. */
static void test_bound_at_the_ends(void **state)
{
    static const size_t sizes[] = {1, 10, 100, 2000};
    static const double alphas[] = {0.05, 0.025, 0.00625};
    double *value = malloc(2000 * sizeof *value);

    (void)state;
    assert_non_null(value);
    for (size_t i = 0; i < 2000; i++)
        value[i] = 1;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t a = 0; a < sizeof alphas / sizeof *alphas; a++) {
            double bound = kin_recall_lower(value, sizes[s], alphas[a]);

            assert_near(bound, pow(alphas[a], 1.0 / (double)sizes[s]), 1e-12);
            assert_true(bound < 1);
        }
    memset(value, 0, 2000 * sizeof *value);
    assert_true(kin_recall_lower(value, 100, 0.05) == 0);
    free(value);
}

/* Any loss lowers it, a small one little; less error that may happen lowers it too. */
static void test_bound_moves_the_right_way(void **state)
{
    double value[400];
    double last = 1;

    (void)state;
    for (size_t i = 0; i < 400; i++)
        value[i] = 1;
    for (size_t lost = 0; lost < 400; lost += 40) {
        double bound = kin_recall_lower(value, 400, 0.05);
        double surer = kin_recall_lower(value, 400, 0.0125);

        assert_true(bound < last && surer < bound);
        assert_true(lost == 0 || last - bound < 0.02);
        last = bound;
        for (size_t i = lost; i < lost + 40; i++)
            value[i] = 0.9;
    }
}

/* By hand for one row at x: with 16 bets sum 2^-(j+1) = 1 - 2^-16 and sum 2^-(2j+1) =
 * (2/3)(1 - 4^-16) =: b, so V(m) = c + e / m with c = 1 - 2^-16 - b and e = b x, and
 * x + (alpha - m) V(m) = 1 is c m^2 + (e + 1 - x - alpha c) m - alpha e = 0. */
static void test_bound_of_one_row(void **state)
{
    double x = 0.75;
    double b = 2.0 / 3 * (1 - 0x1p-32);
    double c = 1 - 0x1p-16 - b;
    double e = b * x;

    (void)state;
    for (int a = 0; a < 3; a++) {
        double alpha = ldexp(0.05, -a);
        double p = e + 1 - x - alpha * c;
        double m = (sqrt(p * p + 4 * c * alpha * e) - p) / (2 * c);

        assert_near(kin_recall_lower(&x, 1, alpha), m, 1e-9);
    }
}

/* Adapts to the spread: 1,000 rows around 0.97 that differ by 0.03 give 0.97 - 0.0045 or better,
 * where Hoeffding's bound takes off 0.039. */
static void test_bound_is_tight(void **state)
{
    double value[1000];

    (void)state;
    for (size_t i = 0; i < 1000; i++)
        value[i] = i % 2 ? 1.0 : 0.94;
    double bound = kin_recall_lower(value, 1000, 0.05);
    assert_true(bound > 0.9655 && bound < 0.97);
}

/* Populations that recall may have: a row is `low` with probability `p`, else spread evenly between
 * `from` and 1. */
typedef struct population {
    double p, low, from;
} population;

static double draw(const population *of, uint64_t key, size_t i)
{
    double rest = of->from + (1 - of->from) * kin_random_unit(key, 2 * i + 1);
    return kin_random_unit(key, 2 * i) < of->p ? of->low : rest;
}

/* Of 500 samples no more than the share alpha (and what chance adds, 3 standard deviations) put the
 * bound above the true mean: a heavy lower tail, one row in a hundred or in a thousand lost, hardly
 * any loss, all or nothing, an even spread, the rule of three at its edge (0.05^(1/60) of 60). */
static void test_bound_covers(void **state)
{
    static const population populations[] = {
        {0.05, 0.2, 1}, {0.01, 0, 1}, {0.01, 0, 0.9}, {0.001, 0, 0.99}, {0, 0, 0.999},
        {0.5, 0, 1},    {0, 0, 0},    {0.3, 0.9, 1},  {0.0487, 0, 1},   {0.0705, 0, 1},
    };
    static const double alphas[] = {0.05, 0.0125};
    static const size_t sizes[] = {60, 300};
    enum { TRIALS = 500 };
    double value[300];

    (void)state;
    for (size_t d = 0; d < sizeof populations / sizeof *populations; d++)
        for (size_t c = 0; c < 4; c++) {
            const population *of = &populations[d];
            double mean = of->p * of->low + (1 - of->p) * (1 + of->from) / 2;
            double alpha = alphas[c % 2];
            size_t misses = 0;

            for (uint64_t t = 0; t < TRIALS; t++) {
                uint64_t key = kin_random_key(3, 100 * d + c, t);

                for (size_t i = 0; i < sizes[c / 2]; i++)
                    value[i] = draw(of, key, i);
                misses += kin_recall_lower(value, sizes[c / 2], alpha) > mean;
            }
            assert_true((double)misses <= TRIALS * alpha + 3 * sqrt(TRIALS * alpha));
        }
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
        cmocka_unit_test(test_every_row_by_hand),
        cmocka_unit_test(test_column_order_is_the_same),
        cmocka_unit_test(test_recall_is_capped),
        cmocka_unit_test(test_nothing_to_judge),
        cmocka_unit_test(test_sampled_rows),
        cmocka_unit_test(test_kept_rows),
        cmocka_unit_test(test_bound_at_the_ends),
        cmocka_unit_test(test_bound_of_one_row),
        cmocka_unit_test(test_bound_is_tight),
        cmocka_unit_test(test_bound_covers),
        cmocka_unit_test(test_bound_moves_the_right_way),
        cmocka_unit_test(test_refusals_name_both_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
