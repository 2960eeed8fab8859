/*
 * compare/recall on graphs made by hand, every number worked out on paper, and on random ones
 * against a reference that follows the formulas of compare/recall.h word by word.
 */
#include "compare/recall.h"
#include "support/hand.h"
#include "support/test.h"

#include <math.h>
#include <omp.h>

enum { N = 6, K = 3 };

#define assert_near(a, b, by) assert_true(fabs((a) - (b)) <= (by)) /* cmocka's compares floats */

static const hand_entry reference_rows[N * K] = {
    {2, 0.9f}, {3, 0.8f}, {4, 0.7f}, /* 0 */
    {1, 0.9f}, {3, 0.8f}, {4, 0.7f}, /* 1 */
    {1, 0.9f}, {2, 0.8f}, {0, 0},    /* 2: short, there are no more */
    {0, 0},    {0, 0},    {0, 0},    /* 3: empty by rule */
    {1, 0.5f}, {2, 0.4f}, {3, 0.3f}, /* 4 */
    {1, 0.9f}, {2, 0.8f}, {3, 0.7f}, /* 5 */
};

static const hand_entry graph_rows[N * K] = {
    {2, 0.9f}, {3, 0.8f}, {5, 0.7f},       /* 0: another of two equals: strict 2/3, tie-aware 1 */
    {1, 0.9f}, {3, 0.8f}, {6, 0.6999985f}, /* 1: 1.5e-6 lower is no tie: 2/3, 2/3 */
    {1, 0.9f}, {0, 0},    {0, 0},          /* 2: short: 1/2, 1/2 */
    {1, 0.5f}, {0, 0},    {0, 0},          /* 3: no reference: not evaluated */
    {0, 0},    {0, 0},    {0, 0},          /* 4: empty: 0, 0 */
    {1, 0.9f}, {1, 0.9f}, {2, 0.8f},       /* 5: a repeated id counts once: 2/3, 2/3 */
};

static void measure(kin_recall *out, const hand *graph, const hand *reference)
{
    kin_id_map id_map;
    kin_error err = {0};
    test_ok(kin_id_map_init(&id_map, &graph->graph.ids, "g", &reference->graph.ids, "r", &err),
            &err);
    test_ok(kin_recall_measure(out, &graph->graph, &reference->graph, &id_map, 0, 1, NULL, 0, &err),
            &err);
    kin_id_map_release(&id_map);
}

/* k = 1: rows 0, 1, 2, 5 have the nearest, row 4 nothing: 4/5.
 * k = 3: strict (2/3 + 2/3 + 1/2 + 0 + 2/3) / 5 = 1/2; tie-aware (1 + 2/3 + 1/2 + 0 + 2/3) / 5 =
 * 17/30. Epsilon 0.01: row 1's threshold is 1 - 1.01 * 0.3 = 0.697, which 0.6999985 reaches: 1/3 of
 * a row more, as at 0.1. Scores: 2.4/2.4, 2.3999985/2.4, 0.9/1.7, 0/1.2, 1.7/2.4. Losses a place:
 * 0, 1.5e-6 / 3, 0, none, 0. */
