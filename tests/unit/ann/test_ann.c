/*
 * ann/: groups of equal rows, projection the same for any number of threads, a
 * whole search (all lists probed, every group a candidate) equal to the oracle's rows bit for bit
 * under every policy, searches of one query equal to searches of all, and index folders: a round
 * trip, and every damage refused. One file, because the parts are evaluated on the same catalogs.
 */
#include "ann/faiss_build.h"
#include "ann/faiss_index_file.h"
#include "ann/faiss_pca.h"
#include "ann/faiss_search.h"
#include "ann/faiss_space.h"
#include "core/manifest.h"
#include "core/outdir.h"
#include "core/threads.h"
#include "scan/distinct.h"
#include "support/bunches.h"
#include "support/sample.h"
#include "support/test.h"

#include <math.h>

static const int threads[] = {1, 2, 3, 7};
static kin_error err;

/* ---- pieces --------------------------------------------------------------------------------- */

static void test_distinct(void **state)
{
    (void)state;
    sample s;
    sample_make(&s, &(sample_spec){.seed = 11,
                                   .n = 120,
                                   .modality_count = 2,
                                   .d = {5, 7},
                                   .weight = {.6, .4},
                                   .kind = SAMPLE_DUPLICATES,
                                   .missing_share = .1});
    for (unsigned modalities = 1; modalities < 4; modalities++) {
        kin_distinct distinct;
        int32_t next = 0;
        test_ok(kin_distinct_make(&distinct, &s.catalog, modalities, &err), &err);
        for (size_t i = 0; i < s.oracle.n; i++) {
            unsigned modality_mask = s.oracle.present[i] & modalities;
            int32_t wanted = modality_mask ? next : -1;
            for (size_t j = 0; j < i && wanted == next; j++) {
                bool equal = (s.oracle.present[j] & modalities) == modality_mask;
                for (size_t m = 0; m < 2; m++)
                    if (modality_mask >> m & 1)
                        equal = equal && memcmp(s.oracle.x[m] + i * s.oracle.d[m],
                                                s.oracle.x[m] + j * s.oracle.d[m],
                                                s.oracle.d[m] * sizeof(float)) == 0;
                if (equal)
                    wanted = distinct.of[j];
            }
            assert_int_equal(distinct.of[i], wanted);
            next += wanted == next;
        }
        assert_int_equal(distinct.count, next);
        for (size_t g = 0; g < distinct.count; g++)
            for (size_t at = distinct.start[g]; at < distinct.start[g + 1]; at++) {
                assert_int_equal(distinct.of[distinct.item[at]], g);
                assert_true(at == distinct.start[g] || distinct.item[at - 1] < distinct.item[at]);
            }
        assert_true(distinct.start[distinct.count] <= s.oracle.n);
        assert_true(distinct.count < s.oracle.n);
        kin_distinct_release(&distinct);
    }
    sample_release(&s);
}

static void test_distinct_adopt_refuses(void **state)
{
    (void)state;
    static const int32_t bad[][3] = {{1, 0, 2}, {0, 2, 1}, {0, -2, 1}, {-1, 0, 7}};
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        kin_distinct distinct;
        int32_t *of = malloc(sizeof bad[i]);
        memcpy(of, bad[i], sizeof bad[i]);
        test_refused(kin_distinct_adopt(&distinct, of, 3, "of.npy", &err), &err, KIN_E_DATA,
                     "of.npy: row");
    }
}

/* Rows with deviations 5, 4, 3, .1, ... along coordinates 4, 1, 6, others: the basis must find
 * them, and keep the share of the energy that arithmetic says. */
