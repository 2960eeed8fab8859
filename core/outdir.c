#include "core/outdir.h"
#include "core/file.h"
#include "core/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char parent_hint[] = "make the parent folder, or choose another --out";

/* The folder a path lies in: "a/b" gives "a", "b" gives ".". New memory. */
static char *parent_of(const char *path)
{
    const char *base = kin_path_base(path);
    if (base == path)
        return strdup(".");
    size_t length = (size_t)(base - path);
    return strndup(path, length > 1 ? length - 1 : 1);
}

/* Removes a folder of ours: plain files, no folders inside. Faults are left for the next writer. */
static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(path);
}

/* Takes the lock of a folder; -1 and errno when another process holds it. */
static int lock_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* Looks at what other writers of the same name left: dead ones' folders are removed, a living one
 * is KIN_E_AGAIN. `prefix` is ".NAME.kin-". */
static int clear_stale(const kin_outdir *self, const char *parent, const char *prefix,
                       kin_error *err)
{
    int rc = 0;
    DIR *folder = opendir(parent);
    if (!folder)
        return kin_fail_errno(err, KIN_E_CANTOUT, parent_hint, "%s", parent);
    const char *own = kin_path_base(self->temporary);
    struct dirent *entry;
    while (rc == 0 && (entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 || strcmp(entry->d_name, own) == 0)
            continue;
        char *path = kin_path_join(parent, entry->d_name);
        int lock = path ? lock_folder(path) : -1;
        if (lock >= 0) {
            remove_folder(path);
            close(lock);
        } else if (path && errno == EWOULDBLOCK) {
            rc = kin_fail(err, KIN_E_AGAIN, "wait until the other run has ended",
                          "%s is being written by another process", self->final);
        }
        free(path);
    }
    closedir(folder);
    return rc;
}

/* Whether an entry of a folder is one that its manifest speaks of. */
static bool is_known(int folder, const char *name, const json_t *files)
{
    struct stat status;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return true;
    return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) &&
           (strcmp(name, "manifest.json") == 0 || json_object_get(files, name));
}

/* Refuses a folder that kin did not write as `kind`, or that holds something else beside. */
static int check_ours(const char *path, const char *kind, kin_error *err)
{
    json_t *manifest = NULL;
    if (kin_manifest_read(&manifest, path, kind, NULL) != 0)
        return kin_fail(err, KIN_E_CANTOUT, "choose another --out, or remove it yourself",
                        "%s exists and is no %s that kin wrote: --force does not replace it", path,
                        kind);
    int rc = 0;
    DIR *folder = opendir(path);
    if (!folder)
        rc = kin_fail_errno(err, KIN_E_CANTOUT, parent_hint, "%s", path);
    struct dirent *entry;
    while (rc == 0 && (entry = readdir(folder)) != NULL)
        if (!is_known(dirfd(folder), entry->d_name, json_object_get(manifest, "files")))
            rc = kin_fail(err, KIN_E_CANTOUT, "move it away, or choose another --out",
                          "%s holds %s, which kin did not write: --force does not replace it", path,
                          entry->d_name);
    if (folder)
        closedir(folder);
    json_decref(manifest);
    return rc;
}

/* What stands at the final name, and whether it may go. Sets self->replace. */
static int check_final(kin_outdir *self, const char *kind, bool force, kin_error *err)
{
    struct stat status;
    if (lstat(self->final, &status) != 0)
        return errno == ENOENT ? 0
                               : kin_fail_errno(err, KIN_E_CANTOUT, parent_hint, "%s", self->final);
    if (!force)
        return kin_fail(err, KIN_E_CANTOUT, "choose another --out, or add --force to replace it",
                        "%s exists already", self->final);
    if (!S_ISDIR(status.st_mode))
        return kin_fail(err, KIN_E_CANTOUT, "choose another --out, or remove it yourself",
                        "%s exists and is no folder: --force does not replace it", self->final);
    self->replace = true;
    return check_ours(self->final, kind, err);
}

static char *without_trailing_slashes(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return strndup(path, length);
}

/* What the user's umask leaves of `mode`: temporary names are made private first. */
static mode_t allowed(mode_t mode)
{
    mode_t mask = umask(0);
    umask(mask);
    return mode & ~mask;
}

/* A new temporary folder, locked. Another writer that starts at the same moment may take it for a
 * dead one's before the lock is on it, and remove it: then the next try makes another. */
