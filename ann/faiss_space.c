/*
 * Rows of an index's space (see ann/faiss_space.h).
 *
 * Scaling happens in double and is rounded once: out = (float)(x * factor), with the catalog's own
 * inverse norms. Rows stay in their files until a block of them is asked for.
 * Time: one multiplication a value, and d_full * d more under projection. Memory: the caller's.
 */
#include "ann/faiss_space.h"
#include "core/memory.h"
#include "core/random.h"
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_ROWS = 64, SAMPLE_ROWS = 20000, RANDOM_SAMPLE = 0x50434153 };

void kin_space_init(kin_space *self, const kin_catalog *catalog, size_t m)
{
    bool fused = m == catalog->modality_count;
    *self = (kin_space){.catalog = catalog, .fused = fused};
    for (size_t i = 0; i < catalog->modality_count; i++)
        if (fused || i == m) {
            self->modalities |= 1u << i;
            self->d_full += catalog->modality[i].matrix.d;
        }
    self->d = self->d_full;
}

void kin_space_release(kin_space *self)
{
    kin_pca_release(&self->pca);
}

/* What a fused row is multiplied by: W / sum_P w under renorm, else 1 (see ann/faiss_space.h). */
static double mask_scale(const kin_space *self, unsigned modality_mask)
{
    double all = 0, has = 0;
    if (!self->stretch || self->catalog->missing != KIN_MISSING_RENORM)
        return 1;
    for (size_t m = 0; m < self->catalog->modality_count; m++) {
        all += self->catalog->modality[m].weight;
        has += modality_mask >> m & 1 ? self->catalog->modality[m].weight : 0;
    }
    return all / has;
}

/* out[j] *= factor */
static void scale(float *out, size_t d, double factor)
{
    for (size_t j = 0; j < d; j++)
        out[j] = (float)(out[j] * factor);
}

static double block_factor(const kin_space *self, size_t m, double inverse_norm,
                           unsigned modality_mask)
{
    double weight = self->fused ? sqrt(self->catalog->modality[m].weight) : 1;
    return inverse_norm * weight * mask_scale(self, modality_mask);
}

static void item_row(const kin_space *self, size_t row, float *out)
{
    unsigned modality_mask = self->catalog->present[row] & self->modalities;
    for (size_t m = 0; m < self->catalog->modality_count; m++) {
        const kin_modality *modality = &self->catalog->modality[m];
        size_t d = modality->matrix.d;
        if (!(self->modalities >> m & 1))
            continue;
        if (modality_mask >> m & 1) {
            kin_matrix_widen(&modality->matrix, row, 1, out);
            scale(out, d, block_factor(self, m, modality->inverse_norm[row], modality_mask));
        } else {
            memset(out, 0, d * sizeof *out);
        }
        out += d;
    }
}

bool kin_space_finite(const float *x, size_t count)
{
    int bad = 0; /* no early end: so the loop is a few vector instructions */
    for (size_t i = 0; i < count; i++)
        bad |= !(fabsf(x[i]) <= FLT_MAX);
    return !bad;
}

bool kin_space_rows(const kin_space *self, const int32_t *item, size_t count, float *out,
                    float *wide)
{
    float *full = self->pca.kept ? wide : out;
    assert(full);
    for (size_t i = 0; i < count; i++)
        item_row(self, (size_t)item[i], full + i * self->d_full);
    bool finite = kin_space_finite(full, count * self->d_full);
    if (self->pca.kept && finite) {
        kin_pca_apply(&self->pca, full, count, out);
        finite = kin_space_finite(out, count * self->d);
    }
    return finite;
}

int kin_space_rows_parallel(const kin_space *self, const int32_t *item, size_t count, float *out,
                            float *wide, kin_error *err)
{
    size_t bad = count;
#pragma omp parallel for schedule(dynamic) reduction(min : bad)
    for (size_t first = 0; first < count; first += PIECE_ROWS) {
        size_t rows = count - first < PIECE_ROWS ? count - first : PIECE_ROWS;
        if (!kin_space_rows(self, item + first, rows, out + first * self->d,
                            wide ? wide + first * self->d_full : NULL))
            bad = first < bad ? first : bad;
    }
    return bad < count ? kin_catalog_fail_row(self->catalog, (size_t)item[bad], err) : 0;
}

bool kin_space_query(const kin_space *self, const kin_query *query, float *out, float *wide)
{
    unsigned modality_mask = query->present & self->modalities;
    float *full = self->pca.kept ? wide : out, *at = full;
    if (modality_mask == 0)
        return false;
    for (size_t m = 0; m < self->catalog->modality_count; m++) {
        size_t d = self->catalog->modality[m].matrix.d;
        if (!(self->modalities >> m & 1))
            continue;
        if (modality_mask >> m & 1) {
            for (size_t i = 0; i < d; i++)
                at[i] = (float)query->wide[m][i];
            scale(at, d, block_factor(self, m, query->inverse_norm[m], modality_mask));
        } else {
            memset(at, 0, d * sizeof *at);
        }
        at += d;
    }
    if (self->pca.kept)
        kin_pca_apply(&self->pca, full, 1, out);
    return true;
}

static size_t sample_rows(size_t count)
{
    return count < SAMPLE_ROWS ? count : SAMPLE_ROWS;
}

size_t kin_space_project_bytes(const kin_space *self, size_t count)
{
    size_t sample = kin_size_mul(kin_size_mul(sample_rows(count), self->d_full), sizeof(float));
    return kin_size_add(sample, kin_pca_work_bytes(self->d_full));
}

int kin_space_project(kin_space *self, const int32_t *item, size_t count, size_t kept, bool centre,
                      uint64_t seed, kin_error *err)
{
    int status = 0;
    size_t sample = sample_rows(count);
    uint64_t key = kin_random_key(seed, RANDOM_SAMPLE, self->modalities);
    int32_t *chosen = kin_alloc(sample, sizeof *chosen);
    float *x = kin_alloc(kin_size_mul(sample, self->d_full), sizeof *x);

    if (!chosen || !x) {
        status = kin_fail_alloc(err, "the sample of --project",
                                kin_size_mul(kin_size_mul(sample, self->d_full), sizeof *x));
        goto exit;
    }
    for (size_t i = 0; i < sample; i++)
        chosen[i] = item[kin_random_place(key, count, i)];
    status = kin_space_rows_parallel(self, chosen, sample, x, NULL, err);
    if (status == 0)
        status = kin_pca_fit(&self->pca, x, sample, self->d_full, kept, centre, err);
    if (status == 0)
        self->d = kept;
exit:
    free(chosen);
    free(x);
    return status;
}
