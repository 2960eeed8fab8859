/*
 * scan/collector against a plain sort: estimates that are off by up to the tolerance, in any order
 * and with any number of ties. No member of the true top-k is ever dropped, and no threshold is
 * above the k-th best score that was seen.
 */
#include "scan/collector.h"
#include "support/test.h"

#include <math.h>

/* How scores are drawn. */
typedef enum score_kind {
    SPREAD,
    RISING,  /* worst first: every candidate is among the best so far */
    FALLING, /* best first */
    CLOSE,   /* nearer to each other than the tolerance */
    STEPS,   /* six values, so that ties are the rule */
    EQUAL,
    ZEROS, /* -0 and +0 */
    MIXED, /* far apart in size, both signs, zeros */
    SCORE_KINDS,
} score_kind;

typedef struct candidate {
    float score; /* true */
    int32_t row;
} candidate;

/* One row's candidates, in the order in which they come. */
typedef struct job {
    size_t count, k, capacity;
    float tolerance;
    bool threshold_asked; /* the caller leaves out what cannot reach it, as pair scans do */
    candidate *all;       /* [count]; the first ones have come */
    candidate *space;     /* [count] */
    size_t reranked;
} job;

/* Higher first; of equal scores the smaller row. */
static int best_first(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int ascending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static float draw_score(score_kind kind, size_t i, size_t count, float tolerance, uint64_t *random)
{
    float unit = (float)test_random_unit(random);
    switch (kind) {
    case RISING:
        return (float)i / (float)count;
    case FALLING:
        return -(float)i / (float)count;
    case CLOSE:
        return 0.5f + tolerance * unit;
    case STEPS:
        return 0.1f * (float)test_random_below(random, 6);
    case EQUAL:
        return 0.75f;
    case ZEROS:
        return unit < 0.5f ? -0.0f : 0.0f;
    case MIXED:
        return unit < 0.05f ? 0 : ldexpf(2 * unit - 1, -(int)test_random_below(random, 60));
    default:
        return 2 * unit - 1;
    }
}

/* Rows are different numbers in no order: multiples of an odd number, modulo 2^31. */
static void job_draw(job *self, score_kind kind, uint64_t *random)
{
    uint32_t factor = (uint32_t)test_random(random) | 1;
    self->all = malloc((self->count + 1) * sizeof *self->all);
    self->space = malloc((self->count + 1) * sizeof *self->space);
    for (size_t i = 0; i < self->count; i++) {
        self->all[i].score = draw_score(kind, i, self->count, self->tolerance, random);
        self->all[i].row = (int32_t)((uint32_t)i * factor & INT32_MAX);
    }
    self->reranked = 0;
}

static void job_free(job *self)
{
    free(self->all);
    free(self->space);
}

/* A score as an estimate tells it: off by as much as it may be, or by less. */
static float draw_estimate(float score, float tolerance, uint64_t *random)
{
    double share = 2 * test_random_unit(random) - 1;
    if (test_random_below(random, 3) == 0)
        share = share < 0 ? -1 : 1;
    float estimate = (float)((double)score + share * (double)tolerance);
    /* rounded to a float it may be off by more: back towards the score */
    while (fabs((double)estimate - (double)score) > (double)tolerance)
        estimate = nextafterf(estimate, score);
    return estimate;
}

/* ---- the caller's part ---------------------------------------------------------------------- */

static float score_of(const job *self, size_t seen, int32_t row)
{
    for (size_t i = 0; i < seen; i++)
        if (self->all[i].row == row)
            return self->all[i].score;
    fail_msg("row %d was never added", row);
    return 0;
}

/* Lists a collector's candidates, checks the list, and tells their true scores. */
static size_t list(job *self, const kin_collectors *of, size_t row, size_t seen)
{
    int32_t *out = malloc(2 * of->capacity * sizeof *out);
    size_t count = kin_collectors_list(of, row, out);
    assert_int_equal(count, of->count[row]);
    assert_true(count <= of->capacity);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || out[i - 1] < out[i]);
        self->space[i] = (candidate){score_of(self, seen, out[i]), out[i]};
    }
    free(out);
    return count;
}

