/*
 * A graph's files from a row log (core/graph_layout.h).
 */
#include "core/graph_layout.h"
#include "core/crc32.h"
#include "core/memory.h"
#include "core/npy.h"
#include "core/zip_stored.h"

#include <stdlib.h>
#include <string.h>

/* The members of graph.npz, in the order of scipy.sparse.save_npz. */
enum { INDICES, INDPTR, FORMAT, SHAPE, DATA, MEMBERS };
static const char *const member_name[MEMBERS] = {"indices.npy", "indptr.npy", "format.npy",
                                                 "shape.npy", "data.npy"};

static const char csr[3] = {'c', 's', 'r'}; /* as NumPy stores a text: without an end mark */

enum {
    FORMAT_BYTES = KIN_NPY_HEADER_BYTES + sizeof csr,
    SHAPE_BYTES = KIN_NPY_HEADER_BYTES + 2 * sizeof(int64_t),
};

/* ---- sizes ----------------------------------------------------------------------------------- */

static size_t npy_bytes(size_t values, size_t item_bytes)
{
    return kin_size_add(KIN_NPY_HEADER_BYTES, kin_size_mul(values, item_bytes));
}

/* indptr is int32 below 2^31 entries, as SciPy keeps it, else int64. */
static size_t index_bytes(size_t pairs)
{
    return pairs > INT32_MAX ? sizeof(int64_t) : sizeof(int32_t);
}

/* Members without checksums, in their places. Returns the archive's bytes without directory. */
static size_t place_members(kin_stored_member member[MEMBERS], size_t n, size_t pairs)
{
    const size_t bytes[MEMBERS] = {npy_bytes(pairs, sizeof(int32_t)),
                                   npy_bytes(n + 1, index_bytes(pairs)), FORMAT_BYTES, SHAPE_BYTES,
                                   npy_bytes(pairs, sizeof(float))};
    for (int m = 0; m < MEMBERS; m++)
        member[m] = (kin_stored_member){.name = member_name[m], .bytes = bytes[m]};
    return (size_t)kin_stored_place(member, MEMBERS);
}

/* Of a file with `pairs` entries; 0 for one that is not wanted. */
static size_t file_bytes(int file, size_t n, size_t pairs, bool arrays)
{
    kin_stored_member member[MEMBERS];
    if (file == LAYOUT_NPZ)
        return kin_size_add(place_members(member, n, pairs), KIN_STORED_DIRECTORY_MOST);
    if (file >= LAYOUT_COSINES)
        return npy_bytes(pairs, sizeof(uint16_t));
    if (!arrays)
        return 0;
    return file == LAYOUT_INDPTR ? npy_bytes(n + 1, index_bytes(pairs))
                                 : npy_bytes(pairs, sizeof(float));
}

size_t kin_graph_layout_file_bytes(const kin_graph_writer_options *options)
{
    size_t pairs = kin_size_mul(options->n, options->k), sum = 0;
    int files = LAYOUT_COSINES + (int)options->catalog->modality_count;
    for (int f = 0; f < files; f++)
        sum = kin_size_add(sum, file_bytes(f, options->n, pairs, options->arrays));
    return sum;
}

static size_t file_count(const kin_graph_writer_options *options)
{
    size_t arrays = options->arrays ? LAYOUT_COSINES - LAYOUT_INDPTR : 0;
    return 1 + arrays + options->catalog->modality_count;
}

/* What a pass writes of an entry, at most. */
static size_t entry_bytes(size_t modality_count)
{
    return sizeof(float) + modality_count * sizeof(uint16_t);
}

size_t kin_graph_layout_bytes(const kin_graph_writer_options *options, size_t range_rows)
{
    size_t entries = kin_size_mul(range_rows, options->k);
    size_t starts = kin_size_mul(options->n + 1, 2 * sizeof(int64_t));
    size_t buffer = kin_size_mul(entries, entry_bytes(options->catalog->modality_count));
    size_t room = kin_graph_layout_file_bytes(options);
    size_t blocks = kin_block_writer_bytes(file_count(options), room);
    return kin_size_add(kin_size_add(starts, KIN_NPY_HEADER_BYTES), kin_size_add(buffer, blocks));
}

