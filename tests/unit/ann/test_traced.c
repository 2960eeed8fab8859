/*
 * ann/traced.h, by the join and by indexes: what is traced of a row, scored canonically, is the row
 * of the graph, bit for bit, with duplicates and gaps; the same for any number of threads; the
 * clusters that a row looked at hold all that it found, and of the others it is said what they
 * lacked. Then what ends a trace early.
 */
#include "ann/faiss_build.h"
#include "ann/faiss_search.h"
#include "ann/faiss_search_trace.h"
#include "ann/join_state.h"
#include "core/threads.h"
#include "support/join_run.h"
#include "support/refusal.h"
#include "support/test.h"
#include "support/traces.h"

#include <math.h>

static kin_error err;

/* ---- what holds for every trace -------------------------------------------------------------- */

/* All items that are in pairs; returns how many. */
static size_t items_in_pairs(const oracle *o, int32_t *out)
{
    size_t count = 0;
    for (size_t i = 0; i < o->n; i++)
        if (o->present[i] != 0)
            out[count++] = (int32_t)i;
    return count;
}

/* The candidates of all sources of traced row t, ascending without repeats; returns how many. */
static size_t unite(const traces *told, size_t sources, size_t t, size_t n, int32_t *out)
{
    uint8_t *seen = calloc(n, 1);
    size_t count = 0;
    for (size_t s = 0; s < sources; s++) {
        size_t slot = s * told->rows + t;
        for (size_t at = told->first[slot]; at < told->last[slot]; at++) {
            assert_true(at == told->first[slot] || told->item[at - 1] < told->item[at]);
            assert_in_range(told->item[at], 0, n - 1);
            seen[told->item[at]] = 1;
        }
    }
    for (size_t i = 0; i < n; i++)
        if (seen[i])
            out[count++] = (int32_t)i;
    free(seen);
    return count;
}

/* The best of a row's candidates are the row that the run gave it. */
static void check_rows(const traces *told, size_t sources, const int32_t *row, const oracle *o,
                       const kin_rows *found)
{
    int32_t *candidate = malloc(o->n * sizeof *candidate);
    oracle_pair *best = malloc(o->n * sizeof *best);
    assert_int_equal(told->calls, sources * told->rows);
    for (size_t t = 0; t < told->rows; t++) {
        char where[64];
        size_t i = (size_t)row[t], count = unite(told, sources, t, o->n, candidate);
        for (size_t c = 0; c < count; c++)
            assert_int_not_equal(candidate[c], row[t]);
        snprintf(where, sizeof where, "traced row %zu", i);
        sample_assert_row(found, i, best, oracle_row(o, i, candidate, count, found->k, best),
                          where);
    }
    free(candidate);
    free(best);
}

/* ---- the join -------------------------------------------------------------------------------- */

static bool same_bytes(const oracle *o, size_t i, size_t j)
{
    bool same = o->present[i] == o->present[j];
    for (size_t m = 0; m < o->modality_count && same; m++)
        same = memcmp(o->x[m] + i * o->d[m], o->x[m] + j * o->d[m], o->d[m] * sizeof(float)) == 0;
    return same;
}

static void check_clusters(const oracle *o, const int32_t *cluster, size_t clusters)
{
    for (size_t i = 0; i < o->n; i++) {
        assert_true(cluster[i] >= -1 && cluster[i] < (int32_t)clusters);
        assert_true((cluster[i] < 0) == (o->present[i] == 0));
        for (size_t j = i < 50 ? 0 : i - 50; j < i; j++)
            assert_true(!same_bytes(o, i, j) || cluster[i] == cluster[j]);
    }
}

/* What the scan found lies in clusters that were looked at; what was not looked at wanted more
 * reach than there was, or has nothing in common with the row. Returns how many clusters were not
 * looked at for want of reach. */
