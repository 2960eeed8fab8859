/*
 * exact/exact: ten thousand small catalogs, kind and cruel, and some of many clusters; every row
 * equal to the oracle's in neighbours, order, scores and cosines, bit for bit, whatever the leading
 * dimensions and the number of threads. And without the bounds rows are wrong, so these tests can
 * tell. Blocks, threads and refusals: test_exact_runs.c.
 */
#include "support/exact_run.h"
#include "support/test.h"

/* ---- small sets ------------------------------------------------------------------------------ */

/* Makes and evaluates one set in `ways` ways; tells how many clusters it had. */
static size_t evaluate_set(size_t set, const sample_spec *spec, size_t k, size_t first_way,
                           size_t ways)
{
    sample s;
    char what[100];
    size_t clusters = 0;
    snprintf(what, sizeof what, "set %zu (kind %d, n %zu, k %zu)", set, (int)spec->kind, spec->n,
             k);
    sample_make(&s, spec);
    truth t = truth_make(&s.oracle, k);
    for (size_t v = 0; v < ways; v++)
        clusters = exact_check(&s, &t, exact_way_of(first_way + v), what).clusters;
    truth_free(&t);
    sample_release(&s);
    return clusters;
}

/* Most are tiny, and most of those have one thread: waking others takes longer than the work.
 * Each twentieth has the 256 rows and more from which axes are learnt, so that there is a tail
 * behind the leading dimensions. */
static void test_sets_equal_the_oracle(void **state)
{
    (void)state;
    static const size_t any[] = {1, 2, 3, 5, 31, 63, 64, 65, 127, 128, 129, 200, 1000};
    static const size_t with_tail[] = {63, 65, 127, 128, 129, 200, 300};
    const set_limits tiny = {any, TEST_COUNT(any), 2, 300, 3e5};
    const set_limits larger = {with_tail, TEST_COUNT(with_tail), 256, 300, 1e7};
    uint64_t random = 20250307;
    for (size_t set = 0; set < SETS_SHARE(10000); set++) {
        bool large = set % 20 == 7;
        sample_spec spec = set_draw(set, large ? &larger : &tiny, &random);
        size_t k = set_draw_k(set, spec.n, &random);
        if (large && set % 40 == 7) /* few neighbours are where most pairs are excluded */
            k = 1 + k % 12;
        size_t way = large ? set / 20 : set % 3 == 0 ? set / 3 : 4 * set;
        evaluate_set(set, &spec, k, way, set % 97 == 0 ? EXACT_WAYS : 1);
    }
}

/* ---- many clusters --------------------------------------------------------------------------- */

/* Several clusters and modality masks, some of a few rows; numbers of clusters that are no power of
 * two, so that the last rounds pair clusters with none. */
static void test_groups_equal_the_oracle(void **state)
{
    (void)state;
    static const size_t dimensions[] = {2, 5, 31, 64, 65, 129, 200};
    static const sample_kind large[] = {SAMPLE_TWINS, SAMPLE_STRANGERS, SAMPLE_FAMILIES};
    const set_limits limits = {dimensions, TEST_COUNT(dimensions), 600, 2500, 1.2e8};
    uint64_t random = 20250308;
    size_t sets = SETS_SHARE(72), most = 0, uneven = 0;
    for (size_t set = 0; set < sets; set++) {
        sample_spec spec = set_draw(set, &limits, &random);
        size_t k = 1 + test_random_below(&random, set % 5 == 0 ? spec.n - 1 : 40);
        if (set % 3 != 0)
            spec.missing_share = 0.6 * test_random_unit(&random) * test_random_unit(&random);
        if (set % 4 == 3)
            spec.kind = large[set / 4 % TEST_COUNT(large)];
        size_t clusters = evaluate_set(set, &spec, k, set, 1 + set % 2);
        most = clusters > most ? clusters : most;
        uneven += (clusters & (clusters - 1)) != 0;
    }
    assert_true(most > 16 && uneven > sets / 10);
}

/* Where the oracle takes too long for all rows: `count` of them, the first and the last too. */
static void check_some(const sample *s, const kin_rows *rows, size_t count, const char *what)
{
    uint64_t random = 77;
    size_t n = s->oracle.n;
    oracle_pair *wanted = calloc(n, sizeof *wanted);
    for (size_t c = 0; c < count; c++) {
        size_t i = c == 0 ? 0 : c == 1 ? n - 1 : test_random_below(&random, n);
        size_t found = oracle_row(&s->oracle, i, NULL, 0, rows->k, wanted);
        char where[100];
        snprintf(where, sizeof where, "%s, row %zu", what, i);
        sample_assert_row(rows, i, wanted, found, where);
    }
    free(wanted);
}

/* Pairs of two items with a modality in common. */
static unsigned long long count_pairs(const oracle *o)
{
    unsigned long long pairs = 0;
    for (size_t i = 0; i < o->n; i++)
        for (size_t j = 0; j < i; j++)
            pairs += (o->present[i] & o->present[j]) != 0;
    return pairs;
}

/* Tells the number of clusters. */
static size_t evaluate_rounds(size_t n)
{
    sample s;
    taker t;
    sample_spec spec = {.seed = 3,
                        .n = n,
                        .modality_count = 3,
                        .d = {40, 30, 8},
                        .weight = {1, 0.5, 2},
                        .kind = SAMPLE_CLUSTERS,
                        .missing_share = 0.2};
    exact_way way = {.threads = 3, .lead = 64, .slack = 1};
    sample_make(&s, &spec);
    kin_exact_report report = exact_run(&s, 25, way, &t);
    check_some(&s, &t.rows, SETS_SHARE(200), "rounds");
    assert_int_equal(report.scan.pairs, count_pairs(&s.oracle));
    taker_release(&t);
    sample_release(&s);
    return report.clusters;
}

