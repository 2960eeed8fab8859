#ifndef KIN_ANN_FAISS_DISTINCT_H
#define KIN_ANN_FAISS_DISTINCT_H
/*
 * Groups of items whose vectors are the same bytes: an index holds one vector a group.
 *
 * A group is numbered by its first item, so numbers ascend with the rows. Items that have none of
 * the modalities in question are in no group; two items are together only if they lack the same
 * modalities.
 */
#include "core/catalog.h"

typedef struct kin_distinct {
    size_t n;
    size_t count;  /* groups */
    int32_t *of;   /* [n] the item's group, -1 none; owned */
    size_t *start; /* [count + 1] where each group's items begin in `item`; owned */
    int32_t *item; /* [start[count]] items by group, ascending in each; owned */
} kin_distinct;

/* Groups the catalog's items by the modalities of the bit set `modalities`. */
int kin_distinct_make(kin_distinct *self, const kin_catalog *catalog, unsigned modalities,
                      kin_error *err);

/* Takes over of[0 .. n) (kin_alloc; freed on failure too), as a file brought it. KIN_E_DATA naming
 * `path` when it is no numbering by first items. */
int kin_distinct_adopt(kin_distinct *self, int32_t *of, size_t n, const char *path, kin_error *err);

void kin_distinct_release(kin_distinct *self);

/* Bytes held at the end, and while grouping, at most. */
size_t kin_distinct_bytes(size_t n);
size_t kin_distinct_work_bytes(size_t n);

/* The bits of `modalities` that item `row` has and that count: 0 for an item in no pair. */
static inline unsigned kin_distinct_mask(const kin_catalog *catalog, size_t row,
                                                  unsigned modalities)
{
    return catalog->present[row] & modalities;
}

#endif
