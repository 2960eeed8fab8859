/*
 * core/score and core/rows: selection against a full sort, sorting by some bits, the order of
 * floats, rescoring against the oracle under every policy, queries from outside, many items at a
 * time, the best of what is scored, the sink that keeps rows in memory, parts of a block.
 */
#include "core/score.h"
#include "core/select.h"
#include "support/sample.h"
#include "support/test.h"

#include <float.h>
#include <math.h>

/* ---- selection ------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Orders that are hard on a quicksort with a median of three. */
static uint64_t draw_key(int kind, size_t i, size_t count, uint64_t *random)
{
    switch (kind) {
    case 0:
        return test_random(random);
    case 1:
        return i;
    case 2:
        return count - i;
    case 3:
        return i < count / 2 ? 2 * i : 2 * (count - i) + 1; /* up, then down */
    case 4:
        return i % 2 ? i : UINT64_MAX - i;
    case 5:
        return test_random_below(random, 3); /* equal ones, which callers never pass */
    case 6:
        return 7;
    default:
        return i * 0x9e3779b97f4a7c15u;
    }
}

static void test_select(void **state)
{
    (void)state;
    enum { MOST = 2000, KINDS = 8 };
    static uint64_t keys[MOST], sorted[MOST], all[MOST];
    uint64_t random = 3;
    for (size_t round = 0; round < 2500; round++) {
        size_t count = test_random_below(&random, round % 50 ? 70 : MOST + 1);
        size_t k = round % 3 ? test_random_below(&random, count + 1) : count;
        for (size_t i = 0; i < count; i++)
            keys[i] = sorted[i] = draw_key((int)(round % KINDS), i, count, &random);
        qsort(sorted, count, sizeof *sorted, ascending);
        kin_keys_select(keys, count, k);
        assert_memory_equal(keys, sorted, k * sizeof *keys);
        memcpy(all, keys, count * sizeof *keys); /* nothing is lost behind the k either */
        qsort(all, count, sizeof *all, ascending);
        assert_memory_equal(all, sorted, count * sizeof *all);
    }
}

/* Keys of every number up to a thousand: what callers pass, and what they may come to pass. */
static uint64_t draw_small_key(int kind, size_t i, size_t count, uint64_t *random)
{
    switch (kind) {
    case 0:
        return test_random(random);
    case 1:
        return i; /* sorted */
    case 2:
        return count - i;
    case 3: /* one score, candidates in no order */
        return (uint64_t)7 << 32 | (uint32_t)(i * 0x9e3779b1u);
    case 4: /* few scores */
        return test_random_below(random, 4) << 62 | i;
    default: /* repeats */
        return test_random_below(random, count / 4 + 1);
    }
}

static void test_select_all_sizes(void **state)
{
    (void)state;
    enum { MOST = 1000, KINDS = 6 };
    static uint64_t drawn[MOST], keys[MOST], sorted[MOST];
    uint64_t random = 4;
    for (size_t count = 0; count <= MOST; count++)
        for (int kind = 0; kind < KINDS; kind++) {
            for (size_t i = 0; i < count; i++)
                drawn[i] = sorted[i] = draw_small_key(kind, i, count, &random);
            qsort(sorted, count, sizeof *sorted, ascending);
            size_t some = test_random_below(&random, count + 1);
            size_t ks[] = {0, count < 1 ? 0 : 1, some, count};
            for (size_t t = 0; t < TEST_COUNT(ks); t++) {
                memcpy(keys, drawn, count * sizeof *keys);
                kin_keys_select(keys, count, ks[t]);
                assert_memory_equal(keys, sorted, ks[t] * sizeof *keys);
            }
            if (some == count)
                continue;
            memcpy(keys, drawn, count * sizeof *keys);
            assert_true(kin_keys_nth(keys, count, some) == sorted[some]);
            for (size_t i = 0; i < count; i++)
                assert_true(i < some ? keys[i] <= sorted[some] : keys[i] >= sorted[some]);
        }
}

/* ---- sorting --------------------------------------------------------------------------------- */