static size_t check_sigmas(const traces *told, size_t t, const int32_t *cluster,
                           const float *in_common, float sigmas_used)
{
    const float *probe_sigmas = told->probe_sigmas + t * told->clusters;
    size_t unprobed = 0;
    for (size_t at = told->first[t]; at < told->last[t]; at++)
        assert_true(probe_sigmas[cluster[told->item[at]]] == -INFINITY);
    for (size_t h = 0; h < told->clusters; h++) {
        assert_true(probe_sigmas[h] == -INFINITY || probe_sigmas[h] > sigmas_used ||
                    (isinf(sigmas_used) && probe_sigmas[h] == INFINITY));
        assert_true(in_common[h] > 0 || probe_sigmas[h] == INFINITY);
        unprobed += in_common[h] > 0 && probe_sigmas[h] != -INFINITY;
    }
    return unprobed;
}

/* All clusters that were not looked at tell of one threshold: below `last`, the last neighbour that
 * the scan left the row, and that of `next`, the candidate after it, where one was kept, but for
 * what two estimates are off and a sixteenth that pruning rounds by. */
static void check_threshold(const kin_join *join, const float *probe_sigmas, size_t i, double last,
                            double next)
{
    const kin_clustering *clustering = &join->codes.clustering;
    float *row = malloc(join->stats.width * sizeof *row);
    double lowest = INFINITY, highest = -INFINITY;
    size_t at = 0;
    while (clustering->row[at] != (int32_t)i)
        at++;
    unsigned modality_mask = clustering->modality_mask[kin_clustering_cluster_of(clustering, at)];
    double tolerance = join->codes.terms[at].tolerance;
    kin_cluster_stats_row(&join->stats, &join->codes, at, 1, row);
    for (size_t h = 0; h < join->stats.count; h++) {
        float factor = join->codes.fused.factor[modality_mask & clustering->modality_mask[h]];
        const float *cluster = join->stats.value + h * join->stats.width;
        size_t lead = join->stats.lead;
        double mean = join->codes.terms[at].bias + cluster[lead + 2];
        double sigma =
            (double)row[lead] * cluster[lead] + (double)row[lead + 1] * cluster[lead + 1];
        for (size_t c = 0; c < lead; c++)
            mean += (double)row[c] * cluster[c];
        if (!isfinite(probe_sigmas[h]))
            continue;
        lowest = fmin(lowest, factor * (mean + probe_sigmas[h] * sigma));
        highest = fmax(highest, factor * (mean + probe_sigmas[h] * sigma));
    }
    assert_true(lowest > highest - 1e-4 || highest < lowest);
    assert_true(highest < last);
    if (!isnan(next) && isfinite(lowest))
        assert_true(lowest > next - 2.1 * tolerance && highest < next + 2.1 * tolerance);
    free(row);
}

/* The score / W of the e-th best that the scan found for traced row t, item i; NaN without one. */
static double scanned_score(const kin_join *join, const traces *told, size_t t, const oracle *o,
                            size_t i, size_t e)
{
    oracle_pair *best = malloc(o->n * sizeof *best);
    size_t first = told->first[t], count = told->last[t] - first;
    bool there = oracle_row(o, i, told->item + first, count, e, best) == e;
    double score = there ? (double)best[e - 1].score / join->codes.fused.weight_sum : NAN;
    free(best);
    return score;
}

/* The clusters of every traced row, against the run's rows. Returns how many were not looked at for
 * want of reach. */
