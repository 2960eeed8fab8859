/*
 * core/graph: every refusal of a damaged folder, with its arrays in files of their own and in
 * graph.npz, and manifests of older ones.
 */
#include "core/manifest.h"
#include "support/small_graph.h"
#include "support/test.h"

enum { N = SMALL_N, K = SMALL_K };

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
        small_graph(test_path("g"), KIN_ORDER_SCORE, false);
        damage(test_path("g/%s", damages[i].file), damages[i].at, damages[i].data,
               damages[i].bytes);
        test_refused(kin_graph_open(&g, test_path("g"), &err), &err, KIN_E_DATA,
                     damages[i].message);
        assert_true(!g.manifest && !g.indptr && !g.directory);
    }
}

/* Makes a graph whose arrays are in graph.npz alone: its manifest lists no others. */
static unsigned char *make_packed(size_t *bytes)
{
    static const char *const arrays[] = {"indices.npy", "data.npy", "indptr.npy"};
    json_error_t fault;
    small_graph(test_path("g"), KIN_ORDER_SCORE, false);
    json_t *manifest = json_load_file(test_path("g/manifest.json"), 0, &fault);
    for (size_t i = 0; i < TEST_COUNT(arrays); i++) {
        remove(test_path("g/%s", arrays[i]));
        json_object_del(json_object_get(manifest, "files"), arrays[i]);
    }
    assert_int_equal(json_dump_file(manifest, test_path("g/manifest.json"), 0), 0);
    json_decref(manifest);
    return test_read(test_path("g/graph.npz"), bytes);
}

/* Every byte of the archive, changed; and what is said of some. */
static void test_damaged_archive(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_graph g;
    size_t bytes, opened = 0;
    unsigned char *whole = make_packed(&bytes);
    test_ok(kin_graph_open(&g, test_path("g"), &err), &err);
    for (size_t i = 0; i < N; i++)
        small_check_row(&g, i, false);
    size_t first = (size_t)((const unsigned char *)g.indices - g.file[0].data);
    kin_graph_close(&g);
    for (size_t at = 0; at < bytes; at++) {
        whole[at] ^= 0x41;
        test_write(test_path("g/graph.npz"), whole, bytes);
        int rc = kin_graph_open(&g, test_path("g"), &err);
        assert_true(rc == 0 || rc == KIN_E_DATA);
        opened += rc == 0;
        kin_graph_close(&g);
        whole[at] ^= 0x41;
    }
    assert_true(opened > 0 && opened < bytes);
    memset(whole + first, 0xff, sizeof(int32_t));
    test_write(test_path("g/graph.npz"), whole, bytes);
    test_refused(kin_graph_open(&g, test_path("g"), &err), &err, KIN_E_DATA,
                 "g/graph.npz: indices.npy: entry 0 is -1, must be 0 to 22");
    whole[first - 128] = 'X';
    test_write(test_path("g/graph.npz"), whole, bytes);
    test_refused(kin_graph_open(&g, test_path("g"), &err), &err, KIN_E_DATA,
                 "g/graph.npz: indices.npy: not a .npy file");
    test_write(test_path("g/graph.npz"), whole, bytes - 1);
    test_refused(kin_graph_open(&g, test_path("g"), &err), &err, KIN_E_DATA,
                 "g/graph.npz: no zip archive that can be read");
    remove(test_path("g/graph.npz"));
    test_refused(kin_graph_open(&g, test_path("g"), &err), &err, KIN_E_NOINPUT, "g/graph.npz");
    free(whole);
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
    small_graph(test_path("g"), KIN_ORDER_SCORE, false);
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
    small_graph(test_path("g"), KIN_ORDER_SCORE, false);
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
        small_graph(test_path("g"), KIN_ORDER_COLUMN, true);
        remove(test_path("g/%s", names[i]));
        test_refused(kin_graph_open(&g, test_path("g"), &err), &err, KIN_E_NOINPUT, names[i]);
    }
    for (size_t i = 0; i < TEST_COUNT(other); i++) {
        unsigned char zero[256] = {0};
        small_graph(test_path("g"), KIN_ORDER_SCORE, true);
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
        small_graph(test_path("g"), KIN_ORDER_SCORE, true);
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
    small_graph(test_path("g"), KIN_ORDER_SCORE, true);
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
        cmocka_unit_test(test_damaged_arrays),          cmocka_unit_test(test_damaged_archive),
        cmocka_unit_test(test_damaged_top_k),           cmocka_unit_test(test_old_engine),
        cmocka_unit_test(test_missing_and_other_files), cmocka_unit_test(test_unaligned_array),
        cmocka_unit_test(test_damaged_manifest)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
