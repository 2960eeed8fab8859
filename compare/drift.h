#ifndef KIN_COMPARE_DRIFT_H
#define KIN_COMPARE_DRIFT_H
/*
 * Drift: what changed from one night's graph to the next, item by item, matched by id.
 *
 * For an item that both have: A_k are the first k neighbours in the new graph and B_k in the
 * previous one, as ids (best first, without repeated ids and the item itself). A neighbour that
 * only one night has is in one set.
 *
 *     Jaccard@k = |A_k and B_k| / |A_k or B_k|;  1 where both are empty
 *     changed   = Jaccard@K < 1;  reordered = equal sets in another order
 *     drift     = 1 - mean Jaccard@K
 *     item change = (new + gone) / items that either night has
 *
 * Inputs are compared by what the two manifests say of their vectors; an older manifest says less.
 */
#include "compare/id_map.h"
#include "compare/summary.h"
#include "core/graph.h"

/* A number of both nights; NaN where a manifest does not have it. */
typedef struct kin_now_then {
    double now, then;
} kin_now_then;

/* The vectors of one modality. */
typedef struct kin_input_drift {
    char name[KIN_NAME_MAX];
    bool same_file;              /* equal fingerprints */
    kin_now_then weight;         /* NaN: the night has no such modality */
    kin_now_then missing_share;  /* rows of zeros */
    kin_now_then repeated_share; /* rows that repeat an earlier one, of those that are not zero */
    kin_now_then mean_cosine;    /* over all pairs */
    kin_now_then norm_mean;
} kin_input_drift;

typedef struct kin_drift {
    size_t items, previous_items, common, new_items, gone_items;
    double item_change;
    size_t k; /* entries of a row that count, at most */
    size_t cuts;
    size_t cut[KIN_CUTS_MAX];
    double jaccard_at[KIN_CUTS_MAX]; /* means over common items; NaN without any */
    kin_summary jaccard;             /* at K */
    double drift;                    /* NaN without common items */
    size_t changed, reordered;
    size_t nearest_changed; /* another first neighbour */
    size_t worst_count;
    kin_worst worst[KIN_WORST_MAX]; /* changed rows of the new graph, least Jaccard@K first */
    size_t example_new_count, example_gone_count;
    int32_t example_new[5], example_gone[5]; /* the first rows of each, in their own graphs */
    size_t input_count;
    kin_input_drift input[2 * KIN_MODALITIES_MAX]; /* the new graph's, then those that are gone */
} kin_drift;

/* `id_map` leads from `graph` to `previous`; rows are cut to `k` (0: the smaller of the two
 * graphs'). The same numbers for any number of threads. */
int kin_drift_measure(kin_drift *out, const kin_graph *graph, const kin_graph *previous,
                      const kin_id_map *id_map, size_t k, kin_error *err);

#endif
