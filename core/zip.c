#include "core/zip.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

/* 1980-01-01 00:00 as MS-DOS writes dates: day 1, month 1, year 0. */
enum { DOS_DATE = 1 << 5 | 1, DOS_TIME = 0 };

/* Whether a call of libzip's failed because memory was refused. It does not always say so itself:
 * then errno does, which has to be 0 before the call. */
static bool was_refused(const zip_error_t *fault)
{
    return zip_error_code_zip(fault) == ZIP_ER_MEMORY || errno == ENOMEM;
}

/* libzip keeps errno beside its own numbers; where it has one, that is what went wrong. */
static int fail_zip_error(const zip_error_t *fault, const char *path, const char *what,
                          kin_error *err)
{
    if (was_refused(fault))
        return kin_fail_alloc(err, path, 0);
    if (zip_error_system_type(fault) == ZIP_ET_SYS && zip_error_code_system(fault) != 0) {
        errno = zip_error_code_system(fault);
        return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be %s", path, what);
    }
    return kin_fail(err, KIN_E_IO, kin_disk_hint, "%s cannot be %s (libzip error %d)", path, what,
                    zip_error_code_zip(fault));
}

static int fail_zip(zip_t *archive, const char *path, kin_error *err)
{
    return fail_zip_error(zip_get_error(archive), path, "written", err);
}

/* ---- the file that is written ---------------------------------------------------------------- */

/* libzip writes to a temporary file beside the archive, whose name it takes from OpenSSL's random
 * numbers, and these crash where OpenSSL gets no memory to start. So it is given the file
 * itself. */
typedef struct new_file {
    const char *path;
    int fd; /* -1: closed */
    zip_error_t fault;
} new_file;

/* `value` of a system call, noted where it failed. */
static zip_int64_t noted(new_file *self, zip_int64_t value, int fault)
{
    if (value < 0)
        zip_error_set(&self->fault, fault, errno);
    return value;
}

static zip_int64_t close_file(new_file *self)
{
    int fd = self->fd;
    self->fd = -1;
    return fd >= 0 ? noted(self, close(fd), ZIP_ER_CLOSE) : 0;
}

static zip_int64_t seek_file(new_file *self, void *data, zip_uint64_t bytes)
{
    off_t now = lseek(self->fd, 0, SEEK_CUR), end = lseek(self->fd, 0, SEEK_END);
    zip_int64_t to = now < 0 || end < 0
                         ? -1
                         : zip_source_seek_compute_offset((zip_uint64_t)now, (zip_uint64_t)end,
                                                          data, bytes, &self->fault);
    return to < 0 ? -1 : noted(self, lseek(self->fd, to, SEEK_SET) < 0 ? -1 : 0, ZIP_ER_SEEK);
}

