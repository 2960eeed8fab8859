#ifndef KIN_COMPARE_STRUCTURE_H
#define KIN_COMPARE_STRUCTURE_H
/*
 * The health of a graph by itself: how often items are recommended, by which, and where the graph
 * falls apart.
 *
 * Pairs are (row, neighbour) as stored, without repeated ids in a row and without the item itself.
 * d_j is the in-degree of item j: how many rows have it.
 *
 *     skewness      = mean of ((d_j - mean) / deviation)^3 over all items: hubness (Radovanovic,
 *                     Nanopoulos and Ivanovic 2010, "Hubs in space", section 2.1); 0 where all are
 *                     equal
 *     reciprocity   = pairs (i, j) whose reverse (j, i) is there as well / pairs
 *     components    = of the graph whose edges are the pairs without direction; an item without
 *                     any edge is one
 *     within        = pairs whose items have the same category / pairs whose items both have one
 *     by chance     = sum over categories of c (c - 1) / (N (N - 1)), c items of N that have one
 *     contribution  = of modality m: sum over pairs of w_m cos_m / the same sum over all modalities
 *                     (cosines of pairs that lack one are 0)
 */
#include "core/graph.h"

enum { KIN_HUBS_MAX = 20, KIN_DEGREE_BINS = 33 };

typedef struct kin_hub {
    int32_t row;
    size_t in_degree;
} kin_hub;

typedef struct kin_structure {
    size_t items, pairs;      /* pairs as counted here */
    size_t repeated, to_self; /* entries that were left out */
    size_t empty_rows;
    size_t full_rows; /* with K pairs */
    size_t in_degree_max, in_degree_p50, in_degree_p99;
    double in_degree_mean, in_degree_skewness;
    size_t never; /* items in no row */
    size_t degree_bin
        [KIN_DEGREE_BINS]; /* items with in-degree 0; 1; 2 to 3; 4 to 7; ... 2^(b-1) to 2^b - 1 */
    size_t hub_count;
    kin_hub hub[KIN_HUBS_MAX]; /* most first, then row; none that is in no row */
    double reciprocity;        /* NaN without pairs, as the next ones */
    size_t components;
    size_t largest_component; /* items in it */
    size_t categories;        /* 0: no column `category` in items.tsv, or an empty one */
    double within_category, within_by_chance; /* NaN where there is none */
    double contribution
        [KIN_MODALITIES_MAX]; /* by the graph's modalities; NaN where it has no cosines */
} kin_structure;

/* The same numbers for any number of threads. Time O(pairs) and a few passes over them; memory: 12
 * bytes an item, up to 24 a category, and at most 128 MiB for the reverse of some rows at a time (4
 * bytes a pair of the greatest hub, if that is more). */
int kin_structure_measure(kin_structure *out, const kin_graph *graph, const kin_monitor *monitor,
                          kin_error *err);

#endif