/* Scores all candidates truly and leaves the collector the best k. */
static void rerank(job *self, kin_collectors *of, size_t row, size_t seen)
{
    int32_t *best = malloc((self->k + 1) * sizeof *best);
    float *score = malloc((self->k + 1) * sizeof *score);
    size_t count = list(self, of, row, seen);
    size_t kept = count < self->k ? count : self->k;
    qsort(self->space, count, sizeof *self->space, best_first);
    for (size_t i = 0; i < kept; i++) {
        best[i] = self->space[i].row;
        score[i] = self->space[i].score;
    }
    kin_collectors_replace(of, row, best, score, kept);
    assert_int_equal(of->count[row], kept);
    self->reranked++;
    free(best);
    free(score);
}

/* ---- checking ------------------------------------------------------------------------------- */

/* What was promised after `seen` candidates came. */
static void check_row(job *self, const kin_collectors *of, size_t row, size_t seen,
                      const char *where)
{
    int32_t *have = malloc(2 * of->capacity * sizeof *have);
    size_t count = kin_collectors_list(of, row, have);
    size_t best = seen < self->k ? seen : self->k;
    assert_int_equal(list(self, of, row, seen), count);
    memcpy(self->space, self->all, seen * sizeof *self->space);
    qsort(self->space, seen, sizeof *self->space, best_first);
    for (size_t i = 0; i < best; i++)
        if (!bsearch(&self->space[i].row, have, count, sizeof *have, ascending))
            fail_msg("%s: of %zu candidates number %zu, row %d with %.9g, is lost", where, seen, i,
                     self->space[i].row, (double)self->space[i].score);
    float threshold = of->threshold[row];
    if (seen < self->k ? threshold != -INFINITY : !(threshold <= self->space[self->k - 1].score))
        fail_msg("%s: after %zu candidates the threshold is %.9g, the k-th best %.9g", where, seen,
                 (double)threshold, (double)self->space[best - 1].score);
    free(have);
}

/* Gives a row its candidate number i. */
static void give(job *self, kin_collectors *of, size_t row, size_t i, uint64_t *random)
{
    float estimate = draw_estimate(self->all[i].score, self->tolerance, random);
    if (self->threshold_asked && estimate + self->tolerance < of->threshold[row])
        return;
    bool full = kin_collectors_add(of, row, estimate, self->all[i].row);
    assert_int_equal(full, of->count[row] == of->capacity);
    if (!full)
        return;
    float before = of->threshold[row];
    if (kin_collectors_prune(of, row))
        rerank(self, of, row, i + 1);
    else
        assert_true(of->threshold[row] >= before);
    assert_true(of->count[row] < of->capacity);
}