/* ---- files ----------------------------------------------------------------------------------- */

static int create(graph_layout *self, int file, const kin_graph_writer_options *o, kin_error *err)
{
    static const char *const fixed[] = {"graph.npz", "indptr.npy", "indices.npy", "data.npy"};
    char name[KIN_NAME_MAX + 16];
    size_t room = file_bytes(file, self->n, kin_size_mul(self->n, self->k), self->arrays);
    if (file < LAYOUT_COSINES)
        snprintf(name, sizeof name, "%s", fixed[file]);
    else
        snprintf(name, sizeof name, "scores_%s.npy",
                 o->catalog->modality[file - LAYOUT_COSINES].name);
    return room > 0 ? kin_hashed_file_create(&self->file[file], self->writer, o->directory, name,
                                             room, err)
                    : 0;
}

int kin_graph_layout_init(graph_layout *self, const kin_graph_writer_options *options,
                          size_t range_rows, kin_error *err)
{
    *self = (graph_layout){.n = options->n,
                           .k = options->k,
                           .modality_count = options->catalog->modality_count,
                           .arrays = options->arrays};
    size_t entries = kin_size_mul(range_rows, self->k);
    self->start = kin_alloc(self->n + 1, sizeof *self->start);
    self->indptr = kin_alloc(npy_bytes(self->n + 1, sizeof(int64_t)), 1);
    self->buffer = kin_alloc(entries, entry_bytes(self->modality_count));
    int rc = self->start && self->indptr && self->buffer
                 ? 0
                 : kin_fail_alloc(err, "arrays of the graph",
                                  kin_graph_layout_bytes(options, range_rows));
    if (rc == 0)
        rc = kin_block_writer_new(&self->writer, file_count(options),
                                  kin_graph_layout_file_bytes(options), err);
    for (int f = 0; f < LAYOUT_COSINES + (int)self->modality_count && rc == 0; f++)
        rc = create(self, f, options, err);
    return rc;
}

