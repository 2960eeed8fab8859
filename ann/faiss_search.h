#ifndef KIN_ANN_FAISS_SEARCH_H
#define KIN_ANN_FAISS_SEARCH_H
/*
 * From FAISS's indexes to top-K rows: candidates of all indexes, their union, canonical rescoring,
 * fusion.
 *
 * A row depends on the item, the index and the resolved options alone: not on threads, budget or
 * the other rows asked for. Searches with other options must not run on the same index at the same
 * time.
 */
#include "ann/faiss_effort.h"
#include "core/rows.h"
#include "core/score.h"

/* Searches for the top-K of every item. Blocks of consecutive items reach the sink in order.
 * KIN_E_MEMORY, KIN_E_AGAIN where an input has changed. */
int kin_search_all(const kin_index *index, const kin_search_options *options, kin_row_sink sink,
                   const kin_monitor *monitor, kin_error *err);

/* The same for some items, in the order asked for: query q of the sink is row[q], NULL for all
 * items. A row is bit for bit the one that kin_search_all gives. */
int kin_search_rows(const kin_index *index, const kin_search_options *options,
                    const int32_t *row /* [count] */, size_t count, kin_row_sink sink,
                    const kin_monitor *monitor, kin_error *err);

/* The top-K of one query on the index's catalog, an item or vectors from outside, into row 0 of
 * `out`. */
int kin_search_one(const kin_index *index, const kin_search_options *options,
                   const kin_query *query, kin_rows *out, kin_error *err);

/* What searching for all items is going to hold, beside the index where no budget is set. Reads of
 * the index the number of vectors of each part alone. */
int kin_search_make_plan(kin_memory_plan *out, const kin_index *index,
                         const kin_search_options *options, kin_error *err);

#endif
