/*
 * The certified engine (exact/exact.h): plan, rounds, and rows that are handed on.
 */
#include "exact/exact.h"
#include "core/memory.h"
#include "core/score.h"
#include "core/threads.h"
#include "exact/seed.h"
#include "scan/meeting.h"

#include <assert.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Finished rows are held until this much has gathered: they are handed on in the catalog's order, and
 * scored in that of the groups, where rows that follow each other have candidates in common. */
static const size_t out_bytes = (size_t)48 << 20;

/* Room to score one row's candidates canonically. */
typedef struct finisher {
    kin_query query;
    kin_rescore_space space;
    int32_t *candidate; /* [2 * capacity] */
} finisher;

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
    kin_meeting **meeting; /* [threads] */
    finisher *finisher;    /* [threads] */
    kin_rows out;          /* plan.out_rows rows */
    int32_t *out_row;      /* [plan.out_rows] which rows of the catalog they are, ascending */
    uint64_t *out_key; /* [plan.out_rows] place << 32 | slot: the order in which they are scored */
    int32_t *place;    /* [n] where each catalog row stands in the order; -1: in no pair */
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
    size_t threads = (size_t)self->threads, modalities = self->catalog->modality_count;
    size_t thread = kin_size_add(kin_meeting_bytes(&self->codes, capacity),
                                 kin_size_add(kin_rescore_space_bytes(capacity, modalities),
                                              kin_size_mul(2 * capacity, sizeof(int32_t))));
    size_t bytes = kin_size_mul(threads, thread);
    bytes =
        kin_size_add(bytes, kin_rows_bytes(self->plan.out_rows, self->options.top_k, modalities));
    bytes =
        kin_size_add(bytes, kin_size_mul(self->plan.out_rows, sizeof(int32_t) + sizeof(uint64_t)));
    return kin_size_add(bytes, kin_size_mul(self->catalog->n, sizeof(int32_t)));
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
    size_t out_row = kin_rows_bytes(1, self->options.top_k, self->catalog->modality_count);
    plan->out_rows = (budget / 8 < out_bytes ? budget / 8 : out_bytes) / out_row;
    plan->out_rows = max_size(plan->out_rows, 64);
    plan->out_rows = plan->out_rows < self->catalog->n ? plan->out_rows : self->catalog->n;
    choose_block(self, budget);

    /* ordering, encoding and meeting follow each other */
    size_t encoding = kin_codes_encode_work_bytes(codes);
    size_t meeting = kin_size_add(plan->collectors_bytes, plan->work_bytes);
    size_t ordering = kin_codes_order_work_bytes(codes);
    kin_plan parts = KIN_PLAN_INIT;
    kin_plan_add(&parts, "codes", plan->codes_bytes, 1);
    if (meeting >= encoding) {
        kin_plan_add(&parts, "collectors", plan->collectors_bytes, 1);
        kin_plan_add(&parts, "threads and finished rows", plan->work_bytes, 1);
    } else {
        kin_plan_add(&parts, "encoding", encoding, 1);
    }
    plan->total_bytes = parts.total_bytes;
    if (ordering > plan->total_bytes) {
        parts = (kin_plan)KIN_PLAN_INIT;
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
        if (self->finisher) {
            kin_query_release(&self->finisher[t].query);
            kin_rescore_space_release(&self->finisher[t].space);
            free(self->finisher[t].candidate);
        }
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
    kin_rows_release(&self->out);
    free(self->place);
    free(self->out_row);
    free(self->out_key);
    free(self);
}

static int init_thread(kin_exact *self, int t, kin_error *err)
{
    size_t capacity = self->plan.capacity;
    finisher *f = &self->finisher[t];
    int rc = kin_meeting_new(&self->meeting[t], &self->scan, err);
    if (rc == 0)
        rc = kin_query_init(&f->query, self->catalog, err);
    if (rc == 0)
        rc = kin_rescore_space_init(&f->space, capacity, self->catalog->modality_count, err);
    if (rc != 0)
        return rc;
    f->candidate = kin_alloc(2 * capacity, sizeof *f->candidate);
    return f->candidate ? 0 : kin_fail_alloc(err, "candidates", 8 * capacity);
}

