/*
 * core/gemm: every table of kernels, and kin_gemm for any number of threads, against the chains of
 * fmaf that the header defines, bit for bit; and those against double, within the header's bound.
 * Shapes around panels, chunks and passes, both sides transposed or not, all modes, numbers of very
 * different sizes.
 */
#include "core/gemm_tables.h"
#include "core/threads.h"
#include "support/test.h"

#include <math.h>

enum { GAP = 3 }; /* floats between rows, which a product must neither read nor write */

typedef enum number_kind {
    NORMAL,
    WIDE, /* 2^-80 to 2^40, and zeros of both signs: their products leave float's range below */
    NUMBER_KINDS,
} number_kind;

static float draw(number_kind kind, uint64_t *random)
{
    float x = (float)test_random_normal(random);
    if (kind == NORMAL)
        return x;
    return test_random_below(random, 8) ? ldexpf(x, (int)test_random_below(random, 121) - 80)
                                        : x * 0.0f;
}

typedef struct side {
    kin_gemm_side side;
    float *x;
} side;

static side make_side(size_t rows, size_t columns, bool transposed, number_kind kind,
                      uint64_t *random)
{
    size_t lines = transposed ? columns : rows, length = transposed ? rows : columns;
    side out = {{NULL, length + GAP, transposed}, malloc(lines * (length + GAP) * sizeof(float))};
    assert_non_null(out.x);
    for (size_t i = 0; i < lines * (length + GAP); i++)
        out.x[i] = i % (length + GAP) < length ? draw(kind, random) : NAN;
    out.side.x = out.x;
    return out;
}

static float value(kin_gemm_side from, size_t row, size_t column)
{
    return from.x[from.transposed ? column * from.stride + row : row * from.stride + column];
}

/* A product: its sides, what c was, and what it has to be. */
typedef struct product {
    size_t m, n, k;
    kin_gemm_mode mode;
    side a, b;
    size_t floats;        /* [m][n + GAP] */
    float *before, *want; /* a gap is NaN in both */
    float *c, *packed, *workspace;
} product;

static float element(const product *self, size_t i, size_t j)
{
    float c = self->before[i * (self->n + GAP) + j];
    for (size_t from = 0; from < self->k; from += KIN_GEMM_CHUNK) {
        float sum = 0;
        for (size_t l = from; l < self->k && l < from + KIN_GEMM_CHUNK; l++)
            sum = fmaf(value(self->a.side, i, l), value(self->b.side, l, j), sum);
        c = self->mode == KIN_GEMM_SUBTRACT           ? c - sum
            : self->mode == KIN_GEMM_SET && from == 0 ? sum
                                                      : c + sum;
    }
    return c;
}

static void product_make(product *self, size_t m, size_t n, size_t k, unsigned variant,
                         uint64_t *random)
{
    number_kind kind = (number_kind)(variant / 12 % NUMBER_KINDS);
    *self = (product){.m = m, .n = n, .k = k, .mode = (kin_gemm_mode)(variant / 4 % 3)};
    self->a = make_side(m, k, variant & 1, kind, random);
    self->b = make_side(k, n, variant & 2, kind, random);
    self->floats = m * (n + GAP);
    self->before = malloc(self->floats * sizeof(float));
    self->want = malloc(self->floats * sizeof(float));
    self->c = malloc(self->floats * sizeof(float));
    self->packed = malloc(kin_gemm_packed_floats(k, n) * sizeof(float));
    self->workspace = malloc(KIN_GEMM_WORKSPACE * sizeof(float));
    assert_true(self->before && self->want && self->c && self->packed && self->workspace);
    for (size_t i = 0; i < self->floats; i++)
        self->before[i] = i % (n + GAP) < n ? draw(kind, random) : NAN;
    memcpy(self->want, self->before, self->floats * sizeof(float));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            self->want[i * (n + GAP) + j] = element(self, i, j);
    kin_gemm_pack(k, n, self->b.side, self->packed);
}

static void product_release(product *self)
{
    free(self->a.x);
    free(self->b.x);
    free(self->before);
    free(self->want);
    free(self->c);
    free(self->packed);
    free(self->workspace);
}

static uint32_t bits(float x)
{
    uint32_t out;
    memcpy(&out, &x, sizeof out);
    return out;
}

static void check_bits(const product *self, const char *by)
{
    if (memcmp(self->c, self->want, self->floats * sizeof(float)) == 0)
        return;
    for (size_t i = 0; i < self->floats; i++)
        if (bits(self->c[i]) != bits(self->want[i]))
            fail_msg("%s, %zu x %zu x %zu, transposed %d %d, mode %d: place %zu %zu is %a, not %a",
                     by, self->m, self->n, self->k, self->a.side.transposed,
                     self->b.side.transposed, self->mode, i / (self->n + GAP), i % (self->n + GAP),
                     (double)self->c[i], (double)self->want[i]);
}

