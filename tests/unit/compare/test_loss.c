/*
 * compare/loss on graphs and traces made by hand: every number here was worked out on paper.
 */
#include "support/test.h"

#include "compare/loss.h"

#include <math.h>

#define assert_near(a, b) assert_true(fabs((a) - (b)) <= 1e-12) /* cmocka's compares floats */

enum { ROOM = 256 };

/* A graph in memory, filled row after row. */
typedef struct made {
    kin_graph graph;
    size_t rows;
    int64_t indptr[ROOM];
    int32_t indices[ROOM];
    float data[ROOM];
} made;

static void make(made *self, size_t n, size_t k, size_t modalities)
{
    *self = (made){.graph = {.n = n, .k = k, .modality_count = modalities}};
    assert_true(n < ROOM);
    self->graph.indptr = self->indptr;
    self->graph.indices = self->indices;
    self->graph.data = self->data;
    strcpy(self->graph.modality[0], "text");
    strcpy(self->graph.modality[1], "image");
}

typedef struct entry {
    int row;
    float score;
} entry;

/* The entries of row `row`; rows that were passed over are empty. */
static void put(made *self, size_t row, const entry *entries, size_t count)
{
    kin_graph *g = &self->graph;
    assert_true(row >= self->rows && g->pairs + count <= ROOM && count <= g->k);
    for (size_t e = 0; e < count; e++) {
        self->indices[g->pairs] = entries[e].row;
        self->data[g->pairs++] = entries[e].score;
    }
    for (self->rows = row; self->rows < g->n; self->rows++)
        g->indptr[self->rows + 1] = (int64_t)g->pairs;
    self->rows = row + 1;
}

#define PUT(self, row, ...)                                                                        \
    put(self, row, (entry[]){__VA_ARGS__}, TEST_COUNT(((entry[]){__VA_ARGS__})))

static void drop(made *self)
{
    json_decref(self->graph.manifest);
}

static kin_loss split(const made *graph, const made *reference, const kin_trace *trace,
                      const made *text, const made *image)
{
    const kin_graph *const nearest[KIN_MODALITIES_MAX] = {text ? &text->graph : NULL,
                                                          image ? &image->graph : NULL};
    kin_loss loss;
    kin_error err;
    test_ok(kin_loss_split(&loss, &graph->graph, &reference->graph, trace, nearest, &err), &err);
    size_t sum = 0;
    for (size_t r = 0; r < KIN_LOSS_REASONS; r++)
        sum += loss.reason[r];
    assert_int_equal(sum, loss.lost);
    return loss;
}

static void check_advice(const kin_loss *loss, size_t at, const char *option, double value,
                         double regained, double price, const char *text)
{
    const kin_loss_advice *it = &loss->advice[at];
    assert_true(at < loss->advice_count);
    assert_string_equal(it->option, option);
    assert_true(isnan(value) ? isnan(it->value) : it->value == value);
    assert_true(isnan(regained) ? isnan(it->regained) : fabs(it->regained - regained) < 1e-12);
    assert_true(isnan(price) ? isnan(it->price) : fabs(it->price - price) < 1e-12);
    assert_string_equal(it->text, text);
}

/* ---- indexes --------------------------------------------------------------------------------- */

/* Rows 0, 2, 5 and 7 of twelve are traced, three vectors were asked of either index, of which
 * the row's own is the first. */
static const int32_t traced[] = {0, 2, 5, 7};
static const int64_t text_start[] = {0, 2, 2, 3, 3};
static const int32_t text_item[] = {1, 2, 8};
static const int64_t image_start[] = {0, 2, 3, 3, 3};
static const int32_t image_item[] = {9, 10, 7};

static kin_trace index_trace(void)
{
    return (kin_trace){.n = 12,
                       .rows = 4,
                       .row = traced,
                       .source_count = 2,
                       .source = {{"text", 0, 3, text_start, text_item},
                                  {"image", 1, 3, image_start, image_item}}};
}

