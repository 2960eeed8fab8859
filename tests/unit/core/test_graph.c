/*
 * core/graph, graph_writer and zip: blocks in any order and from any thread, short and empty rows,
 * both orders on disk, the same bytes twice, files that find no room, the members of graph.npz, and
 * every refusal of a damaged folder.
 */
#include "core/graph.h"
#include "core/half.h"
#include "core/manifest.h"
#include "core/outdir.h"
#include "support/test.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zip.h>

enum { N = 23, K = 5, MODALITIES = 2 };

/* All that the writer wants of a catalog. */
static const kin_catalog named = {.modality_count = MODALITIES,
                                  .modality = {{.name = "text"}, {.name = "image"}}};

/* How long row i is: 0 .. K, or all K. */
static uint32_t length_of(size_t i, bool full)
{
    return full ? K : (uint32_t)(i * 7 % (K + 1));
}

/* Entry e of row i: descending scores with a tie, neighbours in no order. */
static kin_neighbor entry_of(size_t i, size_t e)
{
    static const float score[K] = {1.0f, 0.75f, 0.75f, 0.0f, -0.5f};
    static const int32_t step[K] = {9, 2, 4, 1, 7};
    int32_t row = (int32_t)((i + (size_t)step[e]) % N);
    int32_t other = (int32_t)((i + (size_t)step[3 - e % 3]) % N);
    if (e == 1 || e == 2) /* of equal scores the smaller row comes first */
        row = (e == 1) == (row < other) ? row : other;
    return (kin_neighbor){.row = row, .score = score[e]};
}

static float cosine_of(size_t i, size_t e, size_t m)
{
    return m == 1 && (i + e) % 4 == 0 ? NAN : (float)i / 64 - (float)(e + m) / 8;
}

static void fill_block(kin_rows *block, size_t first, size_t count, bool full)
{
    block->count = count;
    for (size_t q = 0; q < count; q++) {
        block->filled[q] = length_of(first + q, full);
        for (size_t e = 0; e < K; e++) {
            kin_neighbor entry = entry_of(first + q, e);
            block->neighbor[q * K + e] = entry.row;
            block->score[q * K + e] = entry.score;
            for (size_t m = 0; m < MODALITIES; m++)
                block->cosine[m][q * K + e] = cosine_of(first + q, e, m);
        }
    }
}

/* A writer of such rows, with its arrays in files of their own as well. */
static int new_writer(kin_graph_writer **out, const char *folder, kin_row_order order,
                      kin_error *err)
{
    kin_graph_writer_options options = {.directory = folder,
                                        .n = N,
                                        .k = K,
                                        .catalog = &named,
                                        .order = order,
                                        .arrays = true,
                                        .memory_bytes = 1 << 20};
    return kin_graph_writer_new(out, &options, err);
}

/* Writes rows in blocks of 4, the odd blocks first; `skip` is a block left out, or -1. */
static int write_rows(const char *folder, kin_row_order order, bool full, int skip,
                      kin_graph_totals *totals, kin_written *written, kin_error *err)
{
    enum { BLOCK = 4 };
    kin_graph_writer *writer;
    kin_rows block;
    int rc = new_writer(&writer, folder, order, err);
    if (rc != 0)
        return rc;
    kin_row_sink sink = kin_graph_writer_sink(writer);
    test_ok(kin_rows_init(&block, BLOCK, K, MODALITIES, err), err);
    for (int odd = 1; odd >= 0; odd--)
        for (size_t b = (size_t)odd; b * BLOCK < N; b += 2) {
            size_t first = b * BLOCK;
            fill_block(&block, first, N - first < BLOCK ? N - first : BLOCK, full);
            if ((int)b != skip)
                test_ok(sink.write(sink.self, first, &block, err), err);
        }
    rc = kin_graph_writer_finish(writer, totals, written, err);
    kin_graph_writer_free(writer);
    kin_rows_release(&block);
    return rc;
}

