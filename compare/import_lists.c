/*
 * Lists of neighbours in files: .ivecs and .ibin.
 *
 * .ivecs: n times i32 k and k i32 row numbers.
 *
 * .ibin: u32 n, u32 k, and n * k row numbers of 4 or 8 bytes, which the header does not tell; n * k
 * scores of 4 bytes may follow, which are not read.
 *
 * n * k * 8 bytes are row numbers of 8 bytes, or of 4 with scores. The values tell: read as 8
 * bytes, row numbers of 4 are beyond n wherever the second of two is not 0; read as 4 with scores,
 * row numbers of 8 have a 0 in every second place, and floats for scores that no score is (1 is
 * 1.4e-45). Where both or neither can be meant the file is refused: a guess would be wrong in
 * silence. Cost: one more pass over such a file.
 */
#include "compare/import_file.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* ---- .ivecs ---------------------------------------------------------------------------------- */

static int32_t read_i32(const unsigned char *place)
{
    int32_t value;
    memcpy(&value, place, sizeof value);
    return value;
}

/* The k of row `row`, which starts at byte `at`, if all of the row is there; else a negative
 * code. */
static int64_t ivecs_row(const kin_file *file, size_t row, size_t at, kin_error *err)
{
    size_t left = file->bytes - at;
    if (left < 4)
        return kin_fail(err, KIN_E_DATA, kin_import_cut_hint,
                        "%s: row %zu needs 4 bytes for its length, %zu are left", file->path, row,
                        left);
    int32_t k = read_i32(file->data + at);
    if (k < 0 || (size_t)k > (left - 4) / 4)
        return kin_fail(err, KIN_E_DATA, kin_import_cut_hint,
                        "%s: row %zu claims %d neighbours, %zu bytes are left for them", file->path,
                        row, k, left - 4);
    return k;
}

int kin_import_ivecs_open(kin_import_file *self, size_t memory_bytes, kin_error *err)
{
    const kin_file *file = &self->file;
    size_t n = 0;
    for (size_t at = 0; at < file->bytes; n++) {
        int64_t k = ivecs_row(file, n, at, err);
        if (k < 0)
            return (int)k;
        at += 4 + 4 * (size_t)k;
    }
    int rc = kin_import_file_start(self, n, 0, memory_bytes, err);
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

/* ---- .ibin ----------------------------------------------------------------------------------- */

static const char hint[] =
    "write row numbers of 4 bytes without scores, in NumPy ids.astype('<i4')";

/* Whether every entry, read so wide, is a row number or padding. */
static bool numbers_fit(const kin_import_file *self, size_t width)
{
    kin_import_file read = *self;
    bool fit = true;
    read.width = width;
#pragma omp parallel for reduction(&& : fit)
    for (size_t entry = 0; entry < read.entries; entry++) {
        int64_t neighbor = kin_import_neighbor(&read, 0, entry);
        fit = fit && neighbor >= -1 && neighbor < (int64_t)read.n;
    }
    return fit;
}

/* Whether what lies behind row numbers of 4 bytes can be scores: zero or of full precision; padding
 * has any. */
static bool scores_fit(const kin_import_file *self)
{
    const unsigned char *first = self->neighbor + self->entries * 4;
    bool fit = true;
#pragma omp parallel for reduction(&& : fit)
    for (size_t entry = 0; entry < self->entries; entry++) {
        float score;
        memcpy(&score, first + 4 * entry, sizeof score);
        bool padding = kin_import_neighbor(self, 0, entry) < 0;
        fit = fit && (padding || score == 0 || (!isnan(score) && fabsf(score) >= FLT_MIN));
    }
    return fit;
}

/* Whether most of every second row number of 4 bytes are above 0, where row numbers of 8 have their
 * upper halves. */
static bool upper_halves_used(const kin_import_file *self)
{
    size_t used = 0;
#pragma omp parallel for reduction(+ : used)
    for (size_t entry = 1; entry < self->entries; entry += 2)
        used += kin_import_neighbor(self, 0, entry) > 0;
    return used > self->entries / 4;
}

/* Whether both widths say the same, as where every row number is 0. */
static bool same_numbers(const kin_import_file *self)
{
    kin_import_file wide = *self;
    size_t entry = 0;
    wide.width = 8;
    while (entry < self->entries &&
           kin_import_neighbor(self, 0, entry) == kin_import_neighbor(&wide, 0, entry))
        entry++;
    return entry == self->entries;
}

/* Tells row numbers of 8 bytes from those of 4 with scores. Which row number of 4 is bad is told
 * later. */
static int find_width(kin_import_file *self, kin_error *err)
{
    bool wide = numbers_fit(self, 8);
    bool narrow = scores_fit(self) || upper_halves_used(self);
    if (wide && narrow && numbers_fit(self, 4) && !same_numbers(self))
        return kin_fail(err, KIN_E_DATA, hint,
                        "%s: %zu x %zu entries of 8 bytes are row numbers of 8 bytes, or of 4 with "
                        "scores: both can be meant",
                        self->file.path, self->n, self->top_k);
    if (!wide && !narrow)
        return kin_fail(err, KIN_E_DATA, hint,
                        "%s: %zu x %zu entries of 8 bytes are neither row numbers of 8 bytes, -1 "
                        "to %zu, nor row numbers of 4 with scores",
                        self->file.path, self->n, self->top_k, self->n - 1);
    if (wide)
        self->width = 8;
    return 0;
}

/* The bytes behind the header as row numbers and scores, by their size. */
static int check_size(kin_import_file *self, size_t n, size_t k, kin_error *err)
{
    size_t bytes = self->file.bytes - 8;
    size_t entries = kin_size_mul(n, k);
    if (k == 0)
        return kin_fail(err, KIN_E_DATA, "give every row at least one neighbour, -1 for none",
                        "%s: the header says %zu rows of 0 neighbours", self->file.path, n);
    self->width = bytes == kin_size_mul(entries, 12) ? 8 : 4;
    self->load = bytes == kin_size_mul(entries, 8) ? find_width : NULL;
    if (self->width == 8 || self->load || bytes == kin_size_mul(entries, 4))
        return 0;
    return kin_fail(err, KIN_E_DATA, kin_import_cut_hint,
                    "%s: the header says %zu x %zu neighbours, which is %zu bytes, %zu with "
                    "scores; the file has %zu",
                    self->file.path, n, k, kin_size_add(kin_size_mul(entries, 4), 8),
                    kin_size_add(kin_size_mul(entries, 8), 8), self->file.bytes);
}

int kin_import_ibin_open(kin_import_file *self, size_t memory_bytes, kin_error *err)
{
    const kin_file *file = &self->file;
    uint32_t head[2];
    if (file->bytes < 8)
        return kin_fail(err, KIN_E_DATA, kin_import_cut_hint,
                        "%s: %zu bytes are too few for a header (u32 rows, u32 neighbours a row)",
                        file->path, file->bytes);
    memcpy(head, file->data, sizeof head);
    size_t n = head[0];
    size_t k = head[1];
    int rc = check_size(self, n, k, err);
    if (rc == 0)
        rc = kin_import_file_start(self, n, 0, memory_bytes, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        self->start[i + 1] = self->start[i] + (int64_t)k;
    self->neighbor = file->data + 8;
    self->padded = true;
    self->top_k = k;
    return 0;
}
