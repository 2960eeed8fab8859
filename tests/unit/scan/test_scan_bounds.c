/*
 * The bounds of scan/codes against inner products in long double: no pair of any catalog is ever
 * outside the coarse or the fine bound, the bounds are narrow enough to be worth having, and
 * without them nearly every value would be wrong.
 */
#include "core/threads.h"
#include "support/coded.h"
#include "support/test.h"

#include <math.h>

enum { PAIRS = TEST_SANITIZED ? 1000 : 8000 };

/* What bounds were worth, summed up over pairs. */
typedef struct worth {
    size_t pairs;
    double error;  /* that refined values may have */
    double excess; /* of the coarse bound over the inner product */
} worth;

/* The sums of products of a pair's codes. */
typedef struct sums {
    int32_t high, cross, tail;
} sums;

static sums sum_products(const coded *c, size_t a, size_t b)
{
    size_t stride = c->codes.stride, lead = c->codes.rotation.lead, tail = c->codes.rotation.tail;
    const int8_t *p = c->code + a * stride, *q = c->code + b * stride;
    return (sums){coded_dot(p, q, lead),
                  coded_dot(p, q + lead, lead) + coded_dot(p + lead, q, lead),
                  coded_dot(p + 2 * lead, q + 2 * lead, tail)};
}

/* The refined value by the header's formula. */
static long double refined(const coded *c, size_t a, size_t b, const sums *s)
{
    const kin_code_terms *x = &c->codes.terms[a], *y = &c->codes.terms[b];
    long double unit = (long double)c->codes.lead_step * c->codes.lead_step;
    return unit * s->high + unit / 254 * s->cross + (long double)x->step * y->step * s->tail +
           ((long double)x->bias + y->bias);
}

/* The same in float32, as a pair scan does it. */
static float refined_narrow(const coded *c, size_t a, size_t b, const sums *s)
{
    const kin_code_terms *x = &c->codes.terms[a], *y = &c->codes.terms[b];
    float unit = c->codes.lead_step * c->codes.lead_step;
    return unit * (float)s->high + unit / 254 * (float)s->cross +
           x->step * y->step * (float)s->tail + (x->bias + y->bias);
}

/* The pair at places a and b of the order. */
static void check_pair(const coded *c, size_t a, size_t b, worth *out)
{
    const kin_codes *codes = &c->codes;
    const kin_code_terms *x = &codes->terms[a], *y = &codes->terms[b];
    sums s = sum_products(c, a, b);
    long double wanted =
        coded_product(c, (size_t)codes->clustering.row[a], (size_t)codes->clustering.row[b]);
    long double unit = (long double)codes->lead_step * codes->lead_step;

    /* that fused rows and biases are float32 is in no loss: what refined values allow for it has to
     * be allowed here too */
    long double coarse = unit * s.high + (long double)x->tail_norm * y->tail_norm +
                         (long double)x->coarse * y->norm + (long double)y->coarse * x->norm +
                         ((long double)x->bias + y->bias) + codes->rounding;
    if (!(wanted <= coarse))
        fail_msg("places %zu, %zu: %.12Lg is above the coarse bound %.12Lg", a, b, wanted, coarse);

    float error = kin_codes_error(codes, x, y);
    long double value = refined(c, a, b, &s);
    if (!(fabsl(value - wanted) <= error))
        fail_msg("places %zu, %zu: refined %.12Lg, truly %.12Lg, error %g", a, b, value, wanted,
                 (double)error);
    assert_true(fabsl(refined_narrow(c, a, b, &s) - wanted) <= error);
    out->pairs++;
    out->error += (double)error;
    out->excess += (double)(coarse - wanted);
}

