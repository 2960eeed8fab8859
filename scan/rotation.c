/*
 * Reflectors, their errors, and Hadamard blocks (scan/rotation.h says what for).
 *
 * Rounding. A product of inner length p in float32, summed by kin_gemm, is off by at most
 * gamma_c = c u / (1 - c u) times the product of the lengths, c the chunk's length plus the number
 * of chunks (core/gemm.h): with one chain for all it would be as large as what int8 loses. Inner
 * products of reflectors are taken in double by the canonical kernels.
 * Cost: of a row 4 d lead + (lead + tail) log2(block); of the errors 2 d lead^2 and 8 lead^3.
 */
#include "scan/rotation.h"
#include "core/gemm.h"
#include "core/kernels.h"
#include "core/memory.h"
#include "core/random.h"
#include "scan/householder.h"
#include "scan/kernels.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HADAMARD_MAX = 256, RANDOM_SIGNS = 0x5349474e };

static size_t round_up(size_t d)
{
    return (d + KIN_CODE_ALIGN - 1) / KIN_CODE_ALIGN * KIN_CODE_ALIGN;
}

/* ---- reflectors and their errors ------------------------------------------------------------ */

/* c [rows][n] += a b, a [rows][k], b [k][n]: every element in the order of k. */
static void multiply(double *c, const double *a, const double *b, size_t rows, size_t n, size_t k)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < rows; i++) {
        double *to = c + i * n;
        size_t l = 0;
        for (; l + 4 <= k; l += 4) {
            const double *x = a + i * k + l, *y = b + l * n;
            for (size_t j = 0; j < n; j++)
                to[j] = to[j] + x[0] * y[j] + x[1] * y[n + j] + x[2] * y[2 * n + j] +
                        x[3] * y[3 * n + j];
        }
        for (; l < k; l++)
            for (size_t j = 0; j < n; j++)
                to[j] += a[i * k + l] * b[l * n + j];
    }
}

static double frobenius(const double *g, size_t count)
{
    double square = 0;
    for (size_t i = 0; i < count; i++)
        square += g[i] * g[i];
    return sqrt(square);
}

/* A bound of the spectral norm of the symmetric g[n][n]: |g|_2^8 <= |g^8|_F, at most n^(1/16) too
 * large. `workspace` [2][n][n]. Roots are square roots: pow's last bit is the library's. */
static double spectral_bound(const double *g, size_t n, double *workspace)
{
    double *power = workspace, *next = workspace + n * n, norm[4];
    memcpy(power, g, n * n * sizeof *g);
    for (int squaring = 0; squaring < 4; squaring++) {
        norm[squaring] = frobenius(power, n * n);
        if (norm[squaring] == 0)
            return 0;
        if (squaring == 3)
            break;
        for (size_t i = 0; i < n * n; i++)
            power[i] /= norm[squaring];
        memset(next, 0, n * n * sizeof *next);
        multiply(next, power, power, n, n, n);
        double *kept = power;
        power = next;
        next = kept;
    }
    double root = norm[2] * sqrt(norm[3]); /* |g| <= n0 (n1 (n2 n3^(1/2))^(1/2))^(1/2) */
    return norm[0] * sqrt(norm[1] * sqrt(root)) * (1 + 1e-9);
}

/* What measure_errors works in; l reflectors, w = 2 l. */
typedef struct errors {
    float *row;         /* [w][d] columns of V and of V T */
    const float **rows; /* [w] */
    double *g, *sg;     /* [w][w] */
    double *part;       /* [3][l][l] */
} errors;

static void errors_release(errors *self)
{
    free(self->row);
    free(self->rows);
    free(self->g);
    free(self->sg);
    free(self->part);
}

static int errors_init(errors *self, const kin_rotation *of, kin_error *err)
{
    size_t d = of->d, l = of->reflectors, w = 2 * l;
    *self = (errors){.row = kin_alloc(kin_size_mul(w, d), sizeof *self->row),
                     .rows = kin_alloc(w, sizeof *self->rows),
                     .g = kin_alloc(w * w, sizeof *self->g),
                     .sg = kin_alloc(w * w, sizeof *self->sg),
                     .part = kin_alloc(3 * l * l, sizeof *self->part)};
    if (!self->row || !self->rows || !self->g || !self->sg || !self->part)
        return kin_fail_alloc(err, "rotation", kin_size_mul(w, d * sizeof *self->row));
    memcpy(self->row, of->v, l * d * sizeof *self->row);
    for (size_t j = 0; j < l; j++)
        for (size_t i = 0; i < d; i++)
            self->row[(l + j) * d + i] = of->vt[i * l + j];
    for (size_t j = 0; j < w; j++)
        self->rows[j] = self->row + j * d;
#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < w; i++)
        kin_kernels_best()->dots(self->rows[i], self->rows, i + 1, d, self->g + i * w);
    for (size_t i = 0; i < w; i++)
        for (size_t j = i + 1; j < w; j++)
            self->g[i * w + j] = self->g[j * w + i];
    return 0;
}

