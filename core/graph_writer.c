/*
 * Writing a graph (declared in core/graph.h).
 *
 * While engines run, row i's entries lie at i * k in every array's file. Finishing moves the rows
 * of shorter length together, in the mapped files, and completes the headers.
 */
#include "core/graph.h"
#include "core/half.h"
#include "core/kernels.h"
#include "core/memory.h"
#include "core/npy.h"
#include "core/outdir.h"
#include "core/score.h"
#include "core/zip.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *const kin_row_order_names[] = {"score", "column", NULL};

static const char disk_hint[] = "is the disk full?";

/* One array's file: an entry of `item_bytes` per pair behind a fixed header. */
typedef struct array_file {
    char *path;
    int fd;
    const char *descr;
    size_t item_bytes;
} array_file;

enum { INDICES, DATA, COSINES, ARRAYS_MAX = COSINES + KIN_MODALITIES_MAX };

struct kin_graph_writer {
    char *directory;
    size_t n, k, modality_count;
    kin_row_order order;
    uint32_t *filled; /* [n] entries of each row; UNWRITTEN before */
    array_file array[ARRAYS_MAX];
    size_t array_count;
    uint64_t *key;   /* [threads][k] a row's sorting keys */
    int32_t *column; /* [PIECE_ROWS][k] rows as they go to disk */
    float *score;
    uint16_t *cosine[KIN_MODALITIES_MAX];
};

enum { PIECE_ROWS = 1024 }; /* rows that are brought into the files' form at a time */

static const uint32_t unwritten = UINT32_MAX;

