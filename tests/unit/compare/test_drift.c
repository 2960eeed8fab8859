/*
 * compare/drift on two nights made by hand, where every number was worked out on paper, and on
 * random ones against counting names.
 */
#include "compare/drift.h"
#include "support/lists.h"
#include "support/test.h"

#include <math.h>
#include <omp.h>

enum { END = LISTS_END };

#define assert_near(a, b) assert_true(fabs((a) - (b)) <= 1e-12) /* cmocka's compares floats */

/* Lists of neighbours (support/lists.h), best first, of no modality; `ids`: one a line. */
static void make(kin_graph *g, size_t n, size_t k, int (*rows)[LISTS_ROOM], const char *ids)
{
    static unsigned made;
    kin_error err = {0};
    const char *path = test_path("ids%u.txt", made++ % 2);
    lists_make(g, n, k, rows, NULL);
    g->modality_count = 0;
    json_decref(g->manifest);
    g->manifest = NULL;
    test_remove(path); /* the other graph may have the old one mapped */
    test_write_text(path, ids);
    test_ok(kin_lines_open(&g->ids, path, &err), &err);
    assert_int_equal(g->ids.count, n);
}

static kin_drift measured(const kin_graph *graph, const kin_graph *previous)
{
    kin_drift d;
    kin_id_map id_map;
    kin_error err = {0};
    test_ok(kin_id_map_init(&id_map, &graph->ids, "graph", &previous->ids, "previous", &err), &err);
    test_ok(kin_drift_measure(&d, graph, previous, &id_map, 0, &err), &err);
    kin_id_map_release(&id_map);
    return d;
}

/* ---- by hand --------------------------------------------------------------------------------- */

enum { A, B, C, D, E };                          /* rows of the new night */
enum { C_THEN, A_THEN, X_THEN, B_THEN, D_THEN }; /* of the previous one */
static const char ids_now[] = "a\nb\nc\nd\ne\n";
static const char ids_then[] = "c\na\nx\nb\nd\n";

/* Up to four a row; `a` has itself first and `d` has a twice, which count for nothing. */
static int now[5][LISTS_ROOM] = {{A, B, C, D}, {A, E, C, END}, {END}, {A, A, B, END}, {A, END}};

/* Two a row. */
static int then[5][LISTS_ROOM] = {
    {END}, {B_THEN, C_THEN}, {A_THEN, END}, {X_THEN, A_THEN}, {B_THEN, A_THEN}};

/* K = 2. Jaccard@1 and @2:
 *     a   b c  then b c      1   1; the third counts for nothing
 *     b   a e  then x a      0   1/3: a of a e x
 *     c   both empty         1   1
 *     d   a b  then b a      0   1, reordered */
static void check_by_hand(const kin_drift *d)
{
    assert_int_equal(d->items, 5);
    assert_int_equal(d->previous_items, 5);
    assert_int_equal(d->common, 4);
    assert_int_equal(d->new_items, 1);
    assert_int_equal(d->gone_items, 1);
    assert_near(d->item_change, 2.0 / 6); /* a b c d e x */
    assert_int_equal(d->k, 2);
    assert_int_equal(d->cuts, 2);
    assert_int_equal(d->cut[0], 1);
    assert_int_equal(d->cut[1], 2);
    assert_near(d->jaccard_at[0], 0.5);
    assert_near(d->jaccard_at[1], 5.0 / 6);
    assert_near(d->jaccard.mean, 5.0 / 6);
    assert_near(d->jaccard.min, 1.0 / 3);
    assert_near(d->jaccard.below_90, 0.25);
    assert_near(d->drift, 1.0 / 6);
    assert_int_equal(d->changed, 1);
    assert_int_equal(d->reordered, 1);
    assert_int_equal(d->nearest_changed, 2);
    assert_int_equal(d->worst_count, 1);
    assert_int_equal(d->worst[0].row, B);
    assert_near(d->worst[0].value, 1.0 / 3);
    assert_int_equal(d->example_new_count, 1);
    assert_int_equal(d->example_new[0], E);
    assert_int_equal(d->example_gone_count, 1);
    assert_int_equal(d->example_gone[0], X_THEN);
    assert_int_equal(d->input_count, 0);
}

