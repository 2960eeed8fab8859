/*
 * The effort of a join, from a sample of rows.
 *
 * Sampled rows scan all lists, with the bound of a tile in full: their K best estimates are the truth, for
 * estimates are off by 1e-5, less than what lies between two ranks. For each neighbour it is worked out
 * what share of tails would have let it through, and what reach at the row's final floor. Then
 *   tail share   the smallest of a few that loses at most a tenth of what may be lost
 *   reach        a first guess by those reaches, which is too careful, for floors are lower on the way; then
 *                the sampled rows are joined in earnest, which is what the run will do with them, and the
 *                guess is corrected by what was lost
 * The target is met with a margin for the two samples, this one and the one that judges (choose_effort).
 * Effort is counted in rows scanned, never in seconds. Time: sample * n * lead products.
 */
#include "ann/join_state.h"
#include "core/memory.h"
#include "core/random.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum {
    SAMPLE_LEAST = 256,
    SAMPLE_MOST = 1000,
    SAMPLE_SHARE = 100,
    PIECE = 48,
    RANDOM_ROWS = 0x54554e45
};

static const float tail_shares[] = {0.2f, 0.25f, 0.3f, 0.4f, 0.5f, 0.7f, 1};

/* A neighbour of a sampled row, and what it takes to find it. */
typedef struct need {
    float reach, tail_share;
} need;

/* What one scan of the sample gave. */
typedef struct outcome {
    double recall, deviation; /* of rows: mean and standard deviation */
    double scanned;           /* pairs looked at, as a share of all */
} outcome;

typedef struct kin_join_sample {
    size_t rows, k;
    size_t *at;      /* [rows] in the order, ascending */
    uint32_t *found; /* [rows] true neighbours, at most k */
    float *floor;    /* [rows] the estimate of the last of them */
    need *need;      /* [rows][k] */
    double *recall;  /* [rows] of the last scan */
} kin_join_sample;

void kin_join_sample_free(kin_join_sample *self)
{
    if (!self)
        return;
    free(self->at);
    free(self->found);
    free(self->floor);
    free(self->need);
    free(self->recall);
    free(self);
}

/* How many of n rows serve, and which is number i: places in the order. */
static size_t sample_rows(size_t n)
{
    size_t rows = n / SAMPLE_SHARE;
    rows = rows < SAMPLE_LEAST ? SAMPLE_LEAST : rows > SAMPLE_MOST ? SAMPLE_MOST : rows;
    return rows < n ? rows : n;
}

static size_t sample_at(const kin_join *join, size_t i)
{
    uint64_t key = kin_random_key((uint64_t)join->options.seed, RANDOM_ROWS, 0);
    return kin_random_place(key, join->codes.order.count, i);
}

