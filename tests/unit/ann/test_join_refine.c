/*
 * ann/join_near.h and ann/join_refine.h against plain reimplementations: near lists, their reverse,
 * and refined rows, which are the best K of the row and of all candidates that the header names.
 * Then sinks that keep no row, some rows or fail to return one, and the same bytes for any number
 * of threads.
 */
#include "ann/join_refine.h"
#include "core/random.h"
#include "core/threads.h"
#include "support/join_run.h"
#include "support/test.h"

#include <stdlib.h>

/* A join that probes few clusters, so that there is something to refine; codes exclude no more than
 * they must. */
static kin_join *make(const sample *s, size_t k, int threads)
{
    kin_join_options options = {.top_k = k, .target = 0.95, .seed = 1};
    kin_join *join = join_make(s, &options, threads);
    join->effort.probe_sigmas = 0.2f;
    return join;
}

static sample_spec spec_of(sample_kind kind, size_t n)
{
    return (sample_spec){.seed = 40 + (uint64_t)kind,
                         .n = n,
                         .modality_count = 2,
                         .d = {90, 30},
                         .weight = {1, 0.4},
                         .kind = kind,
                         .missing_share = 0.1};
}

/* ---- near lists ------------------------------------------------------------------------------ */

enum { LISTED = KIN_NEAR_ROWS + 9 };

/* A list of up to LISTED rows that are in pairs, the row itself among them. */
static void draw_list(kin_rows *block, const kin_clustering *of, size_t at, uint64_t key)
{
    size_t count = kin_random_bits(key, 2 * at) % LISTED,
           stride = 1 + kin_random_bits(key, 2 * at + 1) % 5;
    block->filled[0] = (uint32_t)(count < of->count ? count : of->count / stride);
    for (size_t e = 0; e < block->filled[0]; e++)
        block->neighbor[e] = of->row[(at + e * stride) % of->count];
}

/* Row `at` of the order has the first rows of the list but itself. */
static void check_nearest(const kin_join_near *near, const kin_clustering *of, size_t at,
                          const kin_rows *block, size_t slot)
{
    const int32_t *nearest = near->nearest + at * KIN_NEAR_ROWS;
    size_t kept = 0;
    assert_int_equal(near->position[of->row[at]], at);
    for (size_t e = 0; e < block->filled[slot] && kept < KIN_NEAR_ROWS; e++) {
        int32_t row = block->neighbor[slot * block->k + e];
        if (row != of->row[at])
            assert_int_equal(of->row[nearest[kept++]], row);
    }
    for (; kept < KIN_NEAR_ROWS; kept++)
        assert_int_equal(nearest[kept], -1);
}

static bool names(const kin_join_near *near, size_t at, size_t other)
{
    for (size_t e = 0; e < KIN_NEAR_ROWS; e++)
        if (near->nearest[at * KIN_NEAR_ROWS + e] == (int32_t)other)
            return true;
    return false;
}

/* Each row is named by all that list it, ascending, and by no other. */
static void check_naming(const kin_join_near *near)
{
    size_t e = 0;
    for (size_t other = 0; other < near->count; other++) {
        assert_int_equal(near->start[other], e);
        for (size_t at = 0; at < near->count; at++)
            if (names(near, at, other))
                assert_int_equal(near->naming[e++], at);
    }
    assert_int_equal(near->start[near->count], e);
}

static void test_near(void **state)
{
    (void)state;
    sample s;
    taker t;
    kin_rows block;
    kin_error err = {0};
    uint64_t key = kin_random_key(7, 0, 0);
    sample_spec spec = spec_of(SAMPLE_DUPLICATES, 500);
    sample_make(&s, &spec);
    kin_join *join = make(&s, 5, 2);
    join_take(join, &s, 5, &t);
    const kin_clustering *of = &join->codes.clustering;
    test_ok(kin_rows_init(&block, 1, LISTED, 2, &err), &err);
    for (size_t at = 0; at < of->count; at++) { /* in place of the run's own */
        draw_list(&block, of, at, key);
        kin_join_near_keep(&join->near, of->row[at], &block, 0);
        check_nearest(&join->near, of, at, &block, 0);
    }
    for (int again = 0; again < 2; again++) {
        kin_join_near_turn(&join->near);
        check_naming(&join->near);
    }
    kin_rows_release(&block);
    taker_release(&t);
    kin_join_free(join);
    sample_release(&s);
}

