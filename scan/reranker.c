/*
 * The reranker (scan/reranker.h): requests for candidates of many rows, sorted by candidate.
 *
 * A radix sort brings the requests for one candidate together. KIN_ITEMS_MAX candidates are a
 * group: they are fetched ahead of their turn, kept as doubles in the first-level cache, and each
 * row that requests some of them passes once for all of these.
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

enum { ROWS_MAX = 512 };

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
    /* the group in hand */
    int32_t group_row[KIN_ITEMS_MAX]; /* its candidates, ascending */
    kin_wide_item group[KIN_ITEMS_MAX];
    double *group_vector; /* [KIN_ITEMS_MAX][kin_catalog_dimensions] */
    uint8_t *group_mask;  /* [rows_max] bit g: the row requests candidate g; 0 between groups */
    uint32_t *requesting; /* [rows_max] the rows that request any */
    size_t requesting_count;

    kin_query rule; /* how scores are made */
    kin_rows out;   /* rows_max rows */
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
    size_t row = sizeof(kin_scored) + sizeof(kin_item) + d * sizeof(float) + sizeof(uint8_t) +
                 sizeof(uint32_t);
    size_t group = KIN_ITEMS_MAX * d * sizeof(double), rule = d * sizeof(double);
    size_t single = sizeof(kin_reranker) + group + rule;
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
    self->group_vector = kin_alloc(kin_size_mul(KIN_ITEMS_MAX, kin_catalog_dimensions(catalog)),
                                   sizeof *self->group_vector);
    self->group_mask = kin_alloc_zero(self->rows_max, sizeof *self->group_mask);
    self->requesting = kin_alloc(self->rows_max, sizeof *self->requesting);
    bool refused = !self->request || !self->workspace || !self->scored || !self->candidate ||
                   !self->score || !self->cosine || !self->item || !self->vector ||
                   !self->group_vector || !self->group_mask || !self->requesting;
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
    free(self->group_vector);
    free(self->group_mask);
    free(self->requesting);
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

/* The end of the group that starts at request w: the requests for KIN_ITEMS_MAX candidates. */
static size_t group_end(const kin_reranker *self, size_t w, size_t requests)
{
    for (size_t g = 0; g < KIN_ITEMS_MAX && w < requests; g++) {
        int32_t candidate = requested(self, w);
        while (w < requests && requested(self, w) == candidate)
            w++;
    }
    return w;
}

/* Asks for the candidates of the group of requests first .. last - 1. */
static void prefetch(const kin_reranker *self, size_t first, size_t last)
{
    for (size_t w = first; w < last; w++)
        if (w == first || requested(self, w) != requested(self, w - 1))
            kin_catalog_prefetch(self->catalog, (size_t)requested(self, w));
}

/* Takes the group of requests first .. last - 1 in hand. */
static void load_group(kin_reranker *self, size_t first, size_t last)
{
    size_t d = kin_catalog_dimensions(self->catalog), count = 0;
    self->requesting_count = 0;
    for (size_t w = first; w < last; w++) {
        uint32_t row = (uint32_t)self->request[w];
        if (w == first || requested(self, w) != requested(self, w - 1)) {
            int32_t candidate = requested(self, w);
            self->group_row[count] = candidate;
            self->group[count] = kin_wide_item_load(self->catalog, (size_t)candidate,
                                                    self->group_vector + count * d);
            count++;
        }
        if (self->group_mask[row] == 0)
            self->requesting[self->requesting_count++] = row;
        self->group_mask[row] |= (uint8_t)(1u << (count - 1));
    }
}

/* A row with those candidates of the group that it requests. */
static void score_row(kin_reranker *self, uint32_t row)
{
    size_t modalities = self->catalog->modality_count, count = 0;
    const kin_wide_item *candidate[KIN_ITEMS_MAX];
    int32_t number[KIN_ITEMS_MAX];
    bool pair[KIN_ITEMS_MAX];
    float score[KIN_ITEMS_MAX], cosine[KIN_ITEMS_MAX * KIN_MODALITIES_MAX];
    for (unsigned left = self->group_mask[row]; left != 0; left &= left - 1) {
        int g = __builtin_ctz(left);
        candidate[count] = &self->group[g];
        number[count++] = self->group_row[g];
    }
    self->group_mask[row] = 0;
    kin_items_score(&self->rule, &self->item[row], candidate, count, pair, score, cosine);
    kin_scored *to = &self->scored[row];
    for (size_t i = 0; i < count; i++) {
        if (!pair[i])
            continue;
        to->candidate[to->count] = number[i];
        to->score[to->count] = score[i];
        for (size_t m = 0; m < modalities; m++)
            to->cosine[to->count * modalities + m] = cosine[i * modalities + m];
        to->count++;
    }
}

const kin_rows *kin_reranker_run(kin_reranker *self, kin_collectors *collectors, size_t first,
                                 const int32_t *row, size_t count, uint64_t *pairs)
{
    assert(count <= self->rows_max && collectors->capacity <= self->capacity);
    for (size_t i = 0; i < count; i++)
        kin_collectors_prune(collectors, first + i);
    size_t requests = gather(self, collectors, first, count);
    load_items(self, row, count);
    size_t to = group_end(self, 0, requests);
    for (size_t from = 0, next; from < requests; from = to, to = next) {
        next = group_end(self, to, requests);
        prefetch(self, to, next);
        load_group(self, from, to);
        for (size_t i = 0; i < self->requesting_count; i++)
            score_row(self, self->requesting[i]);
    }
    for (size_t i = 0; i < count; i++)
        kin_scored_keep_best(&self->scored[i], self->workspace, &self->out, i);
    self->out.count = count;
    *pairs += requests;
    return &self->out;
}
