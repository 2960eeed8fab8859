/*
 * Grouping equal rows: a table from row hashes to first items, open addressing.
 *
 * XXH3 of the bytes of all concerned modalities proposes, memcmp decides. Hashes are taken in
 * parallel; the table is filled by one thread in row order, which makes the numbering what it is.
 * Bytes are compared, not values: rows that differ in scale, or 0 from -0, stay apart. A few cost a
 * little speed; thousands of one vector in other lengths trap an HNSW as identical rows would
 * (docs/PERFORMANCE.md).
 * Time: one pass over the rows, a second over those that are equal to another. Memory: 12 to 20
 * bytes an item kept, 16 to 24 more while grouping.
 */
#include "ann/faiss_distinct.h"
#include "core/memory.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

size_t kin_distinct_bytes(size_t n)
{
    return kin_size_mul(n, 2 * sizeof(int32_t) + sizeof(size_t));
}

static size_t slots_for(size_t n)
{
    size_t slots = 16;
    while (slots < n + n / 2)
        slots *= 2;
    return slots;
}

size_t kin_distinct_work_bytes(size_t n)
{
    return kin_size_add(kin_size_mul(n, sizeof(uint64_t)),
                        kin_size_mul(slots_for(n), sizeof(int32_t)));
}

static size_t row_bytes(const kin_matrix *matrix)
{
    return matrix->d * kin_dtype_bytes(matrix->dtype);
}

static uint64_t row_hash(const kin_catalog *catalog, size_t row, unsigned pattern)
{
    uint64_t hash = pattern;
    for (size_t m = 0; m < catalog->modality_count; m++)
        if (pattern >> m & 1) {
            const kin_matrix *matrix = &catalog->modality[m].matrix;
            hash = XXH3_64bits_withSeed(kin_matrix_row(matrix, row), row_bytes(matrix), hash);
        }
    return hash;
}

static bool rows_equal(const kin_catalog *catalog, size_t a, size_t b, unsigned modalities)
{
    unsigned pattern = kin_distinct_pattern(catalog, a, modalities);
    if (pattern != kin_distinct_pattern(catalog, b, modalities))
        return false;
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const kin_matrix *matrix = &catalog->modality[m].matrix;
        if (pattern >> m & 1 &&
            memcmp(kin_matrix_row(matrix, a), kin_matrix_row(matrix, b), row_bytes(matrix)) != 0)
            return false;
    }
    return true;
}

/* Fills self->of; returns the number of groups. A slot holds a first item + 1, 0 is free. */
static size_t number_groups(kin_distinct *self, const kin_catalog *catalog, unsigned modalities,
                            const uint64_t *hash, int32_t *slot, size_t slots)
{
    size_t count = 0;
    for (size_t row = 0; row < self->n; row++) {
        self->of[row] = -1;
        if (kin_distinct_pattern(catalog, row, modalities) == 0)
            continue;
        size_t at = hash[row] & (slots - 1);
        for (; slot[at] != 0; at = (at + 1) & (slots - 1)) {
            size_t first = (size_t)slot[at] - 1;
            if (hash[first] == hash[row] && rows_equal(catalog, first, row, modalities)) {
                self->of[row] = self->of[first];
                break;
            }
        }
        if (slot[at] == 0) {
            slot[at] = (int32_t)row + 1;
            self->of[row] = (int32_t)count++;
        }
    }
    return count;
}

/* start and item from of and count: a counting sort, stable, so ascending in each group. */
static int list_items(kin_distinct *self, kin_error *err)
{
    self->start = kin_alloc_zero(self->count + 2, sizeof *self->start);
    self->item = kin_alloc(self->n, sizeof *self->item);
    if (!self->start || !self->item)
        return kin_fail_alloc(err, "groups of equal rows", kin_distinct_bytes(self->n));
    size_t *next = self->start + 1; /* ends up one place to the left of where it counts */
    for (size_t row = 0; row < self->n; row++)
        if (self->of[row] >= 0)
            next[self->of[row] + 1]++;
    for (size_t group = 0; group < self->count; group++)
        next[group + 1] += next[group];
    for (size_t row = 0; row < self->n; row++)
        if (self->of[row] >= 0)
            self->item[next[self->of[row]]++] = (int32_t)row;
    return 0;
}

int kin_distinct_make(kin_distinct *self, const kin_catalog *catalog, unsigned modalities,
                      kin_error *err)
{
    int status = 0;
    size_t slots = slots_for(catalog->n);
    uint64_t *hash = kin_alloc(catalog->n, sizeof *hash);
    int32_t *slot = kin_alloc_zero(slots, sizeof *slot);

    *self = (kin_distinct){.n = catalog->n};
    self->of = kin_alloc(catalog->n, sizeof *self->of);
    if (!hash || !slot || !self->of) {
        status = kin_fail_alloc(err, "groups of equal rows", kin_distinct_work_bytes(catalog->n));
        goto exit;
    }
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < catalog->n; row++)
        hash[row] = row_hash(catalog, row, kin_distinct_pattern(catalog, row, modalities));
    self->count = number_groups(self, catalog, modalities, hash, slot, slots);
    status = list_items(self, err);
exit:
    free(hash);
    free(slot);
    if (status)
        kin_distinct_release(self);
    return status;
}

int kin_distinct_adopt(kin_distinct *self, int32_t *of, size_t n, const char *path, kin_error *err)
{
    int status = 0;
    *self = (kin_distinct){.n = n, .of = of};
    for (size_t row = 0; row < n; row++) {
        if (of[row] < -1 || of[row] > (int64_t)self->count) {
            status = kin_fail(err, KIN_E_DATA, "build the index again",
                              "%s: row %zu has number %d, where -1 to %zu may stand", path, row,
                              (int)of[row], self->count);
            goto exit;
        }
        self->count += of[row] == (int64_t)self->count;
    }
    status = list_items(self, err);
exit:
    if (status)
        kin_distinct_release(self);
    return status;
}

void kin_distinct_release(kin_distinct *self)
{
    free(self->of);
    free(self->start);
    free(self->item);
    *self = (kin_distinct){0};
}
