#include "core/zip_directory.h"

#include <string.h>

enum { COMMENT_MOST = 65535 };

static const uint32_t in_zip64 = UINT32_MAX;

static const char damaged[] = "the archive is damaged: write or copy it again";

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
    if (file->bytes < KIN_ZIP_END_BYTES)
        return false;
    uint64_t last = file->bytes - KIN_ZIP_END_BYTES;
    for (uint64_t back = 0; back <= last && back <= COMMENT_MOST; back++) {
        *at = last - back;
        if (is_signature(file, *at, KIN_ZIP_END_BYTES, KIN_ZIP_END) &&
            number(file->data + *at + 20, 2) == back)
            return true;
    }
    return false;
}

/* What the zip64 end says, where there is one. False where it is damaged. */
static bool read_end64(const kin_file *file, uint64_t end, directory *out)
{
    uint64_t locator = end - KIN_ZIP_LOCATOR_BYTES;
    if (end < KIN_ZIP_LOCATOR_BYTES ||
        !is_signature(file, locator, KIN_ZIP_LOCATOR_BYTES, KIN_ZIP_LOCATOR))
        return true;
    uint64_t at = number(file->data + locator + 8, 8);
    if (at > locator || !is_signature(file, at, KIN_ZIP_END64_BYTES, KIN_ZIP_END64))
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
    uint32_t crc;
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
        for (size_t v = 0; v < 3 && kind == KIN_ZIP_ZIP64; v++)
            if (*value[v] == in_zip64) {
                if (length < 8)
                    return false;
                *value[v] = number(at, 8);
                at += 8;
                length -= 8;
            }
        if (kind == KIN_ZIP_ZIP64)
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
        if (of->end - at < KIN_ZIP_CENTRAL_BYTES || number(file->data + at, 4) != KIN_ZIP_CENTRAL)
            break;
        const unsigned char *data = file->data + at;
        size_t named = (size_t)number(data + 28, 2), extra = (size_t)number(data + 30, 2);
        uint64_t whole = KIN_ZIP_CENTRAL_BYTES + named + extra + number(data + 32, 2);
        if (of->end - at < whole)
            break;
        at += whole;
        if (named != strlen(name) || memcmp(data + KIN_ZIP_CENTRAL_BYTES, name, named) != 0)
            continue;
        *out = (entry){.flags = (unsigned)number(data + 8, 2),
                       .method = (unsigned)number(data + 10, 2),
                       .crc = (uint32_t)number(data + 16, 4),
                       .packed = number(data + 20, 4),
                       .bytes = number(data + 24, 4),
                       .header_at = number(data + 42, 4)};
        if (read_zip64(out, data + KIN_ZIP_CENTRAL_BYTES + named, extra))
            return 0;
        break;
    }
    if (at == of->at && of->count > 0)
        return kin_fail(err, KIN_E_DATA, damaged, "%s: its directory is damaged", file->path);
    return kin_fail(err, KIN_E_DATA, damaged, "%s has no member %s", file->path, name);
}

int kin_zip_check(const kin_file *file, kin_error *err)
{
    directory of;
    return open_directory(file, &of, err);
}

int kin_zip_member_find(const kin_file *file, const char *name, kin_zip_member *out, kin_error *err)
{
    directory of;
    entry found;
    int rc = open_directory(file, &of, err);
    if (rc == 0)
        rc = find_entry(file, &of, name, &found, err);
    if (rc != 0)
        return rc;
    uint64_t header = found.header_at;
    if (header > of.at || of.at - header < KIN_ZIP_LOCAL_BYTES ||
        number(file->data + header, 4) != KIN_ZIP_LOCAL)
        return kin_fail(err, KIN_E_DATA, damaged, "%s: %s has no header at byte %llu", file->path,
                        name, (unsigned long long)header);
    uint64_t start = header + KIN_ZIP_LOCAL_BYTES + number(file->data + header + 26, 2) +
                     number(file->data + header + 28, 2);
    if (start > of.at || of.at - start < found.packed)
        return kin_fail(err, KIN_E_DATA, damaged, "%s: %s claims %llu bytes, there are %llu",
                        file->path, name, (unsigned long long)found.packed,
                        (unsigned long long)(start > of.at ? 0 : of.at - start));
    *out = (kin_zip_member){.data = file->data + start,
                            .packed = (size_t)found.packed,
                            .bytes = (size_t)found.bytes,
                            .method = found.method,
                            .encrypted = found.flags & 1,
                            .crc = found.crc};
    return 0;
}
