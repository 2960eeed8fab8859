/*
 * scan/blas: products of odd sizes against double, transposed or not, added to what is there or
 * not; and the same bits for any number of threads.
 */
#include "core/threads.h"
#include "scan/blas.h"
#include "support/test.h"

#include <math.h>

/* Rows on both sides of the 128 that a piece has, and products longer than OpenBLAS's own
 * blocks. */
static const struct {
    size_t m, n, k;
} sizes[] = {{1, 1, 1},     {3, 5, 7},      {127, 33, 65}, {128, 31, 129},
             {129, 1, 400}, {257, 100, 19}, {391, 77, 1},  {300, 513, 701}};

/* A side with a few numbers between its rows, which the product must leave alone. */
typedef struct side {
    kin_blas_side side;
    float *x;
} side;

static side make_side(size_t rows, size_t columns, bool transposed, uint64_t *random)
{
    size_t lines = transposed ? columns : rows, stride = (transposed ? rows : columns) + 3;
    side out = {{NULL, stride, transposed}, malloc(lines * stride * sizeof(float))};
    assert_non_null(out.x);
    for (size_t i = 0; i < lines * stride; i++)
        out.x[i] = i % stride + 3 < stride ? (float)test_random_normal(random) : NAN;
    out.side.x = out.x;
    return out;
}

static double value(kin_blas_side from, size_t row, size_t column)
{
    return (double)
        from.x[from.transposed ? column * from.stride + row : row * from.stride + column];
}

/* Each of k products and sums is off by half a unit in the last place of what magnitudes add up
 * to. */
static void check_product(const float *c, const float *start, float beta, kin_blas_side a,
                          kin_blas_side b, size_t m, size_t n, size_t k)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = (double)beta * (double)start[i * n + j], magnitude = fabs(sum);
            for (size_t l = 0; l < k; l++) {
                double product = value(a, i, l) * value(b, l, j);
                sum += product;
                magnitude += fabs(product);
            }
            if (!(fabs((double)c[i * n + j] - sum) <= (double)(k + 2) * 0x1p-24 * magnitude))
                fail_msg(
                    "%zu x %zu x %zu, transposed %d %d, beta %g: place %zu %zu is %.9g, wanted "
                    "%.9g",
                    m, n, k, a.transposed, b.transposed, (double)beta, i, j, (double)c[i * n + j],
                    sum);
        }
}

/* The first number of threads is evaluated, the others by it. */
static void evaluate(size_t m, size_t n, size_t k, unsigned variant, uint64_t *random)
{
    static const int threads[] = {1, 2, 3, 7};
    float beta = variant & 4 ? 1.0f : 0.0f;
    side a = make_side(m, k, variant & 1, random), b = make_side(k, n, variant & 2, random);
    size_t bytes = m * n * sizeof(float);
    float *start = malloc(bytes), *first = malloc(bytes), *c = malloc(bytes);
    assert_true(start && first && c);
    for (size_t i = 0; i < m * n; i++) /* with beta 0 nothing that was there counts */
        start[i] = beta > 0 ? (float)test_random_normal(random) : 1e30f;
    for (size_t t = 0; t < TEST_COUNT(threads); t++) {
        memcpy(c, start, bytes);
        kin_threads_set(threads[t]);
        kin_sgemm(m, n, k, a.side, b.side, beta, c);
        assert_int_equal(kin_threads_used(), threads[t]); /* as it was before */
        if (t == 0)
            memcpy(first, c, bytes);
        else
            assert_memory_equal(c, first, bytes);
    }
    check_product(first, start, beta, a.side, b.side, m, n, k);
    free(a.x);
    free(b.x);
    free(start);
    free(first);
    free(c);
}

static void test_products(void **state)
{
    (void)state;
    uint64_t random = 77;
    for (size_t s = 0; s < TEST_COUNT(sizes); s++)
        for (unsigned variant = 0; variant < 8; variant++)
            evaluate(sizes[s].m, sizes[s].n, sizes[s].k, variant, &random);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