static void test_pca_known(void **state)
{
    (void)state;
    enum { COUNT = 6000, D = 8, KEPT = 3 };
    static const double deviation[D] = {.1, 4, .1, .1, 5, .1, 3, .1};
    static const size_t order[KEPT] = {4, 1, 6};
    float *x = malloc(COUNT * D * sizeof *x), *copy = malloc(COUNT * D * sizeof *x);
    uint64_t seed = 9;
    for (size_t i = 0; i < COUNT * D; i++)
        x[i] = (float)(deviation[i % D] * test_random_normal(&seed)) + 2;
    for (size_t t = 0; t < TEST_COUNT(threads); t++) {
        static float first[KEPT * D];
        float out[KEPT];
        kin_pca pca;
        memcpy(copy, x, COUNT * D * sizeof *x);
        kin_threads_set(threads[t]);
        test_ok(kin_pca_fit(&pca, copy, COUNT, D, KEPT, true, &err), &err);
        if (t == 0)
            memcpy(first, pca.basis, sizeof first);
        assert_memory_equal(pca.basis, first, sizeof first);
        for (size_t c = 0; c < KEPT; c++)
            assert_true(pca.basis[order[c] * KEPT + c] > .99f);
        assert_true(fabsf(pca.mean[0] - 2) < .05);
        assert_true(fabs(pca.retained - 50 / 50.05) < 1e-3);
        kin_pca_apply(&pca, x, 1, out);
        assert_true(fabsf(out[0] * out[0] + out[1] * out[1] + out[2] * out[2] - 1) < 1e-5f);
        kin_pca_release(&pca);
    }
    kin_pca pca;
    test_refused(kin_pca_fit(&pca, x, COUNT, D, D + 1, false, &err), &err, KIN_E_USAGE,
                 "--project 9, but the vectors have 8 dimensions");
    free(x);
    free(copy);
}

/* Uncentred and in full width, projection is a rotation: inner products stay. */
static void test_pca_rotation(void **state)
{
    (void)state;
    enum { COUNT = 500, D = 12 };
    float *x = test_bunches(COUNT, D, 50, 21), out[2 * D];
    kin_pca pca;
    test_ok(kin_pca_fit(&pca, x, COUNT, D, D, false, &err), &err);
    assert_true(pca.retained > 1 - 1e-5);
    kin_pca_apply(&pca, x, 2, out);
    double before = 0, after = 0;
    for (size_t j = 0; j < D; j++) {
        before += (double)x[j] * x[D + j];
        after += (double)out[j] * out[D + j];
    }
    assert_true(fabs(before - after) < 1e-4);
    kin_pca_release(&pca);
    free(x);
}

/* ---- search --------------------------------------------------------------------------------- */

static void search(const kin_index *index, const kin_search_options *options, size_t n, size_t m,
                   kin_rows *rows)
{
    test_ok(kin_rows_init(rows, n, options->top_k, m, &err), &err);
    test_ok(kin_search_all(index, options, kin_rows_sink(rows), NULL, &err), &err);
    assert_int_equal(rows->count, n);
}

/* Every group found: the rows must be the oracle's. */
static void check_whole(const sample *s, const kin_index_options *options, size_t k,
                        const char *what)
{
    kin_index *index;
    kin_rows rows, one;
    kin_query query;
    size_t n = s->oracle.n;
    oracle_pair *wanted = malloc(n * sizeof *wanted);
    kin_search_options find = {
        .top_k = k, .candidates = (int64_t)n, .probes = 1000, .ef_search = 1000};

    test_ok(kin_index_build(&index, &s->catalog, options, NULL, &err), &err);
    search(index, &find, n, s->catalog.modality_count, &rows);
    test_ok(kin_query_init(&query, &s->catalog, &err), &err);
    test_ok(kin_rows_init(&one, 1, k, s->catalog.modality_count, &err), &err);
    for (size_t i = 0; i < n; i++) {
        char where[160];
        size_t count = oracle_row(&s->oracle, i, NULL, 0, k, wanted);
        snprintf(where, sizeof where, "%s, row %zu", what, i);
        sample_assert_row(&rows, i, wanted, count, where);
        kin_query_set_row(&query, i);
        test_ok(kin_search_one(index, &find, &query, &one, &err), &err);
        sample_assert_row(&one, 0, wanted, count, where);
    }
    kin_rows_release(&one);
    kin_rows_release(&rows);
    kin_query_release(&query);
    kin_index_free(index);
    free(wanted);
}