static int open_array(kin_graph_writer *self, const char *name, const char *descr,
                      size_t item_bytes, kin_error *err)
{
    array_file *array = &self->array[self->array_count++];
    *array = (array_file){.fd = -1, .descr = descr, .item_bytes = item_bytes};
    array->path = kin_text("%s/%s.npy", self->directory, name);
    if (!array->path)
        return kin_fail_alloc(err, "path", strlen(self->directory));
    array->fd = open(array->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (array->fd < 0)
        return kin_fail_errno(err, KIN_E_CANTOUT, disk_hint, "%s cannot be created", array->path);
    return 0;
}

/* Room for a piece of rows in the files' form. */
static bool reserve_pieces(kin_graph_writer *self)
{
    size_t entries = kin_size_mul(PIECE_ROWS, self->k);
    self->key = kin_alloc(kin_size_mul((size_t)omp_get_max_threads(), self->k), sizeof *self->key);
    self->column = kin_alloc(entries, sizeof *self->column);
    self->score = kin_alloc(entries, sizeof *self->score);
    bool reserved = self->key && self->column && self->score;
    for (size_t m = 0; m < self->modality_count; m++) {
        self->cosine[m] = kin_alloc(entries, sizeof *self->cosine[m]);
        reserved = reserved && self->cosine[m];
    }
    return reserved;
}

int kin_graph_writer_new(kin_graph_writer **out, const char *directory, size_t n, size_t k,
                         const kin_catalog *catalog, kin_row_order order, kin_error *err)
{
    int rc = 0;
    kin_graph_writer *self = calloc(1, sizeof *self);
    if (!self)
        return kin_fail_alloc(err, "graph writer", sizeof *self);
    self->n = n;
    self->k = k;
    self->modality_count = catalog->modality_count;
    self->order = order;
    self->directory = strdup(directory);
    self->filled = kin_alloc(n, sizeof *self->filled);
    bool refused = !self->directory || !self->filled || !reserve_pieces(self);
    if (refused) {
        rc = kin_fail_alloc(err, "graph writer", kin_size_mul(n, sizeof *self->filled));
        goto done;
    }
    memset(self->filled, 0xff, n * sizeof *self->filled);
    rc = open_array(self, "indices", "<i4", sizeof(int32_t), err);
    if (rc == 0)
        rc = open_array(self, "data", "<f4", sizeof(float), err);
    for (size_t m = 0; m < self->modality_count && rc == 0; m++) {
        char name[KIN_NAME_MAX + 8] = "scores_";
        strcat(name, catalog->modality[m].name);
        rc = open_array(self, name, "<f2", sizeof(uint16_t), err);
    }
done:
    if (rc == 0)
        *out = self;
    else
        kin_graph_writer_free(self);
    return rc;
}

void kin_graph_writer_free(kin_graph_writer *self)
{
    if (!self)
        return;
    for (size_t a = 0; a < self->array_count; a++) {
        if (self->array[a].fd >= 0)
            close(self->array[a].fd);
        free(self->array[a].path);
    }
    free(self->directory);
    free(self->filled);
    free(self->key);
    free(self->column);
    free(self->score);
    for (size_t m = 0; m < self->modality_count; m++)
        free(self->cosine[m]);
    free(self);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static int write_at(const array_file *array, const void *data, size_t entry, size_t count,
                    kin_error *err)
{
    const char *p = data;
    size_t left = count * array->item_bytes;
    size_t at = KIN_NPY_HEADER_BYTES + entry * array->item_bytes;
    while (left > 0) {
        ssize_t wrote = pwrite(array->fd, p, left, (off_t)at);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return kin_fail_errno(err, KIN_E_IO, disk_hint, "%s cannot be written", array->path);
        p += wrote;
        at += (size_t)wrote;
        left -= (size_t)wrote;
    }
    return 0;
}

/* A row's entries as they come, best first; those behind a short row are zero. */
static void copy_row(kin_graph_writer *self, const kin_rows *rows, size_t q, size_t to)
{
    size_t from = q * self->k;
    size_t filled = rows->filled[q];
    size_t left = self->k - filled;
    memcpy(self->column + to, rows->neighbor + from, filled * sizeof *self->column);
    memcpy(self->score + to, rows->score + from, filled * sizeof *self->score);
    memset(self->column + to + filled, 0, left * sizeof *self->column);
    memset(self->score + to + filled, 0, left * sizeof *self->score);
    for (size_t m = 0; m < self->modality_count; m++) {
        kin_kernels_best()->narrow(self->cosine[m] + to, rows->cosine[m] + from, filled);
        memset(self->cosine[m] + to + filled, 0, left * sizeof *self->cosine[m]);
    }
}

/* Brings the entries of a copied row into the order of their columns. */
static void order_row(kin_graph_writer *self, const kin_rows *rows, size_t q, size_t to,
                      uint64_t *key)
{
    size_t from = q * self->k;
    size_t filled = rows->filled[q];
    for (size_t i = 0; i < filled; i++)
        key[i] = (uint64_t)rows->neighbor[from + i] << 32 | i;
    kin_keys_select(key, filled, filled);
    for (size_t i = 0; i < filled; i++) {
        size_t entry = from + (uint32_t)key[i];
        self->column[to + i] = rows->neighbor[entry];
        self->score[to + i] = rows->score[entry];
        for (size_t m = 0; m < self->modality_count; m++)
            self->cosine[m][to + i] = kin_half_from_float(rows->cosine[m][entry]);
    }
}

/* Rows `at` .. at + count - 1 of the block, which are rows `first` .. of the graph. */
static int write_piece(kin_graph_writer *self, size_t first, const kin_rows *rows, size_t at,
                       size_t count, kin_error *err)
{
    size_t entry = first * self->k, entries = count * self->k;
#pragma omp parallel for schedule(static) if (entries > 65536)
    for (size_t q = 0; q < count; q++) {
        copy_row(self, rows, at + q, q * self->k);
        if (self->order == KIN_ORDER_COLUMN)
            order_row(self, rows, at + q, q * self->k,
                      self->key + (size_t)omp_get_thread_num() * self->k);
    }
    int rc = write_at(&self->array[INDICES], self->column, entry, entries, err);
    if (rc == 0)
        rc = write_at(&self->array[DATA], self->score, entry, entries, err);
    for (size_t m = 0; m < self->modality_count && rc == 0; m++)
        rc = write_at(&self->array[COSINES + m], self->cosine[m], entry, entries, err);
    return rc;
}

static int write_rows(void *writer, size_t first, const kin_rows *rows, kin_error *err)
{
    kin_graph_writer *self = writer;
    int rc = 0;
    assert(rows->k == self->k && first + rows->count <= self->n);
    for (size_t at = 0; at < rows->count && rc == 0; at += PIECE_ROWS) {
        size_t left = rows->count - at;
        rc = write_piece(self, first + at, rows, at, left < PIECE_ROWS ? left : PIECE_ROWS, err);
    }
    memcpy(self->filled + first, rows->filled, rows->count * sizeof *rows->filled);
    return rc;
}

kin_row_sink kin_graph_writer_sink(kin_graph_writer *self)
{
    return (kin_row_sink){.self = self, .write = write_rows};
}

/* ---- finish ---------------------------------------------------------------------------------- */

/* Moves the entries of short rows together. */
static int close_up(kin_graph_writer *self, const array_file *array, kin_error *err)
{
    size_t bytes = KIN_NPY_HEADER_BYTES + self->n * self->k * array->item_bytes;
    char *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, array->fd, 0);
    if (map == MAP_FAILED)
        return kin_fail_errno(err, KIN_E_IO, "check the file system of --out",
                              "%s cannot be mapped", array->path);
    char *base = map + KIN_NPY_HEADER_BYTES;
    size_t row_bytes = self->k * array->item_bytes;
    size_t at = 0;
    for (size_t i = 0; i < self->n; i++) {
        size_t length = self->filled[i] * array->item_bytes;
        memmove(base + at, base + i * row_bytes, length);
        at += length;
    }
    munmap(map, bytes);
    return 0;
}

static int finish_array(kin_graph_writer *self, const array_file *array, size_t pairs,
                        kin_error *err)
{
    int rc = pairs < self->n * self->k ? close_up(self, array, err) : 0;
    unsigned char header[KIN_NPY_HEADER_BYTES];
    kin_npy_format(header, array->descr, 1, &pairs);
    if (rc == 0 && (ftruncate(array->fd, (off_t)(sizeof header + pairs * array->item_bytes)) != 0 ||
                    pwrite(array->fd, header, sizeof header, 0) != sizeof header))
        rc = kin_fail_errno(err, KIN_E_IO, disk_hint, "%s cannot be written", array->path);
    return rc;
}

/* indptr.npy: int32 below 2^31 entries as SciPy keeps it, else int64. */
static int write_indptr(const kin_graph_writer *self, size_t pairs, kin_error *err)
{
    bool wide = pairs > INT32_MAX;
    size_t item_bytes = wide ? 8 : 4;
    size_t count = self->n + 1;
    size_t bytes = kin_size_add(KIN_NPY_HEADER_BYTES, kin_size_mul(count, item_bytes));
    unsigned char *file = kin_alloc(bytes, 1);
    char *path = kin_path_join(self->directory, "indptr.npy");
    int rc = 0;
    if (!file || !path) {
        rc = kin_fail_alloc(err, "indptr", bytes);
        goto done;
    }
    kin_npy_format(file, wide ? "<i8" : "<i4", 1, &count);
    int64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned char *at = file + KIN_NPY_HEADER_BYTES + i * item_bytes;
        int32_t narrow = (int32_t)total;
        memcpy(at, wide ? (void *)&total : (void *)&narrow, item_bytes);
        total += i < self->n ? self->filled[i] : 0;
    }
    rc = kin_outfile_write(path, file, bytes, false, err);
done:
    free(file);
    free(path);
    return rc;
}

