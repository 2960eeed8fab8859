/*
 * job/row_sample, evaluation and tune: which rows are drawn, what the sinks keep, that a loss is
 * seen and a loss-free sample proves no more than it can, and that effort stops rising where it is
 * enough.
 */
#include "ann/faiss_build.h"
#include "core/threads.h"
#include "exact/stream.h"
#include "job/evaluation.h"
#include "job/tune.h"
#include "support/sample.h"
#include "support/test.h"

#include <math.h>

enum { N = 1200, K = 6 };

static kin_error err;

static void make(sample *s, kin_missing missing)
{
    sample_spec spec = {.seed = 11,
                        .n = N,
                        .modality_count = 2,
                        .d = {8, 5},
                        .weight = {.6, .4},
                        .kind = SAMPLE_DUPLICATES,
                        .missing_share = .1,
                        .missing = missing};
    kin_threads_set(2);
    sample_make(s, &spec);
}

static bool has(const int32_t *row, size_t count, int32_t wanted)
{
    for (size_t i = 0; i < count; i++)
        if (row[i] == wanted)
            return true;
    return false;
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* Ascending, distinct, of those that take part, none that was to be left out; the same again,
 * others in another round or for another purpose. */
static void test_draw(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    sample s;
    row_sample tuned, first, again, second;
    make(&s, KIN_MISSING_DROP);
    assert_true(kin_row_sample_population(&s.catalog) < N);
    row_sample_options o = {.k = K, .count = COUNT, .seed = 7, .purpose = ROW_SAMPLE_TUNE};
    test_ok(kin_row_sample_init(&tuned, &s.catalog, &o, &err), &err);
    o.purpose = ROW_SAMPLE_EVALUATION;
    o.round = 1;
    o.without = tuned.row;
    o.without_count = tuned.count;
    test_ok(kin_row_sample_init(&first, &s.catalog, &o, &err), &err);
    test_ok(kin_row_sample_init(&again, &s.catalog, &o, &err), &err);
    o.round = 2;
    test_ok(kin_row_sample_init(&second, &s.catalog, &o, &err), &err);
    assert_int_equal(first.count, COUNT);
    assert_memory_equal(first.row, again.row, COUNT * sizeof *first.row);
    assert_memory_not_equal(first.row, second.row, COUNT * sizeof *first.row);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(i == 0 || first.row[i - 1] < first.row[i]);
        assert_true(s.catalog.present[first.row[i]] != 0);
        assert_false(has(tuned.row, COUNT, first.row[i]));
        assert_false(has(tuned.row, COUNT, second.row[i]));
    }
    kin_row_sample_release(&tuned);
    kin_row_sample_release(&first);
    kin_row_sample_release(&again);
    kin_row_sample_release(&second);
    sample_release(&s);
}

static void test_how_many(void **state)
{
    (void)state;
    assert_int_equal(kin_evaluation_rows(0, .97), 0);
    assert_int_equal(kin_evaluation_rows(100, .5), 100);   /* 200 would be all */
    assert_int_equal(kin_evaluation_rows(1000, .5), 200);  /* at least */
    assert_int_equal(kin_evaluation_rows(1000, .97), 339); /* enough to prove .97 twice over */
    assert_int_equal(kin_evaluation_rows(600, .97), 600);  /* more than half: all */
    assert_int_equal(kin_evaluation_rows(20000, .97), 500);
    assert_int_equal(kin_evaluation_rows(1000000, .97), 1000);
    assert_int_equal(kin_evaluation_rows(1000000, .999), 10151);
    double sum = 0;
    for (size_t attempt = 1; attempt <= EVALUATION_ATTEMPTS; attempt++) {
        double alpha = kin_evaluation_alpha(attempt);
        double s = (double)kin_evaluation_rows(1000000, .9999);
        assert_true(pow(alpha, 1 / s) > .9999);
        sum += alpha;
    }
    assert_true(fabs(sum - EVALUATION_ERROR) < 1e-15);
}

/* ---- evaluation ------------------------------------------------------------------------------ */

/* An engine: exact rows of all items in blocks of an odd size, the last first and from two threads,
 * with the last `lost` neighbours of every row replaced by none. */