static size_t check_looks(const kin_join *join, const traces *told, const sample *s,
                          const int32_t *row, const int32_t *cluster, const kin_rows *found)
{
    const kin_clustering *clustering = &join->codes.clustering;
    float *in_common = calloc(told->clusters + 1, sizeof *in_common);
    size_t unprobed = 0;
    for (size_t q = 0; q < told->rows; q++) {
        for (size_t h = 0; h < told->clusters; h++)
            in_common[h] =
                join->codes.fused.factor[s->catalog.present[row[q]] & clustering->modality_mask[h]];
        unprobed +=
            check_sigmas(told, q, cluster, in_common, kin_join_get_effort(join)->probe_sigmas);
    }
    for (size_t q = 0; q < told->rows && join->duplicates.distinct.count == told->rows; q += 10) {
        size_t i = (size_t)row[q], k = found->k;
        double last = scanned_score(join, told, q, &s->oracle, i, k);
        if (found->filled[i] == k && !isnan(last))
            check_threshold(join, told->probe_sigmas + q * told->clusters, i, last,
                            scanned_score(join, told, q, &s->oracle, i, k + 1));
    }
    free(in_common);
    return unprobed;
}

/* One run and its trace of all items, with one thread and with three. Returns the share of clusters
 * that rows did not look at for want of reach. */
static double evaluate_join(const sample_spec *spec, size_t k, bool tuned)
{
    sample s;
    traces told[2];
    size_t unprobed = 0;
    sample_make(&s, spec);
    int32_t *row = malloc(spec->n * sizeof *row), *cluster = malloc(spec->n * sizeof *cluster);
    size_t rows = items_in_pairs(&s.oracle, row), clusters = 0;
    for (int run = 0; run < 2; run++) {
        taker t;
        kin_join_options options = {.top_k = k, .target = 0.8, .seed = 2, .trace = true};
        kin_join *join = join_make(&s, &options, run == 0 ? 1 : 3);
        if (tuned)
            test_ok(kin_join_tune(join, NULL, &err), &err);
        join_take(join, &s, k, &t);
        clusters = kin_join_cluster_count(join);
        traces_init(&told[run], rows, clusters);
        test_ok(kin_join_trace(join, row, rows, traces_sink(&told[run]), NULL, &err), &err);
        kin_join_cluster_of(join, cluster);
        check_rows(&told[run], KIN_JOIN_SOURCES, row, &s.oracle, &t.rows);
        check_clusters(&s.oracle, cluster, clusters);
        unprobed = check_looks(join, &told[run], &s, row, cluster, &t.rows);
        taker_release(&t);
        kin_join_free(join);
    }
    traces_assert_same(&told[0], &told[1]);
    traces_release(&told[0]);
    traces_release(&told[1]);
    free(row);
    free(cluster);
    sample_release(&s);
    return (double)unprobed / (double)(rows * clusters);
}

/* Clusters are left out, duplicates stand apart, some items lack a modality and some have none. */
static void test_join(void **state)
{
    (void)state;
    for (size_t policy = 0; policy < 3; policy++) {
        sample_spec spec = {.seed = 41 + policy,
                            .n = SETS_SANITIZED ? 2500 : 4000,
                            .modality_count = 2,
                            .d = {5, 4},
                            .weight = {0.5, 0.5},
                            .kind = SAMPLE_MIXTURE,
                            .missing_share = 0.1,
                            .missing = (kin_missing)policy};
        double unprobed = evaluate_join(&spec, 12, true);
        assert_true(unprobed > 0.05 && unprobed < 1);
        spec.kind = SAMPLE_DUPLICATES;
        evaluate_join(&spec, 12, true);
    }
}

/* All clusters are looked at where the effort says so; rows that tie, in number. */
static void test_join_all(void **state)
{
    (void)state;
    static const sample_kind kinds[] = {SAMPLE_TWINS, SAMPLE_EQUAL, SAMPLE_DUPLICATES};
    for (size_t c = 0; c < TEST_COUNT(kinds); c++) {
        sample_spec spec = {.seed = 61 + c,
                            .n = 700,
                            .modality_count = 2,
                            .d = {6, 30},
                            .weight = {1, 0.3},
                            .kind = kinds[c],
                            .missing_share = 0.2};
        assert_true(evaluate_join(&spec, 9, false) == 0);
    }
}

/* ---- indexes --------------------------------------------------------------------------------- */

/* A source proposes nothing where the item lacks its modality, else no more than twice what was
 * asked for. */
