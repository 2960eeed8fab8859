/*
 * core/zip, reading: stored and deflated members, whole and in part, and archives that were cut,
 * altered byte by byte, or lie about a member's size, checksum or compression.
 */
#include "core/zip.h"
#include "support/test.h"

#include <zip.h>

/* Two members with `bytes` bytes each that repeat themselves every seven: one stored, one
 * deflated. */
static unsigned char *make_archive(const char *path, size_t bytes)
{
    static const char *const name[] = {"stored", "deflated"};
    static const int method[] = {ZIP_CM_STORE, ZIP_CM_DEFLATE};
    unsigned char *data = malloc(bytes + 1);
    assert_non_null(data);
    for (size_t i = 0; i < bytes; i++)
        data[i] = (unsigned char)(i % 7);
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(archive);
    for (size_t m = 0; m < TEST_COUNT(name); m++) {
        zip_source_t *source = zip_source_buffer(archive, data, bytes, 0);
        zip_int64_t at = zip_file_add(archive, name[m], source, 0);
        assert_true(at >= 0);
        assert_int_equal(zip_set_file_compression(archive, (zip_uint64_t)at, method[m], 0), 0);
    }
    assert_int_equal(zip_close(archive), 0);
    return data;
}

/* Opens `path`, reads the first `bytes` bytes of a member (SIZE_MAX: all). */
static int read_file(const char *path, const char *name, size_t bytes, unsigned char **out,
                     size_t *got, kin_error *err)
{
    kin_file file;
    kin_zip archive = {0};
    kin_zip_entry entry;
    *out = NULL;
    int rc = kin_file_open(&file, path, err);
    if (rc == 0)
        rc = kin_zip_open(&archive, &file, err);
    if (rc == 0)
        rc = kin_zip_find(&archive, &entry, name, err);
    if (rc == 0) {
        *got = bytes == SIZE_MAX ? entry.bytes : bytes;
        rc = kin_zip_read(&archive, &entry, *got, out, err);
    }
    kin_file_close(&file);
    return rc;
}

static void test_members_whole_and_in_part(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 100, 70001, 3000000};
    for (size_t s = 0; s < TEST_COUNT(sizes); s++) {
        const char *path = test_path("a.npz");
        unsigned char *data = make_archive(path, sizes[s]);
        for (size_t part = 0; part < 6; part++) {
            const size_t wanted[] = {SIZE_MAX, 0, sizes[s] / 3};
            unsigned char *out;
            size_t got = 0;
            kin_error err;
            test_ok(read_file(path, part % 2 ? "stored" : "deflated", wanted[part / 2], &out, &got,
                              &err),
                    &err);
            assert_int_equal(got, wanted[part / 2] == SIZE_MAX ? sizes[s] : wanted[part / 2]);
            if (got > 0)
                assert_memory_equal(out, data, got);
            free(out);
        }
        free(data);
    }
}

static void refused(const char *path, const char *name, const char *text)
{
    unsigned char *out;
    size_t got;
    kin_error err = {0};
    test_refused(read_file(path, name, SIZE_MAX, &out, &got, &err), &err, KIN_E_DATA, text);
    assert_null(out);
}

static void test_no_archive(void **state)
{
    (void)state;
    test_write_text(test_path("text.npz"), "this is no zip archive, however it is named\n");
    refused(test_path("text.npz"), "stored", "text.npz: no zip archive that can be read");
    test_write(test_path("empty.npz"), "", 0);
    refused(test_path("empty.npz"), "stored", "empty.npz: no zip archive that can be read");
    free(make_archive(test_path("a.npz"), 10));
    refused(test_path("a.npz"), "other", "a.npz has no member other");
}

/* A file's bytes with `count` of them at `at` behind the `nth` place (from 0) of `mark`
 * replaced. */
