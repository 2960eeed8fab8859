#ifndef KIN_ANN_FAISS_INDEX_H
#define KIN_ANN_FAISS_INDEX_H
/*
 * The nearest-neighbour indexes of a catalog: one per modality, or one over the fused space.
 *
 * A modality's index holds each distinct vector once, as a unit row (zero rows are left out), so
 * that its inner product is the cosine. The fused space is the concatenation of
 * sqrt(w_m) * unit_m, zero where a modality is missing: its inner product is the fused score, its
 * weights are frozen (ann/faiss_space.h has the case of missing modalities). Only candidates come from
 * here: scores never do.
 *
 * The indexes themselves are FAISS's (ann/faiss_api.c is the one file that knows it): IVF-Flat
 * over a clustering of our own, which is the same for any number of threads, or HNSW, which is
 * not when it is built by more than one.
 */
#include "ann/traced.h"
#include "core/memory.h"
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

/* Builds the indexes of a catalog. The catalog must outlive the index. */
int kin_index_build(kin_index **out, const kin_catalog *catalog, const kin_index_options *options,
                    const kin_monitor *monitor, kin_error *err);
void kin_index_free(kin_index *self);

/* Writes the index files into the existing folder `directory`, and describes them under "index" in
 * *manifest (core/json.h). The caller commits the folder. */
int kin_index_save(const kin_index *self, const char *directory, json_t **manifest, kin_error *err);

/* Opens what kin_index_save wrote, for a catalog whose files have the fingerprints that the
 * manifest records (for the fused space the same weights, and if any item is incomplete the same
 * policy): KIN_E_DATA otherwise. Checksums are compared before FAISS sees a byte. */
int kin_index_open(kin_index **out, const kin_dir *dir, const json_t *manifest,
                   const kin_catalog *catalog, kin_error *err);

/* Whether the index in the folder is of this catalog, whatever its weights, and its files are what was
 * written: KIN_E_DATA if not. `made` receives the options it was built with. For who needs nothing of
 * FAISS's (ann/join.h). */
int kin_index_check(kin_index_options *made, const kin_dir *dir, const json_t *manifest,
                    const kin_catalog *catalog, kin_error *err);

/* Facts for the manifest and the log: {"text": {"distinct", "lists", "retained_energy", ...}}.
 * New reference. */
json_t *kin_index_facts(const kin_index *self);

const kin_index_options *kin_index_resolved(const kin_index *self);

/* ---- search ---------------------------------------------------------------------------------- */

typedef struct kin_search_options {
    size_t top_k;
    int64_t candidates;    /* C per index; 0: 4 K (hnsw 3 K, fused space 2 K), at least 64 */
    int64_t probes;        /* IVF; 0: 2 sqrt(lists), more where they hold too few vectors */
    int64_t ef_search;     /* HNSW; 0: by C */
    uint64_t memory_bytes; /* budget, 0: what the machine has */
} kin_search_options;

#define KIN_SEARCH_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .top_k = 200                                                                               \
    }

/* What building and searching are going to hold, before either: as if no two vectors were the same. */
typedef struct kin_index_plan {
    kin_memory_plan building; /* at its largest */
    kin_memory_plan searching;
    size_t index_bytes; /* of the index itself, held while it is searched */
} kin_index_plan;

int kin_index_make_plan(kin_index_plan *out, const kin_catalog *catalog,
                        const kin_index_options *options, const kin_search_options *search,
                        kin_error *err);

/* The values that zeros stand for, worked out for this index. */
void kin_search_resolve(kin_search_options *options, const kin_index *index);

/* Every item's top-K: candidates of all indexes, their union, canonical rescoring, fusion. Blocks
 * of consecutive items reach the sink in order. An item's row depends on the item, the index and
 * the resolved options alone: not on threads, budget or what else is asked. Searches with other
 * options must not run on the same index at the same time. */
int kin_search_all(const kin_index *index, const kin_search_options *options, kin_row_sink sink,
                   const kin_monitor *monitor, kin_error *err);

/* The same for some items, in the order asked for: query q of the sink is row[q], NULL for all items.
 * A row is bit for bit the one that kin_search_all gives. */
int kin_search_rows(const kin_index *index, const kin_search_options *options,
                    const int32_t *row /* [count] */, size_t count, kin_row_sink sink,
                    const kin_monitor *monitor, kin_error *err);

/* What each index proposes to some items, part by part (a modality's has its number, the fused one 0): the
 * items that a search with these options scores for its sake, none where the item lacks the modality.
 * Holds less than kin_search_all. */
int kin_search_trace(const kin_index *index, const kin_search_options *options,
                     const int32_t *row /* [count] */, size_t count, kin_traced_sink sink,
                     const kin_monitor *monitor, kin_error *err);

/* About twice the effort of an HNSW index, of resolved options: candidates and efSearch up to all items.
 * False, and nothing changed, where there is no more to give. */
bool kin_search_raise(kin_search_options *options, const kin_index *index);

/* The top-K of one query, an item of the catalog or vectors from outside, into row 0 of `out`.
 * (`query` is a kin_query of core/score.h on the index's catalog.) */
struct kin_query;
int kin_search_one(const kin_index *index, const kin_search_options *options,
                   const struct kin_query *query, kin_rows *out, kin_error *err);

#endif