typedef struct fake {
    kin_rows all;
    size_t lost;
} fake;

static void fake_make(fake *self, const sample *s)
{
    kin_stream_options stream = KIN_STREAM_OPTIONS_INIT;
    stream.top_k = K;
    test_ok(kin_rows_init(&self->all, N, K, 2, &err), &err);
    test_ok(kin_stream_run(&s->catalog, NULL, &stream, kin_rows_sink(&self->all), NULL, &err),
            &err);
}

static void fake_run(const fake *self, kin_row_sink sink)
{
    enum { BLOCK = 7, BLOCKS = (N + BLOCK - 1) / BLOCK };
    int failed = 0;
#pragma omp parallel for schedule(dynamic) num_threads(2) reduction(+ : failed)
    for (int b = 0; b < BLOCKS; b++) {
        size_t first = (size_t)(BLOCKS - 1 - b) * BLOCK;
        size_t count = N - first < BLOCK ? N - first : BLOCK;
        kin_rows part = kin_rows_part(&self->all, first, count);
        uint32_t filled[BLOCK];
        for (size_t q = 0; q < count; q++)
            filled[q] = part.filled[q] > self->lost ? part.filled[q] - (uint32_t)self->lost : 0;
        part.filled = filled;
        failed += sink.write(sink.self, first, &part, NULL) != 0;
    }
    assert_int_equal(failed, 0);
}

/* Counts the rows that arrive behind the tee, each once. */
static int count_rows(void *self, size_t first, const kin_rows *rows, kin_error *e)
{
    (void)e;
    for (size_t q = 0; q < rows->count; q++)
#pragma omp atomic
        ((unsigned char *)self)[first + q]++;
    return 0;
}

static kin_evaluation_result evaluate_fake(const sample *s, const fake *engine, double target,
                                           size_t attempt)
{
    static unsigned char seen[N];
    kin_evaluation now;
    kin_evaluation_options o = {.target = target, .seed = 5, .k = K};
    memset(seen, 0, sizeof seen);
    test_ok(kin_evaluation_init(&now, &s->catalog, &o, attempt, &err), &err);
    fake_run(engine, kin_evaluation_sink(&now, (kin_row_sink){.self = seen, .write = count_rows}));
    for (size_t i = 0; i < N; i++)
        assert_int_equal(seen[i], 1);
    test_ok(kin_evaluation_finish(&now, NULL, &err), &err);
    kin_evaluation_result result = now.result;
    kin_evaluation_release(&now);
    return result;
}

/* Without a loss: alpha^(1/s), with the alpha of the attempt, and less than 1. */
static void test_loss_free(void **state)
{
    (void)state;
    sample s;
    fake engine = {.lost = 0};
    make(&s, KIN_MISSING_RENORM);
    fake_make(&engine, &s);
    for (size_t attempt = 1; attempt <= EVALUATION_ATTEMPTS; attempt++) {
        kin_evaluation_result v = evaluate_fake(&s, &engine, .97, attempt);
        assert_false(v.exhaustive);
        assert_int_equal(v.rows, 339);
        assert_true(v.at_k.mean == 1 && v.met);
        assert_true(v.at_k.lower_bound < 1);
        assert_true(fabs(v.at_k.lower_bound - pow(v.alpha, 1.0 / 339)) < 1e-12);
        const kin_evaluation_mean part[] = {v.at_1, v.at_10, v.at_least_90};
        for (size_t i = 0; i < TEST_COUNT(part); i++)
            assert_true(part[i].mean == 1 && part[i].lower_bound == v.at_k.lower_bound);
    }
    kin_rows_release(&engine.all);
    sample_release(&s);
}