static void check_by_hand(const kin_recall *r)
{
    assert_int_equal(r->rows, 6);
    assert_int_equal(r->evaluated, 5);
    assert_int_equal(r->k, 3);
    assert_true(r->exhaustive && r->scored);
    assert_int_equal(r->cuts, 2);
    assert_true(r->cut[0] == 1 && r->cut[1] == 3);
    assert_near(r->strict_at[0], 0.8, 1e-12);
    assert_near(r->tie_aware_at[0], 0.8, 1e-12);
    assert_near(r->strict_at[1], 0.5, 1e-12);
    assert_near(r->tie_aware_at[1], 17.0 / 30, 1e-12);
    assert_near(r->nearest_found_at[0], 0.8, 1e-12);
    assert_near(r->nearest_true_at[1], 0.8, 1e-12);
    assert_near(r->epsilon[0], 19.0 / 30, 1e-12);
    assert_near(r->epsilon[1], 19.0 / 30, 1e-12);
    assert_near(r->score_ratio, (1 + 2.3999985 / 2.4 + 0.9 / 1.7 + 0 + 1.7 / 2.4) / 5, 1e-7);
    assert_near(r->score_loss, 0.5e-6 / 4, 1e-8);
    assert_near(r->strict.mean, 0.5, 1e-12);
    assert_near(r->tie_aware.mean, 17.0 / 30, 1e-12);
    assert_true(r->tie_aware.min == 0 && r->tie_aware.p1 == 0 && r->tie_aware.p5 == 0);
    assert_near(r->tie_aware.p50, 2.0 / 3, 1e-12);
    assert_near(r->tie_aware.below_90, 0.8, 1e-12);
    assert_true(r->tie_aware.bin[0] == 1 && r->tie_aware.bin[10] == 1 &&
                r->tie_aware.bin[13] == 2 && r->tie_aware.bin[19] == 1);
    assert_true(r->tie_aware_interval.low == r->tie_aware.mean && r->rows_for_half == 0);
    assert_int_equal(r->worst_count, 4);
    assert_true(r->worst[0].row == 4 && r->worst[0].value == 0);
    assert_true(r->worst[1].row == 2 && r->worst[2].row == 1 && r->worst[3].row == 5);
    assert_near(r->fill, 9.0 / 14, 1e-12); /* 3 + 3 + 1 + 0 + 2 of 3 + 3 + 2 + 3 + 3 */
    assert_int_equal(r->short_rows, 3);    /* 2, 4, 5 */
    assert_int_equal(r->short_by_rule, 0); /* row 2 is short beyond the rule */
    assert_int_equal(r->empty_rows, 1);
    assert_int_equal(r->empty_by_rule, 1);
    assert_true(r->row[0] == 0 && r->row[3] == 4 && r->value[3] == 0);
}

static void test_every_row_by_hand(void **state)
{
    hand graph, reference;
    kin_recall r;

    (void)state;
    hand_make(&graph, "g", N, K, graph_rows);
    hand_make(&reference, "r", N, K, reference_rows);
    measure(&r, &graph, &reference);
    check_by_hand(&r);
    kin_recall_release(&r);
    hand_drop(&graph);
    hand_drop(&reference);
}

/* Entries by column, the item itself among them, are the same answer. */
static void test_column_order_and_self_are_the_same(void **state)
{
    enum { WIDE = 4 };
    static const hand_entry columns[N * WIDE] = {
        {1, 1},    {2, 0.9f}, {3, 0.8f}, {5, 0.7f},       /* itself */
        {1, 0.9f}, {2, 1},    {3, 0.8f}, {6, 0.6999985f}, /* itself in the middle */
        {1, 0.9f}, {0, 0},    {0, 0},    {0, 0},          {1, 0.5f}, {0, 0},
        {0, 0},    {0, 0},    {0, 0},    {0, 0},          {0, 0},    {0, 0},
        {2, 0.8f}, {1, 0.9f}, {1, 0.2f}, {0, 0}, /* the better of a repeated id counts */
    };
    hand graph, reference;
    kin_recall r;

    (void)state;
    hand_make(&graph, "g", N, WIDE, columns);
    hand_make(&reference, "r", N, K, reference_rows);
    graph.graph.order = KIN_ORDER_COLUMN;
    measure(&r, &graph, &reference);
    check_by_hand(&r);
    kin_recall_release(&r);
    hand_drop(&graph);
    hand_drop(&reference);
}