static void test_whole_search(void **state)
{
    (void)state;
    static const size_t sizes[] = {2, 3, 17, 90, 300};
    for (size_t at = 0; at < 240; at++) {
        sample s;
        char what[96];
        kin_index_options options = KIN_INDEX_OPTIONS_INIT;
        sample_spec spec = {.seed = at + 1,
                            .n = sizes[at % TEST_COUNT(sizes)],
                            .modality_count = 1 + at % 3,
                            .d = {6, 9, 4},
                            .weight = {.6, .4, 1.5},
                            .kind = (sample_kind)(at % SAMPLE_KINDS),
                            .missing_share = at % 4 == 3 ? .2 : 0,
                            .missing = (kin_missing)(at / 4 % 3)};
        options.space = at / 2 % 2 ? KIN_SPACE_FUSED : KIN_SPACE_MODALITY;
        kin_threads_set(threads[at % TEST_COUNT(threads)]);
        sample_make(&s, &spec);
        snprintf(what, sizeof what, "set %zu", at);
        check_whole(&s, &options, spec.n < 12 ? spec.n - 1 : 11, what);
        sample_release(&s);
    }
}

/* Some items, in any order and one of them twice: the rows that all of them give. More than a
 * block. */
static void test_some_rows(void **state)
{
    (void)state;
    enum { N = 2600, K = 7, COUNT = 2300 };
    static int32_t row[COUNT];
    sample s;
    sample_spec spec = {.seed = 5,
                        .n = N,
                        .modality_count = 2,
                        .d = {9, 6},
                        .weight = {.6, .4},
                        .kind = SAMPLE_DUPLICATES,
                        .missing_share = .1};
    kin_index_options options = KIN_INDEX_OPTIONS_INIT;
    kin_search_options find = {.top_k = K, .candidates = 64, .probes = 2};
    kin_threads_set(2);
    sample_make(&s, &spec);
    for (size_t q = 0; q < COUNT; q++)
        row[q] = (int32_t)(q * 1009 % N);
    row[COUNT - 1] = row[0];
    for (int type = 0; type < 2; type++) {
        kin_index *index;
        kin_rows all, some;
        options.type = type;
        test_ok(kin_index_build(&index, &s.catalog, &options, NULL, &err), &err);
        search(index, &find, N, 2, &all);
        test_ok(kin_rows_init(&some, COUNT, K, 2, &err), &err);
        test_ok(kin_search_rows(index, &find, row, COUNT, kin_rows_sink(&some), NULL, &err), &err);
        assert_int_equal(some.count, COUNT);
        for (size_t q = 0; q < COUNT; q++) {
            size_t i = (size_t)row[q], filled = some.filled[q];
            assert_int_equal(filled, all.filled[i]);
            assert_memory_equal(some.neighbor + q * K, all.neighbor + i * K, filled * 4);
            assert_memory_equal(some.score + q * K, all.score + i * K, filled * 4);
        }
        kin_rows_release(&some);
        kin_rows_release(&all);
        kin_index_free(index);
    }
    sample_release(&s);
}

/* Effort doubles up to all there is, and what was given beyond that stays. */
static void test_escalate(void **state)
{
    (void)state;
    enum { N = 300 };
    sample s;
    sample_spec spec = {.seed = 6, .n = N, .modality_count = 1, .d = {8}, .weight = {1}};
    kin_index *index;
    kin_index_options options = KIN_INDEX_OPTIONS_INIT;
    kin_search_options find = {.top_k = 5, .candidates = 100, .ef_search = 10, .probes = 1};
    sample_make(&s, &spec);
    options.type = KIN_INDEX_HNSW;
    test_ok(kin_index_build(&index, &s.catalog, &options, NULL, &err), &err);
    assert_true(kin_search_escalate(&find, index));
    assert_true(find.candidates == 200 && find.ef_search == 200 && find.probes == 1);
    assert_true(kin_search_escalate(&find, index));
    assert_true(find.candidates == N && find.ef_search == N);
    assert_false(kin_search_escalate(&find, index));
    find.candidates = find.ef_search = 1000;
    assert_true(!kin_search_escalate(&find, index) && find.candidates == 1000);
    kin_index_free(index);
    sample_release(&s);
}

