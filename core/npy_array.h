#ifndef KIN_CORE_NPY_ARRAY_H
#define KIN_CORE_NPY_ARRAY_H
/*
 * The arrays of a folder that kin wrote, mapped. Their shape is seen to fill the file; what the
 * values mean is the caller's to check.
 */
#include "core/file.h"

typedef struct kin_npy_array {
    size_t shape[2];    /* shape[1] is 1 for one dimension */
    const void *values; /* [shape[0]][shape[1]], aligned to their size; into the file */
} kin_npy_array;

/* Maps the folder's NAME.npy, which has to be of type `descr` ("<i4") and of so many dimensions (1
 * or 2), in C order: KIN_E_DATA otherwise. `file` is the caller's to close, on failure too. */
int kin_npy_array_open(kin_npy_array *out, kin_file *file, const kin_dir *dir, const char *name,
                       const char *descr, size_t dimensions, kin_error *err);

/* The same of an array in memory: a member of an archive in a mapped file. `path` names it in
 * messages. */
int kin_npy_array_of(kin_npy_array *out, const unsigned char *data, size_t bytes, const char *path,
                     const char *descr, size_t dimensions, kin_error *err);

#endif
