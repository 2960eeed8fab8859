/*
 * Headers of stored members, written and found (core/zip_stored.h).
 *
 * Nothing in an archive is believed: every place and size is held against the file before it is
 * used. Where there are several members of a name the first one is found.
 */
#include "core/zip_stored.h"

#include <assert.h>
#include <string.h>

enum {
    LOCAL = 0x04034b50,
    CENTRAL = 0x02014b50,
    END64 = 0x06064b50,
    LOCATOR = 0x07064b50,
    END = 0x06054b50,
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    END_BYTES = 22,
    ZIP64 = 0x0001,        /* the extra field of sizes and places */
    PADDING = 0xd935,      /* that of alignment */
    MADE_BY = 3 << 8 | 45, /* on Unix; 4.5 has zip64 */
    DOS_DATE = 1 << 5 | 1, /* 1980-01-01 */
    COMMENT_MOST = 65535,
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
        uint64_t least =
            at + LOCAL_BYTES + strlen(member[m].name) + zip64_bytes(&member[m]) + PADDING_LEAST;
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
    size_t extra = bytes - LOCAL_BYTES - name;
    size_t padding = extra - zip64_bytes(member);
    assert(bytes <= KIN_STORED_HEADER_MOST);
    memset(out, 0, bytes);
    cursor to = {out};
    put(&to, LOCAL, 4);
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
        put(&to, ZIP64, 2);
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
    put(to, CENTRAL, 4);
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
        put(to, ZIP64, 2);
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
    put(to, END64, 4);
    put(to, END64_BYTES - 12, 8); /* that follow */
    put(to, MADE_BY, 2);
    put(to, 45, 2);
    put(to, 0, 8); /* one disk */
    put(to, count, 8);
    put(to, count, 8);
    put(to, bytes, 8);
    put(to, at, 8);
    put(to, LOCATOR, 4);
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
    put(&to, END, 4);
    put(&to, 0, 4);
    put(&to, count, 2);
    put(&to, count, 2);
    put(&to, bytes, 4);
    put(&to, small(at), 4);
    put(&to, 0, 2);
    return (size_t)(to.at - out);
}

/* ---- finding --------------------------------------------------------------------------------- */

static const char damaged[] = "the archive is damaged: build it again";

static uint64_t number(const unsigned char *at, size_t bytes)
{
    uint64_t value = 0;
    memcpy(&value, at, bytes);
    return value;
}

static bool is_signature(const kin_file *file, uint64_t at, uint64_t bytes, uint32_t signature)
{
    return at <= file->bytes && file->bytes - at >= bytes &&
           number(file->data + at, 4) == signature;
}

typedef struct directory {
    uint64_t at, count, end; /* end: behind its last byte at most */
} directory;

/* The end of the archive: 22 bytes and a comment to the file's last byte. */
static bool find_end(const kin_file *file, uint64_t *at)
{
    if (file->bytes < END_BYTES)
        return false;
    uint64_t last = file->bytes - END_BYTES;
    for (uint64_t back = 0; back <= last && back <= COMMENT_MOST; back++) {
        *at = last - back;
        if (is_signature(file, *at, END_BYTES, END) && number(file->data + *at + 20, 2) == back)
            return true;
    }
    return false;
}

/* What the zip64 end says, where there is one. False where it is damaged. */
static bool read_end64(const kin_file *file, uint64_t end, directory *out)
{
    uint64_t locator = end - LOCATOR_BYTES;
    if (end < LOCATOR_BYTES || !is_signature(file, locator, LOCATOR_BYTES, LOCATOR))
        return true;
    uint64_t at = number(file->data + locator + 8, 8);
    if (at > locator || !is_signature(file, at, END64_BYTES, END64))
        return false;
    *out = (directory){number(file->data + at + 48, 8), number(file->data + at + 32, 8), at};
    return true;
}