static void test_indexes(void **state)
{
    kin_trace trace = index_trace();
    made graph, reference, text, image;

    (void)state;
    make(&graph, 12, 4, 2);
    make(&reference, 12, 4, 2);
    make(&text, 12, 8, 2);
    make(&image, 12, 8, 2);
    /* row 0 has 1 of four. 2 was proposed by text and ranked out. */
    PUT(&reference, 0, {1, .9f}, {2, .8f}, {3, .7f}, {4, .6f});
    PUT(&graph, 0, {1, .9f}, {9, .5f}, {10, .4f});
    /* 3 stands third by text, but two equal vectors before it are one: third of three, lost by
     * search. 4 is fifth by text and fourth by image: lost by image's depth. */
    PUT(&text, 0, {5, .98f}, {6, .98f}, {3, .97f}, {7, .965f}, {4, .96f});
    PUT(&image, 0, {9, .9f}, {10, .9f}, {11, .8f}, {4, .7f}, {3, .6f});
    /* row 2 has neither 5 nor 6 but two as good: nothing is lost */
    PUT(&reference, 2, {3, .9f}, {4, .8f}, {5, .7f}, {6, .7f});
    PUT(&graph, 2, {3, .9f}, {4, .8f}, {7, .7f}, {8, .6999995f});
    /* row 5 has no more than two exact neighbours; 8 makes up for one of them. The better one is
     * lost, and no modality knows it as far down as was looked: booked to the first. */
    PUT(&reference, 5, {1, .9f}, {0, .5f});
    PUT(&graph, 5, {8, .6f});
    PUT(&text, 5, {2, .9f}, {3, .8f}, {0, .7f});
    PUT(&image, 5, {2, .9f}, {3, .8f});
    /* row 7 has none */
    PUT(&graph, 7, {1, .1f});

    kin_loss loss = split(&graph, &reference, &trace, &text, &image);
    assert_int_equal(loss.rows, 3);
    assert_int_equal(loss.entries, 10);
    assert_int_equal(loss.lost, 4);
    assert_int_equal(loss.reason[KIN_LOSS_RANKED_OUT], 1);
    assert_int_equal(loss.reason[KIN_LOSS_SEARCH], 1);
    assert_int_equal(loss.reason[KIN_LOSS_DEPTH], 2);
    assert_int_equal(loss.modality_count, 2);
    assert_int_equal(loss.search_by[0], 1);
    assert_int_equal(loss.search_by[1], 0);
    assert_int_equal(loss.depth_by[0], 1);
    assert_int_equal(loss.depth_by[1], 1);
    assert_int_equal(loss.advice_count, 2);
    check_advice(&loss, 0, "--candidates", 4, .25, 4.0 / 3,
                 "--candidates 4 (now 3) would have had 25 % of the lost among its candidates, for "
                 "about 1.3 times the search's work");
    check_advice(&loss, 1, "--ef-search", 6, NAN, 2,
                 "--ef-search 6 (now 3) looks twice as hard for the 25 % that search lost; only a "
                 "build can tell how many it finds");
    drop(&graph);
    drop(&reference);
    drop(&text);
    drop(&image);
}

/* A row on disk in another order, with an id twice and the item itself, is compared as any
 * other. */
static void test_rows_as_they_are_compared(void **state)
{
    kin_trace trace = index_trace();
    made graph, reference, text, image;

    (void)state;
    make(&graph, 12, 4, 2);
    make(&reference, 12, 4, 2);
    make(&text, 12, 4, 2);
    make(&image, 12, 4, 2);
    PUT(&reference, 0, {1, .9f}, {3, .8f}, {4, .7f});
    PUT(&graph, 0, {0, 1}, {1, .9f}, {1, .9f}, {3, .8f});
    PUT(&text, 0, {1, .9f}, {4, .8f});
    kin_loss loss = split(&graph, &reference, &trace, &text, &image);
    assert_int_equal(loss.entries, 3);
    assert_int_equal(loss.lost, 1);
    assert_int_equal(loss.search_by[0], 1);
    drop(&graph);
    drop(&reference);
    drop(&text);
    drop(&image);
}

