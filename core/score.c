#include "core/score.h"
#include "core/memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* By the set S of modalities that both sides have: sum_S w where renorm rescales, 0 where not. */
static void set_renorm(kin_query *self)
{
    const kin_catalog *catalog = self->catalog;
    unsigned all = (1u << catalog->modality_count) - 1;
    for (unsigned s = 1; s < all && catalog->missing == KIN_MISSING_RENORM; s++)
        for (size_t m = 0; m < catalog->modality_count; m++)
            if (s >> m & 1)
                self->renorm[s] += catalog->modality[m].weight;
}

int kin_query_init(kin_query *self, const kin_catalog *catalog, kin_error *err)
{
    *self =
        (kin_query){.catalog = catalog, .row = -1, .weight_sum = kin_catalog_weight_sum(catalog)};
    for (size_t m = 0; m < catalog->modality_count; m++) {
        size_t d = catalog->modality[m].matrix.d;
        self->vector[m] = kin_alloc_zero(d, sizeof(float));
        self->wide[m] = kin_alloc_zero(d, sizeof(double));
        if (!self->vector[m] || !self->wide[m]) {
            kin_query_release(self);
            return kin_fail_alloc(err, "query row", d * (sizeof(float) + sizeof(double)));
        }
    }
    set_renorm(self);
    return 0;
}

void kin_query_release(kin_query *self)
{
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++) {
        free(self->vector[m]);
        free(self->wide[m]);
    }
    *self = (kin_query){0};
}

static void widen_vector(kin_query *self, size_t m)
{
    for (size_t i = 0; i < self->catalog->modality[m].matrix.d; i++)
        self->wide[m][i] = self->vector[m][i];
}

void kin_query_set_row(kin_query *self, size_t row)
{
    const kin_catalog *catalog = self->catalog;
    self->row = (int64_t)row;
    self->present = catalog->present[row];
    for (size_t m = 0; m < catalog->modality_count; m++) {
        kin_matrix_widen(&catalog->modality[m].matrix, row, 1, self->vector[m]);
        widen_vector(self, m);
        self->inverse_norm[m] = catalog->modality[m].inverse_norm[row];
    }
}

void kin_query_set_vectors(kin_query *self, const float *const vector[])
{
    const kin_catalog *catalog = self->catalog;
    const kin_kernels *kernels = kin_kernels_best();
    self->row = -1;
    self->present = 0;
    for (size_t m = 0; m < catalog->modality_count; m++) {
        size_t d = catalog->modality[m].matrix.d;
        self->inverse_norm[m] = 0;
        if (!vector[m])
            continue;
        memcpy(self->vector[m], vector[m], d * sizeof(float));
        widen_vector(self, m);
        double square = kernels->dot[KIN_F32](vector[m], vector[m], d);
        if (square > 0) {
            self->inverse_norm[m] = 1.0 / sqrt(square);
            self->present |= 1u << m;
        }
    }
    bool incomplete = self->present != (1u << catalog->modality_count) - 1;
    if (incomplete && catalog->missing == KIN_MISSING_DROP)
        self->present = 0;
}

bool kin_query_score(const kin_query *self, size_t row, float *score,
                     float cosine[KIN_MODALITIES_MAX])
{
    const kin_catalog *catalog = self->catalog;
    const kin_kernels *kernels = kin_kernels_best();
    unsigned shared = self->present & catalog->present[row];
    if (shared == 0)
        return false;
    double sum = 0;
    for (size_t m = 0; m < catalog->modality_count; m++) {
        cosine[m] = NAN;
        if (!(shared >> m & 1))
            continue;
        const kin_modality *modality = &catalog->modality[m];
        const kin_matrix *x = &modality->matrix;
        double dot = kernels->dot_wide[x->dtype](self->wide[m], kin_matrix_row(x, row), x->d);
        double cos = dot * (self->inverse_norm[m] * modality->inverse_norm[row]);
        cosine[m] = (float)cos;
        sum += modality->weight * cos;
    }
    if (self->renorm[shared] > 0)
        sum = self->weight_sum * sum / self->renorm[shared];
    *score = (float)sum;
    return true;
}

/* ---- selection ------------------------------------------------------------------------------ */

