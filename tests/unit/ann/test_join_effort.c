/*
 * ann/join, effort: what a sample promises is kept by all rows, at a part of the pairs; raising it
 * finds more for more, step by step, and comes to an end with all clusters; data that hide nothing
 * in clusters are scanned in full; and catalogs without pairs, or smaller than a sample.
 */
#include "ann/join_state.h"
#include "support/join_run.h"
#include "support/test.h"

#include <math.h>

/* A join that is ready to run, and what its rows are evaluated by. */
typedef struct tuned {
    sample s;
    size_t k;
    kin_join *join;
    kin_rows wanted;
} tuned;

static void tuned_make(tuned *self, const sample_spec *spec, size_t k, double target)
{
    kin_error err = {0};
    kin_join_options options = {.top_k = k, .target = target, .seed = 1};
    sample_make(&self->s, spec);
    self->k = k;
    self->join = join_make(&self->s, &options, 2);
    test_ok(kin_join_tune(self->join, NULL, &err), &err);
    join_truth(&self->s, k, &self->wanted);
}

static void tuned_release(tuned *self)
{
    kin_join_free(self->join);
    kin_rows_release(&self->wanted);
    sample_release(&self->s);
}

static double run(tuned *self, double *deviation, kin_join_report *report)
{
    taker t;
    *report = join_take(self->join, &self->s, self->k, &t);
    double recall = join_recall(&self->s, &t.rows, &self->wanted, deviation);
    taker_release(&t);
    return recall;
}

static double share_of_pairs(const kin_join_report *report)
{
    return (double)report->scan.pairs / (double)report->rows / (double)report->rows;
}

static sample_spec mixture(size_t set)
{
    bool gaps = set > 2;
    return (sample_spec){.seed = 12 + set,
                         .n = SETS_SANITIZED ? 4000 : 12000,
                         .modality_count = gaps ? 2 : 1,
                         .d = {set == 1 ? 130 : 32, 40},
                         .weight = {1, 0.6},
                         .kind = SAMPLE_MIXTURE,
                         .missing_share = gaps ? 0.2 : 0,
                         .missing = gaps ? (kin_missing)(set - 3) : KIN_MISSING_RENORM};
}

/* ---- what is promised ----------------------------------------------------------------------- */

/* What the scan may lose, when the refinement is counted on for a quarter of it. */
static double least_of_scan(double target)
{
    return 1 - (1 - target) / 0.75;
}

/* The sample's mean is that of all rows but for four standard errors; what the sample is
 * expected to find is the least, as the refinement finds more. */
static void test_target(void **state)
{
    (void)state;
    const double target = 0.95;
    for (size_t set = 0; set < 6; set++) {
        tuned t;
        double deviation;
        kin_join_report report;
        sample_spec spec = mixture(set);
        tuned_make(&t, &spec, 20, target);
        const kin_join_effort *effort = kin_join_get_effort(t.join);
        double recall = run(&t, &deviation, &report), share = share_of_pairs(&report);
        double error = 4 * deviation / sqrt((double)effort->sampled);
        if (recall < target || recall < effort->recall - error ||
            effort->recall < least_of_scan(target))
            fail_msg("set %zu: expected %.4f, found %.4f +- %.4f", set, effort->recall, recall,
                     error);
        if (!SETS_SANITIZED && set < 3 && share > 0.4)
            fail_msg("set %zu: %.3f of the pairs", set, share);
        tuned_release(&t);
    }
}

/* Rows that lack a modality, or whose nearest neighbour does: the share that have their nearest
 * neighbour, after the first pass alone or after both. */
static double recall_of_rare(tuned *self, bool refined)
{
    taker t;
    kin_error err = {0};
    const uint8_t *present = self->s.catalog.present;
    double rare = 0, found = 0;
    taker_init(&t, &self->s, self->k);
    kin_row_sink sink = taker_sink(&t);
    sink.read = refined ? sink.read : NULL;
    test_ok(kin_join_run(self->join, sink, NULL, &err), &err);
    for (size_t i = 0; i < t.n; i++) {
        size_t at = i * self->k;
        bool lacks = self->wanted.filled[i] > 0 &&
                     (present[self->wanted.neighbor[at]] != 3 || (refined && present[i] != 3));
        rare += lacks;
        found += lacks && t.rows.score[at] >= self->wanted.score[at];
    }
    taker_release(&t);
    return found / rare;
}

