/*
 * What some rows looked at and found (ann/traced.h): each is scanned once more, as in the run.
 *
 * Rows are worked on by all threads and told in the order asked for, so that nothing is kept of
 * them. Time, a row: the gates of its cluster with all others, and of the scan what one row takes,
 * a tile for itself where a run puts twelve in one. Memory: two sets of items a thread.
 */
#include "ann/join_refine.h"
#include "core/memory.h"
#include "scan/distinct.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Rows between looks at the monitor, per thread. */
enum { ROWS_AT_A_TIME = 32 };

/* One thread's workspace. */
typedef struct tracer {
    kin_join_worker *worker; /* the join's, of this thread */
    kin_candidates source[KIN_JOIN_SOURCES];
    int32_t *found;       /* [capacity] candidates, then their groups */
    uint8_t *looked;      /* [clusters] */
    float *probe_sigmas;  /* [clusters] */
    float *row;           /* [width] the row's side of gates for probe_sigmas 1 */
    kin_refiner *refiner; /* NULL: the run had no refinement */
    int32_t item;         /* under way */
    kin_rows finished;    /* its row after the first pass */
} tracer;

size_t kin_join_trace_bytes(const kin_join *join, size_t clusters)
{
    size_t n = join->catalog->n, width = join->codes.rotation.lead + KIN_CLUSTER_SPREADS;
    size_t bytes =
        kin_size_add(kin_size_mul(KIN_JOIN_SOURCES, kin_candidates_bytes(n, n)), sizeof(tracer));
    bytes = kin_size_add(bytes, kin_size_mul(join->capacity, sizeof(int32_t)));
    bytes = kin_size_add(bytes, kin_size_mul(clusters, sizeof(float) + 1));
    bytes = kin_size_add(bytes, kin_size_mul(width, sizeof(float)));
    bytes = kin_size_add(bytes, kin_refiner_bytes(join));
    bytes =
        kin_size_add(bytes, kin_rows_bytes(1, join->options.top_k, join->catalog->modality_count));
    return kin_size_add(kin_size_mul((size_t)join->threads, bytes),
                        kin_size_mul(n, sizeof(int32_t))); /* their clusters */
}

static int tracer_init(tracer *self, const kin_join *join, kin_error *err)
{
    size_t clusters = join->stats.count;
    self->found = kin_alloc(join->capacity, sizeof *self->found);
    self->looked = kin_alloc(clusters, 1);
    self->probe_sigmas = kin_alloc(clusters, sizeof *self->probe_sigmas);
    self->row = kin_alloc(join->stats.width, sizeof *self->row);
    if (!self->found || !self->looked || !self->probe_sigmas || !self->row)
        return kin_fail_alloc(err, "traced rows", kin_join_trace_bytes(join, clusters));
    int rc = 0;
    for (size_t s = 0; s < KIN_JOIN_SOURCES && rc == 0; s++)
        rc = kin_candidates_init(&self->source[s], join->catalog->n, join->catalog->n, err);
    if (rc == 0)
        rc = kin_rows_init(&self->finished, 1, join->options.top_k, join->catalog->modality_count,
                           err);
    if (rc == 0 && join->near.count > 0)
        rc = kin_refiner_new(&self->refiner, join, err);
    return rc;
}

static void tracer_release(tracer *self)
{
    free(self->found);
    free(self->looked);
    free(self->probe_sigmas);
    free(self->row);
    for (size_t s = 0; s < KIN_JOIN_SOURCES; s++)
        kin_candidates_release(&self->source[s]);
    kin_rows_release(&self->finished);
    kin_refiner_free(self->refiner);
}

/* What is in the collector, pruned as before rows are scored (scan/reranker.c), with everything
 * that is the same. */
static void list_items(tracer *self, int32_t row)
{
    kin_collectors *collectors = &self->worker->collectors;
    const kin_distinct *duplicates = &self->worker->join->duplicates.distinct;
    kin_collectors_prune(collectors, 0);
    size_t count = kin_collectors_list(collectors, 0, self->found);
    for (size_t i = 0; i < count; i++)
        self->found[i] = duplicates->of[self->found[i]];
    kin_candidates_add(&self->source[KIN_JOIN_SCANNED], duplicates, row, -1, self->found, count,
                       duplicates->n);
}

/* Takes the row of the item under way, of those that are emitted with it. */
static int take_row(void *tracer_, size_t first, const kin_rows *rows, kin_error *err)
{
    tracer *self = tracer_;
    kin_row_sink into = kin_rows_sink(&self->finished);
    return first == (size_t)self->item ? into.write(into.self, 0, rows, err) : 0;
}

/* What the refinement scores for the item, beginning with its row as the first pass leaves it. */
static int list_refined(tracer *self, size_t at, kin_error *err)
{
    kin_join_worker *worker = self->worker;
    const kin_distinct *distinct = &worker->join->duplicates.distinct;
    int32_t row = worker->join->codes.clustering.row[at];
    const int32_t *scored;
    uint64_t pairs = 0;
    const kin_rows *best =
        kin_reranker_run(worker->reranker, &worker->collectors, 0, &row, 1, &pairs);
    int rc = kin_expander_emit(&worker->expander, row, best, 0,
                               (kin_row_sink){.self = self, .write = take_row}, err);
    if (rc != 0)
        return rc;
    kin_refiner_run(self->refiner, at, self->item, &self->finished);
    size_t count = kin_refiner_scored(self->refiner, &scored);
    for (size_t i = 0; i < count; i++)
        kin_candidates_add(&self->source[KIN_JOIN_REFINED], distinct, self->item, -1,
                           &distinct->of[scored[i]], 1, distinct->n);
    return 0;
}