/* A whole graph folder, manifest and all. */
static void make_graph(const char *folder, kin_row_order order, bool full)
{
    kin_error err;
    kin_outdir out;
    kin_graph_totals totals;
    test_remove(folder);
    test_ok(kin_outdir_open(&out, folder, "graph", false, &err), &err);
    test_ok(write_rows(out.temporary, order, full, -1, &totals, &out.written, &err), &err);
    FILE *ids = fopen(test_path("ids"), "w");
    FILE *items = fopen(test_path("items"), "w");
    fprintf(items, "id\ttitle\n");
    for (int i = 0; i < N; i++) {
        fprintf(ids, "item-%d\n", i);
        fprintf(items, "item-%d\tTitle %d\n", i, i);
    }
    fclose(ids);
    fclose(items);
    test_ok(kin_file_copy(test_path("ids"), out.temporary, "ids.txt", &err), &err);
    test_ok(kin_file_copy(test_path("items"), out.temporary, "items.tsv", &err), &err);
    json_t *manifest =
        json_pack("{s:s, s:i, s:{s:i, s:s}, s:[{s:s}, {s:s}]}", "kind", "graph", "format",
                  KIN_MANIFEST_FORMAT, "options", "top_k", K, "row_order",
                  kin_row_order_names[order], "modalities", "name", "text", "name", "image");
    test_ok(kin_outdir_commit(&out, &manifest, &err), &err);
    json_decref(manifest);
    kin_outdir_release(&out);
}

/* ---- round trip ------------------------------------------------------------------------------ */

static void check_row(const kin_graph *g, size_t i, bool full)
{
    kin_neighbor row[K];
    size_t count = kin_graph_row(g, i, row);
    assert_int_equal(count, length_of(i, full));
    for (size_t e = 0; e < count; e++) {
        kin_neighbor wanted = entry_of(i, e);
        assert_int_equal(row[e].row, wanted.row);
        assert_true(row[e].score == wanted.score);
        assert_int_equal(g->indices[row[e].entry], wanted.row);
        for (size_t m = 0; m < MODALITIES; m++) {
            float cosine = kin_half_to_float(g->cosine[m][row[e].entry]);
            float exact = cosine_of(i, e, m);
            assert_true(cosine == exact || (isnan(cosine) && isnan(exact)));
        }
        if (e > 0 && g->order == KIN_ORDER_SCORE)
            assert_int_equal(row[e].entry, row[e - 1].entry + 1);
    }
    for (int64_t p = g->indptr[i] + 1; p < g->indptr[i + 1] && g->order == KIN_ORDER_COLUMN; p++)
        assert_true(g->indices[p - 1] < g->indices[p]);
}

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
    test_ok(new_writer(&writer, again, KIN_ORDER_SCORE, &err), &err);
    kin_row_sink sink = kin_graph_writer_sink(writer);
    test_ok(kin_rows_init(&rows, N, K, MODALITIES, &err), &err);
    fill_block(&rows, 0, N, true);
    test_ok(sink.write(sink.self, 0, &rows, &err), &err);
    kin_graph_writer_restart(writer);
    fill_block(&rows, 0, N - 1, false);
    test_ok(sink.write(sink.self, 0, &rows, &err), &err);
    test_refused(kin_graph_writer_finish(writer, &totals, &written, &err), &err, KIN_E_INTERNAL,
                 "row 22 of the graph was never written");
    fill_block(&rows, N - 1, 1, false);
    test_ok(sink.write(sink.self, N - 1, &rows, &err), &err);
    test_ok(kin_graph_writer_finish(writer, &totals, &written, &err), &err);
    kin_graph_writer_free(writer);
    kin_rows_release(&rows);
    test_ok(write_rows(new, KIN_ORDER_SCORE, false, -1, &once, &written, &err), &err);
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
        make_graph(test_path("g"), order, full);
        test_ok(kin_graph_open(&g, test_path("g"), &err), &err);
        assert_true(g.n == N && g.k == K && g.order == order && g.modality_count == MODALITIES);
        assert_string_equal(g.modality[1], "image");
        assert_int_equal(g.pairs, g.indptr[N]);
        for (size_t i = 0; i < N; i++)
            check_row(&g, i, full);
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
    make_graph(test_path("g1"), KIN_ORDER_SCORE, false);
    make_graph(test_path("g2"), KIN_ORDER_SCORE, false);
    for (size_t f = 0; f < TEST_COUNT(names); f++)
        assert_true(test_same_files(test_path("g1/%s", names[f]), test_path("g2/%s", names[f])));
}

