#ifndef KIN_CORE_NPZ_WRITER_H
#define KIN_CORE_NPZ_WRITER_H
/*
 * An .npz of columns, arrays of one dimension and one length, as numpy.load reads it: written some
 * rows at a time, all columns side by side.
 *
 * How many rows come is known beforehand. So each column has its place in the archive
 * (core/zip_stored.h), its rows are written there by pwrite(2), and its checksum is taken on the
 * way; headers, which need the checksums, are written last. Memory: no rows.
 */
#include "core/npy.h"
#include "core/zip_stored.h"

typedef struct kin_npz_column {
    const char *name;  /* up to KIN_STORED_NAME_MAX - 4 characters */
    const char *descr; /* a number's type of one digit of bytes, "<f4" */
} kin_npz_column;

/* Stays at its address while it is used. */
typedef struct kin_npz_writer {
    int fd;           /* the caller's, as `path`: for messages */
    const char *path; /* outlives it */
    size_t count;     /* columns, 1 .. KIN_STORED_MEMBERS_MAX */
    size_t rows;      /* of the whole */
    size_t written;   /* rows so far */
    size_t item_bytes[KIN_STORED_MEMBERS_MAX];
    char name[KIN_STORED_MEMBERS_MAX][KIN_STORED_NAME_MAX + 1]; /* of the members */
    char descr[KIN_STORED_MEMBERS_MAX][KIN_NPY_DESCR_MAX];
    kin_stored_member member[KIN_STORED_MEMBERS_MAX];
} kin_npz_writer;

/* Lays the archive out in an empty file, and takes its room on the disk: KIN_E_IO where it has not
 * that much. Holds no memory to be released. */
int kin_npz_writer_init(kin_npz_writer *self, int fd, const char *path,
                        const kin_npz_column *column, size_t count, size_t rows, kin_error *err);

/* The next rows: of each column values[c][0 .. rows). */
int kin_npz_writer_add(kin_npz_writer *self, const void *const *values, size_t rows,
                       kin_error *err);

/* Completes the archive. All rows have been added. */
int kin_npz_writer_finish(kin_npz_writer *self, kin_error *err);

#endif
