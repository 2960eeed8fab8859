/*
 * The self-join (ann/join.h): set-up, plan, and the run over all clusters.
 */
#include "ann/join_refine.h"
#include "core/memory.h"
#include "core/threads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Clusters between reports of progress, per thread: a second or two, beside which it is little that
 * threads wait for the last cluster. */
enum { CLUSTERS_AT_A_TIME = 64 };

/* ---- set-up --------------------------------------------------------------------------------- */

static const char plan_hint[] = "--threads or --top-k, or use float16 and fewer dimensions";

/* Adds up what the run is going to take: ordering, encoding and joining follow each other. */
static int make_plan(kin_join *self, kin_error *err)
{
    kin_join_plan *plan = &self->plan;
    const kin_codes *codes = &self->codes;
    size_t n = self->catalog->n,
           clusters = kin_clustering_clusters_most(self->duplicates.distinct.count);
    plan->lead = codes->rotation.lead;
    plan->tail = codes->rotation.tail;
    plan->distinct = self->duplicates.distinct.count;
    plan->rerank_rows = kin_reranker_rows_good(self->catalog, self->capacity);
    plan->codes_bytes = kin_size_add(
        kin_codes_bytes(codes), kin_rotation_bytes(codes->fused.d, codes->rotation.reflectors));
    size_t kept = kin_duplicates_bytes(n);
    size_t joining =
        kin_size_add(kin_cluster_stats_bytes(clusters, plan->lead),
                     kin_size_mul((size_t)self->threads, kin_join_worker_bytes(self, clusters)));
    size_t encoding = kin_codes_encode_work_bytes(codes);
    plan->work_bytes = joining > encoding ? joining : encoding;
    size_t tuning = kin_join_sample_bytes(self->duplicates.distinct.count, self->options.top_k);
    kin_memory_plan parts = {.hint = plan_hint};
    kin_memory_plan_add(&parts, "items that are the same", kept, 1);
    kin_memory_plan_add(&parts, "where rows stand", n, sizeof *self->position);
    kin_memory_plan_add(&parts, "codes", plan->codes_bytes, 1);
    kin_memory_plan_add(&parts, "threads", plan->work_bytes, 1);
    kin_memory_plan_add(&parts, "nearest rows", kin_join_near_bytes(plan->distinct), 1);
    kin_memory_plan_add(&parts, "the refinement", kin_refiner_bytes(self), (size_t)self->threads);
    kin_memory_plan_add(&parts, "the sample that sets the effort", tuning, 1);
    if (self->options.trace)
        kin_memory_plan_add(&parts, "traced rows", kin_join_trace_bytes(self, clusters), 1);
    plan->total_bytes = parts.total_bytes;
    size_t ordering = kin_size_add(kept, kin_codes_clustering_work_bytes(codes));
    if (ordering > plan->total_bytes) {
        parts = (kin_memory_plan){.hint = parts.hint};
        kin_memory_plan_add(&parts, "ordering rows", ordering, 1);
        plan->total_bytes = ordering;
    }
    return kin_memory_plan_check(&parts, self->options.memory_bytes, err);
}

int kin_join_new(kin_join **out, const kin_catalog *catalog, const kin_join_options *options,
                 kin_error *err)
{
    int rc = kin_scan_check(catalog, options->top_k, "join", err);
    if (rc != 0)
        return rc;
    kin_join *self = calloc(1, sizeof *self);
    if (!self)
        return kin_fail_alloc(err, "the engine", sizeof *self);
    self->catalog = catalog;
    self->options = *options;
    self->target_with_margin = options->target;
    self->threads = kin_threads_used();
    self->capacity = kin_collectors_capacity_good(options->top_k + 1);
    self->effort = (kin_join_effort){.probe_sigmas = INFINITY,
                                     .rare_widening = 1,
                                     .clusters_most = SIZE_MAX,
                                     .tail_fraction = 1,
                                     .recall = 1,
                                     .scanned = 1};
    rc = kin_duplicates_find(&self->duplicates, catalog, options->memory_bytes, plan_hint, err);
    kin_codes_options codes = {.top_k = options->top_k, .slack = 1, .approximate = true};
    if (rc == 0)
        rc = kin_codes_init(&self->codes, catalog, &codes, err);
    if (rc == 0)
        rc = make_plan(self, err);
    if (rc == 0)
        *out = self;
    else
        kin_join_free(self);
    return rc;
}

void kin_join_finish(kin_join *self)
{
    kin_join_release_workers(self);
    kin_join_sample_free(self->sample);
    self->sample = NULL;
    kin_cluster_stats_release(&self->stats);
    kin_join_near_release(&self->near);
    free(self->position);
    self->position = NULL;
    kin_codes_release(&self->codes);
    kin_clustering_release(&self->clustering);
    kin_duplicates_release(&self->duplicates);
}

void kin_join_free(kin_join *self)
{
    if (!self)
        return;
    kin_join_finish(self);
    free(self);
}