/* The reference's items come in another order, and it has one more. */
static void test_matched_by_id(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    static const char *const other[] = {"x", "d", "c", "b", "a"};
    static const hand_entry rows[4 * 2] = {{2, 0.9f}, {3, 0.8f}, {1, 0.9f}, {3, 0.7f},
                                           {1, 0.8f}, {4, 0.5f}, {3, 0.5f}, {0, 0}};
    /* x: d; d: c x; c: a b; b: a c; a: b c */
    static const hand_entry truth[5 * 2] = {{2, 0.9f}, {0, 0},    {3, 0.5f}, {1, 0.4f}, {5, 0.8f},
                                            {4, 0.7f}, {5, 0.9f}, {3, 0.7f}, {4, 0.9f}, {3, 0.8f}};
    hand graph, reference;
    kin_recall r;

    (void)state;
    hand_make(&graph, "g", 4, 2, rows);
    hand_make(&reference, "r", 5, 2, truth);
    hand_name(&graph, names);
    hand_name(&reference, other);
    measure(&r, &graph, &reference);
    assert_int_equal(r.rows, 4);
    assert_false(r.exhaustive); /* x was not compared */
    /* d: c of c, x: 1/2; c: a of a, b: 1/2; b: both; a: both. In the reference's rows: 1, 2, 3,
     * 4. */
    assert_near(r.strict.mean, 0.75, 1e-12);
    assert_true(r.row[0] == 1 && r.value[0] == 0.5 && r.row[1] == 2 && r.value[1] == 0.5);
    assert_true(r.row[3] == 4 && r.value[3] == 1);
    assert_int_equal(r.short_rows, 1);
    kin_recall_release(&r);
    hand_drop(&graph);
    hand_drop(&reference);
}

/* More good neighbours than a short reference has count as much as it has; that row is short by
 * rule. */
static void test_recall_is_capped(void **state)
{
    static const hand_entry one[N * K] = {{2, 0.7f}};
    static const hand_entry three[N * K] = {{2, 0.7f}, {3, 0.7f}, {4, 0.7f}};
    hand graph, reference;
    kin_recall r;

    (void)state;
    hand_make(&graph, "g", N, K, three);
    hand_make(&reference, "r", N, K, one);
    measure(&r, &graph, &reference);
    assert_int_equal(r.evaluated, 1);
    assert_true(r.tie_aware.mean == 1 && r.strict.mean == 1 && r.fill == 1);
    assert_true(r.short_by_rule == 1 && r.short_rows == 0 && r.empty_by_rule == 5);
    assert_int_equal(r.worst_count, 0);
    kin_recall_release(&r);
    hand_drop(&graph);
    hand_drop(&reference);
}

static void test_nothing_to_evaluate(void **state)
{
    static const hand_entry none[N * K] = {{0, 0}};
    hand graph, reference;
    kin_recall r;

    (void)state;
    hand_make(&graph, "g", N, K, graph_rows);
    hand_make(&reference, "r", N, K, none);
    measure(&r, &graph, &reference);
    assert_int_equal(r.evaluated, 0);
    assert_int_equal(r.empty_by_rule, 6);
    assert_true(r.tie_aware.mean == 0 && isnan(r.fill) && isnan(r.score_ratio));
    assert_true(isnan(r.strict_at[0]) && isnan(r.tie_aware_at[0]) && isnan(r.nearest_found_at[0]) &&
                isnan(r.epsilon[0]));
    kin_recall_release(&r);
    hand_drop(&graph);
    hand_drop(&reference);
}

/* Without scores only what ids say is said; the order of entries is the rank. */
static void test_without_scores(void **state)
{
    hand graph, reference;
    kin_recall r;

    (void)state;
    hand_make(&graph, "g", N, K, graph_rows);
    hand_make(&reference, "r", N, K, reference_rows);
    graph.graph.data = NULL;
    measure(&r, &graph, &reference);
    assert_false(r.scored);
    assert_near(r.strict.mean, 0.5, 1e-12);
    assert_near(r.strict_at[0], 0.8, 1e-12);
    assert_true(isnan(r.tie_aware_at[0]) && isnan(r.epsilon[0]) && isnan(r.score_ratio));
    assert_near(r.value[0], 2.0 / 3, 1e-12);
    kin_recall_release(&r);
    hand_drop(&graph);
    hand_drop(&reference);
}

