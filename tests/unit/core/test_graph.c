/*
 * core/graph and graph_writer: blocks in any order and from any thread, short and empty rows, both
 * orders on disk, the same bytes twice, files that find no room, the members of graph.npz.
 */
#include "core/manifest.h"
#include "support/small_graph.h"
#include "support/test.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zip.h>

enum { N = SMALL_N, K = SMALL_K, MODALITIES = SMALL_MODALITIES };

/* An engine that runs again: full rows, some of them, then all of another graph over them. */
static void test_restart(void **state)
{
    (void)state;
    kin_error err;
    kin_graph_writer *writer;
    kin_graph_totals totals, once;
    kin_written written;
    kin_rows rows;
    const char *again = test_path("again"), *new = test_path("new");
    assert_int_equal(mkdir(again, 0755), 0);
    assert_int_equal(mkdir(new, 0755), 0);
    test_ok(small_writer(&writer, again, KIN_ORDER_SCORE, &err), &err);
    kin_row_sink sink = kin_graph_writer_sink(writer);
    test_ok(kin_rows_init(&rows, N, K, MODALITIES, &err), &err);
    small_fill(&rows, 0, N, true);
    test_ok(sink.write(sink.self, 0, &rows, &err), &err);
    kin_graph_writer_restart(writer);
    small_fill(&rows, 0, N - 1, false);
    test_ok(sink.write(sink.self, 0, &rows, &err), &err);
    test_refused(kin_graph_writer_finish(writer, &totals, &written, &err), &err, KIN_E_INTERNAL,
                 "row 22 of the graph was never written");
    small_fill(&rows, N - 1, 1, false);
    test_ok(sink.write(sink.self, N - 1, &rows, &err), &err);
    test_ok(kin_graph_writer_finish(writer, &totals, &written, &err), &err);
    kin_graph_writer_free(writer);
    kin_rows_release(&rows);
    test_ok(small_write(new, KIN_ORDER_SCORE, false, -1, &once, &written, &err), &err);
    assert_int_equal(totals.pairs, once.pairs);
    static const char *const file[] = {"indptr.npy",      "indices.npy",      "data.npy",
                                       "scores_text.npy", "scores_image.npy", "graph.npz"};
    for (size_t f = 0; f < TEST_COUNT(file); f++)
        assert_true(test_same_files(test_path("again/%s", file[f]), test_path("new/%s", file[f])));
}

static void test_round_trip(void **state)
{
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        kin_row_order order = variant & 1 ? KIN_ORDER_COLUMN : KIN_ORDER_SCORE;
        bool full = variant & 2;
        kin_error err;
        kin_graph g;
        small_graph(test_path("g"), order, full);
        test_ok(kin_graph_open(&g, test_path("g"), &err), &err);
        assert_true(g.n == N && g.k == K && g.order == order && g.modality_count == MODALITIES);
        assert_string_equal(g.modality[1], "image");
        assert_int_equal(g.pairs, g.indptr[N]);
        for (size_t i = 0; i < N; i++)
            small_check_row(&g, i, full);
        assert_true(kin_span_equal(kin_lines_at(&g.ids, 3), (kin_span){"item-3", 6}));
        assert_true(kin_span_equal(kin_table_cell(&g.items, 3, 1), (kin_span){"Title 3", 7}));
        test_ok(kin_manifest_verify(g.manifest, test_dir(test_path("g")), &err), &err);
        kin_graph_close(&g);
    }
}

static void test_same_bytes(void **state)
{
    (void)state;
    static const char *const names[] = {"graph.npz",  "indices.npy",     "data.npy",
                                        "indptr.npy", "scores_text.npy", "scores_image.npy",
                                        "ids.txt",    "items.tsv",       "manifest.json"};
    small_graph(test_path("g1"), KIN_ORDER_SCORE, false);
    small_graph(test_path("g2"), KIN_ORDER_SCORE, false);
    for (size_t f = 0; f < TEST_COUNT(names); f++)
        assert_true(test_same_files(test_path("g1/%s", names[f]), test_path("g2/%s", names[f])));
}

/* All rows in one block. */
static void write_at_once(kin_row_sink sink, bool full)
{
    kin_error err;
    kin_rows all;
    test_ok(kin_rows_init(&all, N, K, MODALITIES, &err), &err);
    small_fill(&all, 0, N, full);
    test_ok(sink.write(sink.self, 0, &all, &err), &err);
    kin_rows_release(&all);
}

/* Row by row, in this order, from several threads; what follows a row's entries is never the
 * same. */
static void write_scattered(kin_row_sink sink, bool full, const size_t order[N])
{
    int failed = 0;
#pragma omp parallel for schedule(dynamic) num_threads(4) reduction(+ : failed)
    for (size_t i = 0; i < N; i++) {
        kin_error err;
        kin_rows one;
        if (kin_rows_init(&one, 1, K, MODALITIES, &err) == 0) {
            small_fill(&one, order[i], 1, full);
            for (size_t e = one.filled[0]; e < K; e++)
                one.neighbor[e] = (int32_t)(100 * i + e);
            failed += sink.write(sink.self, order[i], &one, &err) != 0;
            kin_rows_release(&one);
        } else {
            failed++;
        }
    }
    assert_int_equal(failed, 0);
}

/* The arrays of a graph, at once where there is no order. */
static void write_arrays(const char *folder, kin_row_order order, bool full,
                         const size_t row_order[N])
{
    kin_error err;
    kin_graph_writer *writer;
    kin_graph_totals totals;
    kin_written written;
    test_remove(folder);
    mkdir(folder, 0755);
    test_ok(small_writer(&writer, folder, order, &err), &err);
    if (row_order)
        write_scattered(kin_graph_writer_sink(writer), full, row_order);
    else
        write_at_once(kin_graph_writer_sink(writer), full);
    test_ok(kin_graph_writer_finish(writer, &totals, &written, &err), &err);
    kin_graph_writer_free(writer);
}

