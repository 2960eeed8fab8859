/*
 * The self-join (ann/join.h): set-up, plan, and the run over all clusters.
 */
#include "ann/join_state.h"
#include "core/memory.h"
#include "core/threads.h"

#include <math.h>
#include <stdlib.h>

/* Clusters between looks at the monitor, per thread: about half a second, beside which it is
 * little that threads wait for the last cluster. */
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
    kin_memory_plan_add(&parts, "codes", plan->codes_bytes, 1);
    kin_memory_plan_add(&parts, "threads", plan->work_bytes, 1);
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

static void release_workers(kin_join *self)
{
    for (int t = 0; t < self->threads && self->worker; t++)
        kin_join_worker_release(&self->worker[t]);
    free(self->worker);
    self->worker = NULL;
}

void kin_join_free(kin_join *self)
{
    if (!self)
        return;
    release_workers(self);
    kin_join_sample_free(self->sample);
    kin_cluster_stats_release(&self->stats);
    kin_codes_release(&self->codes);
    kin_clustering_release(&self->clustering);
    kin_duplicates_release(&self->duplicates);
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

static int init_workers(kin_join *self, kin_error *err)
{
    self->worker = calloc((size_t)self->threads, sizeof *self->worker);
    if (!self->worker)
        return kin_fail_alloc(err, "threads", (size_t)self->threads * sizeof *self->worker);
    int rc = 0;
    for (int t = 0; t < self->threads && rc == 0; t++)
        rc = kin_join_worker_init(&self->worker[t], self, err);
    return rc;
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
        rc = kin_cluster_stats_init(&self->stats, &self->codes, err);
    if (rc == 0)
        rc = init_workers(self, err);
    return rc;
}

void kin_join_use_effort(kin_join *self, const kin_join_effort *effort)
{
    kin_codes_set_tail_fraction(&self->codes, effort->tail_fraction);
    kin_cluster_stats_widen(&self->stats, effort->rare_widening);
}

/* ---- the run -------------------------------------------------------------------------------- */

/* The run over some clusters. */
typedef struct batch {
    kin_join *join;
    const int32_t *cluster; /* in cluster order */
    kin_row_sink sink;
} batch;

/* What emits a cluster's rows. */
typedef struct emitter {
    kin_join_worker *worker;
    kin_row_sink sink;
} emitter;

static int emit_row(void *self, int32_t row, const kin_rows *block, size_t i, kin_error *err)
{
    const emitter *to = self;
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
    emitter to = {worker, of->sink};
    kin_scan_piece rows = {&worker->collectors, 0, clustering->row + first, count};
    return kin_scan_rerank(worker->reranker, rows, join->plan.rerank_rows, &worker->pairs_scored,
                           emit_row, &to, others, err);
}

/* What all threads have done so far, for the sample and in earlier runs too. */
static kin_join_report sum_counts(const kin_join *self)
{
    kin_join_report all = {.rows = self->codes.clustering.count, .clusters = self->stats.count};
    for (int t = 0; t < self->threads; t++) {
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

int kin_join_run(kin_join *self, kin_row_sink sink, const kin_monitor *monitor, kin_error *err)
{
    size_t clusters = self->stats.count, stretch = CLUSTERS_AT_A_TIME * (size_t)self->threads;
    size_t n = self->catalog->n, rows = self->codes.clustering.count;
    kin_join_report before = sum_counts(self);
    int32_t *order = kin_alloc(clusters, sizeof *order);
    if (!order)
        return kin_fail_alloc(err, "the order of clusters", clusters * sizeof *order);
    int rc = kin_cluster_stats_order(&self->stats, order, err);
    kin_join_use_effort(self, &self->effort);
    batch run = {self, order, sink};
    kin_monitor_progress(monitor, 0, n);
    for (size_t from = 0, done = 0; from < clusters && rc == 0; from += stretch) {
        size_t count = clusters - from < stretch ? clusters - from : stretch;
        rc = kin_monitor_check(monitor, err);
        if (rc == 0)
            rc = kin_scan_parallel(self->threads, from, from + count, join_cluster, &run, err);
        for (size_t i = from; i < from + count; i++)
            done +=
                self->codes.clustering.start[order[i] + 1] - self->codes.clustering.start[order[i]];
        if (rc == 0)
            kin_monitor_progress(monitor, (size_t)((double)n * (double)done / (double)rows), n);
    }
    free(order);
    if (rc == 0)
        rc = kin_scan_emit_empty(self->catalog, self->options.top_k, sink, err);
    if (rc == 0)
        make_report(self, &before);
    return kin_catalog_settle(self->catalog, rc, err);
}
