#ifndef KIN_EXACT_STREAM_H
#define KIN_EXACT_STREAM_H
/*
 * `stream`: the row-streaming baseline that every other engine is evaluated against.
 *
 * A micro-batch of M queries is scored against all n items in one pass over them: a product in
 * float32 (core/gemm.h) makes tiles of fused scores, what could be among a row's K best given the
 * tile's worst rounding error goes on its shortlist (exact/shortlist.h), and only that is scored
 * canonically. So the result is exact in the sense of core/score.h.
 *
 * The margin (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1): unit
 * rows rounded to float err by u = 2^-24 each, and their product of length d, the modalities one
 * behind the other, by p u / (1 - p u) times |x| |y| <= 1 + small, where p is that of core/gemm.h.
 * With the scaling and the last rounding of the stored score, no tile value (scores are divided by
 * W there) is off by more than
 *     (p + 16) u / (1 - (p + 16) u),  p = 65 + ceil(d / 64),
 * from the canonical score; a candidate is kept when its tile value is within twice that of the
 * row's K-th largest tile value.
 *
 * Memory: 4 d + 52 K bytes a row of the micro-batch, and per thread 512 items widened and
 * packed; nothing grows with n. Time: 2 n^2 d operations at the speed of core/gemm.h, and n^2 d / M
 * elements read and widened.
 */
#include "core/memory.h"
#include "core/rows.h"

typedef struct kin_stream_options {
    size_t top_k;        /* K, 1 .. n - 1 */
    size_t micro_batch;  /* M, rows a pass; 0: 1,024 */
    size_t memory_bytes; /* budget, 0: what the machine has */
} kin_stream_options;

#define KIN_STREAM_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .top_k = 200                                                                               \
    }

/* Which rows to answer. */
typedef struct kin_stream_queries {
    const int32_t *row; /* [count] items of the catalog, or NULL for all of them in order */
    size_t count;       /* ignored for NULL rows */
} kin_stream_queries;

/* The micro-batch that will be used for so many queries. */
size_t kin_stream_micro_batch(const kin_stream_options *options, size_t queries);

/* What a run for so many queries is going to hold, part by part. */
void kin_stream_make_plan(kin_memory_plan *out, const kin_catalog *catalog, size_t queries,
                          const kin_stream_options *options);

/* The top-K rows of the queries, in order, into the sink: query q of the sink is queries->row[q].
 * KIN_E_DATA when K >= n. */
int kin_stream_run(const kin_catalog *catalog, const kin_stream_queries *queries,
                   const kin_stream_options *options, kin_row_sink sink, const kin_monitor *monitor,
                   kin_error *err);

#endif
