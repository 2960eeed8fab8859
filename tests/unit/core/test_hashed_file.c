/*
 * core/hashed_file: files that threads add to hold what was added, with its fingerprint, past the
 * page cache and through it, whatever the pieces and the blocks; a file that may not grow; more
 * blocks than are free; files that are given up.
 */
#include "core/hashed_file.h"
#include "support/test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { FILES = 3, BLOCK = KIN_BLOCK_BYTES };

static unsigned char byte_of(size_t file, size_t at)
{
    return (unsigned char)((at * 2654435761u >> 13) + file);
}

/* Adds `bytes` bytes in pieces of `piece`. */
static int add_all(kin_hashed_file *file, size_t number, size_t bytes, size_t piece, kin_error *err)
{
    int rc = 0;
    unsigned char *data = malloc(piece);
    for (size_t at = 0; at < bytes && rc == 0; at += piece) {
        size_t part = bytes - at < piece ? bytes - at : piece;
        for (size_t i = 0; i < part; i++)
            data[i] = byte_of(number, at + i);
        rc = kin_hashed_file_add(file, data, part, err);
    }
    free(data);
    return rc;
}

static void check_file(const kin_written_file *written, const char *path, size_t number,
                       size_t bytes)
{
    size_t found, differ = 0;
    kin_hash hash;
    kin_error err;
    unsigned char *data = test_read(path, &found);
    assert_int_equal(found, bytes);
    assert_int_equal(written->bytes, bytes);
    for (size_t at = 0; at < bytes; at++)
        differ += data[at] != byte_of(number, at);
    assert_int_equal(differ, 0);
    free(data);
    test_ok(kin_hash_file(&hash, NULL, path, &err), &err);
    assert_string_equal(hash.text, written->hash.text);
}

/* Some files at a time, one after the other without waiting. */
static void test_contents(void **state)
{
    (void)state;
    static const struct {
        size_t bytes, piece;
        bool cached;
    } cases[] = {{0, 1, false},
                 {1, 1, false},
                 {BLOCK, BLOCK, false},
                 {BLOCK + 1, 4097, false},
                 {5 * BLOCK - 1, 3 * BLOCK, false},
                 {5 * BLOCK + 4096, 70001, false},
                 {5 * BLOCK + 4096, 70001, true}};
    static const char *const name[FILES] = {"x", "y", "z"};
    for (size_t c = 0; c < TEST_COUNT(cases); c++) {
        kin_error err;
        kin_block_writer *writer;
        kin_hashed_file file[FILES];
        kin_written written = {0};
        mkdir(test_path("out"), 0755);
        test_ok(kin_block_writer_new(&writer, FILES, FILES * (size_t)BLOCK, &err), &err);
        for (size_t f = 0; f < FILES; f++) {
            test_ok(kin_hashed_file_create(&file[f], writer, test_path("out"), name[f],
                                           cases[c].bytes + f * BLOCK, &err),
                    &err);
            file[f].direct = file[f].direct && !cases[c].cached;
            test_ok(add_all(&file[f], f, cases[c].bytes, cases[c].piece, &err), &err);
        }
        for (size_t f = 0; f < FILES; f++)
            test_ok(kin_hashed_file_finish(&file[f], &written, &err), &err);
        kin_block_writer_free(writer);
        for (size_t f = 0; f < FILES; f++) {
            kin_hashed_file_release(&file[f]);
            assert_string_equal(written.file[f].name, name[f]);
            check_file(&written.file[f], test_path("out/%s", name[f]), f, cases[c].bytes);
        }
        test_remove(test_path("out"));
    }
}

typedef struct adding {
    kin_hashed_file file;
    size_t number;
    int rc;
} adding;

enum { MANY_BYTES = 40 * BLOCK + 5 };

static void *add_many(void *self)
{
    adding *one = self;
    one->rc = add_all(&one->file, one->number, MANY_BYTES, 300000, NULL);
    return NULL;
}