static void check_sources(const traces *told, const sample *s, const int32_t *row, bool fused,
                          size_t asked)
{
    size_t sources = fused ? 1 : s->oracle.modality_count;
    for (size_t slot = 0; slot < sources * told->rows; slot++) {
        size_t count = told->last[slot] - told->first[slot], source = slot / told->rows;
        unsigned present = s->oracle.present[row[slot % told->rows]];
        bool has = fused ? present != 0 : present >> source & 1;
        assert_true(has ? count > 0 && count <= 2 * asked : count == 0);
    }
}

static void evaluate_index(const sample_spec *spec, int type, int space)
{
    enum { K = 7, ASKED = 20 };
    sample s;
    kin_index *index;
    kin_rows found;
    traces told[2];
    kin_index_options options = {
        .type = type, .space = space, .links = 8, .ef_construction = 20, .lists = 30, .seed = 1};
    kin_search_options find = {.top_k = K, .candidates = ASKED, .probes = 2};
    kin_threads_set(2);
    sample_make(&s, spec);
    int32_t *row = malloc(spec->n * sizeof *row);
    size_t rows = items_in_pairs(&s.oracle, row), m = spec->modality_count;
    test_ok(kin_index_build(&index, &s.catalog, &options, NULL, &err), &err);
    test_ok(kin_rows_init(&found, spec->n, K, m, &err), &err);
    test_ok(kin_search_all(index, &find, kin_rows_sink(&found), NULL, &err), &err);
    for (int run = 0; run < 2; run++) {
        kin_threads_set(run == 0 ? 1 : 3);
        traces_init(&told[run], rows, 0);
        test_ok(kin_search_trace(index, &find, row, rows, traces_sink(&told[run]), NULL, &err),
                &err);
    }
    check_rows(&told[0], space == KIN_SPACE_FUSED ? 1 : m, row, &s.oracle, &found);
    check_sources(&told[0], &s, row, space == KIN_SPACE_FUSED, ASKED);
    traces_assert_same(&told[0], &told[1]);
    traces_release(&told[0]);
    traces_release(&told[1]);
    kin_rows_release(&found);
    kin_index_free(index);
    free(row);
    sample_release(&s);
}

static void test_indexes(void **state)
{
    (void)state;
    static const sample_kind kinds[] = {SAMPLE_CLUSTERS, SAMPLE_DUPLICATES, SAMPLE_TWINS};
    for (size_t c = 0; c < TEST_COUNT(kinds) * 4; c++) {
        sample_spec spec = {.seed = 20 + c,
                            .n = SETS_SANITIZED ? 400 : 1500,
                            .modality_count = 2,
                            .d = {9, 6},
                            .weight = {.6, .4},
                            .kind = kinds[c / 4],
                            .missing_share = .1,
                            .missing = (kin_missing)(c % 3)};
        evaluate_index(&spec, c & 1, c >> 1 & 1);
    }
}

/* ---- what ends a trace early ----------------------------------------------------------------- */

static const kin_join_options asked = {.top_k = 10, .target = 0.9, .seed = 1, .trace = true};
static const kin_search_options find = {.top_k = 10, .candidates = 30, .ef_search = 30};

static sample_spec small_spec(size_t n)
{
    return (sample_spec){.seed = 6,
                         .n = n,
                         .modality_count = 2,
                         .d = {4, 3},
                         .weight = {1, 0.3},
                         .kind = SAMPLE_DUPLICATES,
                         .missing_share = 0.1};
}

/* A catalog with a join and an index. */
typedef struct both {
    sample s;
    kin_join *join;
    kin_index *index;
    int32_t *row;
    size_t rows;
} both;

