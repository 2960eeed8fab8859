/*
 * What the library refuses: each kind of bad input and option has its code, one line and a hint;
 * nothing is written to the results, and nothing is left behind.
 */
#include "support/kin_arrays.h"

#include <dirent.h>
#include <math.h>

static arrays vectors;

static int set_up(void **state)
{
    arrays_fill(&vectors, 11);
    return test_folder_make(state);
}

static kin_graph *const untouched = (kin_graph *)&vectors;

/* A build of the input has to fail with this code and text, and leaves the result alone. */
#define refused(input, options, code, text)                                                        \
    do {                                                                                           \
        kin_error fault;                                                                           \
        kin_graph *result = untouched;                                                             \
        test_refused(kin_build(&result, input, options, test_path("."), NULL, NULL, &fault),       \
                     &fault, code, text);                                                          \
        assert_ptr_equal(result, untouched);                                                       \
    } while (0)

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_options(void **state)
{
    (void)state;
    kin_input *input = arrays_input(&vectors);
    refused(input, OPTIONS("topk=9"), KIN_E_USAGE, "unknown option 'topk'");
    refused(input, OPTIONS("top-k"), KIN_E_USAGE, "option 'top-k' has no value");
    refused(input, OPTIONS("top-k="), KIN_E_USAGE, "top-k");
    refused(input, OPTIONS("top-k=nine"), KIN_E_USAGE, "top-k=nine");
    refused(input, OPTIONS("top-k=0"), KIN_E_USAGE, "top-k=0");
    refused(input, OPTIONS("engine=best"), KIN_E_USAGE, "engine=best");
    refused(input, OPTIONS("modality=x=x.npy"), KIN_E_USAGE, "unknown option 'modality'");
    refused(input, OPTIONS("threads=-1"), KIN_E_USAGE, "threads=-1");
    refused(input, OPTIONS("top-k=9", "force=1"), KIN_E_USAGE, "force is about files");
    refused(input, OPTIONS("top-k=9", "arrays=1"), KIN_E_USAGE, "arrays is about files");
    refused(input, OPTIONS("top-k=400"), KIN_E_DATA, "top-k 400 needs at least 401 items");
    refused(input, OPTIONS("top-k=9", "memory=1M"), KIN_E_MEMORY, "MiB");
    kin_error err;
    test_refused(kin_build(NULL, input, NULL, NULL, NULL, NULL, &err), &err, KIN_E_USAGE,
                 "the graph would go nowhere");
    assert_int_equal(kin_build(NULL, input, NULL, NULL, NULL, NULL, NULL), KIN_E_USAGE);
    kin_graph *graph = untouched;
    test_refused(
        kin_build(&graph, input, OPTIONS("top-k=9"), test_path("nowhere"), NULL, NULL, &err), &err,
        KIN_E_CANTOUT, "nowhere");
    kin_input_free(input);
}

static void test_nearest(void **state)
{
    kin_error err;
    (void)state;
    kin_input *input = arrays_input(&vectors);
    kin_graph *graph = NULL;
    assert_int_equal(kin_build(&graph, input, OPTIONS("target_recal=.9"), NULL, NULL, NULL, &err),
                     KIN_E_USAGE);
    assert_string_equal(err.hint, "did you mean 'target-recall'?");
    kin_input_free(input);
}

static int add(kin_input *input, const char *name, double weight, int dtype, size_t n, size_t d,
               size_t row_bytes, kin_error *err)
{
    return kin_input_add_array(input, name, weight, vectors.text, dtype, n, d, row_bytes, err);
}

static void test_arrays(void **state)
{
    kin_error err;
    (void)state;
    kin_input *input = kin_input_new();
    test_refused(add(input, "a b", 1, KIN_F32, 9, 4, 16, &err), &err, KIN_E_USAGE, "not a name");
    test_refused(add(input, "", 1, KIN_F32, 9, 4, 16, &err), &err, KIN_E_USAGE, "not a name");
    test_refused(add(input, NULL, 1, KIN_F32, 9, 4, 16, &err), &err, KIN_E_USAGE, "not a name");
    test_refused(add(input, "a234567890123456789012345678901234567890", 1, KIN_F32, 9, 4, 16, &err),
                 &err, KIN_E_USAGE, "not a name");
    test_refused(add(input, "a", 0, KIN_F32, 9, 4, 16, &err), &err, KIN_E_USAGE, "weight 0");
    test_refused(add(input, "a", NAN, KIN_F32, 9, 4, 16, &err), &err, KIN_E_USAGE, "weight nan");
    test_refused(add(input, "a", 1, 4, 9, 4, 16, &err), &err, KIN_E_USAGE, "type 4");
    test_refused(add(input, "a", 1, -1, 9, 4, 16, &err), &err, KIN_E_USAGE, "type -1");
    test_refused(add(input, "a", 1, KIN_F32, 0, 4, 16, &err), &err, KIN_E_USAGE, "empty (0 x 4)");
    test_refused(add(input, "a", 1, KIN_F32, 9, 0, 16, &err), &err, KIN_E_USAGE, "empty (9 x 0)");
    test_refused(add(input, "a", 1, KIN_F32, 9, 4, 15, &err), &err, KIN_E_USAGE, "15 bytes from");
    test_refused(add(input, "a", 1, KIN_F32, 9, 1 << 17, 1 << 20, &err), &err, KIN_E_USAGE,
                 "limit");
    test_refused(add(input, "a", 1, KIN_F32, (size_t)1 << 31, 4, 16, &err), &err, KIN_E_USAGE,
                 "limit");
    test_refused(kin_input_add_array(input, "a", 1, NULL, KIN_F32, 9, 4, 16, &err), &err,
                 KIN_E_USAGE, "empty");
    test_refused(kin_input_add_file(input, "a", 1, "", &err), &err, KIN_E_USAGE, "no file");
    refused(input, NULL, KIN_E_USAGE, "the input has no modality");
    refused(NULL, NULL, KIN_E_USAGE, "the input has no modality");
    test_ok(add(input, "a", 1, KIN_F32, 9, 4, 16, &err), &err);
    test_refused(add(input, "a", 1, KIN_F32, 9, 4, 16, &err), &err, KIN_E_USAGE,
                 "two modalities are named 'a'");
    for (char name[2] = "b"; *name < 'i'; ++*name)
        test_ok(add(input, name, 1, KIN_F32, 9, 4, 16, &err), &err);
    test_refused(add(input, "j", 1, KIN_F32, 9, 4, 16, &err), &err, KIN_E_USAGE, "more than 8");
    kin_input_free(input);
}