/* Of ten lost ones eight have ranks 3 to 10, one 25, one is out of sight: C for four fifths of the
 * nine. */
static void test_how_deep(void **state)
{
    static const int64_t none[] = {0, 0};
    static const int32_t row[] = {0};
    kin_trace trace = {
        .n = 40, .rows = 1, .row = row, .source_count = 1, .source = {{"text", 0, 2, none, NULL}}};
    made graph, reference, text;
    entry wanted[10], ladder[25];

    (void)state;
    make(&graph, 40, 10, 1);
    make(&reference, 40, 10, 1);
    make(&text, 40, 25, 1);
    for (int i = 0; i < 10; i++)
        wanted[i] = (entry){i + 1, 1 - (float)i / 100};
    for (int i = 0; i < 25; i++)
        ladder[i] = (entry){11 + i, 1 - (float)i / 100};
    for (int i = 0; i < 8; i++)
        ladder[2 + i].row = 1 + i;
    ladder[24].row = 9;
    put(&reference, 0, wanted, 10);
    put(&text, 0, ladder, 25);
    kin_loss loss = split(&graph, &reference, &trace, &text, NULL);
    assert_int_equal(loss.depth_by[0], 10);
    assert_int_equal(loss.advice_count, 1);
    check_advice(
        &loss, 0, "--candidates", 10, .8, 5,
        "--candidates 10 (now 2) would have had 80 % of the lost among its candidates, for "
        "about 5.0 times the search's work");
    drop(&graph);
    drop(&reference);
    drop(&text);
}

/* Rank 113 asks for 120 candidates; no rank for more than was looked at. */
static void test_rounded_and_out_of_sight(void **state)
{
    static const int64_t none[] = {0, 0};
    static const int32_t row[] = {149};
    kin_trace trace = {.n = 150,
                       .rows = 1,
                       .row = row,
                       .source_count = 1,
                       .source = {{"text", 0, 100, none, NULL}}};
    made graph, reference, text;
    entry ladder[113];

    (void)state;
    make(&graph, 150, 2, 1);
    make(&reference, 150, 2, 1);
    make(&text, 150, 113, 1);
    for (int i = 0; i < 113; i++)
        ladder[i] = (entry){i, 1 - (float)i / 1000};
    PUT(&reference, 149, {112, .5f});
    put(&text, 149, ladder, 113);
    kin_loss loss = split(&graph, &reference, &trace, &text, NULL);
    assert_int_equal(loss.advice_count, 1);
    assert_true(loss.advice[0].value == 120);
    assert_near(loss.advice[0].regained, 1);
    assert_near(loss.advice[0].price, 1.2);

    text.graph.indptr[150] = 112;
    loss = split(&graph, &reference, &trace, &text, NULL);
    assert_int_equal(loss.depth_by[0], 1);
    assert_int_equal(loss.advice_count, 1);
    check_advice(
        &loss, 0, "--index-space", NAN, NAN, NAN,
        "no --candidates that was looked at has what depth lost: --index-space fused ranks "
        "by all modalities together");
    drop(&graph);
    drop(&reference);
    drop(&text);
}

