#ifndef KIN_COMPARE_STRUCTURE_PARTS_H
#define KIN_COMPARE_STRUCTURE_PARTS_H
/*
 * Private to compare/structure.c: the parts of a measurement that need more than one pass over a
 * row.
 */
#include "compare/row.h"
#include "compare/structure.h"

/* A thread's memory for one row. */
typedef struct kin_row_workspace {
    kin_id_set seen;
    uint32_t *place; /* [k] owned, as the other */
    float *cosine;   /* [k] */
} kin_row_workspace;

typedef struct kin_categories {
    size_t count;     /* 0: there is no column, or nothing in it, and `of` is NULL */
    int32_t *of;      /* [n] 0 .. count - 1, -1: the item has none; owned */
    double by_chance; /* NaN for fewer than two items that have one */
} kin_categories;

/* Memory: 4 bytes an item and up to 24 a category. */
int kin_categories_init(kin_categories *self, const kin_graph *graph, kin_error *err);
void kin_categories_release(kin_categories *self);

/* How many rows have each item. */
typedef struct kin_degrees {
    uint32_t *in; /* [n] owned */
    size_t most;
    bool repeats; /* some row has an id twice */
} kin_degrees;

/* How many pairs of items are pairs in both directions. The graph is reversed for as many items at
 * a time as have `capacity` pairs together, but at least one. Memory: 8 bytes an item and 4 a pair
 * of the capacity. */
int kin_mutual_pairs(size_t *out, const kin_graph *graph, const kin_degrees *degrees,
                     kin_row_workspace *space /* [threads] */, size_t capacity,
                     const kin_monitor *monitor, kin_error *err);

/* The number of components and the items in the largest one. Memory: 8 bytes an item. */
int kin_components(size_t *components, size_t *largest, const kin_graph *graph,
                   const kin_monitor *monitor, kin_error *err);

#endif
