/*
 * The loop around an engine whose rows are not proven: run, evaluate on held-out rows, and where
 * the target is missed escalate the effort for all rows and run again, at most EVALUATION_ATTEMPTS
 * times in all.
 *
 * Every row is made with the same effort, so a row stays a function of the item, the index and the
 * options as resolved, and the last attempt's rows replace all earlier ones where they lie.
 */
#include "core/counted.h"
#include "job/build_parts.h"

#include <math.h>

/* Rounded towards 0 to four digits: a bound must not seem to reach what it misses. */
static double floor4(double value)
{
    return floor(value * 1e4) / 1e4;
}

static void log_result(const build *self)
{
    const kin_evaluation_result *v = &self->result;

    if (v->exhaustive)
        build_info(self, "Recall %.4f on all %zu rows (target %.10g)", floor4(v->mean), v->rows,
                   v->target);
    else
        build_info(self,
                   "Recall %.4f on %zu held-out rows, at least %.4f with %.0f %% confidence "
                   "(target %.10g)",
                   v->mean, v->rows, floor4(v->lower_bound), 100 * EVALUATION_CONFIDENCE,
                   v->target);
}

static int run_once(build *self, kin_row_sink sink, kin_error *err)
{
    int rc = kin_build_engine_run(self, sink, err);
    kin_build_stage_done(self, "neighbors");
    return rc;
}

/* One attempt: the held-out rows are drawn before the engine runs. */
static int run_evaluated(build *self, size_t attempt, kin_error *err)
{
    const kin_build_options *o = &self->options;
    kin_evaluation_options options = {.target = o->target_recall,
                                      .seed = (uint64_t)o->index.seed,
                                      .k = (size_t)o->top_k,
                                      .tuned = self->tuning.row,
                                      .tuned_count = self->tuning.rows,
                                      .memory_bytes = o->memory};
    kin_evaluation now;
    int rc = kin_evaluation_init(&now, &self->catalog, &options, attempt, err);
    if (rc != 0)
        return rc;
    rc = run_once(self, kin_evaluation_sink(&now, kin_graph_writer_sink(self->writer)), err);
    if (rc == 0)
        rc = kin_evaluation_finish(&now, &self->quiet, err);
    if (rc == 0) {
        self->result = now.result;
        log_result(self);
    }
    kin_evaluation_release(&now);
    kin_build_stage_done(self, "recall");
    return rc;
}

static int report_missed(const build *self, kin_error *err)
{
    const kin_evaluation_result *v = &self->result;
    if (self->options.strict)
        return kin_fail(err, KIN_E_GATE,
                        "nothing was published; lower --target-recall, leave --strict out, or use "
                        "--engine exact",
                        "recall is at least %.4f with %.0f %% confidence after %s, the "
                        "target is %.10g",
                        floor4(v->lower_bound), 100 * EVALUATION_CONFIDENCE,
                        kin_count(v->attempt, "attempt").text, v->target);
    build_warn(self,
               "the target of recall %.10g is not met: at least %.4f after %s (with "
               "--strict such a graph is not published)",
               v->target, floor4(v->lower_bound), kin_count(v->attempt, "attempt").text);
    return 0;
}

int kin_build_attempts(build *self, kin_error *err)
{
    const kin_build_options *o = &self->options;
    int rc =
        kin_graph_writer_new(&self->writer, self->out.temporary, self->catalog.n, (size_t)o->top_k,
                             &self->catalog, (kin_row_order)o->row_order, err);
    if (rc != 0)
        return rc;
    if (!kin_build_is_approximate(o)) /* proven rows: nothing to evaluate */
        return run_once(self, kin_graph_writer_sink(self->writer), err);
    for (size_t attempt = 1; attempt <= EVALUATION_ATTEMPTS; attempt++) {
        bool escalated = true;
        if (attempt > 1)
            rc = kin_build_engine_escalate(self, &escalated, err);
        if (rc != 0)
            return rc;
        if (!escalated)
            break;
        kin_graph_writer_restart(self->writer);
        rc = run_evaluated(self, attempt, err);
        if (rc == 0 && !self->result.met) /* more effort is no answer to vectors that change */
            rc = kin_catalog_unchanged(&self->catalog, err);
        if (rc != 0 || self->result.met)
            return rc;
    }
    return report_missed(self, err);
}