/* An index over the fused space ranks as the reference does; its loss is no modality's. */
static void test_fused_space(void **state)
{
    static const int64_t start[] = {0, 1};
    static const int32_t item[] = {4};
    static const int32_t row[] = {0};
    kin_trace trace = {.n = 6,
                       .rows = 1,
                       .row = row,
                       .source_count = 1,
                       .source = {{"fused", -1, 2, start, item}}};
    made graph, reference;

    (void)state;
    make(&graph, 6, 4, 2);
    make(&reference, 6, 4, 2);
    graph.graph.manifest = json_pack("{s:{s:i}}", "options", "ef_search", 50);
    PUT(&reference, 0, {1, .9f}, {2, .9f}, {3, .8f}, {4, .7f});
    PUT(&graph, 0, {1, .9f});
    kin_loss loss = split(&graph, &reference, &trace, NULL, NULL);
    assert_int_equal(loss.lost, 3);
    assert_int_equal(loss.reason[KIN_LOSS_SEARCH], 1); /* 2: as near as 1 */
    assert_int_equal(loss.reason[KIN_LOSS_DEPTH], 1);
    assert_int_equal(loss.reason[KIN_LOSS_RANKED_OUT], 1);
    assert_int_equal(loss.depth_by[0] + loss.depth_by[1], 0);
    assert_int_equal(loss.search_by[0] + loss.search_by[1], 0);
    check_advice(&loss, 0, "--candidates", 3, 1.0 / 3, 1.5,
                 "--candidates 3 (now 2) would have had 33 % of the lost among its candidates, for "
                 "about 1.5 times the search's work");
    check_advice(
        &loss, 1, "--ef-search", 100, NAN, 2,
        "--ef-search 100 (now 50) looks twice as hard for the 33 % that search lost; only a "
        "build can tell how many it finds");
    drop(&graph);
    drop(&reference);
}

/* Two were asked for. The row's own vector is one of them: of row 0 the nearest is found at best,
 * of row 1, which has a duplicate, one more. */
static void test_the_rows_own_vector(void **state)
{
    static const int64_t none[] = {0, 0, 0};
    static const int32_t rows[] = {0, 1};
    kin_trace trace = {
        .n = 6, .rows = 2, .row = rows, .source_count = 1, .source = {{"text", 0, 2, none, NULL}}};
    made graph, exact;

    (void)state;
    make(&graph, 6, 2, 1);
    make(&exact, 6, 2, 1);
    PUT(&exact, 0, {2, .9f}, {3, .8f});
    PUT(&exact, 1, {4, 1}, {5, .8f});
    kin_loss loss = split(&graph, &exact, &trace, &exact, NULL);
    assert_int_equal(loss.lost, 4);
    assert_int_equal(loss.reason[KIN_LOSS_SEARCH], 3);
    assert_int_equal(loss.reason[KIN_LOSS_DEPTH], 1);
    assert_true(loss.advice[0].value == 3);
    drop(&graph);
    drop(&exact);
}

static void test_nothing_lost(void **state)
{
    kin_trace trace = index_trace();
    made graph, empty;

    (void)state;
    make(&graph, 12, 4, 2);
    make(&empty, 12, 4, 2);
    PUT(&graph, 0, {1, .9f}, {2, .8f});
    kin_loss loss = split(&graph, &graph, &trace, &empty, &empty);
    assert_int_equal(loss.rows, 1);
    assert_int_equal(loss.entries, 2);
    assert_int_equal(loss.lost, 0);
    assert_int_equal(loss.advice_count, 0);
    drop(&graph);
    drop(&empty);
}

/* ---- a join ---------------------------------------------------------------------------------- */

/* Lists of 4, 3 and 4 items; rows 0 and 4 looked at their own. */
static const int32_t cluster_of[] = {0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, -1};
static const int32_t join_rows[] = {0, 4};
static const int64_t join_start[] = {0, 1, 2};
static const int32_t join_item[] = {1, 5};
static const float probe_sigmas[] = {-INFINITY, 2.5f, INFINITY, 1.5f, -INFINITY, 3};

static kin_trace join_trace(void)
{
    return (kin_trace){.n = 12,
                       .rows = 2,
                       .row = join_rows,
                       .source_count = 1,
                       .source = {{"join", -1, 0, join_start, join_item}},
                       .clusters = 3,
                       .cluster = cluster_of,
                       .probe_sigmas = probe_sigmas,
                       .sigmas_used = 1.25};
}