static void both_make(both *self, size_t n)
{
    sample_spec spec = small_spec(n);
    kin_index_options options = KIN_INDEX_OPTIONS_INIT;
    options.type = KIN_INDEX_HNSW;
    sample_make(&self->s, &spec);
    self->row = malloc(n * sizeof *self->row);
    self->rows = items_in_pairs(&self->s.oracle, self->row);
    self->join = join_make(&self->s, &asked, 2);
    test_ok(kin_index_build(&self->index, &self->s.catalog, &options, NULL, &err), &err);
}

static void both_release(both *self)
{
    kin_join_free(self->join);
    kin_index_free(self->index);
    free(self->row);
    sample_release(&self->s);
}

/* By the join or the index. */
static int trace_with(const both *b, bool join, traces *to, const kin_monitor *monitor,
                      kin_error *e)
{
    return join ? kin_join_trace(b->join, b->row, b->rows, traces_sink(to), monitor, e)
                : kin_search_trace(b->index, &find, b->row, b->rows, traces_sink(to), monitor, e);
}

static bool stop_at_third(void *looks)
{
    return ++*(size_t *)looks == 3;
}

static void test_stopped(void **state)
{
    (void)state;
    both b;
    both_make(&b, 1000);
    for (int join = 0; join < 2; join++) {
        size_t clusters = join ? kin_join_cluster_count(b.join) : 0;
        size_t at[] = {1, 100, b.rows};
        for (size_t c = 0; c < TEST_COUNT(at); c++) {
            traces told;
            traces_init(&told, b.rows, clusters);
            told.refuse_at = at[c];
            test_refused(trace_with(&b, join, &told, NULL, &err), &err, KIN_E_IO, "disk full at");
            assert_int_equal(told.calls, at[c]);
            traces_release(&told);
        }
        traces told;
        size_t looks = 0;
        kin_monitor monitor = {.self = &looks, .stopped = stop_at_third};
        traces_init(&told, b.rows, clusters);
        test_refused(trace_with(&b, join, &told, &monitor, &err), &err, KIN_E_STOPPED, "stopped");
        assert_true(looks == 3 && told.calls > 0 && told.calls < b.rows);
        traces_release(&told);
    }
    both_release(&b);
}

/* Each allocation is refused once: the caller hears of it, and afterwards it goes as before. */
static void test_allocations_fail(void **state)
{
    (void)state;
    both b;
    both_make(&b, 300);
    for (int join = 0; join < 2; join++) {
        size_t heard = 0, clusters = join ? kin_join_cluster_count(b.join) : 0;
        for (bool refused = true; refused; heard += refused) {
            traces told;
            traces_init(&told, b.rows, clusters);
            refusal_arm(heard + 1);
            int rc = trace_with(&b, join, &told, NULL, &err);
            refused = refusal_disarm();
            assert_int_equal(rc, refused ? KIN_E_MEMORY : 0);
            traces_release(&told);
        }
        assert_true(heard > 10);
    }
    both_release(&b);
}

/* What a trace takes is planned with the join, where one was announced. */
static void test_budget(void **state)
{
    (void)state;
    sample s;
    sample_spec spec = small_spec(2000);
    kin_join *join = NULL;
    kin_join_options options = asked;
    size_t total[2];
    kin_threads_set(2);
    sample_make(&s, &spec);
    for (int trace = 0; trace < 2; trace++) {
        options.trace = trace;
        options.memory_bytes = 0;
        test_ok(kin_join_new(&join, &s.catalog, &options, &err), &err);
        total[trace] = kin_join_get_plan(join)->total_bytes;
        kin_join_free(join);
        options.memory_bytes = total[trace] - 1;
        test_refused(kin_join_new(&join, &s.catalog, &options, &err), &err, KIN_E_MEMORY,
                     "--memory allows");
    }
    /* two sets of items a thread, and the clusters of items */
    assert_true(total[1] >= total[0] + 4 * (spec.n * 4 + spec.n / 8) + 4 * spec.n);
    sample_release(&s);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join),    cmocka_unit_test(test_join_all),
        cmocka_unit_test(test_indexes), cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_budget),  cmocka_unit_test(test_allocations_fail),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
