/*
 * ann/join, all clusters: rows are those of exact/stream.h, on catalogs with gaps, with duplicates
 * in any number, in every type, and as small as catalogs get. Estimates choose who is scored, so a
 * row may miss a neighbour at the very edge; more than a few of such rows are an error. Then the
 * same bytes for any number of threads, and for a second run.
 */
#include "core/threads.h"
#include "support/join_run.h"
#include "support/test.h"

#include <math.h>

/* Two rows may differ at their edges, and one of so many. */
enum { EDGES = 80 };
static const double recall_least = 0.9996;

static void evaluate(const sample_spec *spec, size_t k, int threads)
{
    sample s;
    taker t;
    kin_rows wanted;
    double deviation;
    sample_make(&s, spec);
    kin_join_options options = {.top_k = k, .target = 0.95, .seed = 1};
    kin_join *join = join_make(&s, &options, threads);
    assert_true(isinf(kin_join_get_effort(join)->probe_sigmas)); /* until it is tuned */
    assert_false(join_escalate(join));
    kin_join_report report = join_take(join, &s, k, &t);
    join_truth(&s, k, &wanted);
    double recall = join_recall(&s, &t.rows, &wanted, &deviation);
    size_t different = join_count_different(&t.rows, &wanted);
    if (different > 2 + spec->n / EDGES || recall < recall_least)
        join_assert_same(&t.rows, &wanted, "all clusters");
    assert_true(report.rows <= spec->n && report.rows == kin_join_get_plan(join)->distinct);
    kin_join_free(join);
    taker_release(&t);
    kin_rows_release(&wanted);
    sample_release(&s);
}

/* ---- gaps, kinds and types ------------------------------------------------------------------ */

/* Kinds whose scores are not closer to each other than estimates are exact. */
static const sample_kind kinds[] = {SAMPLE_NORMAL, SAMPLE_CLUSTERS,   SAMPLE_EQUAL, SAMPLE_OUTLIER,
                                    SAMPLE_TINY,   SAMPLE_DUPLICATES, SAMPLE_TWINS, SAMPLE_MIXTURE};

static void test_kinds(void **state)
{
    (void)state;
    static const size_t dimensions[] = {40, 130, 257};
    for (size_t c = 0; c < TEST_COUNT(kinds); c++)
        for (size_t d = 0; d < (SETS_SANITIZED ? 1 : TEST_COUNT(dimensions)); d++) {
            sample_spec spec = {.seed = 50 + c,
                                .n = 1600,
                                .modality_count = 1,
                                .d = {dimensions[d]},
                                .weight = {1.5},
                                .kind = kinds[c]};
            evaluate(&spec, 1, 1);
            evaluate(&spec, 30, 2);
            if (!SETS_SANITIZED)
                evaluate(&spec, 200, 3);
        }
}

static void test_gaps(void **state)
{
    (void)state;
    for (size_t c = 0; c < TEST_COUNT(kinds); c++)
        for (size_t policy = 0; policy < 3; policy++) {
            sample_spec spec = {.seed = 70 + c,
                                .n = SETS_SANITIZED ? 500 : 1500,
                                .modality_count = 3,
                                .d = {70, 20, 50},
                                .weight = {1, 0.7, 0.2},
                                .kind = kinds[c],
                                .missing_share = 0.2,
                                .missing = (kin_missing)policy};
            evaluate(&spec, 25, 2);
        }
}

static void test_types(void **state)
{
    (void)state;
    static const kin_dtype types[] = {KIN_F16, KIN_F64, KIN_I8};
    for (size_t c = 0; c < TEST_COUNT(types); c++) {
        sample_spec spec = {.seed = 80 + c,
                            .n = 900,
                            .modality_count = 2,
                            .d = {64, 100},
                            .dtype = {types[c], KIN_F16},
                            .weight = {0.4, 0.6},
                            .kind = SAMPLE_DUPLICATES};
        evaluate(&spec, 40, 2);
    }
}

