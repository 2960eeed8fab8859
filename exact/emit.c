/*
 * Rows are reranked and emitted to the sink (exact/exact_state.h).
 */
#include "exact/exact_state.h"

/* The engine and where its rows go. */
typedef struct emitter {
    kin_exact *engine;
    kin_row_sink sink;
} emitter;

/* One thread's rows. */
typedef struct emit_from {
    kin_expander *expander;
    kin_row_sink sink;
} emit_from;

static int emit_row(void *self, int32_t row, const kin_rows *block, size_t i, kin_error *err)
{
    const emit_from *to = self;
    return kin_expander_emit(to->expander, row, block, i, to->sink, err);
}

/* A cluster's rows, reranked and emitted. */
static int rerank_cluster(void *self, int thread, size_t cluster, const kin_scan_failure *others,
                          kin_error *err)
{
    emitter *to = self;
    kin_exact *engine = to->engine;
    kin_exact_worker *worker = &engine->worker[thread];
    const kin_clustering *clustering = &engine->codes.clustering;
    size_t at = clustering->start[cluster];
    emit_from from = {&worker->expander, to->sink};
    kin_scan_piece rows = {&engine->collectors, at - engine->scan.first, clustering->row + at,
                           clustering->start[cluster + 1] - at};
    return kin_scan_rerank(worker->reranker, rows, engine->plan.rerank_rows, &worker->pairs_scored,
                           emit_row, &from, others, err);
}

/* The number of clusters reranked between reports of progress: some tenths of a second of work a
 * thread, which is 32 clusters for K = 200 and 1,024 dimensions. */
static size_t clusters_at_a_time(const kin_exact *self)
{
    size_t usual = (size_t)200 * 1024;
    size_t work = self->k * kin_catalog_dimensions(self->catalog);
    size_t clusters = work > usual ? 32 * usual / work : 32;
    return (size_t)self->threads * (clusters > 0 ? clusters : 1);
}

int kin_exact_rerank_rows(kin_exact *self, size_t first, size_t last, kin_row_sink sink,
                          const kin_monitor *monitor, kin_error *err)
{
    const size_t *start = self->codes.clustering.start;
    size_t stretch = clusters_at_a_time(self);
    emitter rows = {self, sink};
    int rc = 0;
    for (size_t from = first, to; from < last && rc == 0; from = to) {
        to = last - from < stretch ? last : from + stretch;
        rc = kin_monitor_check(monitor, err);
        if (rc == 0)
            rc = kin_scan_parallel(self->threads, from, to, rerank_cluster, &rows, monitor, err);
        if (rc == 0)
            kin_exact_report_progress(self,
                                      (double)(start[to] - start[from]) *
                                          (double)self->options.top_k * CANDIDATE_COST,
                                      monitor);
    }
    return rc;
}
