#ifndef KIN_COMPARE_ROW_H
#define KIN_COMPARE_ROW_H
/*
 * A row as it is compared: best first, every id once, without the item itself. A graph may hold
 * anything.
 */
#include "core/graph.h"

/* A set of row numbers with the place at which each came first. Small enough for the cache, sparse
 * enough that few look-ups take a second step, emptied by starting a new generation. */
typedef struct kin_id_set {
    size_t slots;    /* a power of two, at least four times the ids that it is made for */
    unsigned shift;  /* 32 - log2(slots) */
    uint64_t *key;   /* [slots] the generation that a slot is of, then its id; owned */
    uint32_t *place; /* [slots]; owned */
    uint32_t generation;
    uint32_t count;
} kin_id_set;

/* Of an id that it is made for, at most. */
enum { KIN_ID_SET_BYTES = 8 * (sizeof(uint64_t) + sizeof(uint32_t)) };

int kin_id_set_init(kin_id_set *self, size_t ids, kin_error *err);
void kin_id_set_release(kin_id_set *self);
void kin_id_set_clear(kin_id_set *self);

static inline uint64_t kin_id_set_key(const kin_id_set *self, int32_t id)
{
    return (uint64_t)self->generation << 32 | (uint32_t)id;
}

/* Where `id` is or would be. Multiplicative hashing (Knuth, The Art of Computer Programming, volume
 * 3, section 6.4), whose upper bits are the good ones, then the next free slot. */
static inline size_t kin_id_set_slot(const kin_id_set *self, int32_t id)
{
    uint64_t key = kin_id_set_key(self, id);
    size_t slot = (uint32_t)id * UINT32_C(2654435769) >> self->shift;
    while (self->key[slot] != key && self->key[slot] >> 32 == self->generation)
        slot = (slot + 1) & (self->slots - 1);
    return slot;
}

/* Adds `id` with the next place: 0 for the first one added, 1 for the second, ... False where it
 * was there. */
static inline bool kin_id_set_add(kin_id_set *self, int32_t id)
{
    uint64_t key = kin_id_set_key(self, id);
    size_t slot = kin_id_set_slot(self, id);
    if (self->key[slot] == key)
        return false;
    self->key[slot] = key;
    self->place[slot] = self->count++;
    return true;
}

/* The place of `id`, or UINT32_MAX. */
static inline uint32_t kin_id_set_find(const kin_id_set *self, int32_t id)
{
    size_t slot = kin_id_set_slot(self, id);
    return self->key[slot] == kin_id_set_key(self, id) ? self->place[slot] : UINT32_MAX;
}

/* The neighbours of `row` as compared, into out[0 .. graph->k); returns their number. Afterwards
 * `seen` holds them with their places: out[p] is the id of place p. It must be made for graph->k
 * ids. */
size_t kin_row_distinct(const kin_graph *graph, size_t row, kin_neighbor *out, kin_id_set *seen);

/* The same for entries in any order, which are sorted where they lie; `self_row` is the item
 * itself. */
size_t kin_entries_distinct(kin_neighbor *entry, size_t count, int32_t self_row, kin_id_set *seen);

#endif
