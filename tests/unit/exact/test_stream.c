/*
 * exact/stream: hundreds of small catalogs, kind and cruel, every row equal to the oracle's in
 * neighbours, order, scores and cosines, bit for bit, whatever the micro-batch and the number of
 * threads; subsets of rows; and every refusal.
 */
#include "core/threads.h"
#include "exact/stream.h"
#include "support/sets.h"
#include "support/test.h"

#include <math.h>

static const size_t batches[] = {1, 7, 64};
static const int threads[] = {1, 2, 3, 7};
enum { VARIANTS = TEST_COUNT(batches) * TEST_COUNT(threads), SETS = 560 };

static void run(const sample *s, const kin_stream_queries *queries, size_t count, size_t k,
                size_t variant, kin_rows *rows)
{
    kin_error err;
    kin_stream_options options = KIN_STREAM_OPTIONS_INIT;
    options.top_k = k;
    options.micro_batch = batches[variant % TEST_COUNT(batches)];
    kin_threads_set(threads[variant / TEST_COUNT(batches) % TEST_COUNT(threads)]);
    test_ok(kin_rows_init(rows, count, k, s->catalog.modality_count, &err), &err);
    test_ok(kin_stream_run(&s->catalog, queries, &options, kin_rows_sink(rows), NULL, &err), &err);
    assert_int_equal(rows->count, count);
}

static void check_all(const sample *s, const truth *t, size_t k, size_t variant, const char *what)
{
    kin_rows rows;
    run(s, NULL, s->oracle.n, k, variant, &rows);
    for (size_t i = 0; i < s->oracle.n; i++) {
        char where[160];
        snprintf(where, sizeof where, "%s, variant %zu, row %zu", what, variant, i);
        sample_assert_row(&rows, i, truth_row(t, i), t->count[i], where);
    }
    kin_rows_release(&rows);
}

/* Some rows, out of order and one of them twice. */
static void check_subset(const sample *s, const truth *t, size_t k, size_t variant,
                         uint64_t *random)
{
    int32_t row[9];
    kin_rows rows;
    for (size_t q = 0; q + 1 < TEST_COUNT(row); q++)
        row[q] = (int32_t)test_random_below(random, s->oracle.n);
    row[TEST_COUNT(row) - 1] = row[0];
    kin_stream_queries queries = {row, TEST_COUNT(row)};
    run(s, &queries, queries.count, k, variant, &rows);
    for (size_t q = 0; q < queries.count; q++) {
        size_t i = (size_t)row[q];
        sample_assert_row(&rows, q, truth_row(t, i), t->count[i], "subset");
    }
    kin_rows_release(&rows);
}

/* The contract against the definition: canonical scores are the true ones, rounded. An order of
 * scores that differ by more than that is then the true order. */
static void check_truth(const oracle *o, const truth *t)
{
    double weights = 0;
    for (size_t m = 0; m < o->modality_count; m++)
        weights += o->weight[m];
    for (size_t i = 0; i < o->n; i += 1 + o->n / 7)
        for (size_t r = 0; r < t->count[i]; r++) {
            const oracle_pair *pair = &truth_row(t, i)[r];
            long double exact = oracle_true_score(o, i, (size_t)pair->row);
            /* half a unit in the last place of the float, and 1e-13 W for the sums in double */
            long double bound = 0x1p-24L * fabsl(exact) + 1e-13L * weights;
            if (!(fabsl(pair->score - exact) <= bound))
                fail_msg("%zu, %d: %.9g, truly %.12Lg", i, pair->row, (double)pair->score, exact);
        }
}

/* ---- the sets -------------------------------------------------------------------------------- */

/* n^2 d at most five million: the oracle takes ten milliseconds. */
static sample_spec draw_spec(size_t set, uint64_t *random)
{
    static const size_t dimensions[] = {1, 2, 3, 5, 31, 32, 63, 64, 65, 200, 1000};
    set_limits limits = {dimensions, TEST_COUNT(dimensions), 2, 300, 5e6};
    return set_draw(set, &limits, random);
}

static void test_sets_equal_the_oracle(void **state)
{
    (void)state;
    uint64_t random = 20240601;
    for (size_t set = 0; set < SETS; set++) {
        sample s;
        sample_spec spec = draw_spec(set, &random);
        size_t k = set_draw_k(set, spec.n, &random);
        char what[100];
        snprintf(what, sizeof what, "set %zu (kind %d, n %zu, k %zu)", set, spec.kind, spec.n, k);
        sample_make(&s, &spec);
        truth t = truth_make(&s.oracle, k);
        check_truth(&s.oracle, &t);
        check_all(&s, &t, k, set, what);
        if (set % 37 == 0)
            for (size_t variant = 0; variant < VARIANTS; variant++)
                check_all(&s, &t, k, variant, what);
        check_subset(&s, &t, k, set / 2, &random);
        truth_free(&t);
        sample_release(&s);
    }
}

/* Long rows that differ in their last bits: scores agree to seven digits and more, so that the
 * order of a single-precision product means nothing and only the margin saves the result. More
 * items than one block of columns has. */
