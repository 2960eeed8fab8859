#ifndef KIN_COMPARE_STRATA_H
#define KIN_COMPARE_STRATA_H
/*
 * Items by the value of a column of items.tsv: what a sample is drawn by, and recall broken down by.
 */
#include "core/graph.h"

typedef struct strata {
    size_t count;   /* different values, 0: none */
    int32_t *of;    /* [n] the value of each item; owned */
    kin_span *name; /* [count] ascending by bytes, into the table; owned */
    size_t *items;  /* [count] items that have it; owned */
} strata;

/* KIN_E_DATA where the graph has no such column. Time O(n log n); memory: 52 bytes an item, of which 28 stay. */
int strata_init(strata *self, const kin_graph *graph, const char *column, kin_error *err);
void strata_release(strata *self);

/* `count` of the n rows, different and ascending: every (n / count)-th of the rows by stratum and, in one, by chance. So each
 * row is drawn with the same probability, and each stratum in proportion, to within one row. Memory: 16 bytes a row. */
int strata_draw(const strata *self, int32_t *row /* [count] */, size_t count, size_t n,
                uint64_t seed, kin_error *err);

#endif
