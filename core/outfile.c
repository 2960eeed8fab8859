/*
 * Single files that are there whole or not at all (core/outfile.h).
 *
 * A file is written in a folder of its own beside its final name, as an output folder is, and not
 * under a temporary name: so what a killed writer leaves is known by the folder's mark, on every
 * file system. An existing file is exchanged, looked at, and removed with the folder.
 */
#include "core/outfile.h"
#include "core/manifest.h"
#include "core/matrix.h"
#include "core/rename.h"
#include "core/unfinished.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const char inside[] = "file"; /* its name in the folder */

/* Whether vectors or neighbours are read by this ending: no page or report is meant to have it. */
static bool is_named_as_vectors(const char *path)
{
    static const char *const neighbors[] = {".npz", ".ivecs", ".ibin"};
    const char *dot = strrchr(kin_path_base(path), '.');
    for (size_t i = 0; dot && i < sizeof neighbors / sizeof *neighbors; i++)
        if (strcasecmp(dot, neighbors[i]) == 0)
            return true;
    return kin_matrix_is_named(path);
}

/* Whether the file `path` is one of a finished folder that kin wrote: its manifest, or listed
 * there. */
static int find_in_folder(const char *path, bool *found, kin_error *err)
{
    kin_dir dir = {0};
    json_t *manifest = NULL;
    kin_error fault = {0};
    char *parent = kin_path_parent(path);
    *found = false;
    if (!parent)
        return kin_fail_alloc(err, "path", strlen(path));
    int rc = kin_dir_open(&dir, parent, &fault);
    if (rc == 0)
        rc = kin_manifest_read_in(&manifest, &dir, NULL, &fault);
    if (rc == 0)
        *found = kin_unfinished_is_listed(dir.fd, kin_path_base(path), manifest);
    json_decref(manifest);
    kin_dir_close(&dir);
    free(parent);
    if (rc == 0 || rc == KIN_E_DATA || rc == KIN_E_NOINPUT)
        return 0; /* of kin's, or none */
    if (err)
        *err = fault; /* what it is cannot be told: memory, descriptors or the disk failed */
    return rc;
}

/* What kin reads is not lost to a name that was mistaken: vectors are dearer than any report. */
static int refuse_input(const char *path, kin_outfile_owner *is_own, kin_error *err)
{
    bool found, own = false;
    bool named = is_named_as_vectors(path);
    int rc = named && is_own ? is_own(&own, path, err) : 0;
    if (rc != 0)
        return rc;
    if (named && !own)
        return kin_fail(err, KIN_E_CANTOUT, "choose another name, or remove the file yourself",
                        "%s exists and is named as vectors are: no report replaces it", path);
    rc = find_in_folder(path, &found, err);
    if (rc == 0 && found)
        return kin_fail(err, KIN_E_CANTOUT, "choose a path outside of that folder",
                        "%s is part of a folder that kin wrote: no report replaces it", path);
    return rc;
}

static int refuse_existing(const kin_outfile *self, kin_error *err)
{
    const char *path = self->path;
    struct stat status;
    if (lstat(path, &status) != 0)
        return 0;
    if (!S_ISREG(status.st_mode))
        return kin_fail(err, KIN_E_CANTOUT,
                        "name a file: folders, links, pipes and devices are not replaced",
                        "%s exists already and is no regular file", path);
    if (!self->force)
        return kin_fail(err, KIN_E_CANTOUT, "choose another path, or add --force to replace a file",
                        "%s exists already", path);
    return refuse_input(path, self->is_own, err);
}

/* The folder to write in, when what others left is cleared. */
static int open_beside(kin_outfile *self, kin_error *err)
{
    bool living;
    int rc = refuse_existing(self, err);
    if (rc == 0)
        rc = kin_unfinished_open(&self->beside, self->path, err);
    if (rc == 0)
        (void)kin_unfinished_clear(&self->beside, &living, NULL); /* what cannot be listed stays */
    return rc;
}

