/*
 * job/pairs: all pairs of a graph in its order, and samples: as many as asked for, without
 * replacement, ascending, the same whatever the row order on disk, and each pair as likely as any
 * other. The statistics are of fixed seeds: they come out the same on every machine.
 */
#include "compare/compatible.h"
#include "job/pairs.h"
#include "job/pairs_npz.h"
#include "support/small_graph.h"
#include "support/test.h"

#include <fcntl.h>
#include <math.h>
#include <unistd.h>

enum { ROWS_MAX = 200000 };

/* What a sink was given. */
typedef struct heard {
    size_t count, calls, fail_at;
    int32_t item[ROWS_MAX], neighbor[ROWS_MAX], rank[ROWS_MAX];
    float score[ROWS_MAX], cosine[2][ROWS_MAX];
} heard;

static heard first, second;

static int hear(void *self, const kin_pair_rows *rows, kin_error *err)
{
    heard *to = self;
    assert_true(rows->count > 0 && to->count + rows->count <= ROWS_MAX);
    if (++to->calls == to->fail_at)
        return kin_fail(err, KIN_E_IO, "hint", "the sink is full");
    memcpy(to->item + to->count, rows->item, rows->count * sizeof *rows->item);
    memcpy(to->neighbor + to->count, rows->neighbor, rows->count * sizeof *rows->neighbor);
    memcpy(to->rank + to->count, rows->rank, rows->count * sizeof *rows->rank);
    memcpy(to->score + to->count, rows->score, rows->count * sizeof *rows->score);
    for (size_t m = 0; m < 2 && rows->cosine[m]; m++)
        memcpy(to->cosine[m] + to->count, rows->cosine[m], rows->count * sizeof(float));
    to->count += rows->count;
    return 0;
}

static void take(heard *to, const kin_graph *graph, int64_t max_rows, int64_t seed)
{
    const kin_pairs_options options = {.max_rows = max_rows, .seed = seed};
    const kin_pair_sink sink = {to, hear};
    kin_error err;
    to->count = to->calls = to->fail_at = 0;
    test_ok(kin_pairs_run(graph, &options, &sink, NULL, &err), &err);
    assert_int_equal(to->count, kin_pairs_count(graph, &options));
}

/* ---- a graph in memory ----------------------------------------------------------------------- */

/* Rows of lengths 0 .. k in turn; entry e has neighbour e of n. */
static void make_graph(kin_graph *graph, size_t n, size_t k)
{
    *graph = (kin_graph){.n = n, .k = k, .modality_count = 1, .directory = strdup("g")};
    graph->indptr = calloc(n + 1, sizeof *graph->indptr);
    for (size_t i = 0; i < n; i++)
        graph->indptr[i + 1] = graph->indptr[i] + (int64_t)(i % (k + 1));
    graph->pairs = (size_t)graph->indptr[n];
    int32_t *indices = calloc(graph->pairs, sizeof *indices);
    float *data = calloc(graph->pairs, sizeof *data);
    uint16_t *cosine = calloc(graph->pairs, sizeof *cosine);
    for (size_t p = 0; p < graph->pairs; p++) {
        indices[p] = (int32_t)(p % n);
        data[p] = 1 - (float)p / (float)graph->pairs;
    }
    graph->in_memory[0] = indices;
    graph->in_memory[1] = data;
    graph->in_memory[2] = cosine;
    graph->indices = indices;
    graph->data = data;
    graph->cosine[0] = cosine;
    graph->manifest = json_pack("{s:[{s:f}]}", "modalities", "weight", 2.0);
    assert_true(graph->directory && graph->indptr && indices && data && cosine && graph->manifest);
}

/* The place of a row of the table among all pairs. */
static size_t place_of(const kin_graph *graph, const heard *rows, size_t i)
{
    return (size_t)graph->indptr[rows->item[i]] + (size_t)rows->rank[i] - 1;
}

