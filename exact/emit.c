/*
 * Rows are reranked and emitted to the sink (exact/exact_state.h).
 */
#include "exact/exact_state.h"

#include <omp.h>

/* Emits reranked rows, one by one; stops where another thread has failed. */
static int emit_rows(kin_row_sink sink, const int32_t *row, const kin_rows *done, const int *failed,
                     kin_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < done->count && rc == 0; i++) {
        kin_rows one = kin_rows_part(done, i, 1);
        int before;
#pragma omp atomic read
        before = *failed;
        if (before != 0)
            break;
        rc = sink.write(sink.self, (size_t)row[i], &one, err);
    }
    return rc;
}

/* A cluster's rows, reranked and emitted, so many at a time as the reranker takes. */
static int rerank_cluster(kin_exact *self, size_t cluster, kin_reranker *reranker,
                          kin_row_sink sink, uint64_t *pairs, const int *failed, kin_error *err)
{
    const kin_clustering *clustering = &self->codes.clustering;
    size_t end = clustering->start[cluster + 1], left = end - clustering->start[cluster];
    size_t most = self->plan.rerank_rows;
    size_t pieces = (left + most - 1) / most;
    int rc = 0;
    for (size_t at = clustering->start[cluster]; at < end && rc == 0; pieces--) {
        size_t count = (end - at + pieces - 1) / pieces;
        const int32_t *row = clustering->row + at;
        const kin_rows *done =
            kin_reranker_run(reranker, &self->collectors, at - self->scan.first, row, count, pairs);
        rc = emit_rows(sink, row, done, failed, err);
        at += count;
    }
    return rc;
}

/* Clusters first .. last - 1, side by side. What goes wrong first is what the caller hears. */
static int rerank_clusters(kin_exact *self, size_t first, size_t last, kin_row_sink sink,
                           kin_error *err)
{
    uint64_t pairs = 0;
    int failed = 0;
#pragma omp parallel for schedule(dynamic) num_threads(self->threads) reduction(+ : pairs)
    for (size_t g = first; g < last; g++) {
        kin_error own;
        int rc, before;
#pragma omp atomic read
        before = failed;
        if (before != 0)
            continue;
        rc = rerank_cluster(self, g, self->reranker[omp_get_thread_num()], sink, &pairs, &failed,
                            &own);
#pragma omp critical(kin_exact_finish)
        if (rc != 0 && failed == 0) {
            if (err)
                *err = own;
#pragma omp atomic write
            failed = rc;
        }
    }
    self->report.full += pairs;
    return failed;
}

int kin_exact_emit_empty(kin_exact *self, kin_row_sink sink, kin_error *err)
{
    kin_rows empty;
    size_t modalities = self->catalog->modality_count;
    int rc = kin_rows_init(&empty, 1, self->options.top_k, modalities, err);
    if (rc != 0)
        return rc;
    empty.count = 1;
    empty.filled[0] = 0;
    for (size_t i = 0; i < self->catalog->n && rc == 0; i++)
        if (self->catalog->present[i] == 0)
            rc = sink.write(sink.self, i, &empty, err);
    kin_rows_release(&empty);
    return rc;
}

/* How many clusters are reranked between looks at the monitor: some tenths of a second of work a thread, at
 * 32 clusters for K = 200 and 1,024 dimensions. */
static size_t clusters_at_a_time(const kin_exact *self)
{
    size_t usual = (size_t)200 * 1024;
    size_t work = self->options.top_k * kin_catalog_dimensions(self->catalog);
    size_t clusters = work > usual ? 32 * usual / work : 32;
    return (size_t)self->threads * (clusters > 0 ? clusters : 1);
}

int kin_exact_rerank_rows(kin_exact *self, size_t first, size_t last, kin_row_sink sink,
                          const kin_monitor *monitor, kin_error *err)
{
    const size_t *start = self->codes.clustering.start;
    size_t stretch = clusters_at_a_time(self);
    int rc = 0;
    for (size_t from = first, to; from < last && rc == 0; from = to) {
        to = last - from < stretch ? last : from + stretch;
        rc = kin_monitor_check(monitor, err);
        if (rc == 0)
            rc = rerank_clusters(self, from, to, sink, err);
        if (rc == 0)
            kin_exact_report_progress(self,
                                      (double)(start[to] - start[from]) *
                                          (double)self->options.top_k * CANDIDATE_COST,
                                      monitor);
    }
    return rc;
}
