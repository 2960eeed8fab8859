/*
 * core/zip_stored: members start at multiples of 64 and are what libzip finds in the archive; sizes
 * and places beyond 4 GiB; archives that are cut, altered bit by bit, compressed, or no archives.
 */
#include "core/crc32.h"
#include "core/zip_stored.h"
#include "support/test.h"

#include <fcntl.h>
#include <unistd.h>
#include <zip.h>

enum { MEMBERS = 3, LONGEST = 1000 };

static kin_stored_member member[MEMBERS];
static unsigned char content[MEMBERS][LONGEST];

static void set_members(const uint64_t bytes[MEMBERS])
{
    static const char *const name[MEMBERS] = {"indices.npy", "a", "data.npy"};
    for (size_t m = 0; m < MEMBERS; m++)
        member[m] = (kin_stored_member){.name = name[m], .bytes = bytes[m]};
}

static void put(int fd, const void *data, size_t bytes, uint64_t at)
{
    assert_int_equal(pwrite(fd, data, bytes, (off_t)at), bytes);
}

/* Headers and directory, and content where it is short; else holes. */
static void write_archive(const char *path)
{
    unsigned char directory[KIN_STORED_DIRECTORY_MOST];
    test_remove(path);
    int fd = open(path, O_RDWR | O_CREAT, 0666);
    assert_true(fd >= 0);
    uint64_t end = kin_stored_place(member, MEMBERS);
    for (size_t m = 0; m < MEMBERS; m++) {
        unsigned char header[KIN_STORED_HEADER_MOST];
        bool short_one = member[m].bytes <= LONGEST;
        for (size_t i = 0; i < LONGEST; i++)
            content[m][i] = (unsigned char)(i * (m + 3) >> 2);
        member[m].crc = short_one ? kin_crc32(0, content[m], member[m].bytes) : 0;
        put(fd, header, kin_stored_header(header, &member[m]), member[m].header_at);
        if (short_one)
            put(fd, content[m], member[m].bytes, member[m].data_at);
        assert_int_equal(member[m].data_at % KIN_STORED_ALIGNMENT, 0);
    }
    put(fd, directory, kin_stored_directory(directory, member, MEMBERS), end);
    assert_int_equal(close(fd), 0);
}

/* What libzip makes of it, and what is found. */
static void check_archive(const char *path)
{
    kin_error err = {0};
    kin_file file;
    int code;
    zip_t *archive = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &code);
    assert_non_null(archive);
    assert_int_equal(zip_get_num_entries(archive, 0), MEMBERS);
    test_ok(kin_file_open(&file, path, &err), &err);
    for (size_t m = 0; m < MEMBERS; m++) {
        struct zip_stat status;
        const unsigned char *data;
        size_t bytes;
        assert_int_equal(zip_stat_index(archive, m, 0, &status), 0);
        assert_string_equal(status.name, member[m].name);
        assert_int_equal(status.size, member[m].bytes);
        assert_int_equal(status.crc, member[m].crc);
        test_ok(kin_stored_find(&file, member[m].name, &data, &bytes, &err), &err);
        assert_int_equal(bytes, member[m].bytes);
        assert_ptr_equal(data, file.data + member[m].data_at);
        if (bytes > LONGEST)
            continue;
        unsigned char inside[LONGEST + 1];
        zip_file_t *opened = zip_fopen_index(archive, m, 0);
        assert_int_equal(zip_fread(opened, inside, sizeof inside), bytes);
        assert_int_equal(zip_fclose(opened), 0);
        assert_memory_equal(inside, content[m], bytes);
        assert_memory_equal(data, content[m], bytes);
    }
    kin_file_close(&file);
    zip_discard(archive);
}

static void test_members(void **state)
{
    (void)state;
    for (uint64_t bytes = 0; bytes < 200; bytes++) {
        set_members((uint64_t[]){bytes, 2 * bytes, 5 * bytes});
        write_archive(test_path("a.npz"));
        check_archive(test_path("a.npz"));
    }
}