static void test_near_ties(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        sample s;
        sample_spec spec = {.seed = seed, .n = 700, .modality_count = 2, .kind = SAMPLE_NEAR};
        spec.d[0] = 300;
        spec.d[1] = 77;
        spec.weight[0] = 0.6;
        spec.weight[1] = 0.4;
        spec.n = seed == 3 ? 1100 : 200;
        spec.d[0] = seed == 3 ? 40 : seed == 2 ? 1000 : 300;
        sample_make(&s, &spec);
        truth t = truth_make(&s.oracle, 10);
        check_all(&s, &t, 10, seed * 5, "near ties");
        truth_free(&t);
        sample_release(&s);
    }
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void make_plain(sample *s)
{
    sample_spec spec = {.seed = 5, .n = 150, .modality_count = 1, .d = {8}, .weight = {1}};
    sample_make(s, &spec);
}

static int refuse_block(void *self, size_t first, const kin_rows *rows, kin_error *err)
{
    (void)rows;
    (*(size_t *)self)++;
    return first >= 14 ? kin_fail(err, KIN_E_IO, "hint", "disk full at %zu", first) : 0;
}

static void test_refusals(void **state)
{
    (void)state;
    sample s;
    kin_error err = {0};
    size_t calls = 0;
    kin_row_sink sink = {.self = &calls, .write = refuse_block};
    kin_stream_options options = KIN_STREAM_OPTIONS_INIT;
    make_plain(&s);
    test_refused(kin_stream_run(&s.catalog, NULL, &options, sink, NULL, &err), &err, KIN_E_DATA,
                 "top-k 200 needs at least 201 items, the catalog has 150");
    options.top_k = 150;
    test_refused(kin_stream_run(&s.catalog, NULL, &options, sink, NULL, &err), &err, KIN_E_DATA,
                 "top-k 150 needs at least 151 items, the catalog has 150");
    options.top_k = 149;
    options.micro_batch = 150;
    options.memory_bytes = 10000;
    test_refused(kin_stream_run(&s.catalog, NULL, &options, sink, NULL, &err), &err, KIN_E_MEMORY,
                 "MiB, --memory allows 0.0 MiB; the largest part is ");
    assert_int_equal(calls, 0);

    /* what the sink says is what the caller hears, at once */
    options.memory_bytes = 0;
    options.micro_batch = 7;
    test_refused(kin_stream_run(&s.catalog, NULL, &options, sink, NULL, &err), &err, KIN_E_IO,
                 "disk full at 14");
    assert_int_equal(calls, 3);
    sample_release(&s);
}

typedef struct monitored {
    size_t reports;
    size_t done;
    size_t total;
    size_t stop_at;
} monitored;

static void note_progress(void *self, size_t done, size_t total)
{
    monitored *w = self;
    assert_true(done >= w->done && done <= total);
    w->reports++;
    w->done = done;
    w->total = total;
}

static bool stop_now(void *self)
{
    monitored *w = self;
    return w->done >= w->stop_at;
}

static void test_monitor(void **state)
{
    (void)state;
    sample s;
    kin_rows rows;
    kin_error err = {0};
    monitored w = {.stop_at = 1000};
    kin_monitor monitor = {.self = &w, .progress = note_progress, .stopped = stop_now};
    kin_stream_options options = {.top_k = 3, .micro_batch = 50};
    make_plain(&s);
    test_ok(kin_rows_init(&rows, 150, 3, 1, &err), &err);
    test_ok(kin_stream_run(&s.catalog, NULL, &options, kin_rows_sink(&rows), &monitor, &err), &err);
    assert_true(w.reports == 4 && w.done == 150 && w.total == 150); /* at 0, 50, 100, 150 */

    w = (monitored){.stop_at = 100};
    rows.count = 0;
    test_refused(kin_stream_run(&s.catalog, NULL, &options, kin_rows_sink(&rows), &monitor, &err),
                 &err, KIN_E_STOPPED, "stopped");
    assert_true(w.done == 100 && rows.count == 100);

    /* a refused run reports nothing */
    w = (monitored){.stop_at = 1000};
    options.top_k = 150;
    test_refused(kin_stream_run(&s.catalog, NULL, &options, kin_rows_sink(&rows), &monitor, &err),
                 &err, KIN_E_DATA, "top-k");
    assert_int_equal(w.reports, 0);
    kin_rows_release(&rows);
    sample_release(&s);
}

static void test_micro_batch(void **state)
{
    (void)state;
    kin_stream_options options = KIN_STREAM_OPTIONS_INIT;
    assert_int_equal(kin_stream_micro_batch(&options, 1000), 1000);
    assert_int_equal(kin_stream_micro_batch(&options, INT32_MAX), 1024);
    options.micro_batch = 50;
    assert_int_equal(kin_stream_micro_batch(&options, 1 << 20), 50);
    assert_int_equal(kin_stream_micro_batch(&options, 5), 5);
}

/* What a run holds does not grow with the items. */
static void test_plan(void **state)
{
    (void)state;
    sample s;
    kin_memory_plan few, many;
    kin_stream_options options = {.top_k = 100};
    make_plain(&s);
    kin_catalog catalog = s.catalog;
    catalog.n = 100000;
    kin_stream_make_plan(&few, &catalog, 2000, &options);
    catalog.n = 100000000;
    kin_stream_make_plan(&many, &catalog, 2000, &options);
    assert_int_equal(few.total_bytes, many.total_bytes);
    assert_true(few.total_bytes < (size_t)kin_threads_used() << 24);
    sample_release(&s);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets_equal_the_oracle),
        cmocka_unit_test(test_near_ties),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_monitor),
        cmocka_unit_test(test_micro_batch),
        cmocka_unit_test(test_plan),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
