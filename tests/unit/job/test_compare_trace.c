/*
 * job/compare_trace: what it computes and books, against the oracle's own idea of ranks. The
 * trace is of a search that was made up: each source proposes its C nearest distinct vectors, less
 * some that it "did not come across"; the graph has the best of what was proposed.
 */
#include "core/threads.h"
#include "job/compare_trace.h"
#include "support/sample.h"
#include "support/test.h"

#include <math.h>
#include <sys/stat.h>

enum { N = 400, K = 10, C = 12, STEP = 7, ROWS = (N + STEP - 1) / STEP, M = 2 };

static kin_error err;

/* One item as a source ranks it. */
typedef struct place {
    float cosine;
    int32_t item;
} place;

typedef struct world {
    sample sample;
    kin_graph graph;
    int32_t row[ROWS];
    int64_t start[M][ROWS + 1];
    int32_t item[M][ROWS * N];
    int32_t indices[ROWS * K];
    float data[ROWS * K];
    kin_loss expected;
} world;

static world w; /* too large for the stack */

static int nearest_first(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->cosine != y->cosine)
        return x->cosine < y->cosine ? 1 : -1;
    return x->item - y->item;
}

/* All items by modality m, nearest first; returns their number. */
static size_t rank_all(place *out, size_t i, size_t m)
{
    size_t count = 0;
    for (size_t j = 0; j < N; j++) {
        oracle_pair pair;
        if (j != i && oracle_score(&w.sample.oracle, i, j, &pair) && !isnan(pair.cosine[m]))
            out[count++] = (place){pair.cosine[m], (int32_t)j};
    }
    qsort(out, count, sizeof *out, nearest_first);
    return count;
}

/* rank[j] of every item by modality m, 0 where it is none of the first 4 C. The row's own vector is
 * the first. */
static void rank_items(size_t rank[N], size_t i, size_t m)
{
    place all[N];
    size_t count = rank_all(all, i, m);
    memset(rank, 0, N * sizeof *rank);
    for (size_t p = 0, distinct = 1; p < count && p < 4 * C; p++) {
        distinct += all[p].cosine != (p == 0 ? 1 : all[p - 1].cosine);
        rank[all[p].item] = distinct;
    }
}

static bool came_across(size_t i, size_t j, size_t m)
{
    return (i + 3 * j + m) % 5 != 0;
}

/* Which items are proposed for row i, noted in the trace; into `all`, ascending. */
static size_t propose(int32_t *all, size_t t, size_t i, size_t rank[M][N])
{
    size_t count = 0;
    for (size_t m = 0; m < M; m++)
        w.start[m][t + 1] = w.start[m][t];
    for (size_t j = 0; j < N; j++) {
        bool any = false;
        for (size_t m = 0; m < M; m++)
            if (rank[m][j] > 0 && rank[m][j] <= C && came_across(i, j, m)) {
                w.item[m][w.start[m][t + 1]++] = (int32_t)j;
                any = true;
            }
        if (any)
            all[count++] = (int32_t)j;
    }
    return count;
}

static bool stands_in(const oracle_pair *row, size_t count, int32_t item)
{
    for (size_t e = 0; e < count; e++)
        if (row[e].row == item)
            return true;
    return false;
}

/* Why `item` was lost: nothing that was proposed can be, as rescoring is exact. */
static void expect(int32_t item, size_t rank[M][N])
{
    size_t best = 0, smallest = SIZE_MAX;
    for (size_t m = 0; m < M; m++)
        if (rank[m][item] > 0 && rank[m][item] < smallest) {
            smallest = rank[m][item];
            best = m;
        }
    bool search = smallest <= C;
    w.expected.reason[search ? KIN_LOSS_SEARCH : KIN_LOSS_DEPTH]++;
    (search ? w.expected.search_by : w.expected.depth_by)[best]++;
    w.expected.lost++;
}

static void make_row(size_t t, size_t i)
{
    static size_t rank[M][N];
    int32_t proposed[N];
    oracle_pair got[N], wanted[N];
    for (size_t m = 0; m < M; m++)
        rank_items(rank[m], i, m);
    size_t candidates = propose(proposed, t, i, rank);
    size_t got_count = oracle_row(&w.sample.oracle, i, proposed, candidates, K, got);
    size_t wanted_count = oracle_row(&w.sample.oracle, i, NULL, 0, K, wanted);
    for (size_t e = 0; e < got_count; e++) {
        w.indices[w.graph.pairs] = got[e].row;
        w.data[w.graph.pairs++] = got[e].score;
    }
    w.expected.rows += wanted_count > 0;
    w.expected.entries += wanted_count;
    size_t good = 0;
    for (size_t e = 0; e < got_count; e++)
        good += (double)got[e].score >= (double)wanted[wanted_count - 1].score - 1e-6;
    size_t lost = good < wanted_count ? wanted_count - good : 0;
    for (size_t e = 0; e < wanted_count && lost > 0; e++)
        if (!stands_in(got, got_count, wanted[e].row)) {
            expect(wanted[e].row, rank);
            lost--;
        }
}

