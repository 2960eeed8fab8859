#ifndef KIN_COMPARE_ROW_H
#define KIN_COMPARE_ROW_H
/*
 * A row as it is judged: best first, every id once, without the item itself. Whoever wrote a graph may have put
 * anything into it.
 */
#include "core/graph.h"

/* A set of row numbers with the place at which each came first. Small enough for the cache, emptied by
 * starting a new generation. */
typedef struct kin_id_set {
    size_t slots;    /* a power of two, at least twice the ids that it is made for */
    unsigned shift;  /* 32 - log2(slots) */
    uint32_t *stamp; /* [slots] the generation that a slot is of; owned */
    int32_t *id;     /* [slots]; owned */
    uint32_t *place; /* [slots]; owned */
    uint32_t generation;
    uint32_t count;
} kin_id_set;

int kin_id_set_init(kin_id_set *self, size_t ids, kin_error *err);
void kin_id_set_release(kin_id_set *self);
void kin_id_set_clear(kin_id_set *self);

/* The place of `id`: 0 for the first one added, 1 for the second, ... Adds it with the next place, and *added is
 * true, where it was not there. */
uint32_t kin_id_set_add(kin_id_set *self, int32_t id, bool *added);

/* The place of `id`, or UINT32_MAX. */
uint32_t kin_id_set_find(const kin_id_set *self, int32_t id);

/* The neighbours of `row` as judged, into out[0 .. graph->k); returns their number. Afterwards `seen` holds
 * them with their places: out[p] is the id of place p. It must be made for graph->k ids. */
size_t kin_row_distinct(const kin_graph *graph, size_t row, kin_neighbor *out, kin_id_set *seen);

/* The same for entries in any order, which are sorted where they lie; `self_row` is the item itself. */
size_t kin_entries_distinct(kin_neighbor *entry, size_t count, int32_t self_row, kin_id_set *seen);

#endif
