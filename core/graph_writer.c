/*
 * Writing a graph (declared in core/graph.h).
 *
 * The arrays' files have their full length from the start and are mapped: row i's entries lie at i
 * * k in each, and several threads write different rows without locks. Their blocks on the disk are
 * reserved first, so that a disk too small is found out before the work and not in it. Finishing
 * moves the rows of shorter length together and completes the headers.
 */
#include "core/graph.h"
#include "core/half.h"
#include "core/kernels.h"
#include "core/memory.h"
#include "core/npy.h"
#include "core/outdir.h"
#include "core/score.h"
#include "core/select.h"
#include "core/zip.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

const char *const kin_row_order_names[] = {"score", "column", NULL};

/* One array's file: an entry of `item_bytes` per pair behind a fixed header. */
typedef struct array_file {
    char *path;
    int fd;
    const char *descr;
    size_t item_bytes, bytes;
    unsigned char *map; /* [bytes] */
} array_file;

enum { INDICES, DATA, COSINES, ARRAYS_MAX = COSINES + KIN_MODALITIES_MAX };

struct kin_graph_writer {
    char *directory;
    size_t n, k, modality_count;
    kin_row_order order;
    uint32_t *filled; /* [n] entries of each row; UNWRITTEN before */
    array_file array[ARRAYS_MAX];
    size_t array_count;
};

static const uint32_t unwritten = UINT32_MAX;

static size_t array_bytes(const array_file *array, size_t entries)
{
    return kin_size_add(KIN_NPY_HEADER_BYTES, kin_size_mul(entries, array->item_bytes));
}

/* Blocks of the disk for all of the file. */
static int reserve(const array_file *array, kin_error *err)
{
    int failed;
    do
        failed = posix_fallocate(array->fd, 0, (off_t)array->bytes);
    while (failed == EINTR);
    if (failed == 0)
        return 0;
    errno = failed;
    return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written with its %zu bytes",
                          array->path, array->bytes);
}

