/*
 * The reranker (scan/reranker.h): requests for candidates of many rows, sorted by candidate.
 *
 * A radix sort brings the requests for one candidate together; its vector is fetched ahead of its
 * turn and scored with up to KIN_ITEMS_MAX rows at a time.
 * Cost: d multiply-adds in double a request, and a sort of 8 bytes each.
 */
#include "scan/reranker.h"
#include "core/memory.h"
#include "core/select.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of rows that stay near while candidates pass: more than a second-level cache holds, for the
 * more rows request a candidate, the less often it is fetched from memory. And the most candidates
 * of all rows together. */
static const size_t cache_bytes = (size_t)1200 << 10, entries_most = (size_t)1 << 18;

enum { ROWS_MAX = 512, AHEAD = 24 };

struct kin_reranker {
    const kin_catalog *catalog;
    size_t rows_max, capacity;
    uint64_t *request;   /* [2 * rows_max * capacity] candidate << 32 | which row requests it */
    uint64_t *workspace; /* [2 * capacity] */
    kin_scored *scored;  /* [rows_max], each of `capacity` places */
    int32_t *candidate;  /* [rows_max][capacity] */
    float *score;        /* [rows_max][capacity] */
    float *cosine;       /* [rows_max][capacity][modality_count] */
    kin_item *item;      /* [rows_max] */
    float *vector;       /* [rows_max][kin_catalog_dimensions] the items' */
    const kin_item *requesting[KIN_ITEMS_MAX]; /* the items that request the candidate in hand */
    float *candidate_vector; /* [kin_catalog_dimensions] of the candidate in hand */
    kin_query rule;          /* how scores are made */
    kin_rows out;            /* rows_max rows */
};

size_t kin_reranker_rows_good(const kin_catalog *catalog, size_t capacity)
{
    size_t by_cache = cache_bytes / (kin_catalog_dimensions(catalog) * sizeof(float));
    size_t by_lists = entries_most / capacity;
    size_t rows = by_cache < by_lists ? by_cache : by_lists;
    return rows < 1 ? 1 : rows > ROWS_MAX ? ROWS_MAX : rows;
}

size_t kin_reranker_bytes(const kin_catalog *catalog, size_t k, size_t capacity, size_t rows)
{
    size_t modalities = catalog->modality_count, d = kin_catalog_dimensions(catalog);
    size_t entry = 2 * sizeof(uint64_t) + sizeof(int32_t) + (1 + modalities) * sizeof(float);
    size_t lists = kin_size_add(kin_size_mul(kin_size_mul(rows, capacity), entry),
                                kin_size_mul(kin_size_mul(2, capacity), sizeof(uint64_t)));
    size_t row = sizeof(kin_scored) + sizeof(kin_item) + d * sizeof(float);
    size_t candidate = d * sizeof(float), rule = d * sizeof(double);
    size_t single = sizeof(kin_reranker) + candidate + rule;
    return kin_size_add(kin_size_add(lists, kin_size_add(kin_size_mul(rows, row), single)),
                        kin_rows_bytes(rows, k, modalities));
}

int kin_reranker_new(kin_reranker **out, const kin_catalog *catalog, size_t k, size_t capacity,
                     size_t rows, kin_error *err)
{
    kin_reranker *self = calloc(1, sizeof *self);
    if (!self)
        return kin_fail_alloc(err, "finished rows", sizeof *self);
    self->catalog = catalog;
    self->capacity = capacity;
    self->rows_max = rows;
    size_t entries = kin_size_mul(self->rows_max, capacity), modalities = catalog->modality_count;
    self->request = kin_alloc(kin_size_mul(2, entries), sizeof *self->request);
    self->workspace = kin_alloc(kin_size_mul(2, capacity), sizeof *self->workspace);
    self->scored = kin_alloc(self->rows_max, sizeof *self->scored);
    self->candidate = kin_alloc(entries, sizeof *self->candidate);
    self->score = kin_alloc(entries, sizeof *self->score);
    self->cosine = kin_alloc(kin_size_mul(entries, modalities), sizeof *self->cosine);
    self->item = kin_alloc(self->rows_max, sizeof *self->item);
    self->vector = kin_alloc(kin_size_mul(self->rows_max, kin_catalog_dimensions(catalog)),
                             sizeof *self->vector);
    self->candidate_vector =
        kin_alloc(kin_catalog_dimensions(catalog), sizeof *self->candidate_vector);
    bool refused = !self->request || !self->workspace || !self->scored || !self->candidate ||
                   !self->score || !self->cosine || !self->item || !self->vector ||
                   !self->candidate_vector;
    int rc = refused ? kin_fail_alloc(err, "finished rows",
                                      kin_reranker_bytes(catalog, k, capacity, rows))
                     : kin_query_init(&self->rule, catalog, err);
    if (rc == 0)
        rc = kin_rows_init(&self->out, self->rows_max, k, modalities, err);
    if (rc == 0)
        *out = self;
    else
        kin_reranker_free(self);
    return rc;
}

