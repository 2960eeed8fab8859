#include "core/catalog_scan.h"
#include "core/counted.h"
#include "core/ids.h"
#include "core/memory.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const kin_missing_names[] = {"renorm", "zero", "drop", "error", NULL};

/* A file that was read, or what lies in memory in its place, and what it was. */
typedef struct input {
    const char *path;
    const kin_hash *before;
    const kin_matrix *matrix; /* an array; else NULL */
    kin_span text;            /* ids in memory; else NULL */
} input;

static int hash_again(kin_hash *now, const input *of, kin_error *err)
{
    if (!of->matrix && !of->text.text)
        return kin_hash_file(now, NULL, of->path, err);
    *now = of->matrix ? kin_matrix_fingerprint(of->matrix)
                      : kin_hash_bytes(of->text.text, of->text.length);
    return 0;
}

static int same_input(const input *of, kin_error *err)
{
    kin_hash now;
    kin_error fault = {0};
    int rc = hash_again(&now, of, &fault);
    if (rc == 0 && strcmp(now.text, of->before->text) == 0)
        return 0;
    if (rc != 0 &&
        rc != KIN_E_NOINPUT) { /* it may be the same: memory, descriptors or the disk failed */
        if (err)
            *err = fault;
        return rc;
    }
    return kin_fail(err, KIN_E_AGAIN, "run it again when nothing writes to the inputs",
                    "%s changed while it was read", of->path);
}

static input modality_input(const kin_modality *m)
{
    return (input){.path = m->matrix.file.path,
                   .before = &m->fingerprint,
                   .matrix = m->matrix.in_memory ? &m->matrix : NULL};
}

static int open_modality(kin_catalog *self, const kin_source *source,
                         const kin_row_visitor *visitor, kin_error *err)
{
    kin_modality *m = &self->modality[self->modality_count];
    for (size_t other = 0; other < self->modality_count; other++)
        if (strcmp(self->modality[other].name, source->name) == 0)
            return kin_fail(err, KIN_E_USAGE, "give each modality a name of its own: NAME=FILE",
                            "two modalities are named '%s'", source->name);
    int rc = source->array ? kin_matrix_open_array(&m->matrix, source->array, source->name, err)
                           : kin_matrix_open_in(&m->matrix, source->dir, source->path, err);
    if (rc != 0)
        return rc;
    memcpy(m->name, source->name, sizeof m->name);
    m->weight = source->weight;
    self->modality_count++; /* from here on kin_catalog_close sees it */
    const kin_matrix *first = &self->modality[0].matrix;
    if (m->matrix.n != first->n)
        return kin_fail(err, KIN_E_DATA, "row i of every file must be the same item",
                        "%s has %s, %s has %zu", m->matrix.file.path,
                        kin_count(m->matrix.n, "row").text, first->file.path, first->n);
    m->inverse_norm = kin_alloc(first->n, sizeof *m->inverse_norm);
    if (!self->row_hash)
        self->row_hash = kin_alloc_zero(first->n, sizeof *self->row_hash);
    if (!m->inverse_norm || !self->row_hash)
        return kin_fail_alloc(err, "norms", first->n * sizeof *m->inverse_norm);
    int scanned = kin_catalog_scan(self, self->modality_count - 1, visitor, err);
    const input read = modality_input(m);
    int changed = scanned == KIN_E_DATA ? same_input(&read, err) : 0;
    return changed ? changed : scanned;
}

/* Which modalities each item has, after the policy's word. */
static int mark_present(kin_catalog *self, kin_error *err)
{
    unsigned all = (1u << self->modality_count) - 1;
    self->present = kin_alloc(self->n, 1);
    if (!self->present)
        return kin_fail_alloc(err, "presence", self->n);
    for (size_t i = 0; i < self->n; i++) {
        unsigned present = 0;
        for (size_t m = 0; m < self->modality_count; m++)
            present |= (self->modality[m].inverse_norm[i] != 0 ? 1u : 0u) << m;
        if (present != all && self->missing == KIN_MISSING_ERROR) {
            const kin_modality *m = &self->modality[__builtin_ctz(~present)];
            return kin_fail(err, KIN_E_DATA, "choose --missing renorm, zero or drop",
                            "%s: row %zu is all zero, which --missing error refuses",
                            m->matrix.file.path, i);
        }
        if (present != all && self->missing == KIN_MISSING_DROP)
            present = 0;
        self->present[i] = (uint8_t)present;
    }
    return 0;
}

