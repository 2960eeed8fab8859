#ifndef KIN_ANN_FAISS_ARRAY_H
#define KIN_ANN_FAISS_ARRAY_H
/*
 * Private to ann/: arrays of four-byte values in an index folder, as <part>.<what>.npy.
 */
#include "core/dir.h"
#include <stddef.h>

/* What to say of an index that does not fit. */
extern const char kin_index_again[]; /* "build the index again with kin index" */

/* `shape` has one or two sizes; `descr` is "<i4" or "<f4". KIN_E_IO. */
int kin_index_array_write(const char *directory, const char *part, const char *what,
                          const char *descr, const void *data, size_t dimensions,
                          const size_t *shape, kin_error *err);

/* The values of an array of the given type and shape, kin_alloc'd; columns is 1 for one dimension. The
 * caller frees *path too, which is set first: it names the array in messages. KIN_E_DATA. */
int kin_index_array_read(void **out, char **path, const kin_dir *dir, const char *part,
                         const char *what, const char *descr, size_t rows, size_t columns,
                         kin_error *err);

#endif
