/*
 * Guessed thresholds into the collectors, and rows scanned again (exact/guess.h says why).
 *
 * A row whose candidates do not prove its guess may have lost some to it. It starts anew, from the
 * threshold that the candidates prove, and probes every cluster; rows of other clusters collect
 * nothing from that. Cost: a tile for each twelve of these rows and 32 others.
 */
#include "core/memory.h"
#include "exact/exact_state.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Rows that probe together, of one modality mask. */
enum { BATCH_ROWS = 4 * KIN_PANEL_ROWS };

int kin_exact_set_guesses(kin_exact *self, size_t first, size_t last, const kin_monitor *monitor,
                          kin_error *err)
{
    const size_t *start = self->codes.clustering.start;
    size_t rows = start[last] - start[first], bytes = kin_guess_work_bytes(self->guess.count);
    if (self->guess.count == 0)
        return 0;
    self->guessed = kin_alloc(rows, sizeof *self->guessed);
    bool refused = !self->guessed;
    for (int t = 0; t < self->threads; t++) {
        self->worker[t].values = kin_alloc(bytes, 1);
        refused |= !self->worker[t].values;
    }
    if (refused)
        return kin_fail_alloc(err, "guessed thresholds", kin_size_mul(rows, sizeof(float)));
    int rc = kin_monitor_check(monitor, err);
#pragma omp parallel for schedule(dynamic) num_threads(self->threads)
    for (size_t g = first; g < (rc == 0 ? last : first); g++)
        kin_guess_run(&self->guess, g, self->worker[omp_get_thread_num()].values,
                      self->guessed + (start[g] - start[first]));
    if (rc == 0)
        memcpy(self->collectors.threshold, self->guessed, rows * sizeof *self->guessed);
    return rc;
}

/* Rows to be scanned again, ascending: places in the order. */
typedef struct again {
    size_t count;
    size_t *at, *slot; /* [count] */
} again;

/* Rows of one modality mask from `from` on, at most BATCH_ROWS: where they end. */
static size_t batch_end(const kin_exact *self, const again *rows, size_t from)
{
    const kin_clustering *clustering = &self->codes.clustering;
    const uint8_t *present = self->catalog->present;
    uint8_t modality_mask = present[clustering->row[rows->at[from]]];
    size_t to = from + 1;
    while (to < rows->count && to - from < BATCH_ROWS &&
           present[clustering->row[rows->at[to]]] == modality_mask)
        to++;
    return to;
}

static void probe_all(kin_exact *self, kin_pairscan *pairscan, const again *rows, size_t from,
                      size_t to)
{
    const kin_clustering *clustering = &self->codes.clustering;
    unsigned modality_mask = self->catalog->present[clustering->row[rows->at[from]]];
    for (size_t h = 0; h < clustering->clusters; h++)
        kin_pairscan_probe(pairscan, modality_mask, rows->at + from, rows->slot + from, to - from,
                           h);
}

/* All batches. Each thread finds them anew, which is quick, and takes every one whose turn is its
 * own: no two threads have a row in common. */
static void scan_batches(kin_exact *self, const again *rows)
{
#pragma omp parallel num_threads(self->threads)
    {
        size_t number = 0, thread = (size_t)omp_get_thread_num();
        size_t threads = (size_t)omp_get_num_threads();
        for (size_t from = 0, to; from < rows->count; from = to, number++) {
            to = batch_end(self, rows, from);
            if (number % threads == thread)
                probe_all(self, self->worker[thread].pairscan, rows, from, to);
        }
    }
}

/* Lists rows whose candidates do not prove their guess, and empties them. */
static void find_again(kin_exact *self, again *rows)
{
    kin_collectors *collectors = &self->collectors;
    for (size_t slot = 0; slot < collectors->rows; slot++) {
        if (kin_collectors_prove(collectors, slot, self->guessed[slot]))
            continue;
        kin_collectors_restart(collectors, slot);
        rows->slot[rows->count] = slot;
        rows->at[rows->count++] = self->scan.first + slot;
    }
}

static size_t count_again(const kin_exact *self)
{
    size_t count = 0;
    for (size_t slot = 0; slot < self->collectors.rows; slot++)
        count += !kin_collectors_prove(&self->collectors, slot, self->guessed[slot]);
    return count;
}

int kin_exact_scan_again(kin_exact *self, const kin_monitor *monitor, kin_error *err)
{
    if (!self->guessed)
        return 0;
    size_t count = count_again(self);
    again rows = {.at = kin_alloc(count, sizeof *rows.at),
                  .slot = kin_alloc(count, sizeof *rows.slot)};
    int rc = rows.at && rows.slot ? kin_monitor_check(monitor, err)
                                  : kin_fail_alloc(err, "rows scanned again",
                                                   kin_size_mul(count, 2 * sizeof *rows.at));
    if (rc == 0) {
        find_again(self, &rows);
        scan_batches(self, &rows);
        self->report.rows_again += count;
    }
    free(rows.at);
    free(rows.slot);
    return rc;
}