/* HNSW promises nothing, so it is counted: unrelated rows, generous effort. */
static void test_hnsw(void **state)
{
    (void)state;
    enum { N = 1500, K = 10 };
    sample s;
    sample_spec spec = {.seed = 3,
                        .n = N,
                        .modality_count = 2,
                        .d = {16, 12},
                        .weight = {.6, .4},
                        .kind = SAMPLE_DUPLICATES,
                        .missing_share = .05};
    sample_make(&s, &spec);
    for (int space = 0; space < 2; space++) {
        kin_index *index;
        kin_rows rows;
        size_t hits = 0, all = 0;
        oracle_pair *wanted = malloc(N * sizeof *wanted);
        kin_index_options options = KIN_INDEX_OPTIONS_INIT;
        kin_search_options find = {.top_k = K, .candidates = 400};
        options.type = KIN_INDEX_HNSW;
        options.space = space;
        kin_threads_set(2);
        test_ok(kin_index_build(&index, &s.catalog, &options, NULL, &err), &err);
        search(index, &find, N, 2, &rows);
        for (size_t i = 0; i < N; i++) {
            size_t count = oracle_row(&s.oracle, i, NULL, 0, K, wanted);
            all += count;
            for (size_t j = 0; j < rows.filled[i] && j < count; j++)
                hits += rows.score[i * K + j] >= wanted[count - 1].score;
        }
        assert_true((double)hits >= .97 * (double)all);
        kin_rows_release(&rows);
        kin_index_free(index);
        free(wanted);
    }
    sample_release(&s);
}

/* A group of duplicates larger than 2 C must not crowd an answer out, nor break it. */
static void test_all_equal(void **state)
{
    (void)state;
    enum { N = 500, K = 5 };
    sample s;
    kin_index *index;
    kin_rows rows;
    kin_index_options options = KIN_INDEX_OPTIONS_INIT;
    kin_search_options find = {.top_k = K};
    sample_make(
        &s,
        &(sample_spec){
            .seed = 1, .n = N, .modality_count = 1, .d = {4}, .weight = {1}, .kind = SAMPLE_EQUAL});
    test_ok(kin_index_build(&index, &s.catalog, &options, NULL, &err), &err);
    search(index, &find, N, 1, &rows);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(rows.filled[i], K);
        for (size_t j = 0; j < K; j++) /* ties go to the smaller row, without oneself */
            assert_int_equal(rows.neighbor[i * K + j], j + (j >= i));
    }
    kin_rows_release(&rows);
    kin_index_free(index);
    sample_release(&s);
}

static void assert_same_rows(const kin_rows *a, const kin_rows *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->filled, b->filled, a->count * sizeof *a->filled);
    for (size_t i = 0; i < a->count; i++) {
        assert_memory_equal(a->neighbor + i * a->k, b->neighbor + i * a->k,
                            a->filled[i] * sizeof *a->neighbor);
        assert_memory_equal(a->score + i * a->k, b->score + i * a->k,
                            a->filled[i] * sizeof *a->score);
    }
}

static const sample_spec medium = {.seed = 77,
                                   .n = 5000,
                                   .modality_count = 2,
                                   .d = {32, 24},
                                   .weight = {.6, .4},
                                   .kind = SAMPLE_DUPLICATES,
                                   .missing_share = .03};

/* IVF with few probes, projected or not: the same rows from 1, 2, 3 and 7 threads. */
static void test_ivf_threads(void **state)
{
    (void)state;
    sample s;
    sample_make(&s, &medium);
    for (size_t variant = 0; variant < 4; variant++) {
        kin_rows first, rows;
        kin_index_options options = KIN_INDEX_OPTIONS_INIT;
        kin_search_options find = {.top_k = 10, .candidates = 30, .probes = 3};
        options.space = variant % 2;
        options.project = variant / 2 ? 16 : 0;
        options.project_centre = variant == 3;
        for (size_t t = 0; t < TEST_COUNT(threads); t++) {
            kin_index *index;
            kin_threads_set(threads[t]);
            test_ok(kin_index_build(&index, &s.catalog, &options, NULL, &err), &err);
            search(index, &find, medium.n, 2, t ? &rows : &first);
            kin_index_free(index);
            if (t > 0) {
                assert_same_rows(&rows, &first);
                kin_rows_release(&rows);
            }
        }
        kin_rows_release(&first);
    }
    sample_release(&s);
}

