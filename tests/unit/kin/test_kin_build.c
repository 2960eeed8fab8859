/*
 * The library from its header alone: graphs of arrays and of files have the same bytes, whatever
 * the type of values and the distance of rows; rows come in both orders; a graph in memory is saved
 * as the one that was built into a folder; indexes, comparisons and plans take arrays too.
 */
#include "support/kin_arrays.h"

#include <math.h>
#include <pthread.h>
#include <unistd.h>

static arrays vectors;

static int set_up(void **state)
{
    arrays_fill(&vectors, 7);
    return test_folder_make(state);
}

static char *pair(const char *name, const char *value)
{
    char *text = malloc(strlen(name) + strlen(value) + 2);
    assert_non_null(text);
    sprintf(text, "%s=%s", name, value);
    return text;
}

/* Builds into the folder `out` of the temporary folder. */
static void build_folder(const kin_input *input, const char *engine, const char *name)
{
    kin_error err;
    char *chosen = pair("engine", engine), *out = pair("out", test_path("%s", name));
    const char *options[] = {"top-k=9", chosen, out, NULL};
    test_ok(kin_build(NULL, input, options, NULL, NULL, NULL, &err), &err);
    free(chosen);
    free(out);
}

static void check_same_file(const char *name)
{
    assert_true(test_same_files(test_path("arrays/%s", name), test_path("files/%s", name)));
}

static void test_arrays_and_files(void **state)
{
    static const char *const engine[] = {"exact", "stream", "join", "ivf"};
    (void)state;
    kin_input *array = arrays_input(&vectors), *file = arrays_files(&vectors);
    for (size_t e = 0; e < TEST_COUNT(engine); e++) {
        kin_graph *loaded = NULL;
        arrays_rows nameless, folder;
        kin_error err;
        char *chosen = pair("engine", engine[e]);
        build_folder(array, engine[e], "arrays");
        build_folder(file, engine[e], "files");
        check_same_file("graph.npz");
        check_same_file("scores_text.npy");
        check_same_file("scores_image.npy");
        check_same_file("ids.txt");
        arrays_build(&nameless, array, (const char *const[]){"top-k=9", chosen, NULL});
        test_ok(kin_graph_load(&loaded, test_path("files"), &err), &err);
        assert_string_equal(kin_graph_path(loaded), test_path("files"));
        assert_int_equal(kin_graph_top_k(loaded), ARRAYS_K);
        assert_string_equal(kin_graph_modality(loaded, 1), "image");
        arrays_read(&folder, loaded, KIN_ORDER_SCORE);
        arrays_check_same(&nameless, &folder);
        arrays_release(&nameless);
        arrays_release(&folder);
        kin_graph_free(loaded);
        test_remove(test_path("arrays"));
        test_remove(test_path("files"));
        free(chosen);
    }
    kin_input_free(array);
    kin_input_free(file);
}

static const size_t value_bytes[] = {4, 2, 8, 1};

/* A small whole number, exact in every type. */
static void put(int type, unsigned char *out, int number)
{
    const float f32 = (float)number;
    const double f64 = number;
    const uint16_t f16 = test_half_bits(number);
    const int8_t i8 = (int8_t)number;
    const void *value[] = {&f32, &f16, &f64, &i8};
    memcpy(out, value[type], value_bytes[type]);
}

/* The rows of an array whose rows lie `apart` values from each other. */
static void build_typed(arrays_rows *out, int type, size_t apart)
{
    static unsigned char memory[ARRAYS_N * 32 * 8];
    const size_t bytes = value_bytes[type];
    uint64_t random = 5;
    kin_error err;
    kin_input *input = kin_input_new();
    memset(memory, 0x7f, sizeof memory);
    for (size_t i = 0; i < ARRAYS_N; i++)
        for (size_t j = 0; j < ARRAYS_TEXT; j++)
            put(type, memory + (i * apart + j) * bytes, (int)test_random_below(&random, 64) - 31);
    test_ok(kin_input_add_array(input, "x", 1, memory, type, ARRAYS_N, ARRAYS_TEXT, apart * bytes,
                                &err),
            &err);
    arrays_build(out, input, (const char *const[]){"top-k=9", NULL});
    kin_input_free(input);
}

