/*
 * A catalog of arrays and ids in memory is the catalog of the files that they would be saved as:
 * the same facts and fingerprints for every type and any distance from row to row. Nothing is
 * copied; what changes meanwhile is noticed; shapes that are none are refused.
 */
#include "core/catalog.h"
#include "core/half.h"
#include "support/test.h"

#include <math.h>

enum { N = 37, D = 11, APART = 13 }; /* values from row to row in the array */

static const size_t value_bytes[KIN_DTYPE_COUNT] = {4, 2, 8, 1};

/* Value `at` of `type` at `out`: small whole numbers, exact in each. */
static void put(kin_dtype type, void *out, size_t at)
{
    const int number = (int)(at * 7 % 19) - 9 + (at % D == 0);
    const float f32 = (float)number;
    const double f64 = number;
    const uint16_t f16 = test_half_bits(number);
    const int8_t i8 = (int8_t)number;
    const void *value[KIN_DTYPE_COUNT] = {&f32, &f16, &f64, &i8};
    memcpy(out, value[type], value_bytes[type]);
}

/* Rows one after another, and the same rows APART values from each other. */
static void fill(kin_dtype type, unsigned char *tight, unsigned char *apart)
{
    const size_t bytes = value_bytes[type];
    memset(apart, 0xff, N * APART * bytes);
    for (size_t i = 0; i < N * D; i++) {
        put(type, tight + i * bytes, i);
        put(type, apart + (i / D * APART + i % D) * bytes, i);
    }
}

static kin_array array_of(kin_dtype type, const void *data, size_t apart)
{
    return (kin_array){data, type, N, D, apart * value_bytes[type]};
}

static int open_array(kin_catalog *out, const kin_array *array, const char *ids, kin_error *err)
{
    const kin_source source = {.name = "text", .array = array, .weight = 1};
    const kin_catalog_options options = {
        .source = &source, .source_count = 1, .ids_text = {ids, ids ? strlen(ids) : 0}};
    return kin_catalog_open(out, &options, err);
}

/* The file that NumPy, or for int8 another tool, saves. */
static char *write_file(kin_dtype type, const unsigned char *tight)
{
    char *path = strdup(test_path(type == KIN_I8 ? "x.i8bin" : "x.npy"));
    assert_non_null(path);
    if (type == KIN_I8) {
        unsigned char file[8 + N * D] = {N, 0, 0, 0, D, 0, 0, 0};
        memcpy(file + 8, tight, N * D);
        test_write(path, file, sizeof file);
    } else {
        test_write_npy(path, type, N, D, tight);
    }
    return path;
}

static void check_same(const kin_catalog *a, const kin_catalog *b)
{
    assert_int_equal(a->n, b->n);
    assert_string_equal(a->modality[0].fingerprint.text, b->modality[0].fingerprint.text);
    assert_memory_equal(a->modality[0].inverse_norm, b->modality[0].inverse_norm,
                        N * sizeof(double));
    assert_memory_equal(a->row_hash, b->row_hash, N * sizeof(uint64_t));
    assert_memory_equal(a->present, b->present, N);
}

static void test_as_files(void **state)
{
    static unsigned char tight[N * D * 8], apart[N * APART * 8 + 1];
    (void)state;
    for (int type = 0; type < KIN_DTYPE_COUNT; type++) {
        kin_error err;
        kin_catalog file, array, strided;
        fill((kin_dtype)type, tight, apart + 1); /* at an odd address */
        const kin_array dense = array_of((kin_dtype)type, tight, D);
        const kin_array spread = array_of((kin_dtype)type, apart + 1, APART);
        kin_source source = {
            .name = "text", .path = write_file((kin_dtype)type, tight), .weight = 1};
        const kin_catalog_options options = {.source = &source, .source_count = 1};
        test_ok(kin_catalog_open(&file, &options, &err), &err);
        test_ok(open_array(&array, &dense, NULL, &err), &err);
        test_ok(open_array(&strided, &spread, NULL, &err), &err);
        check_same(&file, &array);
        check_same(&file, &strided);
        assert_ptr_equal(array.modality[0].matrix.rows, tight);
        test_ok(kin_catalog_unchanged(&strided, &err), &err);
        kin_catalog_close(&file);
        kin_catalog_close(&array);
        kin_catalog_close(&strided);
        test_remove(source.path);
        kin_source_release(&source);
    }
}