/* One of six neighbours lost in every row, unless equals hold its place: 5/6. */
static void test_loss_is_seen(void **state)
{
    (void)state;
    sample s;
    fake engine = {.lost = 1};
    make(&s, KIN_MISSING_RENORM);
    fake_make(&engine, &s);
    kin_evaluation_result v = evaluate_fake(&s, &engine, .97, 1);
    assert_true(fabs(v.at_k.mean - 5.0 / 6) < 1e-12);
    assert_true(v.at_k.lower_bound < v.at_k.mean && v.at_k.lower_bound > v.at_k.mean - .03);
    assert_false(v.met);
    assert_true(v.at_1.mean == 1 && v.at_1.lower_bound > v.at_k.lower_bound);
    assert_true(v.at_10.mean == v.at_k.mean && v.at_10.lower_bound == v.at_k.lower_bound);
    assert_true(v.at_least_90.mean == 0 && v.at_least_90.lower_bound < 1e-3);
    assert_true(evaluate_fake(&s, &engine, .75, 2).met);
    kin_rows_release(&engine.all);
    sample_release(&s);
}

/* A target that half of the items could not prove: all are evaluated, and the mean is known. */
static void test_exhaustive(void **state)
{
    (void)state;
    sample s;
    fake engine = {.lost = 0};
    make(&s, KIN_MISSING_RENORM);
    fake_make(&engine, &s);
    kin_evaluation_result v = evaluate_fake(&s, &engine, .9999, 1);
    assert_true(v.exhaustive && v.met && v.at_k.mean == 1 && v.at_k.lower_bound == 1);
    assert_int_equal(v.rows, kin_row_sample_population(&s.catalog));
    assert_true(v.at_1.lower_bound == 1 && v.at_10.lower_bound == 1);
    assert_true(v.at_least_90.lower_bound == 1);
    kin_rows_release(&engine.all);
    sample_release(&s);
}

static void test_row_left_out(void **state)
{
    (void)state;
    static unsigned char seen[N];
    sample s;
    kin_evaluation now;
    kin_evaluation_options o = {.target = .97, .seed = 5, .k = K};
    make(&s, KIN_MISSING_RENORM);
    test_ok(kin_evaluation_init(&now, &s.catalog, &o, 1, &err), &err);
    kin_evaluation_sink(&now, (kin_row_sink){.self = seen, .write = count_rows});
    test_refused(kin_evaluation_finish(&now, NULL, &err), &err, KIN_E_INTERNAL,
                 "was drawn and never written");
    kin_evaluation_release(&now);
    o.memory_bytes = 1024;
    test_refused(kin_evaluation_init(&now, &s.catalog, &o, 1, &err), &err, KIN_E_MEMORY,
                 "sampled rows");
    sample_release(&s);
}

/* ---- tuning ---------------------------------------------------------------------------------- */

/* An easy catalog is done at the first step; no step is taken after one that promises; the rows
 * that served are told. */
static void test_tune(void **state)
{
    (void)state;
    sample s;
    kin_index *index;
    tuning t;
    kin_index_options options = KIN_INDEX_OPTIONS_INIT;
    options.type = KIN_INDEX_HNSW;
    make(&s, KIN_MISSING_RENORM);
    test_ok(kin_index_build(&index, &s.catalog, &options, NULL, &err), &err);
    for (int hard = 0; hard < 2; hard++) {
        kin_search_options find = {.top_k = hard ? 60 : K};
        tune_options o = {.target = hard ? .999 : .5, .seed = 3};
        test_ok(kin_tune_search(&t, &find, index, &s.catalog, &o, NULL, &err), &err);
        assert_true(t.candidates == find.candidates && t.candidates == find.ef_search);
        assert_true(t.candidates >= 64 && t.rows > 0 && t.mean > .5 && t.mean <= 1);
        for (size_t i = 1; i < t.rows; i++)
            assert_true(t.row[i - 1] < t.row[i]);
        if (hard)
            assert_true(t.steps > 1 && (t.likely || t.candidates == 8 * 60));
        else
            assert_true(t.steps == 1 && t.likely && t.candidates == 64);
        kin_tuning_release(&t);
    }
    kin_index_free(index);
    sample_release(&s);
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draw),       cmocka_unit_test(test_how_many),
        cmocka_unit_test(test_loss_free),  cmocka_unit_test(test_loss_is_seen),
        cmocka_unit_test(test_exhaustive), cmocka_unit_test(test_row_left_out),
        cmocka_unit_test(test_tune),
    };
    test_calm_threads(argv);
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
