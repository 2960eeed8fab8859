/*
 * PCA by the eigenvectors of the second-moment matrix: ssyrk and ssyevd.
 *
 * The matrix is the sum over fixed blocks of rows, each block's share taken by one single-threaded
 * ssyrk (OpenBLAS gives other bits for other numbers of threads) and added in double, in the order
 * of the blocks. The eigensolver runs with one thread for the same reason. The energy kept is the
 * sum of the kept eigenvalues over the trace.
 * Leaves out: randomised or partial eigensolvers; d of a thousand or two takes seconds here.
 * Time: count * d^2 multiply-adds for the matrix, about 9 d^3 operations for the eigenvectors.
 * Memory: (8 + 4 TEAM + 12) d^2 bytes.
 */
#include "ann/faiss_pca.h"
#include "ann/faiss_index.h"
#include "core/memory.h"
#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = 1024, TEAM = 8 };

/* LAPACK's symmetric eigensolver by divide and conquer. Fortran takes every argument by address;
 * the lengths of character arguments stand behind the others, as gfortran passes them. */
void ssyevd_(const char *jobz, const char *uplo, const int *n, float *a, const int *lda, float *w,
             float *work, const int *lwork, int *iwork, const int *liwork, int *info,
             size_t jobz_length, size_t uplo_length);

size_t kin_pca_work_bytes(size_t d)
{
    return kin_size_mul(kin_size_mul(d, d), sizeof(double) + (TEAM + 3) * sizeof(float));
}

static void subtract_mean(float *x, size_t count, size_t d, float *mean)
{
#pragma omp parallel for schedule(static)
    for (size_t j = 0; j < d; j++) {
        double sum = 0;
        for (size_t i = 0; i < count; i++)
            sum += x[i * d + j];
        mean[j] = (float)(sum / (double)count);
    }
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < d; j++)
            x[i * d + j] -= mean[j];
}

/* sum[d][d] = X^T X / count, upper triangle of the row-major matrix. TEAM blocks at a time are
 * multiplied side by side and then added in order. */
static void second_moment(const float *x, size_t count, size_t d, double *sum, float *part)
{
    size_t blocks = (count + BLOCK_ROWS - 1) / BLOCK_ROWS;
    memset(sum, 0, d * d * sizeof *sum);
    for (size_t base = 0; base < blocks; base += TEAM) {
        size_t now = blocks - base < TEAM ? blocks - base : TEAM;
#pragma omp parallel
        {
            omp_set_num_threads(1); /* a BLAS call from here uses this thread alone */
#pragma omp for schedule(dynamic)
            for (size_t b = 0; b < now; b++) {
                size_t first = (base + b) * BLOCK_ROWS;
                size_t rows = count - first < BLOCK_ROWS ? count - first : BLOCK_ROWS;
                cblas_ssyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)d, (int)rows,
                            1.0f / (float)count, x + first * d, (int)d, 0, part + b * d * d,
                            (int)d);
            }
#pragma omp for schedule(static)
            for (size_t i = 0; i < d; i++)
                for (size_t b = 0; b < now; b++)
                    for (size_t j = i; j < d; j++)
                        sum[i * d + j] += part[(b * d + i) * d + j];
        }
    }
}

/* Eigenvectors of the symmetric a[d][d] (upper triangle, row-major) into its rows, eigenvalues
 * ascending into value[d]. */
static int eigenvectors(float *a, size_t d, float *value, kin_error *err)
{
    int n = (int)d, ask = -1, info = 0, iwork_size = 0;
    float work_size = 0;
    int threads = omp_get_max_threads();

    /* The row-major upper triangle is the column-major lower one. */
    ssyevd_("V", "L", &n, a, &n, value, &work_size, &ask, &iwork_size, &ask, &info, 1, 1);
    /* The size comes back as a float, which may have rounded it down: take the exact formula. */
    int lwork = 1 + 6 * n + 2 * n * n, liwork = 3 + 5 * n;
    if (work_size > (float)lwork)
        lwork = (int)ceilf(work_size * 1.000001f);
    float *work = kin_alloc((size_t)lwork, sizeof *work);
    int *iwork = kin_alloc((size_t)liwork, sizeof *iwork);
    if (work && iwork) {
        omp_set_num_threads(1);
        ssyevd_("V", "L", &n, a, &n, value, work, &lwork, iwork, &liwork, &info, 1, 1);
        omp_set_num_threads(threads);
    }
    bool allocated = work && iwork;
    free(work);
    free(iwork);
    if (!allocated)
        return kin_fail_alloc(err, "ssyevd", (size_t)lwork * sizeof *work);
    if (info != 0)
        return kin_fail(err, KIN_E_INTERNAL, "leave --project out", "LAPACK's ssyevd returned %d",
                        info);
    return 0;
}