/* Rows 0 and 5 alone: an estimate, with bounds. */
static void test_sampled_rows(void **state)
{
    static const int32_t row[] = {0, 5};
    hand graph, reference;
    kin_id_map same = {.n = N, .other_n = N, .common = N};
    kin_recall r;

    (void)state;
    hand_make(&graph, "g", N, K, graph_rows);
    hand_make(&reference, "r", N, K, reference_rows);
    test_ok(kin_recall_measure(&r, &graph.graph, &reference.graph, &same, 0, 1, row, 2, NULL),
            NULL);
    assert_int_equal(r.rows, 2);
    assert_false(r.exhaustive);
    assert_near(r.tie_aware.mean, 5.0 / 6, 1e-12);
    assert_near(r.strict.mean, 2.0 / 3, 1e-12);
    assert_near(r.fill, 5.0 / 6, 1e-12);
    const kin_interval *i = &r.tie_aware_interval;
    assert_true(0 < i->low && i->low < i->lower && i->lower < 5.0 / 6);
    assert_true(5.0 / 6 < i->upper && i->upper <= i->high && r.rows_for_half > 2);
    kin_recall_release(&r);
    hand_drop(&graph);
    hand_drop(&reference);
}

/* Rows in memory are evaluated as the same rows of a graph are. */
static void test_kept_rows(void **state)
{
    static const int32_t item[N] = {0, 1, 2, 3, 4, 5};
    const hand_entry *from[2] = {graph_rows, reference_rows};
    kin_rows rows[2];
    kin_recall_mean r;
    double value[N], first[N], ten[N], sum = 0, firsts = 0;
    kin_recall_values values = {.at_k = value, .at_1 = first, .at_10 = ten};

    (void)state;
    for (int s = 0; s < 2; s++) {
        assert_int_equal(kin_rows_init(&rows[s], N, K, 0, NULL), 0);
        rows[s].count = N;
        for (size_t q = 0; q < N; q++) {
            rows[s].filled[q] = 0;
            for (size_t i = 0; i < K && from[s][q * K + i].row != 0; i++, rows[s].filled[q]++) {
                rows[s].neighbor[q * K + i] = from[s][q * K + i].row - 1;
                rows[s].score[q * K + i] = from[s][q * K + i].score;
            }
        }
    }
    assert_int_equal(kin_recall_measure_rows(&r, &values, &rows[0], &rows[1], item, NULL), 0);
    assert_int_equal(r.evaluated, 5);
    assert_near(r.tie_aware, 17.0 / 30, 1e-12);
    for (size_t i = 0; i < r.evaluated; i++) {
        sum += value[i];
        firsts += first[i];
        assert_true(ten[i] == value[i]); /* K is 3 */
    }
    assert_near(sum, 17.0 / 6, 1e-12);
    assert_near(firsts, 4, 0);
    kin_rows_release(&rows[0]);
    kin_rows_release(&rows[1]);
}

/* ---- two graphs on the same rows ------------------------------------------------------------- */

/* Reference less graph: 1 - (1, 2/3, 1/2, 0, 2/3): 0, 1/3, 1/2, 1, 1/3: mean 13/30. */
static void test_difference(void **state)
{
    hand graph, reference;
    kin_recall a, b;
    kin_recall_difference d;

    (void)state;
    hand_make(&graph, "g", N, K, graph_rows);
    hand_make(&reference, "r", N, K, reference_rows);
    measure(&a, &reference, &reference);
    measure(&b, &graph, &reference);
    test_ok(kin_recall_subtract(&d, &a, &b, NULL), NULL);
    assert_int_equal(d.rows, 5);
    assert_near(d.mean, 13.0 / 30, 1e-12);
    assert_true(d.better == 4 && d.worse == 0);
    assert_true(d.exhaustive && d.interval.low == d.mean);
    test_ok(kin_recall_subtract(&d, &b, &a, NULL), NULL);
    assert_near(d.mean, -13.0 / 30, 1e-12);
    assert_true(d.better == 0 && d.worse == 4);
    a.exhaustive = false; /* as if the rows had been drawn */
    test_ok(kin_recall_subtract(&d, &a, &b, NULL), NULL);
    assert_true(!d.exhaustive && d.interval.low < d.mean && d.mean < d.interval.high);
    assert_true(d.interval.low >= -1 && d.interval.high <= 1);
    kin_recall_release(&a);
    kin_recall_release(&b);
    hand_drop(&graph);
    hand_drop(&reference);
}

/* ---- against the formulas -------------------------------------------------------------------- */

enum { MANY = 50, LONG = 12 };

