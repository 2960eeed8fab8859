/*
 * scan/reranker: rows finished many at a time against kin_rescore, row by row and bit for bit, and
 * against the oracle: every type, policy and number of modalities, lists of candidates of every
 * sort, pieces of every size; and the memory it says it takes.
 */
#include "scan/reranker.h"
#include "support/sets.h"
#include "support/test.h"

#include <math.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* ---- candidates ------------------------------------------------------------------------------ */

/* What rows have collected. */
typedef enum choice_kind {
    EVERYTHING, /* all rows want all others */
    SAME_FEW,   /* the same three: fewer than k */
    NOTHING,
    SOME, /* each its own, of any number */
    MIXED,
    CHOICE_KINDS,
} choice_kind;

static bool chosen(choice_kind kind, size_t i, size_t j, uint64_t *random)
{
    switch (kind) {
    case EVERYTHING:
        return true;
    case SAME_FEW:
        return j >= 5 && j < 8;
    case NOTHING:
        return false;
    case SOME:
        return test_random_below(random, 1 + i % 7) == 0;
    default:
        return chosen((choice_kind)(i % MIXED), i, j, random);
    }
}

/* What is finished, and how. */
typedef struct job {
    sample s;
    size_t k, capacity; /* of the reranker */
    int32_t *row;       /* [n] the catalog's rows in the order they are finished in; owned */
    size_t lead;        /* collectors before the first of them */
    float tolerance;
    kin_collectors collectors; /* [lead + n] */
    int32_t **given;           /* [n] what each collected, ascending; owned */
    size_t *given_count;       /* [n] */
} job;

static void shuffle(int32_t *row, size_t count, uint64_t *random)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = test_random_below(random, i);
        int32_t kept = row[i - 1];
        row[i - 1] = row[other];
        row[other] = kept;
    }
}

/* An estimate as far off as the row's tolerance allows; far below all others where it is no
 * pair. */
static float draw_estimate(const job *self, size_t i, size_t j, uint64_t *random)
{
    oracle_pair pair;
    float off = isfinite(self->tolerance) ? 0.9f * self->tolerance : 1;
    if (!oracle_score(&self->s.oracle, i, j, &pair))
        return -1e6f;
    return pair.score + off * (float)(2 * test_random_unit(random) - 1);
}

/* Slot i's candidates, in any order. */
static void collect(job *self, size_t slot, choice_kind kind, uint64_t *random)
{
    size_t n = self->s.oracle.n, count = 0, row = (size_t)self->row[slot];
    int32_t *given = calloc(n + 1, sizeof *given), *mixed = calloc(n + 1, sizeof *mixed);
    assert_true(given && mixed);
    for (size_t j = 0; j < n; j++)
        if (j != row && chosen(kind, row, j, random))
            given[count++] = (int32_t)j;
    memcpy(mixed, given, count * sizeof *mixed);
    shuffle(mixed, count, random);
    for (size_t c = 0; c < count; c++) {
        float estimate = draw_estimate(self, row, (size_t)mixed[c], random);
        kin_collectors_add(&self->collectors, self->lead + slot, estimate, mixed[c]);
    }
    free(mixed);
    self->given[slot] = given;
    self->given_count[slot] = count;
}

/* All rows' candidates. Without a tolerance none is dropped. */
static void job_make(job *self, const sample_spec *spec, choice_kind kind, uint64_t *random)
{
    kin_error err;
    size_t n = spec->n, least = kin_collectors_capacity_least(self->k);
    sample_make(&self->s, spec);
    self->row = calloc(n, sizeof *self->row);
    self->given = calloc(n, sizeof *self->given);
    self->given_count = calloc(n, sizeof *self->given_count);
    assert_true(self->row && self->given && self->given_count);
    for (size_t i = 0; i < n; i++)
        self->row[i] = (int32_t)i;
    shuffle(self->row, n, random);
    test_ok(kin_collectors_init(&self->collectors, self->lead + n, self->k, n > least ? n : least,
                                &err),
            &err);
    for (size_t i = 0; i < self->lead + n; i++)
        self->collectors.tolerance[i] = self->tolerance;
    for (size_t slot = 0; slot < n; slot++)
        collect(self, slot, kind, random);
    self->capacity += self->collectors.capacity;
}