/* The id column of the table as lines of their own. */
static int ids_from_table(kin_catalog *self, int column, kin_error *err)
{
    size_t bytes = self->items.lines.start[self->items.lines.count];
    kin_lines *ids = &self->ids;
    ids->made = kin_alloc(bytes + self->n, 1);
    ids->start = kin_alloc(self->n + 1, sizeof *ids->start);
    if (!ids->made || !ids->start)
        return kin_fail_alloc(err, "ids", kin_size_add(bytes, 9 * self->n));
    size_t used = 0;
    for (size_t i = 0; i < self->n; i++) {
        kin_span cell = kin_table_cell(&self->items, i, column);
        ids->start[i] = used;
        memcpy(ids->made + used, cell.text, cell.length);
        used += cell.length;
        ids->made[used++] = '\n';
    }
    ids->start[self->n] = used;
    ids->text = ids->made;
    ids->count = self->n;
    return 0;
}

static const char order_hint[] = "one line an item, in the order of the vectors' rows";
static const char list_hint[] = "a list of ids has no header: leave the first line out";
static const char header_hint[] =
    "is the header missing? the first line names the columns: id, title, category, image";

static int check_count(size_t got, size_t n, const char *path, const char *what, const char *hint,
                       kin_error *err)
{
    if (got == n)
        return 0;
    return kin_fail(err, KIN_E_DATA, hint, "%s has %zu %s, the catalog has %zu items", path, got,
                    what, n);
}

/* A list of ids that begins with the name of its column. */
static bool has_header(const kin_lines *ids, size_t n)
{
    return ids->count == n + 1 && kin_span_equal(kin_lines_at(ids, 0), (kin_span){"id", 2});
}

static int open_items(kin_catalog *self, const char *path, kin_error *err)
{
    int rc = kin_table_open(&self->items, path, err);
    if (rc == 0)
        rc = kin_table_check_tabs(&self->items, path, err);
    if (rc != 0)
        return rc;
    self->items_fingerprint =
        kin_hash_bytes(self->items.lines.file.data, self->items.lines.file.bytes);
    return check_count(self->items.lines.count - 1, self->n, path, "lines of items",
                       self->items.lines.count == self->n ? header_hint : order_hint, err);
}

static bool ids_are_given(const kin_catalog_options *options)
{
    return options->ids || options->ids_text.text;
}

/* The number of the table's id column in *column, or -1: rows are numbered then. A table that has a
 * column of ids by another name is refused: row numbers beside it are a mistake. */
static int find_ids(kin_catalog *self, const kin_catalog_options *options, int *column,
                    kin_error *err)
{
    char hint[KIN_HINT_MAX], names[200];
    const kin_table *items = &self->items;
    const char *wanted = options->id_column ? options->id_column : "id";
    *column = kin_table_column(items, wanted);
    if (*column >= 0)
        return 0;
    kin_table_names(items, names, sizeof names);
    int like = kin_table_id_like(items);
    if (options->id_column)
        return kin_fail(err, KIN_E_DATA, "name the column as the header has it",
                        "%s has no column '%s' (its columns: %s)", options->items, wanted, names);
    if (like >= 0 && !ids_are_given(options)) {
        kin_span name = items->column[like];
        int length = (int)(name.length < 60 ? name.length : 60);
        snprintf(hint, sizeof hint,
                 "--id-column '%.*s' if that is it; else name the column id, or give --ids FILE",
                 length, name.text);
        return kin_fail(err, KIN_E_DATA, hint,
                        "%s has no column 'id', but '%.*s' (its columns: %s)", options->items,
                        length, name.text, names);
    }
    self->ids_lacking = !ids_are_given(options);
    return 0;
}

