#ifndef KIN_COMPARE_COMPATIBLE_H
#define KIN_COMPARE_COMPATIBLE_H
/*
 * Whether two graphs are compatible: a comparison of others means nothing.
 */
#include "core/graph.h"

enum { KIN_MISMATCHES_MAX = 12 };

/* What is different: a line each, which names both values. */
typedef struct kin_mismatches {
    size_t count;
    char text[KIN_MISMATCHES_MAX][KIN_MESSAGE_MAX];
} kin_mismatches;

/* Reports what makes a comparison mean nothing: other n or ids, other top-k (both cut to `top_k`,
 * 0: as they are), or scores on no common scale (modalities, fingerprints, weights, --missing). An
 * imported graph has any top-k, and where one of the two has no scores only n is looked at: its
 * rows may lie in another order. 0, or KIN_E_DATA with the first of them: a caller that goes on all
 * the same has the lines to warn with. */
int kin_graph_check_compatible(kin_mismatches *out, const kin_graph *graph,
                               const kin_graph *reference, size_t top_k, kin_error *err);

/* The sum of the weights that the graph's scores were made with, W; 1 where its manifest says
 * nothing. */
double kin_graph_weight_sum(const kin_graph *graph);

/* The cosine of an entry by modality m, NaN where one of the two items lacks it. Stored ones have
 * 11 bits; that of an only modality follows from the score, which has 24. `weight_sum` is the
 * graph's: looking it up takes longer than all the rest. */
float kin_graph_cosine(const kin_graph *graph, double weight_sum, size_t m, size_t entry);

/* Whether it was read from a file that kin did not write. */
bool kin_graph_is_imported(const kin_graph *graph);

/* Whether its engine looks at every item (`stream`, `exact`), so that its rows are the truth. */
bool kin_graph_is_exact(const kin_graph *graph);

#endif
