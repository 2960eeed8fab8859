/*
 * Reading a graph (declared in core/graph.h): nothing in the arrays is trusted until it was seen.
 */
#include "core/graph.h"
#include "core/json.h"
#include "core/manifest.h"
#include "core/memory.h"
#include "core/npy_array.h"
#include "core/outdir.h"
#include "core/score.h"
#include "core/select.h"
#include "core/zip_stored.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char damaged[] = "the folder is damaged: build it again";

static const char archive[] = "graph.npz";

enum { FILE_ARCHIVE, FILE_INDICES, FILE_DATA, FILE_INDPTR, FILE_COSINES };

/* Where the CSR arrays are: in files of their own if the manifest lists these, else in the
 * archive. */
static int open_archive(kin_graph *self, kin_error *err)
{
    if (json_object_get(json_object_get(self->manifest, "files"), "indices.npy"))
        return 0;
    snprintf(self->inside, sizeof self->inside, "%s: ", archive);
    return kin_file_open_in(&self->file[FILE_ARCHIVE], &self->dir, archive, err);
}

/* An array that is a member of the archive. */
static int find_array(const kin_graph *self, kin_npy_array *out, const char *name,
                      const char *descr, kin_error *err)
{
    const kin_file *file = &self->file[FILE_ARCHIVE];
    const unsigned char *data;
    size_t bytes;
    char member[KIN_NAME_MAX];
    snprintf(member, sizeof member, "%s.npy", name);
    int rc = kin_stored_find(file, member, &data, &bytes, err);
    if (rc != 0)
        return rc;
    char *path = kin_text("%s: %s", file->path, member);
    rc = path ? kin_npy_array_of(out, data, bytes, path, descr, 1, err)
              : kin_fail_alloc(err, "path", strlen(file->path));
    free(path);
    return rc;
}

/* A one-dimensional array of the folder; its values and their number. */
static int open_array(kin_graph *self, int file, const char *name, const char *descr,
                      const void **values, size_t *count, kin_error *err)
{
    kin_npy_array array;
    bool member = file < FILE_COSINES && *self->inside;
    int rc = member
                 ? find_array(self, &array, name, descr, err)
                 : kin_npy_array_open(&array, &self->file[file], &self->dir, name, descr, 1, err);
    if (rc == 0) {
        *values = array.values;
        *count = array.shape[0];
    }
    return rc;
}

/* indptr of either width as int64, ascending from 0. */
static int open_indptr(kin_graph *self, kin_error *err)
{
    const void *values;
    size_t count = 0;
    bool wide = self->pairs > INT32_MAX;
    int rc = open_array(self, FILE_INDPTR, "indptr", wide ? "<i8" : "<i4", &values, &count, err);
    if (rc != 0)
        return rc;
    if (count < 2)
        return kin_fail(err, KIN_E_DATA, damaged, "%s/%sindptr.npy has %zu values", self->directory,
                        self->inside, count);
    self->n = count - 1;
    if (self->k >= self->n) /* memory for rows goes by it */
        return kin_fail(err, KIN_E_DATA, damaged, "%s/manifest.json: top_k is %zu of %zu items",
                        self->directory, self->k, self->n);
    self->indptr = kin_alloc(count, sizeof *self->indptr);
    if (!self->indptr)
        return kin_fail_alloc(err, "indptr", kin_size_mul(count, sizeof *self->indptr));
    for (size_t i = 0; i < count; i++)
        self->indptr[i] = wide ? ((const int64_t *)values)[i] : ((const int32_t *)values)[i];
    bool ends = self->indptr[0] == 0 && self->indptr[self->n] == (int64_t)self->pairs;
    for (size_t i = 0; i < self->n; i++) {
        int64_t length = self->indptr[i + 1] - self->indptr[i];
        if (!ends || length < 0 || length > (int64_t)self->k)
            return kin_fail(err, KIN_E_DATA, damaged,
                            "%s/%sindptr.npy: row %zu has %lld entries of %zu in all, top-k is %zu",
                            self->directory, self->inside, i, (long long)length, self->pairs,
                            self->k);
    }
    return 0;
}

static void forget(const kin_graph *self, const void *array, size_t item_bytes, size_t first,
                   size_t count)
{
    const unsigned char *from = (const unsigned char *)array + first * item_bytes;
    for (size_t f = 0; f < sizeof self->file / sizeof *self->file; f++)
        if (kin_file_holds(&self->file[f], from))
            kin_file_forget(&self->file[f], from, count * item_bytes);
}