/* Threads that add more than waits: each goes on when the blocks of the others are written. */
static void test_threads(void **state)
{
    (void)state;
    kin_error err;
    kin_block_writer *writer;
    kin_written written = {0};
    adding one[FILES] = {0};
    pthread_t thread[FILES];
    mkdir(test_path("out"), 0755);
    test_ok(kin_block_writer_new(&writer, FILES, FILES * (size_t)BLOCK, &err), &err);
    for (size_t f = 0; f < FILES; f++) {
        char name[2] = {(char)('a' + f), '\0'};
        one[f].number = f;
        test_ok(
            kin_hashed_file_create(&one[f].file, writer, test_path("out"), name, MANY_BYTES, &err),
            &err);
        assert_int_equal(pthread_create(&thread[f], NULL, add_many, &one[f]), 0);
    }
    for (size_t f = 0; f < FILES; f++) {
        pthread_join(thread[f], NULL);
        assert_int_equal(one[f].rc, 0);
        test_ok(kin_hashed_file_finish(&one[f].file, &written, &err), &err);
    }
    kin_block_writer_free(writer);
    for (size_t f = 0; f < FILES; f++) {
        kin_hashed_file_release(&one[f].file);
        check_file(&written.file[f], test_path("out/%s", written.file[f].name), f, MANY_BYTES);
    }
    test_remove(test_path("out"));
}

/* One file may not grow beyond a block and a half; who adds to it is told, at the latest in the
 * end. */
static void check_limit(size_t bytes)
{
    kin_error err = {0};
    kin_block_writer *writer;
    kin_hashed_file file;
    kin_written written = {0};
    struct rlimit before;
    mkdir(test_path("out"), 0755);
    test_ok(kin_block_writer_new(&writer, 1, 0, &err), &err);
    test_ok(kin_hashed_file_create(&file, writer, test_path("out"), "x", 0, &err), &err);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN); /* as the command does */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit less = {.rlim_cur = BLOCK + BLOCK / 2 + 5, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
    int rc = add_all(&file, 0, bytes, 100000, &err);
    assert_true(rc != 0 || bytes < 100 * BLOCK);
    if (rc == 0)
        rc = kin_hashed_file_finish(&file, &written, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    test_refused(rc, &err, KIN_E_IO, "x cannot be written: File too large");
    kin_block_writer_free(writer);
    kin_hashed_file_release(&file);
    signal(SIGXFSZ, handler);
    test_remove(test_path("out"));
}

static void test_limit(void **state)
{
    (void)state;
    check_limit(2 * BLOCK);
    check_limit(2 * BLOCK - 5);
    check_limit(100 * (size_t)BLOCK);
}

/* No room on the disk, a name that is taken, a file that is never finished. */
static void test_refuses(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_block_writer *writer;
    kin_hashed_file file;
    mkdir(test_path("out"), 0755);
    test_ok(kin_block_writer_new(&writer, 1, 0, &err), &err);
    test_refused(
        kin_hashed_file_create(&file, writer, test_path("out"), "x", (size_t)1 << 60, &err), &err,
        KIN_E_IO, "x cannot be written with its");
    kin_hashed_file_release(&file);
    test_refused(kin_hashed_file_create(&file, writer, test_path("out"), "x", 0, &err), &err,
                 KIN_E_CANTOUT, "x cannot be created");
    kin_hashed_file_release(&file);
    test_ok(kin_hashed_file_create(&file, writer, test_path("out"), "y", 0, &err), &err);
    test_ok(add_all(&file, 0, 3 * BLOCK + 1, BLOCK, &err), &err);
    kin_block_writer_free(writer);
    kin_hashed_file_release(&file);
    test_remove(test_path("out"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_contents),
                                       cmocka_unit_test(test_threads), cmocka_unit_test(test_limit),
                                       cmocka_unit_test(test_refuses)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