/* The spectral norm's bound of the columns of V (first = 0) or V T (first = l). */
static double norm_bound(const errors *with, size_t first, size_t l)
{
    for (size_t j = 0; j < l; j++)
        memcpy(with->part + j * l, with->g + (first + j) * 2 * l + first, l * sizeof *with->part);
    return sqrt(spectral_bound(with->part, l, with->part + l * l));
}

/* What V and V T, as they are stored, make of lengths and angles.
 *
 * With R = I - V V'^T, V' = V T: R^T R - I = A S A^T, where A = [V V'] and
 * S = [[0, -I], [-I, V^T V]]; its Frobenius norm is the root of trace(S G S G), G = A^T A. */
static void measure_errors(kin_rotation *self, const errors *with)
{
    size_t l = self->reflectors, w = 2 * l;
    double *g = with->g, *sg = with->sg, trace = 0, v_square = 0, vt_square = 0;
    /* S G: minus the lower half of G above, minus its upper half plus V^T V times the lower
     * below */
    for (size_t i = 0; i < l * w; i++) {
        sg[i] = -g[l * w + i];
        sg[l * w + i] = -g[i];
    }
    for (size_t j = 0; j < l; j++)
        memcpy(with->part + j * l, g + j * w, l * sizeof *g);
    multiply(sg + l * w, with->part, g + l * w, l, w, l);
    for (size_t i = 0; i < w; i++)
        for (size_t j = 0; j < w; j++)
            trace += sg[i * w + j] * sg[j * w + i];
    for (size_t j = 0; j < l; j++) {
        v_square += g[j * w + j];
        vt_square += g[(l + j) * w + l + j];
    }
    double v_norm = norm_bound(with, 0, l), vt_norm = norm_bound(with, l, l);
    /* 1e-10: the trace's own rounding, w^2 terms of size one in double */
    self->skew = sqrt(fmax(trace, 0) + 1e-10);
    double u = 0x1p-24, chunk = KIN_GEMM_CHUNK;
    double into = (chunk + (double)self->d / chunk + 3) * u * 1.001;
    double out_of = (chunk + (double)l / chunk + 3) * u * 1.001;
    self->relative_error +=
        v_norm * into * sqrt(vt_square) + out_of * sqrt(v_square) * vt_norm * 1.001 + 8 * u;
}

/* The Householder vectors of the first `lead` axes: V by rows, and V T. */
static int make_reflectors(kin_rotation *self, const kin_axes *axes, kin_error *err)
{
    size_t d = self->d, l = self->reflectors;
    kin_householder householder;
    int rc = kin_householder_init(&householder, l, d, err);
    if (rc != 0)
        return rc;
    self->v = kin_alloc(kin_size_mul(l, d), sizeof *self->v);
    self->vt = kin_alloc(kin_size_mul(d, l), sizeof *self->vt);
    self->packed_v = kin_alloc(kin_gemm_packed_floats(l, d), sizeof *self->packed_v);
    self->packed_vt = kin_alloc(kin_gemm_packed_floats(d, l), sizeof *self->packed_vt);
    if (!self->v || !self->vt || !self->packed_v || !self->packed_vt) {
        rc = kin_fail_alloc(err, "rotation", kin_size_mul(4 * d, l * sizeof *self->v));
    } else {
        kin_householder_factor(&householder, axes->axis);
        kin_householder_product(&householder, self->vt);
        memcpy(self->v, householder.v, l * d * sizeof *self->v);
        kin_gemm_pack(l, d, (kin_gemm_side){self->v, d, false}, self->packed_v);
        kin_gemm_pack(d, l, (kin_gemm_side){self->vt, l, false}, self->packed_vt);
    }
    kin_householder_release(&householder);
    return rc;
}

/* Reflectors and their errors. */
static int init_reflectors(kin_rotation *self, const kin_axes *axes, kin_error *err)
{
    errors with = {0};
    int rc = make_reflectors(self, axes, err);
    if (rc == 0)
        rc = errors_init(&with, self, err);
    if (rc == 0)
        measure_errors(self, &with);
    errors_release(&with);
    return rc;
}

/* ---- the rotation --------------------------------------------------------------------------- */

