/*
 * Engines exact and ivf rehearsed (tools/calibrate.h): rows are encoded, all groups of the sample meet, and
 * what is collected is finished.
 *
 * Three kinds of meetings. With floors that nothing reaches a meeting is its tiles alone. From scratch,
 * for the real K, floors rise and most of what is left is collected. And with floors at the height that
 * they will have among all n items (about the K s / n-th best of s sampled rows) the pairs left are the
 * share that the bounds of these very codes leave of all pairs.
 */
#include "core/memory.h"
#include "core/threads.h"
#include "scan/finish.h"
#include "scan/meeting.h"
#include "tools/calibrate.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

typedef struct rehearsal {
    const kin_catalog *catalog;
    int threads;
    kin_codes codes;
    size_t k;
    kin_collectors collectors;
    kin_scan scan;
    kin_meeting **meeting;   /* [threads] */
    kin_finisher **finisher; /* [threads] */
    size_t finish_rows;
} rehearsal;

/* ---- set-up ------------------------------------------------------------------------------------- */

static void release_scan(rehearsal *self)
{
    for (int t = 0; t < self->threads; t++) {
        if (self->meeting)
            kin_meeting_free(self->meeting[t]);
        if (self->finisher)
            kin_finisher_free(self->finisher[t]);
    }
    free(self->meeting);
    free(self->finisher);
    self->meeting = NULL;
    self->finisher = NULL;
    kin_collectors_release(&self->collectors);
}

/* Collectors of k for all rows, and what threads work in. */
static int init_scan(rehearsal *self, size_t k, kin_error *err)
{
    size_t capacity = kin_collectors_capacity_good(k);
    self->k = k;
    self->scan = (kin_scan){&self->codes, &self->collectors, 0};
    self->finish_rows = kin_finisher_rows_good(self->catalog, capacity);
    self->meeting = calloc((size_t)self->threads, sizeof(kin_meeting *));
    self->finisher = calloc((size_t)self->threads, sizeof(kin_finisher *));
    if (!self->meeting || !self->finisher)
        return kin_fail_alloc(err, "threads", (size_t)self->threads * sizeof(kin_meeting *));
    int rc = kin_collectors_init(&self->collectors, self->codes.order.count, k, capacity, err);
    for (size_t i = 0; rc == 0 && i < self->codes.order.count; i++)
        self->collectors.tolerance[i] = self->codes.facts[i].tolerance;
    for (int t = 0; t < self->threads && rc == 0; t++) {
        rc = kin_meeting_new(&self->meeting[t], &self->scan, err);
        if (rc == 0)
            rc = kin_finisher_new(&self->finisher[t], self->catalog, k, capacity, self->finish_rows,
                                  err);
    }
    return rc;
}

/* Collectors without candidates; `rise`: floors where they begin, else where they are. */
static void empty(rehearsal *self, bool rise)
{
    kin_collectors *c = &self->collectors;
    memset(c->count, 0, c->rows * sizeof *c->count);
    for (size_t i = 0; i < c->rows && rise; i++)
        c->floor[i] = -INFINITY;
}

/* ---- meetings ------------------------------------------------------------------------------------- */

/* Every two groups meet once, as in the engine's rounds: in one round no group meets twice. */
static double meet(rehearsal *self)
{
    size_t groups = self->codes.order.groups, rounds = 1;
    while (rounds < groups)
        rounds *= 2;
    double start = omp_get_wtime();
    for (size_t round = 0; round < rounds; round++) {
#pragma omp parallel for schedule(dynamic) num_threads(self->threads)
        for (size_t g = 0; g < groups; g++) {
            size_t other = g ^ round;
            if (other >= g && other < groups)
                kin_meeting_run(self->meeting[omp_get_thread_num()], g, other);
        }
    }
    return omp_get_wtime() - start;
}

static kin_scan_counts count_up(const rehearsal *self)
{
    kin_scan_counts sum = {0};
    for (int t = 0; t < self->threads; t++)
        kin_scan_counts_add(&sum, kin_meeting_counts(self->meeting[t]));
    return sum;
}

/* The median seconds of all meetings; *pairs looked at and *refined in one run. */
static double time_meetings(rehearsal *self, bool rise, double *pairs, double *refined)
{
    double seconds[CALIBRATE_RUNS];
    kin_scan_counts before = count_up(self);
    for (size_t i = 0; i < CALIBRATE_RUNS; i++) {
        empty(self, rise);
        seconds[i] = meet(self);
    }
    kin_scan_counts after = count_up(self);
    *pairs = (double)(after.pairs - before.pairs) / CALIBRATE_RUNS;
    *refined = (double)(after.refined - before.refined) / CALIBRATE_RUNS;
    return calibrate_median(seconds);
}

