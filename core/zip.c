#include "core/zip.h"
#include "core/crc32.h"
#include "core/memory.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char damaged[] = "the archive is damaged: write or copy it again";

/* Deflate's best: a match of 258 bytes from a code of one bit for its length and one for its
 * distance. */
enum { DEFLATE_MOST = 258 * 8 / 2 };

int kin_zip_open(kin_zip *self, const kin_file *file, kin_error *err)
{
    *self = (kin_zip){.file = file};
    return kin_zip_check(file, err);
}

int kin_zip_find(const kin_zip *self, kin_zip_entry *out, const char *name, kin_error *err)
{
    const char *path = self->file->path;
    kin_zip_member found;
    int rc = kin_zip_member_find(self->file, name, &found, err);
    if (rc != 0)
        return rc;
    bool stored = found.method == KIN_ZIP_STORED;
    if (found.encrypted || (!stored && found.method != KIN_ZIP_DEFLATED))
        return kin_fail(err, KIN_E_DATA, "write it with zip's usual compression or none",
                        "%s: %s is neither stored nor deflated (compression %u%s)", path, name,
                        found.method, found.encrypted ? ", encrypted" : "");
    if (found.bytes > kin_size_mul(found.packed, stored ? 1 : DEFLATE_MOST))
        return kin_fail(err, KIN_E_DATA, damaged,
                        "%s: %s claims %zu bytes from %zu compressed ones, the file has %zu", path,
                        name, found.bytes, found.packed, self->file->bytes);
    *out = (kin_zip_entry){name, found.bytes, found};
    return 0;
}

/* zlib counts in unsigned ints: what of a length goes into one step. */
static unsigned step(size_t left)
{
    return left < UINT_MAX ? (unsigned)left : UINT_MAX;
}

/* Unpacks up to `room` bytes. *got are those that there were; *whole: the member ends with them.
 * zlib's code, Z_OK or a fault. */
static int unpack(const kin_zip_member *from, unsigned char *out, size_t room, size_t *got,
                  bool *whole)
{
    size_t taken = 0;
    z_stream z = {0};
    int rc = inflateInit2(&z, -MAX_WBITS); /* no header of zlib's */
    if (rc != Z_OK)
        return rc;
    *got = 0;
    while (rc == Z_OK && *got < room) {
        unsigned in = step(from->packed - taken), space = step(room - *got);
        z.next_in = (unsigned char *)(uintptr_t)from->data + taken;
        z.avail_in = in;
        z.next_out = out + *got;
        z.avail_out = space;
        rc = inflate(&z, Z_NO_FLUSH);
        taken += in - z.avail_in;
        *got += space - z.avail_out;
    }
    inflateEnd(&z);
    *whole = rc == Z_STREAM_END;
    return *whole || *got == room ? Z_OK : rc;
}

static int read_deflated(const kin_zip *self, const kin_zip_entry *entry, size_t bytes,
                         unsigned char *out, kin_error *err)
{
    const char *path = self->file->path;
    size_t got = 0;
    bool whole = false, all = bytes == entry->bytes;
    /* one byte more than it claims to have says whether it ends there */
    int rc = unpack(&entry->member, out, bytes + all, &got, &whole);
    if (rc == Z_MEM_ERROR)
        return kin_fail_alloc(err, path, 0);
    if (got < bytes && (whole || rc == Z_BUF_ERROR))
        return kin_fail(err, KIN_E_DATA, damaged, "%s: %s has less than the %zu bytes it claims",
                        path, entry->name, entry->bytes);
    if (rc != Z_OK)
        return kin_fail(err, KIN_E_DATA, damaged, "%s: %s cannot be decompressed", path,
                        entry->name);
    if (all && (got > bytes || !whole))
        return kin_fail(err, KIN_E_DATA, damaged, "%s: %s has more than the %zu bytes it claims",
                        path, entry->name, entry->bytes);
    return 0;
}

static int read_stored(const kin_zip *self, const kin_zip_entry *entry, size_t bytes,
                       unsigned char *out, kin_error *err)
{
    memcpy(out, entry->member.data, bytes);
    if (entry->member.packed == entry->bytes)
        return 0;
    return kin_fail(err, KIN_E_DATA, damaged, "%s: %s has more than the %zu bytes it claims",
                    self->file->path, entry->name, entry->bytes);
}

int kin_zip_read(const kin_zip *self, const kin_zip_entry *entry, size_t bytes, unsigned char **out,
                 kin_error *err)
{
    bool stored = entry->member.method == KIN_ZIP_STORED;
    unsigned char *data = kin_alloc(kin_size_add(bytes, 1), 1);
    if (!data)
        return kin_fail_alloc(err, entry->name, bytes);
    int rc = (stored ? read_stored : read_deflated)(self, entry, bytes, data, err);
    if (rc == 0 && bytes == entry->bytes && kin_crc32(0, data, bytes) != entry->member.crc)
        rc = kin_fail(err, KIN_E_DATA, damaged, "%s: %s: CRC error", self->file->path, entry->name);
    if (rc == 0)
        *out = data;
    else
        free(data);
    return rc;
}
