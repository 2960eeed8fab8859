/*
 * The certified engine (exact/exact.h): plan, rounds, and rows that are handed on.
 */
#include "exact/exact.h"
#include "core/memory.h"
#include "core/score.h"
#include "core/threads.h"
#include "exact/seed.h"
#include "scan/finish.h"
#include "scan/meeting.h"

#include <assert.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

struct kin_exact {
    const kin_catalog *catalog;
    kin_exact_options options;
    kin_exact_plan plan;
    kin_exact_report report;
    int threads;
    kin_codes codes;
    kin_seed seed;
    kin_collectors collectors;
    kin_scan scan;
    kin_meeting **meeting;      /* [threads] */
    kin_finisher **finisher;    /* [threads] */
    double work_done, work_all; /* roughly, in pairs that a tile excludes */
};

/* ---- the plan ------------------------------------------------------------------------------------ */

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* What is there beside codes and collectors while groups meet and rows are finished. */
static size_t work_bytes(const kin_exact *self, size_t capacity)
{
    size_t finisher =
        kin_finisher_bytes(self->catalog, self->options.top_k, capacity, self->plan.finish_rows);
    return kin_size_mul((size_t)self->threads,
                        kin_size_add(kin_meeting_bytes(&self->codes, capacity), finisher));
}

/* How many rows are finished at a time: as many as work well in an eighth of the budget. */
static size_t choose_finish_rows(const kin_exact *self, size_t budget)
{
    const kin_catalog *catalog = self->catalog;
    size_t k = self->options.top_k, capacity = kin_collectors_capacity_good(k);
    size_t rows = kin_finisher_rows_good(catalog, capacity);
    size_t thread = budget / 8 / (size_t)self->threads;
    while (rows > 1 && kin_finisher_bytes(catalog, k, capacity, rows) > thread)
        rows -= (rows + 7) / 8;
    return rows;
}

/* Chooses capacity and block for a budget: all rows at once if the least capacity allows it. */
static void choose_block(kin_exact *self, size_t budget)
{
    kin_exact_plan *plan = &self->plan;
    size_t n = self->catalog->n, k = self->options.top_k;
    size_t good = kin_collectors_capacity_good(k), least = kin_collectors_capacity_least(k);
    size_t fixed = kin_size_add(plan->codes_bytes, work_bytes(self, good));
    size_t left = budget > fixed ? budget - fixed : 0;
    plan->capacity = good;
    while (plan->capacity > least && left / kin_collectors_row_bytes(plan->capacity) < n)
        plan->capacity -= (plan->capacity - least + 7) / 8;
    plan->block_rows = left / kin_collectors_row_bytes(plan->capacity);
    if (plan->block_rows >= n) {
        plan->block_rows = n;
    } else { /* not even the least serves all rows: then blocks, with room to work well */
        plan->capacity = good;
        plan->block_rows = max_size(left / kin_collectors_row_bytes(good), KIN_GROUP_MAX);
    }
    plan->block_rows = max_size(plan->block_rows, 1);
    plan->blocks = (n + plan->block_rows - 1) / plan->block_rows;
    plan->collectors_bytes = kin_size_mul(plan->block_rows < n ? plan->block_rows : n,
                                          kin_collectors_row_bytes(plan->capacity));
    plan->work_bytes = work_bytes(self, plan->capacity);
}

static const char plan_hint[] = "--threads or --top-k";

static int make_plan(kin_exact *self, kin_error *err)
{
    kin_exact_plan *plan = &self->plan;
    const kin_codes *codes = &self->codes;
    size_t limit = self->options.memory_bytes, available = kin_memory_available();
    size_t budget = limit > 0 && limit < available ? limit : available;
    plan->lead = codes->rotation.lead;
    plan->tail = codes->rotation.tail;
    plan->codes_bytes = kin_size_add(
        kin_codes_bytes(codes), kin_rotation_bytes(codes->fused.d, codes->rotation.reflectors));
    plan->finish_rows = choose_finish_rows(self, budget);
    choose_block(self, budget);

    /* ordering, encoding and meeting follow each other */
    size_t encoding = kin_codes_encode_work_bytes(codes);
    size_t meeting = kin_size_add(plan->collectors_bytes, plan->work_bytes);
    size_t ordering = kin_codes_order_work_bytes(codes);
    kin_plan parts = {.hint = plan_hint};
    kin_plan_add(&parts, "codes", plan->codes_bytes, 1);
    if (meeting >= encoding) {
        kin_plan_add(&parts, "collectors", plan->collectors_bytes, 1);
        kin_plan_add(&parts, "threads", plan->work_bytes, 1);
    } else {
        kin_plan_add(&parts, "encoding", encoding, 1);
    }
    plan->total_bytes = parts.total_bytes;
    if (ordering > plan->total_bytes) {
        parts = (kin_plan){.hint = plan_hint};
        kin_plan_add(&parts, "ordering rows", ordering, 1);
        plan->total_bytes = ordering;
    }
    return kin_plan_check(&parts, limit, err);
}

