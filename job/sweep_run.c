/*
 * The points of a sweep (job/sweep.h): every engine over its knobs, each run judged on the same rows.
 *
 * The rows are drawn from the items that the tuning of ivf does not use, as kin build draws those that it
 * judges by; where that leaves too few, all are judged. An engine that cannot run here, for want of memory or
 * with vectors so wide, is left out and said to be.
 */
#include "ann/join.h"
#include "core/counted.h"
#include "core/memory.h"
#include "exact/exact.h"
#include "job/calibrate.h"
#include "job/evaluation.h"
#include "job/sweep.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

void sweep_note(sweep *self, const char *format, ...)
{
    if (self->notes == SWEEP_NOTES_MAX)
        return;
    char *note = self->note[self->notes++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(note, SWEEP_NOTE_BYTES, format, arguments);
    va_end(arguments);
    console_warn("%s", note);
}

/* A bar for the run to come; without a terminal a line per point is enough. */
static kin_monitor begin_run(sweep *self)
{
    kin_monitor monitor = console_monitor_start(&self->progress, self->sample->n);
    monitor.stage = NULL;
    if (!self->progress.bar)
        monitor.progress = NULL;
    return monitor;
}

/* Where a run's rows go: only those that are judged are kept. */
static kin_row_sink sink_of(sweep *self)
{
    return row_sample_tee(&self->judged, calibrate_sink());
}

/* Passes a failure on, but for an engine that this sample or this machine is not for. */
static int unless_refused(sweep *self, const char *engine, int rc, const kin_error *fault,
                          kin_error *err)
{
    if (rc == KIN_E_MEMORY || rc == KIN_E_DATA) {
        if (self->refused.code == 0)
            self->refused = *fault;
        sweep_note(self, "%s is left out: %s", engine, fault->message);
        return 0;
    }
    if (rc != 0 && err)
        *err = *fault;
    return rc;
}

/* ---- judging ---------------------------------------------------------------------------------- */

static double lower_bound(const sweep *self, const kin_recall_mean *recall,
                          const sweep_point *point)
{
    if (point->engine == ENGINE_EXACT || self->census) /* proven, or known */
        return point->recall;
    return recall->judged ? kin_lower_bound(self->value, recall->judged, 1 - SWEEP_CONFIDENCE) : 0;
}

/* Ends a run: its recall, a line in the log, and a place among the points. */
static int add_point(sweep *self, sweep_point point, kin_error *err)
{
    kin_recall_mean recall;
    char text[SWEEP_TEXT];
    console_monitor_end(&self->progress);
    int rc = row_sample_recall(&self->judged, &recall, self->value, err);
    if (rc != 0)
        return rc;
    self->rows = recall.judged;
    point.most_seconds = point.seconds;
    point.runs = 1;
    point.recall = recall.tie_aware; /* nothing to find is found */
    point.lower = lower_bound(self, &recall, &point);
    console_info("%s: %.2f s, recall %.4f, at least %.4f", sweep_point_options(&point, text),
                 point.seconds, sweep_floor4(point.recall), sweep_floor4(point.lower));
    self->point[self->count++] = point;
    return 0;
}

/* What the rows could prove at best. */
static void check_proof(sweep *self)
{
    size_t s = self->judged.count;
    for (size_t i = 0; i < s; i++)
        self->value[i] = 1;
    double best =
        self->census || s == 0 ? 1 : kin_lower_bound(self->value, s, 1 - SWEEP_CONFIDENCE);
    if (best < self->options->target_recall)
        sweep_note(self,
                   "%s prove a recall of %.4f at the very best, less than the target "
                   "of %.10g: give more --rows",
                   kin_count(s, "judged row").text, sweep_floor4(best),
                   self->options->target_recall);
}

static int draw(sweep *self, const kin_join *join, kin_error *err)
{
    const sweep_options *o = self->options;
    size_t population = row_sample_population(self->sample), tuned_count = 0;
    int32_t *tuned = NULL;
    int rc = join ? kin_join_tuned_rows(join, &tuned, &tuned_count, err) : 0;
    if (rc != 0)
        return rc;
    self->census = (size_t)o->rows + tuned_count >= population;
    row_sample_options sample = {.k = (size_t)o->top_k,
                                 .count = self->census ? population : (size_t)o->rows,
                                 .seed = (uint64_t)o->seed,
                                 .purpose = ROW_SAMPLE_SWEEP,
                                 .without = tuned,
                                 .without_count = self->census ? 0 : tuned_count,
                                 .memory_bytes = self->memory_bytes};
    rc = row_sample_init(&self->judged, self->sample, &sample, err);
    free(tuned);
    if (rc != 0)
        return rc;
    self->value = kin_alloc(self->judged.count, sizeof *self->value);
    if (!self->value)
        return kin_fail_alloc(err, "recall", self->judged.count * sizeof *self->value);
    check_proof(self);
    kin_monitor monitor = begin_run(self);
    monitor.progress = NULL;
    double start = kin_clock_seconds();
    rc = row_sample_exact(&self->judged, &monitor, err);
    if (rc == 0)
        console_info("Exact neighbours of %s to judge by: %.2f s",
                     kin_count(self->judged.count, "row").text, kin_clock_seconds() - start);
    return rc;
}

/* ---- ivf -------------------------------------------------------------------------------------- */

static const double ivf_target[] = {0.8, 0.9, 0.95, 0.97, 0.99, 0.995, 0.999};

/* The join up to where the target begins to matter, and the seconds up to there. *join stays NULL where ivf is
 * left out. */
static int prepare_ivf(sweep *self, kin_join **join, double *seconds, kin_error *err)
{
    const sweep_options *o = self->options;
    kin_error fault = {0};
    kin_join_options options = {.top_k = (size_t)o->top_k,
                                .target = o->target_recall,
                                .seed = o->seed,
                                .memory_bytes = self->memory_bytes};
    double start = kin_clock_seconds();
    kin_monitor monitor = begin_run(self);
    int rc = kin_join_new(join, self->sample, &options, &fault);
    if (rc == 0)
        rc = kin_join_encode(*join, &monitor, &fault);
    console_monitor_end(&self->progress);
    *seconds = kin_clock_seconds() - start;
    if (rc != 0) {
        kin_join_free(*join);
        *join = NULL;
    }
    return unless_refused(self, "ivf", rc, &fault, err);
}

/* The join for one target, its rows to `sink`. */
static int time_ivf(sweep *self, kin_join *join, double target, kin_row_sink sink, double *seconds,
                    kin_error *err)
{
    double start = kin_clock_seconds();
    kin_monitor monitor = begin_run(self);
    kin_join_retarget(join, target, judge_rows(row_sample_population(self->sample), target));
    int rc = kin_join_tune(join, &monitor, err);
    if (rc == 0)
        rc = kin_join_run(join, sink, &monitor, err);
    *seconds = kin_clock_seconds() - start;
    return rc;
}

static int run_ivf(sweep *self, kin_join *join, double shared, double target, kin_error *err)
{
    sweep_point point = {.engine = ENGINE_IVF,
                         .target = target,
                         .shared_seconds = shared,
                         .memory_bytes = kin_join_get_plan(join)->total_bytes};
    int rc = time_ivf(self, join, target, sink_of(self), &point.seconds, err);
    point.seconds += shared;
    return rc == 0 ? add_point(self, point, err) : rc;
}

static int repeat_ivf(sweep *self, void *join, const sweep_point *point, double *seconds,
                      kin_error *err)
{
    int rc = time_ivf(self, join, point->target, calibrate_sink(), seconds, err);
    console_monitor_end(&self->progress);
    return rc;
}

static int sweep_ivf(sweep *self, kin_join *join, double shared, kin_error *err)
{
    size_t first = self->count;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof ivf_target / sizeof *ivf_target; i++)
        rc = run_ivf(self, join, shared, ivf_target[i], err);
    return rc == 0 ? sweep_repeat_near(self, first, repeat_ivf, join, err) : rc;
}