static void test_join(void **state)
{
    kin_trace trace = join_trace();
    made graph, reference;

    (void)state;
    make(&graph, 12, 4, 2);
    make(&reference, 12, 4, 2);
    /* 1 was proposed; 4's cluster needs 2.5, no effort probes 7's; 2 was looked at */
    PUT(&reference, 0, {1, .9f}, {4, .8f}, {7, .7f}, {2, .6f});
    /* 0's cluster needs 1.5, 8's 3, and 11 is in none */
    PUT(&reference, 4, {5, .9f}, {0, .8f}, {8, .7f}, {11, .6f});
    PUT(&graph, 4, {5, .9f});
    kin_loss loss = split(&graph, &reference, &trace, NULL, NULL);
    assert_int_equal(loss.rows, 2);
    assert_int_equal(loss.entries, 8);
    assert_int_equal(loss.lost, 7);
    assert_int_equal(loss.reason[KIN_LOSS_RANKED_OUT], 1);
    assert_int_equal(loss.reason[KIN_LOSS_NOT_LOOKED_AT], 5);
    assert_int_equal(loss.reason[KIN_LOSS_ESTIMATE], 1);
    /* four fifths of three needs is all of them; 7 items were looked at, then row 0 looks at 7 and
     * row 4 at 11 */
    assert_int_equal(loss.advice_count, 1);
    check_advice(
        &loss, 0, "--target-recall", NAN, 3.0 / 7, 18.0 / 7,
        "clusters up to 3.00 sigmas (now 1.25) hold 43 % of the lost, for 2.57 times the items "
        "looked at: a higher --target-recall probes that far");
    drop(&graph);
    drop(&reference);
}

/* Estimates have no knob, nor have clusters that no effort probes. */
static void test_only_exact_helps(void **state)
{
    kin_trace trace = join_trace();
    made graph, reference;

    (void)state;
    make(&graph, 12, 4, 2);
    make(&reference, 12, 4, 2);
    PUT(&reference, 0, {2, .9f}, {3, .8f}, {4, .7f});
    kin_loss loss = split(&graph, &reference, &trace, NULL, NULL);
    assert_int_equal(loss.reason[KIN_LOSS_ESTIMATE], 2);
    assert_int_equal(loss.advice_count, 2);
    assert_int_equal(loss.advice[0].reason, KIN_LOSS_ESTIMATE);
    check_advice(
        &loss, 0, "--engine", NAN, 1, NAN,
        "no option of this engine gets back 67 % of the lost: --engine exact loses nothing, "
        "kin plan says what it takes");
    /* rows 0 and 4 look at 7 items; up to 2.5 they look at 7 each */
    check_advice(
        &loss, 1, "--target-recall", NAN, 1.0 / 3, 2,
        "clusters up to 2.50 sigmas (now 1.25) hold 33 % of the lost, for 2.00 times the items "
        "looked at: a higher --target-recall probes that far");

    drop(&reference);
    make(&reference, 12, 4, 2);
    PUT(&reference, 0, {7, .9f}, {8, .8f});
    loss = split(&graph, &reference, &trace, NULL, NULL);
    assert_int_equal(loss.reason[KIN_LOSS_NOT_LOOKED_AT], 2);
    assert_int_equal(loss.advice_count, 1);
    assert_int_equal(loss.advice[0].reason, KIN_LOSS_NOT_LOOKED_AT);
    assert_string_equal(loss.advice[0].option, "--engine");
    drop(&graph);
    drop(&reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_indexes),          cmocka_unit_test(test_rows_as_they_are_compared),
        cmocka_unit_test(test_how_deep),         cmocka_unit_test(test_rounded_and_out_of_sight),
        cmocka_unit_test(test_fused_space),      cmocka_unit_test(test_the_rows_own_vector),
        cmocka_unit_test(test_nothing_lost),     cmocka_unit_test(test_join),
        cmocka_unit_test(test_only_exact_helps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