static void test_types_and_strides(void **state)
{
    arrays_rows first;
    (void)state;
    build_typed(&first, KIN_F32, ARRAYS_TEXT);
    for (int type = KIN_F32; type <= KIN_I8; type++)
        for (size_t apart = ARRAYS_TEXT; apart <= ARRAYS_TEXT + 5; apart += 5) {
            arrays_rows rows;
            build_typed(&rows, type, apart);
            assert_memory_equal(rows.indices, first.indices, ARRAYS_N * ARRAYS_K * 4);
            assert_memory_equal(rows.scores, first.scores, ARRAYS_N * ARRAYS_K * 4);
            arrays_release(&rows);
        }
    arrays_release(&first);
}

/* Both orders hold the same entries, whichever lies in the files. */
static void test_orders(void **state)
{
    static const char *const stored[] = {"row-order=score", "row-order=column"};
    (void)state;
    kin_input *input = arrays_input(&vectors);
    arrays_rows rows[2][2];
    for (size_t s = 0; s < 2; s++) {
        kin_graph *graph = NULL;
        kin_error err;
        const char *options[] = {"top-k=9", stored[s], NULL};
        test_ok(kin_build(&graph, input, options, test_path("."), NULL, NULL, &err), &err);
        arrays_read(&rows[s][0], graph, KIN_ORDER_SCORE);
        arrays_read(&rows[s][1], graph, KIN_ORDER_COLUMN);
        for (size_t i = 0; i < ARRAYS_N; i++) {
            int32_t found[ARRAYS_K];
            float scores[ARRAYS_K];
            size_t begin = (size_t)rows[s][0].indptr[i], end = (size_t)rows[s][0].indptr[i + 1];
            assert_int_equal(kin_graph_neighbors(graph, i, found, scores, ARRAYS_K), end - begin);
            assert_memory_equal(found, rows[s][0].indices + begin, (end - begin) * sizeof *found);
            assert_memory_equal(scores, rows[s][0].scores + begin, (end - begin) * sizeof *scores);
            for (size_t e = begin + 1; e < end; e++)
                assert_true(rows[s][1].indices[e - 1] < rows[s][1].indices[e]);
        }
        assert_int_equal(kin_graph_neighbors(graph, ARRAYS_N, NULL, NULL, ARRAYS_K), 0);
        kin_graph_free(graph);
    }
    arrays_check_same(&rows[0][0], &rows[1][0]);
    arrays_check_same(&rows[0][1], &rows[1][1]);
    for (size_t s = 0; s < 4; s++)
        arrays_release(&rows[s / 2][s % 2]);
    kin_input_free(input);
}

/* All pairs are the rows; a sample is some of them, in their order. */
static void test_pairs(void **state)
{
    const char *const all[] = {NULL}, *const some[] = {"max-rows=100", "seed=3", NULL};
    const char *const bad[] = {"max-rows=-1", NULL};
    (void)state;
    kin_input *input = arrays_input(&vectors);
    kin_graph *graph = NULL;
    kin_error err;
    arrays_rows rows;
    size_t count = 0, fewer = 0, at = 0;
    test_ok(kin_build(&graph, input, (const char *const[]){"top-k=9", NULL}, test_path("."), NULL,
                      NULL, &err),
            &err);
    arrays_read(&rows, graph, KIN_ORDER_SCORE);
    test_ok(kin_graph_pair_count(graph, all, &count, &err), &err);
    assert_int_equal(count, kin_graph_entry_count(graph));
    int32_t *neighbor = calloc(count, sizeof *neighbor), item[100], rank[100];
    float *score = calloc(count, sizeof *score), sampled[100];
    assert_non_null(neighbor);
    assert_non_null(score);
    test_ok(kin_graph_pairs(graph, all, NULL, neighbor, NULL, score, NULL, NULL, NULL, &err), &err);
    assert_memory_equal(neighbor, rows.indices, count * sizeof *neighbor);
    assert_memory_equal(score, rows.scores, count * sizeof *score);
    test_ok(kin_graph_pair_count(graph, some, &fewer, &err), &err);
    assert_int_equal(fewer, 100);
    test_ok(kin_graph_pairs(graph, some, item, NULL, rank, sampled, NULL, NULL, NULL, &err), &err);
    for (size_t i = 0; i < fewer; i++) {
        size_t entry = (size_t)rows.indptr[item[i]] + (size_t)rank[i] - 1;
        assert_true(i == 0 || entry > at);
        assert_true(entry < (size_t)rows.indptr[item[i] + 1]);
        assert_true(sampled[i] == rows.scores[entry]);
        at = entry;
    }
    assert_int_equal(kin_graph_pair_count(graph, bad, &count, &err), KIN_E_USAGE);
    assert_int_equal(kin_graph_pairs(graph, bad, NULL, NULL, NULL, NULL, NULL, NULL, NULL, &err),
                     KIN_E_USAGE);
    free(neighbor);
    free(score);
    arrays_release(&rows);
    kin_graph_free(graph);
    kin_input_free(input);
}

