#include "core/score.h"
#include "core/memory.h"
#include "core/select.h"

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
        self->wide[m] = kin_alloc_zero(d, sizeof(double));
        if (!self->wide[m]) {
            kin_query_release(self);
            return kin_fail_alloc(err, "query row", d * sizeof(double));
        }
    }
    set_renorm(self);
    return 0;
}

void kin_query_release(kin_query *self)
{
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++)
        free(self->wide[m]);
    *self = (kin_query){0};
}

void kin_query_set_row(kin_query *self, size_t row)
{
    const kin_catalog *catalog = self->catalog;
    self->row = (int64_t)row;
    self->present = catalog->present[row];
    for (size_t m = 0; m < catalog->modality_count; m++) {
        kin_matrix_widen_double(&catalog->modality[m].matrix, row, self->wide[m]);
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
        kernels->widen_double[KIN_F32](self->wide[m], vector[m], d);
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

/* Weighs the cosines of the modalities in `shared`, and gives them out as floats. */
static float fuse(const kin_query *self, unsigned shared, const double cos[KIN_MODALITIES_MAX],
                  float cosine[KIN_MODALITIES_MAX])
{
    const kin_catalog *catalog = self->catalog;
    double sum = 0;
    for (size_t m = 0; m < catalog->modality_count; m++) {
        bool has = shared >> m & 1;
        cosine[m] = has ? (float)cos[m] : NAN;
        sum += has ? catalog->modality[m].weight * cos[m] : 0;
    }
    if (self->renorm[shared] > 0)
        sum = self->weight_sum * sum / self->renorm[shared];
    return (float)sum;
}

bool kin_query_score(const kin_query *self, size_t row, float *score,
                     float cosine[KIN_MODALITIES_MAX])
{
    const kin_catalog *catalog = self->catalog;
    const kin_kernels *kernels = kin_kernels_best();
    unsigned shared = self->present & catalog->present[row];
    double cos[KIN_MODALITIES_MAX];
    if (shared == 0)
        return false;
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const kin_modality *modality = &catalog->modality[m];
        const kin_matrix *x = &modality->matrix;
        if (!(shared >> m & 1))
            continue;
        double dot = kernels->dot_wide[x->dtype](self->wide[m], kin_matrix_row(x, row), x->d);
        cos[m] = dot * (self->inverse_norm[m] * modality->inverse_norm[row]);
    }
    *score = fuse(self, shared, cos, cosine);
    return true;
}

kin_item kin_item_load(const kin_catalog *catalog, size_t row, float *memory)
{
    kin_item item = {.present = catalog->present[row]};
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const kin_matrix *x = &catalog->modality[m].matrix;
        const void *own = kin_matrix_row(x, row);
        item.inverse_norm[m] = catalog->modality[m].inverse_norm[row];
        item.vector[m] = memory;
        if (x->dtype == KIN_F32 && (uintptr_t)own % sizeof(float) == 0)
            item.vector[m] = own;
        else
            kin_matrix_widen(x, row, 1, memory);
        memory += x->d;
    }
    return item;
}

kin_wide_item kin_wide_item_load(const kin_catalog *catalog, size_t row, double *memory)
{
    kin_wide_item item = {.present = catalog->present[row]};
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const kin_matrix *x = &catalog->modality[m].matrix;
        item.inverse_norm[m] = catalog->modality[m].inverse_norm[row];
        item.vector[m] = memory;
        kin_matrix_widen_double(x, row, memory);
        memory += x->d;
    }
    return item;
}

void kin_items_score(const kin_query *rule, const kin_item *x, const kin_wide_item *const *y,
                     size_t count, bool *pair, float *score, float *cosine)
{
    const kin_catalog *catalog = rule->catalog;
    const double *vector[KIN_ITEMS_MAX];
    double dot[KIN_MODALITIES_MAX][KIN_ITEMS_MAX];
    assert(count <= KIN_ITEMS_MAX);
    for (size_t m = 0; m < catalog->modality_count; m++) {
        for (size_t i = 0; i < count; i++)
            vector[i] = y[i]->vector[m];
        kin_kernels_best()->dots_wide(x->vector[m], vector, count, catalog->modality[m].matrix.d,
                                      dot[m]);
    }
    for (size_t i = 0; i < count; i++) {
        unsigned shared = x->present & y[i]->present;
        double cos[KIN_MODALITIES_MAX];
        for (size_t m = 0; m < catalog->modality_count; m++)
            cos[m] = dot[m][i] * (x->inverse_norm[m] * y[i]->inverse_norm[m]);
        pair[i] = shared != 0;
        if (shared)
            score[i] = fuse(rule, shared, cos, cosine + i * catalog->modality_count);
    }
}

