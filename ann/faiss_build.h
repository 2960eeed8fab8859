#ifndef KIN_ANN_FAISS_BUILD_H
#define KIN_ANN_FAISS_BUILD_H
/*
 * Building FAISS's indexes of a catalog.
 */
#include "ann/faiss_index.h"

/* Builds the indexes of a catalog, which must outlive them. The monitor receives stages.
 * KIN_E_USAGE for options that the catalog cannot take, KIN_E_MEMORY, KIN_E_AGAIN where an input
 * has changed. */
int kin_index_build(kin_index **out, const kin_catalog *catalog, const kin_index_options *options,
                    const kin_monitor *monitor, kin_error *err);

#endif