static void test_parts_of_rows(void **state)
{
    kin_graph *graph = NULL;
    kin_error err;
    arrays_rows all;
    int64_t indptr[4];
    int32_t indices[3 * ARRAYS_K];
    (void)state;
    kin_input *input = arrays_input(&vectors);
    const char *options[] = {"top-k=9", NULL};
    test_ok(kin_build(&graph, input, options, test_path("."), NULL, NULL, &err), &err);
    arrays_read(&all, graph, KIN_ORDER_COLUMN);
    test_ok(kin_graph_rows(graph, 5, 3, KIN_ORDER_COLUMN, indptr, NULL, NULL, NULL, &err), &err);
    assert_int_equal(indptr[3], all.indptr[8] - all.indptr[5]);
    test_ok(kin_graph_rows(graph, 5, 3, KIN_ORDER_COLUMN, indptr, indices, NULL, NULL, &err), &err);
    assert_memory_equal(indices, all.indices + all.indptr[5], (size_t)indptr[3] * 4);
    test_refused(kin_graph_rows(graph, ARRAYS_N, 1, 0, indptr, indices, NULL, NULL, &err), &err,
                 KIN_E_USAGE, "1 rows from row 400 on");
    test_refused(kin_graph_rows(graph, 0, 1, 2, indptr, indices, NULL, NULL, &err), &err,
                 KIN_E_USAGE, "order 2");
    arrays_release(&all);
    kin_graph_free(graph);
    kin_input_free(input);
}

/* Ids of the input, a graph in memory, and its copy in a folder. */
static void test_save(void **state)
{
    kin_graph *graph = NULL, *copy = NULL;
    kin_error err;
    char ids[ARRAYS_N * 8] = "", *text = NULL, *manifest[2] = {NULL, NULL};
    size_t bytes = 0;
    (void)state;
    for (size_t i = 0; i < ARRAYS_N; i++)
        sprintf(ids + strlen(ids), "i%zu\n", i);
    kin_input *input = arrays_input(&vectors);
    test_ok(kin_input_set_ids(input, ids, strlen(ids), &err), &err);
    const char *options[] = {"top-k=9", NULL};
    test_ok(kin_build(&graph, input, options, test_path("."), NULL, NULL, &err), &err);
    build_folder(input, "exact", "files");
    assert_null(kin_graph_path(graph));
    test_ok(kin_graph_ids(graph, &text, &bytes, &err), &err);
    assert_int_equal(bytes, strlen(ids));
    assert_string_equal(text, ids);
    test_ok(kin_graph_save(graph, test_path("arrays"), 0, &err), &err);
    check_same_file("graph.npz");
    check_same_file("scores_text.npy");
    check_same_file("ids.txt");
    test_refused(kin_graph_save(graph, test_path("arrays"), 0, &err), &err, KIN_E_CANTOUT,
                 "exists");
    test_ok(kin_graph_save(graph, test_path("arrays"), 1, &err), &err);
    test_ok(kin_graph_load(&copy, test_path("arrays"), &err), &err);
    test_ok(kin_graph_manifest(graph, &manifest[0], &err), &err);
    test_ok(kin_graph_manifest(copy, &manifest[1], &err), &err);
    assert_string_equal(manifest[0], manifest[1]);
    kin_string_free(manifest[0]);
    kin_string_free(manifest[1]);
    kin_string_free(text);
    kin_graph_free(graph);
    test_ok(kin_graph_save(copy, test_path("again"), 0, &err), &err);
    assert_true(test_same_files(test_path("again/graph.npz"), test_path("files/graph.npz")));
    assert_true(
        test_same_files(test_path("again/manifest.json"), test_path("arrays/manifest.json")));
    kin_graph_free(copy);
    kin_input_free(input);
}

