#ifndef KIN_JOB_COMPARE_TRACE_H
#define KIN_JOB_COMPARE_TRACE_H
/*
 * The loss split of a graph that was built with --trace-rows (compare/loss.h), and what has to be
 * computed for it: exact rows of the traced items, and for each modality that has an index their
 * exact neighbours by that modality alone.
 *
 * Cost: traced rows / n of what `stream` takes for the whole catalog, and once more for each
 * modality. Memory: 8 bytes an item and 8 K bytes a traced row for the exact rows; the same for
 * each modality, with four times the candidates that its index was asked for instead of K; and what
 * stream takes.
 */
#include "compare/loss.h"

/* How far down a modality is ranked for an index that was asked for so many: four times that, but
 * no more than 10,000 where the index was not asked for more itself. Below n. */
size_t kin_loss_trace_depth(size_t asked, size_t n);

/* *there is false, and *out empty, where the graph has no trace. `catalog` is the graph's
 * (kin_graph_catalog_open). `reference` has the exact rows of the traced items at least, in the
 * graph's row numbers; NULL: they are computed. KIN_E_MEMORY, before anything is taken, where it is
 * more than `memory_bytes` (0: what the machine has). */
int kin_loss_of_trace(kin_loss *out, bool *there, const kin_graph *graph,
                      const kin_catalog *catalog, const kin_graph *reference, size_t memory_bytes,
                      const kin_monitor *monitor, kin_error *err);

#endif
