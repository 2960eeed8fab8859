#ifndef KIN_ANN_FAISS_SEARCH_TRACE_H
#define KIN_ANN_FAISS_SEARCH_TRACE_H
/*
 * The candidates that each of FAISS's indexes proposes to some items (ann/traced.h).
 */
#include "ann/faiss_effort.h"
#include "ann/traced.h"

/* Emits, part by part (a modality's has its number, the fused one 0), the items that a search with
 * these options scores for that part's sake: none where the item lacks the modality. Holds less
 * than kin_search_all. KIN_E_MEMORY, KIN_E_AGAIN. */
int kin_search_trace(const kin_index *index, const kin_search_options *options,
                     const int32_t *row /* [count] */, size_t count, kin_traced_sink sink,
                     const kin_monitor *monitor, kin_error *err);

#endif
