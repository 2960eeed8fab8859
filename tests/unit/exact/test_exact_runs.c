/*
 * exact/exact, the run itself: rows and counts for any number of threads, blocks of rows for small
 * budgets, sinks that refuse, monitors that stop, items that are in no pair, and every refusal.
 * That rows are right in general is shown by test_exact.c.
 */
#include "core/threads.h"
#include "support/exact_run.h"
#include "support/test.h"

/* Some clusters and seven masks. */
static sample_spec mixed_spec(sample_kind kind)
{
    return (sample_spec){.seed = 21 + kind,
                         .n = 1500,
                         .modality_count = 3,
                         .d = {70, 20, 5},
                         .weight = {1, 0.7, 0.2},
                         .kind = kind,
                         .missing_share = 0.15};
}

/* All items complete, four clusters. */
static sample_spec plain_spec(void)
{
    return (sample_spec){.seed = 5,
                         .n = 2000,
                         .modality_count = 1,
                         .d = {40},
                         .weight = {1},
                         .kind = SAMPLE_CLUSTERS};
}

/* ---- threads --------------------------------------------------------------------------------- */

/* Not the rows alone: what was looked at on the way is the same too. */
static void evaluate_threads(const sample_spec *spec, size_t lead)
{
    sample s;
    kin_exact_report first = {0};
    sample_make(&s, spec);
    truth t = truth_make(&s.oracle, 15);
    for (size_t variant = 0; variant < 4; variant++) {
        exact_way way = exact_way_of(variant);
        way.lead = lead;
        kin_exact_report report = exact_check(&s, &t, way, "threads");
        if (variant == 0)
            first = report;
        assert_memory_equal(&report, &first, sizeof first);
    }
    truth_free(&t);
    sample_release(&s);
}

