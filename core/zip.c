#include "core/zip.h"
#include "core/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

/* 1980-01-01 00:00 as MS-DOS writes dates: day 1, month 1, year 0. */
enum { DOS_DATE = 1 << 5 | 1, DOS_TIME = 0 };

/* libzip keeps errno beside its own numbers; where it has one, that is what went wrong. */
static int fail_zip_error(const zip_error_t *fault, const char *path, const char *what,
                          kin_error *err)
{
    if (zip_error_code_zip(fault) == ZIP_ER_MEMORY)
        return kin_fail_alloc(err, "zip archive", 0);
    if (zip_error_system_type(fault) == ZIP_ET_SYS && zip_error_code_system(fault) != 0) {
        errno = zip_error_code_system(fault);
        return kin_fail_errno(err, KIN_E_IO, "check the file system it lies on", "%s cannot be %s",
                              path, what);
    }
    return kin_fail(err, KIN_E_IO, "check the file system it lies on",
                    "%s cannot be %s (libzip error %d)", path, what, zip_error_code_zip(fault));
}

static int fail_zip(zip_t *archive, const char *path, kin_error *err)
{
    return fail_zip_error(zip_get_error(archive), path, "written", err);
}

/* A new archive. */
static int create(zip_t **out, const char *path, kin_error *err)
{
    zip_error_t fault;
    int code = 0;
    *out = zip_open(path, ZIP_CREATE | ZIP_EXCL, &code);
    if (*out)
        return 0;
    zip_error_init_with_code(&fault, code); /* takes errno along */
    int rc = fail_zip_error(&fault, path, "created", err);
    zip_error_fini(&fault);
    return rc;
}

static int add_member(zip_t *archive, const char *directory, const kin_zip_member *member,
                      const char *archive_path, kin_error *err)
{
    char *path = member->file ? kin_path_join(directory, member->file) : NULL;
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
    errno = 0;
    int rc = create(&archive, path, err);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = add_member(archive, directory, &member[i], path, err);
    if (rc == 0 && zip_close(archive) != 0)
        rc = fail_zip(archive, path, err);
    *interrupted = rc != 0 && errno == EINTR;
    if (rc != 0 && archive)
        zip_discard(archive);
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

/* Deflate's best: a match of 258 bytes from a code of one bit for its length and one for its distance. */
enum { DEFLATE_MOST = 258 * 8 / 2 };

int kin_zip_open(kin_zip *self, const kin_file *file, kin_error *err)
{
    int rc = 0;
    zip_error_t fault;
    zip_error_init(&fault);
    *self = (kin_zip){.file = file};
    zip_source_t *source = zip_source_buffer_create(file->data, file->bytes, 0, &fault);
    if (source)
        self->archive = zip_open_from_source(source, ZIP_RDONLY, &fault);
    if (!self->archive) {
        zip_source_free(source);
        rc = zip_error_code_zip(&fault) == ZIP_ER_MEMORY
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
    zip_int64_t index = zip_name_locate(self->archive, name, 0);
    if (index < 0)
        return kin_fail(err, KIN_E_DATA, "list its members with unzip -l", "%s has no member %s",
                        path, name);
    if (zip_stat_index(self->archive, (zip_uint64_t)index, 0, &status) != 0)
        return kin_fail(err, KIN_E_DATA, damaged, "%s: %s: %s", path, name,
                        zip_strerror(self->archive));
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

/* Fills data[0 .. bytes). Behind a member's last byte its end is asked for: only there does libzip compare the
 * checksum. */
static int read_member(zip_file_t *member, const char *path, const kin_zip_entry *entry,
                       unsigned char *data, size_t bytes, kin_error *err)
{
    unsigned char rest;
    size_t got = 0;
    zip_int64_t step = 1;
    for (; got < bytes && step > 0; got += step > 0 ? (size_t)step : 0)
        step = zip_fread(member, data + got, bytes - got);
    if (got == bytes)
        step = bytes == entry->bytes ? zip_fread(member, &rest, 1) : 0;
    if (step < 0)
        return kin_fail(err, KIN_E_DATA, damaged, "%s: %s: %s", path, entry->name,
                        zip_file_strerror(member));
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
    zip_file_t *member = zip_fopen_index(self->archive, entry->index, 0);
    int rc = member ? read_member(member, self->file->path, entry, *out, bytes, err)
                    : kin_fail(err, KIN_E_DATA, damaged, "%s: %s: %s", self->file->path,
                               entry->name, zip_strerror(self->archive));
    if (member)
        zip_fclose(member);
    if (rc != 0) {
        free(*out);
        *out = NULL;
    }
    return rc;
}
