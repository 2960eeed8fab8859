/*
 * The self-join (ann/join.h): set-up, plan, and the run over all clusters.
 */
#include "ann/join_state.h"
#include "core/memory.h"
#include "core/threads.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

/* Rows too wide for sums of lifted codes in int32, as in exact/exact.h. */
enum { DIMENSIONS_MAX = 32768 };

/* Clusters between looks at the monitor, per thread: about half a second, beside which it is little that threads
 * wait for the last cluster. */
enum { CLUSTERS_AT_A_TIME = 64 };

/* ---- set-up ---------------------------------------------------------------------------------------- */

static int check(const kin_catalog *catalog, const kin_join_options *options, kin_error *err)
{
    size_t d = kin_catalog_dimensions(catalog);
    int rc = kin_top_k_check(options->top_k, catalog->n, err);
    if (rc != 0)
        return rc;
    if (d > DIMENSIONS_MAX)
        return kin_fail(err, KIN_E_DATA, "choose --engine stream",
                        "the modalities have %zu dimensions in all, --engine join takes %d", d,
                        DIMENSIONS_MAX);
    return kin_blas_room(err);
}

static const char plan_hint[] = "--threads or --top-k, or use float16 and fewer dimensions";

/* Which items another one stands for: the first of those that are the same. */
static int find_duplicates(kin_join *self, kin_error *err)
{
    const kin_catalog *catalog = self->catalog;
    kin_memory_plan plan = {.hint = plan_hint};
    kin_memory_plan_add(&plan, "finding items that are the same",
                        kin_distinct_work_bytes(catalog->n), 1);
    int rc = kin_memory_plan_check(&plan, self->options.memory_bytes, err);
    if (rc == 0)
        rc =
            kin_distinct_make(&self->duplicates, catalog, (1u << catalog->modality_count) - 1, err);
    if (rc != 0)
        return rc;
    self->leave_out = kin_alloc(catalog->n, 1);
    self->unique = kin_alloc_zero(catalog->n / 8 + 1, 1);
    if (!self->leave_out || !self->unique)
        return kin_fail_alloc(err, "items that are the same", catalog->n);
    for (size_t i = 0; i < catalog->n; i++) {
        int32_t group = self->duplicates.of[i];
        self->leave_out[i] =
            group >= 0 && self->duplicates.item[self->duplicates.start[group]] != (int32_t)i;
        size_t same =
            group < 0 ? 0 : self->duplicates.start[group + 1] - self->duplicates.start[group];
        self->unique[i / 8] |= (uint8_t)((same == 1) << i % 8);
        self->takes_part += group >= 0 && !self->leave_out[i];
    }
    return 0;
}