/* The largest power of two that divides a part, so that it falls into equal Hadamard blocks. */
static size_t hadamard_block(size_t part)
{
    size_t block = part & -part;
    return block < HADAMARD_MAX ? block : HADAMARD_MAX;
}

int kin_rotation_init(kin_rotation *self, const float *mean, size_t d, const kin_axes *axes,
                      size_t lead, kin_error *err)
{
    bool whole = !axes || lead == 0;
    *self = (kin_rotation){.d = d, .lead = whole ? round_up(d) : lead};
    self->tail = round_up(d) - self->lead;
    self->reflectors = self->tail > 0 ? lead : 0;
    self->relative_error = 16 * 0x1p-24; /* Hadamard: a rounding a stage, signs, the last factor */
    assert(whole || (lead % KIN_CODE_ALIGN == 0 && lead <= axes->count && lead <= round_up(d)));
    size_t out = self->lead + self->tail;
    self->mean = kin_alloc(d, sizeof *self->mean);
    self->sign = kin_alloc(out, sizeof *self->sign);
    int rc = 0;
    if (!self->mean || !self->sign)
        rc = kin_fail_alloc(err, "rotation", kin_size_mul(d + out, sizeof(float)));
    if (rc == 0) {
        memcpy(self->mean, mean, d * sizeof *mean);
        uint64_t key = kin_random_key(1, RANDOM_SIGNS, 0);
        for (size_t i = 0; i < out; i++)
            self->sign[i] = kin_random_bits(key, i) & 1 ? 1.0f : -1.0f;
    }
    if (rc == 0 && self->reflectors > 0 && axes)
        rc = init_reflectors(self, axes, err);
    if (rc != 0)
        kin_rotation_release(self);
    return rc;
}

void kin_rotation_release(kin_rotation *self)
{
    free(self->mean);
    free(self->v);
    free(self->vt);
    free(self->packed_v);
    free(self->packed_vt);
    free(self->sign);
    *self = (kin_rotation){0};
}

size_t kin_rotation_bytes(size_t d, size_t lead)
{
    size_t l = lead, floats = kin_size_add(kin_size_mul(4 * l, d), kin_size_mul(2, round_up(d)));
    floats = kin_size_add(floats, kin_gemm_packed_floats(l, d));
    floats = kin_size_add(floats, kin_gemm_packed_floats(d, l));
    size_t measured = (11 * l + 4) * l * sizeof(double);
    return kin_size_add(kin_size_mul(floats, sizeof(float)),
                        kin_size_add(measured, kin_householder_bytes(l, d)));
}

/* y -= V (V'^T y) for each row. */
static void reflect(const kin_rotation *self, float *y, size_t count, float *w)
{
    size_t d = self->d, l = self->reflectors;
    kin_gemm_packed(count, l, d, (kin_gemm_side){y, d, false}, self->packed_vt, KIN_GEMM_SET, w, l);
    kin_gemm_packed(count, d, l, (kin_gemm_side){w, l, false}, self->packed_v, KIN_GEMM_SUBTRACT, y,
                    d);
}

/* low[i] + high[i] and low[i] - high[i], in their places. */
static inline void butterfly(float *restrict low, float *restrict high, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float a = low[i], b = high[i];
        low[i] = a + b;
        high[i] = a - b;
    }
}

/* Mixes one part, by signs and a Hadamard matrix over its root. Coordinates that are a multiple of
 * part / block apart are mixed, so that each gets some of every modality; they stay where they
 * are, side by side with those that are mixed the same way. */
static void mix(const float *restrict in, const float *restrict sign, size_t d, float *restrict out,
                size_t part)
{
    size_t block = hadamard_block(part);
    assert(block > 0);
    float scale = (float)(1 / sqrt((double)block));
    for (size_t i = 0; i < d; i++)
        out[i] = in[i] * sign[i] * scale;
    memset(out + d, 0, (part - d) * sizeof *out);
    for (size_t span = part / 2; span >= part / block; span /= 2)
        for (size_t at = 0; at < part; at += 2 * span)
            butterfly(out + at, out + at + span, span);
}

void kin_rotation_apply(const kin_rotation *self, float *y, size_t count, float *z,
                        float *workspace)
{
    size_t out = self->lead + self->tail;
    if (self->reflectors > 0)
        reflect(self, y, count, workspace);
    for (size_t i = 0; i < count; i++) {
        const float *from = y + i * self->d;
        size_t lead_in = self->d < self->lead ? self->d : self->lead;
        mix(from, self->sign, lead_in, z + i * out, self->lead);
        if (self->tail > 0)
            mix(from + self->lead, self->sign + self->lead, self->d - self->lead,
                z + i * out + self->lead, self->tail);
    }
}
