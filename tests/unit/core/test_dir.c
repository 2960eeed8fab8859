/*
 * Folders that are read while their name is given to another one: files come from the folder that
 * was opened, and one that its writer deleted is a reason to read again, not damage.
 */
#include "core/dir.h"
#include "core/file.h"
#include "core/lines.h"
#include "core/manifest.h"
#include "core/outdir.h"
#include "support/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of kind "catalog" with one file that says `text`. */
static void publish(const char *path, const char *text, bool force)
{
    kin_outdir out;
    kin_error err;
    test_ok(kin_outdir_open(&out, path, "catalog", force, &err), &err);
    char *name = kin_path_join(out.temporary, "ids.txt");
    test_write_text(name, text);
    free(name);
    json_t *manifest = json_pack("{s:s, s:i}", "kind", "catalog", "format", KIN_MANIFEST_FORMAT);
    test_ok(kin_outdir_commit(&out, &manifest, &err), &err);
    json_decref(manifest);
    kin_outdir_release(&out);
}

static void test_refusals(void **state)
{
    kin_dir dir;
    kin_error err;
    (void)state;
    test_refused(kin_dir_open(&dir, test_path("none"), &err), &err, KIN_E_NOINPUT, "none: No such");
    test_write_text(test_path("file"), "x");
    test_refused(kin_dir_open(&dir, test_path("file"), &err), &err, KIN_E_NOINPUT,
                 "file: not a folder");
    assert_null(dir.path);
    kin_dir_close(&dir); /* as after success */
}

static void test_names(void **state)
{
    kin_dir dir, copy;
    kin_lines lines;
    kin_file file;
    kin_error err;
    (void)state;
    publish(test_path("names"), "a\n", false);
    test_ok(kin_dir_open(&dir, test_path("names//"), &err), &err);
    assert_string_equal(dir.path, test_path("names"));
    test_ok(kin_dir_copy(&copy, &dir, &err), &err);
    kin_dir_close(&dir);
    assert_false(kin_dir_is_replaced(&copy));
    test_ok(kin_lines_open_in(&lines, &copy, "ids.txt", &err), &err);
    assert_string_equal(lines.file.path, test_path("names/ids.txt"));
    kin_lines_close(&lines);
    test_refused(kin_file_open_in(&file, &copy, "gone", &err), &err, KIN_E_NOINPUT, "names/gone");
    assert_null(file.path);
    mkdir(test_path("names/inner"), 0755);
    test_refused(kin_file_open_in(&file, &copy, "inner", &err), &err, KIN_E_NOINPUT,
                 "names/inner: not a regular file");
    kin_dir_close(&copy);
}

/* What was open stays the old folder's; what was not is asked for again. */
static void test_replaced(void **state)
{
    kin_dir dir;
    kin_lines lines;
    kin_hash hash;
    kin_error err;
    json_t *manifest;
    (void)state;
    publish(test_path("r"), "old\n", false);
    test_ok(kin_dir_open(&dir, test_path("r"), &err), &err);
    test_ok(kin_manifest_read_in(&manifest, &dir, "catalog", &err), &err);
    test_ok(kin_lines_open_in(&lines, &dir, "ids.txt", &err), &err);
    publish(test_path("r"), "new\n", true);
    assert_true(kin_dir_is_replaced(&dir));
    kin_span line = kin_lines_at(&lines, 0);
    assert_true(kin_span_equal(line, (kin_span){"old", 3}));
    kin_lines_close(&lines);
    const char *again = "r: the folder was replaced while it was read";
    test_refused(kin_lines_open_in(&lines, &dir, "ids.txt", &err), &err, KIN_E_AGAIN, again);
    test_refused(kin_hash_file_in(&hash, NULL, &dir, "ids.txt", &err), &err, KIN_E_AGAIN, again);
    test_refused(kin_manifest_verify(manifest, &dir, &err), &err, KIN_E_AGAIN, again);
    json_decref(manifest);
    test_refused(kin_manifest_read_in(&manifest, &dir, NULL, &err), &err, KIN_E_AGAIN, again);
    kin_dir_close(&dir);
    test_ok(kin_manifest_read(&manifest, test_path("r"), "catalog", &err), &err);
    json_decref(manifest);
}

static void test_settle(void **state)
{
    kin_dir dir;
    kin_error err = {0};
    (void)state;
    mkdir(test_path("s"), 0755);
    test_ok(kin_dir_open(&dir, test_path("s"), &err), &err);
    assert_int_equal(kin_dir_settle(&dir, KIN_E_DATA, &err), KIN_E_DATA);
    rmdir(test_path("s"));
    assert_true(kin_dir_is_replaced(&dir));
    assert_int_equal(kin_dir_settle(&dir, 0, &err), 0);
    assert_int_equal(kin_dir_settle(&dir, KIN_E_MEMORY, &err), KIN_E_MEMORY);
    test_refused(kin_dir_settle(&dir, KIN_E_DATA, &err), &err, KIN_E_AGAIN, "s: the folder");
    test_refused(kin_dir_settle(&dir, KIN_E_NOINPUT, &err), &err, KIN_E_AGAIN, "s: the folder");
    kin_dir_close(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_settle),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
