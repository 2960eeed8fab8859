#include "core/rows.h"
#include "core/memory.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int kin_rows_init(kin_rows *self, size_t capacity, size_t k, size_t modality_count, kin_error *err)
{
    size_t entries = kin_size_mul(capacity, k);
    *self = (kin_rows){.capacity = capacity, .k = k, .modality_count = modality_count};
    self->filled = kin_alloc(capacity, sizeof *self->filled);
    self->neighbor = kin_alloc(entries, sizeof *self->neighbor);
    self->score = kin_alloc(entries, sizeof *self->score);
    bool refused = !self->filled || !self->neighbor || !self->score;
    for (size_t m = 0; m < modality_count; m++) {
        self->cosine[m] = kin_alloc(entries, sizeof *self->cosine[m]);
        refused = refused || !self->cosine[m];
    }
    if (!refused)
        return 0;
    kin_rows_release(self);
    return kin_fail_alloc(err, "finished rows", kin_rows_bytes(capacity, k, modality_count));
}

void kin_rows_release(kin_rows *self)
{
    free(self->filled);
    free(self->neighbor);
    free(self->score);
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++)
        free(self->cosine[m]);
    *self = (kin_rows){0};
}

size_t kin_rows_bytes(size_t capacity, size_t k, size_t modality_count)
{
    size_t entry = sizeof(int32_t) + sizeof(float) * (1 + modality_count);
    return kin_size_add(kin_size_mul(kin_size_mul(capacity, k), entry),
                        kin_size_mul(capacity, sizeof(uint32_t)));
}

int kin_row_ascending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

int kin_rows_check(const kin_rows *self, kin_error *err)
{
    for (size_t q = 0; q < self->count; q++) {
        const float *score = self->score + q * self->k;
        int bad = 0; /* no early end: so the loop is a few vector instructions */
        for (size_t e = 0; e < self->filled[q]; e++)
            bad |= !(fabsf(score[e]) <= FLT_MAX);
        if (bad)
            return kin_fail(err, KIN_E_INTERNAL, "report this as a bug",
                            "a pair has a score that is not finite");
    }
    return 0;
}

kin_rows kin_rows_part(const kin_rows *self, size_t first, size_t count)
{
    kin_rows part = *self;
    assert(first + count <= self->count);
    part.count = part.capacity = count;
    part.filled += first;
    part.neighbor += first * self->k;
    part.score += first * self->k;
    for (size_t m = 0; m < self->modality_count; m++)
        part.cosine[m] += first * self->k;
    return part;
}

static int keep(void *self, size_t first, const kin_rows *rows, kin_error *err)
{
    kin_rows *all = self;
    size_t at = first * all->k;
    int rc = kin_rows_check(rows, err);
    if (rc != 0)
        return rc;
    assert(rows->k == all->k && first + rows->count <= all->capacity);
    memcpy(all->filled + first, rows->filled, rows->count * sizeof *rows->filled);
    memcpy(all->neighbor + at, rows->neighbor, rows->count * rows->k * sizeof *rows->neighbor);
    memcpy(all->score + at, rows->score, rows->count * rows->k * sizeof *rows->score);
    for (size_t m = 0; m < all->modality_count; m++)
        memcpy(all->cosine[m] + at, rows->cosine[m],
               rows->count * rows->k * sizeof *rows->cosine[m]);
#pragma omp critical(kin_rows_keep)
    if (first + rows->count > all->count)
        all->count = first + rows->count;
    return 0;
}

static int read_kept(void *self, size_t query, kin_rows *out, size_t slot, kin_error *err)
{
    const kin_rows *all = self;
    size_t at = query * all->k, to = slot * out->k;
    (void)err;
    assert(out->k == all->k && query < all->capacity && slot < out->capacity);
    out->filled[slot] = all->filled[query];
    memcpy(out->neighbor + to, all->neighbor + at, all->k * sizeof *all->neighbor);
    memcpy(out->score + to, all->score + at, all->k * sizeof *all->score);
    for (size_t m = 0; m < all->modality_count && m < out->modality_count; m++)
        memcpy(out->cosine[m] + to, all->cosine[m] + at, all->k * sizeof *all->cosine[m]);
    return 0;
}

kin_row_sink kin_rows_sink(kin_rows *all)
{
    return (kin_row_sink){.self = all, .write = keep, .read = read_kept};
}