static void run_job(job *self, score_kind kind, uint64_t *random, const char *where)
{
    kin_error err;
    kin_collectors of;
    test_ok(kin_collectors_init(&of, 1, self->k, self->capacity, &err), &err);
    of.tolerance[0] = self->tolerance;
    job_draw(self, kind, random);
    for (size_t i = 0; i < self->count; i++) {
        give(self, &of, 0, i, random);
        if (of.count[0] < self->k || i % 97 == 0 || i + 1 == self->count)
            check_row(self, &of, 0, i + 1, where);
    }
    kin_collectors_prune(&of, 0); /* as before rows are finished, full or not */
    check_row(self, &of, 0, self->count, where);
    kin_collectors_release(&of);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_best_are_kept(void **state)
{
    (void)state;
    static const size_t ks[] = {1, 2, 5, 31, 100};
    static const float tolerances[] = {0, 1e-6f, 0.003f, 0.5f, 1e30f};
    uint64_t random = 3;
    size_t reranked = 0, runs = 0;
    for (int kind = 0; kind < SCORE_KINDS; kind++)
        for (size_t c = 0; c < TEST_COUNT(ks); c++)
            for (size_t t = 0; t < TEST_COUNT(tolerances); t++)
                for (int variant = 0; variant < 4; variant++) {
                    char where[96];
                    size_t k = ks[c];
                    job one = {.count = 400 + test_random_below(&random, 500),
                               .k = k,
                               .capacity = variant & 1 ? kin_collectors_capacity_good(k)
                                                       : kin_collectors_capacity_least(k),
                               .tolerance = tolerances[t],
                               .threshold_asked = variant & 2};
                    snprintf(where, sizeof where, "kind %d, k %zu, tolerance %g, variant %d", kind,
                             k, (double)one.tolerance, variant);
                    run_job(&one, (score_kind)kind, &random, where);
                    reranked += one.reranked > 0;
                    runs++;
                    job_free(&one);
                }
    assert_true(reranked > runs / 4 && reranked < runs * 3 / 4); /* both ways are taken */
}

/* Fewer candidates than k, and as many: all stay, and the threshold says nothing until k have
 * come. */
static void test_few_candidates(void **state)
{
    (void)state;
    uint64_t random = 4;
    for (size_t k = 1; k <= 40; k += 13)
        for (size_t count = 0; count <= k + 1; count++) {
            kin_error err;
            kin_collectors of;
            job one = {.count = count, .k = k, .tolerance = 0.01f};
            test_ok(kin_collectors_init(&of, 1, k, k + 32, &err), &err);
            of.tolerance[0] = one.tolerance;
            job_draw(&one, SPREAD, &random);
            for (size_t i = 0; i < count; i++)
                give(&one, &of, 0, i, &random);
            assert_false(kin_collectors_prune(&of, 0));
            assert_int_equal(of.threshold[0] == -INFINITY, count < k);
            if (count > 0)
                check_row(&one, &of, 0, count, "few");
            assert_true(count > k || list(&one, &of, 0, count) == count);
            kin_collectors_release(&of);
            job_free(&one);
        }
}

/* With exact estimates pruning leaves little more than k, and the threshold comes close to the
 * k-th: what the collector is for. */
static void test_pruning_is_sharp(void **state)
{
    (void)state;
    uint64_t random = 5;
    for (size_t k = 1; k <= 200; k += 40) {
        kin_error err;
        kin_collectors of;
        job one = {.count = kin_collectors_capacity_good(k), .k = k, .tolerance = 1e-4f};
        test_ok(kin_collectors_init(&of, 1, k, one.count, &err), &err);
        of.tolerance[0] = one.tolerance;
        job_draw(&one, SPREAD, &random);
        for (size_t i = 0; i < one.count; i++)
            kin_collectors_add(&of, 0, one.all[i].score, one.all[i].row);
        assert_false(kin_collectors_prune(&of, 0));
        check_row(&one, &of, 0, one.count, "sharp");
        assert_true(of.threshold[0] > one.space[k - 1].score - 0.01f);
        assert_true(of.count[0] <= k + k / 8 + 4);
        kin_collectors_release(&of);
        job_free(&one);
    }
}

/* An estimate that its tolerance lifts exactly to the threshold may be of a score as good as the
 * k-th: it stays, and what is a few floats below it goes. All numbers here are exact. */
static void test_edge(void **state)
{
    (void)state;
    enum { K = 3 };
    static const float tolerance = 0.125f;
    static const float best[K] = {1, 0.75f, 0.5f};
    kin_error err;
    kin_collectors of;
    int32_t out[2 * (K + 32)];
    test_ok(kin_collectors_init(&of, 1, K, K + 32, &err), &err);
    of.tolerance[0] = tolerance;
    kin_collectors_replace(&of, 0, (int32_t[K]){0, 1, 2}, best, K);
    float edge = of.threshold[0] - tolerance;
    assert_true(edge <= best[K - 1] - 2 * tolerance);
    kin_collectors_add(&of, 0, best[K - 1] - 2 * tolerance, 3);
    for (int32_t i = 4; i < 30; i += 2) {
        kin_collectors_add(&of, 0, edge, i);
        kin_collectors_add(&of, 0, edge - 3 * 0x1p-26f, i + 1);
    }
    kin_collectors_prune(&of, 0);
    assert_true(of.threshold[0] == edge + tolerance);
    assert_int_equal(kin_collectors_list(&of, 0, out), 4 + 13);
    for (int32_t i = 0; i < 4 + 13; i++)
        assert_int_equal(out[i], i < 4 ? i : 2 * i - 4);
    kin_collectors_release(&of);
}

/* Rows side by side: none touches another's. */
static void test_rows_are_apart(void **state)
{
    (void)state;
    enum { ROWS = 7, COUNT = 300, K = 9 };
    uint64_t random = 6;
    kin_error err;
    kin_collectors of;
    job one[ROWS];
    test_ok(kin_collectors_init(&of, ROWS, K, kin_collectors_capacity_least(K), &err), &err);
    for (size_t r = 0; r < ROWS; r++) {
        one[r] = (job){.count = COUNT, .k = K, .threshold_asked = true};
        one[r].tolerance = of.tolerance[r] = 0.02f * (float)r;
        job_draw(&one[r], (score_kind)(r % SCORE_KINDS), &random);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t r = 0; r < ROWS; r++)
            give(&one[r], &of, r, i, &random);
    for (size_t r = 0; r < ROWS; r++) {
        check_row(&one[r], &of, r, COUNT, "side by side");
        job_free(&one[r]);
    }
    kin_collectors_release(&of);
}

/* Row numbers that share all, some or none of their bytes. */
static void test_lists(void **state)
{
    (void)state;
    static const uint32_t masks[] = {0xff, 0xff00, 0x7f00ff00, 0x7fffffff, 0x7f000000};
    kin_error err;
    kin_collectors of;
    test_ok(kin_collectors_init(&of, 1, 60, 128, &err), &err);
    for (size_t m = 0; m < TEST_COUNT(masks); m++) {
        int32_t out[2 * 128], wanted[100];
        of.count[0] = 0;
        for (uint32_t i = 0; i < 100; i++) {
            /* i bit by bit into the places of the mask, highest first */
            uint32_t row = 0, bits = masks[m];
            for (int b = 0; b < 7; b++, bits &= ~(1u << (31 - __builtin_clz(bits))))
                row |= (i >> b & 1) << (31 - __builtin_clz(bits));
            wanted[i] = (int32_t)row;
            kin_collectors_add(&of, 0, 0, wanted[i]);
        }
        qsort(wanted, 100, sizeof *wanted, ascending);
        assert_int_equal(kin_collectors_list(&of, 0, out), 100);
        assert_memory_equal(out, wanted, sizeof wanted);
    }
    of.count[0] = 0;
    assert_int_equal(kin_collectors_list(&of, 0, (int32_t[2 * 128]){0}), 0);
    kin_collectors_release(&of);
}

static void test_sizes(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_collectors of;
    for (size_t k = 1; k < 3000; k = 2 * k + 1) {
        assert_true(kin_collectors_capacity_least(k) > k);
        assert_true(kin_collectors_capacity_good(k) >= kin_collectors_capacity_least(k));
    }
    size_t bytes = sizeof *of.estimate + sizeof *of.candidate;
    assert_int_equal(kin_collectors_row_bytes(100),
                     100 * bytes + sizeof *of.count + sizeof *of.threshold + sizeof *of.tolerance);
    test_refused(kin_collectors_init(&of, SIZE_MAX / 64, 1, 33, &err), &err, KIN_E_MEMORY,
                 "collectors");
    assert_null(of.estimate);
    assert_null(of.threshold);
    test_ok(kin_collectors_init(&of, 0, 1, 33, &err), &err);
    kin_collectors_release(&of);
    assert_null(of.candidate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_are_kept),
        cmocka_unit_test(test_few_candidates),
        cmocka_unit_test(test_pruning_is_sharp),
        cmocka_unit_test(test_edge),
        cmocka_unit_test(test_rows_are_apart),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
