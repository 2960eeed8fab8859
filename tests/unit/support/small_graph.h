#ifndef KIN_SUPPORT_SMALL_GRAPH_H
#define KIN_SUPPORT_SMALL_GRAPH_H
/*
 * A graph of a few rows whose every entry is known: ties, short and empty rows, cosines that are
 * lacking. What is not as it should be fails the test.
 */
#include "core/graph.h"

enum { SMALL_N = 23, SMALL_K = 5, SMALL_MODALITIES = 2 };

/* All that a writer wants of a catalog: "text" and "image". */
extern const kin_catalog small_catalog;

/* How long row i is: 0 .. K, or all K. */
uint32_t small_length_of(size_t i, bool full);

/* Rows first .. first + count - 1 as a block. */
void small_fill(kin_rows *block, size_t first, size_t count, bool full);

/* A writer of such rows, with its arrays in files of their own as well. */
int small_writer(kin_graph_writer **out, const char *folder, kin_row_order order, kin_error *err);

/* Writes rows in blocks of 4, the odd blocks first; `skip` is a block left out, or -1. */
int small_write(const char *folder, kin_row_order order, bool full, int skip,
                kin_graph_totals *totals, kin_written *written, kin_error *err);

/* A whole graph folder, manifest and all, in place of what is there. */
void small_graph(const char *folder, kin_row_order order, bool full);

/* Row i as a graph that was opened has it. */
void small_check_row(const kin_graph *g, size_t i, bool full);

#endif