int kin_exact_new(kin_exact **out, const kin_catalog *catalog, const kin_exact_options *options,
                  kin_error *err)
{
    if (options->top_k >= catalog->n)
        return kin_fail(err, KIN_E_DATA, "lower --top-k, or give more items",
                        "top-k %zu needs at least %zu items, the catalog has %zu", options->top_k,
                        options->top_k + 1, catalog->n);
    size_t d = kin_catalog_dimensions(catalog);
    if (d > KIN_EXACT_DIMENSIONS_MAX)
        return kin_fail(err, KIN_E_DATA, "choose --engine stream",
                        "the modalities have %zu dimensions in all, --engine exact takes %d", d,
                        KIN_EXACT_DIMENSIONS_MAX);
    int rc = kin_blas_room(err);
    if (rc != 0)
        return rc;
    kin_exact *self = calloc(1, sizeof *self);
    if (!self)
        return kin_fail_alloc(err, "the engine", sizeof *self);
    self->catalog = catalog;
    self->options = *options;
    self->threads = kin_threads_used();
    kin_codes_options codes = {
        .top_k = options->top_k, .lead = options->lead, .slack = options->slack};
    rc = kin_codes_init(&self->codes, catalog, &codes, err);
    if (rc == 0)
        rc = make_plan(self, err);
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

/* ---- set-up -------------------------------------------------------------------------------------- */

static void release_block(kin_exact *self)
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

void kin_exact_free(kin_exact *self)
{
    if (!self)
        return;
    release_block(self);
    kin_seed_release(&self->seed);
    kin_codes_release(&self->codes);
    free(self);
}

static int init_thread(kin_exact *self, int t, kin_error *err)
{
    int rc = kin_meeting_new(&self->meeting[t], &self->scan, err);
    if (rc == 0)
        rc = kin_finisher_new(&self->finisher[t], self->catalog, self->options.top_k,
                              self->plan.capacity, self->plan.finish_rows, err);
    return rc;
}

/* What every block needs: collectors, and what the threads work in. */
static int init_block(kin_exact *self, size_t first, size_t last, kin_error *err)
{
    self->scan = (kin_scan){&self->codes, &self->collectors, first};
    self->meeting = calloc((size_t)self->threads, sizeof(kin_meeting *));
    self->finisher = calloc((size_t)self->threads, sizeof(kin_finisher *));
    if (!self->meeting || !self->finisher)
        return kin_fail_alloc(err, "threads", (size_t)self->threads * sizeof *self->finisher);
    int rc = kin_collectors_init(&self->collectors, last - first, self->options.top_k,
                                 self->plan.capacity, err);
    for (size_t i = 0; rc == 0 && i < last - first; i++)
        self->collectors.tolerance[i] = self->codes.facts[first + i].tolerance;
    for (int t = 0; t < self->threads && rc == 0; t++)
        rc = init_thread(self, t, err);
    return rc;
}

/* ---- rounds -------------------------------------------------------------------------------------- */

/* Every group meets itself. */
static void meet_themselves(kin_exact *self)
{
#pragma omp parallel for schedule(dynamic) num_threads(self->threads)
    for (size_t g = 0; g < self->codes.order.groups; g++)
        kin_meeting_run(self->meeting[omp_get_thread_num()], g, g);
}

/* One round of the meetings that come first. */
static void meet_alike(kin_exact *self, size_t round)
{
    const kin_seed *seed = &self->seed;
#pragma omp parallel for schedule(dynamic) num_threads(self->threads)
    for (size_t i = seed->start[round]; i < seed->start[round + 1]; i++)
        kin_meeting_run(self->meeting[omp_get_thread_num()], (size_t)seed->first[i],
                        (size_t)seed->second[i]);
}

/* Group g meets g XOR round, where they have not met yet. */
static void meet_others(kin_exact *self, size_t round)
{
    size_t groups = self->codes.order.groups;
#pragma omp parallel for schedule(dynamic) num_threads(self->threads)
    for (size_t g = 0; g < groups; g++) {
        size_t other = g ^ round;
        if (other > g && other < groups && !kin_seed_has(&self->seed, g, other))
            kin_meeting_run(self->meeting[omp_get_thread_num()], g, other);
    }
}

/* What a pair costs in the meetings that come first, and what a candidate costs in the end, as many times
 * a pair that a tile excludes. Rough, and for nothing but progress. */
enum { ALIKE_COST = 16, CANDIDATE_COST = 150 };

/* A block's meetings, seen as so many of mean size; and all of its work. */
static double meetings_work(const kin_exact *self, double meetings)
{
    double rows = (double)self->codes.order.count / (double)self->codes.order.groups;
    return meetings * rows * rows;
}

static double all_work(const kin_exact *self)
{
    double groups = (double)self->codes.order.groups;
    double alike = groups / 2 + (double)self->seed.start[self->seed.rounds];
    double block = groups > 0 ? meetings_work(self, groups * groups / 2 + ALIKE_COST * alike) : 0;
    return block * (double)self->plan.blocks +
           (double)self->catalog->n * (double)self->options.top_k * CANDIDATE_COST;
}

/* Progress is told in rows, though rows come in one go at the end of a block: by the work done. */
static void tell(kin_exact *self, double work, const kin_watch *watch)
{
    self->work_done += work;
    double share = self->work_done / self->work_all;
    double n = (double)self->catalog->n;
    kin_watch_progress(watch, (size_t)(n * (share < 0.999 ? share : 0.999)), self->catalog->n);
}

/* Every two groups meet: each with itself, with those most like it, then the others. */
static int run_rounds(kin_exact *self, const kin_watch *watch, kin_error *err)
{
    size_t groups = self->codes.order.groups, alike = self->seed.rounds, others = 1;
    while (others < groups)
        others *= 2;
    for (size_t round = 0; round < alike + others; round++) {
        int rc = kin_watch_check(watch, err);
        if (rc != 0)
            return rc;
        double meetings = (double)groups / 2;
        if (round == 0) {
            meet_themselves(self);
            meetings *= ALIKE_COST;
        } else if (round <= alike) {
            meet_alike(self, round - 1);
            meetings = ALIKE_COST * (double)(self->seed.start[round] - self->seed.start[round - 1]);
        } else {
            meet_others(self, round - alike);
            meetings *= (double)groups / (double)others; /* some have nobody to meet */
        }
        tell(self, groups > 0 ? meetings_work(self, meetings) : 0, watch);
    }
    return 0;
}

/* ---- finished rows ------------------------------------------------------------------------------- */

/* Hands finished rows on, one by one; stops where another thread has failed. */
static int hand_on(kin_row_sink sink, const int32_t *row, const kin_rows *done, const int *failed,
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

/* A group's rows, finished and handed on, so many at a time as the finisher takes. */
static int finish_group(kin_exact *self, size_t group, kin_finisher *finisher, kin_row_sink sink,
                        uint64_t *pairs, const int *failed, kin_error *err)
{
    const kin_order *order = &self->codes.order;
    size_t end = order->start[group + 1], left = end - order->start[group];
    size_t most = self->plan.finish_rows;
    size_t pieces = (left + most - 1) / most;
    int rc = 0;
    for (size_t at = order->start[group]; at < end && rc == 0; pieces--) {
        size_t count = (end - at + pieces - 1) / pieces;
        const int32_t *row = order->row + at;
        const kin_rows *done =
            kin_finisher_run(finisher, &self->collectors, at - self->scan.first, row, count, pairs);
        rc = hand_on(sink, row, done, failed, err);
        at += count;
    }
    return rc;
}

/* Groups first .. last - 1, side by side. What goes wrong first is what the caller hears. */
static int finish_groups(kin_exact *self, size_t first, size_t last, kin_row_sink sink,
                         kin_error *err)
{
    uint64_t pairs = 0;
    int failed = 0;
#pragma omp parallel for schedule(dynamic) num_threads(self->threads) reduction(+ : pairs)
    for (size_t g = first; g < last; g++) {
        kin_error own;
        int rc = finish_group(self, g, self->finisher[omp_get_thread_num()], sink, &pairs, &failed,
                              &own);
#pragma omp critical(kin_exact_finish)
        if (rc != 0 && failed == 0) {
            *err = own;
#pragma omp atomic write
            failed = rc;
        }
    }
    self->report.full += pairs;
    return failed;
}

/* Items of no pair have empty rows. */
static int hand_on_empty(kin_exact *self, kin_row_sink sink, kin_error *err)
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

/* All rows of groups first .. last - 1, some at a time between looks at the watch. */
static int finish_rows(kin_exact *self, size_t first, size_t last, kin_row_sink sink,
                       const kin_watch *watch, kin_error *err)
{
    const size_t *start = self->codes.order.start;
    size_t stretch = (size_t)self->threads * 32;
    int rc = 0;
    for (size_t from = first, to; from < last && rc == 0; from = to) {
        to = last - from < stretch ? last : from + stretch;
        rc = kin_watch_check(watch, err);
        if (rc == 0)
            rc = finish_groups(self, from, to, sink, err);
        tell(self, (double)(start[to] - start[from]) * (double)self->options.top_k * CANDIDATE_COST,
             watch);
    }
    return rc;
}

/* ---- the run --------------------------------------------------------------------------------------- */

static void count_up(kin_exact *self)
{
    kin_scan_counts sum = {0};
    for (int t = 0; t < self->threads; t++)
        kin_scan_counts_add(&sum, kin_meeting_counts(self->meeting[t]));
    kin_exact_report *report = &self->report;
    report->pairs += sum.pairs;
    report->tiles += sum.tiles;
    report->tiles_left += sum.tiles_left;
    report->refined += sum.refined;
    report->collected += sum.collected;
    report->too_coarse += sum.too_coarse;
    report->redone += sum.settled;
    report->redone_pairs += sum.settled_pairs;
}

/* Groups first .. last - 1: collectors, rounds, rows. */
static int run_block(kin_exact *self, size_t first, size_t last, kin_row_sink sink,
                     const kin_watch *watch, kin_error *err)
{
    const size_t *start = self->codes.order.start;
    int rc = init_block(self, start[first], start[last], err);
    if (rc == 0)
        rc = run_rounds(self, watch, err);
    if (rc == 0) {
        count_up(self);
        rc = finish_rows(self, first, last, sink, watch, err);
    }
    release_block(self);
    return rc;
}

/* The group behind the block that starts at group g: whole groups, at most block_rows rows, and at
 * least one group. */
static size_t block_end(const kin_exact *self, size_t g)
{
    const kin_order *order = &self->codes.order;
    size_t end = g + 1;
    while (end < order->groups && order->start[end + 1] - order->start[g] <= self->plan.block_rows)
        end++;
    return end;
}

int kin_exact_run(kin_exact *self, kin_row_sink sink, const kin_watch *watch, kin_error *err)
{
    kin_codes_options options = {.top_k = self->options.top_k, .slack = self->options.slack};
    const kin_order *order = &self->codes.order;
    kin_watch_progress(watch, 0, self->catalog->n);
    int rc = kin_codes_encode(&self->codes, &options, watch, err);
    if (rc == 0)
        rc = kin_seed_init(&self->seed, &self->codes, err);
    self->report.rows = order->count;
    self->report.groups = order->groups;
    self->work_all = rc == 0 ? all_work(self) : 1;
    for (size_t g = 0, end; g < order->groups && rc == 0; g = end) {
        end = block_end(self, g);
        rc = run_block(self, g, end, sink, watch, err);
    }
    if (rc == 0)
        rc = hand_on_empty(self, sink, err);
    if (rc == 0)
        kin_watch_progress(watch, self->catalog->n, self->catalog->n);
    return rc;
}