void kin_reranker_free(kin_reranker *self)
{
    if (!self)
        return;
    kin_query_release(&self->rule);
    kin_rows_release(&self->out);
    free(self->request);
    free(self->workspace);
    free(self->scored);
    free(self->candidate);
    free(self->score);
    free(self->cosine);
    free(self->item);
    free(self->vector);
    free(self->candidate_vector);
    free(self);
}

/* All rows' candidates as requests, sorted by candidate, and empty lists of their scores. */
static size_t gather(kin_reranker *self, const kin_collectors *collectors, size_t first,
                     size_t count)
{
    size_t requests = 0;
    for (size_t i = 0; i < count; i++) {
        const int32_t *candidate = collectors->candidate + (first + i) * collectors->capacity;
        size_t at = i * self->capacity;
        for (size_t c = 0; c < collectors->count[first + i]; c++)
            self->request[requests++] = (uint64_t)(uint32_t)candidate[c] << 32 | i;
        self->scored[i] = (kin_scored){.candidate = self->candidate + at,
                                       .score = self->score + at,
                                       .cosine = self->cosine + at * self->catalog->modality_count};
    }
    kin_keys_sort(self->request, self->request + requests, requests, 32, 64);
    return requests;
}

/* The rows themselves, side by side. */
static void load_items(kin_reranker *self, const int32_t *row, size_t count)
{
    const kin_catalog *catalog = self->catalog;
    float *vector = self->vector;
    for (size_t i = 0; i < count; i++) {
        kin_item *item = &self->item[i];
        *item = kin_item_load(catalog, (size_t)row[i], vector);
        for (size_t m = 0; m < catalog->modality_count; m++) {
            size_t d = catalog->modality[m].matrix.d;
            if (item->vector[m] != vector)
                memcpy(vector, item->vector[m], d * sizeof *vector);
            item->vector[m] = vector;
            vector += d;
        }
    }
}

static int32_t requested(const kin_reranker *self, size_t w)
{
    return (int32_t)(self->request[w] >> 32);
}

/* The end of the run of requests for the same candidate that starts at w. */
static size_t run_end(const kin_reranker *self, size_t w, size_t requests)
{
    int32_t candidate = requested(self, w);
    while (w < requests && requested(self, w) == candidate)
        w++;
    return w;
}

/* The candidate of requests first .. last - 1, at most KIN_ITEMS_MAX, with every row that
 * requests it. */
static void score_requests(kin_reranker *self, const kin_item *candidate, size_t first, size_t last)
{
    size_t modalities = self->catalog->modality_count, count = last - first;
    bool pair[KIN_ITEMS_MAX];
    float score[KIN_ITEMS_MAX], cosine[KIN_ITEMS_MAX * KIN_MODALITIES_MAX];
    for (size_t w = 0; w < count; w++)
        self->requesting[w] = &self->item[(uint32_t)self->request[first + w]];
    kin_items_score(&self->rule, candidate, self->requesting, count, pair, score, cosine);
    for (size_t w = 0; w < count; w++) {
        kin_scored *to = &self->scored[(uint32_t)self->request[first + w]];
        if (!pair[w])
            continue;
        to->candidate[to->count] = requested(self, first);
        to->score[to->count] = score[w];
        for (size_t m = 0; m < modalities; m++)
            to->cosine[to->count * modalities + m] = cosine[w * modalities + m];
        to->count++;
    }
}

static void score_run(kin_reranker *self, size_t first, size_t last)
{
    kin_item candidate =
        kin_item_load(self->catalog, (size_t)requested(self, first), self->candidate_vector);
    for (size_t from = first, to; from < last; from = to) {
        to = last - from < KIN_ITEMS_MAX ? last : from + KIN_ITEMS_MAX;
        score_requests(self, &candidate, from, to);
    }
}

/* Asks for the candidates of requests first .. last - 1, as far as runs begin there; returns
 * where to go on. */
static size_t prefetch(const kin_reranker *self, size_t first, size_t last, size_t requests)
{
    for (; first < last && first < requests; first++)
        if (requested(self, first) != requested(self, first - 1))
            kin_catalog_prefetch(self->catalog, (size_t)requested(self, first));
    return first;
}

const kin_rows *kin_reranker_run(kin_reranker *self, kin_collectors *collectors, size_t first,
                                 const int32_t *row, size_t count, uint64_t *pairs)
{
    assert(count <= self->rows_max && collectors->capacity <= self->capacity);
    for (size_t i = 0; i < count; i++)
        kin_collectors_prune(collectors, first + i);
    size_t requests = gather(self, collectors, first, count);
    load_items(self, row, count);
    for (size_t from = 0, to, ahead = 0; from < requests; from = to) {
        to = run_end(self, from, requests);
        ahead = prefetch(self, ahead > to ? ahead : to, to + AHEAD, requests);
        score_run(self, from, to);
    }
    for (size_t i = 0; i < count; i++)
        kin_scored_keep_best(&self->scored[i], self->workspace, &self->out, i);
    self->out.count = count;
    *pairs += requests;
    return &self->out;
}