const kin_join_plan *kin_join_get_plan(const kin_join *self)
{
    return &self->plan;
}

const kin_join_effort *kin_join_get_effort(const kin_join *self)
{
    return &self->effort;
}

const kin_join_report *kin_join_get_report(const kin_join *self)
{
    return &self->report;
}

static int set_positions(kin_join *self, kin_error *err)
{
    const kin_distinct *distinct = &self->duplicates.distinct;
    const kin_clustering *clustering = &self->codes.clustering;
    free(self->position);
    self->position = kin_alloc(distinct->n, sizeof *self->position);
    if (!self->position)
        return kin_fail_alloc(err, "where rows stand", distinct->n * sizeof *self->position);
    memset(self->position, 0xff, distinct->n * sizeof *self->position); /* -1 */
    for (size_t at = 0; at < clustering->count; at++) {
        int32_t group = distinct->of[clustering->row[at]];
        for (size_t i = distinct->start[group]; i < distinct->start[group + 1]; i++)
            self->position[distinct->item[i]] = (int32_t)at;
    }
    return 0;
}

int kin_join_encode(kin_join *self, const kin_monitor *monitor, kin_error *err)
{
    kin_codes_options options = {.top_k = self->options.top_k,
                                 .slack = 1,
                                 .approximate = true,
                                 .leave_out = self->duplicates.leave_out,
                                 .clustering =
                                     self->clustering.count > 0 ? &self->clustering : NULL};
    kin_monitor_stage(monitor, "encode");
    int rc = kin_codes_encode(&self->codes, &options, monitor, err);
    if (rc == 0)
        rc = set_positions(self, err);
    if (rc == 0)
        rc = kin_cluster_stats_init(&self->stats, &self->codes, err);
    self->rows = self->codes.clustering.count;
    self->clusters = self->codes.clustering.clusters;
    return rc == 0 ? kin_join_want_workers(self, err) : rc;
}

/* ---- the run -------------------------------------------------------------------------------- */

/* The run over some clusters. */
typedef struct batch {
    kin_join *join;
    const int32_t *cluster; /* in cluster order */
    kin_row_sink sink;
    struct refining *thread; /* [threads] of the refinement */
} batch;

/* What emits a cluster's rows. */
typedef struct emitter {
    kin_join_worker *worker;
    kin_join_near *near; /* NULL: there is no refinement */
    kin_row_sink sink;
} emitter;

static int emit_row(void *self, int32_t row, const kin_rows *block, size_t i, kin_error *err)
{
    const emitter *to = self;
    if (to->near)
        kin_join_near_keep(to->near, row, block, i);
    return kin_expander_emit(&to->worker->expander, row, block, i, to->sink, err);
}

/* The rows of a cluster: scanned, reranked and emitted. */
static int join_cluster(void *self, int thread, size_t i, const kin_scan_failure *others,
                        kin_error *err)
{
    const batch *of = self;
    const kin_join *join = of->join;
    kin_join_worker *worker = &of->join->worker[thread];
    const kin_clustering *clustering = &join->codes.clustering;
    size_t h = (size_t)of->cluster[i], first = clustering->start[h];
    size_t count = clustering->start[h + 1] - first;
    size_t at[KIN_CLUSTER_MAX];
    for (size_t r = 0; r < count; r++)
        at[r] = first + r;
    kin_join_scan(worker, at, count, h, join->effort.probe_sigmas);
    emitter to = {worker, of->sink.read ? &of->join->near : NULL, of->sink};
    kin_scan_piece rows = {&worker->collectors, 0, clustering->row + first, count};
    return kin_scan_rerank(worker->reranker, rows, join->plan.rerank_rows, &worker->pairs_scored,
                           emit_row, &to, others, err);
}

/* What all threads have done so far, for the sample and in earlier runs too. */
static kin_join_report sum_counts(const kin_join *self)
{
    kin_join_report all = {.rows = self->codes.clustering.count, .clusters = self->stats.count};
    for (int t = 0; t < self->threads && self->worker; t++) {
        kin_scan_counts_add(&all.scan, kin_pairscan_counts(self->worker[t].pairscan));
        all.probes += self->worker[t].probes;
        all.full += self->worker[t].pairs_scored;
    }
    return all;
}

/* The report is of this run alone. */
static void make_report(kin_join *self, const kin_join_report *before)
{
    self->report = sum_counts(self);
    self->report.probes -= before->probes;
    self->report.full -= before->full;
    kin_scan_counts_subtract(&self->report.scan, &before->scan);
}

/* What a thread refines with. */
typedef struct refining {
    kin_refiner *refiner;
    kin_rows row; /* one */
} refining;

/* An item's row, refined and emitted again if it gained neighbours. */
static int refine_item(refining *self, size_t at, int32_t item, kin_row_sink sink, kin_error *err)
{
    int rc = sink.read(sink.self, (size_t)item, &self->row, 0, err);
    if (rc != 0)
        return rc == KIN_ROW_NOT_KEPT ? 0 : rc;
    self->row.count = 1;
    return kin_refiner_run(self->refiner, at, item, &self->row)
               ? sink.write(sink.self, (size_t)item, &self->row, err)
               : 0;
}