/* ---- exact ------------------------------------------------------------------------------------ */

static int time_exact(sweep *self, kin_row_sink sink, sweep_point *point, kin_error *err)
{
    kin_exact_options options = KIN_EXACT_OPTIONS_INIT;
    kin_exact *engine = NULL;
    options.top_k = (size_t)self->options->top_k;
    options.memory_bytes = self->memory_bytes;
    double start = kin_clock_seconds();
    kin_monitor monitor = begin_run(self);
    int rc = kin_exact_new(&engine, self->sample, &options, err);
    if (rc != 0)
        return rc;
    point->memory_bytes = kin_exact_get_plan(engine)->total_bytes;
    rc = kin_exact_run(engine, sink, &monitor, err);
    kin_exact_free(engine);
    point->seconds = kin_clock_seconds() - start;
    return rc;
}

static int repeat_exact(sweep *self, void *made, const sweep_point *point, double *seconds,
                        kin_error *err)
{
    (void)made;
    sweep_point again = *point;
    int rc = time_exact(self, calibrate_sink(), &again, err);
    console_monitor_end(&self->progress);
    *seconds = again.seconds;
    return rc;
}

static int run_exact(sweep *self, kin_error *err)
{
    kin_error fault = {0};
    sweep_point point = {.engine = ENGINE_EXACT};
    size_t first = self->count;
    int rc = time_exact(self, sink_of(self), &point, &fault);
    if (rc != 0)
        return unless_refused(self, "exact", rc, &fault, err);
    rc = add_point(self, point, err);
    return rc == 0 ? sweep_repeat_near(self, first, repeat_exact, NULL, err) : rc;
}

