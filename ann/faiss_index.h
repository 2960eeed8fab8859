#ifndef KIN_ANN_FAISS_INDEX_H
#define KIN_ANN_FAISS_INDEX_H
/*
 * The nearest-neighbour indexes of a catalog: one per modality, or one over the fused space.
 *
 * A modality's index holds each distinct vector once, as a unit row (zero rows are left out), so
 * that its inner product is the cosine. The fused space is the concatenation of
 * sqrt(w_m) * unit_m, zero where a modality is missing: its inner product is the fused score, its
 * weights are frozen (ann/faiss_space.h has the case of missing modalities). Only candidates come
 * from here: scores never do.
 *
 * The indexes themselves are FAISS's (ann/faiss_api.c is the one file that knows it): IVF-Flat
 * over a clustering of our own, which is the same for any number of threads, or HNSW, which is
 * not when it is built by more than one.
 */
#include "core/catalog.h"
#include "core/memory.h"
#include "core/monitor.h"
#include <jansson.h>

/* The widest vectors that --project takes: LAPACK's work space is counted in ints. */
enum { KIN_PROJECT_DIMENSIONS_MAX = 16384 };

typedef enum kin_index_type { KIN_INDEX_IVF, KIN_INDEX_HNSW } kin_index_type;
typedef enum kin_index_space { KIN_SPACE_MODALITY, KIN_SPACE_FUSED } kin_index_space;

extern const char *const kin_index_type_names[];  /* "ivf", "hnsw", NULL */
extern const char *const kin_index_space_names[]; /* "modality", "fused", NULL */

typedef struct kin_index_options {
    int type;                /* kin_index_type */
    int space;               /* kin_index_space */
    int64_t project;         /* D: PCA to so many dimensions first, for the index only; 0: none.
                              * Of each index's own vectors: of the concatenation if fused */
    bool project_centre;     /* subtract the mean first, and make projected rows unit */
    int64_t lists;           /* IVF: number of lists; 0: by size */
    int64_t links;           /* HNSW: M */
    int64_t ef_construction; /* HNSW */
    int64_t seed;            /* of samples and k-means */
    uint64_t memory_bytes;   /* budget, 0: what the machine has */
} kin_index_options;

#define KIN_INDEX_OPTIONS_INIT                                                                     \
    {                                                                                              \
        .links = 32, .ef_construction = 100, .seed = 1                                             \
    }

typedef struct kin_index kin_index;

void kin_index_free(kin_index *self);

/* Facts for the manifest and the log: {"text": {"distinct", "lists", "retained_energy", ...}}.
 * New reference. */
json_t *kin_index_facts(const kin_index *self);

const kin_index_options *kin_index_resolved(const kin_index *self);

#endif