/* Whatever order rows come in and whichever thread they come from, the files are the same. */
static void test_rows_from_any_thread(void **state)
{
    (void)state;
    static const char *const names[] = {"graph.npz",  "indices.npy",     "data.npy",
                                        "indptr.npy", "scores_text.npy", "scores_image.npy"};
    size_t rows[N];
    uint64_t random = 5;
    for (size_t i = 0; i < N; i++)
        rows[i] = i;
    for (int round = 0; round < 40; round++) {
        kin_row_order order = round & 1 ? KIN_ORDER_COLUMN : KIN_ORDER_SCORE;
        bool full = round & 2;
        for (size_t i = N; i > 1; i--) {
            size_t other = test_random_below(&random, i), kept = rows[i - 1];
            rows[i - 1] = rows[other];
            rows[other] = kept;
        }
        write_arrays(test_path("once"), order, full, NULL);
        write_arrays(test_path("scattered"), order, full, rows);
        for (size_t f = 0; f < TEST_COUNT(names); f++)
            assert_true(test_same_files(test_path("once/%s", names[f]),
                                        test_path("scattered/%s", names[f])));
    }
}

/* Starts a writer with no file to be longer than this. */
static int new_with_limit(const char *folder, rlim_t bytes, kin_error *err)
{
    struct rlimit before, less;
    kin_graph_writer *writer = NULL;
    test_remove(folder);
    mkdir(folder, 0755);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    less = (struct rlimit){.rlim_cur = bytes, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
    int rc = small_writer(&writer, folder, KIN_ORDER_SCORE, err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    kin_graph_writer_free(writer);
    return rc;
}

/* What finds no room is refused before any row is there. */
static void test_file_limit(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_graph_writer_options options = {.n = N, .k = K, .catalog = &small_catalog};
    rlim_t longest = kin_graph_writer_plan(&options).file_bytes - 2 * (128 + N * K * 2);
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN); /* as the command does */
    test_ok(new_with_limit(test_path("room"), longest, &err), &err);
    test_refused(new_with_limit(test_path("room"), longest - 1, &err), &err, KIN_E_IO,
                 "graph.npz cannot be written with its 4044 bytes: File too large");
    test_refused(new_with_limit(test_path("room"), 0, &err), &err, KIN_E_IO, "cannot be written");
    signal(SIGXFSZ, before);
}

static void test_writer_refuses(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_graph_totals totals;
    kin_written written;
    mkdir(test_path("w"), 0755);
    test_refused(small_write(test_path("w"), KIN_ORDER_SCORE, false, 2, &totals, &written, &err),
                 &err, KIN_E_INTERNAL, "row 8 of the graph was never written");
    test_refused(small_write(test_path("w"), KIN_ORDER_SCORE, false, -1, &totals, &written, &err),
                 &err, KIN_E_CANTOUT, "graph.npz cannot be created: File exists");
    test_refused(
        small_write(test_path("none"), KIN_ORDER_SCORE, false, -1, &totals, &written, &err), &err,
        KIN_E_CANTOUT, "none/graph.npz cannot be created");
    mkdir(test_path("w2"), 0755);
    test_ok(small_write(test_path("w2"), KIN_ORDER_SCORE, false, -1, &totals, &written, &err),
            &err);
    size_t pairs = 0;
    size_t with = 0;
    for (size_t i = 0; i < N; i++) {
        pairs += small_length_of(i, false);
        with += small_length_of(i, false) > 0;
    }
    assert_true(totals.pairs == pairs && totals.items_with_neighbors == with);
}

/* ---- the archive ----------------------------------------------------------------------------- */

/* The members are the arrays' files, stored, with the one fixed time. */
static void test_npz_members(void **state)
{
    (void)state;
    static const char *const names[] = {"indices.npy", "indptr.npy", "format.npy", "shape.npy",
                                        "data.npy"};
    small_graph(test_path("g"), KIN_ORDER_SCORE, false);
    int code;
    zip_t *archive = zip_open(test_path("g/graph.npz"), ZIP_RDONLY | ZIP_CHECKCONS, &code);
    assert_non_null(archive);
    assert_int_equal(zip_get_num_entries(archive, 0), TEST_COUNT(names));
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        struct zip_stat status;
        unsigned char inside[4096];
        assert_int_equal(zip_stat_index(archive, i, 0, &status), 0);
        assert_string_equal(status.name, names[i]);
        assert_int_equal(status.comp_method, ZIP_CM_STORE);
        struct tm *date = localtime(&status.mtime);
        assert_true(date->tm_year == 80 && date->tm_mon == 0 && date->tm_mday == 1);
        zip_file_t *member = zip_fopen_index(archive, i, 0);
        assert_int_equal(zip_fread(member, inside, sizeof inside), status.size);
        zip_fclose(member);
        if (i == 2)
            assert_memory_equal(inside + status.size - 3, "csr", 3);
        else if (i == 3)
            assert_memory_equal(inside + status.size - 16, ((int64_t[]){N, N}), 16);
        else {
            size_t bytes;
            unsigned char *outside = test_read(test_path("g/%s", names[i]), &bytes);
            assert_int_equal(bytes, status.size);
            assert_memory_equal(inside, outside, bytes);
            free(outside);
        }
    }
    zip_discard(archive);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restart),    cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_rows_from_any_thread),
        cmocka_unit_test(test_file_limit), cmocka_unit_test(test_writer_refuses),
        cmocka_unit_test(test_npz_members)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