/* What every block needs: collectors, and what the threads work in. */
static int init_block(kin_exact *self, size_t first, size_t last, kin_error *err)
{
    self->scan = (kin_scan){&self->codes, &self->collectors, first};
    self->meeting = calloc((size_t)self->threads, sizeof(kin_meeting *));
    self->finisher = calloc((size_t)self->threads, sizeof *self->finisher);
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

/* Where each row stands, and room for finished rows. */
static int init_run(kin_exact *self, kin_error *err)
{
    size_t n = self->catalog->n;
    self->place = kin_alloc(n, sizeof *self->place);
    if (!self->place)
        return kin_fail_alloc(err, "the order of rows", n * sizeof *self->place);
    memset(self->place, 0xff, n * sizeof *self->place);
    for (size_t i = 0; i < self->codes.order.count; i++)
        self->place[self->codes.order.row[i]] = (int32_t)i;
    size_t out = self->plan.out_rows;
    self->out_row = kin_alloc(out, sizeof *self->out_row);
    self->out_key = kin_alloc(out, sizeof *self->out_key);
    if (!self->out_row || !self->out_key)
        return kin_fail_alloc(err, "finished rows", out * sizeof *self->out_key);
    return kin_rows_init(&self->out, out, self->options.top_k, self->catalog->modality_count, err);
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

/* The slot's row of the catalog: its candidates scored canonically. */
static void finish_row(kin_exact *self, finisher *f, size_t row, size_t slot, size_t *full)
{
    int32_t place = self->place[row];
    self->out.filled[slot] = 0;
    if (place < 0)
        return;
    kin_collectors_weigh(&self->collectors, (size_t)place - self->scan.first);
    size_t count =
        kin_collectors_list(&self->collectors, (size_t)place - self->scan.first, f->candidate);
    kin_query_set_row(&f->query, row);
    kin_rescore(&f->query, f->candidate, count, &f->space, &self->out, slot);
    *full += count;
}

/* Part of a block of rows as a block of its own. */
static kin_rows slice(const kin_rows *all, size_t first, size_t count)
{
    kin_rows part = *all;
    part.count = count;
    part.capacity = count;
    part.filled += first;
    part.neighbor += first * all->k;
    part.score += first * all->k;
    for (size_t m = 0; m < all->modality_count; m++)
        part.cosine[m] += first * all->k;
    return part;
}

/* Hands the first `count` finished rows on, in runs of consecutive ones. */
static int hand_on(kin_exact *self, size_t count, kin_row_sink sink, kin_error *err)
{
    const int32_t *row = self->out_row;
    int rc = 0;
    for (size_t from = 0, to; from < count && rc == 0; from = to) {
        for (to = from + 1; to < count && row[to] == row[to - 1] + 1; to++)
            ;
        kin_rows part = slice(&self->out, from, to - from);
        rc = sink.write(sink.self, (size_t)row[from], &part, err);
    }
    return rc;
}

/* Whether a row belongs to the block in hand; rows of no pair belong to the first. */
static bool in_block(const kin_exact *self, size_t row)
{
    size_t first = self->scan.first;
    if (self->place[row] < 0)
        return first == 0;
    size_t place = (size_t)self->place[row];
    return place >= first && place < first + self->collectors.rows;
}

/* The next rows of the block in hand from catalog row *next on: as many as are held at a time. */
static size_t take_rows(kin_exact *self, size_t *next)
{
    size_t count = 0;
    for (; *next < self->catalog->n && count < self->plan.out_rows; ++*next)
        if (in_block(self, *next)) {
            self->out_key[count] = (uint64_t)(uint32_t)self->place[*next] << 32 | count;
            self->out_row[count++] = (int32_t)*next;
        }
    kin_keys_select(self->out_key, count, count);
    return count;
}

/* All rows of the block in hand. */
static int finish_rows(kin_exact *self, kin_row_sink sink, const kin_watch *watch, kin_error *err)
{
    int rc = 0;
    for (size_t next = 0; next < self->catalog->n && rc == 0;) {
        size_t count = take_rows(self, &next), full = 0;
#pragma omp parallel for schedule(dynamic, 16) num_threads(self->threads) reduction(+ : full)
        for (size_t i = 0; i < count; i++) {
            size_t slot = (uint32_t)self->out_key[i];
            finish_row(self, &self->finisher[omp_get_thread_num()], (size_t)self->out_row[slot],
                       slot, &full);
        }
        self->report.full += full;
        rc = kin_watch_check(watch, err);
        if (rc == 0)
            rc = hand_on(self, count, sink, err);
        if (rc == 0)
            tell(self, (double)count * (double)self->options.top_k * CANDIDATE_COST, watch);
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

/* Rows first .. last - 1 of the order: collectors, rounds, rows. */
static int run_block(kin_exact *self, size_t first, size_t last, kin_row_sink sink,
                     const kin_watch *watch, kin_error *err)
{
    int rc = init_block(self, first, last, err);
    if (rc == 0)
        rc = run_rounds(self, watch, err);
    if (rc == 0) {
        count_up(self);
        rc = finish_rows(self, sink, watch, err);
    }
    release_block(self);
    return rc;
}

/* The group behind the block that starts at group g: whole groups, at most block_rows rows, and at
 * least one group where there is any. */
static size_t block_end(const kin_exact *self, size_t g)
{
    const kin_order *order = &self->codes.order;
    size_t end = g < order->groups ? g + 1 : g;
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
    if (rc == 0)
        rc = init_run(self, err);
    self->report.rows = order->count;
    self->report.groups = order->groups;
    self->work_all = rc == 0 ? all_work(self) : 1;
    size_t g = 0;
    do { /* once even where no item takes part in pairs: then all rows are empty */
        size_t end = block_end(self, g);
        if (rc == 0)
            rc = run_block(self, order->start[g], order->start[end], sink, watch, err);
        g = end;
    } while (rc == 0 && g < order->groups);
    if (rc == 0)
        kin_watch_progress(watch, self->catalog->n, self->catalog->n);
    return rc;
}