static void test_two_nights(void **state)
{
    kin_graph graph, previous;

    (void)state;
    make(&graph, 5, 4, now, ids_now);
    make(&previous, 5, 2, then, ids_then);
    kin_drift d = measured(&graph, &previous);
    check_by_hand(&d);
    kin_graph_close(&graph);
    kin_graph_close(&previous);
}

/* The same rows as they lie in a file that is ordered by column: scores say which is best. */
static void test_rows_in_column_order(void **state)
{
    static int columns[5][LISTS_ROOM] = {
        {A, B, C, D}, {A, C, E, END}, {END}, {A, A, B, END}, {A, END}};
    static const float score[] = {.9f, .8f, .7f, .6f, .9f, .7f, .8f, .9f, .8f, .7f, .9f};
    static int columns_then[5][LISTS_ROOM] = {
        {END}, {C_THEN, B_THEN}, {A_THEN, END}, {A_THEN, X_THEN}, {A_THEN, B_THEN}};
    static const float score_then[] = {.8f, .9f, .9f, .8f, .9f, .8f, .9f};
    kin_graph graph, previous;

    (void)state;
    make(&graph, 5, 4, columns, ids_now);
    make(&previous, 5, 2, columns_then, ids_then);
    graph.order = previous.order = KIN_ORDER_COLUMN;
    graph.data = score;
    previous.data = score_then;
    kin_drift d = measured(&graph, &previous);
    check_by_hand(&d);
    kin_graph_close(&graph);
    kin_graph_close(&previous);
}

/* The other way round what was new is gone, and what rows share is the same. */
static void test_the_other_way_round(void **state)
{
    kin_graph graph, previous;

    (void)state;
    make(&graph, 5, 2, then, ids_then);
    make(&previous, 5, 4, now, ids_now);
    kin_drift d = measured(&graph, &previous);
    assert_near(d.drift, 1.0 / 6);
    assert_near(d.jaccard_at[0], 0.5);
    assert_int_equal(d.reordered, 1);
    assert_int_equal(d.worst[0].row, B_THEN);
    assert_int_equal(d.example_new[0], X_THEN);
    assert_int_equal(d.example_gone[0], E);
    kin_graph_close(&graph);
    kin_graph_close(&previous);
}

static void test_nothing_changed(void **state)
{
    kin_graph graph, previous;

    (void)state;
    make(&graph, 5, 4, now, ids_now);
    make(&previous, 5, 4, now, ids_now);
    kin_drift d = measured(&graph, &previous);
    assert_int_equal(d.common, 5);
    assert_true(d.drift == 0 && d.item_change == 0);
    assert_true(d.jaccard_at[0] == 1 && d.jaccard_at[1] == 1);
    assert_int_equal(d.changed + d.reordered + d.nearest_changed, 0);
    assert_int_equal(d.worst_count, 0);
    assert_int_equal(d.example_new_count + d.example_gone_count, 0);
    kin_graph_close(&graph);
    kin_graph_close(&previous);
}

static void test_nothing_in_common(void **state)
{
    static int rows[7][LISTS_ROOM] = {{1, END}, {0, END}, {END}, {END}, {END}, {END}, {END}};
    kin_graph graph, previous;

    (void)state;
    make(&graph, 7, 3, rows, "p\nq\nr\ns\nt\nu\nv\n");
    make(&previous, 5, 4, now, ids_now);
    kin_drift d = measured(&graph, &previous);
    assert_int_equal(d.common, 0);
    assert_int_equal(d.new_items, 7);
    assert_int_equal(d.gone_items, 5);
    assert_true(d.item_change == 1);
    assert_true(isnan(d.drift) && isnan(d.jaccard_at[0]));
    assert_true(d.jaccard.mean == 0);
    assert_int_equal(d.worst_count, 0);
    assert_int_equal(d.example_new_count, 5); /* no more than five are named */
    assert_int_equal(d.example_gone_count, 5);
    for (int32_t i = 0; i < 5; i++) {
        assert_int_equal(d.example_new[i], i);
        assert_int_equal(d.example_gone[i], i);
    }
    kin_graph_close(&graph);
    kin_graph_close(&previous);
}

/* A neighbour that the new night does not have is never one of its neighbours; one side alone may
 * be empty. */