static double finish_all(rehearsal *self, uint64_t *candidates)
{
    const kin_order *order = &self->codes.order;
    uint64_t sum = 0;
    double start = omp_get_wtime();
#pragma omp parallel for schedule(dynamic) num_threads(self->threads) reduction(+ : sum)
    for (size_t g = 0; g < order->groups; g++)
        for (size_t at = order->start[g]; at < order->start[g + 1]; at += self->finish_rows) {
            size_t left = order->start[g + 1] - at;
            kin_finisher_run(self->finisher[omp_get_thread_num()], &self->collectors, at,
                             order->row + at, left < self->finish_rows ? left : self->finish_rows,
                             &sum);
        }
    *candidates = sum;
    return omp_get_wtime() - start;
}

/* ---- the rehearsal -------------------------------------------------------------------------------- */

static double per(double seconds, double count)
{
    return count > 0 && seconds > 0 ? seconds / count : 0;
}

/* From scratch for the real K, and to the end. */
static int rehearse_run(rehearsal *self, size_t k, scan_rates *out, kin_error *err)
{
    double pairs, refined, none, seconds[CALIBRATE_RUNS];
    uint64_t candidates = 0;
    int rc = init_scan(self, k, err);
    if (rc == 0) {
        double all = time_meetings(self, true, &pairs, &refined);
        for (size_t i = 0; i < CALIBRATE_RUNS; i++)
            seconds[i] = finish_all(self, &candidates);
        out->finished = per(calibrate_median(seconds), (double)candidates);
        for (size_t i = 0; i < self->collectors.rows; i++)
            self->collectors.floor[i] = INFINITY;
        double tiles = time_meetings(self, false, &pairs, &none);
        out->pair = per(tiles, pairs);
        out->refined_early = per(all - tiles, refined);
    }
    release_scan(self);
    return rc;
}

/* With floors as high as they are going to be. */
static int rehearse_final(rehearsal *self, size_t k, scan_rates *out, kin_error *err)
{
    double pairs, refined;
    int rc = init_scan(self, k, err);
    if (rc == 0) {
        meet(self);
        for (size_t i = 0; i < self->collectors.rows; i++)
            kin_collectors_weigh(&self->collectors, i);
        double seconds = time_meetings(self, false, &pairs, &refined);
        out->possible = pairs > 0 ? refined / pairs : 0;
        out->refined = per(seconds - out->pair * pairs, refined);
    }
    release_scan(self);
    return rc;
}

static int encode(rehearsal *self, size_t k, size_t lead, scan_rates *out, kin_error *err)
{
    kin_codes_options options = {.top_k = k, .lead = lead, .slack = 1};
    double start = omp_get_wtime();
    int rc = kin_codes_init(&self->codes, self->catalog, &options, err);
    double fitted = omp_get_wtime();
    if (rc == 0)
        rc = kin_codes_encode(&self->codes, &options, NULL, err);
    out->fit = fitted - start;
    out->encoded = (omp_get_wtime() - fitted) / (double)self->catalog->n;
    out->lead = self->codes.rotation.lead;
    out->dimensions = self->codes.rotation.lead + self->codes.rotation.tail;
    return rc;
}

int calibrate_scan(scan_rates *out, const kin_catalog *sample, size_t n, size_t top_k, size_t lead,
                   kin_error *err)
{
    rehearsal self = {.catalog = sample, .threads = kin_threads_used()};
    size_t s = sample->n, least = s > 1 ? s - 1 : 1;
    double rank = round((double)top_k * (double)s / (double)n);
    size_t high = rank < 1 ? 1 : (size_t)rank;
    *out = (scan_rates){.rows = s};
    if (s < 2)
        return 0;
    high = high < least ? high : least;
    lead = lead > 0 ? lead : kin_catalog_dimensions(sample); /* as many as there are: no tail */
    int rc = encode(&self, high, lead, out, err);
    if (rc == 0)
        rc = rehearse_run(&self, top_k < least ? top_k : least, out, err);
    if (rc == 0)
        rc = rehearse_final(&self, high, out, err);
    kin_codes_release(&self.codes);
    return rc;
}