static int open_array(kin_graph_writer *self, const char *name, const char *descr,
                      size_t item_bytes, kin_error *err)
{
    array_file *array = &self->array[self->array_count++];
    size_t entries = kin_size_mul(self->n, self->k);
    *array = (array_file){.fd = -1, .descr = descr, .item_bytes = item_bytes};
    array->bytes = array_bytes(array, entries);
    array->path = kin_text("%s/%s.npy", self->directory, name);
    if (!array->path)
        return kin_fail_alloc(err, "path", strlen(self->directory));
    array->fd = KIN_RETRY(open(array->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (array->fd < 0)
        return kin_fail_errno(err, KIN_E_CANTOUT, kin_disk_hint, "%s cannot be created",
                              array->path);
    int rc = reserve(array, err);
    if (rc != 0)
        return rc;
    void *map = mmap(NULL, array->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, array->fd, 0);
    if (map == MAP_FAILED)
        return kin_fail_errno(
            err, errno == ENOMEM ? KIN_E_MEMORY : KIN_E_IO,
            errno == ENOMEM ? "raise the limit on address space (ulimit -v): graphs are mapped"
                            : "choose another file system for --out",
            "%s cannot be mapped with its %zu bytes", array->path, array->bytes);
    array->map = map;
    return 0;
}

/* graph.npz comes last and holds two of the arrays again: room for it is looked for now. */
static int check_npz_room(const kin_graph_writer *self, kin_error *err)
{
    struct statvfs disk;
    size_t needed = self->array[INDICES].bytes + self->array[DATA].bytes;
    if (statvfs(self->directory, &disk) != 0 || disk.f_blocks == 0)
        return 0; /* not known, or a tmpfs without a limit: then writing it will tell */
    size_t room = kin_size_mul(disk.f_bavail, disk.f_frsize);
    if (room >= needed)
        return 0;
    return kin_fail(err, KIN_E_IO, "make room, or choose another --out",
                    "%s/graph.npz cannot be written: it needs %zu bytes and the disk has %zu left: "
                    "No space left on device",
                    self->directory, needed, room);
}

void kin_graph_writer_restart(kin_graph_writer *self)
{
    memset(self->filled, 0xff, self->n * sizeof *self->filled); /* unwritten */
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
    bool refused = !self->directory || !self->filled;
    if (refused) {
        rc = kin_fail_alloc(err, "graph writer", kin_size_mul(n, sizeof *self->filled));
        goto done;
    }
    kin_graph_writer_restart(self);
    rc = open_array(self, "indices", "<i4", sizeof(int32_t), err);
    if (rc == 0)
        rc = open_array(self, "data", "<f4", sizeof(float), err);
    for (size_t m = 0; m < self->modality_count && rc == 0; m++) {
        char name[KIN_NAME_MAX + 8] = "scores_";
        strcat(name, catalog->modality[m].name);
        rc = open_array(self, name, "<f2", sizeof(uint16_t), err);
    }
    if (rc == 0)
        rc = check_npz_room(self, err);
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
        if (self->array[a].map)
            munmap(self->array[a].map, self->array[a].bytes);
        if (self->array[a].fd >= 0)
            close(self->array[a].fd);
        free(self->array[a].path);
    }
    free(self->directory);
    free(self->filled);
    free(self);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

/* Where row i's entries lie in an array's file. */
static void *entries_of(const kin_graph_writer *self, int a, size_t i)
{
    const array_file *array = &self->array[a];
    return array->map + KIN_NPY_HEADER_BYTES + i * self->k * array->item_bytes;
}

/* Row q of the block as row i of the graph, best first. */
static void write_row(kin_graph_writer *self, size_t i, const kin_rows *rows, size_t q)
{
    size_t from = q * self->k, filled = rows->filled[q];
    memcpy(entries_of(self, INDICES, i), rows->neighbor + from, filled * sizeof *rows->neighbor);
    memcpy(entries_of(self, DATA, i), rows->score + from, filled * sizeof *rows->score);
    for (size_t m = 0; m < self->modality_count; m++)
        kin_kernels_best()->narrow(entries_of(self, COSINES + (int)m, i), rows->cosine[m] + from,
                                   filled);
    self->filled[i] = rows->filled[q];
}

/* The same with entries in the order of their columns. */
static void write_row_by_column(kin_graph_writer *self, size_t i, const kin_rows *rows, size_t q,
                                uint64_t *key /* [k] */)
{
    size_t from = q * self->k, filled = rows->filled[q];
    int32_t *column = entries_of(self, INDICES, i);
    float *score = entries_of(self, DATA, i);
    for (size_t e = 0; e < filled; e++)
        key[e] = (uint64_t)rows->neighbor[from + e] << 32 | e;
    kin_keys_select(key, filled, filled);
    for (size_t e = 0; e < filled; e++) {
        size_t entry = from + (uint32_t)key[e];
        column[e] = rows->neighbor[entry];
        score[e] = rows->score[entry];
        for (size_t m = 0; m < self->modality_count; m++) {
            uint16_t *cosine = entries_of(self, COSINES + (int)m, i);
            cosine[e] = kin_half_from_float(rows->cosine[m][entry]);
        }
    }
    self->filled[i] = rows->filled[q];
}

static int write_rows(void *writer, size_t first, const kin_rows *rows, kin_error *err)
{
    kin_graph_writer *self = writer;
    bool refused = false;
    assert(rows->k == self->k && first + rows->count <= self->n);
    int rc = kin_rows_check(rows, err);
    if (rc != 0)
        return rc;
#pragma omp parallel if (rows->count * self->k > 65536)
    {
        bool by_column = self->order == KIN_ORDER_COLUMN;
        uint64_t *key = by_column ? kin_alloc(self->k, sizeof *key) : NULL;
#pragma omp for schedule(static)
        for (size_t q = 0; q < rows->count; q++)
            if (key)
                write_row_by_column(self, first + q, rows, q, key);
            else if (!by_column)
                write_row(self, first + q, rows, q);
        if (by_column && !key)
#pragma omp atomic write
            refused = true;
        free(key);
    }
    return refused ? kin_fail_alloc(err, "the order of a row", self->k * sizeof(uint64_t)) : 0;
}

kin_row_sink kin_graph_writer_sink(kin_graph_writer *self)
{
    return (kin_row_sink){.self = self, .write = write_rows};
}

/* ---- finish ---------------------------------------------------------------------------------- */

/* Moves the entries of short rows together. */
static void close_up(const kin_graph_writer *self, const array_file *array)
{
    unsigned char *base = array->map + KIN_NPY_HEADER_BYTES;
    size_t row_bytes = self->k * array->item_bytes;
    size_t at = 0;
    for (size_t i = 0; i < self->n; i++) {
        size_t length = self->filled[i] * array->item_bytes;
        memmove(base + at, base + i * row_bytes, length);
        at += length;
    }
}

/* Brings an array's file into its final form. It stays mapped. */
static int finish_array(const kin_graph_writer *self, const array_file *array, size_t pairs,
                        kin_error *err)
{
    if (pairs < self->n * self->k)
        close_up(self, array);
    kin_npy_format(array->map, array->descr, 1, &pairs);
    if (KIN_RETRY(ftruncate(array->fd, (off_t)array_bytes(array, pairs))) != 0)
        return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", array->path);
    return 0;
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
    rc = kin_file_write(path, file, bytes, err);
done:
    free(file);
    free(path);
    return rc;
}

/* graph.npz: the members that scipy.sparse.save_npz writes, uncompressed. */
static int write_npz(const kin_graph_writer *self, size_t pairs, kin_error *err)
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
    const array_file *indices = &self->array[INDICES], *data = &self->array[DATA];
    const kin_zip_member member[] = {
        {.name = "indices.npy", .data = indices->map, .bytes = array_bytes(indices, pairs)},
        {.name = "indptr.npy", .file = "indptr.npy"},
        {.name = "format.npy", .data = format, .bytes = sizeof format},
        {.name = "shape.npy", .data = shape, .bytes = sizeof shape},
        {.name = "data.npy", .data = data->map, .bytes = array_bytes(data, pairs)},
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
        rc = write_npz(self, totals->pairs, err);
    return rc;
}
