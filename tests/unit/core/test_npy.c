/*
 * core/npy: headers of every version, spacing and order; what is refused and in which words; a
 * small file cut at every byte and damaged in every byte; headers written here read back, and so do
 * files that are written row by row.
 */
#include "core/npy_writer.h"
#include "support/test.h"

/* A file image: magic, version, header length of the version's width, the header's text, data. */
static size_t make_file(unsigned char *out, int version, const char *dict, size_t data_bytes)
{
    size_t length = strlen(dict);
    size_t start = version == 1 ? 10 : 12;
    memcpy(out, "\x93NUMPY", 6);
    out[6] = (unsigned char)version;
    out[7] = 0;
    for (size_t b = 8; b < start; b++)
        out[b] = (unsigned char)(length >> 8 * (b - 8));
    memcpy(out + start, dict, length);
    memset(out + start + length, 0, data_bytes);
    return start + length + data_bytes;
}

static int parse(kin_npy_header *out, int version, const char *dict, kin_error *err)
{
    unsigned char file[1024];
    size_t bytes = make_file(file, version, dict, 8);
    unsigned char *exact = malloc(bytes); /* a read beyond the end is one beyond the allocation */
    memcpy(exact, file, bytes);
    int rc = kin_npy_parse(out, exact, bytes, "x.npy", err);
    free(exact);
    return rc;
}

static void test_headers_that_read(void **state)
{
    (void)state;
    static const struct {
        const char *dict;
        const char *descr;
        bool fortran;
        size_t dimensions, n, d;
    } good[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }     \n", "<f4", 0, 2, 3, 4},
        {"{'descr':'<f2','fortran_order':True,'shape':(3,4)}", "<f2", 1, 2, 3, 4},
        {"{\"shape\": (3L, 4L), \"fortran_order\": False, \"descr\": \"<f8\"}\n", "<f8", 0, 2, 3,
         4},
        {"  {  'shape'  :  ( 7 , )  ,\n'descr' : '|S3' , 'fortran_order' : False }", "|S3", 0, 1, 7,
         1},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (0, 18446744073709551615)}", ">f4", 0,
         2, 0, SIZE_MAX},
    };
    for (int version = 1; version <= 3; version++)
        for (size_t i = 0; i < TEST_COUNT(good); i++) {
            kin_error err = {0};
            kin_npy_header h;
            test_ok(parse(&h, version, good[i].dict, &err), &err);
            assert_string_equal(h.descr, good[i].descr);
            assert_int_equal(h.fortran_order, good[i].fortran);
            assert_int_equal(h.dimensions, good[i].dimensions);
            assert_true(h.shape[0] == good[i].n && h.shape[1] == good[i].d);
            assert_int_equal(h.data_offset, strlen(good[i].dict) + (version == 1 ? 10 : 12));
        }
}

static void test_headers_that_do_not(void **state)
{
    (void)state;
#define FRONT "{'descr': '<f4', 'fortran_order': False, 'shape': "
    static const struct {
        const char *dict;
        const char *message;
    } bad[] = {
        {FRONT "(1, 2, 3)}", "has 3 dimensions, needs 2"},
        {FRONT "()}", "has 0 dimensions, needs 2"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", "object arrays"},
        {"{'descr': [('a', '<f4'), ('b', '<i4')], 'fortran_order': False, 'shape': (3,)}",
         "structured dtypes"},
        {FRONT "(18446744073709551616, 1)}", "cannot be read at its byte"},
        {FRONT "(99999999999999999999999999, 1)}", "cannot be read"},
        {FRONT "(-1, 2)}", "cannot be read"},
        {FRONT "(3.0, 2)}", "cannot be read"},
        {FRONT "(3, 2}", "cannot be read"},
        {FRONT "(3 2)}", "cannot be read"},
        {FRONT "3}", "cannot be read"},
        {FRONT "(3, 2)", "cannot be read"},
        {FRONT "(3, 2), 'more': 1}", "cannot be read"},
        {"{'descr': '<f4', 'shape': (3, 2)}", "cannot be read"},
        {"{'fortran_order': False, 'shape': (3, 2)}", "cannot be read"},
        {"{'descr': '<f4', 'fortran_order': False}", "cannot be read"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (3, 2)}", "cannot be read"},
        {"{'descr': <f4, 'fortran_order': False, 'shape': (3, 2)}", "cannot be read"},
        {"{'descr': '<f4444444444444444444', 'fortran_order': False, 'shape': (3, 2)}",
         "cannot be read"},
        {"{'descr': '<f4\", 'fortran_order': False, 'shape': (3, 2)}", "cannot be read"},
        {"", "cannot be read at its byte 0"},
        {"{", "cannot be read"},
        {"{}", "cannot be read"},
    };
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        kin_error err = {0};
        kin_npy_header h;
        memset(&h, '#', sizeof h);
        kin_npy_header before = h;
        test_refused(parse(&h, 1, bad[i].dict, &err), &err, KIN_E_DATA, bad[i].message);
        assert_memory_equal(&h, &before, sizeof h);
        assert_int_equal(parse(&h, 2, bad[i].dict, NULL), KIN_E_DATA);
    }
    kin_error err = {0};
    kin_npy_header h;
    test_refused(parse(&h, 4, FRONT "(3, 2)}", &err), &err, KIN_E_DATA, "version 4");
    test_refused(parse(&h, 0, FRONT "(3, 2)}", &err), &err, KIN_E_DATA, "version 0");
}

