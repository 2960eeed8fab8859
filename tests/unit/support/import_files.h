#ifndef KIN_SUPPORT_IMPORT_FILES_H
#define KIN_SUPPORT_IMPORT_FILES_H
/*
 * Graphs as other programs write them, byte by byte: .ivecs, .ibin, and the .npz of SciPy's CSR
 * matrices.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows one after the other, as long as each is. */
typedef struct import_rows {
    size_t n;
    const int32_t *length;   /* [n] */
    const int32_t *neighbor; /* [sum of length] */
    const double *score;     /* [sum of length]; of .npz */
} import_rows;

size_t import_entries(const import_rows *rows);

void import_write_ivecs(const char *path, const import_rows *rows);

/* Short rows are filled up with -1 to the longest; `scores`: as many float32 follow. */
void import_write_ibin(const char *path, const import_rows *rows, bool scores);

/* A member of an .npz: an array in one dimension, or none. */
typedef struct npz_member {
    const char *name;  /* "indptr.npy" */
    const char *descr; /* "<i4" */
    size_t dimensions;
    size_t count;
    size_t item_bytes;
    const void *data;
} npz_member;

enum { NPZ_FORMAT, NPZ_SHAPE, NPZ_INDPTR, NPZ_INDICES, NPZ_DATA, NPZ_MEMBERS };

/* The members that scipy.sparse.save_npz writes, of int32 indices and float32 data. Until the next
 * call. */
void import_csr_members(npz_member out[NPZ_MEMBERS], const import_rows *rows);

void import_write_npz(const char *path, const npz_member *member, size_t count, bool deflated);

#endif
