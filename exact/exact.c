/*
 * The certified engine (exact/exact.h): set-up, and the run block by block.
 */
#include "core/memory.h"
#include "core/threads.h"
#include "exact/exact_state.h"

#include <stdlib.h>

static int find_duplicates(kin_exact *self, kin_error *err)
{
    int rc = kin_duplicates_find(&self->duplicates, self->catalog, self->options.memory_bytes,
                                 kin_exact_plan_hint, err);
    self->plan.distinct = self->duplicates.distinct.count;
    self->k = self->options.top_k + 1;
    return rc;
}

static kin_codes_options codes_options(const kin_exact *self)
{
    return (kin_codes_options){.top_k = self->options.top_k,
                               .slack = self->options.slack,
                               .leave_out = self->duplicates.leave_out};
}

int kin_exact_new(kin_exact **out, const kin_catalog *catalog, const kin_exact_options *options,
                  kin_error *err)
{
    int rc = kin_scan_check(catalog, options->top_k, "exact", err);
    if (rc != 0)
        return rc;
    kin_exact *self = calloc(1, sizeof *self);
    if (!self)
        return kin_fail_alloc(err, "the engine", sizeof *self);
    self->catalog = catalog;
    self->options = *options;
    self->threads = kin_threads_used();
    rc = find_duplicates(self, err);
    kin_codes_options codes = codes_options(self);
    codes.lead = options->lead;
    if (rc == 0)
        rc = kin_codes_init(&self->codes, catalog, &codes, err);
    if (rc == 0)
        rc = kin_exact_make_plan(self, err);
    if (rc == 0)
        *out = self;
    else
        kin_exact_free(self);
    return rc;
}

const kin_exact_plan *kin_exact_get_plan(const kin_exact *self)
{
    return &self->plan;
}

const kin_exact_report *kin_exact_get_report(const kin_exact *self)
{
    return &self->report;
}

/* ---- set-up --------------------------------------------------------------------------------- */

static void release_block(kin_exact *self)
{
    for (int t = 0; t < self->threads && self->worker; t++) {
        kin_pairscan_free(self->worker[t].pairscan);
        kin_reranker_free(self->worker[t].reranker);
        kin_expander_release(&self->worker[t].expander);
        free(self->worker[t].values);
    }
    free(self->worker);
    free(self->guessed);
    self->worker = NULL;
    self->guessed = NULL;
    kin_collectors_release(&self->collectors);
}

void kin_exact_free(kin_exact *self)
{
    if (!self)
        return;
    release_block(self);
    kin_schedule_release(&self->schedule);
    kin_guess_release(&self->guess);
    kin_codes_release(&self->codes);
    kin_duplicates_release(&self->duplicates);
    free(self);
}

static int init_worker(kin_exact *self, kin_exact_worker *worker, kin_error *err)
{
    int rc = kin_pairscan_new(&worker->pairscan, &self->scan, err);
    if (rc == 0)
        rc = kin_reranker_new(&worker->reranker, self->catalog, self->k, self->plan.capacity,
                              self->plan.rerank_rows, err);
    if (rc == 0)
        rc = kin_expander_init(&worker->expander, &self->duplicates, self->options.top_k,
                               self->catalog->modality_count, err);
    return rc;
}

/* A row is its own first candidate, and stands for its duplicates: its estimate, which is off by
 * the rounding of some floats, is the weight of its modalities. */
static void add_itself(kin_exact *self, size_t slot, size_t at)
{
    const kin_fused *fused = &self->codes.fused;
    int32_t row = self->codes.clustering.row[at];
    unsigned modality_mask = self->catalog->present[row];
    double share = 0;
    for (size_t m = 0; m < self->catalog->modality_count; m++)
        share += modality_mask >> m & 1 ? fused->scale[m] * fused->scale[m] : 0;
    kin_collectors_add(&self->collectors, slot, (float)(fused->factor[modality_mask] * share), row);
}

/* What every block needs: collectors, and what the threads work in. */
static int init_block(kin_exact *self, size_t first, size_t last, kin_error *err)
{
    self->scan = (kin_scan){&self->codes, &self->collectors, first};
    self->worker = calloc((size_t)self->threads, sizeof *self->worker);
    if (!self->worker)
        return kin_fail_alloc(err, "threads", (size_t)self->threads * sizeof *self->worker);
    int rc =
        kin_collectors_init(&self->collectors, last - first, self->k, self->plan.capacity, err);
    for (size_t i = 0; rc == 0 && i < last - first; i++) {
        self->collectors.tolerance[i] = self->codes.terms[first + i].tolerance;
        add_itself(self, i, first + i);
    }
    for (int t = 0; t < self->threads && rc == 0; t++)
        rc = init_worker(self, &self->worker[t], err);
    return rc;
}

/* ---- the run -------------------------------------------------------------------------------- */

/* Adds what the block's threads counted to the report. */
static void add_counts(kin_exact *self)
{
    for (int t = 0; t < self->threads; t++) {
        kin_scan_counts_add(&self->report.scan, kin_pairscan_counts(self->worker[t].pairscan));
        self->report.full += self->worker[t].pairs_scored;
    }
}

/* Clusters first .. last - 1: collectors, rounds, rows. */
static int run_block(kin_exact *self, size_t first, size_t last, kin_row_sink sink,
                     const kin_monitor *monitor, kin_error *err)
{
    const size_t *start = self->codes.clustering.start;
    int rc = init_block(self, start[first], start[last], err);
    if (rc == 0)
        rc = kin_exact_set_guesses(self, first, last, monitor, err);
    if (rc == 0)
        rc = kin_exact_run_rounds(self, monitor, err);
    if (rc == 0)
        rc = kin_exact_scan_again(self, monitor, err);
    if (rc == 0)
        rc = kin_exact_rerank_rows(self, first, last, sink, monitor, err);
    if (rc == 0)
        add_counts(self);
    release_block(self);
    return rc;
}

/* The cluster behind the block that starts at cluster g: whole clusters, at most block_rows
 * rows, and at least one cluster. */
static size_t block_end(const kin_exact *self, size_t g)
{
    const kin_clustering *clustering = &self->codes.clustering;
    size_t end = g + 1;
    while (end < clustering->clusters &&
           clustering->start[end + 1] - clustering->start[g] <= self->plan.block_rows)
        end++;
    return end;
}

int kin_exact_run(kin_exact *self, kin_row_sink sink, const kin_monitor *monitor, kin_error *err)
{
    kin_codes_options options = codes_options(self);
    const kin_clustering *clustering = &self->codes.clustering;
    kin_monitor_progress(monitor, 0, self->catalog->n);
    int rc = kin_codes_encode(&self->codes, &options, monitor, err);
    if (rc == 0)
        rc = kin_schedule_init(&self->schedule, &self->codes, err);
    if (rc == 0)
        rc = kin_guess_init(&self->guess, &self->codes, self->k, err);
    self->report.rows = clustering->count;
    self->report.clusters = clustering->clusters;
    self->work_all = rc == 0 ? kin_exact_all_work(self) : 1;
    for (size_t g = 0, end; g < clustering->clusters && rc == 0; g = end) {
        end = block_end(self, g);
        rc = run_block(self, g, end, sink, monitor, err);
    }
    if (rc == 0)
        rc = kin_scan_emit_empty(self->catalog, self->options.top_k, sink, err);
    if (rc == 0)
        kin_monitor_progress(monitor, self->catalog->n, self->catalog->n);
    return kin_catalog_settle(self->catalog, rc, err);
}
