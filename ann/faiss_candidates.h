#ifndef KIN_ANN_FAISS_CANDIDATES_H
#define KIN_ANN_FAISS_CANDIDATES_H
/*
 * From the groups that the indexes found to the items to be rescored.
 */
#include "ann/faiss_distinct.h"

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

/* Adds members of groups: the whole of `own` (-1 none) first, then of found[0 .. count) in that
 * order (-1 is skipped), until `most` items other than `row` were met. So a group of a hundred
 * thousand duplicates cannot make a row expensive; its items with the smallest rows stand for it. */
void kin_candidates_add(kin_candidates *self, const kin_distinct *distinct, int64_t row,
                        int32_t own, const int32_t *found, size_t count, size_t most);

/* Lists what was added, ascending without repeats, in self->item, and empties the set. */
void kin_candidates_list(kin_candidates *self);

#endif
