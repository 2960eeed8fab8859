/*
 * Headers of stored members, written, and such members found (core/zip_stored.h).
 */
#include "core/zip_stored.h"
#include "core/zip_directory.h"

#include <assert.h>
#include <string.h>

enum {
    MADE_BY = 3 << 8 | 45, /* on Unix; 4.5 has zip64 */
    PADDING = 0xd935,      /* the extra field of alignment */
    DOS_DATE = 1 << 5 | 1, /* 1980-01-01 */
};

static const uint32_t regular_file = 0100644u << 16, in_zip64 = UINT32_MAX;

/* ---- writing --------------------------------------------------------------------------------- */

/* Numbers one after the other. */
typedef struct cursor {
    unsigned char *at;
} cursor;

static void put(cursor *to, uint64_t value, size_t bytes)
{
    memcpy(to->at, &value, bytes);
    to->at += bytes;
}

static void put_bytes(cursor *to, const void *data, size_t bytes)
{
    memcpy(to->at, data, bytes);
    to->at += bytes;
}

static bool is_large(uint64_t value)
{
    return value >= in_zip64;
}

static uint64_t small(uint64_t value)
{
    return is_large(value) ? in_zip64 : value;
}

enum { LOCAL_ZIP64 = 4 + 16, PADDING_LEAST = 4 + 2 };

static size_t zip64_bytes(const kin_stored_member *member)
{
    return is_large(member->bytes) ? LOCAL_ZIP64 : 0;
}

uint64_t kin_stored_place(kin_stored_member *member, size_t count)
{
    uint64_t at = 0;
    for (size_t m = 0; m < count; m++) {
        assert(strlen(member[m].name) <= KIN_STORED_NAME_MAX);
        uint64_t least = at + KIN_ZIP_LOCAL_BYTES + strlen(member[m].name) +
                         zip64_bytes(&member[m]) + PADDING_LEAST;
        member[m].header_at = at;
        member[m].data_at =
            (least + KIN_STORED_ALIGNMENT - 1) / KIN_STORED_ALIGNMENT * KIN_STORED_ALIGNMENT;
        at = member[m].data_at + member[m].bytes;
    }
    return at;
}

size_t kin_stored_header(unsigned char out[KIN_STORED_HEADER_MOST], const kin_stored_member *member)
{
    size_t name = strlen(member->name), bytes = (size_t)(member->data_at - member->header_at);
    size_t extra = bytes - KIN_ZIP_LOCAL_BYTES - name;
    size_t padding = extra - zip64_bytes(member);
    assert(bytes <= KIN_STORED_HEADER_MOST);
    memset(out, 0, bytes);
    cursor to = {out};
    put(&to, KIN_ZIP_LOCAL, 4);
    put(&to, is_large(member->bytes) ? 45 : 20, 2); /* the version that is needed */
    put(&to, 0, 6);                                 /* no flags, stored, 00:00 */
    put(&to, DOS_DATE, 2);
    put(&to, member->crc, 4);
    put(&to, small(member->bytes), 4);
    put(&to, small(member->bytes), 4);
    put(&to, name, 2);
    put(&to, extra, 2);
    put_bytes(&to, member->name, name);
    if (is_large(member->bytes)) {
        put(&to, KIN_ZIP_ZIP64, 2);
        put(&to, 16, 2);
        put(&to, member->bytes, 8);
        put(&to, member->bytes, 8);
    }
    put(&to, PADDING, 2);
    put(&to, padding - 4, 2);
    put(&to, KIN_STORED_ALIGNMENT, 2);
    return bytes;
}

static void put_central(cursor *to, const kin_stored_member *member)
{
    bool large = is_large(member->bytes), far = is_large(member->header_at);
    size_t numbers = (large ? 16u : 0u) + (far ? 8u : 0u);
    size_t name = strlen(member->name);
    put(to, KIN_ZIP_CENTRAL, 4);
    put(to, MADE_BY, 2);
    put(to, numbers ? 45 : 20, 2);
    put(to, 0, 6);
    put(to, DOS_DATE, 2);
    put(to, member->crc, 4);
    put(to, small(member->bytes), 4);
    put(to, small(member->bytes), 4);
    put(to, name, 2);
    put(to, numbers ? 4 + numbers : 0, 2);
    put(to, 0, 6); /* no comment, first disk, no internal attributes */
    put(to, regular_file, 4);
    put(to, small(member->header_at), 4);
    put_bytes(to, member->name, name);
    if (numbers) {
        put(to, KIN_ZIP_ZIP64, 2);
        put(to, numbers, 2);
    }
    if (large) {
        put(to, member->bytes, 8);
        put(to, member->bytes, 8);
    }
    if (far)
        put(to, member->header_at, 8);
}

static void put_end64(cursor *to, uint64_t count, uint64_t at, uint64_t bytes)
{
    put(to, KIN_ZIP_END64, 4);
    put(to, KIN_ZIP_END64_BYTES - 12, 8); /* that follow */
    put(to, MADE_BY, 2);
    put(to, 45, 2);
    put(to, 0, 8); /* one disk */
    put(to, count, 8);
    put(to, count, 8);
    put(to, bytes, 8);
    put(to, at, 8);
    put(to, KIN_ZIP_LOCATOR, 4);
    put(to, 0, 4);
    put(to, at + bytes, 8);
    put(to, 1, 4);
}

size_t kin_stored_directory(unsigned char out[KIN_STORED_DIRECTORY_MOST],
                            const kin_stored_member *member, size_t count)
{
    cursor to = {out};
    const kin_stored_member *last = &member[count - 1];
    uint64_t at = last->data_at + last->bytes;
    assert(count > 0 && count <= KIN_STORED_MEMBERS_MAX);
    for (size_t m = 0; m < count; m++)
        put_central(&to, &member[m]);
    uint64_t bytes = (uint64_t)(to.at - out);
    if (is_large(at))
        put_end64(&to, count, at, bytes);
    put(&to, KIN_ZIP_END, 4);
    put(&to, 0, 4);
    put(&to, count, 2);
    put(&to, count, 2);
    put(&to, bytes, 4);
    put(&to, small(at), 4);
    put(&to, 0, 2);
    return (size_t)(to.at - out);
}

/* ---- finding --------------------------------------------------------------------------------- */

int kin_stored_find(const kin_file *file, const char *name, const unsigned char **data,
                    size_t *bytes, kin_error *err)
{
    kin_zip_member found;
    int rc = kin_zip_member_find(file, name, &found, err);
    if (rc != 0)
        return rc;
    if (found.method != 0 || found.encrypted || found.packed != found.bytes)
        return kin_fail(err, KIN_E_DATA,
                        "build it again, or read the file itself as another tool's: kin maps it",
                        "%s: %s is compressed or encrypted, needs to be stored", file->path, name);
    *data = found.data;
    *bytes = found.bytes;
    return 0;
}