static void job_release(job *self)
{
    for (size_t i = 0; i < self->s.oracle.n; i++)
        free(self->given[i]);
    free(self->given);
    free(self->given_count);
    free(self->row);
    kin_collectors_release(&self->collectors);
    sample_release(&self->s);
}

/* ---- checking ------------------------------------------------------------------------------- */

/* Equal to the bit, -0 apart from +0; any NaN is a NaN. */
static bool same_bits(const float *x, const float *y, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool equal = x[i] == y[i] && !signbit(x[i]) == !signbit(y[i]);
        if (!equal && !(isnan(x[i]) && isnan(y[i])))
            return false;
    }
    return true;
}

/* Entries of slot q of `got` and slot 0 of `wanted`. */
static bool same_row(const kin_rows *got, size_t q, const kin_rows *wanted)
{
    size_t at = q * got->k, filled = wanted->filled[0];
    bool same = got->filled[q] == filled && got->k == wanted->k &&
                memcmp(got->neighbor + at, wanted->neighbor, filled * sizeof *got->neighbor) == 0 &&
                same_bits(got->score + at, wanted->score, filled);
    for (size_t m = 0; m < got->modality_count; m++)
        same = same && same_bits(got->cosine[m] + at, wanted->cosine[m], filled);
    return same;
}

/* The check of rows: what the row's candidates come to one at a time. */
typedef struct checker {
    kin_query query;
    kin_rescore_workspace space;
    kin_rows one;
    oracle_pair *pair; /* [n] */
} checker;

static void checker_init(checker *self, const job *of)
{
    kin_error err;
    size_t n = of->s.oracle.n, modalities = of->s.oracle.modality_count;
    test_ok(kin_query_init(&self->query, &of->s.catalog, &err), &err);
    test_ok(kin_rescore_workspace_init(&self->space, n, modalities, &err), &err);
    test_ok(kin_rows_init(&self->one, 1, of->k, modalities, &err), &err);
    self->pair = calloc(n, sizeof *self->pair);
    assert_non_null(self->pair);
}

static void checker_release(checker *self)
{
    kin_query_release(&self->query);
    kin_rescore_workspace_release(&self->space);
    kin_rows_release(&self->one);
    free(self->pair);
}

static void check_slot(checker *self, const job *of, const kin_rows *got, size_t q, size_t slot,
                       const char *where)
{
    size_t row = (size_t)of->row[slot], count = of->given_count[slot];
    char place[160];
    snprintf(place, sizeof place, "%s, slot %zu, row %zu", where, slot, row);
    kin_query_set_row(&self->query, row);
    kin_rescore(&self->query, of->given[slot], count, &self->space, &self->one, 0);
    if (!same_row(got, q, &self->one))
        fail_msg("%s: not what kin_rescore gives", place);
    count = oracle_row(&of->s.oracle, row, of->given[slot], count, of->k, self->pair);
    sample_assert_row(got, q, self->pair, count, place);
}

/* How many candidates pruning leaves slots first .. first + count - 1. */
static uint64_t pruned(const job *self, size_t first, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += self->collectors.count[self->lead + first + i];
    return sum;
}

