#ifndef KIN_COMPARE_STRATA_H
#define KIN_COMPARE_STRATA_H
/*
 * Items by the value of a column of items.tsv: what a sample is drawn by, and recall broken down
 * by.
 */
#include "compare/recall.h"

typedef struct kin_strata {
    size_t count;   /* different values, 0: none */
    int32_t *of;    /* [n] the value of each item; owned */
    kin_span *name; /* [count] ascending by bytes, into the table; owned */
    size_t *items;  /* [count] items that have it; owned */
} kin_strata;

/* KIN_E_DATA where the graph has no such column. Time O(n log n); memory: 52 bytes an item, of
 * which 28 stay. */
int kin_strata_init(kin_strata *self, const kin_graph *graph, const char *column, kin_error *err);
void kin_strata_release(kin_strata *self);

/* The recall of the rows of one value. */
typedef struct kin_stratum {
    kin_span name; /* into the table of items; empty: items without a value */
    size_t items, evaluated;
    double mean; /* of the evaluated rows; NaN where there are none */
    kin_interval interval;
} kin_stratum;

/* The evaluated rows of `recall` by the values of their items. `strata` is of the graph, from which
 * `id_map` leads to the reference of `recall`. */
int kin_strata_measure(kin_stratum *out /* [strata->count] */, const kin_strata *strata,
                       const kin_recall *recall, const kin_id_map *id_map, kin_error *err);

#endif
