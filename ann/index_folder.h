#ifndef KIN_ANN_INDEX_FOLDER_H
#define KIN_ANN_INDEX_FOLDER_H
/*
 * What the folders of all indexes have in common: arrays of four-byte values as <part>.<what>.npy,
 * and a manifest that says which catalog they were made from.
 */
#include "core/catalog.h"
#include <jansson.h>

/* The hint for an index that does not fit. */
extern const char kin_index_again[]; /* "build the index again with kin index" */

/* Writes data as an array of `shape`, which has one or two sizes; `descr` is "<i4" or "<f4".
 * KIN_E_IO. */
int kin_index_array_write(const char *directory, const char *part, const char *what,
                          const char *descr, const void *data, size_t dimensions,
                          const size_t *shape, kin_error *err);

/* Reads an array of the given type and shape into *out (kin_alloc'd); columns is 1 for one
 * dimension. The caller frees *path too, which is set first: it names the array in messages.
 * KIN_E_DATA. */
int kin_index_array_read(void **out, char **path, const kin_dir *dir, const char *part,
                         const char *what, const char *descr, size_t rows, size_t columns,
                         kin_error *err);

/* The place of object[key] among `names` (ended by NULL), -1 when it is none of them. */
int kin_index_choice(const json_t *object, const char *key, const char *const *names);

/* Whether the index that `manifest` describes was made from this catalog: names, fingerprints of
 * the files, with `fused` the weights, and if any item is incomplete the policy. KIN_E_DATA if
 * not. */
int kin_index_check_catalog(const json_t *manifest, const kin_catalog *catalog, bool fused,
                            const char *directory, kin_error *err);

/* The same, whatever the weights, and whether the files are what was written: all that an index
 * needs of which nothing of FAISS's is read. KIN_E_DATA if not. */
int kin_index_check(const kin_dir *dir, const json_t *manifest, const kin_catalog *catalog,
                    kin_error *err);

#endif