/* ---- hnsw ------------------------------------------------------------------------------------- */

/* C in halves of K, rounded up. */
static const int64_t hnsw_candidates[] = {2, 3, 4, 6, 8, 12, 16};

static size_t hnsw_bytes(const sweep *self, const kin_index_options *index,
                         const kin_search_options *search)
{
    kin_index_plan plan;
    if (kin_index_make_plan(&plan, self->sample, index, search, NULL) != 0)
        return 0;
    size_t searching = kin_size_add(plan.index_bytes, plan.searching.total_bytes);
    return searching > plan.building.total_bytes ? searching : plan.building.total_bytes;
}

static kin_search_options search_of(const sweep *self, int64_t candidates)
{
    return (kin_search_options){.top_k = (size_t)self->options->top_k,
                                .candidates = candidates,
                                .ef_search = candidates,
                                .memory_bytes = self->memory_bytes};
}

static int time_hnsw(sweep *self, const kin_index *index, int64_t candidates, kin_row_sink sink,
                     double *seconds, kin_error *err)
{
    kin_search_options search = search_of(self, candidates);
    double start = kin_clock_seconds();
    kin_monitor monitor = begin_run(self);
    int rc = kin_search_all(index, &search, sink, &monitor, err);
    *seconds = kin_clock_seconds() - start;
    return rc;
}

static int repeat_hnsw(sweep *self, void *index, const sweep_point *point, double *seconds,
                       kin_error *err)
{
    int rc = time_hnsw(self, index, point->candidates, calibrate_sink(), seconds, err);
    console_monitor_end(&self->progress);
    return rc;
}

static int run_hnsw(sweep *self, const kin_index *index, double shared, int64_t candidates,
                    kin_error *err)
{
    const kin_index_options *made = kin_index_resolved(index);
    kin_search_options search = search_of(self, candidates);
    sweep_point point = {.engine = ENGINE_HNSW,
                         .space = (kin_index_space)made->space,
                         .candidates = candidates,
                         .shared_seconds = shared,
                         .memory_bytes = hnsw_bytes(self, made, &search)};
    kin_error fault = {0};
    char name[SWEEP_TEXT];
    int rc = time_hnsw(self, index, candidates, sink_of(self), &point.seconds, &fault);
    point.seconds += shared;
    if (rc != 0)
        return unless_refused(self, sweep_point_options(&point, name), rc, &fault, err);
    return add_point(self, point, err);
}

/* A loss that is not worth to be halved: a tenth of what the target allows, or of 1 %. */
static double idle_loss(const sweep *self)
{
    return fmin(1 - self->options->target_recall, 0.01) / 10;
}