static int make_temporary(kin_outdir *self, const char *parent, const char *prefix, kin_error *err)
{
    for (int tries = 0; tries < 8; tries++) {
        struct stat locked;
        struct stat named;
        self->temporary = kin_text("%s/%sXXXXXX", parent, prefix);
        if (!self->temporary || !mkdtemp(self->temporary)) {
            free(self->temporary);
            self->temporary = NULL;
            break;
        }
        chmod(self->temporary, allowed(0777));
        self->lock = lock_folder(self->temporary);
        if (self->lock >= 0 && fstat(self->lock, &locked) == 0 &&
            stat(self->temporary, &named) == 0 && locked.st_ino == named.st_ino)
            return 0;
        if (self->lock >= 0)
            close(self->lock);
        self->lock = -1;
        free(self->temporary);
        self->temporary = NULL;
    }
    return kin_fail_errno(err, KIN_E_CANTOUT, parent_hint, "%s cannot be created in %s",
                          self->final, parent);
}

int kin_outdir_open(kin_outdir *self, const char *path, const char *kind, bool force,
                    kin_error *err)
{
    *self = (kin_outdir){.lock = -1};
    int rc = 0;
    char *parent = NULL;
    char *prefix = NULL;
    self->final = without_trailing_slashes(path);
    if (self->final) {
        parent = parent_of(self->final);
        prefix = kin_text(".%s.kin-", kin_path_base(self->final));
    }
    if (!parent || !prefix)
        rc = kin_fail_alloc(err, "path", PATH_MAX);
    else if (!*self->final)
        rc = kin_fail(err, KIN_E_USAGE, "name a new folder", "the output folder has no name");
    if (rc == 0)
        rc = check_final(self, kind, force, err);
    if (rc == 0)
        rc = make_temporary(self, parent, prefix, err);
    if (rc == 0)
        rc = clear_stale(self, parent, prefix, err); /* ours is locked: writers see each other */
    free(parent);
    free(prefix);
    if (rc != 0)
        kin_outdir_release(self);
    return rc;
}

void kin_outdir_release(kin_outdir *self)
{
    if (self->temporary)
        remove_folder(self->temporary);
    if (self->lock >= 0)
        close(self->lock);
    free(self->temporary);
    free(self->final);
    *self = (kin_outdir){.lock = -1};
}

/* ---- commit ---------------------------------------------------------------------------------- */

