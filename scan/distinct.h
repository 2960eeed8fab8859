#ifndef KIN_SCAN_DISTINCT_H
#define KIN_SCAN_DISTINCT_H
/*
 * The distinct vectors of a catalog, and sets of candidates as they expand to items.
 *
 * Items whose vectors are the same bytes are duplicates: an index holds their vector once, the
 * self-join scans it once. Distinct vectors are numbered by their first items, so numbers ascend
 * with the rows. Items that have none of the modalities in question have no vector; duplicates lack
 * the same modalities.
 */
#include "core/catalog.h"

typedef struct kin_distinct {
    size_t n;      /* items of the catalog */
    size_t count;  /* distinct vectors */
    int32_t *of;   /* [n] the item's distinct vector, -1 none; owned */
    size_t *start; /* [count + 1] where each vector's items begin in `item`; owned */
    int32_t *item; /* [start[count]] items by vector, ascending in each; owned */
} kin_distinct;

/* Finds the distinct vectors of the modalities in the bit set `modalities`. KIN_E_MEMORY. */
int kin_distinct_make(kin_distinct *self, const kin_catalog *catalog, unsigned modalities,
                      kin_error *err);

/* Adopts of[0 .. n) (kin_alloc; freed on failure too), as a file holds it. KIN_E_DATA naming `path`
 * unless the numbers ascend with first items. */
int kin_distinct_adopt(kin_distinct *self, int32_t *of, size_t n, const char *path, kin_error *err);

void kin_distinct_release(kin_distinct *self);

/* Bytes held at the end, and meanwhile in kin_distinct_make, at most. */
size_t kin_distinct_bytes(size_t n);
size_t kin_distinct_work_bytes(size_t n);

/* The bits of `modalities` that item `row` has: 0 for an item in no pair. */
static inline unsigned kin_distinct_mask(const kin_catalog *catalog, size_t row,
                                         unsigned modalities)
{
    return catalog->present[row] & modalities;
}

/* A set of items. Filled in any order, read ascending. */
typedef struct kin_candidates {
    size_t n;        /* items of the catalog */
    size_t capacity; /* items that fit */
    uint64_t *bit;   /* [(n + 63) / 64], all zero between uses; owned */
    int32_t *item;   /* [capacity]; owned */
    size_t count;    /* of item, after kin_candidates_list */
} kin_candidates;

int kin_candidates_init(kin_candidates *self, size_t n, size_t capacity, kin_error *err);
void kin_candidates_release(kin_candidates *self);
size_t kin_candidates_bytes(size_t n, size_t capacity);

/* Adds the items of the distinct vector `own` (-1 none), then those of found[0 .. count) in that
 * order (-1 is skipped), until `most` items other than `row` were added. So a vector of a hundred
 * thousand duplicates cannot make a row expensive: its items of the smallest numbers stand for
 * it. */
void kin_candidates_add(kin_candidates *self, const kin_distinct *distinct, int64_t row,
                        int32_t own, const int32_t *found, size_t count, size_t most);

/* Lists the set, ascending without repeats, in self->item, and empties it. */
void kin_candidates_list(kin_candidates *self);

#endif