/* Says which depths from C on are not asked, and why; false where C is to be asked. */
static bool is_needless(sweep *self, kin_index_space space, int64_t c, bool enough)
{
    const char *name = space == KIN_SPACE_FUSED ? "hnsw fused" : "hnsw";
    if (c > (int64_t)self->sample->n)
        sweep_note(self, "%s with --candidates %lld and more is left out: the sample has %zu items",
                   name, (long long)c, self->sample->n);
    else if (enough)
        sweep_note(
            self,
            "%s with --candidates %lld and more is left out: with fewer it loses %.2g %% at most",
            name, (long long)c, 100 * idle_loss(self));
    else
        return false;
    return true;
}

/* Deeper and deeper, until there is hardly more to find, or nothing to ask for. */
static int ask_index(sweep *self, const kin_index *index, double shared, kin_error *err)
{
    kin_index_space space = (kin_index_space)kin_index_resolved(index)->space;
    int64_t k = self->options->top_k, before = 0;
    size_t first = self->count;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof hnsw_candidates / sizeof *hnsw_candidates; i++) {
        int64_t c = (k * hnsw_candidates[i] + 1) / 2;
        bool enough =
            self->count > first && 1 - self->point[self->count - 1].recall <= idle_loss(self);
        if (c == before) /* of a K of 1, two are the same */
            continue;
        if (is_needless(self, space, c, enough))
            break;
        rc = run_hnsw(self, index, shared, c, err);
        before = c;
    }
    return rc;
}

static int sweep_space(sweep *self, kin_index_space space, kin_error *err)
{
    kin_index_options options = KIN_INDEX_OPTIONS_INIT;
    kin_index *index = NULL;
    kin_error fault = {0};
    options.type = KIN_INDEX_HNSW;
    options.space = space;
    options.seed = self->options->seed;
    options.memory_bytes = self->memory_bytes;
    double start = kin_clock_seconds();
    kin_monitor monitor = begin_run(self);
    int rc = kin_index_build(&index, self->sample, &options, &monitor, &fault);
    console_monitor_end(&self->progress);
    if (rc != 0)
        return unless_refused(self, space == KIN_SPACE_FUSED ? "hnsw fused" : "hnsw", rc, &fault,
                              err);
    double shared = kin_clock_seconds() - start;
    console_info("Index of hnsw (--index-space %s): %.2f s", kin_index_space_names[space], shared);
    size_t first = self->count;
    rc = ask_index(self, index, shared, err);
    if (rc == 0)
        rc = sweep_repeat_near(self, first, repeat_hnsw, index, err);
    kin_index_free(index);
    return rc;
}

/* ---- all -------------------------------------------------------------------------------------- */

/* The rows to judge are drawn when it is known which ones ivf tunes on. */
static int sweep_ivf_and_draw(sweep *self, kin_error *err)
{
    kin_join *join = NULL;
    double shared = 0;
    int rc = self->options->engine != SWEEP_HNSW ? prepare_ivf(self, &join, &shared, err) : 0;
    if (rc == 0)
        rc = draw(self, join, err);
    if (rc == 0 && join)
        rc = sweep_ivf(self, join, shared, err);
    kin_join_free(join);
    return rc;
}

static int sweep_hnsw(sweep *self, kin_error *err)
{
    int rc = sweep_space(self, KIN_SPACE_MODALITY, err);
    if (rc == 0 && self->sample->modality_count > 1) /* of one modality it is the same space */
        rc = sweep_space(self, KIN_SPACE_FUSED, err);
    return rc;
}

int sweep_run(sweep *self, kin_error *err)
{
    int engine = self->options->engine;
    int rc = sweep_ivf_and_draw(self, err);
    if (rc == 0 && engine == SWEEP_ALL)
        rc = run_exact(self, err);
    if (rc == 0 && engine != SWEEP_IVF)
        rc = sweep_hnsw(self, err);
    console_monitor_end(&self->progress);
    if (rc == 0 && self->count == 0) {
        if (err)
            *err = self->refused;
        return (int)self->refused.code;
    }
    return rc;
}
