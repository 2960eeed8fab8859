/*
 * The one pass over a modality's rows (core/catalog_scan.h).
 *
 * One thread takes the fingerprint of the file while the others begin with the rows: a file that
 * is larger than what memory caches is read once for both.
 * Cost: memory speed; a row of floats a thread.
 */
#include "core/catalog_scan.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

/* What one modality's rows pass through. */
typedef struct scan {
    kin_modality *modality;
    uint64_t *row_hash; /* [n] of the modalities before, and then of this one as well */
    const kin_row_visitor *visitor;
} scan;

/* A row's hash goes into that of its item; in what order modalities come is part of it. */
static uint64_t combine(uint64_t before, uint64_t hash)
{
    static const uint64_t odd = 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio: Knuth, TAOCP 3, 6.4 */
    return (before * odd) ^ hash;
}

/* The rows of a run. Returns the first one with a value that cannot be used, or n. */
static size_t scan_run(const scan *self, size_t run, float *value, size_t *missing)
{
    const kin_kernels *kernels = kin_kernels_best();
    kin_modality *m = self->modality;
    const kin_matrix *x = &m->matrix;
    const double faint = (double)x->d * KIN_ROW_LEAST * KIN_ROW_LEAST;
    const size_t bytes = x->d * kin_dtype_bytes(x->dtype);
    for (size_t i = x->n * run / KIN_ROW_RUNS; i < x->n * (run + 1) / KIN_ROW_RUNS; i++) {
        kernels->widen[x->dtype](value, kin_matrix_row(x, i), x->d);
        double square = kernels->dot[KIN_F32](value, value, x->d);
        if (!isfinite(square) || (square < faint && kin_matrix_row_faint(x, i)))
            return i;
        uint64_t hash = XXH3_64bits(kin_matrix_row(x, i), bytes);
        m->inverse_norm[i] = square > 0 ? 1.0 / sqrt(square) : 0.0;
        if (square > 0)
            self->row_hash[i] = combine(self->row_hash[i], hash);
        else
            (*missing)++;
        if (self->visitor)
            self->visitor->row(self->visitor->self, run, i, value, square, hash);
    }
    return x->n;
}

/* All rows, in parallel, beside the fingerprint of the file, so that the file is read once; the
 * first bad row is the same for any number of threads. */
static int scan_rows(const scan *self, kin_error *err)
{
    kin_modality *m = self->modality;
    size_t bad = m->matrix.n, missing = 0;
    bool refused = false;
#pragma omp parallel reduction(min : bad) reduction(+ : missing) reduction(|| : refused)
    {
        float *value = kin_alloc(m->matrix.d, sizeof *value);
        refused = value == NULL;
#pragma omp single nowait
        m->fingerprint = kin_matrix_fingerprint(&m->matrix);
#pragma omp for schedule(dynamic)
        for (size_t run = 0; run < KIN_ROW_RUNS; run++) {
            size_t found = value ? scan_run(self, run, value, &missing) : bad;
            bad = found < bad ? found : bad;
        }
        free(value);
    }
    m->missing = missing;
    if (!refused && bad == m->matrix.n)
        return 0;
    float *value = kin_alloc(m->matrix.d, sizeof *value);
    int rc = 0;
    if (refused || !value) {
        rc = kin_fail_alloc(err, "row buffer", m->matrix.d * sizeof *value);
    } else {
        kin_matrix_widen(&m->matrix, bad, 1, value);
        rc = kin_matrix_check_row(&m->matrix, bad, value, err);
    }
    free(value);
    return rc;
}

int kin_catalog_scan(kin_catalog *self, size_t m, const kin_row_visitor *visitor, kin_error *err)
{
    scan rows = {&self->modality[m], self->row_hash, visitor};
    int rc = visitor ? visitor->begin(visitor->self, m, &rows.modality->matrix, err) : 0;
    if (rc == 0)
        rc = scan_rows(&rows, err);
    return rc == 0 && visitor ? visitor->end(visitor->self, m, err) : rc;
}