/* graph.npz: the members that scipy.sparse.save_npz writes, uncompressed. */
static int write_npz(const kin_graph_writer *self, kin_error *err)
{
    static const char csr[3] = {'c', 's', 'r'}; /* as NumPy stores a text: without an end mark */
    unsigned char format[KIN_NPY_HEADER_BYTES + sizeof csr];
    unsigned char shape[KIN_NPY_HEADER_BYTES + 16];
    size_t two = 2;
    int64_t n = (int64_t)self->n;
    kin_npy_format(format, "|S3", 0, NULL);
    memcpy(format + KIN_NPY_HEADER_BYTES, csr, sizeof csr);
    kin_npy_format(shape, "<i8", 1, &two);
    memcpy(shape + KIN_NPY_HEADER_BYTES, &n, sizeof n);
    memcpy(shape + KIN_NPY_HEADER_BYTES + sizeof n, &n, sizeof n);
    const kin_zip_member member[] = {
        {.name = "indices.npy", .file = "indices.npy"},
        {.name = "indptr.npy", .file = "indptr.npy"},
        {.name = "format.npy", .data = format, .bytes = sizeof format},
        {.name = "shape.npy", .data = shape, .bytes = sizeof shape},
        {.name = "data.npy", .file = "data.npy"},
    };
    return kin_zip_write(self->directory, "graph.npz", member, sizeof member / sizeof *member, err);
}

int kin_graph_writer_finish(kin_graph_writer *self, kin_graph_totals *totals, kin_error *err)
{
    *totals = (kin_graph_totals){0};
    for (size_t i = 0; i < self->n; i++) {
        if (self->filled[i] == unwritten)
            return kin_fail(err, KIN_E_INTERNAL, "report this as a bug",
                            "row %zu of the graph was never written", i);
        totals->pairs += self->filled[i];
        totals->items_with_neighbors += self->filled[i] > 0;
    }
    int rc = 0;
    for (size_t a = 0; a < self->array_count && rc == 0; a++)
        rc = finish_array(self, &self->array[a], totals->pairs, err);
    if (rc == 0)
        rc = write_indptr(self, totals->pairs, err);
    if (rc == 0)
        rc = write_npz(self, err);
    return rc;
}
