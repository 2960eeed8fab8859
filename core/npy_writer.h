#ifndef KIN_CORE_NPY_WRITER_H
#define KIN_CORE_NPY_WRITER_H
/*
 * A .npy file that is written row by row. How many rows there are may be known last: the header
 * says it in the end.
 */
#include "core/npy.h"
#include <stdio.h>

/* A file under way. Zeroed: none. */
typedef struct kin_npy_writer {
    FILE *file; /* NULL: not open; owned */
    char *path; /* owned */
    char descr[KIN_NPY_DESCR_MAX];
    size_t dimensions, columns; /* 1 and 1, or 2 and the values of a row */
    size_t row_bytes;
    size_t rows; /* written so far */
} kin_npy_writer;

/* Starts directory/name, replacing it. `descr` is a number's type, "<f4". An array of one dimension
 * has no `columns` (NULL). To be released, whatever comes of it. KIN_E_IO, here and below. */
int kin_npy_writer_open(kin_npy_writer *self, const char *directory, const char *name,
                        const char *descr, const size_t *columns, kin_error *err);

int kin_npy_writer_add(kin_npy_writer *self, const void *rows, size_t count, kin_error *err);

/* Completes the header and closes the file. */
int kin_npy_writer_finish(kin_npy_writer *self, kin_error *err);

/* Closes a file that was not finished, as it is. */
void kin_npy_writer_release(kin_npy_writer *self);

#endif