static zip_int64_t do_command(void *user, void *data, zip_uint64_t bytes, zip_source_cmd_t command)
{
    new_file *self = user;
    switch (command) {
    case ZIP_SOURCE_SUPPORTS:
        return ZIP_SOURCE_SUPPORTS_WRITABLE;
    case ZIP_SOURCE_STAT: /* for libzip there is no archive yet */
        errno = ENOENT;
        return noted(self, -1, ZIP_ER_READ);
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&self->fault, data, bytes);
    case ZIP_SOURCE_BEGIN_WRITE:
    case ZIP_SOURCE_FREE:
    case ZIP_SOURCE_ROLLBACK_WRITE: /* kin_zip_write removes it */
        return 0;
    case ZIP_SOURCE_WRITE:
        return noted(self, kin_write_all(self->fd, data, bytes) == 0 ? (zip_int64_t)bytes : -1,
                     ZIP_ER_WRITE);
    case ZIP_SOURCE_TELL_WRITE:
        return noted(self, lseek(self->fd, 0, SEEK_CUR), ZIP_ER_TELL);
    case ZIP_SOURCE_SEEK_WRITE:
        return seek_file(self, data, bytes);
    case ZIP_SOURCE_COMMIT_WRITE:
        return close_file(self);
    default:
        zip_error_set(&self->fault, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
}

static int create_file(new_file *self, const char *path, kin_error *err)
{
    int fd = KIN_RETRY(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    *self = (new_file){.path = path, .fd = fd};
    zip_error_init(&self->fault);
    return fd >= 0 ? 0 : kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be created", path);
}

/* A new archive that is written to `file`, which stays the caller's. */
static int create(zip_t **out, new_file *file, kin_error *err)
{
    zip_error_t fault;
    zip_error_init(&fault);
    errno = 0;
    zip_source_t *source = zip_source_function_create(do_command, file, &fault);
    *out = source ? zip_open_from_source(source, ZIP_CREATE | ZIP_TRUNCATE, &fault) : NULL;
    int rc = *out ? 0 : fail_zip_error(&fault, file->path, "created", err);
    if (source && !*out)
        zip_source_free(source);
    zip_error_fini(&fault);
    return rc;
}

/* Closes the file, and removes it unless it is whole. */
static void finish_file(new_file *self, bool whole)
{
    close_file(self);
    if (!whole)
        unlink(self->path);
    zip_error_fini(&self->fault);
}

static int add_member(zip_t *archive, const char *directory, const kin_zip_member *member,
                      const char *archive_path, kin_error *err)
{
    char *path = member->file ? kin_path_join(directory, member->file) : NULL;
    if (member->file && !path)
        return kin_fail_alloc(err, "path", strlen(directory));
    errno = 0;
    zip_source_t *source = member->file
                               ? zip_source_file(archive, path, 0, -1 /* to its end */)
                               : zip_source_buffer(archive, member->data, member->bytes, 0);
    free(path);
    if (!source)
        return fail_zip(archive, archive_path, err);
    zip_int64_t index = zip_file_add(archive, member->name, source, 0);
    if (index < 0) {
        zip_source_free(source);
        return fail_zip(archive, archive_path, err);
    }
    if (zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive, (zip_uint64_t)index, DOS_TIME, DOS_DATE, 0) != 0)
        return fail_zip(archive, archive_path, err);
    return 0;
}

/* One try. *interrupted: a signal came into one of libzip's calls, which it does not make again. */
static int write_archive(const char *path, const char *directory, const kin_zip_member *member,
                         size_t count, bool *interrupted, kin_error *err)
{
    zip_t *archive = NULL;
    new_file file;
    *interrupted = false;
    int rc = create_file(&file, path, err);
    if (rc != 0)
        return rc;
    rc = create(&archive, &file, err);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = add_member(archive, directory, &member[i], path, err);
    if (rc == 0) {
        errno = 0;
        rc = zip_close(archive) == 0 ? 0 : fail_zip(archive, path, err);
    }
    *interrupted = rc != 0 && errno == EINTR;
    if (rc != 0 && archive)
        zip_discard(archive);
    finish_file(&file, rc == 0);
    return rc;
}

int kin_zip_write(const char *directory, const char *name, const kin_zip_member *member,
                  size_t count, kin_error *err)
{
    int rc = 0;
    bool interrupted = false;
    char *path = kin_path_join(directory, name);
    if (!path)
        return kin_fail_alloc(err, "path", strlen(directory));
    do
        rc = write_archive(path, directory, member, count, &interrupted, err);
    while (interrupted);
    free(path);
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------- */

static const char damaged[] = "the archive is damaged: write or copy it again";

/* A call on a member failed for `fault`. */
static int fail_member(zip_error_t *fault, const char *path, const char *name, kin_error *err)
{
    if (was_refused(fault))
        return kin_fail_alloc(err, path, 0);
    return kin_fail(err, KIN_E_DATA, damaged, "%s: %s: %s", path, name, zip_error_strerror(fault));
}

/* Deflate's best: a match of 258 bytes from a code of one bit for its length and one for its
 * distance. */
enum { DEFLATE_MOST = 258 * 8 / 2 };

int kin_zip_open(kin_zip *self, const kin_file *file, kin_error *err)
{
    int rc = 0;
    zip_error_t fault;
    zip_error_init(&fault);
    *self = (kin_zip){.file = file};
    errno = 0;
    zip_source_t *source = zip_source_buffer_create(file->data, file->bytes, 0, &fault);
    if (source)
        self->archive = zip_open_from_source(source, ZIP_RDONLY, &fault);
    if (!self->archive) {
        zip_source_free(source);
        rc = was_refused(&fault)
                 ? kin_fail_alloc(err, "zip archive", file->bytes)
                 : kin_fail(err, KIN_E_DATA, damaged, "%s: no zip archive that can be read: %s",
                            file->path, zip_error_strerror(&fault));
    }
    zip_error_fini(&fault);
    return rc;
}

void kin_zip_close(kin_zip *self)
{
    if (self->archive)
        zip_discard(self->archive);
    *self = (kin_zip){0};
}

int kin_zip_find(const kin_zip *self, kin_zip_entry *out, const char *name, kin_error *err)
{
    const char *path = self->file->path;
    zip_stat_t status;
    errno = 0;
    zip_int64_t index = zip_name_locate(self->archive, name, 0);
    if (index < 0 && was_refused(zip_get_error(self->archive)))
        return kin_fail_alloc(err, path, 0);
    if (index < 0)
        return kin_fail(err, KIN_E_DATA, "list its members with unzip -l", "%s has no member %s",
                        path, name);
    if (zip_stat_index(self->archive, (zip_uint64_t)index, 0, &status) != 0)
        return fail_member(zip_get_error(self->archive), path, name, err);
    bool stored = status.comp_method == ZIP_CM_STORE;
    if (status.encryption_method != ZIP_EM_NONE ||
        (!stored && status.comp_method != ZIP_CM_DEFLATE))
        return kin_fail(err, KIN_E_DATA, "write it with zip's usual compression or none",
                        "%s: %s is neither stored nor deflated (compression %d, encryption %d)",
                        path, name, status.comp_method, status.encryption_method);
    size_t most = kin_size_mul(status.comp_size, stored ? 1 : DEFLATE_MOST);
    if (status.comp_size > self->file->bytes || status.size > most)
        return kin_fail(err, KIN_E_DATA, damaged,
                        "%s: %s claims %llu bytes from %llu compressed ones, the file has %zu",
                        path, name, (unsigned long long)status.size,
                        (unsigned long long)status.comp_size, self->file->bytes);
    *out = (kin_zip_entry){name, (uint64_t)index, status.size};
    return 0;
}

/* Fills data[0 .. bytes). Behind a member's last byte its end is asked for: only there does libzip
 * compare the checksum. */
static int read_member(zip_file_t *member, const char *path, const kin_zip_entry *entry,
                       unsigned char *data, size_t bytes, kin_error *err)
{
    unsigned char rest;
    size_t got = 0;
    zip_int64_t step = 1;
    errno = 0;
    for (; got < bytes && step > 0; got += step > 0 ? (size_t)step : 0)
        step = zip_fread(member, data + got, bytes - got);
    if (got == bytes)
        step = bytes == entry->bytes ? zip_fread(member, &rest, 1) : 0;
    if (step < 0)
        return fail_member(zip_file_get_error(member), path, entry->name, err);
    if (got < bytes || step > 0)
        return kin_fail(err, KIN_E_DATA, damaged, "%s: %s has %s than the %zu bytes it claims",
                        path, entry->name, step > 0 ? "more" : "less", entry->bytes);
    return 0;
}

int kin_zip_read(const kin_zip *self, const kin_zip_entry *entry, size_t bytes, unsigned char **out,
                 kin_error *err)
{
    *out = kin_alloc(bytes, 1);
    if (!*out)
        return kin_fail_alloc(err, entry->name, bytes);
    errno = 0;
    zip_file_t *member = zip_fopen_index(self->archive, entry->index, 0);
    int rc = member ? read_member(member, self->file->path, entry, *out, bytes, err)
                    : fail_member(zip_get_error(self->archive), self->file->path, entry->name, err);
    if (member)
        zip_fclose(member);
    if (rc != 0) {
        free(*out);
        *out = NULL;
    }
    return rc;
}