/* Ids in memory, and those of kin's own folders, are as they are: no quotes of a table's. */
static int read_ids(kin_catalog *self, const kin_catalog_options *options, kin_error *err)
{
    kin_span text = self->ids_text = options->ids_text;
    self->ids_path =
        text.text ? kin_text("the list of ids") : kin_path_in(options->ids_dir, options->ids);
    if (!self->ids_path)
        return kin_fail_alloc(err, "path", PATH_MAX);
    if (text.text) {
        self->ids_fingerprint = kin_hash_bytes(text.text, text.length);
        return kin_lines_open_text(&self->ids, text.text, text.length, self->ids_path, err);
    }
    int rc = kin_lines_open_in(&self->ids, options->ids_dir, options->ids, err);
    if (rc == 0)
        self->ids_fingerprint = kin_hash_bytes(self->ids.file.data, self->ids.file.bytes);
    return rc == 0 && !options->ids_dir ? kin_lines_unquote(&self->ids, err) : rc;
}

static int open_ids(kin_catalog *self, const kin_catalog_options *options, kin_error *err)
{
    int rc = read_ids(self, options, err);
    if (rc != 0)
        return rc;
    return check_count(self->ids.count, self->n, self->ids_path, "ids",
                       has_header(&self->ids, self->n) ? list_hint : order_hint, err);
}

/* Ids and table; when both name the items they must agree. */
static int open_names(kin_catalog *self, const kin_catalog_options *options, kin_error *err)
{
    int rc = 0;
    int column = -1;
    if (options->ids && options->ids_text.text)
        return kin_fail(err, KIN_E_USAGE, "choose one of them",
                        "ids are given in memory and by --ids %s", options->ids);
    if (options->id_column && !options->items)
        return kin_fail(err, KIN_E_USAGE, "give --items FILE.tsv too",
                        "--id-column names a column of a table, none is given");
    if (options->items) {
        rc = open_items(self, options->items, err);
        if (rc == 0)
            rc = find_ids(self, options, &column, err);
    }
    if (rc == 0 && ids_are_given(options)) {
        rc = open_ids(self, options, err);
    } else if (rc == 0) {
        rc = column >= 0 ? ids_from_table(self, column, err)
                         : kin_lines_number(&self->ids, self->n, err);
    }
    if (rc != 0)
        return rc;
    for (size_t i = 0; self->ids_path && column >= 0 && i < self->n; i++) {
        kin_span cell = kin_table_cell(&self->items, i, column);
        if (!kin_span_equal(cell, kin_lines_at(&self->ids, i)))
            return kin_fail(err, KIN_E_DATA, "sort both files in the order of the vectors' rows",
                            "%s: line %zu has the id '%.*s', %s has another there", options->items,
                            i + 2, (int)(cell.length < 100 ? cell.length : 100), cell.text,
                            self->ids_path);
    }
    if (options->ids_text.text)
        return kin_ids_check(&self->ids, self->ids_path, 1, err);
    const char *path = options->ids ? self->ids_path : options->items;
    return kin_ids_check_given(&self->ids, path, options->ids ? 1 : 2, err);
}

static int check_source_count(const kin_catalog_options *options, kin_error *err)
{
    if (options->source_count >= 1 && options->source_count <= KIN_MODALITIES_MAX &&
        options->source)
        return 0;
    return kin_fail(err, KIN_E_USAGE, "give --modality NAME=FILE[:WEIGHT] one to eight times",
                    "%zu modalities, needs 1 to %d", options->source ? options->source_count : 0,
                    KIN_MODALITIES_MAX);
}

int kin_catalog_options_check(const kin_catalog_options *self, kin_error *err)
{
    int rc = check_source_count(self, err);
    for (size_t m = 0; m < self->source_count && rc == 0; m++)
        rc = kin_source_check(&self->source[m], err);
    return rc;
}

