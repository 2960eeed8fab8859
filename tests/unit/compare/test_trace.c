/*
 * compare/trace: what a folder holds is what is read, and every damage is refused with the file's
 * name.
 */
#include "support/test.h"

#include "compare/trace.h"

#include <math.h>
#include <sys/stat.h>

enum { N = 8, ROWS = 3, CLUSTERS = 2 };

static kin_graph graph;
static char folder[512];

/* ---- files as NumPy writes them -------------------------------------------------------------- */

static void write_array(const char *name, const char *descr, const char *shape, const void *data,
                        size_t bytes)
{
    char dict[160];
    snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr,
             shape);
    test_write_npy_raw(test_path("t/%s.npy", name), dict, data, bytes);
}

#define WRITE(name, descr, shape, type, ...)                                                       \
    write_array(name, descr, shape, (type[]){__VA_ARGS__}, sizeof((type[]){__VA_ARGS__}))

static void set_manifest(const char *trace)
{
    json_error_t fault;
    json_decref(graph.manifest);
    graph.manifest =
        trace ? json_pack("{s:o}", "trace", json_loads(trace, 0, &fault)) : json_object();
    assert_non_null(graph.manifest);
}

static const char two_indexes[] = "{\"rows\": 3, \"seed\": 1, \"sources\": ["
                                  "{\"name\": \"text\", \"modality\": \"text\", \"asked\": 20},"
                                  "{\"name\": \"image\", \"modality\": \"image\", \"asked\": 10}]}";

static const char a_join[] =
    "{\"rows\": 3, \"sources\": [{\"name\": \"join\", \"modality\": null, \"asked\": null}],"
    " \"clusters\": 2, \"probe_sigmas\": 1.5}";

static void write_indexes(void)
{
    set_manifest(two_indexes);
    WRITE("trace.row", "<i4", "3,", int32_t, 1, 4, 7);
    WRITE("trace_text.start", "<i8", "4,", int64_t, 0, 2, 2, 5);
    WRITE("trace_text.item", "<i4", "5,", int32_t, 0, 7, 0, 3, 6);
    WRITE("trace_image.start", "<i8", "4,", int64_t, 0, 0, 1, 1);
    WRITE("trace_image.item", "<i4", "1,", int32_t, 5);
}

static void write_join(void)
{
    set_manifest(a_join);
    WRITE("trace.row", "<i4", "3,", int32_t, 1, 4, 7);
    WRITE("trace_join.start", "<i8", "4,", int64_t, 0, 0, 0, 0);
    write_array("trace_join.item", "<i4", "0,", NULL, 0);
    WRITE("trace.cluster", "<i4", "8,", int32_t, 0, 1, 0, 1, -1, 0, 0, 1);
    WRITE("trace.probe_sigmas", "<f4", "3, 2", float, -INFINITY, 2, 3, -INFINITY, INFINITY,
          -INFINITY);
}

static int make_folder(void **state)
{
    if (test_folder_make(state) != 0)
        return -1;
    snprintf(folder, sizeof folder, "%s", test_path("t"));
    mkdir(folder, 0755);
    graph = (kin_graph){.n = N, .k = 3, .modality_count = 2, .directory = folder};
    graph.dir = *test_dir(folder);
    strcpy(graph.modality[0], "text");
    strcpy(graph.modality[1], "image");
    return 0;
}