/* By every table, and on several threads. */
static void check_all(product *self)
{
    static const int threads[] = {1, 2, 3, 7};
    size_t bytes = self->floats * sizeof(float), stride = self->n + GAP;
    for (const kin_gemm_table *const *table = kin_gemm_all(); *table; table++) {
        memcpy(self->c, self->before, bytes);
        kin_gemm_packed_with(*table, self->m, self->n, self->k, self->a.side, self->packed,
                             self->mode, self->c, stride);
        check_bits(self, (*table)->name);
    }
    for (size_t t = 0; t < TEST_COUNT(threads); t++) {
        memcpy(self->c, self->before, bytes);
        kin_threads_set(threads[t]);
        kin_gemm(self->m, self->n, self->k, self->a.side, self->b.side, self->mode, self->c, stride,
                 self->workspace);
        check_bits(self, "threads");
    }
}

/* |error| <= gamma_p (|c| before + |a| |b|), of normal numbers. */
static void check_bound(const product *self)
{
    size_t chunks = (self->k + KIN_GEMM_CHUNK - 1) / KIN_GEMM_CHUNK;
    double p = (double)(KIN_GEMM_CHUNK + chunks + 1);
    double gamma = p * 0x1p-24 / (1 - p * 0x1p-24);
    for (size_t i = 0; i < self->m; i++)
        for (size_t j = 0; j < self->n; j++) {
            double before = (double)self->before[i * (self->n + GAP) + j];
            double sum = 0, size = self->mode == KIN_GEMM_SET ? 0 : fabs(before);
            for (size_t l = 0; l < self->k; l++) {
                double term = (double)value(self->a.side, i, l) * (double)value(self->b.side, l, j);
                sum += term;
                size += fabs(term);
            }
            sum = self->mode == KIN_GEMM_SET   ? sum
                  : self->mode == KIN_GEMM_ADD ? before + sum
                                               : before - sum;
            assert_true(fabs((double)self->want[i * (self->n + GAP) + j] - sum) <=
                        gamma * size + 1e-12 * size);
        }
}

static void check(size_t m, size_t n, size_t k, unsigned variant, uint64_t *random)
{
    product one;
    product_make(&one, m, n, k, variant, random);
    check_all(&one);
    if (variant / 12 % NUMBER_KINDS == NORMAL)
        check_bound(&one);
    product_release(&one);
}

/* Every length to 70 in each place, the other two drawn. */
static void test_small(void **state)
{
    (void)state;
    uint64_t random = 77;
    unsigned variant = 0;
    for (size_t length = 1; length <= 70; length++)
        for (int place = 0; place < 3; place++)
            for (int turn = 0; turn < 4; turn++) {
                size_t shape[3];
                for (int i = 0; i < 3; i++)
                    shape[i] = i == place ? length : 1 + test_random_below(&random, 70);
                check(shape[0], shape[1], shape[2], variant++, &random);
            }
}

static void test_large(void **state)
{
    (void)state;
    static const size_t shape[][3] = {{1, 600, 195}, {49, 513, 257},  {97, 33, 700},
                                      {13, 31, 900}, {200, 1025, 40}, {100, 512, 512},
                                      {800, 40, 300}};
    uint64_t random = 78;
    for (size_t s = 0; s < TEST_COUNT(shape); s++)
        for (unsigned variant = (unsigned)s; variant < 24; variant += 5)
            check(shape[s][0], shape[s][1], shape[s][2], variant, &random);
}

static void test_empty(void **state)
{
    (void)state;
    float c[6] = {1, 2, 3, 4, 5, 6}, workspace[1], packed[1];
    kin_gemm_side none = {NULL, 0, false};
    kin_gemm(2, 2, 0, none, none, KIN_GEMM_ADD, c, 3, workspace);
    assert_true(c[0] == 1 && c[4] == 5);
    kin_gemm(2, 2, 0, none, none, KIN_GEMM_SET, c, 3, workspace);
    assert_true(c[0] == 0 && c[1] == 0 && c[2] == 3 && c[3] == 0 && c[4] == 0 && c[5] == 6);
    kin_gemm_packed(0, 2, 2, none, packed, KIN_GEMM_SET, c, 3);
    assert_true(kin_gemm_packed_floats(SIZE_MAX / 2, 33) == SIZE_MAX);
    assert_true(kin_gemm_packed_floats(7, 33) == 7 * 64);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
