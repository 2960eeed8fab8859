/*
 * What scipy.sparse.save_npz writes of a CSR matrix: an archive of the .npy files indptr, indices,
 * data, shape and format. Heads are read first, so that memory is known before anything of size is
 * read.
 */
#include "compare/import_file.h"
#include "core/half.h"
#include "core/npy.h"

#include <ctype.h>
#include <stdlib.h>

static const char hint[] = "write it with scipy.sparse.save_npz(file, graph.tocsr())";

/* NumPy's headers of one-dimensional arrays take 128 bytes. */
enum { HEAD_BYTES = 4096 };

/* ---- values ---------------------------------------------------------------------------------- */

#define LOADER(name, type)                                                                         \
    static double name(const unsigned char *place)                                                 \
    {                                                                                              \
        type value;                                                                                \
        memcpy(&value, place, sizeof value);                                                       \
        return (double)value;                                                                      \
    }

LOADER(load_f8, double)
LOADER(load_f4, float)
LOADER(load_i8, int64_t)
LOADER(load_i4, int32_t)
LOADER(load_i2, int16_t)
LOADER(load_i1, int8_t)
LOADER(load_u8, uint64_t)
LOADER(load_u4, uint32_t)
LOADER(load_u2, uint16_t)
LOADER(load_u1, uint8_t)

static double load_f2(const unsigned char *place)
{
    uint16_t half;
    memcpy(&half, place, sizeof half);
    return (double)kin_half_to_float(half);
}

typedef struct type {
    const char *descr;
    size_t bytes;
    double (*load)(const unsigned char *place);
} type;

/* The first two are also those of indices. */
static const type types[] = {
    {"<i4", 4, load_i4}, {"<i8", 8, load_i8}, {"<f4", 4, load_f4}, {"<f8", 8, load_f8},
    {"<f2", 2, load_f2}, {"<i2", 2, load_i2}, {"|i1", 1, load_i1}, {"<u8", 8, load_u8},
    {"<u4", 4, load_u4}, {"<u2", 2, load_u2}, {"|u1", 1, load_u1}, {"|b1", 1, load_u1},
};
enum { INDEX_TYPES = 2, ALL_TYPES = sizeof types / sizeof *types };

/* ---- members --------------------------------------------------------------------------------- */

/* A member that holds an array of one dimension. */
typedef struct array {
    kin_zip_entry entry;
    const type *type;
    size_t count;
    size_t offset; /* bytes before the first value */
} array;

/* The header of a member whose first `bytes` bytes are in `head`. The parser's line names the
 * member, and speaks of vectors in its hint. */
static int parse(kin_npy_header *out, const kin_zip *archive, const kin_zip_entry *entry,
                 const unsigned char *head, size_t bytes, kin_error *err)
{
    kin_error fault;
    int rc = kin_npy_parse_any(out, head, bytes, entry->name, &fault);
    return rc == 0 ? 0 : kin_fail(err, rc, hint, "%s: %s", archive->file->path, fault.message);
}

/* What the header says, held against what can be read here and against the member's size. */
static int set_array(array *self, const kin_npy_header *header, size_t allowed, const char *path,
                     kin_error *err)
{
    const char *name = self->entry.name;
    self->type = NULL;
    for (size_t t = 0; t < allowed; t++)
        if (strcmp(header->descr, types[t].descr) == 0)
            self->type = &types[t];
    if (!self->type || header->dimensions != 1)
        return kin_fail(err, KIN_E_DATA, hint, "%s: %s holds %s in %zu dimensions, needs %s in 1",
                        path, name, header->descr, header->dimensions,
                        allowed == INDEX_TYPES ? "int32 or int64" : "numbers");
    self->count = header->shape[0];
    self->offset = header->data_offset;
    size_t bytes = kin_size_add(self->offset, kin_size_mul(self->count, self->type->bytes));
    if (bytes != self->entry.bytes)
        return kin_fail(err, KIN_E_DATA, hint,
                        "%s: %s says %zu values of %s, which is %zu bytes with the header; it has "
                        "%zu",
                        path, name, self->count, header->descr, bytes, self->entry.bytes);
    return 0;
}

/* Learns what member `name` holds; one of the first `allowed` types. */
static int find_array(array *self, const kin_zip *archive, const char *name, size_t allowed,
                      kin_error *err)
{
    unsigned char *head;
    kin_npy_header header;
    int rc = kin_zip_find(archive, &self->entry, name, err);
    if (rc != 0)
        return rc;
    size_t bytes = self->entry.bytes < HEAD_BYTES ? self->entry.bytes : HEAD_BYTES;
    rc = kin_zip_read(archive, &self->entry, bytes, &head, err);
    if (rc != 0)
        return rc;
    rc = parse(&header, archive, &self->entry, head, bytes, err);
    if (rc == 0)
        rc = set_array(self, &header, allowed, archive->file->path, err);
    free(head);
    return rc;
}