/* The rows of a cluster: all items that each stands for. */
static int refine_cluster(void *self, int thread, size_t i, const kin_scan_failure *others,
                          kin_error *err)
{
    const batch *of = self;
    const kin_distinct *distinct = &of->join->duplicates.distinct;
    const kin_clustering *clustering = &of->join->codes.clustering;
    size_t h = (size_t)of->cluster[i];
    int rc = 0;
    for (size_t at = clustering->start[h]; at < clustering->start[h + 1] && rc == 0; at++) {
        int32_t group = distinct->of[clustering->row[at]];
        for (size_t e = distinct->start[group]; e < distinct->start[group + 1] && rc == 0; e++)
            rc = kin_scan_failed(others)
                     ? 0
                     : refine_item(&of->thread[thread], at, distinct->item[e], of->sink, err);
    }
    return rc;
}

/* The share of a run's work that the first pass is, for progress. */
static const double first_pass = 0.94;

/* All clusters through `part`; progress goes from `from` to `to`, shares of the whole. */
static int run_clusters(batch *run, kin_scan_part *part, double from, double to,
                        const kin_monitor *monitor, kin_error *err)
{
    const kin_join *self = run->join;
    const size_t *start = self->codes.clustering.start;
    size_t clusters = self->stats.count, stretch = CLUSTERS_AT_A_TIME * (size_t)self->threads;
    double n = (double)self->catalog->n, rows = (double)self->codes.clustering.count;
    size_t done = 0;
    int rc = 0;
    for (size_t first = 0; first < clusters && rc == 0; first += stretch) {
        size_t last = clusters - first < stretch ? clusters : first + stretch;
        rc = kin_monitor_check(monitor, err);
        if (rc == 0)
            rc = kin_scan_parallel(self->threads, first, last, part, run, monitor, err);
        for (size_t i = first; i < last; i++)
            done += start[run->cluster[i] + 1] - start[run->cluster[i]];
        if (rc == 0)
            kin_monitor_progress(monitor, (size_t)(n * (from + (to - from) * (double)done / rows)),
                                 self->catalog->n);
    }
    return rc;
}

/* The second pass, over all rows that the first one left in the sink. */
static int refine(batch *run, const kin_monitor *monitor, kin_error *err)
{
    kin_join *self = run->join;
    size_t threads = (size_t)self->threads;
    int rc = 0;
    kin_join_near_turn(&self->near);
    run->thread = calloc(threads, sizeof *run->thread);
    if (!run->thread)
        return kin_fail_alloc(err, "the refinement", threads * sizeof *run->thread);
    for (size_t t = 0; t < threads && rc == 0; t++) {
        rc = kin_refiner_new(&run->thread[t].refiner, self, err);
        if (rc == 0)
            rc = kin_rows_init(&run->thread[t].row, 1, self->options.top_k,
                               self->catalog->modality_count, err);
        run->thread[t].row.sequence = 1;
    }
    if (rc == 0)
        rc = run_clusters(run, refine_cluster, first_pass, 1, monitor, err);
    for (size_t t = 0; t < threads; t++) {
        if (rc == 0) {
            const kin_refine_counts *counts = kin_refiner_counts(run->thread[t].refiner);
            self->report.rows_refined += counts->rows;
            self->report.neighbors_added += counts->added;
        }
        kin_refiner_free(run->thread[t].refiner);
        kin_rows_release(&run->thread[t].row);
    }
    free(run->thread);
    return rc;
}

int kin_join_run(kin_join *self, kin_row_sink sink, const kin_monitor *monitor, kin_error *err)
{
    size_t clusters = self->stats.count;
    kin_join_report before = sum_counts(self);
    int32_t *order = kin_alloc(clusters, sizeof *order);
    if (!order)
        return kin_fail_alloc(err, "the order of clusters", clusters * sizeof *order);
    int rc = kin_cluster_stats_order(&self->stats, order, err);
    bool refined = sink.read != NULL;
    kin_join_near_release(&self->near);
    if (rc == 0)
        rc = kin_join_want_workers(self, err);
    if (rc == 0 && refined)
        rc = kin_join_near_init(&self->near, &self->codes, self->position, err);
    kin_join_use_effort(self, &self->effort);
    batch run = {.join = self, .cluster = order, .sink = sink};
    kin_monitor_progress(monitor, 0, self->catalog->n);
    if (rc == 0)
        rc = run_clusters(&run, join_cluster, 0, refined ? first_pass : 1, monitor, err);
    if (rc == 0)
        rc = kin_scan_emit_empty(self->catalog, self->options.top_k, sink, err);
    if (rc == 0) {
        make_report(self, &before);
        kin_join_release_workers(self);
        if (refined)
            rc = refine(&run, monitor, err);
    }
    free(order);
    return kin_catalog_settle(self->catalog, rc, err);
}