static void test_all(void **state)
{
    kin_graph graph;
    (void)state;
    make_graph(&graph, 30000, 10);
    assert_true(graph.pairs > 1 << 17 && graph.pairs <= ROWS_MAX); /* several blocks */
    take(&first, &graph, 0, 1);
    assert_int_equal(first.count, graph.pairs);
    assert_int_equal(first.calls, (graph.pairs + 65535) / 65536);
    for (size_t p = 0; p < graph.pairs; p++) {
        assert_int_equal(place_of(&graph, &first, p), p);
        assert_int_equal(first.neighbor[p], graph.indices[p]);
        assert_true(first.score[p] == graph.data[p]);
        assert_true(first.cosine[0][p] == (float)((double)graph.data[p] / 2));
    }
    const int64_t enough[] = {(int64_t)graph.pairs, (int64_t)graph.pairs + 1, (int64_t)1e15};
    for (size_t e = 0; e < TEST_COUNT(enough); e++) {
        take(&second, &graph, enough[e], 1);
        assert_int_equal(second.count, graph.pairs);
        assert_memory_equal(first.item, second.item, graph.pairs * sizeof *first.item);
    }
    kin_graph_close(&graph);
}

static void test_samples(void **state)
{
    static const int64_t size[] = {1, 2, 1000, 65536, 65537, 149000};
    kin_graph graph;
    (void)state;
    make_graph(&graph, 30000, 10);
    for (size_t s = 0; s < TEST_COUNT(size); s++) {
        take(&first, &graph, size[s], 7);
        for (size_t i = 0; i < first.count; i++) {
            size_t p = place_of(&graph, &first, i);
            assert_true(i == 0 || p > place_of(&graph, &first, i - 1));
            assert_int_equal(first.neighbor[i], graph.indices[p]);
            assert_true(first.score[i] == graph.data[p]);
        }
        take(&second, &graph, size[s], 7);
        assert_memory_equal(first.item, second.item, first.count * sizeof *first.item);
        assert_memory_equal(first.rank, second.rank, first.count * sizeof *first.rank);
        take(&second, &graph, size[s], 8);
        assert_true(memcmp(first.item, second.item, first.count * sizeof *first.item) != 0);
    }
    kin_graph_close(&graph);
}

/* ---- statistics ------------------------------------------------------------------------------ */

/* Inclusions of each of N pairs, and of each two of them together, over many seeds. */
static void test_uniform(void **state)
{
    enum { SEEDS = 20000, N = 45, TAKEN = 9 };
    static uint32_t one[N], two[N][N];
    kin_graph graph;
    (void)state;
    make_graph(&graph, 18, 5);
    assert_int_equal(graph.pairs, N);
    memset(one, 0, sizeof one);
    memset(two, 0, sizeof two);
    for (int64_t seed = 0; seed < SEEDS; seed++) {
        take(&first, &graph, TAKEN, seed);
        for (size_t i = 0; i < TAKEN; i++) {
            size_t p = place_of(&graph, &first, i);
            one[p]++;
            for (size_t j = 0; j < i; j++)
                two[place_of(&graph, &first, j)][p]++;
        }
    }
    double likely = (double)TAKEN / N, both = likely * (TAKEN - 1) / (N - 1);
    double square = 0, pair_square = 0;
    for (size_t p = 0; p < N; p++) {
        double off = one[p] - SEEDS * likely;
        square += off * off / (SEEDS * likely);
        for (size_t q = p + 1; q < N; q++) {
            off = two[p][q] - SEEDS * both;
            pair_square += off * off / (SEEDS * both);
        }
    }
    /* Inclusions of one sample exclude each other: the sum has N - 1 degrees of freedom and its
     * terms 1 - n / N of the variance. The .999 quantile of chi-square with 44 is 78.7, its .001
     * quantile 18.7. The sum over the 990 counts of two has the mean 990 (1 - both) = 954; its
     * terms are not independent either, and sigma is 70. */
    square /= (1 - likely) * N / (N - 1);
    assert_true(square > 18.7 && square < 78.7);
    assert_true(fabs(pair_square - 954) < 3 * 70);
    kin_graph_close(&graph);
}

/* A large sample has its share of every stretch of the graph. */
static void test_stretches(void **state)
{
    enum { STRETCHES = 100, TAKEN = 60000 };
    size_t count[STRETCHES] = {0};
    double square = 0;
    kin_graph graph;
    (void)state;
    make_graph(&graph, 30000, 10);
    take(&first, &graph, TAKEN, 3);
    for (size_t i = 0; i < first.count; i++)
        count[place_of(&graph, &first, i) * STRETCHES / graph.pairs]++;
    for (size_t s = 0; s < STRETCHES; s++) {
        double wanted = (double)TAKEN / STRETCHES, off = (double)count[s] - wanted;
        square += off * off / wanted;
    }
    square /= 1 - (double)TAKEN / (double)graph.pairs;
    assert_true(square > 60.5 && square < 150); /* .001 and .999 with 99 degrees: 60.5, 148.2 */
    kin_graph_close(&graph);
}

