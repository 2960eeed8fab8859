#ifndef KIN_ANN_FAISS_EFFORT_H
#define KIN_ANN_FAISS_EFFORT_H
/*
 * How deep FAISS's indexes are searched: C candidates of each, and how hard each looks for them.
 *
 * HNSW's effort is efSearch, the beam of its graph search; IVF's is the number of lists probed
 * (nprobe).
 */
#include "ann/faiss_index.h"

typedef struct kin_search_options {
    size_t top_k;          /* K >= 1 */
    int64_t candidates;    /* C per index; 0: 4 K (hnsw 3 K, fused space 2 K), at least 64 */
    int64_t probes;        /* IVF; 0: 2 sqrt(lists), more where they hold too few vectors */
    int64_t ef_search;     /* HNSW; 0: C */
    uint64_t memory_bytes; /* budget, 0: what the machine has */
} kin_search_options;

#define KIN_SEARCH_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .top_k = 200                                                                               \
    }

/* Replaces zeros by the defaults for this index. */
void kin_search_resolve(kin_search_options *options, const kin_index *index);

/* Sets C, and the effort in proportion: efSearch = C, or the probes that are the default's as C is
 * the default's C, at most all lists. */
void kin_search_set_depth(kin_search_options *options, const kin_index *index, int64_t candidates);

/* Doubles resolved options: candidates up to all items, efSearch too, probes up to all lists.
 * False, and nothing changed, where all are at their limits. */
bool kin_search_escalate(kin_search_options *options, const kin_index *index);

#endif