/* All items are each other's neighbours, in catalogs of two and more. */
static void test_small(void **state)
{
    (void)state;
    static const size_t sizes[] = {2, 3, 12, 33, 64, 200, 545, 700};
    for (size_t c = 0; c < TEST_COUNT(sizes); c++)
        for (size_t kind = 0; kind < TEST_COUNT(kinds); kind++) {
            sample_spec spec = {.seed = 90 + c,
                                .n = sizes[c],
                                .modality_count = 1 + c % 2,
                                .d = {1 + 7 * c, 30},
                                .weight = {1, 2},
                                .kind = kinds[kind],
                                .missing_share = c % 2 ? 0.2 : 0};
            evaluate(&spec, sizes[c] - 1, 2);
            evaluate(&spec, 1, 3);
        }
}

/* Scores that differ by less than estimates are off, or not at all: which of them is found is
 * luck, but they are as high as those of the truth and rows are full. Duplicates are found all
 * the same. */
static void test_near_ties(void **state)
{
    (void)state;
    for (size_t c = 0; c < 3; c++) {
        sample s;
        taker t;
        kin_rows wanted;
        double deviation;
        sample_spec spec = {.seed = 5 + c,
                            .n = SETS_SANITIZED ? 500 : 1500,
                            .modality_count = 1,
                            .d = {60},
                            .weight = {1},
                            .kind = c == 0   ? SAMPLE_AXES
                                    : c == 1 ? SAMPLE_NEAR
                                             : SAMPLE_FAMILIES};
        kin_join_options options = {.top_k = 15, .target = 0.95, .seed = 1};
        sample_make(&s, &spec);
        kin_join *join = join_make(&s, &options, 2);
        join_take(join, &s, 15, &t);
        join_truth(&s, 15, &wanted);
        double recall = join_recall(&s, &t.rows, &wanted, &deviation);
        for (size_t i = 0; i < spec.n; i++)
            assert_int_equal(t.rows.filled[i], wanted.filled[i]);
        if (recall < 0.999)
            fail_msg("kind %d: recall %.5f", spec.kind, recall);
        kin_join_free(join);
        taker_release(&t);
        kin_rows_release(&wanted);
        sample_release(&s);
    }
}

/* ---- same bytes ----------------------------------------------------------------------------- */

/* Rows, effort and report with a number of threads, twice. */
static void run_twice(const sample *s, size_t k, int threads, taker *t, kin_join_report *report,
                      kin_join_effort *effort)
{
    kin_error err = {0};
    taker again;
    kin_join_options options = {.top_k = k, .target = 0.95, .seed = 3};
    kin_join *join = join_make(s, &options, threads);
    test_ok(kin_join_tune(join, NULL, &err), &err);
    *effort = *kin_join_get_effort(join);
    *report = join_take(join, s, k, t);
    kin_join_report second = join_take(join, s, k, &again);
    join_assert_same(&again.rows, &t->rows, "second run");
    assert_memory_equal(&second, report, sizeof second);
    taker_release(&again);
    kin_join_free(join);
}

static void test_same_bytes(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 5};
    sample s;
    taker first, t;
    kin_join_report report, other;
    kin_join_effort effort, chosen;
    sample_spec spec = {.seed = 31,
                        .n = SETS_SANITIZED ? 2500 : 6000,
                        .modality_count = 2,
                        .d = {5, 4},
                        .weight = {0.7, 0.3},
                        .kind = SAMPLE_MIXTURE,
                        .missing_share = 0.1};
    sample_make(&s, &spec);
    for (size_t c = 0; c < TEST_COUNT(threads); c++) {
        run_twice(&s, 12, threads[c], c == 0 ? &first : &t, &other, &chosen);
        if (c == 0) {
            report = other;
            effort = chosen;
            assert_true(isfinite(effort.probe_sigmas) && report.probes > 0);
            continue;
        }
        join_assert_same(&t.rows, &first.rows, "threads");
        assert_memory_equal(&other, &report, sizeof report);
        assert_memory_equal(&chosen.probe_sigmas, &effort.probe_sigmas, sizeof effort.probe_sigmas);
        assert_true(chosen.recall == effort.recall && chosen.scanned == effort.scanned &&
                    chosen.tail_fraction == effort.tail_fraction &&
                    chosen.sampled == effort.sampled);
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
        cmocka_unit_test(test_kinds),     cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_types),     cmocka_unit_test(test_small),
        cmocka_unit_test(test_near_ties), cmocka_unit_test(test_same_bytes),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