int kin_catalog_open(kin_catalog *self, const kin_catalog_options *options, kin_error *err)
{
    *self = (kin_catalog){.missing = options->missing};
    int rc = check_source_count(options, err);
    for (size_t m = 0; m < options->source_count && rc == 0; m++)
        rc = open_modality(self, &options->source[m], options->visitor, err);
    if (rc == 0) {
        self->n = self->modality[0].matrix.n;
        rc = mark_present(self, err);
    }
    if (rc == 0)
        rc = open_names(self, options, err);
    if (rc != 0)
        kin_catalog_close(self);
    return rc;
}

void kin_catalog_close(kin_catalog *self)
{
    for (size_t m = 0; m < self->modality_count; m++) {
        kin_matrix_close(&self->modality[m].matrix);
        free(self->modality[m].inverse_norm);
    }
    free(self->present);
    free(self->row_hash);
    free(self->ids_path);
    kin_lines_close(&self->ids);
    kin_table_close(&self->items);
    *self = (kin_catalog){0};
}

enum { INPUTS_MAX = KIN_MODALITIES_MAX + 2 };

static size_t list_inputs(const kin_catalog *self, input out[INPUTS_MAX])
{
    size_t count = 0;
    for (size_t m = 0; m < self->modality_count; m++)
        if (self->modality[m].matrix.file.path) /* a sample's rows lie in no file */
            out[count++] = modality_input(&self->modality[m]);
    if (self->ids_path)
        out[count++] = (input){self->ids_path, &self->ids_fingerprint, NULL, self->ids_text};
    if (self->items.lines.file.path)
        out[count++] =
            (input){.path = self->items.lines.file.path, .before = &self->items_fingerprint};
    return count;
}

int kin_catalog_unchanged(const kin_catalog *self, kin_error *err)
{
    input of[INPUTS_MAX];
    int rc[INPUTS_MAX];
    kin_error fault[INPUTS_MAX];
    size_t count = list_inputs(self, of);
#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < count; i++)
        rc[i] = same_input(&of[i], &fault[i]);
    for (size_t i = 0; i < count; i++)
        if (rc[i] != 0) { /* the first one in order, whichever was found first */
            if (err)
                *err = fault[i];
            return rc[i];
        }
    return 0;
}

int kin_catalog_settle(const kin_catalog *self, int rc, kin_error *err)
{
    if (rc != KIN_E_INTERNAL)
        return rc;
    int changed = kin_catalog_unchanged(self, err);
    return changed ? changed : rc;
}

int kin_catalog_fail_row(const kin_catalog *self, size_t row, kin_error *err)
{
    int rc = kin_fail(
        err, KIN_E_INTERNAL, "report this as a bug",
        "%s: row %zu is not what it was when it was checked",
        self->modality[0].matrix.file.path ? self->modality[0].matrix.file.path : "a sample", row);
    return kin_catalog_settle(self, rc, err);
}

int kin_top_k_check(size_t top_k, size_t n, kin_error *err)
{
    if (top_k < n)
        return 0;
    if (n == 1)
        return kin_fail(err, KIN_E_DATA, "give at least two items, a row of each file for each",
                        "the catalog has 1 item, which has no neighbours");
    return kin_fail(err, KIN_E_DATA, "lower --top-k, or give more items",
                    "top-k %zu needs at least %zu items, the catalog has %zu", top_k, top_k + 1, n);
}

size_t kin_catalog_incomplete(const kin_catalog *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->n; i++) {
        bool complete = true;
        for (size_t m = 0; m < self->modality_count; m++)
            complete = complete && self->modality[m].inverse_norm[i] != 0;
        count += !complete;
    }
    return count;
}

double kin_catalog_weight_sum(const kin_catalog *self)
{
    double sum = 0;
    for (size_t m = 0; m < self->modality_count; m++)
        sum += self->modality[m].weight;
    return sum;
}

size_t kin_catalog_dimensions(const kin_catalog *self)
{
    size_t sum = 0;
    for (size_t m = 0; m < self->modality_count; m++)
        sum += self->modality[m].matrix.d;
    return sum;
}