/* ---- refined rows ---------------------------------------------------------------------------- */

/* A row under way, as ann/join_refine.h describes it. */
typedef struct model {
    const sample *s;
    const kin_join *join;
    size_t k, item, filled;
    bool *seen;         /* [near.count] */
    int32_t *candidate; /* [near.count] */
    size_t candidates;
    int32_t *to_ask;                   /* [near.count] */
    oracle_pair *row;                  /* [k + 1] */
    unsigned long long added, refined; /* of all rows */
} model;

static void model_init(model *self, const sample *s, const kin_join *join, size_t k)
{
    size_t count = join->near.count;
    *self = (model){.s = s, .join = join, .k = k};
    self->seen = calloc(count, sizeof *self->seen);
    self->candidate = calloc(count, sizeof *self->candidate);
    self->to_ask = calloc(count, sizeof *self->to_ask);
    self->row = calloc(k + 1, sizeof *self->row);
    assert_true(self->seen && self->candidate && self->to_ask && self->row);
}

static void model_release(model *self)
{
    free(self->seen);
    free(self->candidate);
    free(self->to_ask);
    free(self->row);
}

/* The place in the order of the row that stands for an item. */
static size_t place_of(const kin_join *join, size_t item)
{
    return (size_t)join->position[item];
}

static void add_candidate(model *self, size_t at)
{
    if (!self->seen[at])
        self->candidate[self->candidates++] = (int32_t)at;
    self->seen[at] = true;
}

static void add_nearest(model *self, size_t at)
{
    const int32_t *nearest = self->join->near.nearest + at * KIN_NEAR_ROWS;
    for (size_t e = 0; e < KIN_NEAR_ROWS && nearest[e] >= 0; e++)
        add_candidate(self, (size_t)nearest[e]);
}

/* The first pass's row, and whom it asks first. */
static void start(model *self, size_t item, const kin_rows *first)
{
    const kin_join_near *near = &self->join->near;
    size_t at = place_of(self->join, item);
    const int32_t *nearest = near->nearest + at * KIN_NEAR_ROWS;
    memset(self->seen, 0, near->count * sizeof *self->seen);
    self->item = item;
    self->candidates = 0;
    self->filled = first->filled[item];
    self->seen[at] = true;
    for (size_t e = 0; e < self->filled; e++) {
        size_t other = (size_t)first->neighbor[item * first->k + e];
        assert_true(oracle_score(&self->s->oracle, item, other, &self->row[e]));
        self->seen[place_of(self->join, other)] = true;
    }
    for (size_t e = 0; e < KIN_NEAR_ASKED && nearest[e] >= 0; e++)
        add_nearest(self, (size_t)nearest[e]);
    for (size_t e = near->start[at]; e < near->start[at + 1]; e++)
        add_candidate(self, (size_t)near->naming[e]);
}

/* An item into the best K; false if it is not among them. */
static bool insert(model *self, const oracle_pair *pair)
{
    size_t to = self->filled;
    for (;
         to > 0 && (pair->score > self->row[to - 1].score ||
                    (pair->score == self->row[to - 1].score && pair->row < self->row[to - 1].row));
         to--)
        self->row[to] = self->row[to - 1];
    self->row[to] = *pair;
    bool entered = to < self->k;
    self->filled += self->filled < self->k;
    return entered;
}

/* The items of a candidate; whether it is among the first KIN_NEAR_STABLE then. */
static bool take(model *self, size_t at)
{
    const kin_distinct *distinct = &self->join->duplicates.distinct;
    int32_t group = distinct->of[self->join->codes.clustering.row[at]];
    size_t entered = 0;
    oracle_pair pair = {0};
    for (size_t e = distinct->start[group]; e < distinct->start[group + 1]; e++)
        if (oracle_score(&self->s->oracle, self->item, (size_t)distinct->item[e], &pair))
            entered += insert(self, &pair);
    self->added += entered;
    size_t last = self->filled < KIN_NEAR_STABLE ? self->filled : KIN_NEAR_STABLE;
    return entered > 0 && pair.score >= self->row[last - 1].score;
}

