/*
 * ann/join, what ends a run early: budgets that are too small, sinks that refuse, monitors that
 * stop, memory that is not there, and every refusal. What was stopped may be run again.
 */
#include "core/threads.h"
#include "support/join_run.h"
#include "support/refusal.h"
#include "support/test.h"

enum { K = 10 };

static const kin_join_options asked = {.top_k = K, .target = 0.95, .seed = 1};

/* Duplicates, gaps, items of no modality, and so many clusters that threads take turns. */
static sample_spec spec_of(size_t n)
{
    return (sample_spec){.seed = 6,
                         .n = n,
                         .modality_count = 2,
                         .d = {4, 3},
                         .weight = {1, 0.3},
                         .kind = SAMPLE_DUPLICATES,
                         .missing_share = 0.1};
}

/* ---- sinks ----------------------------------------------------------------------------------- */

/* What the sink says is what the caller hears; no thread goes on beyond the row it is at. Then all
 * rows. */
static void refuse(kin_join *join, const sample *s, size_t at, const kin_rows *wanted)
{
    taker t;
    kin_error err = {0};
    taker_init(&t, s, K);
    t.refuse_at = at;
    test_refused(kin_join_run(join, taker_sink(&t), NULL, &err), &err, KIN_E_IO,
                 "disk full at call ");
    assert_in_range(t.calls, at, at + (size_t)kin_threads_used() - 1);
    taker_release(&t);
    taker_init(&t, s, K);
    t.refuse_at = at;
    assert_int_equal(kin_join_run(join, taker_sink(&t), NULL, NULL), KIN_E_IO);
    taker_release(&t);
    join_take(join, s, K, &t);
    join_assert_same(&t.rows, wanted, "after a refusal");
    taker_release(&t);
}

static void test_sink_refuses(void **state)
{
    (void)state;
    sample s;
    taker whole;
    sample_spec spec = spec_of(SETS_SANITIZED ? 1200 : 4000);
    sample_make(&s, &spec);
    kin_join *join = join_make(&s, &asked, 3);
    join_take(join, &s, K, &whole);
    assert_int_equal(whole.calls, spec.n);
    size_t refusals[] = {1, 2, spec.n / 2, spec.n - 1, spec.n}; /* the last ones are empty rows */
    for (size_t c = 0; c < TEST_COUNT(refusals); c++)
        refuse(join, &s, refusals[c], &whole.rows);
    kin_join_free(join);
    taker_release(&whole);
    sample_release(&s);
}

/* ---- monitors -------------------------------------------------------------------------------- */

/* Who monitors, and what had been written when it said stop. */
typedef struct monitored {
    size_t reports, done;
    size_t looks, stop_at;
    const taker *taker;
    size_t calls;
    char stages[64];
} monitored;

static void note_progress(void *self, size_t done, size_t total)
{
    monitored *w = self;
    assert_true(done >= w->done && done <= total && total == w->taker->n);
    w->reports++;
    w->done = done;
}

static void note_stage(void *self, const char *name)
{
    monitored *w = self;
    strcat(strcat(w->stages, name), " ");
}

static bool stop_in_time(void *self)
{
    monitored *w = self;
    if (++w->looks == w->stop_at)
        w->calls = w->taker->calls;
    return w->looks >= w->stop_at;
}

/* Encodes, tunes and runs with a monitor that stops at its look number stop_at; false once that is
 * never reached. */
static bool stops_at(const sample *s, size_t stop_at)
{
    taker t;
    kin_error err = {0};
    kin_join *join = NULL;
    monitored w = {.stop_at = stop_at, .taker = &t};
    kin_monitor monitor = {
        .self = &w, .progress = note_progress, .stage = note_stage, .stopped = stop_in_time};
    taker_init(&t, s, K);
    test_ok(kin_join_new(&join, &s->catalog, &asked, &err), &err);
    int rc = kin_join_encode(join, &monitor, &err);
    if (rc == 0)
        rc = kin_join_tune(join, &monitor, &err);
    if (rc == 0)
        rc = kin_join_run(join, taker_sink(&t), &monitor, &err);
    bool stopped = w.looks >= stop_at;
    if (stopped) {
        test_refused(rc, &err, KIN_E_STOPPED, "stopped");
        assert_true(w.looks == stop_at && t.calls == w.calls);
        /* all rows are there only in the second pass */
        assert_true(t.taken_count < s->oracle.n || w.done >= s->oracle.n * 9 / 10);
    } else {
        test_ok(rc, &err);
        assert_true(w.done == s->oracle.n && w.reports > 1);
        assert_string_equal(w.stages, "encode tune ");
        assert_int_equal(t.taken_count, s->oracle.n);
    }
    kin_join_free(join);
    taker_release(&t);
    return stopped;
}