/* A row that lacks a modality is near to many, and often the nearest of all: clusters of such rows
 * are probed from further away. What such rows lose themselves the refinement finds. */
static void test_rare(void **state)
{
    (void)state;
    tuned t;
    sample_spec spec = mixture(3);
    spec.missing_share = 0.01;
    tuned_make(&t, &spec, 20, 0.95);
    float widening = t.join->effort.rare_widening;
    assert_true(widening > 1 && t.join->stats.rares > 0 && t.join->stats.rare_share < 0.03);
    double first = recall_of_rare(&t, false), both = recall_of_rare(&t, true);
    t.join->effort.rare_widening = 1;
    double narrow = recall_of_rare(&t, false);
    if (first < 0.998 || both < 0.999 || first < narrow)
        fail_msg("widened by %.2f: %.4f, refined %.4f; not widened: %.4f", (double)widening, first,
                 both, narrow);
    tuned_release(&t);
}

/* A first try may scatter so much that its margin is more than what may be lost. The next ones
 * scatter less: not all clusters are scanned for it. */
static void test_no_room(void **state)
{
    (void)state;
    tuned t;
    kin_error err = {0};
    sample_spec spec = mixture(0);
    spec.n = 12000; /* fewer hardly leave clusters out; 4 s with sanitizers */
    tuned_make(&t, &spec, 20, 0.97);
    kin_join_retarget(t.join, 0.97, 160);
    test_ok(kin_join_tune(t.join, NULL, &err), &err);
    const kin_join_effort *effort = kin_join_get_effort(t.join);
    bool left_out = isfinite(effort->probe_sigmas) && effort->scanned < 0.6;
    assert_true(left_out);
    assert_true(effort->recall > least_of_scan(0.97) + 4.0 / 160);
    tuned_release(&t);
}

/* Effort is what it would be had the join been made for the target: nothing is kept of the one
 * before. */
static void test_retarget(void **state)
{
    (void)state;
    const double target[] = {0.8, 0.99, 0.95};
    tuned t, fresh;
    kin_error err = {0};
    sample_spec spec = mixture(0);
    tuned_make(&t, &spec, 20, target[0]);
    float probe_sigmas = kin_join_get_effort(t.join)->probe_sigmas;
    for (size_t i = 1; i < TEST_COUNT(target); i++) {
        kin_join_retarget(t.join, target[i], 0);
        test_ok(kin_join_tune(t.join, NULL, &err), &err);
        tuned_make(&fresh, &spec, 20, target[i]);
        const kin_join_effort *got = kin_join_get_effort(t.join);
        const kin_join_effort *wanted = kin_join_get_effort(fresh.join);
        assert_true(got->probe_sigmas == wanted->probe_sigmas &&
                    got->tail_fraction == wanted->tail_fraction);
        assert_true(got->recall == wanted->recall && got->probe_sigmas >= probe_sigmas);
        tuned_release(&fresh);
    }
    tuned_release(&t);
}

/* ---- more ----------------------------------------------------------------------------------- */

/* Raises until there is no more; each step expects more of itself and looks at more. */
static void escalate_to_the_end(tuned *t, size_t steps_least)
{
    kin_join_report report;
    double deviation, found = run(t, &deviation, &report), wanted = 0.95;
    size_t steps = 0;
    for (kin_join_effort before = *kin_join_get_effort(t->join); join_escalate(t->join); steps++) {
        kin_join_effort now = *kin_join_get_effort(t->join);
        unsigned long long pairs = report.scan.pairs;
        double recall = run(t, &deviation, &report);
        wanted = 1 - (1 - wanted) / 2;
        assert_true(now.recall >= wanted || isinf(now.probe_sigmas));
        assert_true(now.recall >= before.recall && now.scanned >= before.scanned);
        assert_true(now.probe_sigmas != before.probe_sigmas ||
                    now.tail_fraction != before.tail_fraction);
        if (recall < found - 0.0005 || report.scan.pairs < pairs)
            fail_msg("step %zu: %.5f after %.5f, %llu pairs after %llu", steps, recall, found,
                     (unsigned long long)report.scan.pairs, pairs);
        found = recall;
        before = now;
        assert_true(steps < 60);
    }
    const kin_join_effort *effort = kin_join_get_effort(t->join);
    assert_true(isinf(effort->probe_sigmas) && effort->tail_fraction == 1);
    assert_true(effort->recall == 1 && effort->scanned == 1);
    assert_true(steps >= steps_least && found >= 0.9995);
    assert_false(join_escalate(t->join));
}

