/*
 * core/outdir and manifest: what is refused, the swap, what dead and living writers leave,
 * checksums that verify and name the damaged file, single files.
 */
#include "core/file.h"
#include "core/manifest.h"
#include "core/outdir.h"
#include "core/outfile.h"
#include "support/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* How many entries the temporary folder holds: nothing may be left over. */
static size_t count_entries(void)
{
    return test_folder_entries(test_path("."));
}

static int empty_folder(void **state)
{
    test_folder_remove(state);
    return test_folder_make(state);
}

/* Writes a folder with one file of `text`. */
static int make(const char *path, bool force, const char *text, kin_error *err)
{
    kin_outdir out;
    int rc = kin_outdir_open(&out, path, "graph", force, err);
    if (rc != 0) {
        assert_true(!out.final && !out.temporary && !out.unfinished.path);
        return rc;
    }
    char *file = kin_path_join(out.temporary, "data");
    test_write_text(file, text);
    free(file);
    json_t *manifest = json_pack("{s:s, s:i}", "kind", "graph", "format", KIN_MANIFEST_FORMAT);
    rc = kin_outdir_commit(&out, &manifest, err);
    json_decref(manifest);
    kin_outdir_release(&out);
    return rc;
}

static void assert_data(const char *path, const char *text)
{
    size_t bytes;
    unsigned char *data = test_read(path, &bytes);
    assert_string_equal((char *)data, text);
    free(data);
}