/* ---- folders --------------------------------------------------------------------------------- */

/* The same table from either row order, with empty rows and cosines that are lacking. */
static void test_row_orders(void **state)
{
    static const int64_t size[] = {0, 1, 11, 1000};
    kin_graph score, column;
    kin_error err;
    (void)state;
    small_graph(test_path("score"), KIN_ORDER_SCORE, false);
    small_graph(test_path("column"), KIN_ORDER_COLUMN, false);
    test_ok(kin_graph_open(&score, test_path("score"), &err), &err);
    test_ok(kin_graph_open(&column, test_path("column"), &err), &err);
    for (size_t s = 0; s < TEST_COUNT(size); s++) {
        size_t lacking = 0;
        take(&first, &score, size[s], 5);
        take(&second, &column, size[s], 5);
        assert_memory_equal(first.item, second.item, first.count * sizeof *first.item);
        assert_memory_equal(first.rank, second.rank, first.count * sizeof *first.rank);
        assert_memory_equal(first.neighbor, second.neighbor, first.count * sizeof *first.rank);
        assert_memory_equal(first.score, second.score, first.count * sizeof *first.score);
        assert_memory_equal(first.cosine[1], second.cosine[1], first.count * sizeof(float));
        for (size_t i = 0; i < first.count; i++)
            lacking += isnan(first.cosine[1][i]);
        assert_true(size[s] != 0 || lacking > 0);
    }
    kin_graph_close(&score);
    kin_graph_close(&column);
}

static bool stop(void *self)
{
    (void)self;
    return true;
}

static void test_refusals(void **state)
{
    kin_graph graph;
    kin_error err;
    const kin_pair_sink sink = {&first, hear};
    const kin_monitor monitor = {.stopped = stop};
    kin_pairs_options options = KIN_PAIRS_OPTIONS_INIT;
    (void)state;
    make_graph(&graph, 30, 4);
    first.count = first.calls = 0;
    first.fail_at = 1;
    test_refused(kin_pairs_run(&graph, &options, &sink, NULL, &err), &err, KIN_E_IO,
                 "the sink is full");
    assert_int_equal(kin_pairs_run(&graph, &options, &sink, &monitor, &err), KIN_E_STOPPED);
    options.max_rows = -1;
    test_refused(kin_pairs_run(&graph, &options, &sink, NULL, &err), &err, KIN_E_USAGE, "max-rows");
    options.max_rows = 0;
    ((float *)graph.in_memory[1])[7] = NAN;
    test_refused(kin_pairs_run(&graph, &options, &sink, NULL, &err), &err, KIN_E_DATA,
                 "has score nan");
    kin_graph_close(&graph);
}

static void test_npz(void **state)
{
    kin_graph graph;
    kin_error err;
    kin_pairs_npz npz;
    const kin_pairs_options options = {.max_rows = 9, .seed = 1};
    (void)state;
    make_graph(&graph, 30, 4);
    const char *path = test_path("p.npz");
    int fd = open(path, O_RDWR | O_CREAT, 0666);
    const kin_pair_sink sink = kin_pairs_npz_sink(&npz);
    bool is = true;
    test_ok(kin_pairs_npz_is(&is, path, &err), &err);
    assert_false(is);
    test_ok(kin_pairs_npz_init(&npz, fd, path, &graph, 9, &err), &err);
    test_ok(kin_pairs_run(&graph, &options, &sink, NULL, &err), &err);
    test_ok(kin_pairs_npz_is(&is, path, &err), &err);
    assert_false(is);
    test_ok(kin_npz_writer_finish(&npz.writer, &err), &err);
    test_ok(kin_pairs_npz_is(&is, path, &err), &err);
    assert_true(is);
    test_refused(kin_pairs_npz_is(&is, test_path("none.npz"), &err), &err, KIN_E_NOINPUT, "none");
    close(fd);
    kin_graph_close(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_uniform),    cmocka_unit_test(test_stretches),
        cmocka_unit_test(test_row_orders), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_npz),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