static void test_refusals(void **state)
{
    (void)state;
    sample s;
    kin_index *index;
    kin_index_options options = KIN_INDEX_OPTIONS_INIT;
    sample_make(&s, &medium);
    options.project = 33;
    test_refused(kin_index_build(&index, &s.catalog, &options, NULL, &err), &err, KIN_E_USAGE,
                 "--project 33, but ");
    options.project = 0;
    options.lists = 5001;
    test_refused(kin_index_build(&index, &s.catalog, &options, NULL, &err), &err, KIN_E_USAGE,
                 "--lists 5001, but ");
    options.lists = 0;
    options.memory_bytes = 100000;
    test_refused(kin_index_build(&index, &s.catalog, &options, NULL, &err), &err, KIN_E_MEMORY,
                 "MiB");
    options.memory_bytes = 0;
    test_ok(kin_index_build(&index, &s.catalog, &options, NULL, &err), &err);
    kin_search_options find = {.top_k = 10, .memory_bytes = 100000};
    kin_rows rows;
    test_ok(kin_rows_init(&rows, medium.n, 10, 2, &err), &err);
    test_refused(kin_search_all(index, &find, kin_rows_sink(&rows), NULL, &err), &err, KIN_E_MEMORY,
                 "MiB");
    kin_rows_release(&rows);
    kin_index_free(index);
    sample_release(&s);
}

/* ---- folders -------------------------------------------------------------------------------- */

/* Writes an index folder as kin index does; returns its manifest. */
static json_t *write_folder(const sample *s, const kin_index *index, const char *path)
{
    kin_outdir out;
    json_t *manifest = json_pack("{s:s, s:i}", "kind", "index", "format", KIN_MANIFEST_FORMAT);
    json_t *modalities = json_array();
    for (size_t m = 0; m < s->catalog.modality_count; m++) {
        const kin_modality *modality = &s->catalog.modality[m];
        json_array_append_new(modalities,
                              json_pack("{s:s, s:s, s:f}", "name", modality->name, "xxh3_128",
                                        modality->fingerprint.text, "weight", modality->weight));
    }
    json_object_set_new(manifest, "modalities", modalities);
    test_ok(kin_outdir_open(&out, path, "graph", true, &err), &err);
    test_ok(kin_index_save(index, out.temporary, &manifest, &err), &err);
    test_ok(kin_outdir_commit(&out, &manifest, &err), &err);
    kin_outdir_release(&out);
    json_decref(manifest);
    test_ok(kin_manifest_read(&manifest, path, "index", &err), &err);
    return manifest;
}

static void test_round_trip(void **state)
{
    (void)state;
    sample s;
    sample_make(&s, &medium);
    for (size_t variant = 0; variant < 8; variant++) {
        const char *folder = test_path("index%zu", variant);
        kin_index *made, *opened;
        kin_rows before, after;
        kin_index_options options = KIN_INDEX_OPTIONS_INIT;
        kin_search_options find = {.top_k = 10, .candidates = 30};
        options.type = variant % 2;
        options.space = variant / 2 % 2;
        options.project = variant / 4 ? 20 : 0;
        options.project_centre = variant == 4;
        test_ok(kin_index_build(&made, &s.catalog, &options, NULL, &err), &err);
        json_t *manifest = write_folder(&s, made, folder);
        test_ok(kin_index_open(&opened, test_dir(folder), manifest, &s.catalog, &err), &err);
        assert_int_equal(kin_index_resolved(opened)->type, options.type);
        json_t *facts[] = {kin_index_facts(made), kin_index_facts(opened)};
        assert_true(json_equal(facts[0], facts[1]) || variant >= 4);
        search(made, &find, medium.n, 2, &before);
        search(opened, &find, medium.n, 2, &after);
        assert_same_rows(&before, &after);
        kin_rows_release(&before);
        kin_rows_release(&after);
        kin_index_free(made);
        kin_index_free(opened);
        json_decref(facts[0]);
        json_decref(facts[1]);
        json_decref(manifest);
    }
    sample_release(&s);
}

