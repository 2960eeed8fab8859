#ifndef KIN_COMPARE_MEMORY_GRAPH_H
#define KIN_COMPARE_MEMORY_GRAPH_H
/*
 * A graph in memory, of exact rows that were computed for some items: a reference like any other
 * graph.
 */
#include "core/graph.h"

/* Takes the arrays of `exact` over (it is empty afterwards, on failure too): query q is item
 * row[q], ascending; the other items' rows are empty. Names, ids and table are borrowed from
 * `like`, which has to outlive *out. Row numbers, modalities and n are like's. There are no
 * cosines, which no comparison reads. Release with kin_graph_close. */
int kin_memory_graph_init(kin_graph *out, kin_rows *exact, const int32_t *row /* [exact->count] */,
                          const kin_graph *like, kin_error *err);

#endif