uint32_t kin_score_order(float score)
{
    uint32_t bits;
    score += 0.0f; /* -0 becomes +0 */
    memcpy(&bits, &score, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

float kin_score_from_order(uint32_t order)
{
    uint32_t bits = order & 0x80000000u ? order & 0x7fffffffu : ~order;
    float score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

static void swap_keys(uint64_t *a, uint64_t *b)
{
    uint64_t kept = *a;
    *a = *b;
    *b = kept;
}

static void sort_few(uint64_t *keys, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t key = keys[i];
        size_t at = i;
        for (; at > 0 && keys[at - 1] > key; at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

/* Hoare's partition around a median of three of keys[low .. high), more than two of them; keys are
 * distinct, so two ways suffice. Returns the split: all before it are smaller than all behind. */
static size_t split_keys(uint64_t *keys, size_t low, size_t high)
{
    uint64_t *first = keys + low;
    uint64_t *last = keys + high - 1;
    uint64_t *middle = keys + low + (high - low) / 2;
    if (*middle < *first)
        swap_keys(middle, first);
    if (*last < *first)
        swap_keys(last, first);
    if (*last < *middle)
        swap_keys(last, middle);
    uint64_t pivot = *middle;
    size_t i = low;
    size_t j = high - 1;
    for (;;) {
        while (keys[i] < pivot)
            i++;
        while (keys[j] > pivot)
            j--;
        if (i >= j)
            return j + 1;
        swap_keys(keys + i++, keys + j--);
    }
}

enum { FEW_KEYS = 16 };

uint64_t kin_keys_nth(uint64_t *keys, size_t count, size_t nth)
{
    assert(nth < count);
    size_t low = 0;
    size_t high = count;
    while (high - low > FEW_KEYS) {
        size_t split = split_keys(keys, low, high);
        if (nth < split)
            high = split;
        else
            low = split;
    }
    sort_few(keys + low, high - low);
    return keys[nth];
}

/* Quicksort of what selection left; the smaller part first, so that log2(count) calls are open. */
static void sort_keys(uint64_t *keys, size_t count)
{
    while (count > FEW_KEYS) {
        size_t split = split_keys(keys, 0, count);
        bool left_smaller = split < count - split;
        sort_keys(left_smaller ? keys : keys + split, left_smaller ? split : count - split);
        keys += left_smaller ? split : 0;
        count = left_smaller ? count - split : split;
    }
    sort_few(keys, count);
}

void kin_keys_select(uint64_t *keys, size_t count, size_t k)
{
    assert(k <= count);
    if (k < count)
        kin_keys_nth(keys, count, k);
    sort_keys(keys, k);
}

/* ---- rescoring ------------------------------------------------------------------------------ */

int kin_rescore_space_init(kin_rescore_space *self, size_t capacity, size_t modality_count,
                           kin_error *err)
{
    *self = (kin_rescore_space){.capacity = capacity};
    self->key = kin_alloc(kin_size_mul(2, capacity), sizeof *self->key);
    self->cosine = kin_alloc(kin_size_mul(capacity, modality_count), sizeof *self->cosine);
    if (self->key && self->cosine)
        return 0;
    kin_rescore_space_release(self);
    return kin_fail_alloc(err, "candidates", kin_rescore_space_bytes(capacity, modality_count));
}

size_t kin_rescore_space_bytes(size_t capacity, size_t modality_count)
{
    return kin_size_mul(capacity, 2 * sizeof(uint64_t) + modality_count * sizeof(float));
}

void kin_rescore_space_release(kin_rescore_space *self)
{
    free(self->key);
    free(self->cosine);
    *self = (kin_rescore_space){0};
}

/* How many candidates ahead their rows are asked for: the rows lie anywhere in memory. */
enum { AHEAD = 2, LINE_BYTES = 64 };

static void prefetch_row(const kin_catalog *catalog, size_t row)
{
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const kin_matrix *x = &catalog->modality[m].matrix;
        const unsigned char *bytes = kin_matrix_row(x, row);
        size_t length = x->d * kin_dtype_bytes(x->dtype);
        for (size_t at = 0; at < length; at += LINE_BYTES)
            __builtin_prefetch(bytes + at);
    }
}

/* A key orders as the canonical order does: the higher score first, then the earlier candidate,
 * which is the smaller row. */
static uint64_t make_key(float score, size_t candidate)
{
    return (uint64_t)(~kin_score_order(score)) << 32 | (uint32_t)candidate;
}

static float key_score(uint64_t key)
{
    return kin_score_from_order(~(uint32_t)(key >> 32));
}

/* Sorts by the scores in the keys' high halves, byte by byte from the least; equal scores keep their
 * order. Bytes that all keys have in common need no pass. `space` holds as many keys. */
static void sort_by_score(uint64_t *keys, uint64_t *space, size_t count)
{
    uint64_t differ = 0;
    uint64_t *from = keys, *to = space;
    for (size_t i = 1; i < count; i++)
        differ |= keys[i] ^ keys[0];
    for (int shift = 32; shift < 64; shift += 8) {
        uint32_t start[256] = {0};
        uint32_t sum = 0;
        if (!(differ >> shift & 255))
            continue;
        for (size_t i = 0; i < count; i++)
            start[from[i] >> shift & 255]++;
        for (size_t b = 0; b < 256; b++) {
            uint32_t here = start[b];
            start[b] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++)
            to[start[from[i] >> shift & 255]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != keys)
        memcpy(keys, from, count * sizeof *keys);
}

void kin_rescore(const kin_query *query, const int32_t *candidate, size_t count,
                 kin_rescore_space *space, kin_rows *out, size_t slot)
{
    size_t modalities = query->catalog->modality_count;
    size_t pairs = 0;
    assert(count <= space->capacity);
    for (size_t c = 0; c < count; c++) {
        float score;
        float cosine[KIN_MODALITIES_MAX];
        if (c + AHEAD < count)
            prefetch_row(query->catalog, (size_t)candidate[c + AHEAD]);
        if (candidate[c] == query->row ||
            !kin_query_score(query, (size_t)candidate[c], &score, cosine))
            continue;
        space->key[pairs++] = make_key(score, c);
        for (size_t m = 0; m < modalities; m++)
            space->cosine[c * modalities + m] = cosine[m];
    }
    size_t kept = pairs < out->k ? pairs : out->k;
    sort_by_score(space->key, space->key + space->capacity, pairs); /* candidates ascend already */
    out->filled[slot] = (uint32_t)kept;
    for (size_t i = 0; i < kept; i++) {
        size_t c = (uint32_t)space->key[i];
        size_t at = slot * out->k + i;
        out->neighbor[at] = candidate[c];
        out->score[at] = key_score(space->key[i]);
        for (size_t m = 0; m < modalities; m++)
            out->cosine[m][at] = space->cosine[c * modalities + m];
    }
}
