#include "core/zip.h"
#include "core/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

/* Whether a call of libzip's failed because memory was refused. It does not always say so itself:
 * then errno does, which has to be 0 before the call. */
static bool was_refused(const zip_error_t *fault)
{
    return zip_error_code_zip(fault) == ZIP_ER_MEMORY || errno == ENOMEM;
}

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