static int open_directory(const kin_file *file, directory *out, kin_error *err)
{
    uint64_t end;
    if (find_end(file, &end)) {
        const unsigned char *at = file->data + end;
        *out = (directory){number(at + 16, 4), number(at + 10, 2), end};
        if (read_end64(file, end, out) && out->at <= out->end)
            return 0;
    }
    return kin_fail(err, KIN_E_DATA, damaged, "%s: no zip archive that can be read", file->path);
}

/* The numbers of an entry of the directory. */
typedef struct entry {
    unsigned flags, method;
    uint64_t packed, bytes, header_at;
} entry;

/* Reads those of 32 bits that say "see zip64" from its extra field. */
static bool read_zip64(entry *self, const unsigned char *extra, size_t bytes)
{
    uint64_t *const value[] = {&self->bytes, &self->packed, &self->header_at};
    while (bytes >= 4) {
        size_t kind = (size_t)number(extra, 2), length = (size_t)number(extra + 2, 2);
        if (length > bytes - 4)
            return false;
        const unsigned char *at = extra + 4;
        for (size_t v = 0; v < 3 && kind == ZIP64; v++)
            if (*value[v] == in_zip64) {
                if (length < 8)
                    return false;
                *value[v] = number(at, 8);
                at += 8;
                length -= 8;
            }
        if (kind == ZIP64)
            return true;
        extra += 4 + length;
        bytes -= 4 + length;
    }
    return true;
}

/* Finds the entry of a name. */
static int find_entry(const kin_file *file, const directory *of, const char *name, entry *out,
                      kin_error *err)
{
    uint64_t at = of->at;
    for (uint64_t i = 0; i < of->count; i++) {
        if (of->end - at < CENTRAL_BYTES || number(file->data + at, 4) != CENTRAL)
            break;
        const unsigned char *data = file->data + at;
        size_t named = (size_t)number(data + 28, 2), extra = (size_t)number(data + 30, 2);
        uint64_t whole = CENTRAL_BYTES + named + extra + number(data + 32, 2);
        if (of->end - at < whole)
            break;
        at += whole;
        if (named != strlen(name) || memcmp(data + CENTRAL_BYTES, name, named) != 0)
            continue;
        *out = (entry){.flags = (unsigned)number(data + 8, 2),
                       .method = (unsigned)number(data + 10, 2),
                       .packed = number(data + 20, 4),
                       .bytes = number(data + 24, 4),
                       .header_at = number(data + 42, 4)};
        if (read_zip64(out, data + CENTRAL_BYTES + named, extra))
            return 0;
        break;
    }
    if (at == of->at && of->count > 0)
        return kin_fail(err, KIN_E_DATA, damaged, "%s: its directory is damaged", file->path);
    return kin_fail(err, KIN_E_DATA, damaged, "%s has no member %s", file->path, name);
}

int kin_stored_find(const kin_file *file, const char *name, const unsigned char **data,
                    size_t *bytes, kin_error *err)
{
    directory of;
    entry found;
    int rc = open_directory(file, &of, err);
    if (rc == 0)
        rc = find_entry(file, &of, name, &found, err);
    if (rc != 0)
        return rc;
    if (found.method != 0 || (found.flags & 1) || found.packed != found.bytes)
        return kin_fail(err, KIN_E_DATA,
                        "build it again, or read the file itself as another tool's: kin maps it",
                        "%s: %s is compressed or encrypted, needs to be stored", file->path, name);
    uint64_t header = found.header_at;
    if (header > of.at || of.at - header < LOCAL_BYTES || number(file->data + header, 4) != LOCAL)
        return kin_fail(err, KIN_E_DATA, damaged, "%s: %s has no header at byte %llu", file->path,
                        name, (unsigned long long)header);
    uint64_t start = header + LOCAL_BYTES + number(file->data + header + 26, 2) +
                     number(file->data + header + 28, 2);
    if (start > of.at || of.at - start < found.bytes)
        return kin_fail(err, KIN_E_DATA, damaged, "%s: %s claims %llu bytes, there are %llu",
                        file->path, name, (unsigned long long)found.bytes,
                        (unsigned long long)(start > of.at ? 0 : of.at - start));
    *data = file->data + start;
    *bytes = (size_t)found.bytes;
    return 0;
}
