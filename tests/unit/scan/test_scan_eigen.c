/*
 * scan/householder and scan/eigen against double and their definitions: of full rank and of none,
 * with equal, zero and tiny numbers; and the same bits for any number of threads.
 */
#include "core/threads.h"
#include "scan/eigen.h"
#include "scan/householder.h"
#include "support/test.h"

#include <math.h>

typedef enum kind { FULL, LOW_RANK, EQUAL, DIAGONAL, ZERO, TINY, KINDS } kind;

static double inner(const float *x, const float *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)y[i];
    return sum;
}

/* ---- eigenvectors ---------------------------------------------------------------------------- */

/* a [n][n], symmetric: a product of random rows with themselves, of rank n or 3, or less. */
static void make_symmetric(double *a, size_t n, kind of, uint64_t *random)
{
    size_t rank = of == LOW_RANK ? 3 : n;
    double *x = malloc(n * rank * sizeof *x);
    for (size_t i = 0; i < n * rank; i++)
        x[i] = test_random_normal(random) * (of == TINY ? 1e-20 : 1);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = of == DIAGONAL && i == j ? (double)(i % 5) : 0;
            for (size_t k = 0; k < rank && of != DIAGONAL && of != ZERO; k++)
                sum += of == EQUAL ? 1 : x[i * rank + k] * x[j * rank + k];
            a[i * n + j] = sum;
        }
    free(x);
}

static void check_eigen(size_t n, kind of, uint64_t *random)
{
    double *a = malloc(n * n * sizeof *a), *left = malloc(n * n * sizeof *a);
    double *vector = malloc(n * n * sizeof *a), *value = malloc(4 * n * sizeof *a), size = 0;
    make_symmetric(a, n, of, random);
    memcpy(left, a, n * n * sizeof *a);
    for (size_t i = 0; i < n * n; i++)
        size += a[i] * a[i];
    size = sqrt(size);
    kin_eigen_symmetric(left, n, value, vector, value + n);
    for (size_t i = 0; i < n; i++) {
        const double *v = vector + i * n;
        assert_true(i == 0 || value[i] <= value[i - 1]);
        for (size_t j = 0; j <= i; j++) {
            double dot = -(double)(i == j);
            for (size_t k = 0; k < n; k++)
                dot += v[k] * vector[j * n + k];
            assert_true(fabs(dot) < 1e-12);
        }
        for (size_t j = 0; j < n; j++) {
            double turned = -value[i] * v[j];
            for (size_t k = 0; k < n; k++)
                turned += a[j * n + k] * v[k];
            assert_true(fabs(turned) <= 1e-13 * (double)n * size);
        }
    }
    free(a);
    free(left);
    free(vector);
    free(value);
}

static void test_eigen(void **state)
{
    (void)state;
    uint64_t random = 5;
    for (size_t n = 1; n <= 40; n++)
        for (int of = 0; of < KINDS; of++)
            check_eigen(n, (kind)of, &random);
    check_eigen(150, FULL, &random);
    kin_eigen_symmetric(NULL, 0, NULL, NULL, NULL);
}

/* ---- Householder vectors --------------------------------------------------------------------- */

static float *make_vectors(size_t count, size_t d, kind of, uint64_t *random)
{
    float *x = calloc(count * d, sizeof *x);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < d; k++) {
            float one = (float)test_random_normal(random) * (of == TINY ? 1e-30f : 1);
            x[i * d + k] = of == ZERO                ? 0
                           : of == EQUAL             ? 1
                           : of == DIAGONAL          ? (float)(i == k)
                           : of == LOW_RANK && i > 2 ? x[i % 3 * d + k]
                                                     : one;
        }
    return x;
}

/* Q's first columns are orthonormal; so is I - V (V T)^T, to which they belong; and Q^T x is
 * triangular. */
static void check_reflectors(const kin_householder *h, const float *x, const float *q,
                             const float *vt)
{
    size_t d = h->d, count = h->count;
    for (size_t i = 0; i < count; i++) {
        double length = sqrt(inner(x + i * d, x + i * d, d));
        assert_true(h->v[i * d + i] == 1);
        for (size_t k = 0; k < i; k++)
            assert_true(h->v[i * d + k] == 0);
        for (size_t j = 0; j <= i; j++)
            assert_true(fabs(inner(q + i * d, q + j * d, d) - (i == j)) < 4e-6);
        for (size_t j = i + 1; j < count; j++) /* no vector has a part along a later column */
            assert_true(fabs(inner(x + i * d, q + j * d, d)) <= 4e-6 * length);
    }
    for (size_t j = 0; j < count; j++)
        for (size_t k = 0; k < d; k++) { /* (I - V (V T)^T)^T e_j is column j of Q */
            double turned = j == k;
            for (size_t p = 0; p < count; p++)
                turned -= (double)vt[k * count + p] * (double)h->v[p * d + j];
            assert_true(fabs(turned - (double)q[j * d + k]) < 4e-6);
        }
}

static void check_householder(size_t count, size_t d, kind of, uint64_t *random)
{
    kin_householder h;
    kin_error err;
    float *x = make_vectors(count, d, of, random), *first = malloc(count * d * sizeof *x);
    float *q = malloc(count * d * sizeof *q), *vt = malloc(count * d * sizeof *vt);
    test_ok(kin_householder_init(&h, count, d, &err), &err);
    for (int threads = 1; threads <= 3; threads++) {
        kin_threads_set(threads);
        kin_householder_factor(&h, x);
        kin_householder_columns(&h, q);
        kin_householder_product(&h, vt);
        if (threads == 1)
            memcpy(first, q, count * d * sizeof *q);
        assert_memory_equal(first, q, count * d * sizeof *q);
    }
    check_reflectors(&h, x, q, vt);
    kin_householder_release(&h);
    assert_null(h.v);
    free(x);
    free(first);
    free(q);
    free(vt);
}

static void test_householder(void **state)
{
    (void)state;
    static const size_t shapes[][2] = {{1, 1},   {1, 5},   {5, 5},    {31, 33},  {32, 32},
                                       {33, 40}, {64, 70}, {70, 200}, {97, 130}, {130, 300}};
    uint64_t random = 6;
    for (size_t s = 0; s < TEST_COUNT(shapes); s++)
        for (int of = 0; of < KINDS; of++)
            check_householder(shapes[s][0], shapes[s][1], (kind)of, &random);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_eigen),
        cmocka_unit_test(test_householder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