/* Ascending by the bits of `mask`, equal ones as they came: by insertion. */
static void sort_slowly(uint64_t *keys, size_t count, uint64_t mask)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t key = keys[i];
        size_t at = i;
        for (; at > 0 && (keys[at - 1] & mask) > (key & mask); at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

/* Whole keys, halves, bytes, parts of a byte, none: outside the range no bit counts, and what is
 * equal in it keeps its order. */
static void test_sort(void **state)
{
    (void)state;
    enum { MOST = 600, KINDS = 6 };
    static const unsigned ranges[][2] = {{0, 64}, {32, 64}, {0, 32}, {8, 16}, {0, 4},
                                         {3, 21}, {60, 64}, {0, 1},  {5, 5},  {31, 44}};
    static uint64_t keys[MOST], sorted[MOST], space[MOST + 1];
    uint64_t random = 8;
    for (size_t round = 0; round < 600; round++) {
        const unsigned *bits = ranges[round % TEST_COUNT(ranges)];
        uint64_t below = bits[1] == 64 ? UINT64_MAX : ((uint64_t)1 << bits[1]) - 1;
        uint64_t mask = below & ~(((uint64_t)1 << bits[0]) - 1);
        size_t count = round < 30 ? round / 10 : test_random_below(&random, MOST + 1);
        int kind = (int)test_random_below(&random, KINDS);
        for (size_t i = 0; i < count; i++)
            keys[i] = sorted[i] = draw_small_key(kind, i, count, &random);
        space[count] = 77;
        kin_keys_sort(keys, space, count, bits[0], bits[1]);
        sort_slowly(sorted, count, mask);
        assert_memory_equal(keys, sorted, count * sizeof *keys);
        assert_true(space[count] == 77);
    }
}

/* ---- floats in order ------------------------------------------------------------------------- */

static void test_order_of_floats(void **state)
{
    (void)state;
    static const float rising[] = {
        -INFINITY, -FLT_MAX, -1.5f,        -1, -FLT_MIN,     -0x1p-149f, 0,
        0x1p-149f, FLT_MIN,  1 - 0x1p-24f, 1,  1 + 0x1p-23f, FLT_MAX,    INFINITY};
    for (size_t a = 0; a < TEST_COUNT(rising); a++)
        for (size_t b = 0; b < TEST_COUNT(rising); b++)
            assert_int_equal(kin_score_order(rising[a]) < kin_score_order(rising[b]), a < b);
    assert_int_equal(kin_score_order(-0.0f), kin_score_order(0.0f));
    uint64_t random = 5;
    for (size_t i = 0; i < 100000; i++) {
        float pair[2];
        uint64_t bits = test_random(&random);
        memcpy(pair, &bits, sizeof pair);
        if (isnan(pair[0]) || isnan(pair[1]))
            continue;
        assert_int_equal(kin_score_order(pair[0]) < kin_score_order(pair[1]), pair[0] < pair[1]);
    }
}

static uint32_t bits_of(float score)
{
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    return bits;
}

static void test_float_from_order(void **state)
{
    (void)state;
    static const float some[] = {-INFINITY, -FLT_MAX, -1, -FLT_MIN, -0x1p-149f, 0,
                                 0x1p-149f, FLT_MIN,  1,  FLT_MAX,  INFINITY};
    uint64_t random = 6;
    for (size_t i = 0; i < TEST_COUNT(some); i++)
        assert_int_equal(bits_of(kin_score_from_order(kin_score_order(some[i]))), bits_of(some[i]));
    assert_int_equal(bits_of(kin_score_from_order(kin_score_order(-0.0f))), bits_of(0.0f));
    for (size_t i = 0; i < 100000; i++) {
        float score;
        uint32_t bits = (uint32_t)test_random(&random);
        memcpy(&score, &bits, sizeof score);
        if (!isnan(score) && score != 0)
            assert_int_equal(bits_of(kin_score_from_order(kin_score_order(score))), bits);
    }
}

/* ---- rescoring ------------------------------------------------------------------------------- */

/* Every second to fourth item as candidates of every row, with the row itself or without. */
static void check_sample(const sample *s, size_t step, size_t k)
{
    size_t n = s->oracle.n;
    size_t count = 0;
    kin_error err;
    kin_query query;
    kin_rescore_workspace space;
    kin_rows rows;
    int32_t *candidate = malloc(n * sizeof *candidate);
    oracle_pair *wanted = malloc(n * sizeof *wanted);
    for (size_t j = 0; j < n; j += step)
        candidate[count++] = (int32_t)j;
    test_ok(kin_query_init(&query, &s->catalog, &err), &err);
    test_ok(kin_rescore_workspace_init(&space, count, s->catalog.modality_count, &err), &err);
    test_ok(kin_rows_init(&rows, 2, k, s->catalog.modality_count, &err), &err);
    for (size_t i = 0; i < n; i++) {
        char where[64];
        kin_query_set_row(&query, i);
        kin_rescore(&query, candidate, count, &space, &rows, 1);
        size_t found = oracle_row(&s->oracle, i, candidate, count, k, wanted);
        snprintf(where, sizeof where, "row %zu, step %zu, k %zu", i, step, k);
        sample_assert_row(&rows, 1, wanted, found, where);
    }
    kin_rescore(&query, candidate, 0, &space, &rows, 0);
    assert_int_equal(rows.filled[0], 0);
    kin_rows_release(&rows);
    kin_rescore_workspace_release(&space);
    kin_query_release(&query);
    free(candidate);
    free(wanted);
}

static void test_rescore(void **state)
{
    (void)state;
    for (int kind = 0; kind < SAMPLE_KINDS; kind++)
        for (int policy = 0; policy < KIN_MISSING_ERROR; policy++) {
            sample s;
            sample_spec spec = {.seed = 77 + (uint64_t)kind,
                                .n = 60,
                                .modality_count = 3,
                                .kind = (sample_kind)kind,
                                .missing = (kin_missing)policy,
                                .missing_share = 0.25,
                                .d = {33, 70, 4},
                                .weight = {0.6, 1e-3, 250},
                                .dtype = {KIN_F32, KIN_F64, KIN_F32}};
            sample_make(&s, &spec);
            for (size_t step = 1; step < 4; step++)
                check_sample(&s, step, step == 1 ? 59 : 5);
            sample_release(&s);
        }
}

/* Vectors from outside: an item's own vectors give the item's scores, the item included. */
static void test_outside_vectors(void **state)
{
    (void)state;
    for (int policy = 0; policy < KIN_MISSING_ERROR; policy++) {
        sample s;
        kin_error err;
        kin_query inside;
        kin_query outside;
        sample_spec spec = {.seed = 9,
                            .n = 30,
                            .modality_count = 2,
                            .missing = (kin_missing)policy,
                            .missing_share = 0.3,
                            .d = {20, 5},
                            .weight = {0.6, 0.4}};
        sample_make(&s, &spec);
        test_ok(kin_query_init(&inside, &s.catalog, &err), &err);
        test_ok(kin_query_init(&outside, &s.catalog, &err), &err);
        for (size_t i = 0; i < 30; i++) {
            const float *x[2] = {s.oracle.x[0] + 20 * i, s.oracle.x[1] + 5 * i};
            if (!(s.oracle.present[i] & 1) && i % 2)
                x[0] = NULL; /* not given is missing as a zero row is */
            kin_query_set_row(&inside, i);
            kin_query_set_vectors(&outside, x);
            assert_true(inside.row == (int64_t)i && outside.row == -1);
            assert_int_equal(inside.present, outside.present);
            for (size_t j = 0; j < 30; j++) {
                float a = -7;
                float b = -7;
                float cosine_a[KIN_MODALITIES_MAX];
                float cosine_b[KIN_MODALITIES_MAX];
                bool pair = kin_query_score(&inside, j, &a, cosine_a);
                assert_int_equal(kin_query_score(&outside, j, &b, cosine_b), pair);
                assert_true(a == b && (pair || a == -7));
            }
        }
        kin_query_release(&inside);
        kin_query_release(&outside);
        sample_release(&s);
    }
}

/* ---- many at a time -------------------------------------------------------------------------- */

static bool same_float(float a, float b)
{
    return bits_of(a) == bits_of(b) || (isnan(a) && isnan(b));
}

/* Items first .. first + count - 1 of `wide`, each with `item`, which is x, as the query x finds
 * them one at a time. */
static void check_items(const kin_query *x, const kin_item *item, const kin_wide_item *wide,
                        size_t first, size_t count)
{
    const kin_wide_item *y[KIN_ITEMS_MAX];
    bool pair[KIN_ITEMS_MAX];
    float score[KIN_ITEMS_MAX], cosine[KIN_ITEMS_MAX * KIN_MODALITIES_MAX];
    size_t modalities = x->catalog->modality_count;
    for (size_t i = 0; i < count; i++)
        y[i] = &wide[first + i];
    kin_items_score(x, item, y, count, pair, score, cosine);
    for (size_t i = 0; i < count; i++) {
        float wanted, alone[KIN_MODALITIES_MAX];
        assert_int_equal(pair[i], kin_query_score(x, first + i, &wanted, alone));
        if (!pair[i])
            continue;
        assert_true(same_float(score[i], wanted));
        for (size_t m = 0; m < modalities; m++)
            assert_true(same_float(cosine[i * modalities + m], alone[m]));
    }
}

/* Every pair of a catalog, in blocks of all sizes from 0 to KIN_ITEMS_MAX. */
static void check_all_items(const sample *s)
{
    kin_error err;
    kin_query x;
    size_t n = s->oracle.n, d = kin_catalog_dimensions(&s->catalog);
    kin_wide_item *wide = calloc(n, sizeof *wide);
    double *wide_memory = calloc(n * d, sizeof *wide_memory);
    float *memory = calloc(d, sizeof *memory);
    assert_true(wide && wide_memory && memory);
    for (size_t i = 0; i < n; i++)
        wide[i] = kin_wide_item_load(&s->catalog, i, wide_memory + i * d);
    test_ok(kin_query_init(&x, &s->catalog, &err), &err);
    for (size_t i = 0; i < n; i++) {
        kin_query_set_row(&x, i);
        kin_item item = kin_item_load(&s->catalog, i, memory);
        size_t count = i % (KIN_ITEMS_MAX + 1), step = count ? count : 1;
        for (size_t first = 0; first < n; first += step)
            check_items(&x, &item, wide, first, count < n - first ? count : n - first);
    }
    kin_query_release(&x);
    free(wide);
    free(wide_memory);
    free(memory);
}

static void test_items(void **state)
{
    (void)state;
    for (int type = 0; type < KIN_DTYPE_COUNT; type++)
        for (int policy = 0; policy < KIN_MISSING_ERROR; policy++) {
            sample s;
            sample_spec spec = {.seed = 21,
                                .n = 69,
                                .modality_count = 3,
                                .kind = SAMPLE_DUPLICATES,
                                .missing = (kin_missing)policy,
                                .missing_share = 0.3,
                                .d = {33, 1, 64},
                                .dtype = {(kin_dtype)type, KIN_F32, KIN_F16},
                                .weight = {0.6, 1e-3, 250}};
            sample_make(&s, &spec);
            check_all_items(&s);
            sample_release(&s);
        }
}

/* Equal rows under a weight that puts their score on the border of two floats: whether the cosine
 * is above 1 by double's last bit decides, and so the order in which norms are multiplied. */
static void test_items_to_the_last_bit(void **state)
{
    (void)state;
    size_t above = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        sample s;
        sample_spec spec = {.seed = seed,
                            .n = 2,
                            .modality_count = 1,
                            .kind = SAMPLE_EQUAL,
                            .d = {7},
                            .weight = {1 + 0x1p-24}};
        oracle_pair pair;
        sample_make(&s, &spec);
        check_all_items(&s);
        assert_true(oracle_score(&s.oracle, 0, 1, &pair));
        above += pair.score > 1;
        sample_release(&s);
    }
    assert_true(above > 0 && above < 60);
}