/* ---- callbacks ------------------------------------------------------------------------------- */

typedef struct heard {
    pthread_t thread;
    size_t progress, last, total, stages, messages;
} heard;

static int hear(void *self, int event, const char *text, size_t done, size_t total)
{
    heard *h = self;
    assert_true(pthread_equal(h->thread, pthread_self()));
    assert_int_equal(text != NULL, event != KIN_EVENT_TICK && event != KIN_EVENT_PROGRESS);
    h->stages += event == KIN_EVENT_STAGE;
    h->messages += event == KIN_EVENT_INFO || event == KIN_EVENT_WARNING;
    if (event == KIN_EVENT_PROGRESS) {
        h->progress++;
        h->last = done;
        h->total = total;
    }
    return 0;
}

static void test_callbacks(void **state)
{
    heard h = {.thread = pthread_self()};
    kin_graph *graph = NULL;
    kin_error err;
    (void)state;
    kin_input *input = arrays_input(&vectors);
    const char *options[] = {"top-k=9", "engine=hnsw", NULL};
    test_ok(kin_build(&graph, input, options, test_path("."), hear, &h, &err), &err);
    assert_in_range(h.progress, 1, SIZE_MAX);
    assert_in_range(h.stages, 1, SIZE_MAX);
    assert_in_range(h.messages, 3, SIZE_MAX);
    assert_int_equal(h.last, ARRAYS_N);
    assert_int_equal(h.total, ARRAYS_N);
    kin_graph_free(graph);
    kin_input_free(input);
}

/* ---- the other calls ------------------------------------------------------------------------- */

static json_t *parse(char *text)
{
    json_t *document = json_loads(text, 0, NULL);
    assert_non_null(document);
    kin_string_free(text);
    return document;
}

/* What kin_describe says of the calls. */
static void check_described(const json_t *calls)
{
    const json_t *option;
    size_t at, seen = 0;
    assert_int_equal(json_object_size(calls), 6);
    json_array_foreach(json_object_get(calls, "build"), at, option)
    {
        const json_t *names = json_object_get(option, "environment");
        if (strcmp(json_string_value(json_object_get(option, "name")), "top-k") != 0)
            continue;
        seen++;
        assert_int_equal(json_integer_value(json_object_get(option, "default")), 200);
        assert_string_equal(json_string_value(json_array_get(names, 0)), "KIN_TOP_K");
        assert_string_equal(json_string_value(json_array_get(names, 1)), "SIMILARITY_TOP_K");
    }
    assert_int_equal(seen, 1);
}

static void test_compare_and_plan(void **state)
{
    kin_graph *exact = NULL, *join = NULL;
    kin_error err;
    char *text = NULL;
    (void)state;
    kin_input *input = arrays_input(&vectors);
    const char *const e[] = {"top-k=9", "engine=exact", NULL};
    const char *const j[] = {"top-k=9", "engine=join", NULL};
    test_ok(kin_build(&exact, input, e, test_path("."), NULL, NULL, &err), &err);
    test_ok(kin_build(&join, input, j, test_path("."), NULL, NULL, &err), &err);
    test_ok(kin_compare(&text, join, exact, NULL, NULL, NULL, NULL, &err), &err);
    json_t *found = parse(text);
    json_decref(found);
    const char *sample[] = {"sample=100", "min-recall=0.5", NULL};
    test_ok(kin_compare(&text, exact, NULL, input, sample, NULL, NULL, &err), &err);
    json_decref(parse(text));
    test_refused(kin_compare(&text, exact, NULL, NULL, sample, NULL, NULL, &err), &err, KIN_E_DATA,
                 "names no file of modality text");
    test_refused(kin_compare(&text, exact, NULL, NULL, NULL, NULL, NULL, &err), &err, KIN_E_USAGE,
                 "nothing to compare with");
    test_ok(kin_plan_build(&text, input, e, NULL, NULL, &err), &err);
    json_decref(parse(text));
    test_ok(kin_describe(&text, &err), &err);
    found = parse(text);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(found, "code"), "data")),
                     KIN_E_DATA);
    check_described(json_object_get(found, "call"));
    json_decref(found);
    kin_graph_free(exact);
    kin_graph_free(join);
    kin_input_free(input);
}