static void test_monitor(void **state)
{
    (void)state;
    sample s;
    sample_spec spec = spec_of(3000); /* some clusters: one look each, in either pass */
    sample_make(&s, &spec);
    kin_threads_set(1);
    size_t looks = 1;
    while (stops_at(&s, looks))
        looks++;
    assert_true(looks > 12);
    sample_release(&s);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* All there is to a join, from planning to its rows. */
static int do_all(const sample *s, taker *t)
{
    kin_error err = {0};
    kin_join *join = NULL;
    json_t *manifest = json_object();
    int rc = kin_join_new(&join, &s->catalog, &asked, &err);
    if (rc == 0)
        rc = kin_join_encode(join, NULL, &err);
    if (rc == 0)
        rc = kin_join_tune(join, NULL, &err);
    if (rc == 0)
        rc = kin_join_save(join, test_path("."), &manifest, &err);
    kin_join_free(join);
    join = NULL;
    if (rc == 0)
        rc = kin_join_new(&join, &s->catalog, &asked, &err);
    bool tuned = false;
    if (rc == 0)
        rc = kin_join_load(join, test_dir(test_path(".")), manifest, &tuned, &err);
    if (rc == 0)
        rc = kin_join_encode(join, NULL, &err);
    if (rc == 0)
        rc = kin_join_run(join, taker_sink(t), NULL, &err);
    if (rc != 0)
        assert_true(err.code == rc && strlen(err.message) > 0 && !strchr(err.message, '\n'));
    kin_join_free(join);
    json_decref(manifest);
    return rc;
}

/* Each allocation is refused once. The caller hears of it, but where it is only a matter of speed,
 * and nothing is left behind (AddressSanitizer tells). */
static void evaluate_refusals(const sample *s, const kin_rows *wanted)
{
    size_t heard = 0, at = 1;
    for (bool refused = true; refused; at += SETS_SANITIZED ? 1 + at / 40 : 1) {
        taker t;
        taker_init(&t, s, K);
        refusal_arm(at);
        int rc = do_all(s, &t);
        refused = refusal_disarm();
        if (rc != 0) {
            assert_int_equal(rc, KIN_E_MEMORY);
            heard++;
        } else {
            t.rows.count = s->oracle.n;
            assert_int_equal(t.taken_count, s->oracle.n);
            if (!refused)
                join_assert_same(&t.rows, wanted, "without a refusal");
        }
        taker_release(&t);
    }
    assert_true(heard > 60 && (SETS_SANITIZED || heard + 4 > at - 2));
}

static void test_allocations_fail(void **state)
{
    (void)state;
    for (size_t c = 0; c < 2; c++) {
        sample s;
        taker whole;
        sample_spec spec = spec_of(700);
        spec.d[0] = c == 0 ? 4 : 120; /* without axes, and with them */
        sample_make(&s, &spec);
        kin_threads_set(2);
        taker_init(&whole, &s, K);
        assert_int_equal(do_all(&s, &whole), 0);
        whole.rows.count = spec.n;
        evaluate_refusals(&s, &whole.rows);
        taker_release(&whole);
        sample_release(&s);
    }
}

/* The plan is enough, and one byte less is not. */
static void test_budget(void **state)
{
    (void)state;
    sample s;
    kin_error err = {0};
    kin_join *join = NULL;
    kin_join_options options = asked;
    sample_spec spec = spec_of(3000);
    sample_make(&s, &spec);
    for (int threads = 1; threads <= 4; threads++) {
        kin_threads_set(threads);
        options.memory_bytes = 0;
        test_ok(kin_join_new(&join, &s.catalog, &options, &err), &err);
        kin_join_plan plan = *kin_join_get_plan(join);
        kin_join_free(join);
        join = NULL;
        assert_true(plan.codes_bytes < plan.total_bytes && plan.work_bytes < plan.total_bytes);
        options.memory_bytes = plan.total_bytes - 1;
        test_refused(kin_join_new(&join, &s.catalog, &options, &err), &err, KIN_E_MEMORY,
                     " MiB, --memory allows ");
        assert_null(join);
        options.memory_bytes = plan.total_bytes;
        test_ok(kin_join_new(&join, &s.catalog, &options, &err), &err);
        kin_join_free(join);
        join = NULL;
    }
    sample_release(&s);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    (void)state;
    sample s;
    kin_error err = {0};
    kin_join *join = NULL;
    kin_join_options options = KIN_JOIN_OPTIONS_INIT;
    sample_spec spec = spec_of(150);
    sample_make(&s, &spec);
    test_refused(kin_join_new(&join, &s.catalog, &options, &err), &err, KIN_E_DATA,
                 "top-k 200 needs at least 201 items, the catalog has 150");
    options.top_k = 150;
    test_refused(kin_join_new(&join, &s.catalog, &options, &err), &err, KIN_E_DATA,
                 "top-k 150 needs at least 151 items, the catalog has 150");
    assert_null(join);
    kin_join_free(NULL);
    sample_release(&s);
    spec = (sample_spec){.seed = 3, .n = 3, .modality_count = 2, .weight = {1, 1}};
    spec.d[0] = 20000;
    spec.d[1] = 12769;
    sample_make(&s, &spec);
    options.top_k = 1;
    test_refused(kin_join_new(&join, &s.catalog, &options, &err), &err, KIN_E_DATA,
                 "the modalities have 32769 dimensions in all, --engine join takes 32768");
    assert_null(join);
    sample_release(&s);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sink_refuses), cmocka_unit_test(test_monitor),
        cmocka_unit_test(test_budget),       cmocka_unit_test(test_allocations_fail),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