static int ascending(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static int draw(kin_join *join, kin_error *err)
{
    size_t rows = sample_rows(join->codes.order.count), k = join->options.top_k;
    kin_join_sample *self = calloc(1, sizeof *self);
    join->sample = self;
    if (!self)
        return kin_fail_alloc(err, "a sample", sizeof *self);
    self->rows = rows;
    self->k = k;
    self->at = kin_alloc(rows, sizeof *self->at);
    self->found = kin_alloc_zero(rows, sizeof *self->found);
    self->floor = kin_alloc_zero(rows, sizeof *self->floor);
    self->need = kin_alloc(kin_size_mul(rows, k), sizeof *self->need);
    self->recall = kin_alloc_zero(rows, sizeof *self->recall);
    if (!self->at || !self->found || !self->floor || !self->need || !self->recall)
        return kin_fail_alloc(err, "a sample", rows * k * sizeof *self->need);
    for (size_t i = 0; i < rows; i++)
        self->at[i] = sample_at(join, i);
    qsort(self->at, rows, sizeof *self->at, ascending);
    return 0;
}

/* ---- what it takes ---------------------------------------------------------------------------------- */

static size_t list_at(const kin_order *order, size_t at)
{
    size_t low = 0, high = order->groups;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (order->start[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* From which reach on a row with this floor looks at list h; `row` is its side of gates for a reach of 1. */
static float reach_needed(const kin_join *join, const float *row, size_t at, size_t h, float floor)
{
    const kin_lists *lists = &join->lists;
    const float *list = lists->list + h * lists->width;
    size_t lead = lists->lead;
    float mean = list[lead + 2] + join->codes.facts[at].bias;
    float sigma = row[lead] * list[lead] + row[lead + 1] * list[lead + 1];
    for (size_t k = 0; k < lead; k++)
        mean += row[k] * list[k];
    return fmaxf((floor - mean) / (sigma > 0 ? sigma : 1e-9f), 0);
}

/* The share of its tails' product that a pair needs to reach `floor`; it was found with 1. */
static float share_needed(const kin_codes *codes, size_t x, size_t y, float floor)
{
    const kin_code_facts *a = &codes->facts[x], *b = &codes->facts[y];
    const uint8_t *p = codes->row + x * codes->stride, *q = codes->row + y * codes->stride;
    int32_t dot = 0;
    for (size_t k = 0; k < codes->rotation.lead; k++)
        dot += (int8_t)(p[k] ^ codes->row_bias) * (int8_t)(q[k] ^ codes->row_bias);
    float coarse = codes->lead_step * codes->lead_step * (float)dot + a->bias + b->bias;
    float allowed = a->coarse * b->norm + b->coarse * a->norm, tails = a->tail_norm * b->tail_norm;
    return tails > 0 ? fminf(fmaxf((floor - coarse - allowed) / tails, 0), 1) : 0;
}

/* Where each catalog row stands in the order. */
static int32_t *positions(const kin_join *join)
{
    const kin_order *order = &join->codes.order;
    int32_t *at = kin_alloc(join->catalog->n, sizeof *at);
    for (size_t i = 0; i < order->count && at; i++)
        at[order->row[i]] = (int32_t)i;
    return at;
}

/* One thread's room while the sample is scanned. */
typedef struct scanner {
    kin_join_worker *worker;
    const int32_t *position; /* [n] */
    uint64_t *key;           /* [capacity] */
    float *row;              /* [width] */
} scanner;

/* Slot `slot` holds all there is for row i: its true neighbours, and what each needs. */
static void note_truth(const kin_join *join, const scanner *from, size_t slot, size_t i)
{
    kin_join_sample *self = join->sample;
    const kin_collectors *in = &from->worker->collectors;
    const kin_order *order = &join->codes.order;
    const float *estimate = in->estimate + slot * in->capacity;
    size_t count = 0, own = self->at[i];
    for (size_t c = 0; c < in->count[slot]; c++) {
        size_t at = (size_t)from->position[in->candidate[slot * in->capacity + c]];
        if (at != own)
            from->key[count++] = (uint64_t)(~kin_score_order(estimate[c])) << 32 | (uint32_t)at;
    }
    size_t kept = count < self->k ? count : self->k;
    kin_keys_select(from->key, count, kept);
    self->found[i] = (uint32_t)kept;
    if (kept == 0)
        return;
    float floor = self->floor[i] = kin_score_from_order(~(uint32_t)(from->key[kept - 1] >> 32));
    unsigned pattern = order->pattern[list_at(order, own)];
    kin_lists_row(&join->lists, &join->codes, own, 1, from->row);
    for (size_t c = 0; c < kept; c++) {
        size_t at = (uint32_t)from->key[c], h = list_at(order, at);
        float inner = floor / join->codes.fused.factor[pattern & order->pattern[h]];
        self->need[i * self->k + c] = (need){reach_needed(join, from->row, own, h, inner),
                                             share_needed(&join->codes, own, at, inner)};
    }
}

/* How many of row i's true neighbours slot `slot` holds. */
static void note_recall(const kin_join *join, const scanner *from, size_t slot, size_t i)
{
    kin_join_sample *self = join->sample;
    const kin_collectors *in = &from->worker->collectors;
    const float *estimate = in->estimate + slot * in->capacity;
    const int32_t *candidate = in->candidate + slot * in->capacity;
    size_t found = 0;
    for (size_t c = 0; c < in->count[slot]; c++)
        found +=
            estimate[c] >= self->floor[i] && (size_t)from->position[candidate[c]] != self->at[i];
    found = found < self->found[i] ? found : self->found[i];
    self->recall[i] = self->found[i] > 0 ? (double)found / (double)self->found[i] : 1;
}

typedef void note(const kin_join *join, const scanner *from, size_t slot, size_t i);

/* Whether sampled row i is scanned with the one before it: rows of a list are, as in a run; where all lists
 * are scanned anyway, PIECE of one pattern are, for tiles are full then. */
static bool goes_on(const kin_join *join, size_t i, float reach)
{
    const kin_join_sample *self = join->sample;
    const kin_order *order = &join->codes.order;
    if (i == 0 || i == self->rows)
        return false;
    size_t before = list_at(order, self->at[i - 1]), own = list_at(order, self->at[i]);
    if (isinf(reach))
        return i % PIECE != 0 && order->pattern[before] == order->pattern[own];
    return before == own;
}

/* Sampled rows from i on that are scanned together. */
static void scan_together(const kin_join *join, const scanner *from, size_t i, float reach,
                          note *take)
{
    const kin_join_sample *self = join->sample;
    size_t end = i + 1;
    while (goes_on(join, end, reach))
        end++;
    kin_join_scan(from->worker, self->at + i, end - i, list_at(&join->codes.order, self->at[i]),
                  reach);
    for (size_t s = i; s < end; s++)
        take(join, from, s - i, s);
}

/* All sampled rows. */
static int scan_sample(kin_join *join, float reach, note *take, kin_error *err)
{
    const kin_join_sample *self = join->sample;
    int32_t *position = positions(join);
    if (!position)
        return kin_fail_alloc(err, "a sample", join->catalog->n * sizeof *position);
    bool refused = false;
#pragma omp parallel num_threads(join->threads) reduction(|| : refused)
    {
        scanner own = {&join->worker[omp_get_thread_num()], position,
                       kin_alloc(join->capacity, sizeof(uint64_t)),
                       kin_alloc(join->lists.width, sizeof(float))};
        refused = !own.key || !own.row;
        omp_set_num_threads(1); /* a BLAS call from here uses this thread alone */
#pragma omp for schedule(dynamic)
        for (size_t i = 0; i < self->rows; i++)
            if (!refused && !goes_on(join, i, reach))
                scan_together(join, &own, i, reach, take);
        free(own.key);
        free(own.row);
    }
    free(position);
    return refused ? kin_fail_alloc(err, "a sample", join->capacity * sizeof(uint64_t)) : 0;
}

/* ---- choices ---------------------------------------------------------------------------------------- */

/* The sample's mean recall if every row had its final floor from the beginning. */
static double careful_recall(const kin_join_sample *self, float reach, float tail_share)
{
    double sum = 0;
    for (size_t i = 0; i < self->rows; i++) {
        size_t found = 0;
        for (size_t c = 0; c < self->found[i]; c++) {
            const need *it = &self->need[i * self->k + c];
            found += it->reach <= reach && it->tail_share <= tail_share;
        }
        sum += self->found[i] > 0 ? (double)found / (double)self->found[i] : 1;
    }
    return sum / (double)self->rows;
}

static float choose_tail_share(const kin_join_sample *self, double loss)
{
    size_t i = 0;
    while (tail_shares[i] < 1 && 1 - careful_recall(self, INFINITY, tail_shares[i]) > loss / 10)
        i++;
    return tail_shares[i];
}

/* The smallest reach, to a hundredth, with that careful recall; INFINITY if none of any use has it. */
static float choose_reach(const kin_join_sample *self, float tail_share, double recall)
{
    int low = 0, high = 4000;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (careful_recall(self, (float)middle / 100, tail_share) >= recall)
            high = middle;
        else
            low = middle;
    }
    return high < 4000 ? (float)high / 100 : INFINITY;
}

static uint64_t pairs_seen(const kin_join *join)
{
    uint64_t pairs = 0;
    for (int t = 0; t < join->threads; t++)
        pairs += kin_meeting_counts(join->worker[t].meeting)->pairs;
    return pairs;
}

/* What a run with this effort is going to do with the sampled rows. */
static int try_effort(kin_join *join, float reach, float tail_share, outcome *out, kin_error *err)
{
    const kin_join_sample *self = join->sample;
    double rows = (double)self->rows, square = 0;
    uint64_t before = pairs_seen(join);
    kin_codes_set_tail_share(&join->codes, tail_share);
    int rc = scan_sample(join, reach, note_recall, err);
    *out = (outcome){0};
    for (size_t i = 0; i < self->rows; i++) {
        out->recall += self->recall[i] / rows;
        square += self->recall[i] * self->recall[i] / rows;
    }
    out->deviation = sqrt(fmax(square - out->recall * out->recall, 0));
    out->scanned = (double)(pairs_seen(join) - before) / rows / (double)join->codes.order.count;
    return rc;
}

/* What the sample's recall has to be above the target. Its mean and the judge's scatter, by two standard
 * errors here; and the judge cannot exclude that rows of a kind it did not draw were lost whole, which
 * costs its bound ln(1 / alpha) / judged, about 4 / judged. */
static double margin(const kin_join *join, const outcome *got)
{
    double rows = (double)join->sample->rows, judged = (double)join->options.judged;
    double spread = got->deviation * got->deviation;
    return judged > 0 ? 2 * sqrt(spread / rows + spread / judged) + 4 / judged
                      : 2 * sqrt(spread / rows);
}

/* From here on a scan of everything is hardly more work. */
static const double scanned_most = 0.6;

enum { TRIES = 4, HALVINGS = 8 };

static kin_join_effort everything(size_t sampled)
{
    return (kin_join_effort){
        .reach = INFINITY, .tail_share = 1, .sampled = sampled, .recall = 1, .scanned = 1};
}

/* The least effort tried that meets the target with its margin; all lists where none does. */
static int choose_effort(kin_join *join, double target, kin_error *err)
{
    const kin_join_sample *self = join->sample;
    kin_join_effort best = everything(self->rows);
    float share = choose_tail_share(self, 1 - target);
    double loss = 1 - target; /* that careful recall is allowed */
    for (int t = 0; t < TRIES; t++) {
        outcome got;
        float reach = choose_reach(self, share, 1 - loss);
        if (isinf(reach))
            break;
        int rc = try_effort(join, reach, share, &got, err);
        if (rc != 0)
            return rc;
        double lost = 1 - got.recall, allowed = 1 - target - margin(join, &got);
        if (lost <= allowed && got.scanned < best.scanned && got.scanned <= scanned_most)
            best = (kin_join_effort){reach, share, self->rows, got.recall, got.scanned};
        if (allowed <= 0 || (lost <= allowed && lost > 0.9 * allowed))
            break;
        /* careful and true losses go down together */
        loss = fmin(loss * (0.95 * allowed + 1e-9) / (lost + 1e-9), 0.5);
        loss = fmax(loss, 0.05 * (1 - target));
    }
    join->effort = best;
    return 0;
}

int kin_join_tune(kin_join *self, const kin_watch *watch, kin_error *err)
{
    kin_watch_stage(watch, "tune");
    kin_join_sample_free(self->sample);
    self->sample = NULL;
    kin_codes_set_tail_share(&self->codes, 1);
    if (self->codes.order.count == 0) /* nobody to sample, and nothing to look at */
        return 0;
    int rc = draw(self, err);
    if (rc == 0)
        rc = scan_sample(self, INFINITY, note_truth, err);
    if (rc == 0)
        rc = choose_effort(self, self->aim, err);
    return rc;
}

int kin_join_raise(kin_join *self, bool *raised, const kin_watch *watch, kin_error *err)
{
    const kin_join_effort before = self->effort;
    *raised = !isinf(before.reach) || before.tail_share < 1;
    if (!*raised)
        return 0;
    int rc = self->sample ? 0 : kin_join_tune(self, watch, err);
    for (int halving = 0; rc == 0 && self->effort.reach <= before.reach; halving++) {
        self->aim = 1 - (1 - self->aim) / 2;
        if (halving < HALVINGS)
            rc = choose_effort(self, self->aim, err);
        else /* the sample shows no loss that more effort would mend */
            self->effort = everything(before.sampled);
    }
    return rc;
}

static int ascending_item(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

int kin_join_tuned_rows(const kin_join *self, int32_t **row, size_t *count, kin_error *err)
{
    const kin_order *order = &self->codes.order;
    *count = sample_rows(order->count);
    *row = kin_alloc(*count, sizeof **row);
    if (!*row)
        return kin_fail_alloc(err, "a sample", *count * sizeof **row);
    for (size_t i = 0; i < *count; i++)
        (*row)[i] = order->row[sample_at(self, i)];
    qsort(*row, *count, sizeof **row, ascending_item);
    return 0;
}