/* Rows of the catalog as vectors from outside have themselves and the others of their own rows. */
static void test_searcher(void **state)
{
    enum { K = 4 };
    static const int64_t row[] = {3, 100};
    kin_searcher *searcher = NULL;
    kin_error err;
    int32_t inside[2 * K], outside[2 * (K + 1)];
    float scores[2 * K], cosines[2 * K * 2];
    (void)state;
    kin_input *input = arrays_input(&vectors), *queries = kin_input_new();
    char *out = pair("out", test_path("index"));
    const char *options[] = {out, "type=hnsw", "top-k=9", NULL};
    test_ok(kin_build_index(input, options, NULL, NULL, &err), &err);
    test_refused(kin_searcher_open(&searcher, test_path("index"), NULL, NULL, NULL, &err), &err,
                 KIN_E_DATA, "names no file of modality text");
    test_ok(kin_searcher_open(&searcher, test_path("index"), input, NULL, NULL, &err), &err);
    assert_int_equal(kin_searcher_item_count(searcher), ARRAYS_N);
    assert_string_equal(kin_searcher_modality(searcher, 0), "text");
    test_ok(kin_searcher_find_items(searcher, row, 2, K, NULL, inside, scores, cosines, NULL, NULL,
                                    &err),
            &err);
    assert_true(fabsf(0.6f * cosines[0] + 0.4f * cosines[1] - scores[0]) < 1e-5f);
    test_ok(kin_input_add_array(queries, "text", 1, vectors.text + 100 * ARRAYS_TEXT, KIN_F32, 1,
                                ARRAYS_TEXT, 4 * ARRAYS_TEXT, &err),
            &err);
    test_ok(kin_input_add_array(queries, "image", 1, vectors.image + 100 * ARRAYS_IMAGE, KIN_F32, 1,
                                ARRAYS_IMAGE, 4 * ARRAYS_IMAGE, &err),
            &err);
    test_ok(
        kin_searcher_find(searcher, queries, K + 1, NULL, outside, NULL, NULL, NULL, NULL, &err),
        &err);
    for (size_t e = 0, seen = 0; e <= K && seen < K; e++)
        if (outside[e] != 100)
            assert_int_equal(outside[e], inside[K + seen++]);
    test_refused(
        kin_searcher_find(searcher, queries, 0, NULL, outside, NULL, NULL, NULL, NULL, &err), &err,
        KIN_E_USAGE, "k is 0");
    test_refused(kin_searcher_find_items(searcher, (int64_t[]){ARRAYS_N}, 1, K, NULL, inside, NULL,
                                         NULL, NULL, NULL, &err),
                 &err, KIN_E_USAGE, "row 400");
    kin_searcher_free(searcher);
    const char *with[] = {"top-k=9", "engine=hnsw", "index=", NULL};
    char *index = pair("index", test_path("index"));
    with[2] = index;
    kin_graph *graph = NULL;
    test_ok(kin_build(&graph, input, with, test_path("."), NULL, NULL, &err), &err);
    kin_graph_free(graph);
    free(index);
    free(out);
    kin_input_free(queries);
    kin_input_free(input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays_and_files), cmocka_unit_test(test_types_and_strides),
        cmocka_unit_test(test_orders),           cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_parts_of_rows),    cmocka_unit_test(test_save),
        cmocka_unit_test(test_callbacks),        cmocka_unit_test(test_compare_and_plan),
        cmocka_unit_test(test_searcher),
    };
    return cmocka_run_group_tests(tests, set_up, test_folder_remove);
}
