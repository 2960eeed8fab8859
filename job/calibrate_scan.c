/*
 * Engines exact and join timed on a sample (declared in job/calibrate_scan.h): rows are encoded,
 * cluster pairs are scanned, and the collected candidates are rescored.
 *
 * Timed: each thread has clusters of its own, scans them against all clusters and collects for its
 * own rows alone, so no thread waits for another. With infinite thresholds a pair scan is its tiles
 * alone. From scratch, for the real K, thresholds rise and most pairs that are left are collected.
 * With the thresholds of all n items, about the (K s / n)-th best of s sampled rows, hardly any is.
 *
 * Counted: with those last thresholds, the pairs that the bounds of these codes leave where both
 * sides collect, as in the engine.
 */
#include "job/calibrate_scan.h"
#include "core/memory.h"
#include "core/threads.h"
#include "job/calibrate_clock.h"
#include "scan/pairscan.h"
#include "scan/reranker.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* One thread: its clusters, and their part of the collectors. */
typedef struct worker {
    size_t first, last; /* clusters */
    kin_collectors collectors;
    kin_scan scan;
    kin_pairscan *pairscan;
    kin_reranker *reranker;
} worker;

typedef struct calibration {
    const kin_catalog *catalog;
    int threads;
    size_t runs; /* of what is timed */
    kin_codes codes;
    kin_collectors collectors; /* of all rows */
    size_t rerank_rows;
    worker *worker; /* [threads] */
} calibration;

/* ---- set-up ---------------------------------------------------------------------------------- */

static void release_workers(calibration *self)
{
    for (int t = 0; t < self->threads && self->worker; t++) {
        kin_pairscan_free(self->worker[t].pairscan);
        kin_reranker_free(self->worker[t].reranker);
    }
    free(self->worker);
    self->worker = NULL;
    kin_collectors_release(&self->collectors);
}

/* Clusters first .. last - 1 and their rows' collectors. */
static int init_worker(calibration *self, worker *one, size_t first, size_t last, kin_error *err)
{
    const kin_collectors *all = &self->collectors;
    size_t at = self->codes.clustering.start[first];
    one->first = first;
    one->last = last;
    one->collectors = (kin_collectors){.rows = self->codes.clustering.start[last] - at,
                                       .k = all->k,
                                       .capacity = all->capacity,
                                       .estimate = all->estimate + at * all->capacity,
                                       .candidate = all->candidate + at * all->capacity,
                                       .count = all->count + at,
                                       .threshold = all->threshold + at,
                                       .tolerance = all->tolerance + at};
    one->scan = (kin_scan){&self->codes, &one->collectors, at};
    int rc = kin_pairscan_new(&one->pairscan, &one->scan, err);
    return rc != 0 ? rc
                   : kin_reranker_new(&one->reranker, self->catalog, all->k, all->capacity,
                                      self->rerank_rows, err);
}

static int init_workers(calibration *self, size_t k, kin_error *err)
{
    size_t capacity = kin_collectors_capacity_good(k), clusters = self->codes.clustering.clusters;
    size_t threads = (size_t)self->threads;
    self->rerank_rows = kin_reranker_rows_good(self->catalog, capacity);
    self->worker = calloc(threads, sizeof *self->worker);
    if (!self->worker)
        return kin_fail_alloc(err, "threads", threads * sizeof *self->worker);
    int rc = kin_collectors_init(&self->collectors, self->codes.clustering.count, k, capacity, err);
    for (size_t i = 0; rc == 0 && i < self->codes.clustering.count; i++)
        self->collectors.tolerance[i] = self->codes.terms[i].tolerance;
    for (size_t t = 0; t < threads && rc == 0; t++)
        rc = init_worker(self, &self->worker[t], t * clusters / threads,
                         (t + 1) * clusters / threads, err);
    return rc;
}

/* ---- pair scans ------------------------------------------------------------------------------ */

/* Collectors without candidates; `rise`: thresholds where they begin, else where they are. */
static void empty(calibration *self, bool rise)
{
    kin_collectors *c = &self->collectors;
    memset(c->count, 0, c->rows * sizeof *c->count);
    for (size_t i = 0; i < c->rows && rise; i++)
        c->threshold[i] = -INFINITY;
}

/* Every worker's clusters against all clusters, two of its own once. Returns the seconds that it
 * takes. */
static double scan_all(calibration *self)
{
    double sum = 0;
#pragma omp parallel num_threads(self->threads) reduction(+ : sum)
    {
        worker *one = &self->worker[omp_get_thread_num()];
        double start = kin_calibrate_thread_seconds();
        for (size_t g = one->first; g < one->last; g++)
            for (size_t h = 0; h < self->codes.clustering.clusters; h++)
                if (h >= g || h < one->first)
                    kin_pairscan_run(one->pairscan, g, h);
        sum = kin_calibrate_thread_seconds() - start;
    }
    return sum / kin_calibrate_processors();
}

static kin_scan_counts count_up(const calibration *self)
{
    kin_scan_counts sum = {0};
    for (int t = 0; t < self->threads; t++)
        kin_scan_counts_add(&sum, kin_pairscan_counts(self->worker[t].pairscan));
    return sum;
}

/* The seconds of all pair scans; *pairs looked at and *refined in one run. */
static double time_scans(calibration *self, bool rise, double *pairs, double *refined)
{
    double least = 0;
    kin_scan_counts before = count_up(self);
    for (size_t i = 0; i < self->runs; i++) {
        empty(self, rise);
        least = kin_calibrate_least(least, scan_all(self));
    }
    kin_scan_counts after = count_up(self);
    *pairs = (double)(after.pairs - before.pairs) / (double)self->runs;
    *refined = (double)(after.refined - before.refined) / (double)self->runs;
    return least;
}