static int remove_folder(void **state)
{
    json_decref(graph.manifest);
    return test_folder_remove(state);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void test_none(void **state)
{
    kin_trace trace;
    bool there = true;
    kin_error err;

    (void)state;
    set_manifest(NULL);
    test_ok(kin_trace_open(&trace, &there, &graph, &err), &err);
    assert_false(there);
}

static void test_indexes(void **state)
{
    kin_trace trace;
    bool there;
    kin_error err;

    (void)state;
    write_indexes();
    test_ok(kin_trace_open(&trace, &there, &graph, &err), &err);
    assert_true(there);
    assert_int_equal(trace.n, N);
    assert_int_equal(trace.rows, ROWS);
    assert_int_equal(trace.source_count, 2);
    assert_string_equal(trace.source[1].name, "image");
    assert_int_equal(trace.source[1].modality, 1);
    assert_int_equal(trace.source[0].asked, 20);
    assert_int_equal(trace.clusters, 0);
    assert_null(trace.cluster);
    assert_null(trace.probe_sigmas);
    assert_int_equal(kin_trace_find(&trace, 1), 0);
    assert_int_equal(kin_trace_find(&trace, 7), 2);
    assert_true(kin_trace_find(&trace, 5) == SIZE_MAX);
    for (int32_t item = 0; item < N; item++) {
        assert_true(kin_trace_proposed(&trace, 0, 0, item) == (item == 0 || item == 7));
        assert_false(kin_trace_proposed(&trace, 0, 1, item));
        assert_true(kin_trace_proposed(&trace, 0, 2, item) ==
                    (item == 0 || item == 3 || item == 6));
        assert_true(kin_trace_proposed(&trace, 1, 1, item) == (item == 5));
    }
    kin_trace_close(&trace);
}

static void test_join(void **state)
{
    kin_trace trace;
    bool there;
    kin_error err;

    (void)state;
    write_join();
    test_ok(kin_trace_open(&trace, &there, &graph, &err), &err);
    assert_int_equal(trace.source_count, 1);
    assert_int_equal(trace.source[0].modality, -1);
    assert_int_equal(trace.source[0].asked, 0);
    assert_int_equal(trace.clusters, CLUSTERS);
    assert_int_equal(trace.cluster[4], -1);
    assert_int_equal(trace.cluster[7], 1);
    assert_true(trace.probe_sigmas[1] == 2 && trace.probe_sigmas[0] == -INFINITY &&
                trace.probe_sigmas[4] == INFINITY);
    assert_true(trace.sigmas_used == 1.5);
    assert_false(kin_trace_proposed(&trace, 0, 2, 3));
    kin_trace_close(&trace);

    json_object_set_new(json_object_get(graph.manifest, "trace"), "probe_sigmas", json_null());
    test_ok(kin_trace_open(&trace, &there, &graph, &err), &err);
    assert_true(trace.sigmas_used == INFINITY);
    kin_trace_close(&trace);
}

/* Graphs of before have other names for the same. */
static void test_older_join(void **state)
{
    static const char older_key[] = "reach"; /* old word */
    kin_trace trace;
    bool there;
    kin_error err;

    (void)state;
    write_join();
    json_t *facts = json_object_get(graph.manifest, "trace");
    json_object_set(facts, "lists", json_object_get(facts, "clusters"));
    json_object_set(facts, older_key, json_object_get(facts, "probe_sigmas"));
    json_object_del(facts, "clusters");
    json_object_del(facts, "probe_sigmas");
    test_refused(kin_trace_open(&trace, &there, &graph, &err), &err, KIN_E_NOINPUT, "trace.list");
    rename(test_path("t/trace.cluster.npy"), test_path("t/trace.list.npy"));
    test_refused(kin_trace_open(&trace, &there, &graph, &err), &err, KIN_E_NOINPUT, older_key);
    rename(test_path("t/trace.probe_sigmas.npy"), test_path("t/trace.%s.npy", older_key));
    test_ok(kin_trace_open(&trace, &there, &graph, &err), &err);
    assert_int_equal(trace.clusters, CLUSTERS);
    assert_int_equal(trace.cluster[7], 1);
    assert_true(trace.probe_sigmas[1] == 2 && trace.sigmas_used == 1.5);
    kin_trace_close(&trace);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void refuse(const char *text)
{
    kin_trace trace;
    bool there = true;
    kin_error err;
    int rc = kin_trace_open(&trace, &there, &graph, &err);
    assert_false(there);
    test_refused(rc, &err, KIN_E_DATA, text);
}

static void test_damaged_indexes(void **state)
{
    kin_trace trace;
    bool there;
    kin_error err;

    (void)state;
#define DAMAGED(message, ...)                                                                      \
    write_indexes();                                                                               \
    WRITE(__VA_ARGS__);                                                                            \
    refuse(message)
    DAMAGED("trace.row.npy has 2 values, needs 3", "trace.row", "<i4", "2,", int32_t, 1, 4);
    DAMAGED("trace.row.npy holds <i8", "trace.row", "<i8", "3,", int64_t, 1, 4, 7);
    DAMAGED("in 2 dimensions", "trace.row", "<i4", "3, 1", int32_t, 1, 4, 7);
    DAMAGED("do not fill", "trace.row", "<i4", "3,", int32_t, 1, 4, 7, 7);
    DAMAGED("trace.row.npy: value 2 is 8, must be 5 to 7", "trace.row", "<i4", "3,", int32_t, 1, 4,
            8);
    DAMAGED("value 0 is -1", "trace.row", "<i4", "3,", int32_t, -1, 4, 7);
    DAMAGED("value 2 is 4, must be 5", "trace.row", "<i4", "3,", int32_t, 1, 4, 4);
    DAMAGED("trace_text.start.npy has 3 values, needs 4", "trace_text.start", "<i8", "3,", int64_t,
            0, 2, 5);
    DAMAGED("trace_text.start.npy: row 1", "trace_text.start", "<i8", "4,", int64_t, 0, 3, 2, 5);
    DAMAGED("trace_text.start.npy: row 0", "trace_text.start", "<i8", "4,", int64_t, 1, 2, 2, 5);
    DAMAGED("trace_text.start.npy: row 0", "trace_text.start", "<i8", "4,", int64_t, 0, 2, 2, 4);
    DAMAGED("trace_text.item.npy: value 1 is 8", "trace_text.item", "<i4", "5,", int32_t, 0, 8, 0,
            3, 6);
    DAMAGED("value 0 is -1", "trace_text.item", "<i4", "5,", int32_t, -1, 7, 0, 3, 6);
    DAMAGED("value 3 is 0", "trace_text.item", "<i4", "5,", int32_t, 0, 7, 0, 0, 6);
    DAMAGED("of row 1 must be", "trace_text.item", "<i4", "5,", int32_t, 0, 1, 0, 3, 6);
#undef DAMAGED
    write_indexes();
    test_remove(test_path("t/trace_image.item.npy"));
    int rc = kin_trace_open(&trace, &there, &graph, &err);
    test_refused(rc, &err, KIN_E_NOINPUT, "trace_image.item.npy");
}

static void test_damaged_join(void **state)
{
    (void)state;
#define DAMAGED(message, ...)                                                                      \
    write_join();                                                                                  \
    WRITE(__VA_ARGS__);                                                                            \
    refuse(message)
    DAMAGED("trace.cluster.npy has 7", "trace.cluster", "<i4", "7,", int32_t, 0, 1, 0, 1, -1, 0, 0);
    DAMAGED("trace.cluster.npy: value 7 is 2", "trace.cluster", "<i4", "8,", int32_t, 0, 1, 0, 1,
            -1, 0, 0, 2);
    DAMAGED("value 0 is -2", "trace.cluster", "<i4", "8,", int32_t, -2, 1, 0, 1, -1, 0, 0, 1);
    DAMAGED("trace.probe_sigmas.npy is 2 x 3, needs 3 x 2", "trace.probe_sigmas", "<f4", "2, 3",
            float, 1, 2, 3, 4, 5, 6);
    DAMAGED("trace.probe_sigmas.npy: row 1 is NaN at cluster 1", "trace.probe_sigmas", "<f4",
            "3, 2", float, 1, 2, 3, NAN, 5, 6);
#undef DAMAGED
    write_join();
    float order[] = {1, 2, 3, 4, 5, 6};
    test_write_npy_raw(test_path("t/trace.probe_sigmas.npy"),
                       "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2), }", order,
                       sizeof order);
    refuse("Fortran order");
}

static void test_damaged_manifest(void **state)
{
    static const char *const damaged[] = {
        "{}",
        "{\"rows\": -1, \"sources\": [{\"name\": \"text\", \"modality\": null, \"asked\": 1}]}",
        "{\"rows\": 3, \"sources\": []}",
        "{\"rows\": 3, \"sources\": [{\"name\": \"text\", \"modality\": \"tex\", \"asked\": 1}]}",
        "{\"rows\": 3, \"sources\": [{\"name\": \"text\", \"modality\": null, \"asked\": 0}]}",
        "{\"rows\": 3, \"sources\": [{\"name\": \"text\", \"modality\": null}]}",
        "{\"rows\": 3, \"sources\": [{\"name\": \"../x\", \"modality\": null, \"asked\": 1}]}",
        "{\"rows\": 3, \"sources\": [{\"name\": \"\", \"modality\": null, \"asked\": 1}]}",
    };
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(damaged); i++) {
        write_indexes();
        set_manifest(damaged[i]);
        refuse("manifest.json: ");
    }
    write_join();
    json_object_set_new(json_object_get(graph.manifest, "trace"), "clusters", json_integer(0));
    refuse("manifest.json: ");
    static const json_int_t clusters[] = {9, INT32_MAX, INT64_MAX,
                                          INT64_MIN}; /* the graph has 8 items */
    for (size_t i = 0; i < TEST_COUNT(clusters); i++) {
        write_join();
        json_object_set_new(json_object_get(graph.manifest, "trace"), "clusters",
                            json_integer(clusters[i]));
        refuse("manifest.json: ");
        /* without rows no array is there to tell that it is too much */
        json_object_set_new(json_object_get(graph.manifest, "trace"), "rows", json_integer(0));
        refuse("manifest.json: ");
    }
    write_join();
    json_object_del(json_object_get(graph.manifest, "trace"), "probe_sigmas");
    refuse("manifest.json: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_indexes),
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_older_join),
        cmocka_unit_test(test_damaged_indexes),
        cmocka_unit_test(test_damaged_join),
        cmocka_unit_test(test_damaged_manifest),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
