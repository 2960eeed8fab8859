#ifndef KIN_COMPARE_STRATA_H
#define KIN_COMPARE_STRATA_H
/*
 * Items by the value of a column of items.tsv: what a sample is drawn by, and recall broken down by.
 */
#include "core/graph.h"

typedef struct kin_strata {
    size_t count;   /* different values, 0: none */
    int32_t *of;    /* [n] the value of each item; owned */
    kin_span *name; /* [count] ascending by bytes, into the table; owned */
    size_t *items;  /* [count] items that have it; owned */
} kin_strata;

/* KIN_E_DATA where the graph has no such column. Time O(n log n); memory: 52 bytes an item, of which 28 stay. */
int kin_strata_init(kin_strata *self, const kin_graph *graph, const char *column, kin_error *err);
void kin_strata_release(kin_strata *self);

#endif