/* The place of entry c if all were sorted: by score, then by candidate. */
static size_t place_of(const kin_scored *scored, size_t c)
{
    size_t place = 0;
    for (size_t i = 0; i < scored->count; i++)
        place +=
            scored->score[i] > scored->score[c] || (scored->score[i] == scored->score[c] && i < c);
    return place;
}

/* Scores with many ties, and both zeros, which are one: more than k, as many, fewer, none. */
static void test_keep_best(void **state)
{
    (void)state;
    enum { MOST = 90, K = 30, SLOT = 2 };
    static const float some[] = {1, 0.5f, 0, -0.0f, -0.25f, -1};
    int32_t candidate[MOST];
    float score[MOST], cosine[2 * MOST];
    uint64_t space[2 * MOST], random = 22;
    kin_error err;
    kin_rows rows;
    test_ok(kin_rows_init(&rows, SLOT + 1, K, 2, &err), &err);
    for (size_t count = 0; count <= MOST; count++) {
        kin_scored scored = {count, candidate, score, cosine};
        for (size_t c = 0; c < count; c++) {
            candidate[c] = (int32_t)(1000000 * c + 5);
            score[c] = count % 3 ? some[test_random_below(&random, TEST_COUNT(some))]
                                 : (float)test_random_normal(&random);
            cosine[2 * c] = (float)c;
            cosine[2 * c + 1] = c % 4 ? -(float)c : NAN;
        }
        kin_scored_keep_best(&scored, space, &rows, SLOT);
        assert_int_equal(rows.filled[SLOT], count < K ? count : K);
        for (size_t c = 0; c < count; c++) {
            size_t place = place_of(&scored, c), at = SLOT * K + place;
            if (place >= K)
                continue;
            assert_int_equal(rows.neighbor[at], candidate[c]);
            assert_int_equal(bits_of(rows.score[at]), bits_of(score[c] + 0.0f));
            assert_true(same_float(rows.cosine[0][at], cosine[2 * c]));
            assert_true(same_float(rows.cosine[1][at], cosine[2 * c + 1]));
        }
    }
    kin_rows_release(&rows);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void test_rows_sink(void **state)
{
    (void)state;
    kin_error err;
    kin_rows all;
    kin_rows block;
    test_ok(kin_rows_init(&all, 5, 2, 1, &err), &err);
    test_ok(kin_rows_init(&block, 3, 2, 1, &err), &err);
    kin_row_sink sink = kin_rows_sink(&all);
    for (size_t first = 3;; first -= 3) { /* the later block first */
        block.count = first ? 2 : 3;
        for (size_t q = 0; q < block.count; q++) {
            block.filled[q] = (uint32_t)(first + q) % 3;
            for (size_t e = 0; e < 2; e++) {
                block.neighbor[2 * q + e] = (int32_t)(10 * (first + q) + e);
                block.score[2 * q + e] = (float)(first + q) + 0.5f * (float)e;
                block.cosine[0][2 * q + e] = -block.score[2 * q + e];
            }
        }
        test_ok(sink.write(sink.self, first, &block, &err), &err);
        if (first == 0)
            break;
    }
    assert_int_equal(all.count, 5);
    for (size_t q = 0; q < 5; q++) {
        assert_int_equal(all.filled[q], q % 3);
        assert_true(all.neighbor[2 * q + 1] == (int32_t)(10 * q + 1));
        assert_true(all.score[2 * q + 1] == (float)q + 0.5f && all.cosine[0][2 * q] == -(float)q);
    }
    assert_int_equal(kin_rows_bytes(5, 2, 1), 5 * 2 * 12 + 5 * 4);
    assert_true(kin_rows_bytes(SIZE_MAX / 2, 4, 1) == SIZE_MAX);
    kin_rows_release(&block);
    kin_rows_release(&all);
    assert_int_equal(kin_rows_init(&all, SIZE_MAX / 8, 3, 1, &err), KIN_E_MEMORY);
    assert_null(all.filled);
}

/* Any part of a block is the same rows at the same places, in the block's own memory. */
static void test_rows_part(void **state)
{
    (void)state;
    enum { ROWS = 7, K = 3 };
    kin_error err;
    kin_rows rows;
    test_ok(kin_rows_init(&rows, ROWS + 2, K, 2, &err), &err);
    rows.count = ROWS;
    for (size_t first = 0; first <= ROWS; first++)
        for (size_t count = 0; first + count <= ROWS; count++) {
            kin_rows part = kin_rows_part(&rows, first, count);
            assert_true(part.count == count && part.capacity == count);
            assert_true(part.k == K && part.modality_count == 2);
            assert_ptr_equal(part.filled, rows.filled + first);
            assert_ptr_equal(part.neighbor, rows.neighbor + first * K);
            assert_ptr_equal(part.score, rows.score + first * K);
            assert_ptr_equal(part.cosine[0], rows.cosine[0] + first * K);
            assert_ptr_equal(part.cosine[1], rows.cosine[1] + first * K);
            assert_null(part.cosine[2]);
        }
    assert_int_equal(rows.count, ROWS);
    kin_rows_release(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_select),          cmocka_unit_test(test_select_all_sizes),
        cmocka_unit_test(test_order_of_floats), cmocka_unit_test(test_float_from_order),
        cmocka_unit_test(test_rescore),         cmocka_unit_test(test_outside_vectors),
        cmocka_unit_test(test_rows_sink),       cmocka_unit_test(test_sort),
        cmocka_unit_test(test_items),           cmocka_unit_test(test_items_to_the_last_bit),
        cmocka_unit_test(test_keep_best),       cmocka_unit_test(test_rows_part),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