static double finish_all(calibration *self, uint64_t *candidates)
{
    const size_t *start = self->codes.clustering.start;
    uint64_t count = 0;
    double sum = 0;
#pragma omp parallel num_threads(self->threads) reduction(+ : count, sum)
    {
        worker *one = &self->worker[omp_get_thread_num()];
        double begin = kin_calibrate_thread_seconds();
        for (size_t g = one->first; g < one->last; g++)
            for (size_t at = start[g], rows; at < start[g + 1]; at += rows) {
                rows = start[g + 1] - at;
                rows = rows < self->rerank_rows ? rows : self->rerank_rows;
                kin_reranker_run(one->reranker, &one->collectors, at - one->scan.first,
                                 self->codes.clustering.row + at, rows, &count);
            }
        sum = kin_calibrate_thread_seconds() - begin;
    }
    *candidates = count;
    return sum / kin_calibrate_processors();
}

/* ---- the calibration ------------------------------------------------------------------------- */

static double per(double seconds, double count)
{
    return count > 0 && seconds > 0 ? seconds / count : 0;
}

/* From scratch for the real K, and to the end; then the tiles alone. */
static int measure_rising(calibration *self, size_t k, scan_rates *out, kin_error *err)
{
    double pairs, refined, none, finishing = 0;
    uint64_t candidates = 0;
    int rc = init_workers(self, k, err);
    if (rc == 0) {
        double all = time_scans(self, true, &pairs, &refined);
        for (size_t i = 0; i < self->runs; i++)
            finishing = kin_calibrate_least(finishing, finish_all(self, &candidates));
        out->finished = per(finishing, (double)candidates);
        for (size_t i = 0; i < self->collectors.rows; i++)
            self->collectors.threshold[i] = INFINITY;
        double tiles = time_scans(self, false, &pairs, &none);
        out->pair = per(tiles, pairs);
        out->refined_early = per(all - tiles, refined);
    }
    release_workers(self);
    return rc;
}

/* The share of pairs that are left where both sides collect: every cluster pair is scanned once, in
 * rounds in which no cluster is twice. */
static int count_possible(calibration *self, scan_rates *out, kin_error *err)
{
    size_t clusters = self->codes.clustering.clusters;
    kin_scan scan = {&self->codes, &self->collectors, 0};
    kin_pairscan *pairscan;
    empty(self, false);
    int rc = kin_pairscan_new(&pairscan, &scan, err);
    if (rc != 0)
        return rc;
    for (size_t g = 0; g < clusters; g++)
        for (size_t h = g; h < clusters; h++)
            kin_pairscan_run(pairscan, g, h);
    const kin_scan_counts *counts = kin_pairscan_counts(pairscan);
    out->possible = counts->pairs > 0 ? (double)counts->refined / (double)counts->pairs : 0;
    kin_pairscan_free(pairscan);
    return 0;
}

/* With thresholds as high as they are going to be. */
static int measure_final(calibration *self, size_t k, scan_rates *out, kin_error *err)
{
    double pairs, refined;
    int rc = init_workers(self, k, err);
    if (rc == 0) {
        scan_all(self);
        for (size_t i = 0; i < self->collectors.rows; i++)
            kin_collectors_prune(&self->collectors, i);
        double seconds = time_scans(self, false, &pairs, &refined);
        out->refined = per(seconds - out->pair * pairs, refined);
        rc = count_possible(self, out, err);
    }
    release_workers(self);
    return rc;
}

/* Leaves the codes of the last time. */
static int encode(calibration *self, size_t k, size_t lead, scan_rates *out, kin_error *err)
{
    kin_codes_options options = {.top_k = k, .lead = lead, .slack = 1};
    double encoding = 0;
    int rc = 0;
    for (size_t i = 0; i < self->runs && rc == 0; i++) {
        kin_codes_release(&self->codes);
        double start = kin_calibrate_thread_seconds();
        rc = kin_codes_init(&self->codes, self->catalog, &options, err);
        out->fit = kin_calibrate_least(out->fit, kin_calibrate_thread_seconds() - start);
        double fitted = kin_calibrate_seconds();
        if (rc == 0)
            rc = kin_codes_encode(&self->codes, &options, NULL, err);
        encoding = kin_calibrate_least(encoding, kin_calibrate_seconds() - fitted);
    }
    out->encoded = encoding / (double)self->catalog->n;
    out->lead = self->codes.rotation.lead;
    out->dimensions = self->codes.rotation.lead + self->codes.rotation.tail;
    return rc;
}

int kin_calibrate_scan(scan_rates *out, const kin_catalog *sample, size_t n, size_t top_k,
                       size_t lead, kin_error *err)
{
    calibration self = {.catalog = sample, .threads = kin_threads_used()};
    size_t s = sample->n, most = s > 1 ? s - 1 : 1;
    double rank = round((double)top_k * (double)s / (double)n);
    size_t high = rank < 1 ? 1 : (size_t)rank;
    *out = (scan_rates){.rows = s};
    if (s < 2)
        return 0;
    high = high < most ? high : most;
    self.runs = kin_calibrate_runs((double)s * (double)s * (double)kin_catalog_dimensions(sample));
    lead = lead > 0 ? lead : kin_catalog_dimensions(sample); /* as many as there are: no tail */
    int rc = encode(&self, high, lead, out, err);
    if (rc == 0)
        rc = measure_rising(&self, top_k < most ? top_k : most, out, err);
    if (rc == 0)
        rc = measure_final(&self, high, out, err);
    kin_codes_release(&self.codes);
    return rc;
}
