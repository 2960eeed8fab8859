/*
 * core/matrix and core/file: every format good and bad, values as they were written, files cut at
 * every byte, headers damaged in every byte, sizes beyond size_t.
 */
#include "core/matrix.h"
#include "support/test.h"

#include <sys/stat.h>

enum { N = 3, D = 5 };

static const double values[N * D] = {0,   1,    -1, 0.5,  65504, 6.1e-5, -0.333251953125, 7, -100.,
                                     127, -128, 3,  0.25, 2048,  -1e-3};

/* The values as an array of the type; the caller frees. */
static void *typed(kin_dtype type, size_t *bytes)
{
    static const size_t item_bytes[] = {4, 2, 8, 1};
    unsigned char *out = malloc(N * D * 8);
    for (size_t i = 0; i < N * D; i++) {
        float f = (float)values[i];
        uint16_t h = test_half_bits(values[i]);
        double d = values[i];
        signed char c = (signed char)((int)values[i] % 128);
        const void *item[] = {&f, &h, &d, &c};
        memcpy(out + i * item_bytes[type], item[type], item_bytes[type]);
    }
    *bytes = N * D * item_bytes[type];
    return out;
}

static float expected(kin_dtype type, size_t i)
{
    if (type == KIN_F16)
        return (float)test_half_value(test_half_bits(values[i]));
    return type == KIN_I8 ? (float)(signed char)((int)values[i] % 128) : (float)values[i];
}

/* The same matrix in every format. */
static const struct format {
    const char *name;
    kin_dtype type;
} formats[] = {
    {"f4.npy", KIN_F32},    {"f2.npy", KIN_F16},  {"f8.npy", KIN_F64},   {"f4.fbin", KIN_F32},
    {"f2.f16bin", KIN_F16}, {"i1.i8bin", KIN_I8}, {"f4.fvecs", KIN_F32},
};

static void write_format(const struct format *format)
{
    size_t bytes;
    unsigned char *data = typed(format->type, &bytes);
    unsigned char file[N * (4 + D * 8) + 8];
    const char *path = test_path("%s", format->name);
    uint32_t head[2] = {N, D};
    size_t used = 0;
    if (strstr(format->name, ".npy")) {
        test_write_npy(path, format->type, N, D, data);
    } else if (strstr(format->name, ".fvecs")) {
        for (size_t row = 0; row < N; row++, used += 4 + D * 4) {
            memcpy(file + used, &head[1], 4);
            memcpy(file + used + 4, data + row * D * 4, D * 4);
        }
        test_write(path, file, used);
    } else {
        memcpy(file, head, 8);
        memcpy(file + 8, data, bytes);
        test_write(path, file, 8 + bytes);
    }
    free(data);
}

static void test_every_format(void **state)
{
    (void)state;
    for (size_t f = 0; f < TEST_COUNT(formats); f++) {
        kin_error err;
        kin_matrix x;
        float out[2 * D];
        write_format(&formats[f]);
        test_ok(kin_matrix_open(&x, test_path("%s", formats[f].name), &err), &err);
        assert_true(x.n == N && x.d == D && x.dtype == formats[f].type);
        kin_matrix_widen(&x, 1, 2, out);
        for (size_t i = 0; i < 2 * D; i++)
            assert_true(out[i] == expected(x.dtype, D + i));
        kin_matrix_close(&x);
        kin_matrix_close(&x); /* closing twice is closing once */
    }
}

/* Cut at every byte, and one byte too long: refused every time. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    for (size_t f = 0; f < TEST_COUNT(formats); f++) {
        kin_matrix x;
        size_t bytes;
        write_format(&formats[f]);
        unsigned char *data = test_read(test_path("%s", formats[f].name), &bytes);
        const char *path = test_path("cut-%s", formats[f].name);
        bool rows = strstr(path, ".fvecs"); /* has no header: fewer whole rows are a smaller file */
        for (size_t cut = 0; cut <= bytes + 1; cut++) {
            kin_error err = {0};
            if (cut == bytes || (rows && cut > 0 && cut % (4 + D * 4) == 0))
                continue;
            test_write(path, data, cut); /* test_read leaves a zero byte behind the data */
            test_refused(kin_matrix_open(&x, path, &err), &err, KIN_E_DATA, path);
            assert_null(x.file.data);
        }
        free(data);
    }
}

