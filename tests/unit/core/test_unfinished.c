/*
 * core/unfinished: what is a leftover and what is not, marks, and what is removed. And the streams
 * of core/file that outputs are written through.
 */
#include "core/file.h"
#include "core/outdir.h"
#include "core/unfinished.h"
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int empty_folder(void **state)
{
    test_folder_remove(state);
    return test_folder_make(state);
}

/* A folder of this name with a mark of this text (NULL: none) and a file in it. */
static void make_folder(const char *name, mode_t mode, const char *mark, bool file)
{
    char path[512];
    snprintf(path, sizeof path, "%s", test_path("%s", name));
    assert_int_equal(mkdir(path, 0755), 0);
    char *inside = kin_path_join(path, kin_mark_name);
    if (mark)
        test_write_text(inside, mark);
    free(inside);
    inside = kin_path_join(path, "file");
    if (file)
        test_write_text(inside, "f");
    free(inside);
    assert_int_equal(chmod(path, mode), 0);
}

/* Opens a folder for "g", looks for leftovers, and removes it again. Whether a living writer was
 * seen. */
static bool clear(void)
{
    kin_error err = {0};
    kin_unfinished self;
    bool living = true;
    char path[512];
    snprintf(path, sizeof path, "%s", test_path("g"));
    test_ok(kin_unfinished_open(&self, path, &err), &err);
    test_ok(kin_unfinished_clear(&self, &living, &err), &err);
    kin_unfinished_discard(&self);
    assert_null(self.path);
    return living;
}

