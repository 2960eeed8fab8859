#ifndef KIN_SUPPORT_LISTS_H
#define KIN_SUPPORT_LISTS_H
/*
 * Graphs in memory from lists of neighbours, without scores.
 */
#include "core/graph.h"

/* Entries that a list has room for, and what ends it. */
enum { LISTS_ROOM = 32, LISTS_END = -1 };

/* rows[i] are the neighbours of item i up to LISTS_END, at most k of n; cosines[m] of the same
 * entries, NULL: none. Modalities text .6 and image .4. Close with kin_graph_close. */
void lists_make(kin_graph *g, size_t n, size_t k, int (*rows)[LISTS_ROOM],
                double (*cosines[2])[LISTS_ROOM]);

/* The lines of `text` become the graph's table of items. */
void lists_open_items(kin_graph *g, const char *text);

#endif