/* Every byte of the header set to a few values: refused, or read without leaving the file. */
static void test_damaged_header(void **state)
{
    (void)state;
    static const unsigned char replacement[] = {0,   1,   ' ', '\'', '(', ')',
                                                ',', '0', '9', 'L',  0xff};
    for (size_t f = 0; f < TEST_COUNT(formats); f++) {
        size_t bytes;
        write_format(&formats[f]);
        unsigned char *data = test_read(test_path("%s", formats[f].name), &bytes);
        const char *path = test_path("bad-%s", formats[f].name);
        for (size_t at = 0; at < bytes && at < 140; at++)
            for (size_t r = 0; r < TEST_COUNT(replacement); r++) {
                kin_matrix x;
                unsigned char kept = data[at];
                data[at] = replacement[r];
                test_write(path, data, bytes);
                data[at] = kept;
                int rc = kin_matrix_open(&x, path, NULL);
                assert_true(rc == 0 || rc == KIN_E_DATA);
                if (rc != 0)
                    continue;
                float *out = malloc(x.n * x.d * sizeof *out);
                kin_matrix_widen(&x, 0, x.n, out);
                free(out);
                kin_matrix_close(&x);
            }
        free(data);
    }
}

#define DICT(descr, fortran, shape)                                                                \
    "{'descr': '" descr "', 'fortran_order': " fortran ", 'shape': " shape ", }"

static void test_npy_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *dict;
        size_t bytes;
        const char *message;
    } bad[] = {
        {DICT("<f4", "True", "(2, 3)"), 24, "Fortran order: an item's values do not lie together"},
        {DICT(">f4", "False", "(2, 3)"), 24, "big-endian values (dtype >f4)"},
        {DICT("<i4", "False", "(2, 3)"), 24, "dtype <i4; float32, float16 and float64 are read"},
        {DICT("|i1", "False", "(2, 3)"), 6, "dtype |i1"},
        {DICT("|u1", "False", "(2, 3)"), 6, "dtype |u1"},
        {DICT("<c8", "False", "(2, 3)"), 48, "dtype <c8"},
        {DICT("|O", "False", "(2, 3)"), 48, "object arrays cannot be read"},
        {DICT("<f4", "False", "(6,)"), 24, "has 1 dimension, needs 2"},
        {DICT("<f4", "False", "(1, 2, 3)"), 24, "has 3 dimensions"},
        {DICT("<f4", "False", "(2, 4)"), 24, "the header says 2 x 4 float32, which is 160 bytes"},
        {DICT("<f4", "False", "(0, 4)"), 0, "empty matrix (0 x 4)"},
        {DICT("<f4", "False", "(4, 0)"), 0, "empty matrix (4 x 0)"},
        {DICT("<f4", "False", "(1, 65537)"), 4 * 65537, "65537 dimensions, the limit is 65536"},
        {DICT("<f4", "False", "(2147483648, 1)"), 24, "2147483648 rows, the limit is 2147483647"},
        {DICT("<f4", "False", "(4611686018427387904, 4)"), 0, "4611686018427387904 rows"},
        {DICT("<f8", "False", "(4, 4611686018427387904)"), 0, "4611686018427387904 dimensions"},
        {DICT("<f8", "False", "(2147483647, 65536)"), 64, "2147483647 x 65536 float64"},
    };
    void *zero = calloc(65537, 4);
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        kin_error err = {0};
        kin_matrix x;
        test_write_npy_raw(test_path("bad.npy"), bad[i].dict, zero, bad[i].bytes);
        test_refused(kin_matrix_open(&x, test_path("bad.npy"), &err), &err, KIN_E_DATA,
                     bad[i].message);
    }
    free(zero);
}

/* One row or one column lies the same way in both orders. */
static void test_fortran_vectors_read(void **state)
{
    (void)state;
    static const float row[4] = {1, 2, 3, 4};
    static const char *const dict[] = {DICT("<f4", "True", "(1, 4)"),
                                       DICT("<f4", "True", "(4, 1)")};
    for (size_t i = 0; i < TEST_COUNT(dict); i++) {
        kin_error err;
        kin_matrix x;
        float out[4];
        test_write_npy_raw(test_path("f.npy"), dict[i], row, sizeof row);
        test_ok(kin_matrix_open(&x, test_path("f.npy"), &err), &err);
        kin_matrix_widen(&x, 0, x.n, out);
        assert_memory_equal(out, row, sizeof row);
        kin_matrix_close(&x);
    }
}

