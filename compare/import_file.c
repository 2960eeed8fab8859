/*
 * What all formats share (compare/import_file.h): where rows start, the memory that a file takes,
 * and a look at every entry.
 */
#include "compare/import_file.h"

#include <math.h>
#include <stdlib.h>

const char kin_import_cut_hint[] =
    "was it cut short, or is it of another format? write the file again";

int kin_import_file_start(kin_import_file *self, size_t n, size_t other_bytes, size_t memory_bytes,
                          kin_error *err)
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

void kin_import_file_close(kin_import_file *self)
{
    for (size_t m = 0; m < KIN_IMPORT_MEMBERS; m++)
        free(self->member_data[m]);
    free(self->start);
    kin_file_close(&self->file);
    *self = (kin_import_file){0};
}

void kin_import_file_plan(const kin_import_file *self, kin_memory_plan *plan)
{
    kin_memory_plan_add(plan, "where rows start", self->n + 1, sizeof *self->start);
    kin_memory_plan_add(plan, "indices as the file has them",
                        self->member[KIN_IMPORT_INDICES].bytes, 1);
    kin_memory_plan_add(plan, "data as the file has them", self->member[KIN_IMPORT_DATA].bytes, 1);
}

static bool good_neighbor(const kin_import_file *self, int64_t neighbor)
{
    return neighbor >= (self->padded ? -1 : 0) && neighbor < (int64_t)self->n;
}

/* The first entry of a row that cannot be used, or where the next row starts. */
static size_t find_bad(const kin_import_file *self, size_t row)
{
    size_t entry = (size_t)self->start[row];
    size_t end = (size_t)self->start[row + 1];
    while (entry < end && good_neighbor(self, kin_import_neighbor(self, row, entry)) &&
           !(self->score && isnan(kin_import_score(self, entry))))
        entry++;
    return entry;
}

static int refuse_entry(const kin_import_file *self, size_t row, size_t entry, kin_error *err)
{
    int64_t neighbor = kin_import_neighbor(self, row, entry);
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

int kin_import_file_load(kin_import_file *self, kin_error *err)
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