/* All rows in one block. */
static void write_at_once(kin_row_sink sink, bool full)
{
    kin_error err;
    kin_rows all;
    test_ok(kin_rows_init(&all, N, K, MODALITIES, &err), &err);
    fill_block(&all, 0, N, full);
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
            fill_block(&one, order[i], 1, full);
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
    test_ok(new_writer(&writer, folder, order, &err), &err);
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
    int rc = new_writer(&writer, folder, KIN_ORDER_SCORE, err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    kin_graph_writer_free(writer);
    return rc;
}

/* What finds no room is refused before any row is there. */
static void test_file_limit(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_graph_writer_options options = {.n = N, .k = K, .catalog = &named};
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
    test_refused(write_rows(test_path("w"), KIN_ORDER_SCORE, false, 2, &totals, &written, &err),
                 &err, KIN_E_INTERNAL, "row 8 of the graph was never written");
    test_refused(write_rows(test_path("w"), KIN_ORDER_SCORE, false, -1, &totals, &written, &err),
                 &err, KIN_E_CANTOUT, "graph.npz cannot be created: File exists");
    test_refused(write_rows(test_path("none"), KIN_ORDER_SCORE, false, -1, &totals, &written, &err),
                 &err, KIN_E_CANTOUT, "none/graph.npz cannot be created");
    mkdir(test_path("w2"), 0755);
    test_ok(write_rows(test_path("w2"), KIN_ORDER_SCORE, false, -1, &totals, &written, &err), &err);
    size_t pairs = 0;
    size_t with = 0;
    for (size_t i = 0; i < N; i++) {
        pairs += length_of(i, false);
        with += length_of(i, false) > 0;
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
    make_graph(test_path("g"), KIN_ORDER_SCORE, false);
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

/* ---- damage ---------------------------------------------------------------------------------- */

/* Puts `bytes` bytes at `at` of a file (from its end where negative); bytes 0 cuts it there. */
static void damage(const char *path, long at, const void *data, size_t bytes)
{
    size_t length;
    unsigned char *file = test_read(path, &length);
    size_t place = at < 0 ? length - (size_t)-at : (size_t)at;
    if (bytes)
        memcpy(file + place, data, bytes);
    test_write(path, file, bytes ? length : place);
    free(file);
}

static void test_damaged_arrays(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        long at;
        const char *data;
        size_t bytes;
        const char *message;
    } damages[] = {
        {"indices.npy", 128, "\xff\xff\xff\xff", 4, "indices.npy: entry 0 is -1, must be 0 to 22"},
        {"indices.npy", 132, "\x17\0\0\0", 4, "indices.npy: entry 1 is 23, must be 0 to 22"},
        {"indices.npy", -1, NULL, 0, "indices.npy: "},
        {"indices.npy", 0, "X", 1, "indices.npy: not a .npy file"},
        {"indices.npy", 50, NULL, 0, "indices.npy: truncated"},
        {"indices.npy", 21, "<f4", 3, "indices.npy holds <f4 in 1 dimensions, needs <i4 in 1"},
        {"data.npy", -4, NULL, 0, "values do not fill its"},
        {"data.npy", 0, NULL, 0, "data.npy: not a .npy file"},
        {"data.npy", 21, "<i4", 3, "data.npy holds <i4"},
        {"scores_image.npy", 21, "<f4", 3, "scores_image.npy holds <f4"},
        {"scores_text.npy", -2, NULL, 0, "values do not fill its"},
        {"indptr.npy", 128, "\1\0\0\0", 4, "indptr.npy: row 0 has"},
        {"indptr.npy", 132, "\xff\xff\xff\xff", 4, "indptr.npy: row 0 has -1 entries"},
        {"indptr.npy", 132, "\x06\0\0\0", 4, "indptr.npy: row 0 has 6 entries of"},
        {"indptr.npy", -4, "\0\0\0\0", 4, "indptr.npy: row 0 has"},
        {"ids.txt", -8, NULL, 0, "ids.txt has 22 ids, the graph has 23 items"},
        {"items.tsv", 0, "\xff", 1, "items.tsv: line 1 is not UTF-8"},
        {"items.tsv", -17, NULL, 0, "items.tsv has 22 items, the graph has 23"},
        {"manifest.json", 0, NULL, 0, "manifest.json: line "},
        {"manifest.json", -5, NULL, 0, "manifest.json: line "},
    };
    for (size_t i = 0; i < TEST_COUNT(damages); i++) {
        kin_error err = {0};
        kin_graph g;
        make_graph(test_path("g"), KIN_ORDER_SCORE, false);
        damage(test_path("g/%s", damages[i].file), damages[i].at, damages[i].data,
               damages[i].bytes);
        test_refused(kin_graph_open(&g, test_path("g"), &err), &err, KIN_E_DATA,
                     damages[i].message);
        assert_true(!g.manifest && !g.indptr && !g.directory);
    }
}

/* A top-k that no graph of so few items has. */
static void test_damaged_top_k(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_graph g;
    char text[] =
        "{\"kind\": \"graph\", \"format\": 1, \"options\": {\"top_k\": 4611686018427387904, "
        "\"row_order\": \"score\"}, \"modalities\": [{\"name\": \"text\"}, {\"name\": "
        "\"image\"}]}";
    make_graph(test_path("g"), KIN_ORDER_SCORE, false);
    test_write_text(test_path("g/manifest.json"), text);
    test_refused(kin_graph_open(&g, test_path("g"), &err), &err, KIN_E_DATA,
                 "top_k is 4611686018427387904 of ");
}

/* Files that are missing; arrays of another length that are sound in themselves. */
/* The engine of a graph whose manifest says `engine` and has an object `of`, as it is read. */
static void check_engine(const char *engine, const char *of, const char *wanted)
{
    kin_error err;
    kin_graph g;
    char text[512];
    snprintf(
        text, sizeof text,
        "{\"kind\": \"graph\", \"format\": 1, \"engine\": \"%s\", \"options\": {\"top_k\": %d, "
        "\"row_order\": \"score\", \"engine\": \"%s\"}, \"%s\": {}, \"modalities\": [{\"name\": "
        "\"text\"}, {\"name\": \"image\"}]}",
        engine, K, engine, of);
    test_write_text(test_path("g/manifest.json"), text);
    test_ok(kin_graph_open(&g, test_path("g"), &err), &err);
    const json_t *options = json_object_get(g.manifest, "options");
    assert_string_equal(json_string_value(json_object_get(g.manifest, "engine")), wanted);
    assert_string_equal(json_string_value(json_object_get(options, "engine")), wanted);
    kin_graph_close(&g);
}

/* "ivf" was the self-join's name; it is FAISS's where there is an index and no join. */
static void test_old_engine(void **state)
{
    (void)state;
    make_graph(test_path("g"), KIN_ORDER_SCORE, false);
    check_engine("ivf", "join", "join");
    check_engine("join", "join", "join");
    check_engine("ivf", "index", "ivf");
    check_engine("hnsw", "index", "hnsw");
}

static void test_missing_and_other_files(void **state)
{
    (void)state;
    static const char *const names[] = {"indices.npy",     "data.npy",         "indptr.npy",
                                        "scores_text.npy", "scores_image.npy", "ids.txt",
                                        "items.tsv",       "manifest.json"};
    static const struct {
        const char *name, *dict;
        size_t bytes;
        const char *message;
    } other[] = {
        {"data.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 8,
         "data.npy has 2 values, indices.npy has"},
        {"scores_text.npy", "{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }", 4,
         "scores_text.npy has 2 values"},
        {"indptr.npy", "{'descr': '<i4', 'fortran_order': False, 'shape': (1,), }", 4,
         "indptr.npy has 1 values"},
        {"indptr.npy", "{'descr': '<i8', 'fortran_order': False, 'shape': (24,), }", 192,
         "indptr.npy holds <i8"},
        {"indices.npy", "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 2), }", 8,
         "indices.npy holds <i4 in 2 dimensions"},
        {"indices.npy", "{'descr': '<i4', 'fortran_order': False, 'shape': (4611686018427387904,)}",
         0, "4611686018427387904 values do not fill"},
    };
    kin_error err = {0};
    kin_graph g;
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        make_graph(test_path("g"), KIN_ORDER_COLUMN, true);
        remove(test_path("g/%s", names[i]));
        test_refused(kin_graph_open(&g, test_path("g"), &err), &err, KIN_E_NOINPUT, names[i]);
    }
    for (size_t i = 0; i < TEST_COUNT(other); i++) {
        unsigned char zero[256] = {0};
        make_graph(test_path("g"), KIN_ORDER_SCORE, true);
        test_write_npy_raw(test_path("g/%s", other[i].name), other[i].dict, zero, other[i].bytes);
        test_refused(kin_graph_open(&g, test_path("g"), &err), &err, KIN_E_DATA, other[i].message);
    }
}

/* A header of odd length would put numbers where no number may lie. */
static void test_unaligned_array(void **state)
{
    (void)state;
    static const char *const names[] = {"indices.npy", "data.npy", "indptr.npy", "scores_text.npy"};
    for (size_t i = 0; i < TEST_COUNT(names); i++) {
        kin_error err = {0};
        kin_graph g;
        size_t bytes;
        make_graph(test_path("g"), KIN_ORDER_SCORE, true);
        unsigned char *file = test_read(test_path("g/%s", names[i]), &bytes);
        memmove(file + 127, file + 128, bytes - 128);
        file[8]--;
        test_write(test_path("g/%s", names[i]), file, bytes - 1);
        free(file);
        test_refused(kin_graph_open(&g, test_path("g"), &err), &err, KIN_E_DATA, names[i]);
    }
}

static void test_damaged_manifest(void **state)
{
    (void)state;
#define START   "{\"kind\": \"graph\", \"format\": 1"
#define OPTIONS ", \"options\": {\"top_k\": 5, \"row_order\": \"score\"}"
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"[]", "names no \"kind\""},
        {"{\"kind\": 3}", "names no \"kind\""},
        {"{\"kind\": \"graph\", \"format\": 2}", "has format 2, this kin reads 1"},
        {"{\"kind\": \"index\", \"format\": 1}", "is a folder of kind \"index\", needs \"graph\""},
        {"{\"kind\": \"graph\", \"kind\": \"graph\"}", "manifest.json: line 1"},
        {START "}", "lacks top_k, row_order or modalities"},
        {START OPTIONS "}", "lacks top_k, row_order or modalities"},
        {START OPTIONS ", \"modalities\": []}", "lacks top_k"},
        {START OPTIONS ", \"modalities\": [1,2,3,4,5,6,7,8,9]}", "lacks top_k"},
        {START OPTIONS ", \"modalities\": [{\"name\": 5}]}", "modality 0 has no name"},
        {START OPTIONS ", \"modalities\": [{\"name\": \"../x\"}]}", "modality 0 has no name"},
        {START OPTIONS ", \"modalities\": [{\"name\": \"\"}]}", "modality 0 has no name"},
        {START OPTIONS ", \"modalities\": [{\"name\": \"a\"}, {\"name\": \"a\"}]}",
         "two modalities are named 'a'"},
        {START OPTIONS ", \"modalities\": [{\"name\": \"abcdefghijklmnopqrstuvwxyzabcdefgh\"}]}",
         "modality 0 has no name"},
    };
    make_graph(test_path("g"), KIN_ORDER_SCORE, true);
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        kin_error err = {0};
        kin_graph g;
        test_write_text(test_path("g/manifest.json"), bad[i].text);
        test_refused(kin_graph_open(&g, test_path("g"), &err), &err, KIN_E_DATA, bad[i].message);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_rows_from_any_thread),
        cmocka_unit_test(test_file_limit),
        cmocka_unit_test(test_writer_refuses),
        cmocka_unit_test(test_npz_members),
        cmocka_unit_test(test_damaged_arrays),
        cmocka_unit_test(test_missing_and_other_files),
        cmocka_unit_test(test_unaligned_array),
        cmocka_unit_test(test_damaged_manifest),
        cmocka_unit_test(test_damaged_top_k),
        cmocka_unit_test(test_old_engine),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