static void test_empty_against_gone(void **state)
{
    static int empty[2][LISTS_ROOM] = {{END}, {END}};
    static int full[3][LISTS_ROOM] = {{2, 1, END}, {2, END}, {0, END}};
    kin_graph graph, previous;

    (void)state;
    make(&graph, 2, 2, empty, "a\nb\n");
    make(&previous, 3, 2, full, "a\nb\nx\n");
    kin_drift d = measured(&graph, &previous);
    assert_int_equal(d.common, 2);
    assert_true(d.drift == 1 && d.jaccard_at[0] == 0);
    assert_int_equal(d.changed, 2);
    assert_int_equal(d.nearest_changed, 2);
    assert_int_equal(d.worst_count, 2);
    assert_int_equal(d.worst[0].row, 0);
    assert_int_equal(d.worst[1].row, 1);
    kin_graph_close(&graph);
    kin_graph_close(&previous);
}

/* ---- against counting names ------------------------------------------------------------------ */

/* A night: some of the items 0 .. NAMES - 1, in any order, and rows of them with their flaws. */
enum { NAMES = 60 };

typedef struct night {
    size_t n, k;
    int name[NAMES];   /* of row i */
    int row_of[NAMES]; /* END: not there */
    int rows[NAMES][LISTS_ROOM];
    kin_graph graph;
} night;

static void night_make(night *self, uint64_t *random)
{
    char ids[NAMES * 8];
    char *end = ids;
    *self = (night){0};
    for (int name = 0; name < NAMES; name++) {
        self->row_of[name] = END;
        if (test_random_below(random, 4))
            self->name[self->n++] = name;
    }
    for (size_t i = self->n; i > 1; i--) { /* Fisher and Yates's shuffle */
        size_t j = test_random_below(random, i);
        int kept = self->name[i - 1];
        self->name[i - 1] = self->name[j];
        self->name[j] = kept;
    }
    self->k = 1 + test_random_below(random, LISTS_ROOM - 1);
    for (size_t i = 0; i < self->n; i++) {
        size_t length = test_random_below(random, self->k + 1);
        self->row_of[self->name[i]] = (int)i;
        end += sprintf(end, "n%d\n", self->name[i]);
        for (size_t e = 0; e < length; e++)
            self->rows[i][e] =
                (int)test_random_below(random, test_random_below(random, 2) ? self->n : 4);
        self->rows[i][length] = END;
    }
    make(&self->graph, self->n, self->k, self->rows, ids);
}

/* The first k names in the row of `name`, each once and not itself; returns how many. */
static size_t names_of(const night *self, int name, size_t k, int *out)
{
    size_t count = 0;
    const int *row = self->rows[self->row_of[name]];
    for (size_t e = 0; row[e] != END && count < k; e++) {
        bool known = self->name[row[e]] == name;
        for (size_t i = 0; i < count; i++)
            known = known || out[i] == self->name[row[e]];
        if (!known)
            out[count++] = self->name[row[e]];
    }
    return count;
}

static double jaccard_of(const night *a, const night *b, int name, size_t k, bool *same_order)
{
    int x[LISTS_ROOM], y[LISTS_ROOM];
    size_t x_count = names_of(a, name, k, x);
    size_t y_count = names_of(b, name, k, y);
    size_t shared = 0;
    for (size_t i = 0; i < x_count; i++)
        for (size_t j = 0; j < y_count; j++)
            shared += x[i] == y[j];
    *same_order = x_count == y_count && memcmp(x, y, x_count * sizeof *x) == 0;
    return x_count + y_count ? (double)shared / (double)(x_count + y_count - shared) : 1;
}