/* ---- rescoring ------------------------------------------------------------------------------ */

/* A key orders as the canonical order does: the higher score first, then the earlier candidate,
 * which is the smaller row. */
static uint64_t make_key(float score, size_t candidate)
{
    return (uint64_t)(~kin_score_order(score)) << 32 | (uint32_t)candidate;
}

void kin_scored_keep_best(const kin_scored *self, uint64_t *space, kin_rows *out, size_t slot)
{
    size_t modalities = out->modality_count;
    size_t kept = self->count < out->k ? self->count : out->k;
    for (size_t c = 0; c < self->count; c++)
        space[c] = make_key(self->score[c], c);
    kin_keys_sort(space, space + self->count, self->count, 32, 64); /* candidates ascend already */
    out->filled[slot] = (uint32_t)kept;
    for (size_t i = 0; i < kept; i++) {
        size_t c = (uint32_t)space[i];
        size_t at = slot * out->k + i;
        out->neighbor[at] = self->candidate[c];
        out->score[at] = kin_score_from_order(~(uint32_t)(space[i] >> 32));
        for (size_t m = 0; m < modalities; m++)
            out->cosine[m][at] = self->cosine[c * modalities + m];
    }
}

int kin_rescore_workspace_init(kin_rescore_workspace *self, size_t capacity, size_t modality_count,
                               kin_error *err)
{
    *self = (kin_rescore_workspace){.capacity = capacity};
    self->key = kin_alloc(kin_size_mul(2, capacity), sizeof *self->key);
    self->scored.candidate = kin_alloc(capacity, sizeof *self->scored.candidate);
    self->scored.score = kin_alloc(capacity, sizeof *self->scored.score);
    self->scored.cosine =
        kin_alloc(kin_size_mul(capacity, modality_count), sizeof *self->scored.cosine);
    if (self->key && self->scored.candidate && self->scored.score && self->scored.cosine)
        return 0;
    kin_rescore_workspace_release(self);
    return kin_fail_alloc(err, "candidates", kin_rescore_workspace_bytes(capacity, modality_count));
}

size_t kin_rescore_workspace_bytes(size_t capacity, size_t modality_count)
{
    return kin_size_mul(capacity, 2 * sizeof(uint64_t) + sizeof(int32_t) +
                                      (1 + modality_count) * sizeof(float));
}

void kin_rescore_workspace_release(kin_rescore_workspace *self)
{
    free(self->key);
    free(self->scored.candidate);
    free(self->scored.score);
    free(self->scored.cosine);
    *self = (kin_rescore_workspace){0};
}

/* How many candidates ahead their rows are asked for: the rows lie anywhere in memory. */
enum { AHEAD = 2, LINE_BYTES = 64 };

void kin_catalog_prefetch(const kin_catalog *catalog, size_t row)
{
    __builtin_prefetch(catalog->present + row);
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const kin_matrix *x = &catalog->modality[m].matrix;
        const unsigned char *bytes = kin_matrix_row(x, row);
        size_t length = x->d * kin_dtype_bytes(x->dtype);
        for (size_t at = 0; at < length; at += LINE_BYTES)
            __builtin_prefetch(bytes + at, 0, 2); /* into the second-level cache */
        __builtin_prefetch(catalog->modality[m].inverse_norm + row);
    }
}

void kin_rescore(const kin_query *query, const int32_t *candidate, size_t count,
                 kin_rescore_workspace *space, kin_rows *out, size_t slot)
{
    kin_scored *scored = &space->scored;
    size_t modalities = query->catalog->modality_count;
    assert(count <= space->capacity);
    scored->count = 0;
    for (size_t c = 0; c < count; c++) {
        size_t at = scored->count;
        if (c + AHEAD < count)
            kin_catalog_prefetch(query->catalog, (size_t)candidate[c + AHEAD]);
        if (candidate[c] == query->row ||
            !kin_query_score(query, (size_t)candidate[c], &scored->score[at],
                             scored->cosine + at * modalities))
            continue;
        scored->candidate[scored->count++] = candidate[c];
    }
    kin_scored_keep_best(scored, space->key, out, slot);
}
