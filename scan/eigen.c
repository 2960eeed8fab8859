/*
 * A tridiagonal matrix by reflections, its eigenvalues by QL (scan/eigen.h).
 *
 * Everything is laid out so that inner loops run along rows and add no numbers up but in the order
 * in which they stand: compilers may use any vectors for them, and the bits stay. The only function
 * of libm's is sqrt, which is rounded correctly everywhere.
 */
#include "scan/eigen.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { ROUNDS_MAX = 50 }; /* of QL for one eigenvalue; two are normal */

static double inner(const double *x, const double *y, size_t n)
{
    double lane[8] = {0}, sum = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t l = 0; l < 8; l++)
            lane[l] += x[i + l] * y[i + l];
    for (; i < n; i++)
        sum += x[i] * y[i];
    for (size_t l = 0; l < 8; l++)
        sum += lane[l];
    return sum;
}

/* Makes x [n] the v of a reflection I - tau v v^T, v[0] = 1, that leaves x[0] alone; returns tau
 * and sets what x[0] becomes. */
static double reflector(double *x, size_t n, double *becomes)
{
    double first = x[0], rest = inner(x + 1, x + 1, n - 1);
    *becomes = first;
    x[0] = 1;
    if (rest == 0)
        return 0;
    double norm = sqrt(first * first + rest);
    *becomes = first < 0 ? norm : -norm;
    for (size_t i = 1; i < n; i++)
        x[i] /= first - *becomes;
    return (*becomes - first) / *becomes;
}

/* b := H b H, b [n] rows of `stride`, H = I - tau v v^T: b -= v w^T + w v^T. */
static void reflect_both_sides(double *b, size_t stride, const double *v, size_t n, double tau,
                               double *w)
{
    memset(w, 0, n * sizeof *w);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            w[j] += v[i] * b[i * stride + j];
    for (size_t j = 0; j < n; j++)
        w[j] *= tau;
    double half = 0.5 * tau * inner(v, w, n);
    for (size_t j = 0; j < n; j++)
        w[j] -= half * v[j];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            b[i * stride + j] -= v[i] * w[j] + w[i] * v[j];
}

/* a = Q T Q^T: T's diagonal into `diagonal`, what stands beside it into `beside` [n], the last 0,
 * and Q^T into `vector`. Row k of a keeps reflection k behind the diagonal, tau[k] its factor. */
static void reduce(double *a, size_t n, double *diagonal, double *beside, double *tau,
                   double *vector)
{
    for (size_t k = 0; k + 1 < n; k++) {
        double *v = a + k * n + k + 1, *w = vector; /* not in use yet */
        tau[k] = reflector(v, n - k - 1, &beside[k]);
        diagonal[k] = a[k * n + k];
        if (tau[k] != 0)
            reflect_both_sides(a + (k + 1) * n + k + 1, n, v, n - k - 1, tau[k], w);
    }
    diagonal[n - 1] = a[n * n - 1];
    beside[n - 1] = 0;
    memset(vector, 0, n * n * sizeof *vector);
    for (size_t i = 0; i < n; i++)
        vector[i * n + i] = 1;
    for (size_t k = n - 1; k-- > 0;) /* rows before k + 1 are unit vectors still */
        for (size_t i = k + 1; i < n && tau[k] != 0; i++) {
            const double *v = a + k * n + k + 1;
            double *x = vector + i * n + k + 1, factor = tau[k] * inner(x, v, n - k - 1);
            for (size_t j = 0; j < n - k - 1; j++)
                x[j] -= factor * v[j];
        }
}

/* The rotation of two rows. */
static void rotate(double *restrict x, double *restrict y, size_t n, double c, double s)
{
    for (size_t i = 0; i < n; i++) {
        double old = x[i];
        x[i] = c * old - s * y[i];
        y[i] = s * old + c * y[i];
    }
}

/* One round of QL on rows l .. m, e[m] being negligible; d and e by the shift of the least. */
static void ql_round(double *d, double *e, size_t n, size_t l, size_t m, double *shift,
                     double *vector)
{
    double g = d[l], p = (d[l + 1] - g) / (2 * e[l]), r = sqrt(p * p + 1);
    r = p < 0 ? -r : r;
    d[l] = e[l] / (p + r);
    d[l + 1] = e[l] * (p + r);
    double next = d[l + 1], h = g - d[l], beside = e[l + 1];
    for (size_t i = l + 2; i < n; i++)
        d[i] -= h;
    *shift += h;
    p = d[m];
    double c = 1, c2 = 1, c3 = 1, s = 0, s2 = 0;
    for (size_t i = m; i-- > l;) {
        c3 = c2;
        c2 = c;
        s2 = s;
        g = c * e[i];
        h = c * p;
        r = sqrt(p * p + e[i] * e[i]);
        e[i + 1] = s * r;
        s = r > 0 ? e[i] / r : 0;
        c = r > 0 ? p / r : 1;
        p = c * d[i] - s * g;
        d[i + 1] = h + s * (c * g + s * d[i]);
        rotate(vector + i * n, vector + (i + 1) * n, n, c, s);
    }
    p = -s * s2 * c3 * beside * e[l] / next;
    e[l] = s * p;
    d[l] = c * p;
}

/* d becomes the eigenvalues; rows of `vector` turn into the eigenvectors. */
static void ql(double *d, double *e, size_t n, double *vector)
{
    double shift = 0, size = 0;
    for (size_t l = 0; l < n; l++) {
        size = fmax(size, fabs(d[l]) + fabs(e[l]));
        size_t m = l;
        while (fabs(e[m]) > DBL_EPSILON * size) /* the last is 0 */
            m++;
        for (int round = 0; m > l && round < ROUNDS_MAX; round++) {
            ql_round(d, e, n, l, m, &shift, vector);
            if (!(fabs(e[l]) > DBL_EPSILON * size))
                break;
        }
        d[l] += shift;
        e[l] = 0;
    }
}

static void swap_rows(double *x, double *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double kept = x[i];
        x[i] = y[i];
        y[i] = kept;
    }
}

void kin_eigen_symmetric(double *a, size_t n, double *value, double *vector, double *workspace)
{
    if (n == 0)
        return;
    reduce(a, n, value, workspace, workspace + n, vector);
    ql(value, workspace, n, vector);
    for (size_t i = 0; i < n; i++) {
        size_t best = i;
        for (size_t j = i + 1; j < n; j++)
            if (value[j] > value[best])
                best = j;
        if (best != i) {
            swap_rows(value + i, value + best, 1);
            swap_rows(vector + i * n, vector + best * n, n);
        }
    }
}