/* Adds up what the run is going to take: ordering, encoding and joining follow each other. */
static int make_plan(kin_join *self, kin_error *err)
{
    kin_join_plan *plan = &self->plan;
    const kin_codes *codes = &self->codes;
    size_t n = self->catalog->n, clusters = kin_clustering_clusters_most(self->duplicates.count);
    plan->lead = codes->rotation.lead;
    plan->tail = codes->rotation.tail;
    plan->distinct = self->duplicates.count;
    plan->rerank_rows = kin_reranker_rows_good(self->catalog, self->capacity);
    plan->codes_bytes = kin_size_add(
        kin_codes_bytes(codes), kin_rotation_bytes(codes->fused.d, codes->rotation.reflectors));
    size_t kept = kin_size_add(kin_distinct_bytes(n), n + n / 8 + 1);
    size_t joining =
        kin_size_add(kin_cluster_stats_bytes(clusters, plan->lead),
                     kin_size_mul((size_t)self->threads, kin_join_worker_bytes(self, clusters)));
    size_t encoding = kin_codes_encode_work_bytes(codes);
    plan->work_bytes = joining > encoding ? joining : encoding;
    size_t tuning = kin_join_sample_bytes(self->duplicates.count, self->options.top_k);
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
    int rc = check(catalog, options, err);
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
    self->effort =
        (kin_join_effort){.probe_sigmas = INFINITY, .tail_fraction = 1, .recall = 1, .scanned = 1};
    rc = find_duplicates(self, err);
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
    kin_distinct_release(&self->duplicates);
    free(self->leave_out);
    free(self->unique);
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
                                 .leave_out = self->leave_out,
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

/* ---- the run --------------------------------------------------------------------------------------- */

/* What goes wrong first is what the caller hears; the others stop. */
typedef struct failure {
    int rc;
    kin_error *err;
} failure;

static bool failed(const failure *self)
{
    int rc;
#pragma omp atomic read
    rc = self->rc;
    return rc != 0;
}

static void fail(failure *self, int rc, const kin_error *own)
{
#pragma omp critical(kin_join_fail)
    {
        bool first = self->rc == 0;
        if (first && self->err)
            *self->err = *own;
#pragma omp atomic write
        self->rc = first ? rc : self->rc;
    }
}

/* The rows of a cluster: candidates, canonical scores, and on their way. */
static int join_cluster(kin_join_worker *self, size_t h, kin_row_sink sink, const failure *others,
                        kin_error *err)
{
    const kin_join *join = self->join;
    const kin_clustering *clustering = &join->codes.clustering;
    size_t first = clustering->start[h], count = clustering->start[h + 1] - first;
    size_t at[KIN_CLUSTER_MAX];
    for (size_t i = 0; i < count; i++)
        at[i] = first + i;
    kin_join_scan(self, at, count, h, join->effort.probe_sigmas);
    size_t pieces = (count + join->plan.rerank_rows - 1) / join->plan.rerank_rows;
    int rc = 0;
    for (size_t from = 0, rows; from < count && rc == 0; from += rows, pieces--) {
        rows = (count - from + pieces - 1) / pieces;
        const int32_t *row = clustering->row + first + from;
        const kin_rows *best = kin_reranker_run(self->reranker, &self->collectors, from, row, rows,
                                                &self->pairs_scored);
        for (size_t i = 0; i < rows && rc == 0 && !failed(others); i++)
            rc = kin_join_emit(self, row[i], best, i, sink, err);
    }
    return rc;
}

static int join_clusters(kin_join *self, const int32_t *cluster, size_t count, kin_row_sink sink,
                         kin_error *err)
{
    failure first = {0, err};
#pragma omp parallel num_threads(self->threads)
    {
        kin_join_worker *worker = &self->worker[omp_get_thread_num()];
        omp_set_num_threads(1); /* a BLAS call from here uses this thread alone */
#pragma omp for schedule(dynamic)
        for (size_t i = 0; i < count; i++) {
            kin_error own;
            if (failed(&first))
                continue;
            int rc = join_cluster(worker, (size_t)cluster[i], sink, &first, &own);
            if (rc != 0)
                fail(&first, rc, &own);
        }
    }
    return first.rc;
}

/* The empty rows of items that are in no pair. */
static int emit_empty(kin_join *self, kin_row_sink sink, kin_error *err)
{
    kin_rows *empty = &self->worker[0].one;
    int rc = 0;
    empty->count = 1;
    empty->filled[0] = 0;
    for (size_t i = 0; i < self->catalog->n && rc == 0; i++)
        if (self->catalog->present[i] == 0)
            rc = sink.write(sink.self, i, empty, err);
    return rc;
}

/* What all threads have done so far, for the sample and in earlier runs too. */
static kin_join_report count_up(const kin_join *self)
{
    kin_scan_counts sum = {0};
    kin_join_report all = {.rows = self->codes.clustering.count, .clusters = self->stats.count};
    for (int t = 0; t < self->threads; t++) {
        kin_scan_counts_add(&sum, kin_pairscan_counts(self->worker[t].pairscan));
        all.probes += self->worker[t].probes;
        all.full += self->worker[t].pairs_scored;
    }
    all.pairs = sum.pairs;
    all.tiles = sum.tiles;
    all.tiles_left = sum.tiles_left;
    all.refined = sum.refined;
    all.collected = sum.collected;
    return all;
}

/* The report is of this run alone. */
static void make_report(kin_join *self, const kin_join_report *before)
{
    kin_join_report *report = &self->report;
    *report = count_up(self);
    report->probes -= before->probes;
    report->full -= before->full;
    report->pairs -= before->pairs;
    report->tiles -= before->tiles;
    report->tiles_left -= before->tiles_left;
    report->refined -= before->refined;
    report->collected -= before->collected;
}

int kin_join_run(kin_join *self, kin_row_sink sink, const kin_monitor *monitor, kin_error *err)
{
    size_t clusters = self->stats.count, stretch = CLUSTERS_AT_A_TIME * (size_t)self->threads;
    size_t n = self->catalog->n, rows = self->codes.clustering.count;
    kin_join_report before = count_up(self);
    int32_t *order = kin_alloc(clusters, sizeof *order);
    if (!order)
        return kin_fail_alloc(err, "the order of clusters", clusters * sizeof *order);
    int rc = kin_cluster_stats_order(&self->stats, order, err);
    kin_codes_set_tail_fraction(&self->codes, self->effort.tail_fraction);
    kin_monitor_progress(monitor, 0, n);
    for (size_t from = 0, done = 0; from < clusters && rc == 0; from += stretch) {
        size_t count = clusters - from < stretch ? clusters - from : stretch;
        rc = kin_monitor_check(monitor, err);
        if (rc == 0)
            rc = join_clusters(self, order + from, count, sink, err);
        for (size_t i = from; i < from + count; i++)
            done +=
                self->codes.clustering.start[order[i] + 1] - self->codes.clustering.start[order[i]];
        if (rc == 0)
            kin_monitor_progress(monitor, (size_t)((double)n * (double)done / (double)rows), n);
    }
    free(order);
    if (rc == 0)
        rc = emit_empty(self, sink, err);
    if (rc == 0)
        make_report(self, &before);
    return kin_catalog_settle(self->catalog, rc, err);
}