void kin_graph_layout_release(graph_layout *self)
{
    kin_block_writer_free(self->writer); /* before what it writes to */
    for (int f = 0; f < LAYOUT_COSINES + KIN_MODALITIES_MAX; f++)
        kin_hashed_file_release(&self->file[f]);
    free(self->start);
    free(self->indptr);
    free(self->buffer);
    *self = (graph_layout){0};
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* What a file gets of a range. */
typedef struct piece {
    kin_hashed_file *file;
    const void *data;
    size_t bytes;
} piece;

enum { PIECES_MAX = 2 + KIN_MODALITIES_MAX };

static int add_pieces(const piece *of, size_t count, kin_error *err)
{
    int rc = 0;
#pragma omp parallel for schedule(dynamic)
    for (size_t p = 0; p < count; p++) {
        kin_error mine;
        int failed = kin_hashed_file_add(of[p].file, of[p].data, of[p].bytes, &mine);
#pragma omp critical(kin_graph_layout)
        if (failed != 0 && rc == 0) {
            rc = failed;
            if (err)
                *err = mine;
        }
    }
    return rc;
}

/* Adds a member's header and, of an array, that of its file, which has the array as well with
 * --arrays; `file` is LAYOUT_NPZ for members that have none. */
static int begin_member(graph_layout *self, const kin_stored_member *member, int file,
                        const unsigned char *npy_header, kin_error *err)
{
    unsigned char header[KIN_STORED_HEADER_MOST];
    size_t bytes = kin_stored_header(header, member);
    int rc = kin_hashed_file_add(&self->file[LAYOUT_NPZ], header, bytes, err);
    if (rc == 0 && npy_header)
        rc = kin_hashed_file_add(&self->file[LAYOUT_NPZ], npy_header, KIN_NPY_HEADER_BYTES, err);
    if (rc == 0 && npy_header && self->arrays)
        rc = kin_hashed_file_add(&self->file[file], npy_header, KIN_NPY_HEADER_BYTES, err);
    return rc;
}

/* ---- passes over the log --------------------------------------------------------------------- */

static size_t range_entries(const graph_layout *self, const kin_rowlog *log, size_t range)
{
    return (size_t)(self->start[kin_rowlog_range_start(log, range + 1)] -
                    self->start[kin_rowlog_range_start(log, range)]);
}

/* An array of `file` and of graph.npz. */
static size_t add_array(graph_layout *self, piece *to, int file, const void *data, size_t bytes)
{
    to[0] = (piece){&self->file[LAYOUT_NPZ], data, bytes};
    to[1] = (piece){&self->file[file], data, bytes};
    return self->arrays ? 2 : 1;
}

static int write_indices(graph_layout *self, kin_rowlog *log, kin_error *err)
{
    int rc = 0;
    for (size_t r = 0; r < kin_rowlog_ranges(log) && rc == 0; r++) {
        piece pieces[PIECES_MAX];
        size_t bytes = range_entries(self, log, r) * sizeof(int32_t);
        kin_rowlog_arrays to = {.start = self->start, .indices = (void *)self->buffer};
        rc = kin_rowlog_unpack(log, r, &to, err);
        if (rc == 0)
            rc =
                add_pieces(pieces, add_array(self, pieces, LAYOUT_INDICES, to.indices, bytes), err);
    }
    return rc;
}

static int write_scores(graph_layout *self, kin_rowlog *log, kin_error *err)
{
    int rc = 0;
    for (size_t r = 0; r < kin_rowlog_ranges(log) && rc == 0; r++) {
        piece pieces[PIECES_MAX];
        size_t entries = range_entries(self, log, r);
        uint16_t *cosine = (void *)(self->buffer + entries * sizeof(float));
        kin_rowlog_arrays to = {.start = self->start, .data = (void *)self->buffer};
        size_t count = add_array(self, pieces, LAYOUT_DATA, to.data, entries * sizeof(float));
        for (size_t m = 0; m < self->modality_count; m++, cosine += entries) {
            to.cosine[m] = cosine;
            pieces[count++] =
                (piece){&self->file[LAYOUT_COSINES + (int)m], cosine, entries * sizeof *cosine};
        }
        rc = kin_rowlog_unpack(log, r, &to, err);
        if (rc == 0)
            rc = add_pieces(pieces, count, err);
    }
    return rc;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Row starts, and indptr.npy with them. Returns the number of pairs. */
static size_t set_starts(graph_layout *self, const uint32_t *length)
{
    self->start[0] = 0;
    for (size_t i = 0; i < self->n; i++)
        self->start[i + 1] = self->start[i] + length[i];
    size_t pairs = (size_t)self->start[self->n], count = self->n + 1;
    bool wide = index_bytes(pairs) == sizeof(int64_t);
    kin_npy_format(self->indptr, wide ? "<i8" : "<i4", 1, &count);
    if (wide)
        memcpy(self->indptr + KIN_NPY_HEADER_BYTES, self->start, count * sizeof *self->start);
    int32_t *narrow = (void *)(self->indptr + KIN_NPY_HEADER_BYTES);
    for (size_t i = 0; i < count && !wide; i++)
        narrow[i] = (int32_t)self->start[i];
    return pairs;
}

/* An array's checksum, that of its values being known. */
static uint32_t sum_array(const unsigned char *header, uint32_t values, size_t bytes)
{
    return kin_crc32_join(kin_crc32(0, header, KIN_NPY_HEADER_BYTES), values,
                          kin_crc32_length(bytes - KIN_NPY_HEADER_BYTES));
}

typedef struct small_members {
    unsigned char format[FORMAT_BYTES], shape[SHAPE_BYTES];
    unsigned char indices[KIN_NPY_HEADER_BYTES], data[KIN_NPY_HEADER_BYTES]; /* headers */
} small_members;

static void set_small(small_members *out, size_t n, size_t pairs)
{
    const int64_t shape[2] = {(int64_t)n, (int64_t)n};
    size_t two = 2;
    kin_npy_format(out->format, "|S3", 0, NULL);
    memcpy(out->format + KIN_NPY_HEADER_BYTES, csr, sizeof csr);
    kin_npy_format(out->shape, "<i8", 1, &two);
    memcpy(out->shape + KIN_NPY_HEADER_BYTES, shape, sizeof shape);
    kin_npy_format(out->indices, "<i4", 1, &pairs);
    kin_npy_format(out->data, "<f4", 1, &pairs);
}

/* What comes between the two passes. */
static int write_small(graph_layout *self, const kin_stored_member *member,
                       const small_members *small, kin_error *err)
{
    kin_hashed_file *npz = &self->file[LAYOUT_NPZ];
    const unsigned char *const data[MEMBERS] = {
        [INDPTR] = self->indptr, [FORMAT] = small->format, [SHAPE] = small->shape};
    int rc = 0;
    for (int m = INDPTR; m <= SHAPE && rc == 0; m++) {
        rc = begin_member(self, &member[m], LAYOUT_NPZ, NULL, err);
        if (rc == 0)
            rc = kin_hashed_file_add(npz, data[m], member[m].bytes, err);
    }
    if (rc == 0 && self->arrays)
        rc = kin_hashed_file_add(&self->file[LAYOUT_INDPTR], self->indptr, member[INDPTR].bytes,
                                 err);
    return rc;
}

static int begin_cosines(graph_layout *self, size_t pairs, kin_error *err)
{
    unsigned char header[KIN_NPY_HEADER_BYTES];
    int rc = 0;
    kin_npy_format(header, "<f2", 1, &pairs);
    for (size_t m = 0; m < self->modality_count && rc == 0; m++)
        rc = kin_hashed_file_add(&self->file[LAYOUT_COSINES + m], header, sizeof header, err);
    return rc;
}

static int finish(graph_layout *self, const kin_stored_member *member, kin_written *written,
                  kin_error *err)
{
    unsigned char directory[KIN_STORED_DIRECTORY_MOST];
    size_t bytes = kin_stored_directory(directory, member, MEMBERS);
    int rc = kin_hashed_file_add(&self->file[LAYOUT_NPZ], directory, bytes, err);
    for (size_t f = 0; f < LAYOUT_COSINES + self->modality_count && rc == 0; f++)
        if (self->file[f].path)
            rc = kin_hashed_file_finish(&self->file[f], written, err);
    return rc;
}

int kin_graph_layout_write(graph_layout *self, kin_rowlog *log, kin_written *written,
                           kin_error *err)
{
    kin_stored_member member[MEMBERS];
    small_members small;
    size_t pairs = set_starts(self, kin_rowlog_lengths(log));
    kin_rowlog_sums sum = kin_rowlog_sum(log);
    set_small(&small, self->n, pairs);
    place_members(member, self->n, pairs);
    member[INDICES].crc = sum_array(small.indices, sum.indices, member[INDICES].bytes);
    member[INDPTR].crc = kin_crc32(0, self->indptr, member[INDPTR].bytes);
    member[FORMAT].crc = kin_crc32(0, small.format, FORMAT_BYTES);
    member[SHAPE].crc = kin_crc32(0, small.shape, SHAPE_BYTES);
    member[DATA].crc = sum_array(small.data, sum.data, member[DATA].bytes);
    *written = (kin_written){0};
    int rc = begin_cosines(self, pairs, err);
    if (rc == 0)
        rc = begin_member(self, &member[INDICES], LAYOUT_INDICES, small.indices, err);
    if (rc == 0)
        rc = write_indices(self, log, err);
    if (rc == 0)
        rc = write_small(self, member, &small, err);
    if (rc == 0)
        rc = begin_member(self, &member[DATA], LAYOUT_DATA, small.data, err);
    if (rc == 0)
        rc = write_scores(self, log, err);
    return rc == 0 ? finish(self, member, written, err) : rc;
}