/* The least probe_sigmas with which the row at place `at` probes cluster h, which it did not.
 * Thresholds only rise, so it is above the run's; a result that rounding puts below is set to
 * the next value. */
static float sigmas_wanted(const tracer *self, size_t at, size_t h, float threshold, float factor)
{
    const kin_join *join = self->worker->join;
    float mean, sigma;
    if (factor == 0)
        return INFINITY;
    kin_cluster_stats_expect(&join->stats, h, self->row, join->codes.terms[at].bias, &mean, &sigma);
    return sigma > 0 ? fmaxf((threshold / factor - mean) / sigma,
                             nextafterf(join->effort.probe_sigmas, INFINITY))
                     : INFINITY;
}

static void list_sigmas(tracer *self, size_t at)
{
    const kin_join *join = self->worker->join;
    const kin_clustering *clustering = &join->codes.clustering;
    unsigned modality_mask = clustering->modality_mask[kin_clustering_cluster_of(clustering, at)];
    float threshold = self->worker->collectors.threshold[0];
    kin_cluster_stats_row(&join->stats, &join->codes, at, 1, self->row);
    for (size_t h = 0; h < join->stats.count; h++)
        self->probe_sigmas[h] =
            self->looked[h]
                ? -INFINITY
                : sigmas_wanted(
                      self, at, h, threshold,
                      join->codes.fused.factor[modality_mask & clustering->modality_mask[h]]);
}

/* Item `row`, by the row at place `at` that stands for it. */
static int trace_row(tracer *self, int32_t row, size_t at, kin_error *err)
{
    const kin_join *join = self->worker->join;
    memset(self->looked, 0, join->stats.count);
    kin_join_scan_one(self->worker, at, join->effort.probe_sigmas, self->looked);
    self->item = row;
    list_items(self, row);
    list_sigmas(self, at);
    int rc = self->refiner ? list_refined(self, at, err) : 0;
    for (size_t s = 0; s < KIN_JOIN_SOURCES; s++)
        kin_candidates_list(&self->source[s]);
    return rc;
}

static int tell(const tracer *self, size_t query, kin_traced_sink sink, kin_error *err)
{
    int rc = 0;
    for (size_t s = 0; s < KIN_JOIN_SOURCES && rc == 0; s++)
        rc = sink.write(
            sink.self,
            &(kin_traced){.source = s,
                          .query = query,
                          .item = self->source[s].item,
                          .count = self->source[s].count,
                          .probe_sigmas = s == KIN_JOIN_SCANNED ? self->probe_sigmas : NULL},
            err);
    return rc;
}

/* Rows first .. last - 1 of those asked for. */
static int trace_rows(const kin_join *join, tracer *tracers, const int32_t *row, size_t first,
                      size_t last, kin_traced_sink sink, kin_error *err)
{
    int rc = 0;
#pragma omp parallel num_threads(join->threads)
    {
        tracer *own = &tracers[omp_get_thread_num()];
        own->worker = &join->worker[omp_get_thread_num()];
#pragma omp for ordered schedule(dynamic)
        for (size_t q = first; q < last; q++) {
            kin_error fault;
            int traced = trace_row(own, row[q], (size_t)join->position[row[q]], &fault);
#pragma omp ordered
            if (rc == 0 && traced != 0) {
                rc = traced;
                if (err)
                    *err = fault;
            } else if (rc == 0)
                rc = tell(own, q, sink, err);
        }
    }
    return rc;
}

int kin_join_trace(kin_join *self, const int32_t *row, size_t count, kin_traced_sink sink,
                   const kin_monitor *monitor, kin_error *err)
{
    size_t threads = (size_t)self->threads, stretch = ROWS_AT_A_TIME * threads;
    tracer *tracers = calloc(threads, sizeof *tracers);
    int rc =
        tracers ? 0
                : kin_fail_alloc(err, "traced rows", kin_join_trace_bytes(self, self->stats.count));
    if (rc == 0)
        rc = kin_join_want_workers(self, err);
    for (size_t t = 0; t < threads && rc == 0; t++)
        rc = tracer_init(&tracers[t], self, err);
    kin_monitor_stage(monitor, "trace");
    kin_join_use_effort(self, &self->effort);
    for (size_t first = 0; first < count && rc == 0; first += stretch) {
        rc = kin_monitor_check(monitor, err);
        if (rc == 0)
            rc = trace_rows(self, tracers, row, first,
                            count - first < stretch ? count : first + stretch, sink, err);
    }
    for (size_t t = 0; t < threads && tracers; t++)
        tracer_release(&tracers[t]);
    free(tracers);
    return rc;
}

size_t kin_join_cluster_count(const kin_join *self)
{
    return self->stats.count;
}

void kin_join_cluster_of(const kin_join *self, int32_t *cluster)
{
    for (size_t i = 0; i < self->catalog->n; i++)
        cluster[i] = self->position[i] < 0
                         ? -1
                         : (int32_t)kin_clustering_cluster_of(&self->codes.clustering,
                                                              (size_t)self->position[i]);
}