static void test_values(void **state)
{
    static arrays bad;
    kin_error err;
    (void)state;
    kin_input *input = arrays_input(&bad);
    bad = vectors;
    bad.image[5 * ARRAYS_IMAGE + 2] = NAN;
    refused(input, OPTIONS("top-k=9"), KIN_E_DATA, "array 'image': row 5 is NaN at column 2");
    bad.image[5 * ARRAYS_IMAGE + 2] = -INFINITY;
    refused(input, OPTIONS("top-k=9"), KIN_E_DATA, "row 5 is infinite");
    memset(bad.image + 5 * ARRAYS_IMAGE, 0, ARRAYS_IMAGE * sizeof(float));
    refused(input, OPTIONS("top-k=9", "missing=error"), KIN_E_DATA, "row 5 is all zero");
    kin_input_free(input);
    input = kin_input_new();
    test_ok(add(input, "a", 1, KIN_F32, 20, 4, 16, &err), &err);
    test_ok(add(input, "b", 1, KIN_F32, 21, 4, 16, &err), &err);
    refused(input, OPTIONS("top-k=9"), KIN_E_DATA, "array 'b' has 21 rows, array 'a' has 20");
    kin_input_free(input);
    input = kin_input_new();
    test_ok(add(input, "a", 1, KIN_F32, 1, 4, 16, &err), &err);
    refused(input, OPTIONS("top-k=9"), KIN_E_DATA, "1 item");
    kin_input_free(input);
    input = kin_input_new();
    test_ok(kin_input_add_file(input, "a", 1, test_path("none.npy"), &err), &err);
    refused(input, OPTIONS("top-k=9"), KIN_E_NOINPUT, "none.npy");
    kin_input_free(input);
}

static void test_ids(void **state)
{
    kin_error err;
    (void)state;
    kin_input *input = arrays_input(&vectors);
    test_refused(kin_input_set_ids(input, NULL, 3, &err), &err, KIN_E_USAGE, "NULL");
    test_ok(kin_input_set_ids(input, "a\nb", 3, &err), &err);
    test_refused(kin_input_set_ids(input, "a\nb", 3, &err), &err, KIN_E_USAGE, "twice");
    refused(input, OPTIONS("top-k=9"), KIN_E_DATA, "has 2 ids, the catalog has 400 items");
    refused(input, OPTIONS("top-k=9", "ids=ids.txt"), KIN_E_USAGE, "ids are given in memory and");
    kin_input_free(input);
}

/* A callback that changes what it promised to leave alone. */
static int change(void *self, int event, const char *text, size_t done, size_t total)
{
    (void)text, (void)done, (void)total;
    if (event == KIN_EVENT_INFO) /* the first one comes when all is read */
        ((arrays *)self)->text[3] += 1;
    return 0;
}

static void test_changed(void **state)
{
    static arrays other;
    kin_graph *graph = untouched;
    kin_error err;
    (void)state;
    other = vectors;
    kin_input *input = arrays_input(&other);
    test_refused(kin_build(&graph, input, OPTIONS("top-k=9", "engine=stream"), test_path("."),
                           change, &other, &err),
                 &err, KIN_E_AGAIN, "array 'text' changed while it was read");
    assert_ptr_equal(graph, untouched);
    kin_input_free(input);
}

static void test_folders(void **state)
{
    kin_graph *graph = untouched;
    kin_searcher *searcher = NULL;
    kin_error err;
    (void)state;
    test_refused(kin_graph_load(&graph, test_path("none"), &err), &err, KIN_E_NOINPUT, "none");
    test_refused(kin_graph_load(&graph, test_path("."), &err), &err, KIN_E_NOINPUT, "manifest");
    test_refused(kin_searcher_open(&searcher, test_path("none"), NULL, NULL, NULL, &err), &err,
                 KIN_E_NOINPUT, "none");
    assert_ptr_equal(graph, untouched);
    kin_graph_free(NULL);
    kin_input_free(NULL);
    kin_searcher_free(NULL);
    kin_string_free(NULL);
    assert_string_equal(kin_code_name(KIN_E_AGAIN), "again");
    assert_string_equal(kin_code_name(1), "unknown");
    test_ok(kin_cpu_check(&err), &err);
    assert_true(strchr(kin_version(), '.') != NULL);
}

/* The temporary folder has what this program wrote: nothing. */
static void test_nothing_left(void **state)
{
    size_t count = 0;
    (void)state;
    DIR *folder = opendir(test_path("."));
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    assert_int_equal(count, 2); /* . and .. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options), cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_arrays),  cmocka_unit_test(test_values),
        cmocka_unit_test(test_ids),     cmocka_unit_test(test_changed),
        cmocka_unit_test(test_folders), cmocka_unit_test(test_nothing_left),
    };
    return cmocka_run_group_tests(tests, set_up, test_folder_remove);
}
