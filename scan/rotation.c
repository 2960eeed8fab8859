/*
 * Axes, reflectors and Hadamard blocks (scan/rotation.h says what for).
 *
 * Rounding. A product of inner length p in float32, summed in any order, is off by at most
 * gamma_p = p u / (1 - p u) times the product of the lengths (Higham, Accuracy and Stability of
 * Numerical Algorithms, 2nd ed., section 3.5). sgemm does not say its order, so long products are
 * cut into pieces of CHUNK, each a call of its own that adds to the result: then p is the piece's
 * length plus the number of pieces. Otherwise the bound would be as large as what int8 loses.
 * Cost of a fit: a few sgemm of sample x d x count; of a row: 4 d lead + (lead + tail) log2(block).
 */
#include "scan/rotation.h"
#include "core/memory.h"
#include "core/random.h"
#include "scan/blas.h"
#include "scan/kernels.h"

#include <assert.h>
#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64, ITERATIONS = 3, HADAMARD_MAX = 256 };
enum { RANDOM_START = 0x41584553, RANDOM_SIGNS = 0x5349474e };

/* LAPACK. Fortran takes every argument by address; lengths of character arguments come last. */
void sgeqrf_(const int *m, const int *n, float *a, const int *lda, float *tau, float *work,
             const int *lwork, int *info);
void sorgqr_(const int *m, const int *n, const int *k, float *a, const int *lda, const float *tau,
             float *work, const int *lwork, int *info);
void slarft_(const char *direct, const char *storev, const int *n, const int *k, const float *v,
             const int *ldv, const float *tau, float *t, const int *ldt, size_t direct_length,
             size_t storev_length);
void ssyev_(const char *jobz, const char *uplo, const int *n, float *a, const int *lda, float *w,
            float *work, const int *lwork, int *info, size_t jobz_length, size_t uplo_length);

static size_t round_up(size_t d)
{
    return (d + KIN_CODE_ALIGN - 1) / KIN_CODE_ALIGN * KIN_CODE_ALIGN;
}

static int lapack_failed(const char *routine, int info, kin_error *err)
{
    return kin_fail(err, KIN_E_INTERNAL, "choose --engine stream, and report this",
                    "LAPACK's %s returned %d", routine, info);
}

/* ---- axes ------------------------------------------------------------------------------------ */

/* Working memory of LAPACK for a d x count factorisation, in floats: its blocks are 64 wide at
 * most. */
static size_t work_floats(size_t count)
{
    return count * 64 + 64 * 64;
}

/* LAPACK calls BLAS for pieces too small to be shared: with more than one thread they would wait
 * for each other thousands of times, for ever where another process has the processor. And with
 * one, results have the same bits whatever --threads says. */
static int one_thread(void)
{
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    return threads;
}

/* Makes the `count` vectors of `q` [count][d] orthonormal. */
static int orthonormalise(float *q, size_t d, size_t count, float *tau, float *work, kin_error *err)
{
    int m = (int)d, n = (int)count, lwork = (int)work_floats(count), info = 0, generated = 0;
    int threads = one_thread();
    sgeqrf_(&m, &n, q, &m, tau, work, &lwork, &info);
    if (info == 0)
        sorgqr_(&m, &n, &n, q, &m, tau, work, &lwork, &generated);
    omp_set_num_threads(threads);
    return info != 0        ? lapack_failed("sgeqrf", info, err)
           : generated != 0 ? lapack_failed("sorgqr", generated, err)
                            : 0;
}

/* Turns the orthonormal q into the sample's principal axes within its span, most variance first.
 * `b` [rows][count] is y q^T. */
static int rayleigh_ritz(kin_axes *self, const float *q, const float *b, size_t rows, float *gram,
                         float *work, kin_error *err)
{
    int n = (int)self->count, lwork = (int)work_floats(self->count), info = 0;
    size_t d = self->d, count = self->count;
    kin_sgemm(count, count, rows, (kin_blas_side){b, count, true}, (kin_blas_side){b, count, false},
              0, gram);
    int threads = one_thread();
    ssyev_("V", "L", &n, gram, &n, self->energy, work, &lwork, &info, 1, 1);
    omp_set_num_threads(threads);
    if (info != 0)
        return lapack_failed("ssyev", info, err);
    for (size_t i = 0; i < count; i++)
        self->energy[i] /= (float)rows;
    /* gram's row i is now eigenvector i, ascending: axis i = sum_j gram[count - 1 - i][j] q[j] */
    for (size_t i = 0; i < count / 2; i++) {
        float swap = self->energy[i];
        self->energy[i] = self->energy[count - 1 - i];
        self->energy[count - 1 - i] = swap;
        cblas_sswap(n, gram + i * count, 1, gram + (count - 1 - i) * count, 1);
    }
    kin_sgemm(count, d, count, (kin_blas_side){gram, count, false}, (kin_blas_side){q, d, false}, 0,
              self->axis);
    return 0;
}