/* Cut anywhere in the header the file is refused; each byte set to each value it is refused or
 * read, and what is read stays inside the file. */
static void test_cut_and_damaged(void **state)
{
    (void)state;
    for (int version = 1; version <= 3; version++) {
        unsigned char file[256];
        kin_npy_header h;
        size_t bytes = make_file(file, version, FRONT "(2, 3), }\n", 0);
        for (size_t cut = 0; cut < bytes; cut++) {
            unsigned char *exact = malloc(cut + 1);
            kin_error err = {0};
            memcpy(exact + 1, file, cut);
            test_refused(kin_npy_parse(&h, exact + 1, cut, "cut.npy", &err), &err, KIN_E_DATA,
                         "cut.npy: ");
            free(exact);
        }
        unsigned char *exact = malloc(bytes);
        for (size_t at = 0; at < bytes; at++)
            for (int value = 0; value < 256; value++) {
                memcpy(exact, file, bytes);
                exact[at] = (unsigned char)value;
                int rc = kin_npy_parse(&h, exact, bytes, "bad.npy", NULL);
                assert_true(rc == KIN_E_DATA || (rc == 0 && h.data_offset <= bytes));
            }
        free(exact);
    }
}

static void test_format_reads_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 9999, SIZE_MAX};
    unsigned char header[KIN_NPY_HEADER_BYTES];
    for (size_t i = 0; i < TEST_COUNT(sizes); i++)
        for (size_t dimensions = 1; dimensions <= 2; dimensions++) {
            kin_error err;
            kin_npy_header h;
            size_t shape[2] = {sizes[i], 12};
            kin_npy_format(header, "<f4", dimensions, shape);
            test_ok(kin_npy_parse(&h, header, sizeof header, "x", &err), &err);
            assert_true(h.dimensions == dimensions && h.shape[0] == sizes[i]);
            assert_true(h.shape[1] == (dimensions == 2 ? 12 : 1));
            assert_true(h.data_offset == KIN_NPY_HEADER_BYTES && !h.fortran_order);
            assert_int_equal(header[KIN_NPY_HEADER_BYTES - 1], '\n');
        }
    kin_npy_format(header, "|S3", 0, NULL);
    assert_non_null(strstr((char *)header + 10, "'shape': (), }"));
    kin_error err = {0};
    kin_npy_header h;
    test_ok(kin_npy_parse_any(&h, header, sizeof header, "x", &err), &err);
    assert_true(h.dimensions == 0 && h.shape[0] == 1 && h.shape[1] == 1);
    assert_int_equal(h.data_offset, KIN_NPY_HEADER_BYTES);
    assert_true(kin_npy_is(header, 6) && !kin_npy_is(header, 5));
}

/* Rows in several pieces, of one value and of three, and none at all. */
static void test_writer(void **state)
{
    (void)state;
    static const int32_t value[9] = {1, 2, 3, -4, 5, 6, 7, 8, INT32_MIN};
    static const size_t piece[][2] = {{0, 0}, {1, 0}, {2, 0}, {1, 2}, {0, 3}};
    for (size_t at = 0; at < 2 * TEST_COUNT(piece); at++) {
        kin_error err = {0};
        kin_npy_writer w;
        kin_npy_header h;
        size_t columns = at % 2 ? 3 : 1, bytes;
        const size_t *rows = piece[at / 2];
        test_ok(
            kin_npy_writer_open(&w, test_path("."), "a.npy", "<i4", at % 2 ? &columns : NULL, &err),
            &err);
        test_ok(kin_npy_writer_add(&w, value, rows[0], &err), &err);
        test_ok(kin_npy_writer_add(&w, value + rows[0] * columns, rows[1], &err), &err);
        test_ok(kin_npy_writer_finish(&w, &err), &err);
        kin_npy_writer_release(&w);
        unsigned char *file = test_read(test_path("a.npy"), &bytes);
        size_t data = (rows[0] + rows[1]) * columns * sizeof *value;
        test_ok(kin_npy_parse(&h, file, bytes, "a.npy", &err), &err);
        assert_string_equal(h.descr, "<i4");
        assert_true(h.dimensions == 1 + at % 2 && h.shape[1] == columns);
        assert_int_equal(h.shape[0], rows[0] + rows[1]);
        assert_int_equal(bytes, h.data_offset + data);
        assert_memory_equal(file + h.data_offset, value, data);
        free(file);
    }
}

static void test_writer_refused(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_npy_writer w;
    test_refused(kin_npy_writer_open(&w, test_path("nowhere"), "a.npy", "<f4", NULL, &err), &err,
                 KIN_E_IO, "nowhere/a.npy");
    kin_npy_writer_release(&w);
    static const char zeros[1 << 16];
    int rc = kin_npy_writer_open(&w, "/dev", "full", "<f4", NULL, &err);
    for (int i = 0; i < 4 && rc == 0; i++)
        rc = kin_npy_writer_add(&w, zeros, sizeof zeros / 4, &err);
    test_refused(rc, &err, KIN_E_IO, "cannot write /dev/full");
    kin_npy_writer_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_that_read),
        cmocka_unit_test(test_headers_that_do_not),
        cmocka_unit_test(test_cut_and_damaged),
        cmocka_unit_test(test_format_reads_back),
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_writer_refused),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