/* Finishes everything in pieces of at most `rows`: full ones, or of any size. */
static void finish(job *self, size_t rows, bool any_size, const char *where, uint64_t *random)
{
    kin_error err;
    kin_reranker *reranker;
    checker by;
    size_t n = self->s.oracle.n;
    uint64_t pairs = 7, wanted = 7; /* it adds to what is there */
    checker_init(&by, self);
    test_ok(kin_reranker_new(&reranker, &self->s.catalog, self->k, self->capacity, rows, &err),
            &err);
    for (size_t at = 0, count; at < n; at += count) {
        count = any_size ? test_random_below(random, rows + 1) : rows; /* none, too */
        count = count < n - at ? count : n - at;
        const kin_rows *got = kin_reranker_run(reranker, &self->collectors, self->lead + at,
                                               self->row + at, count, &pairs);
        assert_int_equal(got->count, count);
        for (size_t q = 0; q < count; q++)
            check_slot(&by, self, got, q, at + q, where);
        wanted += pruned(self, at, count);
        assert_true(pairs == wanted);
    }
    kin_reranker_free(reranker);
    checker_release(&by);
}

/* ---- tests ----------------------------------------------------------------------------------- */

/* A set by its number: types, policies, numbers of modalities, kinds of rows and of candidates
 * are taken round at different paces. */
static sample_spec draw_spec(size_t set, uint64_t *random)
{
    static const sample_kind kinds[] = {SAMPLE_NORMAL, SAMPLE_EQUAL, SAMPLE_DUPLICATES, SAMPLE_AXES,
                                        SAMPLE_NEAR};
    static const size_t dimensions[] = {1, 3, 7, 31, 33, 64, 65};
    static const double weights[] = {0.6, 1e-3, 250};
    sample_spec spec = {.seed = test_random(random) | 1,
                        .n = 66 + test_random_below(random, 35),
                        .modality_count = 1 + set % 3,
                        .kind = kinds[set / 2 % TEST_COUNT(kinds)],
                        .missing = (kin_missing)(set / 3 % KIN_MISSING_ERROR),
                        .missing_share = set % 4 == 0 ? 0 : 0.3};
    for (size_t m = 0; m < spec.modality_count; m++) {
        spec.d[m] = dimensions[test_random_below(random, TEST_COUNT(dimensions))];
        spec.dtype[m] = (kin_dtype)((set + m) % KIN_DTYPE_COUNT);
        spec.weight[m] = weights[m];
    }
    return spec;
}

static void test_as_row_by_row(void **state)
{
    (void)state;
    static const size_t ks[] = {1, 5, 20, 99};
    uint64_t random = 11;
    for (size_t set = 0; set < SETS_SHARE(180); set++) {
        char where[96];
        sample_spec spec = draw_spec(set, &random);
        choice_kind kind = (choice_kind)(set / 2 % CHOICE_KINDS);
        size_t rows = set % 3 == 0 ? 1 : set % 3 == 1 ? spec.n : 2 + test_random_below(&random, 80);
        job one = {.k = ks[test_random_below(&random, TEST_COUNT(ks))],
                   .capacity = set % 2 ? 0 : test_random_below(&random, 50), /* more than needed */
                   .lead = test_random_below(&random, 9),
                   .tolerance = set % 5 ? 0.01f : INFINITY};
        job_make(&one, &spec, kind, &random);
        snprintf(where, sizeof where, "set %zu, candidates %d, k %zu, %zu rows", set, (int)kind,
                 one.k, rows);
        finish(&one, rows, set % 7 > 3, where, &random);
        job_release(&one);
    }
}

/* All types with all policies, all rows request every candidate: groups are full. */
static void test_long_runs(void **state)
{
    (void)state;
    uint64_t random = 12;
    for (int type = 0; type < KIN_DTYPE_COUNT; type++)
        for (int policy = 0; policy < KIN_MISSING_ERROR; policy++) {
            char where[64];
            sample_spec spec = {.seed = test_random(&random) | 1,
                                .n = 133,
                                .modality_count = 2,
                                .kind = type % 2 ? SAMPLE_DUPLICATES : SAMPLE_EQUAL,
                                .missing = (kin_missing)policy,
                                .missing_share = 0.2,
                                .d = {9, 35},
                                .dtype = {(kin_dtype)type, KIN_F32},
                                .weight = {0.5, 0.5}};
            job one = {.k = 30, .tolerance = INFINITY};
            job_make(&one, &spec, EVERYTHING, &random);
            snprintf(where, sizeof where, "type %d, policy %d", type, policy);
            finish(&one, spec.n, false, where, &random);
            job_release(&one);
        }
}

