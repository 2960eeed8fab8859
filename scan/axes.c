/*
 * Subspace iteration and Rayleigh-Ritz (scan/axes.h).
 *
 * Between two products with the sample the directions are made orthonormal, so that the weak ones
 * do not vanish beside the strong. ITERATIONS of them separate the last axes well enough: a
 * direction that is missed costs time later, and no result.
 */
#include "scan/axes.h"
#include "core/gemm.h"
#include "core/memory.h"
#include "core/random.h"
#include "scan/eigen.h"
#include "scan/householder.h"

#include <assert.h>
#include <stdlib.h>

enum { ITERATIONS = 3, RANDOM_START = 0x41584553 };

/* What a fit works in. */
typedef struct fit {
    kin_gemm_side sample; /* [rows][d] */
    size_t rows, d, count;
    float *q;                         /* [count][d] orthonormal directions */
    float *b;                         /* [rows][count] the sample along them */
    float *gram;                      /* [count][count] */
    double *exact, *vector, *spectre; /* [count][count] twice; [4][count] eigenvalues and more */
    kin_householder householder;      /* its workspace serves all products */
} fit;

static int fit_init(fit *self, const float *y, size_t rows, size_t d, size_t count, kin_error *err)
{
    *self = (fit){.sample = {y, d, false}, .rows = rows, .d = d, .count = count};
    self->q = kin_alloc(kin_size_mul(count, d), sizeof *self->q);
    self->b = kin_alloc(kin_size_mul(rows, count), sizeof *self->b);
    self->gram = kin_alloc(count * count, sizeof *self->gram);
    self->exact = kin_alloc(count * count, sizeof *self->exact);
    self->vector = kin_alloc(count * count, sizeof *self->vector);
    self->spectre = kin_alloc(4 * count, sizeof *self->spectre);
    if (!self->q || !self->b || !self->gram || !self->exact || !self->vector || !self->spectre)
        return kin_fail_alloc(err, "axes", kin_size_mul(kin_size_add(d, rows), count * 4));
    return kin_householder_init(&self->householder, count, d, err);
}

static void fit_release(fit *self)
{
    free(self->q);
    free(self->b);
    free(self->gram);
    free(self->exact);
    free(self->vector);
    free(self->spectre);
    kin_householder_release(&self->householder);
}

static void orthonormalise(fit *self)
{
    kin_householder_factor(&self->householder, self->q);
    kin_householder_columns(&self->householder, self->q);
}

/* b = y q^T */
static void project(fit *self)
{
    kin_gemm(self->rows, self->count, self->d, self->sample,
             (kin_gemm_side){self->q, self->d, true}, KIN_GEMM_SET, self->b, self->count,
             self->householder.workspace);
}

/* Turns q into the sample's principal axes within its span, most variance first. b is y q^T. */
static void rayleigh_ritz(fit *self, kin_axes *out)
{
    size_t d = self->d, count = self->count;
    float *workspace = self->householder.workspace;
    kin_gemm(count, count, self->rows, (kin_gemm_side){self->b, count, true},
             (kin_gemm_side){self->b, count, false}, KIN_GEMM_SET, self->gram, count, workspace);
    for (size_t i = 0; i < count * count; i++)
        self->exact[i] = self->gram[i];
    kin_eigen_symmetric(self->exact, count, self->spectre, self->vector, self->spectre + count);
    for (size_t i = 0; i < count; i++)
        out->energy[i] = (float)(self->spectre[i] / (double)self->rows);
    for (size_t i = 0; i < count * count; i++)
        self->gram[i] = (float)self->vector[i];
    kin_gemm(count, d, count, (kin_gemm_side){self->gram, count, false},
             (kin_gemm_side){self->q, d, false}, KIN_GEMM_SET, out->axis, d, workspace);
}

int kin_axes_fit(kin_axes *self, const float *y, size_t rows, size_t d, size_t count,
                 kin_error *err)
{
    assert(count <= d && count <= rows);
    *self = (kin_axes){.d = d, .count = count};
    fit work;
    int rc = fit_init(&work, y, rows, d, count, err);
    self->axis = kin_alloc(kin_size_mul(count, d), sizeof *self->axis);
    self->energy = kin_alloc(count, sizeof *self->energy);
    if (rc == 0 && (!self->axis || !self->energy))
        rc = kin_fail_alloc(err, "axes", kin_size_mul(count, d * sizeof *self->axis));
    if (rc == 0) {
        kin_random_normals(kin_random_key(1, RANDOM_START, 0), count * d, work.q);
        orthonormalise(&work);
        for (int i = 0; i < ITERATIONS; i++) {
            project(&work);
            kin_gemm(count, d, rows, (kin_gemm_side){work.b, count, true}, work.sample,
                     KIN_GEMM_SET, work.q, d, work.householder.workspace);
            orthonormalise(&work);
        }
        project(&work);
        rayleigh_ritz(&work, self);
    }
    fit_release(&work);
    if (rc != 0)
        kin_axes_release(self);
    return rc;
}

void kin_axes_release(kin_axes *self)
{
    free(self->axis);
    free(self->energy);
    *self = (kin_axes){0};
}