int kin_axes_fit(kin_axes *self, const float *y, size_t rows, size_t d, size_t count,
                 kin_error *err)
{
    *self = (kin_axes){.d = d, .count = count};
    assert(count <= d && count <= rows);
    int rc = 0;
    kin_blas_side sample = {y, d, false};
    float *q = kin_alloc(kin_size_mul(count, d), sizeof *q);
    float *b = kin_alloc(kin_size_mul(rows, count), sizeof *b);
    float *gram = kin_alloc(count * count, sizeof *gram);
    float *tau = kin_alloc(count, sizeof *tau);
    float *work = kin_alloc(work_floats(count), sizeof *work);
    self->axis = kin_alloc(kin_size_mul(count, d), sizeof *self->axis);
    self->energy = kin_alloc(count, sizeof *self->energy);
    if (!q || !b || !gram || !tau || !work || !self->axis || !self->energy) {
        rc = kin_fail_alloc(err, "axes", kin_size_mul(kin_size_add(d, rows), count * sizeof *q));
        goto done;
    }
    kin_random_normals(kin_random_key(1, RANDOM_START, 0), count * d, q);
    rc = orthonormalise(q, d, count, tau, work, err);
    for (int i = 0; i < ITERATIONS && rc == 0; i++) {
        kin_sgemm(rows, count, d, sample, (kin_blas_side){q, d, true}, 0, b);
        kin_sgemm(count, d, rows, (kin_blas_side){b, count, true}, sample, 0, q);
        rc = orthonormalise(q, d, count, tau, work, err);
    }
    if (rc != 0)
        goto done;
    kin_sgemm(rows, count, d, sample, (kin_blas_side){q, d, true}, 0, b);
    rc = rayleigh_ritz(self, q, b, rows, gram, work, err);
done:
    free(q);
    free(b);
    free(gram);
    free(tau);
    free(work);
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

/* ---- reflectors and their errors ------------------------------------------------------------ */

/* A bound of the spectral norm of the symmetric g[n][n]: |g|_2^8 <= |g^8|_F, at most n^(1/16) too
 * large. `workspace` [2][n][n]. */
static double spectral_bound(const double *g, size_t n, double *workspace)
{
    double *power = workspace, *next = workspace + n * n;
    double scale = 1, order = 1;
    memcpy(power, g, n * n * sizeof *g);
    for (int squaring = 0; squaring < 3; squaring++) {
        double norm = cblas_dnrm2((int)(n * n), power, 1);
        if (norm == 0)
            return 0;
        cblas_dscal((int)(n * n), 1 / norm, power, 1);
        scale *= pow(norm, 1 / order);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)n, (int)n, (int)n, 1, power,
                    (int)n, power, (int)n, 0, next, (int)n);
        double *kept = power;
        power = next;
        next = kept;
        order *= 2;
    }
    return scale * pow(cblas_dnrm2((int)(n * n), power, 1), 1 / order) * (1 + 1e-9);
}

/* What V and V T, as they are stored, make of lengths and angles.
 *
 * With R = I - V V'^T, V' = V T: R^T R - I = A S A^T, where A = [V V'] and
 * S = [[0, -I], [-I, V^T V]]; its Frobenius norm is the root of trace(S G S G), G = A^T A. */
static int measure_errors(kin_rotation *self, kin_error *err)
{
    size_t d = self->d, l = self->reflectors, w = 2 * l;
    double *a = kin_alloc(kin_size_mul(d, w), sizeof *a);
    double *g = kin_alloc(w * w, sizeof *g);
    double *sg = kin_alloc(w * w, sizeof *sg);
    double *part = kin_alloc(3 * l * l, sizeof *part);
    if (!a || !g || !sg || !part) {
        free(a), free(g), free(sg), free(part);
        return kin_fail_alloc(err, "rotation", kin_size_mul(d, w * sizeof *a));
    }
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < l; j++) {
            a[i * w + j] = self->v[j * d + i];
            a[i * w + l + j] = self->vt[i * l + j];
        }
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)w, (int)w, (int)d, 1, a, (int)w, a,
                (int)w, 0, g, (int)w);
    /* S G: minus the lower half of G above, minus its upper half plus V^T V times the lower
     * below */
    for (size_t i = 0; i < l * w; i++) {
        sg[i] = -g[l * w + i];
        sg[l * w + i] = -g[i];
    }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)l, (int)w, (int)l, 1, g, (int)w,
                g + l * w, (int)w, 1, sg + l * w, (int)w);
    double trace = 0, v_square = 0, vt_square = 0;
    for (size_t i = 0; i < w; i++)
        for (size_t j = 0; j < w; j++)
            trace += sg[i * w + j] * sg[j * w + i];
    for (size_t j = 0; j < l; j++) {
        v_square += g[j * w + j];
        vt_square += g[(l + j) * w + l + j];
        memcpy(part + j * l, g + j * w, l * sizeof *part);
    }
    double v_norm = sqrt(spectral_bound(part, l, part + l * l));
    for (size_t j = 0; j < l; j++)
        memcpy(part + j * l, g + (l + j) * w + l, l * sizeof *part);
    double vt_norm = sqrt(spectral_bound(part, l, part + l * l));
    /* 1e-10: the trace's own rounding, w^2 terms of size one in double */
    self->skew = sqrt(fmax(trace, 0) + 1e-10);
    double u = 0x1p-24;
    double into = (CHUNK + (double)d / CHUNK + 3) * u * 1.001;
    double out_of = (CHUNK + (double)l / CHUNK + 3) * u * 1.001;
    self->relative_error +=
        v_norm * into * sqrt(vt_square) + out_of * sqrt(v_square) * vt_norm * 1.001 + 8 * u;
    free(a), free(g), free(sg), free(part);
    return 0;
}