static int sync_path(const char *path, kin_error *err)
{
    int rc = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        rc = kin_fail_errno(err, KIN_E_IO, "check the file system it lies on",
                            "%s cannot be synced", path);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Files that a manifest lists: all but itself and hidden ones. */
static int is_listed(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strcmp(entry->d_name, "manifest.json") != 0;
}

/* By bytes: alphasort(3) would ask the locale. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Syncs one file and lists it with its size and checksum. */
static int describe_file(const char *folder, const char *name, json_t **files, kin_error *err)
{
    kin_hash hash;
    size_t bytes;
    char *path = kin_path_join(folder, name);
    if (!path)
        return kin_fail_alloc(err, "path", PATH_MAX);
    int rc = kin_hash_file(&hash, &bytes, path, err);
    if (rc == 0)
        rc = sync_path(path, err);
    if (rc == 0)
        kin_json_set(files, name,
                     json_pack("{s:I, s:s}", "bytes", (json_int_t)bytes, "xxh3_128", hash.text));
    free(path);
    return rc;
}

static int describe_files(const char *folder, json_t **files, kin_error *err)
{
    int rc = 0;
    struct dirent **entry;
    int count = scandir(folder, &entry, is_listed, compare_names);
    if (count < 0)
        return kin_fail_errno(err, KIN_E_IO, "check the file system it lies on",
                              "%s cannot be listed", folder);
    for (int i = 0; i < count; i++) {
        if (rc == 0)
            rc = describe_file(folder, entry[i]->d_name, files, err);
        free(entry[i]);
    }
    free(entry);
    return rc;
}

/* manifest.json in the temporary folder, synced. */
static int write_manifest(const char *folder, const json_t *manifest, kin_error *err)
{
    int rc = 0;
    FILE *file = NULL;
    char *text = kin_json_dump(manifest, JSON_INDENT(2) | JSON_REAL_PRECISION(KIN_MANIFEST_DIGITS));
    char *path = kin_path_join(folder, "manifest.json");
    if (!text || !path) {
        rc = kin_fail_alloc(err, "manifest", 0);
        goto done;
    }
    file = fopen(path, "wxe");
    if (!file) {
        rc = kin_fail_errno(err, KIN_E_IO, "check the file system it lies on", "%s", path);
        goto done;
    }
    int failed = fputs(text, file) == EOF;
    failed = fputc('\n', file) == EOF || failed;
    failed = fflush(file) != 0 || fsync(fileno(file)) != 0 || failed;
    failed = fclose(file) != 0 || failed;
    if (failed)
        rc = kin_fail_errno(err, KIN_E_IO, "check the file system it lies on",
                            "%s cannot be written", path);
done:
    free(path);
    free(text);
    return rc;
}

/* The one rename. A replaced folder is exchanged first, then removed. */
static int take_name(kin_outdir *self, kin_error *err)
{
    unsigned flags = self->replace ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    int failed = renameat2(AT_FDCWD, self->temporary, AT_FDCWD, self->final, flags);
    if (failed && !self->replace && (errno == EINVAL || errno == ENOSYS))
        failed = rename(self->temporary, self->final); /* refuses a folder that is not empty */
    if (failed)
        return kin_fail_errno(err, KIN_E_CANTOUT,
                              self->replace
                                  ? "write to a new name: this file system cannot exchange"
                                  : "choose another --out",
                              "%s cannot take its name", self->final);
    if (self->replace)
        remove_folder(self->temporary);
    free(self->temporary);
    self->temporary = NULL;
    return 0;
}

int kin_outdir_commit(kin_outdir *self, json_t **manifest, kin_error *err)
{
    json_t *files = json_object();
    int rc = describe_files(self->temporary, &files, err);
    kin_json_set(manifest, "files", files);
    kin_hash hash;
    if (rc == 0)
        rc = kin_manifest_hash(&hash, *manifest, err);
    if (rc == 0)
        kin_json_set(manifest, "checksum", json_string(hash.text));
    char *parent = parent_of(self->final);
    if (rc == 0)
        rc = write_manifest(self->temporary, *manifest, err);
    if (rc == 0)
        rc = sync_path(self->temporary, err);
    if (rc == 0)
        rc = take_name(self, err);
    if (rc == 0 && parent)
        rc = sync_path(parent, err);
    free(parent);
    return rc;
}

/* ---- single files ---------------------------------------------------------------------------- */

static int write_all(int fd, const void *data, size_t bytes)
{
    const char *p = data;
    while (bytes > 0) {
        ssize_t wrote = write(fd, p, bytes);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return -1;
        p += wrote;
        bytes -= (size_t)wrote;
    }
    return 0;
}

static int refuse_existing(const char *path, bool force, kin_error *err)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return 0;
    if (!S_ISREG(status.st_mode))
        return kin_fail(err, KIN_E_CANTOUT,
                        "name a file: folders, links, pipes and devices are not replaced",
                        "%s exists already and is no regular file", path);
    if (!force)
        return kin_fail(err, KIN_E_CANTOUT,
                        "choose another --out, or add --force to replace a file",
                        "%s exists already", path);
    return 0;
}

/* A new file beside the final one: its descriptor and its name, which is the caller's. */
static int make_beside(int *fd, char **temporary, const char *path, kin_error *err)
{
    *temporary = kin_text("%s.kin-XXXXXX", path);
    *fd = *temporary ? mkostemp(*temporary, O_CLOEXEC) : -1;
    if (*fd >= 0)
        return 0;
    int rc = kin_fail_errno(err, KIN_E_CANTOUT, parent_hint, "%s cannot be created", path);
    free(*temporary);
    *temporary = NULL;
    return rc;
}

int kin_outfile_check(const char *path, bool force, kin_error *err)
{
    int fd;
    char *temporary;
    int rc = refuse_existing(path, force, err);
    if (rc == 0)
        rc = make_beside(&fd, &temporary, path, err);
    if (rc != 0)
        return rc;
    close(fd);
    unlink(temporary);
    free(temporary);
    return 0;
}

int kin_outfile_write(const char *path, const void *data, size_t bytes, bool force, kin_error *err)
{
    int fd;
    char *temporary;
    int rc = refuse_existing(path, force, err);
    if (rc == 0)
        rc = make_beside(&fd, &temporary, path, err);
    if (rc != 0)
        return rc;
    if (write_all(fd, data, bytes) != 0 || fchmod(fd, allowed(0666)) != 0 || fsync(fd) != 0 ||
        rename(temporary, path) != 0) {
        rc = kin_fail_errno(err, KIN_E_IO, "check the file system it lies on",
                            "%s cannot be written", path);
        unlink(temporary);
    }
    close(fd);
    free(temporary);
    return rc;
}

int kin_file_copy(const char *from, const char *directory, const char *name, kin_error *err)
{
    kin_file source;
    int rc = kin_file_open(&source, from, err);
    if (rc != 0)
        return rc;
    char *path = kin_path_join(directory, name);
    rc = path ? kin_outfile_write(path, source.data, source.bytes, false, err)
              : kin_fail_alloc(err, "path", PATH_MAX);
    free(path);
    kin_file_close(&source);
    return rc;
}