/* All pairs of few rows; of many, some with any row and some with one that stands near. */
static worth check_pairs(const coded *c, uint64_t *random)
{
    worth out = {0};
    size_t count = c->codes.clustering.count;
    bool few = count * count <= 2 * PAIRS;
    for (size_t a = 0; a < count && few; a++)
        for (size_t b = 0; b <= a; b++)
            check_pair(c, a, b, &out);
    while (!few && out.pairs < PAIRS) {
        size_t a = test_random_below(random, count), near = a + test_random_below(random, 5);
        check_pair(c, a, test_random_below(random, count), &out);
        check_pair(c, a, near < count ? near : a, &out);
    }
    return out;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_bounds_hold(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 7};
    uint64_t random = 77;
    size_t with_tail = 0;
    for (size_t set = 0; set < CODED_SETS; set++) {
        coded c;
        size_t lead;
        sample_spec spec = coded_draw(set, &lead, &random);
        kin_threads_set(threads[set % TEST_COUNT(threads)]);
        coded_make(&c, &spec, lead, 1);
        assert_int_equal(kin_threads_used(), threads[set % TEST_COUNT(threads)]);
        check_pairs(&c, &random);
        with_tail += c.codes.rotation.tail > 0;
        coded_release(&c);
    }
    assert_true(with_tail > CODED_SETS / 8);
    kin_threads_set(0);
}

/* Rows far from those that the leading step was learnt from: their codes are clipped. */
static void test_clipped_rows(void **state)
{
    (void)state;
    enum { N = 1500, ALIKE = 1100, D = 130 };
    uint64_t random = 4;
    float *x = malloc(N * D * sizeof *x);
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < D; k++)
            x[i * D + k] = i < ALIKE ? 1 + 0.02f * (float)test_random_normal(&random)
                                     : (k < 64 ? 1 : 0.3f) * (float)test_random_normal(&random);
    for (size_t lead = 0; lead <= 128; lead += 64) {
        coded c;
        coded_make_rows(&c, x, N, D, lead);
        check_pairs(&c, &random);
        coded_release(&c);
    }
    free(x);
}

/* Unrelated rows and clusters, long enough for every number of leading dimensions. */
static void make_plain(coded *self, sample_kind kind, size_t lead, float slack)
{
    sample_spec spec = {.seed = 5,
                        .n = 600,
                        .modality_count = 2,
                        .d = {400, 200},
                        .weight = {0.6, 0.4},
                        .kind = kind};
    coded_make(self, &spec, lead, slack);
}

static void test_bounds_are_narrow(void **state)
{
    (void)state;
    uint64_t random = 6;
    for (size_t lead = 0; lead <= KIN_LEAD_MAX; lead += 64)
        for (int kind = SAMPLE_NORMAL; kind <= SAMPLE_CLUSTERS; kind++) {
            coded c;
            make_plain(&c, (sample_kind)kind, lead, 1);
            worth w = check_pairs(&c, &random);
            bool tail = c.codes.rotation.tail > 0;
            assert_true(lead == 0 || c.codes.rotation.lead == lead);
            assert_true(w.error / (double)w.pairs < (tail ? 0.02 : 0.002));
            /* what two tails may add comes on top where there are any */
            assert_true(tail || w.excess / (double)w.pairs < 0.05);
            coded_release(&c);
        }
}

/* Without slack nothing is allowed for what codes lose: nearly every value is then outside. */
static void test_losses_are_real(void **state)
{
    (void)state;
    coded c;
    size_t off = 0;
    make_plain(&c, SAMPLE_NORMAL, 64, 0);
    size_t count = c.codes.clustering.count;
    for (size_t a = 0; a + 1 < count; a++) {
        sums s = sum_products(&c, a, a + 1);
        long double wanted = coded_product(&c, (size_t)c.codes.clustering.row[a],
                                           (size_t)c.codes.clustering.row[a + 1]);
        assert_true(kin_codes_error(&c.codes, &c.codes.terms[a], &c.codes.terms[a + 1]) == 0);
        off += fabsl(refined(&c, a, a + 1, &s) - wanted) > 1e-6L;
    }
    assert_true(off > count * 9 / 10);
    coded_release(&c);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_hold),
        cmocka_unit_test(test_clipped_rows),
        cmocka_unit_test(test_bounds_are_narrow),
        cmocka_unit_test(test_losses_are_real),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