static void refine(model *self, size_t item, const kin_rows *first)
{
    unsigned long long before = self->added;
    start(self, item, first);
    for (int round = 0; round < KIN_NEAR_ROUNDS; round++) {
        size_t asked = 0;
        for (size_t c = 0; c < self->candidates; c++)
            if (take(self, (size_t)self->candidate[c]))
                self->to_ask[asked++] = self->candidate[c];
        self->candidates = 0;
        for (size_t a = 0; a < asked; a++)
            add_nearest(self, (size_t)self->to_ask[a]);
    }
    self->refined += self->added > before;
}

/* Rows of the first pass alone: the sink cannot be read. */
static void take_first(kin_join *join, const sample *s, size_t k, taker *t)
{
    kin_error err = {0};
    taker_init(t, s, k);
    kin_row_sink sink = taker_sink(t);
    sink.read = NULL;
    test_ok(kin_join_run(join, sink, NULL, &err), &err);
    t->rows.count = s->oracle.n;
    for (size_t i = 0; i < t->n; i++)
        assert_int_equal(t->taken[i], 1);
    const kin_join_report *report = kin_join_get_report(join);
    assert_true(report->rows_refined == 0 && report->neighbors_added == 0);
}

/* Where no items are the same, a near list is the beginning of the first pass's row. */
static void check_lists(const kin_join *join, const kin_rows *first)
{
    const kin_clustering *of = &join->codes.clustering;
    for (size_t at = 0; at < of->count && join->duplicates.distinct.count == first->count; at++)
        check_nearest(&join->near, of, at, first, (size_t)of->row[at]);
}

/* Whether row i is the model's. */
static bool same_row(const kin_rows *rows, size_t i, const model *m)
{
    bool same = rows->filled[i] == m->filled;
    for (size_t e = 0; e < m->filled && same; e++)
        same = rows->neighbor[i * rows->k + e] == m->row[e].row &&
               rows->score[i * rows->k + e] == m->row[e].score;
    return same;
}

/* Estimates are off by more than the tolerance for one pair in some hundreds, and it takes a pair
 * near its threshold to lose it: so many rows may differ. */
static size_t different_most(size_t n)
{
    return 2 + n / 400;
}

static void evaluate(const sample_spec *spec, size_t k, int threads)
{
    sample s;
    taker first, refined;
    model m;
    size_t different = 0;
    sample_make(&s, spec);
    kin_join *join = make(&s, k, threads);
    take_first(join, &s, k, &first);
    kin_join_report report = join_take(join, &s, k, &refined);
    check_lists(join, &first.rows);
    model_init(&m, &s, join, k);
    for (size_t i = 0; i < spec->n; i++)
        if (join->duplicates.distinct.of[i] >= 0) {
            refine(&m, i, &first.rows);
            different += !same_row(&refined.rows, i, &m);
        }
    if (different > different_most(spec->n) || report.rows_refined > m.refined + different ||
        m.refined > report.rows_refined + different)
        fail_msg("kind %d, K %zu: %zu rows differ; %llu of %llu refined", (int)spec->kind, k,
                 different, report.rows_refined, m.refined);
    assert_int_equal(refined.calls, spec->n + report.rows_refined);
    if (k >= 7 && spec->n > 1000 && spec->kind == SAMPLE_MIXTURE &&
        spec->missing == KIN_MISSING_RENORM)
        assert_true(m.added > 0);
    model_release(&m);
    kin_join_free(join);
    taker_release(&first);
    taker_release(&refined);
    sample_release(&s);
}

/* Rows that are full and rows that cannot be, items that are the same, items that lack what others
 * have. */
static void test_refined(void **state)
{
    (void)state;
    static const sample_kind kinds[] = {SAMPLE_MIXTURE, SAMPLE_DUPLICATES, SAMPLE_CLUSTERS,
                                        SAMPLE_NORMAL};
    for (size_t c = 0; c < TEST_COUNT(kinds); c++)
        for (size_t policy = 0; policy < (SETS_SANITIZED ? 1 : 3); policy++) {
            sample_spec spec = spec_of(kinds[c], SETS_SANITIZED ? 1500 : 4000);
            spec.missing = (kin_missing)policy;
            evaluate(&spec, 1, 1);
            evaluate(&spec, 7, 2);
            evaluate(&spec, 40, 3);
            spec.n = 300;
            evaluate(&spec, spec.n - 1, 2);
        }
}