static void patch(const char *from, const char *to, const char *mark, size_t nth, size_t at,
                  const void *value, size_t count)
{
    size_t bytes;
    unsigned char *data = test_read(from, &bytes);
    unsigned char *place = data;
    for (size_t i = 0; i <= nth; i++) {
        place = memmem(place + (i > 0), bytes - (size_t)(place - data) - (i > 0), mark, 4);
        assert_non_null(place);
    }
    memcpy(place + at, value, count);
    test_write(to, data, bytes);
    free(data);
}

/* The archive's directory (APPNOTE.TXT 4.3.12: "PK\1\2", flags at 8, compression at 10, checksum at
 * 16, compressed bytes at 20, bytes at 24) is what is believed, as far as it can be true. */
static void test_directories_that_lie(void **state)
{
    (void)state;
    static const struct {
        size_t member, at;
        unsigned char value[4];
        size_t count;
        const char *name, *text;
    } lies[] = {
        {0, 24, {0xff, 0xff, 0xff, 0x7f}, 4, "stored", "stored claims 2147483647 bytes from 1000 "},
        {1, 24, {0xff, 0xff, 0xff, 0x7f}, 4, "deflated", "deflated claims 2147483647 bytes from "},
        {1, 24, {0xe9, 0x03, 0, 0}, 4, "deflated", "deflated"}, /* 1001 */
        {1, 24, {0xe7, 0x03, 0, 0}, 4, "deflated", "deflated"}, /* 999 */
        {0, 16, {1, 2, 3, 4}, 4, "stored", "stored: CRC error"},
        {1, 16, {1, 2, 3, 4}, 4, "deflated", "deflated: CRC error"},
        {1, 10, {12, 0}, 2, "deflated", "neither stored nor deflated (compression 12"},
        {0, 8, {1, 0}, 2, "stored", "neither stored nor deflated"}, /* encrypted */
    };
    free(make_archive(test_path("a.npz"), 1000));
    for (size_t i = 0; i < TEST_COUNT(lies); i++) {
        patch(test_path("a.npz"), test_path("b.npz"), "PK\1\2", lies[i].member, lies[i].at,
              lies[i].value, lies[i].count);
        refused(test_path("b.npz"), lies[i].name, lies[i].text);
    }
}

/* Whatever was done to an archive, a member reads as it was or not at all. */
static void check_damaged(const char *path, const unsigned char *data, size_t bytes)
{
    static const char *const name[] = {"stored", "deflated"};
    for (size_t m = 0; m < TEST_COUNT(name); m++) {
        unsigned char *out;
        size_t got = 0;
        kin_error err = {0};
        int rc = read_file(path, name[m], SIZE_MAX, &out, &got, &err);
        if (rc == 0) {
            assert_int_equal(got, bytes);
            assert_memory_equal(out, data, bytes);
        } else {
            test_refused(rc, &err, KIN_E_DATA, "b.npz");
        }
        free(out);
    }
}

static void test_every_byte_and_every_length(void **state)
{
    (void)state;
    enum { BYTES = 40 };
    size_t bytes;
    unsigned char *data = make_archive(test_path("a.npz"), BYTES);
    unsigned char *file = test_read(test_path("a.npz"), &bytes);
    for (size_t at = 0; at < bytes; at++)
        for (int way = 0; way < 3; way++) {
            const unsigned char kept = file[at];
            const unsigned char flip[] = {0xff, 1, 0x80};
            file[at] ^= flip[way];
            test_write(test_path("b.npz"), file, bytes);
            check_damaged(test_path("b.npz"), data, BYTES);
            file[at] = kept;
        }
    for (size_t cut = 0; cut < bytes; cut++) {
        test_write(test_path("b.npz"), file, cut);
        check_damaged(test_path("b.npz"), data, BYTES);
    }
    free(file);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_whole_and_in_part),
        cmocka_unit_test(test_no_archive),
        cmocka_unit_test(test_directories_that_lie),
        cmocka_unit_test(test_every_byte_and_every_length),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