static void test_changes_are_noticed(void **state)
{
    static unsigned char tight[N * D * 8], apart[N * APART * 8];
    kin_catalog catalog;
    kin_error err;
    (void)state;
    fill(KIN_F32, tight, apart);
    const kin_array spread = array_of(KIN_F32, apart, APART);
    test_ok(open_array(&catalog, &spread, NULL, &err), &err);
    apart[D * 4] ^= 1; /* between two rows */
    test_ok(kin_catalog_unchanged(&catalog, &err), &err);
    apart[APART * 4] ^= 1;
    test_refused(kin_catalog_unchanged(&catalog, &err), &err, KIN_E_AGAIN, "array 'text' changed");
    kin_catalog_close(&catalog);
}

static void test_shapes_are_refused(void **state)
{
    static float x[N * D] = {1};
    const kin_array good = array_of(KIN_F32, x, D);
    kin_array bad[] = {good, good, good, good, good};
    kin_catalog catalog;
    kin_error err;
    (void)state;
    bad[0].data = NULL;
    bad[1].n = 0;
    bad[2].d = 0;
    bad[3].d = KIN_DIMENSIONS_MAX + 1;
    bad[4].row_bytes = D * 4 - 1;
    for (size_t i = 0; i < TEST_COUNT(bad); i++)
        test_refused(open_array(&catalog, &bad[i], NULL, &err), &err, KIN_E_USAGE, "array 'text'");
    x[3 * D + 2] = NAN;
    test_refused(open_array(&catalog, &good, NULL, &err), &err, KIN_E_DATA,
                 "array 'text': row 3 is NaN at column 2");
    x[3 * D + 2] = 0;
}

/* Ids of a list, which may hold quotes that are their own. */
static void test_ids(void **state)
{
    static unsigned char tight[N * D * 8], apart[N * APART * 8];
    char ids[N * 8] = "", twice[N * 8] = "";
    kin_catalog catalog;
    kin_error err;
    (void)state;
    fill(KIN_F32, tight, apart);
    const kin_array array = array_of(KIN_F32, tight, D);
    for (size_t i = 0; i < N; i++) {
        snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "\"i%zu\"%s", i,
                 i + 1 < N ? "\n" : "");
        strcat(twice, "a\n");
    }
    test_ok(open_array(&catalog, &array, ids, &err), &err);
    assert_true(kin_span_equal(kin_lines_at(&catalog.ids, 5), (kin_span){"\"i5\"", 4}));
    assert_string_equal(catalog.ids_fingerprint.text, kin_hash_bytes(ids, strlen(ids)).text);
    test_ok(kin_catalog_unchanged(&catalog, &err), &err);
    ids[1] = 'j';
    test_refused(kin_catalog_unchanged(&catalog, &err), &err, KIN_E_AGAIN,
                 "the list of ids changed");
    kin_catalog_close(&catalog);
    test_refused(open_array(&catalog, &array, "a\nb", &err), &err, KIN_E_DATA,
                 "the list of ids has 2 ids, the catalog has 37 items");
    test_refused(open_array(&catalog, &array, twice, &err), &err, KIN_E_DATA, "the list of ids");
    test_refused(open_array(&catalog, &array, "\xff\n", &err), &err, KIN_E_DATA, "not UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_files),
        cmocka_unit_test(test_changes_are_noticed),
        cmocka_unit_test(test_shapes_are_refused),
        cmocka_unit_test(test_ids),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