static void test_binary_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t word[6];
        size_t bytes;
        const char *message;
    } bad[] = {
        {"a.fbin", {1, 1}, 7, "7 bytes are too few for a header"},
        {"a.fbin", {0, 1}, 8, "empty matrix (0 x 1)"},
        {"a.fbin", {1, 0}, 8, "empty matrix (1 x 0)"},
        {"a.fbin", {0xffffffff, 0xffffffff}, 16, "4294967295 dimensions"},
        {"a.f16bin", {0xffffffff, 4}, 16, "4294967295 rows"},
        {"a.i8bin", {3, 3}, 16, "the header says 3 x 3 int8, which is 17 bytes"},
        {"a.fvecs", {2}, 3, "3 bytes are too few for one row"},
        {"a.fvecs", {0}, 8, "empty matrix"},
        {"a.fvecs", {0xffffffff}, 24, "a.fvecs: "},
        {"a.fvecs", {2, 0, 0, 3, 0, 0}, 24, "row 1 has 3 dimensions, row 0 has 2"},
        {"a.fvecs", {2, 0, 0, 2, 0}, 20, "a.fvecs: the header says 1 x 2"},
        {"a.bin", {1, 1, 1}, 12, "a.bin: unknown file format"},
    };
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        kin_error err = {0};
        kin_matrix x;
        test_write(test_path("%s", bad[i].name), bad[i].word, bad[i].bytes);
        test_refused(kin_matrix_open(&x, test_path("%s", bad[i].name), &err), &err, KIN_E_DATA,
                     bad[i].message);
    }
}

/* Missing, a folder, a pipe without a writer (which must not be waited for), empty. */
static void test_files_that_are_none(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_matrix x;
    test_refused(kin_matrix_open(&x, test_path("none.npy"), &err), &err, KIN_E_NOINPUT,
                 "none.npy: No such file or directory");
    mkdir(test_path("folder.npy"), 0755);
    test_refused(kin_matrix_open(&x, test_path("folder.npy"), &err), &err, KIN_E_NOINPUT,
                 "folder.npy: not a regular file");
    assert_int_equal(mkfifo(test_path("pipe.npy"), 0644), 0);
    test_refused(kin_matrix_open(&x, test_path("pipe.npy"), &err), &err, KIN_E_NOINPUT,
                 "pipe.npy: not a regular file");
    test_write(test_path("empty.npy"), "", 0);
    test_refused(kin_matrix_open(&x, test_path("empty.npy"), &err), &err, KIN_E_DATA,
                 "empty.npy: not a .npy file");
    test_write(test_path("empty.fbin"), "", 0);
    test_refused(kin_matrix_open(&x, test_path("empty.fbin"), &err), &err, KIN_E_DATA, "0 bytes");
}

/* The two ways to a fingerprint agree; one bit more makes another. */
static void test_fingerprints(void **state)
{
    (void)state;
    enum { BYTES = (1 << 20) + 17 };
    unsigned char *data = calloc(BYTES, 1);
    static const size_t sizes[] = {0, 1, 1 << 20, BYTES};
    for (size_t i = 0; i < TEST_COUNT(sizes); i++) {
        kin_error err = {0};
        kin_hash hash;
        size_t bytes;
        test_write(test_path("hash"), data, sizes[i]);
        test_ok(kin_hash_file(&hash, &bytes, test_path("hash"), &err), &err);
        assert_int_equal(bytes, sizes[i]);
        assert_int_equal(strlen(hash.text), KIN_HASH_TEXT - 1);
        assert_string_equal(hash.text, kin_hash_bytes(data, sizes[i]).text);
        data[sizes[i] / 2] ^= 1;
        assert_true(sizes[i] == 0 || strcmp(hash.text, kin_hash_bytes(data, sizes[i]).text) != 0);
        test_refused(kin_hash_file(&hash, NULL, test_path("none"), &err), &err, KIN_E_NOINPUT,
                     "none");
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format),         cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_damaged_header),       cmocka_unit_test(test_npy_refusals),
        cmocka_unit_test(test_fortran_vectors_read), cmocka_unit_test(test_binary_refusals),
        cmocka_unit_test(test_files_that_are_none),  cmocka_unit_test(test_fingerprints),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
