/*
 * Distinct vectors by a table from row hashes to first items, open addressing; candidates as a
 * bitmap.
 *
 * XXH3 of the bytes of all concerned modalities proposes, memcmp decides. Hashes of all modalities
 * were taken when the catalog was opened, those of a few are computed in parallel; one thread fills
 * the table in row order, which makes the numbering unique.
 * Bytes are compared, not values: rows that differ in scale, or 0 from -0, stay apart. A few cost a
 * little speed; thousands of one vector in other lengths trap an HNSW as identical rows would
 * (docs/PERFORMANCE.md).
 * The union of candidates is a bitmap over the items: adding sets a bit, listing scans the words,
 * so the union comes out sorted and unique without sorting.
 * Time: a pass over the rows where hashes are not there yet, and one over duplicates. A bit per
 * candidate, and n / 64 words to scan: 16 microseconds or less at a million items.
 * Memory: 12 to 20 bytes an item kept, 16 to 24 more in kin_distinct_make. Of candidates, n / 8
 * bytes and 4 per candidate, a thread.
 */
#include "scan/distinct.h"
#include "core/memory.h"
#include <assert.h>
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

static uint64_t row_hash(const kin_catalog *catalog, size_t row, unsigned modality_mask)
{
    uint64_t hash = modality_mask;
    for (size_t m = 0; m < catalog->modality_count; m++)
        if (modality_mask >> m & 1) {
            const kin_matrix *matrix = &catalog->modality[m].matrix;
            hash = XXH3_64bits_withSeed(kin_matrix_row(matrix, row), row_bytes(matrix), hash);
        }
    return hash;
}

static void hash_rows(const kin_catalog *catalog, unsigned modalities, uint64_t *out)
{
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < catalog->n; row++)
        out[row] = row_hash(catalog, row, kin_distinct_mask(catalog, row, modalities));
}

static bool rows_equal(const kin_catalog *catalog, size_t a, size_t b, unsigned modalities)
{
    unsigned modality_mask = kin_distinct_mask(catalog, a, modalities);
    if (modality_mask != kin_distinct_mask(catalog, b, modalities))
        return false;
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const kin_matrix *matrix = &catalog->modality[m].matrix;
        if (modality_mask >> m & 1 &&
            memcmp(kin_matrix_row(matrix, a), kin_matrix_row(matrix, b), row_bytes(matrix)) != 0)
            return false;
    }
    return true;
}

/* Fills self->of; returns the number of distinct vectors. A slot holds a first item + 1, 0 is
 * free. */
static size_t number_vectors(kin_distinct *self, const kin_catalog *catalog, unsigned modalities,
                             const uint64_t *hash, int32_t *slot, size_t slots)
{
    size_t count = 0;
    for (size_t row = 0; row < self->n; row++) {
        self->of[row] = -1;
        if (kin_distinct_mask(catalog, row, modalities) == 0)
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

/* start and item from of and count: a counting sort, stable, so ascending for each vector. */
static int list_items(kin_distinct *self, kin_error *err)
{
    self->start = kin_alloc_zero(self->count + 2, sizeof *self->start);
    self->item = kin_alloc(self->n, sizeof *self->item);
    if (!self->start || !self->item)
        return kin_fail_alloc(err, "distinct vectors", kin_distinct_bytes(self->n));
    size_t *next = self->start + 1; /* ends up one place to the left of where it counts */
    for (size_t row = 0; row < self->n; row++)
        if (self->of[row] >= 0)
            next[self->of[row] + 1]++;
    for (size_t vector = 0; vector < self->count; vector++)
        next[vector + 1] += next[vector];
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
    bool hashed = catalog->row_hash && modalities == (1u << catalog->modality_count) - 1;
    uint64_t *made = hashed ? NULL : kin_alloc(catalog->n, sizeof *made);
    const uint64_t *hash = hashed ? catalog->row_hash : made;
    int32_t *slot = kin_alloc_zero(slots, sizeof *slot);

    *self = (kin_distinct){.n = catalog->n};
    self->of = kin_alloc(catalog->n, sizeof *self->of);
    if (!hash || !slot || !self->of) {
        status = kin_fail_alloc(err, "distinct vectors", kin_distinct_work_bytes(catalog->n));
        goto exit;
    }
    if (made)
        hash_rows(catalog, modalities, made);
    self->count = number_vectors(self, catalog, modalities, hash, slot, slots);
    status = list_items(self, err);
exit:
    free(made);
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

/* ---- candidates ------------------------------------------------------------------------------ */

static size_t words(size_t n)
{
    return (n + 63) / 64;
}

size_t kin_candidates_bytes(size_t n, size_t capacity)
{
    return kin_size_add(words(n) * sizeof(uint64_t), kin_size_mul(capacity, sizeof(int32_t)));
}

int kin_candidates_init(kin_candidates *self, size_t n, size_t capacity, kin_error *err)
{
    *self = (kin_candidates){.n = n, .capacity = capacity};
    self->bit = kin_alloc_zero(words(n), sizeof *self->bit);
    self->item = kin_alloc(capacity, sizeof *self->item);
    if (self->bit && self->item)
        return 0;
    kin_candidates_release(self);
    return kin_fail_alloc(err, "candidates", kin_candidates_bytes(n, capacity));
}

void kin_candidates_release(kin_candidates *self)
{
    free(self->bit);
    free(self->item);
    *self = (kin_candidates){0};
}

/* Adds the items of one distinct vector; returns how many more may be added. */
static size_t add_vector(kin_candidates *self, const kin_distinct *distinct, int64_t row,
                         int32_t vector, size_t capacity)
{
    for (size_t at = distinct->start[vector]; at < distinct->start[vector + 1] && capacity > 0;
         at++) {
        size_t item = (size_t)distinct->item[at];
        if ((int64_t)item == row)
            continue;
        self->bit[item / 64] |= (uint64_t)1 << (item % 64);
        capacity--;
    }
    return capacity;
}

void kin_candidates_add(kin_candidates *self, const kin_distinct *distinct, int64_t row,
                        int32_t own, const int32_t *found, size_t count, size_t most)
{
    size_t capacity = most;
    if (own >= 0)
        capacity = add_vector(self, distinct, row, own, capacity);
    for (size_t i = 0; i < count && capacity > 0; i++)
        if (found[i] >= 0 && found[i] != own)
            capacity = add_vector(self, distinct, row, found[i], capacity);
}

void kin_candidates_list(kin_candidates *self)
{
    self->count = 0;
    for (size_t w = 0; w < words(self->n); w++) {
        uint64_t bits = self->bit[w];
        for (; bits; bits &= bits - 1) {
            assert(self->count < self->capacity);
            self->item[self->count++] = (int32_t)(w * 64 + (size_t)__builtin_ctzll(bits));
        }
        self->bit[w] = 0;
    }
}