static int64_t index_at(const array *self, const unsigned char *member, size_t at)
{
    int64_t wide;
    int32_t narrow;
    const unsigned char *place = member + self->offset + at * self->type->bytes;
    if (self->type->bytes == sizeof wide) {
        memcpy(&wide, place, sizeof wide);
        return wide;
    }
    memcpy(&narrow, place, sizeof narrow);
    return narrow;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* The format, b'csr' (and 'csr' of four bytes a letter, as the first SciPy with save_npz wrote
 * it). */
static int check_format(const kin_zip *archive, kin_error *err)
{
    kin_zip_entry entry;
    kin_npy_header header;
    unsigned char *member;
    char found[8] = "";
    int rc = kin_zip_find(archive, &entry, "format.npy", err);
    if (rc != 0)
        return rc;
    size_t bytes = entry.bytes < HEAD_BYTES ? entry.bytes : HEAD_BYTES;
    rc = kin_zip_read(archive, &entry, bytes, &member, err);
    if (rc != 0)
        return rc;
    rc = parse(&header, archive, &entry, member, bytes, err);
    if (rc == 0) {
        size_t step = header.descr[1] == 'U' ? 4 : 1;
        size_t at = header.data_offset;
        for (size_t i = 0; i + 1 < sizeof found && at < bytes; i++, at += step)
            found[i] = (char)(isalnum(member[at]) || member[at] == 0 ? member[at] : '?');
        if (strcmp(found, "csr") != 0)
            rc = kin_fail(err, KIN_E_DATA, hint,
                          "%s: a matrix of format '%s', needs 'csr' (see .tocsr())",
                          archive->file->path, found);
    }
    free(member);
    return rc;
}

/* The number of rows, which is that of columns. */
static int read_shape(size_t *n, const kin_zip *archive, kin_error *err)
{
    array shape;
    unsigned char *member;
    const char *path = archive->file->path;
    int rc = find_array(&shape, archive, "shape.npy", INDEX_TYPES, err);
    if (rc == 0 && shape.count != 2)
        rc = kin_fail(err, KIN_E_DATA, hint, "%s: shape.npy has %zu numbers, needs 2", path,
                      shape.count);
    if (rc == 0)
        rc = kin_zip_read(archive, &shape.entry, shape.entry.bytes, &member, err);
    if (rc != 0)
        return rc;
    int64_t rows = index_at(&shape, member, 0);
    int64_t columns = index_at(&shape, member, 1);
    free(member);
    if (rows != columns || rows < 0)
        return kin_fail(err, KIN_E_DATA, "row i and column i must be the same item",
                        "%s: a matrix of %lld x %lld, needs as many columns as rows", path,
                        (long long)rows, (long long)columns);
    *n = (size_t)rows;
    return 0;
}

static int need_count(const array *self, size_t wanted, const char *what, const char *path,
                      kin_error *err)
{
    if (self->count == wanted)
        return 0;
    return kin_fail(err, KIN_E_DATA, hint, "%s: %s has %zu values, %s needs %zu", path,
                    self->entry.name, self->count, what, wanted);
}

/* indptr as the file's row starts: ascending from 0 to the number of entries. */
static int read_starts(kin_import_file *self, const array *indptr, size_t entries, kin_error *err)
{
    unsigned char *member;
    const char *path = self->file.path;
    int rc = kin_zip_read(&self->archive, &indptr->entry, indptr->entry.bytes, &member, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i <= self->n && rc == 0; i++) {
        int64_t least = i ? self->start[i - 1] : 0;
        self->start[i] = index_at(indptr, member, i);
        if (self->start[i] < least || self->start[i] > (int64_t)entries)
            rc = kin_fail(err, KIN_E_DATA, hint,
                          "%s: indptr.npy: value %zu is %lld, must be %lld to %zu", path, i,
                          (long long)self->start[i], (long long)least, entries);
    }
    free(member);
    if (rc == 0 && (self->start[0] != 0 || self->start[self->n] != (int64_t)entries))
        rc = kin_fail(err, KIN_E_DATA, hint,
                      "%s: indptr.npy runs from %lld to %lld, must from 0 to %zu", path,
                      (long long)self->start[0], (long long)self->start[self->n], entries);
    return rc;
}

/* Notes where a member's values will be once it is read. */
static void set_member(kin_import_file *self, size_t m, const array *from)
{
    self->member[m] = from->entry;
    self->member_offset[m] = from->offset;
}

static int load(kin_import_file *self, kin_error *err)
{
    int rc = 0;
    for (size_t m = 0; m < KIN_IMPORT_MEMBERS && rc == 0; m++)
        rc = kin_zip_read(&self->archive, &self->member[m], self->member[m].bytes,
                          &self->member_data[m], err);
    if (rc != 0)
        return rc;
    self->neighbor = self->member_data[KIN_IMPORT_INDICES] + self->member_offset[0];
    self->score = self->member_data[KIN_IMPORT_DATA] + self->member_offset[1];
    return 0;
}

int kin_import_npz_open(kin_import_file *self, size_t memory_bytes, kin_error *err)
{
    const char *path = self->file.path;
    const kin_zip *archive = &self->archive;
    array indptr, indices, data;
    size_t n;
    int rc = kin_zip_open(&self->archive, &self->file, err);
    if (rc == 0)
        rc = check_format(archive, err);
    if (rc == 0)
        rc = read_shape(&n, archive, err);
    if (rc == 0)
        rc = find_array(&indptr, archive, "indptr.npy", INDEX_TYPES, err);
    if (rc == 0)
        rc = need_count(&indptr, kin_size_add(n, 1), "the shape", path, err);
    if (rc == 0)
        rc = find_array(&indices, archive, "indices.npy", INDEX_TYPES, err);
    if (rc == 0)
        rc = find_array(&data, archive, "data.npy", ALL_TYPES, err);
    if (rc == 0)
        rc = need_count(&data, indices.count, "indices.npy", path, err);
    if (rc == 0)
        rc = kin_import_file_start(self, n, indptr.entry.bytes, memory_bytes, err);
    if (rc == 0)
        rc = read_starts(self, &indptr, indices.count, err);
    if (rc != 0)
        return rc;
    self->width = indices.type->bytes;
    self->score_bytes = data.type->bytes;
    self->score_value = data.type->load;
    set_member(self, KIN_IMPORT_INDICES, &indices);
    set_member(self, KIN_IMPORT_DATA, &data);
    self->load = load;
    return 0;
}
