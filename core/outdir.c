/*
 * Folders that are there whole or not at all (outdir.h).
 */
#include "core/outdir.h"
#include "core/file.h"
#include "core/json.h"
#include "core/manifest.h"
#include "core/rename.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char parent_hint[] = "make the parent folder, or choose another --out";

/* ---- what stands at the final name ----------------------------------------------------------- */

/* A folder that is to be replaced. Zeroed: there is none. */
typedef struct old_output {
    DIR *folder;
    json_t *manifest;
} old_output;

static void old_output_release(old_output *old)
{
    if (old->folder)
        closedir(old->folder);
    json_decref(old->manifest);
    *old = (old_output){0};
}

/* Refuses a folder that holds something of which its manifest does not speak. */
static int check_entries(const char *path, const old_output *old, kin_error *err)
{
    struct dirent *entry;
    rewinddir(old->folder);
    while ((entry = readdir(old->folder)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            kin_unfinished_is_mark(dirfd(old->folder), name) ||
            kin_unfinished_is_listed(dirfd(old->folder), name, old->manifest))
            continue;
        return kin_fail(err, KIN_E_CANTOUT, "move it away, or choose another --out",
                        "%s holds %s, which kin did not write: --force does not replace it", path,
                        name);
    }
    return 0;
}

/* Opens the folder at the final name, and refuses one that kin did not write as `kind`. */
static int open_old(const kin_outdir *self, old_output *old, kin_error *err)
{
    const char *path = self->final;
    int fd = KIN_RETRY(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    old->folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!old->folder) {
        if (fd < 0 && errno == ENOENT)
            return 0; /* it has gone this moment */
        int rc = kin_fail_errno(err, KIN_E_CANTOUT, parent_hint, "%s", path);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    const kin_dir dir = {self->final, fd};
    kin_error fault = {0};
    int rc = kin_manifest_read_in(&old->manifest, &dir, self->kind, &fault);
    if (rc == KIN_E_DATA || rc == KIN_E_NOINPUT)
        return kin_fail(err, KIN_E_CANTOUT, "choose another --out, or remove it yourself",
                        "%s exists and is no %s that kin wrote: --force does not replace it", path,
                        self->kind);
    if (rc != 0 && err)
        *err = fault; /* what it is cannot be told: memory, descriptors or the disk failed */
    return rc != 0 ? rc : check_entries(path, old, err);
}

/* What stands at the final name, and whether it may go. Nothing: `old` stays zeroed. */
static int look_at_final(const kin_outdir *self, old_output *old, kin_error *err)
{
    struct stat status;
    if (lstat(self->final, &status) != 0)
        return errno == ENOENT ? 0
                               : kin_fail_errno(err, KIN_E_CANTOUT, parent_hint, "%s", self->final);
    if (!self->force)
        return kin_fail(err, KIN_E_CANTOUT, "choose another --out, or add --force to replace it",
                        "%s exists already", self->final);
    if (!S_ISDIR(status.st_mode))
        return kin_fail(err, KIN_E_CANTOUT, "choose another --out, or remove it yourself",
                        "%s exists and is no folder: --force does not replace it", self->final);
    return open_old(self, old, err);
}

/* ---- those that are open --------------------------------------------------------------------- */

static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static kin_outdir *open_first;

static void enter(kin_outdir *self)
{
    pthread_mutex_lock(&open_lock);
    self->next = open_first;
    open_first = self;
    pthread_mutex_unlock(&open_lock);
}

/* Nothing where it is not among them. */
static void leave(kin_outdir *self)
{
    pthread_mutex_lock(&open_lock);
    kin_outdir **at = &open_first;
    while (*at && *at != self)
        at = &(*at)->next;
    if (*at)
        *at = self->next;
    pthread_mutex_unlock(&open_lock);
}

void kin_outdir_discard_all(void)
{
    pthread_mutex_lock(&open_lock);
    for (kin_outdir *self = open_first; self; self = self->next)
        kin_unfinished_discard(&self->unfinished);
    pthread_mutex_unlock(&open_lock);
}

void kin_outdir_forget_all(void)
{
    open_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    open_first = NULL;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* A folder cannot be exchanged under a name that is not its own. */
static int check_name(const char *path, bool force, kin_error *err)
{
    const char *base = kin_path_base(path);
    if (!*path)
        return kin_fail(err, KIN_E_USAGE, "name a new folder", "the output folder has no name");
    if (force && (!*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0))
        return kin_fail(err, KIN_E_CANTOUT, "give its name as seen from the folder above it",
                        "%s cannot be replaced under this name", path);
    return 0;
}

int kin_outdir_open(kin_outdir *self, const char *path, const char *kind, bool force,
                    kin_error *err)
{
    *self = (kin_outdir){.kind = kind, .force = force};
    bool living = false;
    old_output old = {0};
    self->final = kin_path_trim(path);
    int rc = self->final ? check_name(self->final, force, err)
                         : kin_fail_alloc(err, "path", strlen(path));
    if (rc == 0)
        rc = look_at_final(self, &old, err);
    old_output_release(&old);
    if (rc == 0)
        rc = kin_unfinished_open(&self->unfinished, self->final, err);
    if (rc == 0) /* ours is locked and marked: writers see each other */
        rc = kin_unfinished_clear(&self->unfinished, &living, err);
    if (rc == 0 && living)
        rc = kin_fail(err, KIN_E_AGAIN, "wait until the other run has ended",
                      "%s is being written by another process", self->final);
    if (rc != 0) {
        kin_outdir_release(self);
        return rc;
    }
    self->temporary = self->unfinished.path;
    enter(self);
    return 0;
}

void kin_outdir_release(kin_outdir *self)
{
    leave(self);
    kin_unfinished_discard(&self->unfinished);
    free(self->final);
    *self = (kin_outdir){0};
}

/* ---- commit ---------------------------------------------------------------------------------- */

static int sync_path(const char *path, kin_error *err)
{
    int rc = 0;
    int fd = KIN_RETRY(open(path, O_RDONLY | O_CLOEXEC));
    if (fd < 0 || KIN_RETRY(fsync(fd)) != 0)
        rc = kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be synced", path);
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

/* The fingerprint of a file: known, or taken now. */
static int hash_file(kin_hash *hash, size_t *bytes, const char *path, const kin_written *written,
                     kin_error *err)
{
    for (size_t i = 0; i < written->count; i++)
        if (strcmp(written->file[i].name, kin_path_base(path)) == 0) {
            *hash = written->file[i].hash;
            *bytes = written->file[i].bytes;
            return 0;
        }
    return kin_hash_file(hash, bytes, path, err);
}

/* Syncs one file and lists it with its size and checksum. */
static int describe_file(const char *folder, const char *name, const kin_written *written,
                         json_t **files, kin_error *err)
{
    kin_hash hash;
    size_t bytes;
    char *path = kin_path_join(folder, name);
    if (!path)
        return kin_fail_alloc(err, "path", PATH_MAX);
    int rc = hash_file(&hash, &bytes, path, written, err);
    if (rc == 0)
        rc = sync_path(path, err);
    if (rc == 0)
        kin_json_set(files, name,
                     json_pack("{s:I, s:s}", "bytes", (json_int_t)bytes, "xxh3_128", hash.text));
    free(path);
    return rc;
}

static int describe_files(const char *folder, const kin_written *written, json_t **files,
                          kin_error *err)
{
    int rc = 0;
    struct dirent **entry;
    int count = KIN_RETRY(scandir(folder, &entry, is_listed, compare_names));
    if (count < 0)
        return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be listed", folder);
    for (int i = 0; i < count; i++) {
        if (rc == 0)
            rc = describe_file(folder, entry[i]->d_name, written, files, err);
        free(entry[i]);
    }
    free(entry);
    return rc;
}

/* manifest.json in the temporary folder, synced. */
static int write_manifest(const char *folder, const json_t *manifest, kin_error *err)
{
    char *text = kin_json_dump(manifest, JSON_INDENT(2) | JSON_REAL_PRECISION(KIN_MANIFEST_DIGITS));
    char *lines = text ? kin_text("%s\n", text) : NULL;
    char *path = kin_path_join(folder, "manifest.json");
    int rc = lines && path ? kin_file_write(path, lines, strlen(lines), err)
                           : kin_fail_alloc(err, "manifest", 0);
    if (rc == 0)
        rc = sync_path(path, err);
    free(path);
    free(lines);
    free(text);
    return rc;
}

/* Notes what is no failure of the output; the first note counts. */
#define NOTE(self, hint, ...)                                                                      \
    do {                                                                                           \
        if ((self)->note.code == 0)                                                                \
            kin_error_set(&(self)->note, KIN_E_IO, (hint), __VA_ARGS__);                           \
    } while (0)

static int take_free_name(const kin_outdir *self)
{
    const kin_unfinished *from = &self->unfinished;
    return kin_rename_new(from->parent, from->name, from->parent, kin_path_base(self->final));
}

static int exchange_names(const kin_outdir *self)
{
    const kin_unfinished *from = &self->unfinished;
    return renameat2(from->parent, from->name, from->parent, kin_path_base(self->final),
                     RENAME_EXCHANGE);
}

/* Whether what came out under the temporary name is the folder that was looked at. */
static bool came_out(const kin_outdir *self, const old_output *old)
{
    kin_unfinished there = self->unfinished;
    there.folder = old->folder;
    return kin_unfinished_is_there(&there);
}

/* Removes the old folder, whose name is the temporary one now. */
static void remove_old(kin_outdir *self, const old_output *old)
{
    const kin_unfinished *from = &self->unfinished;
    kin_remains left = kin_unfinished_empty(from->parent, from->name, old->folder, old->manifest);
    if (left.strange)
        NOTE(self, "look whether you need it",
             "%s was put into %s while it was replaced, and lies in %s now", left.name, self->final,
             from->path);
    else if (left.error != 0)
        NOTE(self, "remove it where the next run for the same name does not",
             "what %s replaced cannot be removed from %s: %s: %s", self->final, from->path,
             left.name, strerror(left.error));
}

/* Exchanges the new folder with the old one. The old one is marked and locked before, so that it is
 * a leftover from the moment on that it has the temporary name. *again: it was not the one that was
 * looked at; names are as they were. */
static int exchange(kin_outdir *self, const old_output *old, bool *again, kin_error *err)
{
    int folder = dirfd(old->folder), rc = 0;
    flock(folder, LOCK_EX | LOCK_NB); /* fails where the user holds it: no other writer then */
    kin_unfinished_unmark(folder);    /* of a writer that was killed before it took its own away */
    kin_unfinished_mark(&self->unfinished, folder, KIN_MARK_REPLACED);
    if (exchange_names(self) != 0) {
        int saved = errno;
        kin_unfinished_unmark(folder);
        *again = saved == ENOENT && kin_unfinished_is_there(&self->unfinished);
        errno = saved;
        return *again ? 0
                      : kin_fail_errno(err, KIN_E_CANTOUT,
                                       "write to a new name: this file system cannot exchange",
                                       "%s cannot take its name", self->final);
    }
    *again = !came_out(self, old);
    if (!*again)
        rc = check_entries(self->final, old, err);
    if (rc == 0 && !*again) {
        remove_old(self, old);
        return 0;
    }
    kin_unfinished_unmark(folder);
    if (exchange_names(self) == 0)
        return rc;
    *again = false;
    NOTE(self, "look whether you need it", "what stood at %s when it was replaced lies in %s now",
         self->final, self->unfinished.path);
    return 0;
}

/* The one rename. What stands at the name is looked at anew each time it turns out to be
 * another. */
static int take_name(kin_outdir *self, kin_error *err)
{
    enum { TRIES = 16 };
    int rc = 0;
    bool again = true;
    for (int tries = 0; tries < TRIES && rc == 0 && again; tries++) {
        old_output old = {0};
        rc = look_at_final(self, &old, err);
        if (rc == KIN_E_AGAIN) {
            rc = 0; /* another came while it was looked at */
        } else if (rc == 0 && old.folder) {
            rc = exchange(self, &old, &again, err);
        } else if (rc == 0) {
            again = take_free_name(self) != 0;
            if (again && errno != EEXIST && errno != ENOTEMPTY)
                rc = kin_fail_errno(err, KIN_E_CANTOUT, "choose another --out",
                                    "%s cannot take its name", self->final);
        }
        old_output_release(&old);
    }
    if (rc == 0 && again)
        rc = kin_fail(err, KIN_E_CANTOUT, "choose another --out",
                      "%s cannot take its name: other programs make and remove it", self->final);
    return rc;
}

/* The new name on the disk, and the mark taken away. The output is in place: failures are notes. */
static void settle(kin_outdir *self)
{
    const kin_unfinished *from = &self->unfinished;
    int parent = KIN_RETRY(openat(from->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent < 0 || KIN_RETRY(fsync(parent)) != 0)
        NOTE(
            self, kin_disk_hint,
            "%s is complete, but its name may be lost if the power fails now: its folder cannot be "
            "synced: %s",
            self->final, strerror(errno));
    if (parent >= 0)
        close(parent);
    if (!kin_unfinished_publish(&self->unfinished))
        NOTE(self, "remove it", "%s/%s, a mark of its writer's, cannot be removed: %s", self->final,
             kin_mark_name, strerror(errno));
    self->temporary = NULL;
}

int kin_outdir_commit(kin_outdir *self, json_t **manifest, kin_error *err)
{
    json_t *files = json_object();
    int rc = describe_files(self->temporary, &self->written, &files, err);
    kin_json_set(manifest, "files", files);
    kin_hash hash;
    if (rc == 0)
        rc = kin_manifest_hash(&hash, *manifest, err);
    if (rc == 0)
        kin_json_set(manifest, "checksum", json_string(hash.text));
    if (rc == 0)
        rc = write_manifest(self->temporary, *manifest, err);
    if (rc == 0)
        rc = sync_path(self->temporary, err);
    if (rc == 0 && !kin_unfinished_is_there(&self->unfinished))
        rc = kin_fail(err, KIN_E_CANTOUT, "leave folders of such names alone while kin runs",
                      "%s was moved away while it was written", self->temporary);
    if (rc == 0)
        rc = take_name(self, err);
    if (rc == 0)
        settle(self);
    return rc;
}