/* Takes the `kept` last eigenvectors (rows of a) as columns, each with its largest component
 * positive, so that the sign is the same wherever LAPACK came from. */
static void take_basis(kin_pca *self, const float *a, const float *value, double trace)
{
    double energy = 0;
    for (size_t c = 0; c < self->kept; c++) {
        const float *vector = a + (self->d - 1 - c) * self->d;
        size_t largest = 0;
        for (size_t j = 1; j < self->d; j++)
            if (fabsf(vector[j]) > fabsf(vector[largest]))
                largest = j;
        float sign = vector[largest] < 0 ? -1.0f : 1.0f;
        for (size_t j = 0; j < self->d; j++)
            self->basis[j * self->kept + c] = sign * vector[j];
        energy += value[self->d - 1 - c];
    }
    self->retained = trace > 0 ? fmin(1, fmax(0, energy / trace)) : 1;
}

int kin_pca_fit(kin_pca *self, float *x, size_t count, size_t d, size_t kept, bool centre,
                kin_error *err)
{
    int status = 0;
    double trace = 0;
    *self = (kin_pca){.d = d, .kept = kept};
    if (kept > d || kept == 0)
        return kin_fail(err, KIN_E_USAGE, "give --project at most the dimensions there are",
                        "--project %zu, but the vectors have %zu dimensions", kept, d);

    if (d > KIN_PROJECT_DIMENSIONS_MAX)
        return kin_fail(err, KIN_E_USAGE, "leave --project out",
                        "--project takes vectors of up to %d dimensions, these have %zu",
                        KIN_PROJECT_DIMENSIONS_MAX, d);

    double *sum = kin_alloc(kin_size_mul(d, d), sizeof *sum);
    float *part = kin_alloc(kin_size_mul(kin_size_mul(d, d), TEAM), sizeof *part);
    float *value = kin_alloc(d, sizeof *value);
    self->basis = kin_alloc(kin_size_mul(d, kept), sizeof *self->basis);
    self->mean = centre ? kin_alloc(d, sizeof *self->mean) : NULL;
    if (!sum || !part || !value || !self->basis || (centre && !self->mean)) {
        status = kin_fail_alloc(err, "--project", kin_pca_work_bytes(d));
        goto exit;
    }
    if (centre)
        subtract_mean(x, count, d, self->mean);
    second_moment(x, count, d, sum, part);
    for (size_t i = 0; i < d; i++) {
        trace += sum[i * d + i];
        for (size_t j = i; j < d; j++)
            part[i * d + j] = (float)sum[i * d + j];
    }
    status = eigenvectors(part, d, value, err);
    if (status == 0)
        take_basis(self, part, value, trace);
exit:
    free(sum);
    free(part);
    free(value);
    if (status)
        kin_pca_release(self);
    return status;
}

void kin_pca_release(kin_pca *self)
{
    free(self->basis);
    free(self->mean);
    *self = (kin_pca){0};
}

static void make_unit(float *x, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += (double)x[j] * x[j];
    double factor = sum > 0 ? 1 / sqrt(sum) : 0;
    for (size_t j = 0; j < d; j++)
        x[j] = (float)(x[j] * factor);
}

/* One row: the sum over j of x[j] times row j of the basis, which is vector arithmetic along the
 * outputs and needs no reordering of sums. */
void kin_pca_apply(const kin_pca *self, const float *x, size_t count, float *out)
{
    size_t kept = self->kept;
    for (size_t i = 0; i < count; i++) {
        const float *from = x + i * self->d;
        float *restrict to = out + i * kept;
        memset(to, 0, kept * sizeof *to);
        for (size_t j = 0; j < self->d; j++) {
            const float *basis = self->basis + j * kept;
            float value = self->mean ? from[j] - self->mean[j] : from[j];
            for (size_t c = 0; c < kept; c++)
                to[c] += value * basis[c];
        }
        if (self->mean)
            make_unit(to, kept);
    }
}