/* 64 dimensions in all, of which every one leads: no axes are learnt. */
static void test_threads(void **state)
{
    (void)state;
    static const sample_kind kinds[] = {SAMPLE_NORMAL, SAMPLE_CLUSTERS, SAMPLE_DUPLICATES,
                                        SAMPLE_TWINS, SAMPLE_FAMILIES};
    for (size_t c = 0; c < TEST_COUNT(kinds); c++) {
        sample_spec spec = mixed_spec(kinds[c]);
        spec.d[0] = 39;
        evaluate_threads(&spec, 0);
    }
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* The plan for a budget; false, and a proper refusal, where it is too small. */
static bool plan_for(const sample *s, size_t k, exact_way way, kin_exact_plan *plan)
{
    kin_error err = {0};
    kin_exact *engine = NULL;
    int rc = exact_make(&engine, s, k, way, &err);
    if (rc != 0) {
        test_refused(rc, &err, KIN_E_MEMORY, " MiB, --memory allows ");
        assert_null(engine);
        return false;
    }
    *plan = *kin_exact_get_plan(engine);
    kin_exact_free(engine);
    return true;
}

/* Budgets from what all rows at once take down to what is refused: the same rows for each number
 * of blocks, and never fewer blocks for less memory. Tells how many there were in the end. */
static size_t evaluate_budgets(const sample_spec *spec, size_t k, int threads)
{
    sample s;
    kin_exact_plan plan = {0};
    exact_way way = {.threads = threads, .slack = 1};
    size_t blocks = 0;
    sample_make(&s, spec);
    truth t = truth_make(&s.oracle, k);
    assert_true(plan_for(&s, k, way, &plan));
    assert_int_equal(plan.blocks, 1);
    way.memory_bytes = plan.total_bytes;
    while (plan_for(&s, k, way, &plan)) {
        assert_true(plan.total_bytes <= way.memory_bytes && plan.blocks >= blocks);
        if (plan.blocks > blocks || !SETS_SANITIZED)
            exact_check(&s, &t, way, "budgets");
        blocks = plan.blocks;
        way.memory_bytes -= way.memory_bytes / 16;
    }
    truth_free(&t);
    sample_release(&s);
    return blocks;
}

static void test_blocks(void **state)
{
    (void)state;
    sample_spec mixed = mixed_spec(SAMPLE_DUPLICATES), plain = plain_spec();
    assert_true(evaluate_budgets(&mixed, 200, 1) >= 2);
    assert_true(evaluate_budgets(&plain, 300, 2) >= 3);
    assert_true(evaluate_budgets(&plain, 900, 3) >= 3);
}

/* A way with several blocks, found by asking. */
static exact_way way_with_blocks(const sample *s, size_t k)
{
    kin_exact_plan plan = {0};
    exact_way way = {.threads = 2, .slack = 1};
    assert_true(plan_for(s, k, way, &plan));
    way.memory_bytes = plan.total_bytes;
    while (plan.blocks < 3) {
        way.memory_bytes -= way.memory_bytes / 24;
        assert_true(plan_for(s, k, way, &plan));
    }
    return way;
}

/* ---- sinks and monitors --------------------------------------------------------------------- */

/* What the sink says is what the caller hears, in the first block and in later ones; no thread
 * goes on beyond the row it is at. */
static void test_sink_refuses(void **state)
{
    (void)state;
    sample s;
    sample_spec spec = plain_spec();
    enum { K = 300 };
    sample_make(&s, &spec);
    exact_way way = way_with_blocks(&s, K);
    taker whole;
    exact_run(&s, K, way, &whole);
    size_t refusals[] = {1, 2, whole.calls / 2, whole.calls};
    assert_true(whole.calls > 4);
    taker_release(&whole);
    for (size_t c = 0; c < TEST_COUNT(refusals); c++) {
        taker t;
        kin_error err = {0};
        kin_exact *engine = NULL;
        taker_init(&t, &s, K);
        t.refuse_at = refusals[c];
        test_ok(exact_make(&engine, &s, K, way, &err), &err);
        test_refused(kin_exact_run(engine, taker_sink(&t), NULL, &err), &err, KIN_E_IO,
                     "disk full at call ");
        assert_in_range(t.calls, refusals[c], refusals[c] + (size_t)kin_threads_used() - 1);
        taker_release(&t);
        kin_exact_free(engine); /* and once more for a caller who does not ask why */
        taker_init(&t, &s, K);
        t.refuse_at = refusals[c];
        test_ok(exact_make(&engine, &s, K, way, &err), &err);
        assert_int_equal(kin_exact_run(engine, taker_sink(&t), NULL, NULL), KIN_E_IO);
        kin_exact_free(engine);
        taker_release(&t);
    }
    sample_release(&s);
}

/* Who monitors a run, and what had been written when it said stop. */
typedef struct monitored {
    size_t reports, done, total;
    size_t looks, stop_at;
    const taker *taker;
    size_t calls;
} monitored;

static void note_progress(void *self, size_t done, size_t total)
{
    monitored *w = self;
    assert_true(done >= w->done && done <= total);
    assert_true(w->reports == 0 || total == w->total);
    w->reports++;
    w->done = done;
    w->total = total;
}

static bool stop_in_time(void *self)
{
    monitored *w = self;
    if (++w->looks == w->stop_at)
        w->calls = w->taker->calls;
    return w->looks >= w->stop_at;
}

/* Runs with a monitor that stops at its look number stop_at; false once that is never reached. */
static bool stops_at(const sample *s, size_t k, exact_way way, size_t stop_at)
{
    taker t;
    kin_error err = {0};
    kin_exact *engine = NULL;
    monitored w = {.stop_at = stop_at, .taker = &t};
    kin_monitor monitor = {.self = &w, .progress = note_progress, .stopped = stop_in_time};
    taker_init(&t, s, k);
    test_ok(exact_make(&engine, s, k, way, &err), &err);
    assert_int_equal(w.reports, 0);
    int rc = kin_exact_run(engine, taker_sink(&t), &monitor, &err);
    bool stopped = w.looks >= stop_at;
    if (stopped) {
        test_refused(rc, &err, KIN_E_STOPPED, "stopped");
        assert_true(w.looks == stop_at && t.calls == w.calls && t.taken_count < s->oracle.n);
    } else {
        test_ok(rc, &err);
        assert_true(w.done == s->oracle.n && w.total == s->oracle.n && w.reports > 4);
        assert_int_equal(t.taken_count, s->oracle.n);
    }
    kin_exact_free(engine);
    taker_release(&t);
    return stopped;
}

/* Every moment at which the engine asks is tried: it ends at once, and asks not once more. */
static void test_monitor(void **state)
{
    (void)state;
    sample s;
    sample_spec spec = plain_spec();
    enum { K = 300 };
    sample_make(&s, &spec);
    exact_way way = way_with_blocks(&s, K);
    size_t looks = 1;
    while (stops_at(&s, K, way, looks))
        looks++;
    assert_true(looks > 10);
    sample_release(&s);
}

/* ---- items in no pair ------------------------------------------------------------------------ */

static void check_empty(const sample_spec *spec, size_t present)
{
    sample s;
    sample_make(&s, spec);
    for (size_t variant = 0; variant < 4; variant++) {
        taker t;
        kin_exact_report report = exact_run(&s, 3, exact_way_of(variant), &t);
        for (size_t i = 0; i < spec->n; i++)
            assert_int_equal(t.rows.filled[i], 0);
        assert_true(report.rows == present && report.scan.pairs == 0 && report.full == present);
        taker_release(&t);
    }
    sample_release(&s);
}

/* Every item lacks a modality and is dropped, or has none at all; or one is left, without
 * company. */
static void test_no_pairs(void **state)
{
    (void)state;
    sample_spec spec = {.seed = 4,
                        .n = 60,
                        .modality_count = 2,
                        .d = {9, 80},
                        .weight = {1, 1},
                        .missing_share = 0.95,
                        .missing = KIN_MISSING_DROP};
    check_empty(&spec, 0);
    spec.missing_share = 0.9;
    spec.seed = 5;
    check_empty(&spec, 1);
    spec.missing_share = 1;
    spec.missing = KIN_MISSING_ZERO;
    check_empty(&spec, 0);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    (void)state;
    sample s;
    kin_error err = {0};
    kin_exact *engine = NULL;
    kin_exact_options options = KIN_EXACT_OPTIONS_INIT;
    sample_spec spec = plain_spec();
    spec.n = 150;
    sample_make(&s, &spec);
    test_refused(kin_exact_new(&engine, &s.catalog, &options, &err), &err, KIN_E_DATA,
                 "top-k 200 needs at least 201 items, the catalog has 150");
    options.top_k = 150;
    test_refused(kin_exact_new(&engine, &s.catalog, &options, &err), &err, KIN_E_DATA,
                 "top-k 150 needs at least 151 items, the catalog has 150");
    options.top_k = 149;
    options.memory_bytes = 10000;
    test_refused(kin_exact_new(&engine, &s.catalog, &options, &err), &err, KIN_E_MEMORY,
                 "MiB, --memory allows 0.0 MiB; the largest part is ");
    assert_null(engine);
    kin_exact_free(NULL);
    sample_release(&s);
}

/* Sums of code products are promised to be exact for so many dimensions and no more. */
static void test_too_wide(void **state)
{
    (void)state;
    sample s;
    kin_error err = {0};
    kin_exact *engine = NULL;
    kin_exact_options options = {.top_k = 1, .slack = 1};
    sample_spec spec = {.seed = 3, .n = 3, .modality_count = 2, .weight = {1, 1}};
    spec.d[0] = 20000;
    spec.d[1] = KIN_SCAN_DIMENSIONS_MAX - 20000;
    sample_make(&s, &spec);
    test_ok(kin_exact_new(&engine, &s.catalog, &options, &err), &err);
    kin_exact_free(engine);
    engine = NULL;
    sample_release(&s);
    spec.d[1]++;
    sample_make(&s, &spec);
    test_refused(kin_exact_new(&engine, &s.catalog, &options, &err), &err, KIN_E_DATA,
                 "the modalities have 32769 dimensions in all, --engine exact takes 32768");
    assert_null(engine);
    sample_release(&s);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),      cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_sink_refuses), cmocka_unit_test(test_monitor),
        cmocka_unit_test(test_no_pairs),     cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_wide),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
