#ifndef KIN_COMPARE_MADE_H
#define KIN_COMPARE_MADE_H
/*
 * A graph in memory, of exact rows that were computed for some items: everything that judges graphs can then
 * take it for a reference.
 */
#include "core/graph.h"

/* Takes the arrays of `exact` over (it is empty afterwards, on failure too): query q is item row[q], ascending;
 * the other items' rows are empty. Names, ids and table are borrowed from `like`, which has to outlive it. Row
 * numbers, modalities and n are like's. There are no cosines: nobody who judges reads them. */
int kin_graph_make(kin_graph *out, kin_rows *exact, const int32_t *row /* [exact->count] */,
                   const kin_graph *like, kin_error *err);

#endif