static void test_open_and_discard(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_unfinished self;
    struct stat status;
    char path[512];
    snprintf(path, sizeof path, "%s", test_path("g"));
    test_ok(kin_unfinished_open(&self, path, &err), &err);
    assert_int_equal(strncmp(self.name, ".g.kin-", 7), 0);
    assert_int_equal(strlen(self.name), 13);
    assert_int_equal(stat(self.path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0755);
    assert_true(kin_unfinished_is_there(&self));
    assert_true(kin_unfinished_is_mark(dirfd(self.folder), kin_mark_name));
    int other = open(self.path, O_RDONLY | O_DIRECTORY);
    assert_true(flock(other, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK);
    close(other);
    kin_unfinished_discard(&self);
    assert_int_equal(test_folder_entries(test_path(".")), 0);
    kin_unfinished_discard(&self); /* twice is once */
    test_refused(kin_unfinished_open(&self, test_path("none/g"), &err), &err, KIN_E_CANTOUT,
                 "none: No such file or directory");
}

static void test_leftovers_go(void **state)
{
    (void)state;
    make_folder(".g.kin-abcdef", 0755, "kin unfinished .g.kin-abcdef\n", true);
    make_folder(".g.kin-ABC123", 0755, "kin unfinished .g.kin-ABC123\n", false);
    make_folder(".g.kin-sticky", 01755, NULL, false); /* killed before its mark was made */
    make_folder(".g.kin-begun0", 01755, "", false);   /* and in it */
    make_folder(".g.kin-begun1", 01700, "kin unfin", false);
    make_folder(".g.kin-oldout", 0755, "kin replaced .g.kin-oldout\n",
                false); /* all of it is gone */
    assert_false(clear());
    assert_int_equal(test_folder_entries(test_path(".")), 0);
}

static void test_others_stay(void **state)
{
    (void)state;
    static const char *const names[] = {".g.kin-nomark", ".g.kin-empty0", ".g.kin-full00",
                                        ".g.kin-full01", ".g.kin-other0", ".g.kin-cut000",
                                        ".g.kin-more00", ".g.kin-short",  ".g.kin-toolong",
                                        ".g.kin-a.cdef", ".h.kin-abcdef", ".g.kin-noman0"};
    make_folder(names[0], 0755, NULL, true);
    make_folder(names[1], 0755, NULL, false);
    make_folder(names[2], 01755, NULL, true); /* sticky and in use */
    make_folder(names[3], 01755, "not the beginning of a mark", false);
    make_folder(names[4], 0755, "kin unfinished .g.kin-other1\n", true);
    make_folder(names[5], 0755, "kin unfinished .g.kin-cut000", true);
    make_folder(names[6], 0755, "kin unfinished .g.kin-more00\nmore", true);
    make_folder(names[7], 0755, "kin unfinished .g.kin-short\n", true);
    make_folder(names[8], 0755, "kin unfinished .g.kin-toolong\n", true);
    make_folder(names[9], 0755, "kin unfinished .g.kin-a.cdef\n", true);
    make_folder(names[10], 0755, "kin unfinished .h.kin-abcdef\n", true);
    make_folder(names[11], 0755, "kin finished .g.kin-noman0\n", true);
    size_t count[sizeof names / sizeof *names];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        count[i] = test_folder_entries(test_path("%s", names[i]));
    assert_false(clear());
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(test_folder_entries(test_path("%s", names[i])), count[i]);
}

/* A folder that others put something into is emptied of kin's files, and theirs from then on. */
static void test_strange_things_stay(void **state)
{
    (void)state;
    make_folder(".g.kin-abcdef", 0755, "kin unfinished .g.kin-abcdef\n", true);
    assert_int_equal(mkdir(test_path(".g.kin-abcdef/folder"), 0755), 0);
    assert_false(clear());
    assert_int_equal(test_folder_entries(test_path(".g.kin-abcdef")), 1);
    test_write_text(test_path(".g.kin-abcdef/theirs"), "t");
    assert_false(clear());
    assert_int_equal(test_folder_entries(test_path(".g.kin-abcdef")), 2);
}

/* Of an old output only what its manifest lists goes. */
static void test_replaced(void **state)
{
    (void)state;
    static const char manifest[] =
        "{\"kind\": \"graph\", \"format\": 1, \"files\": {\"file\": {}}}";
    make_folder(".g.kin-listed", 0755, "kin replaced .g.kin-listed\n", true);
    test_write_text(test_path(".g.kin-listed/manifest.json"), manifest);
    make_folder(".g.kin-strang", 0755, "kin replaced .g.kin-strang\n", true);
    test_write_text(test_path(".g.kin-strang/manifest.json"), manifest);
    test_write_text(test_path(".g.kin-strang/notes"), "n");
    make_folder(".g.kin-broken", 0755, "kin replaced .g.kin-broken\n", true);
    test_write_text(test_path(".g.kin-broken/manifest.json"), "{");
    assert_false(clear());
    assert_false(test_exists(test_path(".g.kin-listed")));
    assert_true(test_exists(test_path(".g.kin-strang/notes")));
    assert_true(test_exists(test_path(".g.kin-broken/file")));
}

static void test_living(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_unfinished self;
    char path[512];
    snprintf(path, sizeof path, "%s", test_path("g"));
    test_ok(kin_unfinished_open(&self, path, &err), &err);
    assert_true(clear());
    assert_true(kin_unfinished_is_there(&self));
    /* locked, but by another process: no writer */
    make_folder(".g.kin-locked", 0755, NULL, true);
    kin_unfinished_discard(&self);
    int fd = open(test_path(".g.kin-locked"), O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_false(clear());
    close(fd);
}

static void test_streams(void **state)
{
    (void)state;
    const char *path = test_path("stream");
    char text[16] = "";
    FILE *stream = kin_file_create(path);
    assert_non_null(stream);
    assert_true(fputs("hello, world", stream) >= 0 && fseek(stream, 7, SEEK_SET) == 0);
    assert_true(fputs("there", stream) >= 0 && ftell(stream) == 12 && fclose(stream) == 0);
    int fd = open(path, O_RDONLY);
    stream = kin_file_stream(fd, "r");
    assert_non_null(stream);
    assert_int_equal(fread(text, 1, sizeof text, stream), 12);
    assert_string_equal(text, "hello, there");
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(close(fd), -1); /* closed with the stream */
    assert_null(kin_file_create(test_path("none/stream")));
    assert_int_equal(errno, ENOENT);
    stream = kin_file_stream(open("/dev/full", O_WRONLY), "w");
    assert_non_null(stream);
    fputs("lost", stream);
    assert_true(fflush(stream) != 0 && errno == ENOSPC && ferror(stream));
    fclose(stream);
}

int main(void)
{
#define IN_EMPTY_FOLDER(test) cmocka_unit_test_setup(test, empty_folder)
    const struct CMUnitTest tests[] = {
        IN_EMPTY_FOLDER(test_open_and_discard), IN_EMPTY_FOLDER(test_leftovers_go),
        IN_EMPTY_FOLDER(test_others_stay),      IN_EMPTY_FOLDER(test_strange_things_stay),
        IN_EMPTY_FOLDER(test_replaced),         IN_EMPTY_FOLDER(test_living),
        IN_EMPTY_FOLDER(test_streams),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