/* Best first, of equal scores the smaller number: the order of graphs. */
static int by_score(const void *a, const void *b)
{
    const hand_entry *x = a;
    const hand_entry *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* A random graph with ties, repeats, the item itself and short rows. */
static void random_rows(hand_entry *rows, uint64_t *seed)
{
    for (size_t i = 0; i < MANY; i++) {
        double score = 1;
        size_t length = test_random_below(seed, LONG + 1);
        for (size_t e = 0; e < LONG; e++) {
            if (test_random_below(seed, 3) > 0)
                score -= 0.01 * (double)(1 + test_random_below(seed, 3));
            rows[i * LONG + e] =
                e < length ? (hand_entry){1 + (int)test_random_below(seed, 20), (float)score}
                           : (hand_entry){0, 0};
        }
        qsort(rows + i * LONG, length, sizeof *rows, by_score);
    }
}

/* Distinct entries without item i, first k. */
static size_t kin_plain(hand_entry *out, const hand_entry *row, size_t i, size_t k)
{
    size_t count = 0;
    for (size_t e = 0; e < LONG && row[e].row != 0; e++) {
        bool keep = row[e].row - 1 != (int)i;
        for (size_t o = 0; o < count; o++)
            keep = keep && out[o].row != row[e].row;
        if (keep && count < k)
            out[count++] = row[e];
    }
    return count;
}

/* strict@k and tie-aware@k, means over rows with a reference. */
static void plain_recall(const hand_entry *graph, const hand_entry *reference, size_t k,
                         double *strict, double *tie_aware)
{
    double rows = 0;
    *strict = *tie_aware = 0;
    for (size_t i = 0; i < MANY; i++) {
        hand_entry g[LONG], r[LONG];
        size_t wanted = kin_plain(r, reference + i * LONG, i, k);
        size_t got = kin_plain(g, graph + i * LONG, i, k), shared = 0, good = 0;
        for (size_t a = 0; a < got; a++) {
            for (size_t b = 0; b < wanted; b++)
                shared += g[a].row == r[b].row;
            good += wanted > 0 && (double)g[a].score >= (double)r[wanted - 1].score - 1e-6;
        }
        if (wanted == 0)
            continue;
        rows++;
        *strict += (double)shared / (double)wanted;
        *tie_aware += fmin((double)good, (double)wanted) / (double)wanted;
    }
    *strict /= rows;
    *tie_aware /= rows;
}

static void test_random_graphs(void **state)
{
    uint64_t seed = 7;

    (void)state;
    for (int t = 0; t < 30; t++) {
        hand_entry a[MANY * LONG], b[MANY * LONG];
        hand graph, reference;
        kin_recall r, again;
        random_rows(a, &seed);
        random_rows(b, &seed);
        hand_make(&graph, "g", MANY, LONG, a);
        hand_make(&reference, "r", MANY, LONG, b);
        measure(&r, &graph, &reference);
        for (size_t c = 0; c < r.cuts; c++) {
            double strict, tie_aware;
            plain_recall(a, b, r.cut[c], &strict, &tie_aware);
            assert_near(r.strict_at[c], strict, 1e-12);
            assert_near(r.tie_aware_at[c], tie_aware, 1e-12);
        }
        omp_set_num_threads(t % 2 ? 1 : 3);
        measure(&again, &graph, &reference);
        assert_memory_equal(r.strict_at, again.strict_at, sizeof r.strict_at);
        assert_memory_equal(&r.tie_aware, &again.tie_aware, sizeof r.tie_aware);
        assert_true(r.score_ratio == again.score_ratio && r.score_loss == again.score_loss);
        kin_recall_release(&r);
        kin_recall_release(&again);
        hand_drop(&graph);
        hand_drop(&reference);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_by_hand),
        cmocka_unit_test(test_column_order_and_self_are_the_same),
        cmocka_unit_test(test_matched_by_id),
        cmocka_unit_test(test_recall_is_capped),
        cmocka_unit_test(test_nothing_to_evaluate),
        cmocka_unit_test(test_without_scores),
        cmocka_unit_test(test_sampled_rows),
        cmocka_unit_test(test_kept_rows),
        cmocka_unit_test(test_difference),
        cmocka_unit_test(test_random_graphs),
    };

    (void)argc;
    test_calm_threads(argv);
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