static void check_nights(const night *a, const night *b, const kin_drift *d)
{
    size_t common = 0, changed = 0, reordered = 0, nearest = 0;
    double sum[KIN_CUTS_MAX] = {0};
    double worst = 1;
    for (int name = 0; name < NAMES; name++) {
        bool same_order = false;
        double jaccard = 1;
        if (a->row_of[name] == END || b->row_of[name] == END)
            continue;
        common++;
        for (size_t c = 0; c < d->cuts; c++)
            sum[c] += jaccard = jaccard_of(a, b, name, d->cut[c], &same_order);
        changed += jaccard < 1;
        reordered += jaccard == 1 && !same_order;
        nearest += jaccard_of(a, b, name, 1, &same_order) < 1;
        worst = jaccard < worst ? jaccard : worst;
    }
    assert_int_equal(d->common, common);
    assert_int_equal(d->new_items, a->n - common);
    assert_int_equal(d->gone_items, b->n - common);
    assert_int_equal(d->k, a->k < b->k ? a->k : b->k);
    assert_int_equal(d->cut[d->cuts - 1], d->k);
    for (size_t c = 0; c < d->cuts; c++)
        assert_near(d->jaccard_at[c], sum[c] / (double)common);
    assert_near(d->drift, 1 - sum[d->cuts - 1] / (double)common);
    assert_int_equal(d->changed, changed);
    assert_int_equal(d->reordered, reordered);
    assert_int_equal(d->nearest_changed, nearest);
    assert_true(d->worst_count == 0 ? worst == 1 : d->worst[0].value == worst);
}

static void assert_same(const kin_drift *a, const kin_drift *b)
{
    assert_memory_equal(a->jaccard_at, b->jaccard_at, a->cuts * sizeof *a->jaccard_at);
    assert_memory_equal(&a->jaccard, &b->jaccard, sizeof a->jaccard);
    assert_true(a->drift == b->drift);
    assert_int_equal(a->changed, b->changed);
    assert_int_equal(a->reordered, b->reordered);
    assert_int_equal(a->nearest_changed, b->nearest_changed);
    assert_int_equal(a->worst_count, b->worst_count);
    for (size_t w = 0; w < a->worst_count; w++) {
        assert_int_equal(a->worst[w].row, b->worst[w].row);
        assert_true(a->worst[w].value == b->worst[w].value);
    }
}

static void test_random_nights(void **state)
{
    static const int threads[] = {1, 2, 5};
    uint64_t random = 17;

    (void)state;
    for (size_t set = 0; set < 200; set++) {
        night a, b;
        kin_drift one;

        night_make(&a, &random);
        night_make(&b, &random);
        for (size_t t = 0; t < TEST_COUNT(threads); t++) {
            omp_set_num_threads(threads[t]);
            kin_drift d = measured(&a.graph, &b.graph);
            if (t == 0)
                check_nights(&a, &b, &d);
            else
                assert_same(&one, &d);
            one = d;
        }
        kin_graph_close(&a.graph);
        kin_graph_close(&b.graph);
    }
}

/* Parts of thousands of rows: the sums to the last bit. */
static void test_any_number_of_threads(void **state)
{
    enum { N = 70000, K = 12 };
    int(*rows)[LISTS_ROOM] = malloc(N * sizeof *rows);
    char *ids = malloc(N * 8);
    uint64_t random = 19;
    kin_graph nights[2];

    (void)state;
    assert_true(rows && ids);
    for (int g = 0; g < 2; g++) {
        char *end = ids;
        for (int i = 0; i < N; i++) {
            size_t length = test_random_below(&random, K + 1);
            for (size_t e = 0; e < length; e++) {
                int near = (int)test_random_below(&random, 20);
                rows[i][e] = g == 0 ? near : N - 1 - near;
            }
            rows[i][length] = END;
            end += sprintf(end, "%d\n", g == 0 ? i : N - 1 - i);
        }
        make(&nights[g], N, K, rows, ids);
    }
    omp_set_num_threads(1);
    kin_drift one = measured(&nights[0], &nights[1]);
    assert_int_equal(one.common, N);
    assert_true(one.drift > 0.1 && one.drift < 0.99);
    for (int threads = 2; threads <= 5; threads += 3) {
        omp_set_num_threads(threads);
        kin_drift d = measured(&nights[0], &nights[1]);
        assert_same(&one, &d);
    }
    for (int g = 0; g < 2; g++)
        kin_graph_close(&nights[g]);
    free(rows);
    free(ids);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_nights),          cmocka_unit_test(test_rows_in_column_order),
        cmocka_unit_test(test_the_other_way_round), cmocka_unit_test(test_nothing_changed),
        cmocka_unit_test(test_nothing_in_common),   cmocka_unit_test(test_empty_against_gone),
        cmocka_unit_test(test_random_nights),       cmocka_unit_test(test_any_number_of_threads),
    };
    (void)argc;
    test_calm_threads(argv);
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
