/*
 * The sampled rows that the effort of a join is chosen on (ann/join_sample.h).
 *
 * The error of an estimate is about 1e-5, less than the distance of two ranks: the K best of a scan
 * of everything are the truth. Each of them needs a tail_fraction, and probe_sigmas at the final
 * threshold of the row.
 * Cost: sample * n * lead products for the truth.
 */
#include "ann/join_sample.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/select.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

enum {
    SAMPLE_LEAST = 512,
    SAMPLE_MOST = 1000,
    SAMPLE_SHARE = 100,
    PIECE = 48,
    FIRST = 10,
    RANDOM_ROWS = 0x54554e45
};

void kin_join_sample_free(kin_join_sample *self)
{
    if (!self)
        return;
    free(self->at);
    free(self->found);
    free(self->threshold);
    free(self->first_threshold);
    free(self->need);
    free(self->recall);
    free(self->first_recall);
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
    return kin_random_place(key, join->codes.clustering.count, i);
}

static int ascending(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

size_t kin_join_sample_bytes(size_t n, size_t k)
{
    size_t row = sizeof(size_t) + sizeof(uint32_t) + 2 * (sizeof(float) + sizeof(double));
    return kin_size_mul(sample_rows(n), kin_size_add(row, kin_size_mul(k, sizeof(kin_join_need))));
}

int kin_join_sample_draw(kin_join *join, kin_error *err)
{
    size_t rows = sample_rows(join->codes.clustering.count), k = join->options.top_k;
    kin_join_sample *self = calloc(1, sizeof *self);
    join->sample = self;
    if (!self)
        return kin_fail_alloc(err, "a sample", sizeof *self);
    self->rows = rows;
    self->k = k;
    self->at = kin_alloc(rows, sizeof *self->at);
    self->found = kin_alloc_zero(rows, sizeof *self->found);
    self->threshold = kin_alloc_zero(rows, sizeof *self->threshold);
    self->first_threshold = kin_alloc_zero(rows, sizeof *self->first_threshold);
    self->need = kin_alloc(kin_size_mul(rows, k), sizeof *self->need);
    self->recall = kin_alloc_zero(rows, sizeof *self->recall);
    self->first_recall = kin_alloc_zero(rows, sizeof *self->first_recall);
    if (!self->at || !self->found || !self->threshold || !self->first_threshold || !self->need ||
        !self->recall || !self->first_recall)
        return kin_fail_alloc(err, "a sample", rows * k * sizeof *self->need);
    for (size_t i = 0; i < rows; i++)
        self->at[i] = sample_at(join, i);
    qsort(self->at, rows, sizeof *self->at, ascending);
    return 0;
}

/* ---- what it takes -------------------------------------------------------------------------- */

/* The probe_sigmas from which on a row with this threshold probes cluster h; `row` is its side
 * of gates for probe_sigmas 1. */
static float sigmas_needed(const kin_join *join, const float *row, size_t at, size_t h,
                           float threshold)
{
    float mean, sigma;
    kin_cluster_stats_expect(&join->stats, h, row, join->codes.terms[at].bias, &mean, &sigma);
    return fmaxf((threshold - mean) / (sigma > 0 ? sigma : 1e-9f), 0);
}

/* The tail_fraction that a pair needs to reach `threshold`; it was found with 1. */
static float share_needed(const kin_codes *codes, size_t x, size_t y, float threshold)
{
    const kin_code_terms *a = &codes->terms[x], *b = &codes->terms[y];
    const uint8_t *p = codes->row + x * codes->stride, *q = codes->row + y * codes->stride;
    int32_t dot = 0;
    for (size_t k = 0; k < codes->rotation.lead; k++)
        dot += (int8_t)(p[k] ^ codes->row_bias) * (int8_t)(q[k] ^ codes->row_bias);
    float coarse = codes->lead_step * codes->lead_step * (float)dot + a->bias + b->bias;
    float allowed = a->coarse * b->norm + b->coarse * a->norm, tails = a->tail_norm * b->tail_norm;
    return tails > 0 ? fminf(fmaxf((threshold - coarse - allowed) / tails, 0), 1) : 0;
}

/* One thread's workspace while the sample is scanned. */
typedef struct scanner {
    kin_join_worker *worker;
    uint64_t *key; /* [capacity] */
    float *row;    /* [width] */
} scanner;

/* Of so many neighbours, how many are the first ones. */
static size_t first_of(size_t found)
{
    return found < FIRST ? found : FIRST;
}

/* Slot `slot` holds all there is for row i: its true neighbours, and what each needs. */
static void record_truth(const kin_join *join, const scanner *from, size_t slot, size_t i)
{
    kin_join_sample *self = join->sample;
    const kin_collectors *in = &from->worker->collectors;
    const kin_clustering *clustering = &join->codes.clustering;
    const float *estimate = in->estimate + slot * in->capacity;
    size_t count = 0, own = self->at[i];
    for (size_t c = 0; c < in->count[slot]; c++) {
        size_t at = (size_t)join->position[in->candidate[slot * in->capacity + c]];
        if (at != own)
            from->key[count++] = (uint64_t)(~kin_score_order(estimate[c])) << 32 | (uint32_t)at;
    }
    size_t kept = count < self->k ? count : self->k;
    kin_keys_select(from->key, count, kept);
    self->found[i] = (uint32_t)kept;
    if (kept == 0)
        return;
    float threshold = self->threshold[i] =
        kin_score_from_order(~(uint32_t)(from->key[kept - 1] >> 32));
    kin_keys_select(from->key, kept, first_of(kept));
    self->first_threshold[i] =
        kin_score_from_order(~(uint32_t)(from->key[first_of(kept) - 1] >> 32));
    unsigned modality_mask = clustering->modality_mask[kin_clustering_cluster_of(clustering, own)];
    kin_cluster_stats_row(&join->stats, &join->codes, own, 1, from->row);
    for (size_t c = 0; c < kept; c++) {
        size_t at = (uint32_t)from->key[c], h = kin_clustering_cluster_of(clustering, at);
        float inner =
            threshold / join->codes.fused.factor[modality_mask & clustering->modality_mask[h]];
        self->need[i * self->k + c] = (kin_join_need){sigmas_needed(join, from->row, own, h, inner),
                                                      share_needed(&join->codes, own, at, inner),
                                                      (int32_t)h, join->stats.rare[h]};
    }
}

/* The share of `wanted` true neighbours that slot `slot` holds: those that reach `threshold`. */
static double share_found(const kin_join *join, const scanner *from, size_t slot, size_t i,
                          float threshold, size_t wanted)
{
    const kin_collectors *in = &from->worker->collectors;
    const float *estimate = in->estimate + slot * in->capacity;
    const int32_t *candidate = in->candidate + slot * in->capacity;
    size_t found = 0;
    for (size_t c = 0; c < in->count[slot]; c++)
        found +=
            estimate[c] >= threshold && (size_t)join->position[candidate[c]] != join->sample->at[i];
    found = found < wanted ? found : wanted;
    return wanted > 0 ? (double)found / (double)wanted : 1;
}

static void record_recall(const kin_join *join, const scanner *from, size_t slot, size_t i)
{
    kin_join_sample *self = join->sample;
    size_t all = self->found[i];
    self->recall[i] = share_found(join, from, slot, i, self->threshold[i], all);
    self->first_recall[i] =
        share_found(join, from, slot, i, self->first_threshold[i], first_of(all));
}

typedef void record(const kin_join *join, const scanner *from, size_t slot, size_t i);

/* Whether sampled row i is scanned with the one before it: rows of a cluster are, as in a run;
 * where all clusters are scanned anyway, PIECE of one modality mask are, for tiles are full
 * then. */
static bool goes_on(const kin_join *join, size_t i, float probe_sigmas)
{
    const kin_join_sample *self = join->sample;
    const kin_clustering *clustering = &join->codes.clustering;
    if (i == 0 || i == self->rows)
        return false;
    size_t before = kin_clustering_cluster_of(clustering, self->at[i - 1]),
           own = kin_clustering_cluster_of(clustering, self->at[i]);
    if (isinf(probe_sigmas))
        return i % PIECE != 0 &&
               clustering->modality_mask[before] == clustering->modality_mask[own];
    return before == own;
}

/* Sampled rows from i on that are scanned together. */
static void scan_together(const kin_join *join, const scanner *from, size_t i, float probe_sigmas,
                          record *store)
{
    const kin_join_sample *self = join->sample;
    size_t end = i + 1;
    while (goes_on(join, end, probe_sigmas))
        end++;
    kin_join_scan(from->worker, self->at + i, end - i,
                  kin_clustering_cluster_of(&join->codes.clustering, self->at[i]), probe_sigmas);
    for (size_t s = i; s < end; s++)
        store(join, from, s - i, s);
}

/* All sampled rows. */
static int scan_sample(kin_join *join, float probe_sigmas, record *store, kin_error *err)
{
    const kin_join_sample *self = join->sample;
    bool refused = false;
#pragma omp parallel num_threads(join->threads) reduction(|| : refused)
    {
        scanner own = {&join->worker[omp_get_thread_num()],
                       kin_alloc(join->capacity, sizeof(uint64_t)),
                       kin_alloc(join->stats.width, sizeof(float))};
        refused = !own.key || !own.row;
#pragma omp for schedule(dynamic)
        for (size_t i = 0; i < self->rows; i++)
            if (!refused && !goes_on(join, i, probe_sigmas))
                scan_together(join, &own, i, probe_sigmas, store);
        free(own.key);
        free(own.row);
    }
    return refused ? kin_fail_alloc(err, "a sample", join->capacity * sizeof(uint64_t)) : 0;
}

int kin_join_sample_find_truth(kin_join *join, kin_error *err)
{
    return scan_sample(join, INFINITY, record_truth, err);
}

int kin_join_sample_try(kin_join *join, float probe_sigmas, kin_error *err)
{
    return scan_sample(join, probe_sigmas, record_recall, err);
}

/* ---- depth ----------------------------------------------------------------------------------- */

/* Adds to count[r] how many of row i's neighbours that `effort` finds are in the cluster that is
 * number r of its order; rare clusters, on either side, are left out (ann/join_scan.c). `place`
 * [clusters]. */
static void count_ranks(const kin_join *join, kin_join_worker *worker, size_t i,
                        const kin_join_effort *effort, uint32_t *place, size_t *count)
{
    const kin_join_sample *self = join->sample;
    size_t own = kin_clustering_cluster_of(&join->codes.clustering, self->at[i]);
    if (join->stats.rare[own])
        return;
    size_t ranked = kin_join_rank(worker, own, effort->probe_sigmas);
    for (size_t r = 0; r < ranked; r++)
        place[(uint32_t)worker->key[r]] = (uint32_t)r;
    for (size_t c = 0; c < self->found[i]; c++) {
        const kin_join_need *it = &self->need[i * self->k + c];
        if (!it->rare && it->probe_sigmas <= effort->probe_sigmas)
#pragma omp atomic
            count[place[it->cluster]]++;
    }
}

int kin_join_sample_depth(const kin_join *join, const kin_join_effort *effort, double loss,
                          size_t *depth, kin_error *err)
{
    const kin_join_sample *self = join->sample;
    size_t clusters = join->stats.count, all = 0, left = 0;
    size_t *count = kin_alloc_zero(clusters, sizeof *count);
    uint32_t *places = kin_alloc(kin_size_mul((size_t)join->threads, clusters), sizeof *places);
    *depth = clusters;
    if (count && places) {
#pragma omp parallel for schedule(dynamic) num_threads(join->threads)
        for (size_t i = 0; i < self->rows; i++)
            count_ranks(join, &join->worker[omp_get_thread_num()], i, effort,
                        places + (size_t)omp_get_thread_num() * clusters, count);
        for (size_t r = 0; r < clusters; r++)
            all += count[r];
        while (*depth > 1 && (double)(left + count[*depth - 1]) <= loss * (double)all)
            left += count[--*depth];
    }
    bool refused = !count || !places;
    free(count);
    free(places);
    return refused ? kin_fail_alloc(err, "a sample", clusters * sizeof *count) : 0;
}

static int ascending_item(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

int kin_join_tuned_rows(const kin_join *self, int32_t **row, size_t *count, kin_error *err)
{
    const kin_clustering *clustering = &self->codes.clustering;
    *count = sample_rows(clustering->count);
    *row = kin_alloc(*count, sizeof **row);
    if (!*row)
        return kin_fail_alloc(err, "a sample", *count * sizeof **row);
    for (size_t i = 0; i < *count; i++)
        (*row)[i] = clustering->row[sample_at(self, i)];
    qsort(*row, *count, sizeof **row, ascending_item);
    return 0;
}