void kin_graph_forget(const kin_graph *self, size_t first, size_t count)
{
    forget(self, self->indices, sizeof *self->indices, first, count);
    if (self->data)
        forget(self, self->data, sizeof *self->data, first, count);
    for (size_t m = 0; m < self->modality_count; m++)
        if (self->cosine[m])
            forget(self, self->cosine[m], sizeof *self->cosine[m], first, count);
}

/* In blocks whose memory is given back: of a large graph a command may need a few rows. */
static int check_indices(const kin_graph *self, kin_error *err)
{
    enum { BLOCK = 1 << 22 };
    size_t bad = self->pairs;
    for (size_t first = 0; first < self->pairs && bad == self->pairs; first += BLOCK) {
        size_t left = self->pairs - first, count = left < BLOCK ? left : BLOCK;
#pragma omp parallel for reduction(min : bad)
        for (size_t p = first; p < first + count; p++)
            if ((self->indices[p] < 0 || (size_t)self->indices[p] >= self->n) && p < bad)
                bad = p;
        forget(self, self->indices, sizeof *self->indices, first, count);
    }
    if (bad < self->pairs)
        return kin_fail(err, KIN_E_DATA, damaged,
                        "%s/%sindices.npy: entry %zu is %d, must be 0 to %zu", self->directory,
                        self->inside, bad, self->indices[bad], self->n - 1);
    return 0;
}

/* Sets object["engine"] to today's name of the self-join, if it holds the older one. */
static int rename_join(json_t *object, kin_error *err)
{
    const char *name = json_string_value(json_object_get(object, "engine"));
    if (!name || strcmp(name, "ivf") != 0)
        return 0;
    json_t *held = json_incref(object);
    kin_json_set(&held, "engine", json_string("join"));
    if (!held)
        return kin_fail_alloc(err, "manifest", 0);
    json_decref(held);
    return 0;
}

/* Older graphs name the engine of the self-join "ivf", which is FAISS's today. They alone have
 * "join". */
static int rename_old_engine(json_t *manifest, kin_error *err)
{
    if (!json_object_get(manifest, "join"))
        return 0;
    int rc = rename_join(manifest, err);
    return rc ? rc : rename_join(json_object_get(manifest, "options"), err);
}

/* K, the order of entries, and the names of the modalities. */
static int read_manifest(kin_graph *self, kin_error *err)
{
    int rc = kin_manifest_read_in(&self->manifest, &self->dir, "graph", err);
    if (rc == 0)
        rc = rename_old_engine(self->manifest, err);
    if (rc != 0)
        return rc;
    const json_t *options = json_object_get(self->manifest, "options");
    const json_t *modalities = json_object_get(self->manifest, "modalities");
    const char *order = json_string_value(json_object_get(options, "row_order"));
    json_int_t k = json_integer_value(json_object_get(options, "top_k"));
    size_t count = json_array_size(modalities);
    if (k < 1 || !order || count < 1 || count > KIN_MODALITIES_MAX)
        return kin_fail(err, KIN_E_DATA, damaged,
                        "%s/manifest.json lacks top_k, row_order or modalities", self->directory);
    self->k = (size_t)k;
    self->order = strcmp(order, "column") == 0 ? KIN_ORDER_COLUMN : KIN_ORDER_SCORE;
    self->modality_count = count;
    for (size_t m = 0; m < count; m++) {
        const char *name =
            json_string_value(json_object_get(json_array_get(modalities, m), "name"));
        if (!name || !*name || strlen(name) >= KIN_NAME_MAX || strchr(name, '/'))
            return kin_fail(err, KIN_E_DATA, damaged, "%s/manifest.json: modality %zu has no name",
                            self->directory, m);
        for (size_t other = 0; other < m; other++)
            if (strcmp(self->modality[other], name) == 0)
                return kin_fail(err, KIN_E_DATA, damaged,
                                "%s/manifest.json: two modalities are named '%s'", self->directory,
                                name);
        memcpy(self->modality[m], name, strlen(name) + 1);
    }
    return 0;
}

static int same_count(const kin_graph *self, const char *inside, const char *name, size_t count,
                      kin_error *err)
{
    if (count == self->pairs)
        return 0;
    return kin_fail(err, KIN_E_DATA, damaged, "%s/%s%s.npy has %zu values, indices.npy has %zu",
                    self->directory, inside, name, count, self->pairs);
}