/* Two items, one, none that is in a pair. */
static void test_few(void **state)
{
    (void)state;
    for (size_t n = 2; n < 9; n++)
        for (size_t k = 1; k < n; k++) {
            sample_spec spec = spec_of(n % 2 ? SAMPLE_EQUAL : SAMPLE_NORMAL, n);
            spec.missing_share = n == 8 ? 1 : 0.3;
            evaluate(&spec, k, 2);
        }
}

/* ---- sinks ----------------------------------------------------------------------------------- */

/* Keeps the rows of even items alone, and fails when asked for item `faulty`. */
typedef struct half {
    taker *taker;
    size_t faulty;
} half;

static int write_half(void *self, size_t first, const kin_rows *rows, kin_error *err)
{
    kin_row_sink sink = taker_sink(((half *)self)->taker);
    return sink.write(sink.self, first, rows, err);
}

static int read_half(void *self, size_t query, kin_rows *out, size_t slot, kin_error *err)
{
    const half *of = self;
    kin_row_sink sink = taker_sink(of->taker);
    if (query == of->faulty)
        return kin_fail(err, KIN_E_IO, NULL, "row %zu is gone", query);
    return query % 2 ? KIN_ROW_NOT_KEPT : sink.read(sink.self, query, out, slot, err);
}

/* Even rows are those of the whole run, odd ones those of the first pass. */
static void check_halves(const kin_rows *found, const kin_rows *first, const kin_rows *whole)
{
    size_t k = found->k, changed = 0;
    for (size_t i = 0; i < whole->count; i++) {
        const kin_rows *wanted = i % 2 ? first : whole;
        size_t bytes = wanted->filled[i] * sizeof *wanted->neighbor;
        assert_int_equal(found->filled[i], wanted->filled[i]);
        assert_memory_equal(found->neighbor + i * k, wanted->neighbor + i * k, bytes);
        changed += memcmp(first->neighbor + i * k, whole->neighbor + i * k, bytes) != 0;
    }
    assert_true(changed > 0);
}

/* Rows that are kept are refined as if all were; the others stay as the first pass made them. */
static void test_sinks(void **state)
{
    (void)state;
    enum { K = 12 };
    sample s;
    taker first, whole, t;
    kin_error err = {0};
    sample_spec spec = spec_of(SAMPLE_MIXTURE, 3000);
    sample_make(&s, &spec);
    kin_join *join = make(&s, K, 2);
    take_first(join, &s, K, &first);
    join_take(join, &s, K, &whole);
    taker_init(&t, &s, K);
    half even = {&t, SIZE_MAX};
    kin_row_sink sink = {.self = &even, .write = write_half, .read = read_half};
    test_ok(kin_join_run(join, sink, NULL, &err), &err);
    check_halves(&t.rows, &first.rows, &whole.rows);
    taker_release(&t);
    taker_init(&t, &s, K);
    even.faulty = 1000;
    test_refused(kin_join_run(join, sink, NULL, &err), &err, KIN_E_IO, "row 1000 is gone");
    taker_release(&t);
    taker_release(&first);
    taker_release(&whole);
    kin_join_free(join);
    sample_release(&s);
}

/* ---- same bytes ------------------------------------------------------------------------------ */

static void test_threads(void **state)
{
    (void)state;
    enum { K = 15 };
    static const int threads[] = {1, 2, 3, 7};
    sample s;
    taker first, t;
    kin_join_report wanted, report;
    sample_spec spec = spec_of(SAMPLE_MIXTURE, SETS_SANITIZED ? 2000 : 6000);
    sample_make(&s, &spec);
    for (size_t c = 0; c < TEST_COUNT(threads); c++) {
        kin_join *join = make(&s, K, threads[c]);
        report = join_take(join, &s, K, c == 0 ? &first : &t);
        kin_join_free(join);
        if (c == 0) {
            wanted = report;
            assert_true(report.neighbors_added > 0);
            continue;
        }
        join_assert_same(&t.rows, &first.rows, "threads");
        assert_memory_equal(&report, &wanted, sizeof report);
        taker_release(&t);
    }
    taker_release(&first);
    sample_release(&s);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near),  cmocka_unit_test(test_refined), cmocka_unit_test(test_few),
        cmocka_unit_test(test_sinks), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
