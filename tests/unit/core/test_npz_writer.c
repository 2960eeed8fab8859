/*
 * core/npz_writer: columns added in pieces are what is found in the archive, with its checksums;
 * no rows at all; the longest names; a descriptor that takes nothing.
 */
#include "core/crc32.h"
#include "core/npy_array.h"
#include "core/npz_writer.h"
#include "support/test.h"

#include <fcntl.h>
#include <unistd.h>
#include <zip.h>

enum { ROWS = 1000, COLUMNS = 3 };

static const kin_npz_column column[COLUMNS] = {
    {"item", "<i4"}, {"cosine_of_a_modality_with_31_letters_", "<f2"}, {"score", "<f4"}};

static int32_t item[ROWS];
static uint16_t half[ROWS];
static float score[ROWS];

static void fill(void)
{
    for (size_t i = 0; i < ROWS; i++) {
        item[i] = (int32_t)(i * i);
        half[i] = (uint16_t)(i * 7);
        score[i] = 1.0f / (float)(i + 1);
    }
}

/* In pieces of `piece` rows. */
static void write_file(const char *path, size_t rows, size_t piece)
{
    kin_error err;
    kin_npz_writer writer;
    test_remove(path);
    int fd = open(path, O_RDWR | O_CREAT, 0666);
    test_ok(kin_npz_writer_init(&writer, fd, path, column, COLUMNS, rows, &err), &err);
    for (size_t first = 0; first < rows; first += piece) {
        size_t count = rows - first < piece ? rows - first : piece;
        const void *values[] = {item + first, half + first, score + first};
        test_ok(kin_npz_writer_add(&writer, values, count, &err), &err);
    }
    test_ok(kin_npz_writer_finish(&writer, &err), &err);
    assert_int_equal(close(fd), 0);
}

static void check_member(const kin_file *file, size_t c, size_t rows, const void *wanted,
                         size_t item_bytes)
{
    char name[64];
    const unsigned char *data;
    size_t bytes;
    kin_error err;
    kin_npy_array array;
    snprintf(name, sizeof name, "%s.npy", column[c].name);
    test_ok(kin_stored_find(file, name, &data, &bytes, &err), &err);
    test_ok(kin_npy_array_of(&array, data, bytes, name, column[c].descr, 1, &err), &err);
    assert_int_equal(array.shape[0], rows);
    assert_memory_equal(array.values, wanted, rows * item_bytes);
}

/* libzip checks a member's checksum when all of it is read. */
static void check_sums(const char *path)
{
    int code;
    zip_t *archive = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &code);
    assert_non_null(archive);
    assert_int_equal(zip_get_num_entries(archive, 0), COLUMNS);
    for (zip_uint64_t m = 0; m < COLUMNS; m++) {
        static char content[ROWS * 8];
        zip_file_t *member = zip_fopen_index(archive, m, 0);
        assert_non_null(member);
        assert_true(zip_fread(member, content, sizeof content) > 0);
        assert_int_equal(zip_fread(member, content, 1), 0);
        assert_int_equal(zip_fclose(member), 0);
    }
    zip_discard(archive);
}

static void test_columns(void **state)
{
    static const size_t rows[] = {ROWS, 1, 0};
    (void)state;
    fill();
    for (size_t r = 0; r < TEST_COUNT(rows); r++) {
        kin_error err;
        kin_file file;
        write_file(test_path("a.npz"), rows[r], 7);
        write_file(test_path("b.npz"), rows[r], ROWS);
        assert_true(test_same_files(test_path("a.npz"), test_path("b.npz")));
        test_ok(kin_file_open(&file, test_path("a.npz"), &err), &err);
        check_member(&file, 0, rows[r], item, sizeof *item);
        check_member(&file, 1, rows[r], half, sizeof *half);
        check_member(&file, 2, rows[r], score, sizeof *score);
        kin_file_close(&file);
        check_sums(test_path("a.npz"));
    }
}

static void test_no_place(void **state)
{
    kin_error err;
    kin_npz_writer writer;
    (void)state;
    test_write_text(test_path("read.npz"), "");
    int fd = open(test_path("read.npz"), O_RDONLY);
    test_refused(kin_npz_writer_init(&writer, fd, "p.npz", column, COLUMNS, ROWS, &err), &err,
                 KIN_E_IO, "p.npz cannot be written with its");
    const void *values[] = {item, half, score};
    test_refused(kin_npz_writer_add(&writer, values, ROWS, &err), &err, KIN_E_IO,
                 "p.npz cannot be written: ");
    writer.written = ROWS;
    test_refused(kin_npz_writer_finish(&writer, &err), &err, KIN_E_IO, "p.npz cannot be written: ");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_no_place),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