/* One of size, one of place, and both; a hole takes no room on the disk. */
static void test_beyond_4_gib(void **state)
{
    (void)state;
    static const uint64_t bytes[][MEMBERS] = {{0xfffffffe, 4, 8},
                                              {0xffffffff, 4, 8},
                                              {0x100000000, 4, 8},
                                              {3000000000, 3000000000, 8},
                                              {5000000000, 10, 5000000000}};
    for (size_t i = 0; i < TEST_COUNT(bytes); i++) {
        set_members(bytes[i]);
        write_archive(test_path("large.npz"));
        check_archive(test_path("large.npz"));
    }
    test_remove(test_path("large.npz"));
}

/* Looks for all members in bytes that may be anything: each is inside of them or refused. */
static void find_all(const unsigned char *data, size_t bytes)
{
    kin_file file = {.path = (char *)"a.npz", .data = data, .bytes = bytes};
    for (size_t m = 0; m < MEMBERS; m++) {
        kin_error err = {0};
        const unsigned char *found;
        size_t length;
        int rc = kin_stored_find(&file, member[m].name, &found, &length, &err);
        assert_true(rc == 0 || rc == KIN_E_DATA);
        if (rc == 0)
            assert_true(found >= data && found <= data + bytes &&
                        length <= (size_t)(data + bytes - found));
    }
}

static void test_damaged(void **state)
{
    (void)state;
    size_t bytes;
    set_members((uint64_t[]){40, 7, 30});
    write_archive(test_path("a.npz"));
    unsigned char *whole = test_read(test_path("a.npz"), &bytes);
    for (size_t cut = 0; cut < bytes; cut++) {
        unsigned char *part = malloc(cut + 1);
        memcpy(part, whole, cut);
        find_all(part, cut);
        free(part);
    }
    for (size_t at = 0; at < bytes; at++)
        for (int bit = 0; bit < 8; bit++) {
            whole[at] ^= (unsigned char)(1 << bit);
            find_all(whole, bytes);
            whole[at] ^= (unsigned char)(1 << bit);
        }
    free(whole);
}

/* Changes what the directory says of the first member. */
static void refuse_changed(size_t at, unsigned value, const char *message)
{
    kin_error err = {0};
    const unsigned char *found;
    size_t bytes, length;
    set_members((uint64_t[]){40, 7, 30});
    write_archive(test_path("a.npz"));
    unsigned char *whole = test_read(test_path("a.npz"), &bytes);
    kin_file file = {.path = (char *)"a.npz", .data = whole, .bytes = bytes};
    uint64_t directory = member[MEMBERS - 1].data_at + member[MEMBERS - 1].bytes;
    memcpy(whole + directory + at, &value, 2);
    test_refused(kin_stored_find(&file, "indices.npy", &found, &length, &err), &err, KIN_E_DATA,
                 message);
    free(whole);
}

static void test_refused_archives(void **state)
{
    (void)state;
    kin_error err = {0};
    const unsigned char *found;
    size_t length;
    refuse_changed(10, 8, "a.npz: indices.npy is compressed or encrypted, needs to be stored");
    refuse_changed(8, 1, "is compressed or encrypted");
    refuse_changed(24, 41, "is compressed or encrypted");
    refuse_changed(42, 5, "indices.npy has no header at byte 5");
    refuse_changed(46, 0, "a.npz has no member indices.npy");
    refuse_changed(0, 0, "a.npz: its directory is damaged");
    kin_file none = {
        .path = (char *)"b", .data = (const unsigned char *)"no archive, but text", .bytes = 20};
    test_refused(kin_stored_find(&none, "a", &found, &length, &err), &err, KIN_E_DATA,
                 "b: no zip archive that can be read");
    none.bytes = 0;
    test_refused(kin_stored_find(&none, "a", &found, &length, &err), &err, KIN_E_DATA,
                 "b: no zip archive that can be read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members), cmocka_unit_test(test_beyond_4_gib),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_refused_archives)};
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