static void test_new_folder(void **state)
{
    (void)state;
    kin_error err = {0};
    struct stat status;
    test_ok(make(test_path("out"), false, "one", &err), &err);
    assert_data(test_path("out/data"), "one");
    assert_int_equal(stat(test_path("out"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0755);
    assert_int_equal(count_entries(), 1);
    test_ok(make(test_path("slash///"), false, "two", &err), &err);
    assert_data(test_path("slash/data"), "two");
    test_ok(make(test_path("forced"), true, "three", &err), &err); /* nothing there to replace */
    assert_int_equal(count_entries(), 3);
}

/* A path without a folder in it, and the working folder itself. */
static void test_relative_paths(void **state)
{
    (void)state;
    kin_error err = {0};
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(test_path(".")), 0);
    test_ok(make("plain", false, "p", &err), &err);
    assert_data("plain/data", "p");
    test_refused(make(".", false, "p", &err), &err, KIN_E_CANTOUT, ". exists already");
    test_refused(make("./plain/", false, "p", &err), &err, KIN_E_CANTOUT, "plain exists already");
    test_refused(make("", false, "p", &err), &err, KIN_E_USAGE, "the output folder has no name");
    test_refused(make("/", false, "p", &err), &err, KIN_E_CANTOUT, "/ exists already");
    assert_int_equal(count_entries(), 1);
    assert_int_equal(chdir(before), 0);
}

static void test_refused_places(void **state)
{
    (void)state;
    kin_error err = {0};
    test_ok(make(test_path("out"), false, "one", &err), &err);
    test_refused(make(test_path("out"), false, "two", &err), &err, KIN_E_CANTOUT,
                 "out exists already");
    test_refused(make(test_path("none/out"), false, "x", &err), &err, KIN_E_CANTOUT,
                 "none: No such file or directory");
    test_refused(make(test_path("out/data/x"), false, "x", &err), &err, KIN_E_CANTOUT, "Not a");

    /* --force goes over kin's own folders only */
    mkdir(test_path("mine"), 0755);
    test_write_text(test_path("mine/precious"), "p");
    test_refused(make(test_path("mine"), true, "x", &err), &err, KIN_E_CANTOUT,
                 "mine exists and is no graph that kin wrote: --force does not replace it");
    test_write_text(test_path("mine/manifest.json"), "{\"name\": \"a web page\"}");
    test_refused(make(test_path("mine"), true, "x", &err), &err, KIN_E_CANTOUT, "is no graph");
    test_write_text(test_path("mine/manifest.json"), "{\"kind\": \"catalog\", \"format\": 1}");
    test_refused(make(test_path("mine"), true, "x", &err), &err, KIN_E_CANTOUT, "is no graph");
    test_write_text(test_path("mine/manifest.json"), "{\"kind\": \"graph\", \"format\": 1}");
    test_refused(make(test_path("mine"), true, "x", &err), &err, KIN_E_CANTOUT,
                 "mine holds precious, which kin did not write");
    assert_data(test_path("mine/precious"), "p");
    test_write_text(test_path("file"), "f");
    test_refused(make(test_path("file"), true, "x", &err), &err, KIN_E_CANTOUT, "is no folder");
    assert_int_equal(symlink("out", test_path("link")), 0);
    test_refused(make(test_path("link"), true, "x", &err), &err, KIN_E_CANTOUT, "is no folder");
    assert_data(test_path("out/data"), "one");
    assert_int_equal(count_entries(), 4);
}

/* Root may write anywhere, so root becomes another user for a moment. */
static void test_parent_not_writable(void **state)
{
    (void)state;
    enum { NOBODY = 65534 };
    kin_error err = {0};
    uid_t user = geteuid();
    chmod(test_path("."), 0755);
    mkdir(test_path("locked"), 0555);
    if (user == 0 && seteuid(NOBODY) != 0) {
        print_message("skipped: root may write anywhere and cannot become another user here\n");
        skip();
    }
    int rc = make(test_path("locked/out"), false, "x", &err);
    assert_int_equal(seteuid(user), 0);
    test_refused(rc, &err, KIN_E_CANTOUT, "locked: Permission denied");
}

static void test_force_swaps(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_outdir out;
    test_ok(make(test_path("out"), false, "old", &err), &err);
    test_ok(kin_outdir_open(&out, test_path("out"), "graph", true, &err), &err);
    assert_data(test_path("out/data"), "old"); /* until the very end */
    char *file = kin_path_join(out.temporary, "data");
    test_write_text(file, "new");
    free(file);
    json_t *manifest = json_pack("{s:s, s:i}", "kind", "graph", "format", KIN_MANIFEST_FORMAT);
    test_ok(kin_outdir_commit(&out, &manifest, &err), &err);
    json_decref(manifest);
    kin_outdir_release(&out);
    assert_data(test_path("out/data"), "new");
    assert_int_equal(count_entries(), 1);
}

static void test_release_removes(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_outdir out;
    test_ok(kin_outdir_open(&out, test_path("out"), "graph", false, &err), &err);
    char *file = kin_path_join(out.temporary, "data");
    test_write_text(file, "half");
    free(file);
    assert_false(test_exists(test_path("out")));
    assert_int_equal(count_entries(), 1);
    kin_outdir_release(&out);
    assert_int_equal(count_entries(), 0);
    kin_outdir_release(&out); /* releasing twice is releasing once */
}

/* All that are open go; one that was released, and one that was committed, are not among them. */
static void test_discard_all(void **state)
{
    (void)state;
    static const char *const name[] = {"d0", "d1", "d2", "d3"};
    kin_outdir out[4];
    kin_error err = {0};
    for (size_t i = 0; i < 4; i++)
        test_ok(kin_outdir_open(&out[i], test_path(name[i]), "graph", false, &err), &err);
    json_t *manifest = json_pack("{s:s, s:i}", "kind", "graph", "format", KIN_MANIFEST_FORMAT);
    test_ok(kin_outdir_commit(&out[1], &manifest, &err), &err);
    json_decref(manifest);
    kin_outdir_release(&out[2]);
    kin_outdir_release(&out[1]);
    assert_int_equal(count_entries(), 3);
    kin_outdir_discard_all();
    assert_int_equal(count_entries(), 1);
    assert_true(test_exists(test_path("d1")));
    kin_outdir_release(&out[0]);
    kin_outdir_release(&out[3]);
}

/* A name that appears while the folder is written is not overwritten. */
static void test_late_arrival(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_outdir out;
    test_ok(kin_outdir_open(&out, test_path("out"), "graph", false, &err), &err);
    mkdir(test_path("out"), 0755);
    test_write_text(test_path("out/other"), "o");
    json_t *manifest = json_pack("{s:s, s:i}", "kind", "graph", "format", KIN_MANIFEST_FORMAT);
    test_refused(kin_outdir_commit(&out, &manifest, &err), &err, KIN_E_CANTOUT,
                 "out exists already");
    json_decref(manifest);
    kin_outdir_release(&out);
    assert_data(test_path("out/other"), "o");
    assert_int_equal(count_entries(), 1);
}

/* ---- other writers --------------------------------------------------------------------------- */

/* A child that opens the folder, says so, and holds it until it is killed. */
static pid_t hold(const char *path)
{
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        kin_outdir out;
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a parent whose allocations fail may end first */
        byte = kin_outdir_open(&out, path, "graph", false, NULL) == 0 ? 'y' : 'n';
        _exit(write(ready[1], &byte, 1) == 1 && pause() == 0);
    }
    assert_true(child > 0);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void test_living_and_dead_writers(void **state)
{
    (void)state;
    kin_error err = {0};
    pid_t child = hold(test_path("out"));
    test_refused(make(test_path("out"), false, "x", &err), &err, KIN_E_AGAIN,
                 "out is being written by another process");
    assert_int_equal(count_entries(), 1); /* the living one's folder stays */
    test_ok(make(test_path("other"), false, "x", &err), &err);
    test_ok(make(test_path("ou"), false, "x", &err), &err);
    assert_int_equal(count_entries(), 3);

    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(count_entries(), 3); /* killed: its folder is still there */
    test_ok(make(test_path("out"), false, "y", &err), &err);
    assert_data(test_path("out/data"), "y");
    assert_int_equal(count_entries(), 3); /* out, other, ou: the dead one's is gone */
}

/* ---- manifests ------------------------------------------------------------------------------- */

static void test_verify(void **state)
{
    (void)state;
    kin_error err = {0};
    json_t *manifest;
    test_ok(make(test_path("out"), false, "contents", &err), &err);
    test_ok(kin_manifest_read(&manifest, test_path("out"), "graph", &err), &err);
    assert_int_equal(json_object_size(json_object_get(manifest, "files")), 1);
    test_ok(kin_manifest_verify(manifest, test_dir(test_path("out")), &err), &err);
    test_write_text(test_path("out/data"), "cOntents");
    test_refused(kin_manifest_verify(manifest, test_dir(test_path("out")), &err), &err, KIN_E_DATA,
                 "out/data has checksum ");
    test_write_text(test_path("out/data"), "content");
    test_refused(kin_manifest_verify(manifest, test_dir(test_path("out")), &err), &err, KIN_E_DATA,
                 "out/data has 7 bytes, the manifest says 8");
    remove(test_path("out/data"));
    test_refused(kin_manifest_verify(manifest, test_dir(test_path("out")), &err), &err, KIN_E_DATA,
                 "out/data is missing");
    json_object_set_new(manifest, "files",
                        json_pack("{s:{s:i, s:s}}", "../x", "bytes", 1, "xxh3_128", "0"));
    test_refused(kin_manifest_verify(manifest, test_dir(test_path("out")), &err), &err, KIN_E_DATA,
                 "out/manifest.json has checksum ");
    test_seal(manifest);
    test_refused(kin_manifest_verify(manifest, test_dir(test_path("out")), &err), &err, KIN_E_DATA,
                 "the entry of '../x' is damaged");
    json_object_set_new(manifest, "files", json_pack("{s:{}}", "data"));
    test_seal(manifest);
    test_refused(kin_manifest_verify(manifest, test_dir(test_path("out")), &err), &err, KIN_E_DATA,
                 "the entry of 'data' is damaged");
    json_object_del(manifest, "files");
    test_seal(manifest);
    test_refused(kin_manifest_verify(manifest, test_dir(test_path("out")), &err), &err, KIN_E_DATA,
                 "lists no files");
    json_decref(manifest);
    test_refused(kin_manifest_read(&manifest, test_path("out"), "index", &err), &err, KIN_E_DATA,
                 "is a folder of kind \"graph\", needs \"index\"");
    assert_null(manifest);
    test_refused(kin_manifest_read(&manifest, test_path("none"), NULL, &err), &err, KIN_E_NOINPUT,
                 "none: No such file");
}

/* Enough files for the list to grow, in the order of their names. */
static void test_many_files(void **state)
{
    (void)state;
    enum { FILES = 150 };
    kin_error err = {0};
    kin_outdir out;
    test_ok(kin_outdir_open(&out, test_path("out"), "graph", false, &err), &err);
    for (int i = FILES; i-- > 0;) {
        char *path = kin_text("%s/f%03d", out.temporary, i);
        test_write_text(path, "x");
        free(path);
    }
    json_t *manifest = json_pack("{s:s, s:i}", "kind", "graph", "format", KIN_MANIFEST_FORMAT);
    test_ok(kin_outdir_commit(&out, &manifest, &err), &err);
    const char *name;
    json_t *entry;
    int i = 0;
    json_object_foreach(json_object_get(manifest, "files"), name, entry)
    {
        char wanted[16];
        snprintf(wanted, sizeof wanted, "f%03d", i++);
        assert_string_equal(name, wanted);
    }
    assert_int_equal(i, FILES);
    json_decref(manifest);
    kin_outdir_release(&out);
}

static void test_single_files(void **state)
{
    (void)state;
    kin_error err = {0};
    const char *path = test_path("page.html");
    test_ok(kin_outfile_check(path, false, &err), &err);
    assert_int_equal(count_entries(), 0);
    test_ok(kin_outfile_write(path, "one", 3, false, &err), &err);
    test_refused(kin_outfile_check(path, false, &err), &err, KIN_E_CANTOUT,
                 "page.html exists already");
    test_ok(kin_outfile_check(path, true, &err), &err);
    assert_data(path, "one");
    test_refused(kin_outfile_write(path, "two", 3, false, &err), &err, KIN_E_CANTOUT,
                 "page.html exists already");
    assert_data(path, "one");
    test_ok(kin_outfile_write(path, "two", 3, true, &err), &err);
    assert_data(path, "two");
    mkdir(test_path("folder"), 0755);
    test_refused(kin_outfile_write(test_path("folder"), "x", 1, true, &err), &err, KIN_E_CANTOUT,
                 "folder exists already");
    test_refused(kin_outfile_check(test_path("folder"), true, &err), &err, KIN_E_CANTOUT,
                 "folder exists already");
    test_refused(kin_outfile_check(test_path("none/x"), true, &err), &err, KIN_E_CANTOUT,
                 "none/x cannot be created");
    test_refused(kin_outfile_write(test_path("none/x"), "x", 1, true, &err), &err, KIN_E_CANTOUT,
                 "none/x cannot be created");
    test_ok(kin_file_copy(path, test_path("folder"), "copy", &err), &err);
    assert_data(test_path("folder/copy"), "two");
    test_refused(kin_file_copy(path, test_path("folder"), "copy", &err), &err, KIN_E_CANTOUT,
                 "copy cannot be created");
    test_refused(kin_file_copy(test_path("none"), test_path("folder"), "c", &err), &err,
                 KIN_E_NOINPUT, "none");
    assert_int_equal(count_entries(), 2);
}

int main(void)
{
#define IN_EMPTY_FOLDER(test) cmocka_unit_test_setup(test, empty_folder)
    const struct CMUnitTest tests[] = {
        IN_EMPTY_FOLDER(test_new_folder),
        IN_EMPTY_FOLDER(test_relative_paths),
        IN_EMPTY_FOLDER(test_refused_places),
        IN_EMPTY_FOLDER(test_parent_not_writable),
        IN_EMPTY_FOLDER(test_force_swaps),
        IN_EMPTY_FOLDER(test_release_removes),
        IN_EMPTY_FOLDER(test_discard_all),
        IN_EMPTY_FOLDER(test_late_arrival),
        IN_EMPTY_FOLDER(test_living_and_dead_writers),
        IN_EMPTY_FOLDER(test_verify),
        IN_EMPTY_FOLDER(test_many_files),
        IN_EMPTY_FOLDER(test_single_files),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
