/*
 * The loop around an engine whose rows are not proven: run, evaluate on held-out rows, and where
 * the target is missed escalate the effort for all rows and run again, at most EVALUATION_ATTEMPTS
 * times in all.
 *
 * Every row is made with the same effort, so a row stays a function of the item, the index and the
 * options as resolved, and the last attempt's rows replace all earlier ones where they lie.
 */
#include "core/counted.h"
#include "core/memory.h"
#include "job/build_parts.h"

#include <math.h>

/* Finished rows that memory does not hold are written once more than the graph. Packed they take
 * half of what its arrays take, and those that the refinement of a self-join sends again half as
 * much besides: where memory holds a quarter of the arrays, the disk sees 1.25 to 1.5 times the
 * graph. */
enum { LOG_SHARE = 4, LOG_LEAST = 64 << 20, LOG_OF_MEMORY = 20 };

kin_graph_writer_options kin_build_writer(const kin_catalog *catalog, const kin_build_options *o,
                                          size_t planned)
{
    size_t entry = sizeof(int32_t) + sizeof(float) + catalog->modality_count * sizeof(uint16_t);
    size_t rows = kin_size_mul(kin_size_mul(catalog->n, (size_t)o->top_k), entry);
    size_t wanted = rows / LOG_SHARE, most = kin_memory_available() / LOG_SHARE;
    wanted = wanted > LOG_LEAST ? wanted : LOG_LEAST;
    if (o->memory > 0) { /* what the plan may be exceeded by, or what it leaves */
        size_t left = planned > 0 && planned < o->memory ? o->memory - planned : 0;
        most = left > o->memory / LOG_OF_MEMORY ? left : o->memory / LOG_OF_MEMORY;
    }
    return (kin_graph_writer_options){.n = catalog->n,
                                      .k = (size_t)o->top_k,
                                      .catalog = catalog,
                                      .order = (kin_row_order)o->row_order,
                                      .arrays = o->arrays,
                                      .memory_bytes = wanted < most ? wanted : most};
}

/* Rounded towards 0 to four digits: a bound must not seem to reach what it misses. */
static double floor4(double value)
{
    return floor(value * 1e4) / 1e4;
}

/* " (at least 0.9970)", or nothing where the mean is known. */
static const char *at_least(const kin_evaluation_result *v, const kin_evaluation_mean *of,
                            char out[32])
{
    out[0] = '\0';
    if (!v->exhaustive)
        snprintf(out, 32, " (at least %.4f)", floor4(of->lower_bound));
    return out;
}

/* What the mean does not say. */
static void log_nearest(const build *self)
{
    const kin_evaluation_result *v = &self->result;
    size_t k = (size_t)self->options.top_k;
    char text[3][32];
    build_info(self,
               "The nearest is found in %.4f of rows%s, of the nearest %zu a share of %.4f%s; "
               "recall is 0.9 or more in %.4f of rows%s",
               floor4(v->at_1.mean), at_least(v, &v->at_1, text[0]), k < 10 ? k : 10,
               floor4(v->at_10.mean), at_least(v, &v->at_10, text[1]), floor4(v->at_least_90.mean),
               at_least(v, &v->at_least_90, text[2]));
}

static void log_result(const build *self)
{
    const kin_evaluation_result *v = &self->result;

    if (v->exhaustive)
        build_info(self, "Recall %.4f on all %zu rows (target %.10g)", floor4(v->at_k.mean),
                   v->rows, v->target);
    else
        build_info(self,
                   "Recall %.4f on %zu held-out rows, at least %.4f with %.0f %% confidence "
                   "(target %.10g)",
                   v->at_k.mean, v->rows, floor4(v->at_k.lower_bound), 100 * EVALUATION_CONFIDENCE,
                   v->target);
    log_nearest(self);
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
                        floor4(v->at_k.lower_bound), 100 * EVALUATION_CONFIDENCE,
                        kin_count(v->attempt, "attempt").text, v->target);
    build_warn(self,
               "the target of recall %.10g is not met: at least %.4f after %s (with "
               "--strict such a graph is not published)",
               v->target, floor4(v->at_k.lower_bound), kin_count(v->attempt, "attempt").text);
    return 0;
}

int kin_build_attempts(build *self, kin_error *err)
{
    const kin_build_options *o = &self->options;
    size_t planned = self->join ? kin_join_get_plan(self->join)->total_bytes : 0;
    kin_graph_writer_options options = kin_build_writer(&self->catalog, o, planned);
    options.directory = self->out.temporary;
    int rc = kin_graph_writer_new(&self->writer, &options, err);
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