/* What pruning drops is not scored: close estimates leave little more than k. */
static void test_pairs_are_pruned(void **state)
{
    (void)state;
    enum { N = 90, PIECE = 40 };
    kin_error err;
    kin_reranker *reranker;
    uint64_t random = 13;
    sample_spec spec = {.seed = 5, .n = N, .modality_count = 1, .d = {16}, .weight = {1}};
    job one = {.k = 10, .tolerance = 1e-5f, .lead = 4};
    job_make(&one, &spec, EVERYTHING, &random);
    test_ok(kin_reranker_new(&reranker, &one.s.catalog, one.k, one.capacity, PIECE, &err), &err);
    for (size_t at = 0; at < N; at += PIECE) {
        size_t count = N - at < PIECE ? N - at : PIECE;
        uint64_t pairs = 0;
        kin_reranker_run(reranker, &one.collectors, one.lead + at, one.row + at, count, &pairs);
        assert_true(pairs >= count * one.k && pairs < count * (one.k + 4));
    }
    kin_reranker_free(reranker);
    job_release(&one);
}

static void test_rows_good(void **state)
{
    (void)state;
    kin_catalog catalog = {.modality_count = 1};
    for (size_t d = 1; d <= 32768; d *= 8)
        for (size_t capacity = 33; capacity < 1 << 20; capacity *= 4) {
            catalog.modality[0].matrix.d = d;
            size_t rows = kin_reranker_rows_good(&catalog, capacity);
            assert_in_range(rows, 1, 512);
            assert_true(rows == 1 || rows * capacity <= 1 << 18);
            assert_true(rows == 1 || rows * d * sizeof(float) <= 1200 << 10);
        }
    assert_true(kin_reranker_bytes(&catalog, 200, SIZE_MAX / 8, 3) == SIZE_MAX);
}

/* ---- memory ---------------------------------------------------------------------------------- */

#if defined(__GLIBC__) && !TEST_SANITIZED
/* Bytes that are allocated now. */
static size_t allocated(void)
{
    return mallinfo2().uordblks;
}

static void check_bytes(const sample *s, size_t k, size_t rows)
{
    enum { BOOKKEEPING = 4096 }; /* the C library's own, per block */
    kin_error err;
    kin_reranker *reranker;
    size_t capacity = kin_collectors_capacity_good(k), before = allocated();
    test_ok(kin_reranker_new(&reranker, &s->catalog, k, capacity, rows, &err), &err);
    size_t taken = allocated() - before;
    size_t told = kin_reranker_bytes(&s->catalog, k, capacity, rows);
    if (taken > told + BOOKKEEPING || told > taken + BOOKKEEPING)
        fail_msg("k %zu, %zu rows: %zu bytes taken, %zu told", k, rows, taken, told);
    kin_reranker_free(reranker);
}

/* The plan's number is what is taken: what is left out would exceed the budget that a user set. */
static void test_bytes(void **state)
{
    (void)state;
    mallopt(M_MMAP_MAX, 0); /* or large blocks would be counted apart */
    for (size_t modalities = 1; modalities <= 3; modalities++) {
        sample s;
        sample_spec spec = {.seed = 3,
                            .n = 4,
                            .modality_count = modalities,
                            .d = {300, 2000, 7},
                            .weight = {1, 1, 1}};
        sample_make(&s, &spec);
        for (size_t k = 1; k < 1000; k *= 10)
            for (size_t rows = 1; rows <= 512; rows *= 8)
                check_bytes(&s, k, rows);
        sample_release(&s);
    }
}
#else
static void test_bytes(void **state)
{
    (void)state;
    skip();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_row_by_row),
        cmocka_unit_test(test_long_runs),
        cmocka_unit_test(test_pairs_are_pruned),
        cmocka_unit_test(test_rows_good),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
