/*
 * The formats told apart, .ivecs itself, and the look at every entry.
 */
#include "compare/foreign_file.h"

#include <math.h>
#include <stdlib.h>

const char kin_foreign_cut_hint[] =
    "was it cut short, or is it of another format? write the file again";

/* ---- .ivecs ---------------------------------------------------------------------------------- */

static int32_t read_i32(const unsigned char *place)
{
    int32_t value;
    memcpy(&value, place, sizeof value);
    return value;
}

/* The k of row `row`, which starts at byte `at`, if all of the row is there; else a negative code. */
static int64_t ivecs_row(const kin_file *file, size_t row, size_t at, kin_error *err)
{
    size_t left = file->bytes - at;
    if (left < 4)
        return kin_fail(err, KIN_E_DATA, kin_foreign_cut_hint,
                        "%s: row %zu needs 4 bytes for its length, %zu are left", file->path, row,
                        left);
    int32_t k = read_i32(file->data + at);
    if (k < 0 || (size_t)k > (left - 4) / 4)
        return kin_fail(err, KIN_E_DATA, kin_foreign_cut_hint,
                        "%s: row %zu claims %d neighbours, %zu bytes are left for them", file->path,
                        row, k, left - 4);
    return k;
}

static int open_ivecs(kin_foreign_file *self, size_t memory_bytes, kin_error *err)
{
    const kin_file *file = &self->file;
    size_t n = 0;
    for (size_t at = 0; at < file->bytes; n++) {
        int64_t k = ivecs_row(file, n, at, err);
        if (k < 0)
            return (int)k;
        at += 4 + 4 * (size_t)k;
    }
    int rc = kin_foreign_file_start(self, n, 0, memory_bytes, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0, at = 0; i < n; i++) {
        int32_t k = read_i32(file->data + at);
        self->start[i + 1] = self->start[i] + k;
        at += 4 + 4 * (size_t)k;
    }
    self->neighbor = file->data + 4;
    self->width = self->skip = 4;
    self->padded = true;
    return 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static const struct format {
    const char *name;
    int (*open)(kin_foreign_file *self, size_t memory_bytes, kin_error *err);
} formats[] = {
    {"npz", kin_foreign_npz_open}, {"ivecs", open_ivecs}, {"ibin", kin_foreign_ibin_open}};

static const struct format *format_of(const char *path)
{
    const char *dot = strrchr(kin_path_base(path), '.');
    for (size_t i = 0; dot && i < sizeof formats / sizeof *formats; i++)
        if (strcmp(dot + 1, formats[i].name) == 0)
            return &formats[i];
    return NULL;
}

bool kin_foreign_file_is(const char *path)
{
    return format_of(path) != NULL;
}

int kin_foreign_file_start(kin_foreign_file *self, size_t n, size_t other_bytes,
                           size_t memory_bytes, kin_error *err)
{
    kin_memory_plan plan = KIN_MEMORY_PLAN_INIT;
    if (n == 0 || n > INT32_MAX)
        return kin_fail(err, KIN_E_DATA, n ? "split the graph" : "write a row for every item",
                        "%s: %zu rows, must be 1 to %d", self->file.path, n, INT32_MAX);
    kin_memory_plan_add(&plan, "where rows start", n + 1, sizeof *self->start);
    kin_memory_plan_add(&plan, "indptr as the file has it", other_bytes, 1);
    int rc = kin_memory_plan_check(&plan, memory_bytes, err);
    if (rc != 0)
        return rc;
    self->n = n;
    self->start = kin_alloc(n + 1, sizeof *self->start);
    if (!self->start)
        return kin_fail_alloc(err, "where rows start", (n + 1) * sizeof *self->start);
    self->start[0] = 0;
    return 0;
}

int kin_foreign_file_open(kin_foreign_file *self, const char *path, size_t memory_bytes,
                          kin_error *err)
{
    const struct format *format = format_of(path);
    *self = (kin_foreign_file){0};
    int rc = kin_file_open(&self->file, path, err);
    if (rc == 0 && !format)
        rc = kin_fail(err, KIN_E_DATA, "graphs are read from kin's folders, .npz .ivecs .ibin",
                      "%s: unknown file format", path);
    if (rc == 0) {
        self->format = format->name;
        rc = format->open(self, memory_bytes, err);
    }
    for (size_t i = 0; i < self->n && rc == 0; i++) {
        size_t length = (size_t)(self->start[i + 1] - self->start[i]);
        self->longest = length > self->longest ? length : self->longest;
    }
    if (rc == 0)
        self->entries = (size_t)self->start[self->n];
    else
        kin_foreign_file_close(self);
    return rc;
}

void kin_foreign_file_close(kin_foreign_file *self)
{
    kin_zip_close(&self->archive);
    for (size_t m = 0; m < KIN_FOREIGN_MEMBERS; m++)
        free(self->member_data[m]);
    free(self->start);
    kin_file_close(&self->file);
    *self = (kin_foreign_file){0};
}

void kin_foreign_file_plan(const kin_foreign_file *self, kin_memory_plan *plan)
{
    kin_memory_plan_add(plan, "where rows start", self->n + 1, sizeof *self->start);
    kin_memory_plan_add(plan, "indices as the file has them",
                        self->member[KIN_FOREIGN_INDICES].bytes, 1);
    kin_memory_plan_add(plan, "data as the file has them", self->member[KIN_FOREIGN_DATA].bytes, 1);
}

static bool good_neighbor(const kin_foreign_file *self, int64_t neighbor)
{
    return neighbor >= (self->padded ? -1 : 0) && neighbor < (int64_t)self->n;
}

/* The first entry of a row that cannot be used, or where the next row starts. */
static size_t find_bad(const kin_foreign_file *self, size_t row)
{
    size_t entry = (size_t)self->start[row];
    size_t end = (size_t)self->start[row + 1];
    while (entry < end && good_neighbor(self, kin_foreign_neighbor(self, row, entry)) &&
           !(self->score && isnan(kin_foreign_score(self, entry))))
        entry++;
    return entry;
}

static int refuse_entry(const kin_foreign_file *self, size_t row, size_t entry, kin_error *err)
{
    int64_t neighbor = kin_foreign_neighbor(self, row, entry);
    size_t place = entry - (size_t)self->start[row];
    if (good_neighbor(self, neighbor))
        return kin_fail(err, KIN_E_DATA, "leave pairs without a score out",
                        "%s: row %zu: the score of entry %zu (neighbour %lld) is NaN",
                        self->file.path, row, place, (long long)neighbor);
    return kin_fail(err, KIN_E_DATA, "neighbours are row numbers from 0, in the order of the items",
                    "%s: row %zu: entry %zu is %lld, must be 0 to %zu%s", self->file.path, row,
                    place, (long long)neighbor, self->n - 1,
                    self->padded ? ", or -1 for none" : "");
}

int kin_foreign_file_load(kin_foreign_file *self, kin_error *err)
{
    int rc = self->load ? self->load(self, err) : 0;
    if (rc != 0)
        return rc;
    size_t bad = self->n;
#pragma omp parallel for reduction(min : bad)
    for (size_t row = 0; row < self->n; row++)
        if (row < bad && find_bad(self, row) < (size_t)self->start[row + 1])
            bad = row;
    return bad < self->n ? refuse_entry(self, bad, find_bad(self, bad), err) : 0;
}
