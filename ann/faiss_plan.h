#ifndef KIN_ANN_FAISS_PLAN_H
#define KIN_ANN_FAISS_PLAN_H
/*
 * What building and searching FAISS's indexes are going to hold, before either.
 */
#include "ann/faiss_effort.h"

typedef struct kin_index_plan {
    kin_memory_plan building; /* at its largest */
    kin_memory_plan searching;
    size_t index_bytes; /* of the index itself, held while it is searched */
} kin_index_plan;

/* Plans as if no two vectors were the same. KIN_E_USAGE for options that the catalog cannot
 * take. */
int kin_index_make_plan(kin_index_plan *out, const kin_catalog *catalog,
                        const kin_index_options *options, const kin_search_options *search,
                        kin_error *err);

/* KIN_E_USAGE where the catalog has fewer distinct vectors than an IVF's --lists; KIN_E_MEMORY.
 * Where --lists is given, all vectors are read to tell them apart. */
int kin_index_plan_lists(const kin_catalog *catalog, const kin_index_options *options,
                         kin_error *err);

/* ---- private to ann/ ------------------------------------------------------------------------- */

/* Rows of a batch, by which vectors are added. */
enum { KIN_INDEX_BATCH_ROWS = 8192 };

/* The lists of an IVF of so many vectors: --lists, or 4 sqrt(vectors), but no fewer than 39 vectors
 * a list (FAISS's own rule of thumb), at least 1. */
size_t kin_index_lists(const kin_index_options *options, size_t vectors);

/* The rows that the clustering reads, of so many vectors. */
size_t kin_index_train_rows(size_t vectors, size_t lists);

/* Whether all parts can be built within the budget; those up to `next` have their distinct vectors
 * counted. KIN_E_MEMORY. */
int kin_index_check_plan(const kin_index *self, size_t next, kin_error *err);

#endif
