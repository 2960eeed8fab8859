/*
 * Householder vectors, panel by panel (scan/householder.h).
 *
 * A panel of PANEL vectors is worked off one by one, with inner products in double by the canonical
 * kernels; the vectors behind it get all of the panel's reflections at once, as two products
 * (Bischof and Van Loan, SIAM J. Sci. Stat. Comput. 8, 1987). The factor of a reflection is taken
 * from its vector as it is stored, rounding included: V and T then stay orthogonal to about float's
 * precision, whatever V is. T's columns follow from V^T V in double.
 * Leaves out R: the callers want Q.
 */
#include "scan/householder.h"
#include "core/gemm.h"
#include "core/kernels.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PANEL = 32 };

size_t kin_householder_bytes(size_t count, size_t d)
{
    size_t floats = kin_size_add(kin_size_mul(count, d), 3 * count * count + KIN_GEMM_WORKSPACE);
    return kin_size_add(kin_size_mul(floats, sizeof(float)), (count + 1) * count * sizeof(double));
}

int kin_householder_init(kin_householder *self, size_t count, size_t d, kin_error *err)
{
    *self = (kin_householder){.d = d, .count = count};
    self->v = kin_alloc(kin_size_mul(count, d), sizeof *self->v);
    self->t = kin_alloc(count * count, sizeof *self->t);
    self->tau = kin_alloc(count, sizeof *self->tau);
    self->exact = kin_alloc(count * count, sizeof *self->exact);
    self->along = kin_alloc(2 * count * count, sizeof *self->along);
    self->workspace = kin_alloc(KIN_GEMM_WORKSPACE, sizeof *self->workspace);
    if (self->v && self->t && self->tau && self->exact && self->along && self->workspace)
        return 0;
    kin_householder_release(self);
    return kin_fail_alloc(err, "reflectors", kin_householder_bytes(count, d));
}

void kin_householder_release(kin_householder *self)
{
    free(self->v);
    free(self->t);
    free(self->tau);
    free(self->exact);
    free(self->along);
    free(self->workspace);
    *self = (kin_householder){0};
}

/* Makes x [length] the vector v, v[0] = 1, of a reflection I - tau v v^T that leaves of x only its
 * first coordinate; returns tau. Where there is nothing else already, 0. */
static double reflector(float *x, size_t length)
{
    const kin_kernels *kernels = kin_kernels_best();
    double first = x[0], rest = kernels->dot[KIN_F32](x + 1, x + 1, length - 1);
    x[0] = 1;
    if (rest == 0)
        return 0;
    double norm = sqrt(first * first + rest);
    double factor = 1 / (first + (first < 0 ? -norm : norm)); /* no cancellation */
    for (size_t k = 1; k < length; k++)
        x[k] = (float)(x[k] * factor);
    return 2 / (1 + kernels->dot[KIN_F32](x + 1, x + 1, length - 1));
}

/* x -= tau <x, v> v */
static void reflect(float *restrict x, const float *restrict v, size_t length, double tau)
{
    float factor = (float)(tau * kin_kernels_best()->dot[KIN_F32](v, x, length));
    for (size_t k = 0; k < length; k++)
        x[k] -= factor * v[k];
}

/* T of vectors first .. first + count - 1, into their square of `t`. Below the diagonal of `exact`
 * stand inner products: T's column j is -tau_j T (V^T v_j) above the diagonal. */
static void set_t(kin_householder *self, size_t first, size_t count)
{
    size_t d = self->d, stride = self->count, last = first + count;
#pragma omp parallel for schedule(dynamic)
    for (size_t j = first; j < last; j++) /* v_j is zero before place j */
        for (size_t q = first; q < j; q++)
            self->exact[j * stride + q] =
                kin_kernels_best()->dot[KIN_F32](self->v + q * d + j, self->v + j * d + j, d - j);
    for (size_t j = first; j < last; j++) {
        const double *dot = self->exact + j * stride;
        for (size_t p = first; p < j; p++) {
            double *row = self->exact + p * stride, sum = 0;
            for (size_t q = p; q < j; q++)
                sum += row[q] * dot[q];
            row[j] = -self->tau[j] * sum;
        }
        self->exact[j * stride + j] = self->tau[j];
    }
    for (size_t p = first; p < last; p++)
        for (size_t q = first; q < last; q++)
            self->t[p * stride + q] = q < p ? 0 : (float)self->exact[p * stride + q];
}

/* The reflections of a panel, for the vectors behind it: x^T -= ((x^T V) T) V^T. */
static void reflect_others(kin_householder *self, size_t first, size_t count)
{
    size_t d = self->d, from = first + count, rows = self->count - from;
    float *x = self->v + from * d + first; /* nothing changes before place `first` */
    float *along = self->along, *turned = along + self->count * self->count;
    kin_gemm_side panel = {self->v + first * d + first, d, false}, across = panel;
    across.transposed = true;
    kin_gemm_side t = {self->t + first * self->count + first, self->count, false};
    kin_gemm(rows, count, d - first, (kin_gemm_side){x, d, false}, across, KIN_GEMM_SET, along,
             count, self->workspace);
    kin_gemm(rows, count, count, (kin_gemm_side){along, count, false}, t, KIN_GEMM_SET, turned,
             count, self->workspace);
    kin_gemm(rows, d - first, count, (kin_gemm_side){turned, count, false}, panel,
             KIN_GEMM_SUBTRACT, x, d, self->workspace);
}

void kin_householder_factor(kin_householder *self, const float *x)
{
    size_t d = self->d;
    memcpy(self->v, x, self->count * d * sizeof *x);
    for (size_t first = 0; first < self->count; first += PANEL) {
        size_t count = self->count - first < PANEL ? self->count - first : PANEL;
        for (size_t j = first; j < first + count; j++) {
            float *v = self->v + j * d;
            memset(v, 0, j * sizeof *v); /* R is not wanted */
            self->tau[j] = reflector(v + j, d - j);
            for (size_t i = j + 1; i < first + count; i++)
                reflect(self->v + i * d + j, v + j, d - j, self->tau[j]);
        }
        if (first + count < self->count) {
            set_t(self, first, count);
            reflect_others(self, first, count);
        }
    }
    set_t(self, 0, self->count);
}

void kin_householder_columns(const kin_householder *self, float *q)
{
    size_t d = self->d, count = self->count;
    kin_gemm_side v = {self->v, d, false}, across = {self->v, d, true};
    memset(q, 0, count * d * sizeof *q);
    for (size_t i = 0; i < count; i++)
        q[i * d + i] = 1;
    /* row i of I - V T V^T's transpose: e_i - (T V^T e_i)^T V^T */
    kin_gemm(count, count, count, across, (kin_gemm_side){self->t, count, true}, KIN_GEMM_SET,
             self->along, count, self->workspace);
    kin_gemm(count, d, count, (kin_gemm_side){self->along, count, false}, v, KIN_GEMM_SUBTRACT, q,
             d, self->workspace);
}

void kin_householder_product(const kin_householder *self, float *vt)
{
    kin_gemm(self->d, self->count, self->count, (kin_gemm_side){self->v, self->d, true},
             (kin_gemm_side){self->t, self->count, false}, KIN_GEMM_SET, vt, self->count,
             self->workspace);
}
