/*
 * The engines of a sweep over their knobs (declared in job/sweep_engines.h). The ends of each knob
 * are fixed: seven target recalls of join, seven numbers of candidates of hnsw from K to 8 K.
 */
#include "job/sweep_engines.h"
#include "ann/faiss_build.h"
#include "ann/faiss_plan.h"
#include "ann/faiss_search.h"
#include "exact/exact.h"
#include "job/calibrate_clock.h"
#include "job/evaluation.h"
#include "job/sweep_front.h"
#include "job/sweep_points.h"
#include "job/sweep_repeat.h"

#include <math.h>

/* ---- join ------------------------------------------------------------------------------------ */

static const double join_target[] = {0.8, 0.9, 0.95, 0.97, 0.99, 0.995, 0.999};

int kin_sweep_prepare_join(sweep *self, kin_join **join, double *seconds, kin_error *err)
{
    const sweep_options *o = self->options;
    kin_error fault = {0};
    kin_join_options options = {.top_k = (size_t)o->top_k,
                                .target = o->target_recall,
                                .seed = o->seed,
                                .memory_bytes = self->memory_bytes};
    double start = kin_clock_seconds();
    int rc = kin_join_new(join, self->sample, &options, &fault);
    if (rc == 0)
        rc = kin_join_encode(*join, self->monitor, &fault);
    *seconds = kin_clock_seconds() - start;
    if (rc != 0) {
        kin_join_free(*join);
        *join = NULL;
    }
    return kin_sweep_unless_refused(self, "join", rc, &fault, err);
}

/* The join for one target, its rows to `sink`. */
static int time_join(sweep *self, kin_join *join, double target, kin_row_sink sink, double *seconds,
                     kin_error *err)
{
    double start = kin_clock_seconds();
    kin_join_retarget(join, target,
                      kin_evaluation_rows(kin_row_sample_population(self->sample), target));
    int rc = kin_join_tune(join, self->monitor, err);
    if (rc == 0)
        rc = kin_join_run(join, sink, self->monitor, err);
    *seconds = kin_clock_seconds() - start;
    return rc;
}

static int run_join(sweep *self, kin_join *join, double shared, double target, kin_error *err)
{
    sweep_point point = {.engine = KIN_ENGINE_JOIN,
                         .target = target,
                         .shared_seconds = shared,
                         .memory_bytes = kin_join_get_plan(join)->total_bytes};
    int rc = time_join(self, join, target, kin_sweep_sink(self), &point.seconds, err);
    point.seconds += shared;
    return rc == 0 ? kin_sweep_add_point(self, point, err) : rc;
}

static int repeat_join(sweep *self, void *join, const sweep_point *point, double *seconds,
                       kin_error *err)
{
    int rc = time_join(self, join, point->target, kin_calibrate_sink(), seconds, err);
    return rc;
}

int kin_sweep_join(sweep *self, kin_join *join, double shared, kin_error *err)
{
    size_t first = self->count;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof join_target / sizeof *join_target; i++)
        rc = run_join(self, join, shared, join_target[i], err);
    return rc == 0 ? kin_sweep_repeat_near(self, first, repeat_join, join, err) : rc;
}

/* ---- exact ----------------------------------------------------------------------------------- */

static int time_exact(sweep *self, kin_row_sink sink, sweep_point *point, kin_error *err)
{
    kin_exact_options options = KIN_EXACT_OPTIONS_INIT;
    kin_exact *engine = NULL;
    options.top_k = (size_t)self->options->top_k;
    options.memory_bytes = self->memory_bytes;
    double start = kin_clock_seconds();
    int rc = kin_exact_new(&engine, self->sample, &options, err);
    if (rc != 0)
        return rc;
    point->memory_bytes = kin_exact_get_plan(engine)->total_bytes;
    rc = kin_exact_run(engine, sink, self->monitor, err);
    kin_exact_free(engine);
    point->seconds = kin_clock_seconds() - start;
    return rc;
}

static int repeat_exact(sweep *self, void *made, const sweep_point *point, double *seconds,
                        kin_error *err)
{
    (void)made;
    sweep_point again = *point;
    int rc = time_exact(self, kin_calibrate_sink(), &again, err);
    *seconds = again.seconds;
    return rc;
}

int kin_sweep_exact_engine(sweep *self, kin_error *err)
{
    kin_error fault = {0};
    sweep_point point = {.engine = KIN_ENGINE_EXACT};
    size_t first = self->count;
    int rc = time_exact(self, kin_sweep_sink(self), &point, &fault);
    if (rc != 0)
        return kin_sweep_unless_refused(self, "exact", rc, &fault, err);
    rc = kin_sweep_add_point(self, point, err);
    return rc == 0 ? kin_sweep_repeat_near(self, first, repeat_exact, NULL, err) : rc;
}

/* ---- hnsw ------------------------------------------------------------------------------------ */

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
    int rc = kin_search_all(index, &search, sink, self->monitor, err);
    *seconds = kin_clock_seconds() - start;
    return rc;
}

static int repeat_hnsw(sweep *self, void *index, const sweep_point *point, double *seconds,
                       kin_error *err)
{
    int rc = time_hnsw(self, index, point->candidates, kin_calibrate_sink(), seconds, err);
    return rc;
}

static int run_hnsw(sweep *self, const kin_index *index, double shared, int64_t candidates,
                    kin_error *err)
{
    const kin_index_options *made = kin_index_resolved(index);
    kin_search_options search = search_of(self, candidates);
    sweep_point point = {.engine = KIN_ENGINE_HNSW,
                         .space = (kin_index_space)made->space,
                         .candidates = candidates,
                         .shared_seconds = shared,
                         .memory_bytes = hnsw_bytes(self, made, &search)};
    kin_error fault = {0};
    char name[SWEEP_TEXT];
    int rc = time_hnsw(self, index, candidates, kin_sweep_sink(self), &point.seconds, &fault);
    point.seconds += shared;
    if (rc != 0)
        return kin_sweep_unless_refused(self, kin_sweep_point_options(&point, name), rc, &fault,
                                        err);
    return kin_sweep_add_point(self, point, err);
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
        kin_sweep_note(self,
                       "%s with --candidates %lld and more is left out: the sample has %zu items",
                       name, (long long)c, self->sample->n);
    else if (enough)
        kin_sweep_note(
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

int kin_sweep_space(sweep *self, kin_index_space space, kin_error *err)
{
    kin_index_options options = KIN_INDEX_OPTIONS_INIT;
    kin_index *index = NULL;
    kin_error fault = {0};
    options.type = KIN_INDEX_HNSW;
    options.space = space;
    options.seed = self->options->seed;
    options.memory_bytes = self->memory_bytes;
    double start = kin_clock_seconds();
    int rc = kin_index_build(&index, self->sample, &options, self->monitor, &fault);
    if (rc != 0)
        return kin_sweep_unless_refused(self, space == KIN_SPACE_FUSED ? "hnsw fused" : "hnsw", rc,
                                        &fault, err);
    double shared = kin_clock_seconds() - start;
    kin_monitor_message(self->monitor, KIN_LEVEL_INFO, "Index of hnsw (--index-space %s): %.2f s",
                        kin_index_space_names[space], shared);
    size_t first = self->count;
    rc = ask_index(self, index, shared, err);
    if (rc == 0)
        rc = kin_sweep_repeat_near(self, first, repeat_hnsw, index, err);
    kin_index_free(index);
    return rc;
}