/* Flips a bit here and there in every file, cuts one short, takes one away: none is opened. */
static void test_damage(void **state)
{
    (void)state;
    static const char *const files[] = {"fused.faiss", "fused.distinct.npy",
                                        "fused.projection.npy"};
    sample s;
    kin_index *index;
    kin_index_options options = {.space = KIN_SPACE_FUSED, .project = 8, .seed = 1};
    const char *folder = test_path("damaged");
    sample_make(&s, &medium);
    test_ok(kin_index_build(&index, &s.catalog, &options, NULL, &err), &err);
    json_t *manifest = write_folder(&s, index, folder);
    kin_index_free(index);
    for (size_t f = 0; f < TEST_COUNT(files); f++) {
        size_t bytes;
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, files[f]);
        unsigned char *good = test_read(path, &bytes);
        for (size_t at = 0; at < 20; at++) {
            size_t place = at * (bytes - 1) / 19;
            good[place] ^= 0x10;
            test_write(path, good, bytes);
            good[place] ^= 0x10;
            test_refused(kin_index_open(&index, test_dir(folder), manifest, &s.catalog, &err), &err,
                         KIN_E_DATA, files[f]);
        }
        test_write(path, good, bytes - 1);
        test_refused(kin_index_open(&index, test_dir(folder), manifest, &s.catalog, &err), &err,
                     KIN_E_DATA, files[f]);
        test_remove(path);
        test_refused(kin_index_open(&index, test_dir(folder), manifest, &s.catalog, &err), &err,
                     KIN_E_DATA, files[f]);
        test_write(path, good, bytes);
        free(good);
    }
    json_t *entry = json_incref(json_object_get(json_object_get(manifest, "files"), files[0]));
    json_object_del(json_object_get(manifest, "files"), files[0]);
    test_seal(manifest);
    test_refused(kin_index_open(&index, test_dir(folder), manifest, &s.catalog, &err), &err,
                 KIN_E_DATA, "does not list fused.faiss");
    json_object_set_new(json_object_get(manifest, "files"), files[0], entry);
    test_seal(manifest);
    test_ok(kin_index_open(&index, test_dir(folder), manifest, &s.catalog, &err), &err);
    kin_index_free(index);
    json_decref(manifest);
    sample_release(&s);
}

/* Another catalog, other weights in fused space, another policy. */
static void test_wrong_catalog(void **state)
{
    (void)state;
    sample s, other;
    kin_index *index;
    kin_index_options options = {.space = KIN_SPACE_FUSED, .seed = 1};
    const char *folder = test_path("whose");
    sample_spec spec = medium;
    sample_make(&s, &medium);
    test_ok(kin_index_build(&index, &s.catalog, &options, NULL, &err), &err);
    json_t *manifest = write_folder(&s, index, folder);
    kin_index_free(index);

    s.catalog.modality[0].weight = .7;
    test_refused(kin_index_open(&index, test_dir(folder), manifest, &s.catalog, &err), &err,
                 KIN_E_DATA, "has weight 0.6 for");
    s.catalog.modality[0].weight = .6;
    s.catalog.missing = KIN_MISSING_ZERO;
    test_refused(kin_index_open(&index, test_dir(folder), manifest, &s.catalog, &err), &err,
                 KIN_E_DATA, "--missing renorm, asked for zero");
    s.catalog.missing = KIN_MISSING_RENORM;
    spec.seed++;
    sample_make(&other, &spec);
    test_refused(kin_index_open(&index, test_dir(folder), manifest, &other.catalog, &err), &err,
                 KIN_E_DATA, "was made from another");
    sample_release(&other);
    spec.modality_count = 1;
    sample_make(&other, &spec);
    test_refused(kin_index_open(&index, test_dir(folder), manifest, &other.catalog, &err), &err,
                 KIN_E_DATA, "2 modalities, the catalog 1");
    sample_release(&other);
    sample_release(&s);
    json_decref(manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distinct),     cmocka_unit_test(test_distinct_adopt_refuses),
        cmocka_unit_test(test_pca_known),    cmocka_unit_test(test_pca_rotation),
        cmocka_unit_test(test_whole_search), cmocka_unit_test(test_hnsw),
        cmocka_unit_test(test_some_rows),    cmocka_unit_test(test_escalate),
        cmocka_unit_test(test_all_equal),    cmocka_unit_test(test_ivf_threads),
        cmocka_unit_test(test_refusals),     cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_damage),       cmocka_unit_test(test_wrong_catalog),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