/* More clusters than each names as its most alike, so that both sorts of rounds are needed, and not
 * only powers of two of them; no pair is looked at twice. */
static void test_rounds(void **state)
{
    (void)state;
    size_t uneven = 0;
    for (size_t n = 6000; n <= 9000; n += 1500) {
        size_t clusters = evaluate_rounds(n);
        assert_true(clusters > 16);
        uneven += (clusters & (clusters - 1)) != 0;
    }
    assert_true(uneven > 0);
}

/* Three thousand rows that are one, which are scanned once; and as many that differ in their last
 * bits: neither threshold nor bound can part those, which are scored under way, again and again. */
static void test_twins(void **state)
{
    (void)state;
    static const sample_kind kinds[] = {SAMPLE_TWINS, SAMPLE_FAMILIES};
    for (size_t variant = 0; variant < 4; variant++) {
        sample s;
        taker t;
        sample_spec spec = {.seed = 8,
                            .n = 4000,
                            .modality_count = 1,
                            .d = {70},
                            .weight = {1},
                            .kind = kinds[variant % 2]};
        sample_make(&s, &spec);
        kin_exact_report report = exact_run(&s, 20, exact_way_of(variant), &t);
        check_some(&s, &t.rows, SETS_SHARE(1000), "duplicates");
        if (spec.kind == SAMPLE_TWINS)
            assert_true(report.rows < 1100 && report.scan.reranked == 0);
        else
            assert_true(report.scan.reranked > 0 &&
                        report.scan.reranked_pairs > report.scan.reranked);
        taker_release(&t);
        sample_release(&s);
    }
}

/* Enough neighbours that thresholds are guessed from a sample, and some guesses too high: first
 * all rows alike in that, then clusters, rows that lack modalities, and blocks. */
static void test_guesses(void **state)
{
    (void)state;
    static const sample_kind kinds[] = {SAMPLE_NORMAL, SAMPLE_CLUSTERS, SAMPLE_DUPLICATES,
                                        SAMPLE_STRANGERS, SAMPLE_AXES};
    size_t again = 0;
    for (size_t set = 0; set < 10; set++) {
        if (SETS_SANITIZED && set == 8) /* half of the 45 s that all take with sanitizers */
            continue;
        sample s;
        taker t;
        sample_spec spec = {.seed = 90 + set,
                            .n = 2000 + 100 * set,
                            .modality_count = 1 + set % 2,
                            .d = {12 + 5 * set, 7},
                            .weight = {1, 0.5},
                            .missing_share = set % 4 == 3 ? 0.3 : 0,
                            .kind = kinds[set % TEST_COUNT(kinds)]};
        exact_way way = exact_way_of(set);
        way.lead = 0;
        sample_make(&s, &spec);
        kin_exact_report report = exact_run(&s, 64 + 9 * set, way, &t);
        check_some(&s, &t.rows, SETS_SHARE(1000), "guesses");
        again += report.rows_again;
        taker_release(&t);
        sample_release(&s);
    }
    assert_true(again > 1000);
}

/* ---- the proof ------------------------------------------------------------------------------- */

static size_t count_wrong(const truth *t, const kin_rows *rows)
{
    size_t wrong = 0;
    for (size_t i = 0; i < rows->count; i++) {
        bool same = rows->filled[i] == t->count[i];
        for (size_t r = 0; r < t->count[i] && same; r++)
            same = rows->neighbor[i * rows->k + r] == truth_row(t, i)[r].row;
        wrong += !same;
    }
    return wrong;
}

/* Rows that run without its bounds, or with them, gets wrong. */
static size_t wrong_with(float slack, const sample *s, const truth *t)
{
    taker got;
    exact_run(s, t->k, (exact_way){.threads = 2, .lead = 64, .slack = slack}, &got);
    size_t wrong = count_wrong(t, &got.rows);
    taker_release(&got);
    return wrong;
}

/* Few neighbours among long rows, whose codes say little of the order of the best. */
static void test_bounds_are_needed(void **state)
{
    (void)state;
    static const sample_kind kinds[] = {SAMPLE_NEAR, SAMPLE_CLUSTERS, SAMPLE_NORMAL,
                                        SAMPLE_FAMILIES};
    size_t told = 0;
    for (size_t set = 0; set < 2 * TEST_COUNT(kinds); set++) {
        sample s;
        sample_spec spec = {.seed = set + 1,
                            .n = 500,
                            .modality_count = 1,
                            .d = {set % 2 ? 400 : 150},
                            .weight = {1},
                            .kind = kinds[set / 2]};
        sample_make(&s, &spec);
        truth t = truth_make(&s.oracle, 3);
        told += wrong_with(0, &s, &t) > 0;
        assert_int_equal(wrong_with(1, &s, &t), 0);
        truth_free(&t);
        sample_release(&s);
    }
    assert_true(told >= 3);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets_equal_the_oracle),
        cmocka_unit_test(test_groups_equal_the_oracle),
        cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_twins),
        cmocka_unit_test(test_guesses),
        cmocka_unit_test(test_bounds_are_needed),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
