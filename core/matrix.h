#ifndef KIN_CORE_MATRIX_H
#define KIN_CORE_MATRIX_H
/*
 * A vector file, or an array in memory, as a matrix of n rows and d dimensions, its values as they
 * lie there: a file is mapped, an array is the caller's.
 *
 * Formats, told by the file's name (docs/FORMATS.md has the bytes): .npy (float32, float16,
 * float64), .fbin / .f16bin / .i8bin (u32 n, u32 d, values), .fvecs (each row: i32 d, d float32).
 * No header is trusted: n * d * size must agree with the bytes that are there.
 */
#include "core/file.h"
#include "core/kernels.h"
#include <stdbool.h>

typedef struct kin_matrix {
    kin_file file;
    size_t n; /* rows, at least 1 */
    size_t d; /* dimensions, 1 .. KIN_DIMENSIONS_MAX */
    kin_dtype dtype;
    const unsigned char *rows; /* first value of row 0; points into the file or the array */
    size_t stride_bytes;       /* from a row to the next */
    bool in_memory;            /* an array: file.path is a name for messages, file.data NULL */
} kin_matrix;

enum { KIN_DIMENSIONS_MAX = 65536 };

/* Vectors in memory, the caller's: row r is the d values from data + r * row_bytes on. */
typedef struct kin_array {
    const void *data;
    kin_dtype dtype;
    size_t n, d, row_bytes;
} kin_array;

/* Whether the path ends as a format of vectors does, in capitals or not. */
bool kin_matrix_is_named(const char *path);

/* How many bytes of a path's start are the name of a vector file: up to the last ending of one
 * (".npy"); 0: none. */
size_t kin_matrix_name_length(const char *path);

/* Opens a vector file. KIN_E_NOINPUT or KIN_E_DATA with the file's name and the numbers. Values
 * are not looked at here (kin_catalog_open does). */
int kin_matrix_open(kin_matrix *self, const char *path, kin_error *err);

/* The same of the file `name` of a folder (NULL: `name` is a path). */
int kin_matrix_open_in(kin_matrix *self, const kin_dir *dir, const char *name, kin_error *err);
void kin_matrix_close(kin_matrix *self);

/* Takes an array for the modality `name`. KIN_E_USAGE where its shape is none. */
int kin_matrix_open_array(kin_matrix *self, const kin_array *array, const char *name,
                          kin_error *err);

/* The fingerprint of the whole file; of an array that of the .npy file that NumPy writes of it, of
 * int8 that of the .i8bin. Memory speed. */
kin_hash kin_matrix_fingerprint(const kin_matrix *self);

/* Of the file, or of an array's values. */
size_t kin_matrix_bytes(const kin_matrix *self);

/* The bytes of one row, of the matrix's own type; any alignment. */
static inline const unsigned char *kin_matrix_row(const kin_matrix *self, size_t row)
{
    return self->rows + row * self->stride_bytes;
}

/* Rows first .. first + count - 1 as float32, row after row. */
void kin_matrix_widen(const kin_matrix *self, size_t first, size_t count,
                      float *out /* [count * d] */);

/* What the greatest value of a float64 row must reach. Below float32's normal range (2^-126) a
 * value is rounded to a multiple of 2^-149, which turns a row: at this limit by less than 2^-24,
 * float32's own rounding, for every d. */
#define KIN_ROW_LEAST 0x1p-116

/* Whether a row is not zero, but so small that as float32 it loses its direction. */
bool kin_matrix_row_faint(const kin_matrix *self, size_t row);

/* KIN_E_DATA names the value of a row, whose floats are in `widened`, that cannot be used: NaN,
 * infinite, beyond float32, or all of them too small. */
int kin_matrix_check_row(const kin_matrix *self, size_t row, const float *widened /* [d] */,
                         kin_error *err);

/* One row's floats as doubles. */
void kin_matrix_widen_double(const kin_matrix *self, size_t row, double *out /* [d] */);

#endif
