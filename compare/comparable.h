#ifndef KIN_COMPARE_COMPARABLE_H
#define KIN_COMPARE_COMPARABLE_H
/*
 * May a graph be judged by a reference at all?
 */
#include "core/graph.h"

enum { KIN_MISMATCHES_MAX = 12 };

/* What is different, each a line for people that names both values. */
typedef struct kin_mismatches {
    size_t count;
    char text[KIN_MISMATCHES_MAX][KIN_MESSAGE_MAX];
} kin_mismatches;

/* Notes what makes a comparison mean nothing: other n or ids, other top-k (both cut to `top_k`, 0: as they are), or scores on no common scale
 * (modalities, fingerprints, weights, --missing). A foreign graph has any top-k, and where one of the two has no scores
 * only n is looked at: its rows may lie in another order. 0, or KIN_E_DATA with the first of them: a caller that goes on all the same has the lines to
 * warn with. */
int kin_graph_comparable(kin_mismatches *out, const kin_graph *graph, const kin_graph *reference,
                         size_t top_k, kin_error *err);

/* The sum of the weights that the graph's scores were made with, W; 1 where its manifest says nothing. */
double kin_graph_weight_sum(const kin_graph *graph);

/* Whether it was read from a file that kin did not write. */
bool kin_graph_is_foreign(const kin_graph *graph);

#endif