static void write_trace(void)
{
    static const char *const name[M] = {"a", "b"};
    char shape[96];
    mkdir(test_path("g"), 0755);
#define WRITE(file, descr, count, data)                                                            \
    snprintf(shape, sizeof shape, "{'descr': '%s', 'fortran_order': False, 'shape': (%zu,), }",    \
             descr, (size_t)(count));                                                              \
    test_write_npy_raw(file, shape, data, (size_t)(count) * sizeof *(data))
    WRITE(test_path("g/trace.row.npy"), "<i4", ROWS, w.row);
    for (size_t m = 0; m < M; m++) {
        WRITE(test_path("g/trace_%s.start.npy", name[m]), "<i8", ROWS + 1, w.start[m]);
        WRITE(test_path("g/trace_%s.item.npy", name[m]), "<i4", w.start[m][ROWS], w.item[m]);
    }
#undef WRITE
    w.graph.manifest = json_pack("{s:{s:i, s:[{s:s, s:s, s:i}, {s:s, s:s, s:i}]}}", "trace", "rows",
                                 ROWS, "sources", "name", "a", "modality", "text", "asked", C,
                                 "name", "b", "modality", "image", "asked", C);
    assert_non_null(w.graph.manifest);
}

static int make_world(void **state)
{
    sample_spec spec = {.seed = 5,
                        .n = N,
                        .modality_count = M,
                        .d = {8, 5},
                        .weight = {.6, .4},
                        .kind = SAMPLE_DUPLICATES,
                        .missing_share = .05};
    if (test_folder_make(state) != 0)
        return -1;
    kin_threads_set(2);
    sample_make(&w.sample, &spec);
    w.graph = (kin_graph){.n = N, .k = K, .modality_count = M};
    strcpy(w.graph.modality[0], "text");
    strcpy(w.graph.modality[1], "image");
    w.graph.directory = strdup(test_path("g"));
    w.graph.indptr = calloc(N + 1, sizeof *w.graph.indptr);
    w.graph.indices = w.indices;
    w.graph.data = w.data;
    for (size_t i = 0; i < N; i++) {
        if (i % STEP == 0) {
            w.row[i / STEP] = (int32_t)i;
            make_row(i / STEP, i);
        }
        w.graph.indptr[i + 1] = (int64_t)w.graph.pairs;
    }
    write_trace();
    if (kin_dir_open(&w.graph.dir, w.graph.directory, NULL) != 0)
        return -1;
    return kin_lines_number(&w.graph.ids, N, NULL);
}

static int drop_world(void **state)
{
    kin_graph_close(&w.graph);
    sample_release(&w.sample);
    return test_folder_remove(state);
}

static void test_books_as_the_oracle_does(void **state)
{
    kin_loss loss;
    bool there;

    (void)state;
    test_ok(kin_loss_of_trace(&loss, &there, &w.graph, &w.sample.catalog, NULL, 0, NULL, &err),
            &err);
    assert_true(there);
    assert_int_equal(loss.rows, w.expected.rows);
    assert_int_equal(loss.entries, w.expected.entries);
    assert_int_equal(loss.lost, w.expected.lost);
    for (size_t r = 0; r < KIN_LOSS_REASONS; r++)
        assert_int_equal(loss.reason[r], w.expected.reason[r]);
    for (size_t m = 0; m < M; m++) {
        assert_true(w.expected.depth_by[m] > 0 && w.expected.search_by[m] > 0);
        assert_int_equal(loss.depth_by[m], w.expected.depth_by[m]);
        assert_int_equal(loss.search_by[m], w.expected.search_by[m]);
    }
    assert_int_equal(loss.advice_count, 2);
}

/* A reference that is given is the one that counts: against itself the graph has lost nothing. */
static void test_a_given_reference(void **state)
{
    kin_loss loss;
    bool there;

    (void)state;
    test_ok(kin_loss_of_trace(&loss, &there, &w.graph, &w.sample.catalog, &w.graph, 0, NULL, &err),
            &err);
    assert_true(loss.entries > 0);
    assert_int_equal(loss.lost, 0);
}

static void test_memory_is_planned(void **state)
{
    kin_loss loss;
    bool there;

    (void)state;
    int rc = kin_loss_of_trace(&loss, &there, &w.graph, &w.sample.catalog, NULL, 4096, NULL, &err);
    test_refused(rc, &err, KIN_E_MEMORY, "needs 0.1 MiB, --memory allows 0.0 MiB");
}

static void test_no_trace(void **state)
{
    kin_graph bare = w.graph;
    kin_loss loss;
    bool there = true;

    (void)state;
    bare.manifest = json_object();
    test_ok(kin_loss_of_trace(&loss, &there, &bare, &w.sample.catalog, NULL, 0, NULL, &err), &err);
    assert_false(there);
    assert_int_equal(loss.rows, 0);
    json_decref(bare.manifest);
}

static void test_depth(void **state)
{
    (void)state;
    assert_int_equal(kin_loss_trace_depth(600, 44072), 2400);
    assert_int_equal(kin_loss_trace_depth(600, 1000), 999);
    assert_int_equal(kin_loss_trace_depth(4000, 44072), 10000);
    assert_int_equal(kin_loss_trace_depth(20000, 44072), 20000);
    assert_int_equal(kin_loss_trace_depth(0, 44072), 10000);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_books_as_the_oracle_does),
        cmocka_unit_test(test_a_given_reference),
        cmocka_unit_test(test_memory_is_planned),
        cmocka_unit_test(test_no_trace),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
