/*
 * The skeleton of the engines on codes (scan/engine.h).
 */
#include "scan/engine.h"

#include <omp.h>

int kin_scan_check(const kin_catalog *catalog, size_t top_k, const char *engine, kin_error *err)
{
    size_t d = kin_catalog_dimensions(catalog);
    int rc = kin_top_k_check(top_k, catalog->n, err);
    if (rc == 0 && d > KIN_SCAN_DIMENSIONS_MAX)
        rc = kin_fail(err, KIN_E_DATA, "choose --engine stream",
                      "the modalities have %zu dimensions in all, --engine %s takes %d", d, engine,
                      KIN_SCAN_DIMENSIONS_MAX);
    return rc;
}

/* ---- counts --------------------------------------------------------------------------------- */

void kin_scan_counts_add(kin_scan_counts *self, const kin_scan_counts *other)
{
    self->pairs += other->pairs;
    self->tiles += other->tiles;
    self->tiles_left += other->tiles_left;
    self->refined += other->refined;
    self->collected += other->collected;
    self->too_coarse += other->too_coarse;
    self->reranked += other->reranked;
    self->reranked_pairs += other->reranked_pairs;
}

void kin_scan_counts_subtract(kin_scan_counts *self, const kin_scan_counts *other)
{
    self->pairs -= other->pairs;
    self->tiles -= other->tiles;
    self->tiles_left -= other->tiles_left;
    self->refined -= other->refined;
    self->collected -= other->collected;
    self->too_coarse -= other->too_coarse;
    self->reranked -= other->reranked;
    self->reranked_pairs -= other->reranked_pairs;
}

/* ---- work on all threads -------------------------------------------------------------------- */

bool kin_scan_failed(const kin_scan_failure *self)
{
    int rc;
#pragma omp atomic read
    rc = self->rc;
    return rc != 0;
}

static void record_failure(kin_scan_failure *self, int rc, const kin_error *own)
{
#pragma omp critical(kin_scan_failure)
    {
        bool first = self->rc == 0;
        if (first && self->err)
            *self->err = *own;
#pragma omp atomic write
        self->rc = first ? rc : self->rc;
    }
}

int kin_scan_parallel(int threads, size_t first, size_t last, kin_scan_part *part, void *self,
                      const kin_monitor *monitor, kin_error *err)
{
    kin_scan_failure failure = {0, err};
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(dynamic)
        for (size_t i = first; i < last; i++) {
            kin_error own;
            if (kin_scan_failed(&failure))
                continue;
            int thread = omp_get_thread_num();
            int rc = thread == 0 ? kin_monitor_check(monitor, &own) : 0;
            if (rc == 0)
                rc = part(self, thread, i, &failure, &own);
            if (rc != 0)
                record_failure(&failure, rc, &own);
        }
    }
    return failure.rc;
}

/* ---- rows on their way to the sink ---------------------------------------------------------- */

int kin_scan_rerank(kin_reranker *reranker, kin_scan_piece rows, size_t most, uint64_t *pairs,
                    kin_scan_emit *emit, void *self, const kin_scan_failure *others, kin_error *err)
{
    size_t pieces = (rows.count + most - 1) / most;
    int rc = 0;
    for (size_t from = 0, count; from < rows.count && rc == 0; from += count, pieces--) {
        count = (rows.count - from + pieces - 1) / pieces;
        const int32_t *row = rows.row + from;
        const kin_rows *block =
            kin_reranker_run(reranker, rows.collectors, rows.first + from, row, count, pairs);
        for (size_t i = 0; i < count && rc == 0 && !kin_scan_failed(others); i++)
            rc = emit(self, row[i], block, i, err);
    }
    return rc;
}

int kin_scan_emit_empty(const kin_catalog *catalog, size_t top_k, kin_row_sink sink, kin_error *err)
{
    kin_rows empty;
    int rc = kin_rows_init(&empty, 1, top_k, catalog->modality_count, err);
    if (rc != 0)
        return rc;
    empty.count = 1;
    empty.filled[0] = 0;
    for (size_t i = 0; i < catalog->n && rc == 0; i++)
        if (catalog->present[i] == 0)
            rc = sink.write(sink.self, i, &empty, err);
    kin_rows_release(&empty);
    return rc;
}