/* The Householder vectors of the first `lead` axes: V by rows, and V T. */
static int make_reflectors(kin_rotation *self, const kin_axes *axes, kin_error *err)
{
    size_t d = self->d, l = self->reflectors;
    int rc = 0, m = (int)d, n = (int)l, lwork = (int)work_floats(l), info = 0;
    float *tau = kin_alloc(l, sizeof *tau);
    float *work = kin_alloc(work_floats(l), sizeof *work);
    float *t = kin_alloc_zero(l * l, sizeof *t);
    self->v = kin_alloc(kin_size_mul(l, d), sizeof *self->v);
    self->vt = kin_alloc(kin_size_mul(d, l), sizeof *self->vt);
    if (!tau || !work || !t || !self->v || !self->vt) {
        rc = kin_fail_alloc(err, "rotation", kin_size_mul(2 * d, l * sizeof *t));
        goto done;
    }
    memcpy(self->v, axes->axis, l * d * sizeof *self->v);
    sgeqrf_(&m, &n, self->v, &m, tau, work, &lwork, &info);
    if (info != 0) {
        rc = lapack_failed("sgeqrf", info, err);
        goto done;
    }
    for (size_t j = 0; j < l; j++) { /* R stands above the diagonal; V has zeros and a one there */
        memset(self->v + j * d, 0, j * sizeof *self->v);
        self->v[j * d + j] = 1;
    }
    slarft_("F", "C", &m, &n, self->v, &m, tau, t, &n, 1, 1);
    /* t holds T by columns, which row-major is its transpose */
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasTrans, m, n, n, 1, self->v, m, t, n, 0, self->vt,
                n);
done:
    free(tau);
    free(work);
    free(t);
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
    int threads = one_thread();
    if (rc == 0 && self->reflectors > 0)
        rc = make_reflectors(self, axes, err);
    if (rc == 0 && self->reflectors > 0)
        rc = measure_errors(self, err);
    omp_set_num_threads(threads);
    if (rc != 0)
        kin_rotation_release(self);
    return rc;
}

void kin_rotation_release(kin_rotation *self)
{
    free(self->mean);
    free(self->v);
    free(self->vt);
    free(self->sign);
    *self = (kin_rotation){0};
}

size_t kin_rotation_bytes(size_t d, size_t lead)
{
    size_t floats = kin_size_add(kin_size_mul(2 * lead, d), kin_size_mul(2, round_up(d)));
    size_t doubles = kin_size_add(kin_size_mul(2 * lead, d), 11 * lead * lead);
    return kin_size_add(kin_size_mul(floats, sizeof(float)), kin_size_mul(doubles, sizeof(double)));
}

/* y -= V (V'^T y) for each row, both products in pieces of CHUNK (see the head of this file). */
static void reflect(const kin_rotation *self, float *y, size_t count, float *w)
{
    int rows = (int)count, d = (int)self->d, l = (int)self->reflectors;
    for (int k = 0; k < d; k += CHUNK) {
        int length = d - k < CHUNK ? d - k : CHUNK;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, l, length, 1, y + k, d,
                    self->vt + (size_t)k * self->reflectors, l, k > 0 ? 1.0f : 0.0f, w, l);
    }
    for (int k = 0; k < l; k += CHUNK) {
        int length = l - k < CHUNK ? l - k : CHUNK;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, d, length, -1, w + k, l,
                    self->v + (size_t)k * self->d, d, 1, y, d);
    }
}

/* x[0 .. block) times the Hadamard matrix over sqrt(block). */
static void hadamard(float *restrict x, size_t block)
{
    for (size_t half = block / 2; half >= 1; half /= 2)
        for (size_t at = 0; at < block; at += 2 * half)
            for (size_t i = at; i < at + half; i++) {
                float a = x[i], b = x[i + half];
                x[i] = a + b;
                x[i + half] = a - b;
            }
    float scale = (float)(1 / sqrt((double)block));
    for (size_t i = 0; i < block; i++)
        x[i] *= scale;
}

/* Mixes one part: coordinate i goes to block i mod blocks, so that each gets some of every
 * modality. */
static void mix(const float *restrict in, const float *sign, size_t d, float *restrict out,
                size_t part)
{
    size_t block = hadamard_block(part);
    assert(block > 0);
    size_t blocks = part / block;
    for (size_t b = 0; b < blocks; b++)
        for (size_t i = 0; i < block; i++) {
            size_t from = i * blocks + b;
            out[b * block + i] = from < d ? in[from] * sign[from] : 0;
        }
    for (size_t b = 0; b < blocks; b++)
        hadamard(out + b * block, block);
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
