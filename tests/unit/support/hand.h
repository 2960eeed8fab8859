#ifndef KIN_SUPPORT_HAND_H
#define KIN_SUPPORT_HAND_H
/*
 * Small graphs made by hand, in memory, for what evaluates graphs.
 */
#include "core/graph.h"

typedef struct hand_entry {
    int row; /* from 1: a row ends at the first entry of 0s */
    float score;
} hand_entry;

typedef struct hand {
    kin_graph graph;
    int32_t *indices;
    float *data;
} hand;

/* n rows of at most k entries, rows[i * k + e]; neighbour numbers count from 1. Modalities text .6
 * and image .4, fingerprints aaaa and bbbb, --missing renorm, ids "0" .. "n-1". */
void hand_make(hand *self, const char *name, size_t n, size_t k, const hand_entry *rows);

/* The ids become the lines of `text`. */
void hand_name(hand *self, const char *const *id);

void hand_drop(hand *self);

#endif