static void test_escalate(void **state)
{
    (void)state;
    for (size_t set = 0; set < 6; set++) {
        tuned t;
        sample_spec spec = mixture(set);
        tuned_make(&t, &spec, 20, 0.95);
        escalate_to_the_end(&t, set < 3 && !SETS_SANITIZED ? 2 : 0);
        tuned_release(&t);
    }
}

/* A sample may know of no loss long before all clusters are scanned: what then? */
static void test_escalate_without_loss(void **state)
{
    (void)state;
    tuned t;
    sample_spec spec = mixture(0);
    spec.d[0] = 4;
    spec.kind = SAMPLE_NORMAL;
    tuned_make(&t, &spec, 5, 0.95);
    escalate_to_the_end(&t, 2);
    tuned_release(&t);
}

/* ---- nothing to gain ------------------------------------------------------------------------ */

/* Neighbours of unrelated rows are anywhere. */
static void test_isotropic(void **state)
{
    (void)state;
    tuned t;
    double deviation;
    kin_join_report report;
    sample_spec spec = mixture(0);
    spec.n /= 2;
    spec.d[0] = 64;
    spec.kind = SAMPLE_NORMAL;
    tuned_make(&t, &spec, 10, 0.9999);
    const kin_join_effort *effort = kin_join_get_effort(t.join);
    assert_true(isinf(effort->probe_sigmas) && effort->tail_fraction == 1);
    assert_true(effort->recall == 1 && effort->scanned == 1);
    assert_false(join_escalate(t.join));
    assert_true(run(&t, &deviation, &report) >= 0.9995);
    assert_int_equal(report.scan.pairs, report.rows * report.rows);
    assert_int_equal(report.probes, report.rows * report.clusters);
    tuned_release(&t);
}

/* Fewer rows than a sample wants, down to one; and none, of which there is no recall to speak
 * of. */
static void test_few_rows(void **state)
{
    (void)state;
    for (size_t set = 0; set < 5; set++) {
        static const size_t sizes[] = {2, 3, 40, 500, 60};
        tuned t;
        double deviation;
        kin_join_report report;
        sample_spec spec = {.seed = 4,
                            .n = sizes[set],
                            .modality_count = 2,
                            .d = {9, 80},
                            .weight = {1, 1},
                            .kind = SAMPLE_CLUSTERS,
                            .missing_share = set == 4 ? 1 : 0};
        tuned_make(&t, &spec, sizes[set] - 1, 0.95);
        const kin_join_effort *effort = kin_join_get_effort(t.join);
        assert_int_equal(effort->sampled, set == 4 ? 0 : sizes[set]);
        assert_true(effort->recall >= least_of_scan(0.95) && effort->recall <= 1 &&
                    effort->scanned <= 1);
        double recall = run(&t, &deviation, &report);
        assert_true(set == 4 || recall >= 0.95);
        while (join_escalate(t.join))
            assert_true(effort->recall <= 1);
        assert_true(isinf(effort->probe_sigmas) && effort->tail_fraction == 1);
        tuned_release(&t);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target),    cmocka_unit_test(test_rare),
        cmocka_unit_test(test_no_room),   cmocka_unit_test(test_retarget),
        cmocka_unit_test(test_escalate),  cmocka_unit_test(test_escalate_without_loss),
        cmocka_unit_test(test_isotropic), cmocka_unit_test(test_few_rows),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