int kin_outfile_check(const char *path, bool force, kin_error *err)
{
    kin_outfile self = {.path = path, .force = force, .fd = -1};
    int rc = open_beside(&self, err);
    kin_outfile_release(&self);
    return rc;
}

int kin_outfile_open(kin_outfile *self, const char *path, bool force, kin_outfile_owner *is_own,
                     kin_error *err)
{
    *self = (kin_outfile){.path = path, .force = force, .is_own = is_own, .fd = -1};
    int rc = open_beside(self, err);
    if (rc != 0)
        return rc;
    self->fd = KIN_RETRY(
        openat(dirfd(self->beside.folder), inside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    return self->fd >= 0
               ? 0
               : kin_fail_errno(err, KIN_E_CANTOUT, kin_disk_hint, "%s cannot be created", path);
}

FILE *kin_outfile_stream(const kin_outfile *self)
{
    int fd = fcntl(self->fd, F_DUPFD_CLOEXEC, 0);
    FILE *stream = fd >= 0 ? kin_file_stream(fd, "w") : NULL;
    if (fd >= 0 && !stream)
        close(fd);
    return stream;
}

static int sync_and_close(kin_outfile *self, kin_error *err)
{
    int fd = self->fd;
    if (KIN_RETRY(fsync(fd)) != 0)
        return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", self->path);
    self->fd = -1;
    if (close(fd) != 0 && errno != EINTR)
        return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", self->path);
    return 0;
}

/* Takes the name of a file. What came out is given back where it is none. */
static int replace_file(int folder, int parent, const char *name)
{
    struct stat status;
    if (renameat2(folder, inside, parent, name, RENAME_EXCHANGE) != 0)
        return errno == EINVAL || errno == ENOSYS ? renameat(folder, inside, parent, name) : -1;
    if (fstatat(folder, inside, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode)) {
        unlinkat(folder, inside, 0);
        return 0;
    }
    if (renameat2(folder, inside, parent, name, RENAME_EXCHANGE) == 0)
        errno = EEXIST;
    return -1;
}

/* What stands at the name is looked at again, as long as it changes meanwhile. */
static int take_name(const kin_outfile *self, kin_error *err)
{
    enum { TRIES = 16 };
    const char *path = self->path, *name = kin_path_base(path);
    const kin_unfinished *beside = &self->beside;
    int folder = dirfd(beside->folder);
    for (int tries = 0; tries < TRIES; tries++) {
        struct stat status;
        int rc = refuse_existing(self, err);
        if (rc != 0)
            return rc;
        bool there = lstat(path, &status) == 0;
        int failed = there ? replace_file(folder, beside->parent, name)
                           : kin_rename_new(folder, inside, beside->parent, name);
        if (!failed)
            return 0;
        if (errno != (there ? ENOENT : EEXIST) && !(there && errno == EEXIST))
            break;
    }
    return kin_fail_errno(err, KIN_E_CANTOUT, kin_disk_hint, "%s cannot take its name", path);
}

int kin_outfile_commit(kin_outfile *self, kin_error *err)
{
    int rc = sync_and_close(self, err);
    return rc == 0 ? take_name(self, err) : rc;
}

void kin_outfile_release(kin_outfile *self)
{
    if (self->path && self->fd >= 0)
        close(self->fd);
    kin_unfinished_discard(&self->beside);
    *self = (kin_outfile){0};
}

int kin_outfile_write(const char *path, const void *data, size_t bytes, bool force, kin_error *err)
{
    kin_outfile self;
    int rc = kin_outfile_open(&self, path, force, NULL, err);
    if (rc == 0 && kin_write_all(self.fd, data, bytes) != 0)
        rc = kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", path);
    if (rc == 0)
        rc = kin_outfile_commit(&self, err);
    kin_outfile_release(&self);
    return rc;
}
