#ifndef KIN_ANN_FAISS_INDEX_FILE_H
#define KIN_ANN_FAISS_INDEX_FILE_H
/*
 * FAISS's indexes in a folder: written, and opened for a catalog (docs/FORMATS.md, Index).
 */
#include "ann/faiss_index.h"
#include "core/dir.h"

/* Writes the index files into the existing folder `directory`, and describes them under "index" in
 * *manifest (core/json.h). The caller commits the folder. KIN_E_IO. */
int kin_index_save(const kin_index *self, const char *directory, json_t **manifest, kin_error *err);

/* Opens what kin_index_save wrote. The catalog must outlive *out and have files of the fingerprints
 * that the manifest records (for the fused space the same weights, and if any item is incomplete
 * the same policy): KIN_E_DATA otherwise. Checksums are compared before FAISS sees a byte. */
int kin_index_open(kin_index **out, const kin_dir *dir, const json_t *manifest,
                   const kin_catalog *catalog, kin_error *err);

/* The options that an index was built with, from its manifest. KIN_E_DATA where they describe no
 * index of FAISS's. */
int kin_index_read_options(kin_index_options *out, const kin_dir *dir, const json_t *manifest,
                           kin_error *err);

#endif