static int open_arrays(kin_graph *self, kin_error *err)
{
    size_t count = 0;
    int rc = open_archive(self, err);
    if (rc == 0)
        rc = open_array(self, FILE_INDICES, "indices", "<i4", (const void **)&self->indices,
                        &self->pairs, err);
    if (rc == 0)
        rc = open_array(self, FILE_DATA, "data", "<f4", (const void **)&self->data, &count, err);
    if (rc == 0)
        rc = same_count(self, self->inside, "data", count, err);
    for (size_t m = 0; m < self->modality_count && rc == 0; m++) {
        char name[KIN_NAME_MAX + 8] = "scores_";
        strcat(name, self->modality[m]);
        rc = open_array(self, FILE_COSINES + (int)m, name, "<f2", (const void **)&self->cosine[m],
                        &count, err);
        if (rc == 0)
            rc = same_count(self, "", name, count, err);
    }
    if (rc == 0)
        rc = open_indptr(self, err);
    if (rc == 0)
        rc = check_indices(self, err);
    return rc;
}

/* ids.txt, and items.tsv if the manifest lists one. */
static int open_names(kin_graph *self, kin_error *err)
{
    int rc = kin_lines_open_in(&self->ids, &self->dir, "ids.txt", err);
    if (rc == 0 && self->ids.count != self->n)
        rc = kin_fail(err, KIN_E_DATA, damaged, "%s has %zu ids, the graph has %zu items",
                      self->ids.file.path, self->ids.count, self->n);
    if (rc == 0 && json_object_get(json_object_get(self->manifest, "files"), "items.tsv"))
        rc = kin_table_open_in(&self->items, &self->dir, "items.tsv", err);
    if (rc == 0 && self->items.lines.count > 0 && self->items.lines.count != self->n + 1)
        rc = kin_fail(err, KIN_E_DATA, damaged, "%s has %zu items, the graph has %zu",
                      self->items.lines.file.path, self->items.lines.count - 1, self->n);
    return rc;
}

int kin_graph_open(kin_graph *self, const char *directory, kin_error *err)
{
    kin_dir dir;
    *self = (kin_graph){0};
    int rc = kin_dir_open(&dir, directory, err);
    if (rc == 0)
        rc = kin_graph_open_in(self, &dir, err);
    kin_dir_close(&dir);
    return rc;
}

int kin_graph_open_in(kin_graph *self, const kin_dir *dir, kin_error *err)
{
    *self = (kin_graph){0};
    int rc = kin_dir_copy(&self->dir, dir, err);
    self->directory = rc == 0 ? strdup(dir->path) : NULL;
    if (rc == 0 && !self->directory)
        rc = kin_fail_alloc(err, "path", strlen(dir->path));
    if (rc == 0)
        rc = read_manifest(self, err);
    if (rc == 0)
        rc = open_arrays(self, err);
    if (rc == 0)
        rc = open_names(self, err);
    if (rc != 0)
        kin_graph_close(self);
    return rc;
}

void kin_graph_close(kin_graph *self)
{
    for (size_t f = 0; f < sizeof self->file / sizeof *self->file; f++)
        kin_file_close(&self->file[f]);
    for (size_t a = 0; a < sizeof self->in_memory / sizeof *self->in_memory; a++)
        free(self->in_memory[a]);
    if (!self->names_borrowed) {
        kin_lines_close(&self->ids);
        kin_table_close(&self->items);
    }
    json_decref(self->manifest);
    free(self->indptr);
    free(self->directory);
    kin_dir_close(&self->dir);
    *self = (kin_graph){0};
}

int kin_graph_check_scores(const kin_graph *self, kin_error *err)
{
    size_t bad = self->pairs;
#pragma omp parallel for reduction(min : bad)
    for (size_t p = 0; p < self->pairs; p++)
        if (p < bad && !isfinite(self->data[p]))
            bad = p;
    if (bad < self->pairs)
        return kin_fail(err, KIN_E_DATA, damaged, "%s/%sdata.npy: entry %zu is %g, must be finite",
                        self->directory, self->inside, bad, (double)self->data[bad]);
    return 0;
}

int kin_neighbor_best_first(const void *a, const void *b)
{
    const kin_neighbor *x = a;
    const kin_neighbor *y = b;
    uint32_t order_x = kin_score_order(x->score);
    uint32_t order_y = kin_score_order(y->score);
    if (order_x != order_y)
        return order_x > order_y ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

size_t kin_graph_row(const kin_graph *self, size_t row, kin_neighbor *out)
{
    size_t first = (size_t)self->indptr[row];
    size_t count = (size_t)self->indptr[row + 1] - first;
    for (size_t i = 0; i < count; i++)
        out[i] = (kin_neighbor){self->indices[first + i], self->data ? self->data[first + i] : NAN,
                                first + i};
    if (self->order == KIN_ORDER_COLUMN)
        qsort(out, count, sizeof *out, kin_neighbor_best_first);
    return count;
}
