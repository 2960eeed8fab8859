#ifndef KIN_EXACT_STREAM_H
#define KIN_EXACT_STREAM_H
/*
 * `stream`: the row-streaming baseline that every other engine is evaluated against.
 *
 * A micro-batch of M queries is scored against all n items: one sgemm per modality is accumulated
 * into an M x n tile of fused scores in float32, each row's tile is cut down to the candidates
 * that could be among its K best given the tile's worst rounding error, and only those are scored
 * canonically. So the result is exact in the sense of core/score.h, whatever order sgemm adds in.
 *
 * The margin (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1):
 * unit rows rounded to float err by u = 2^-24 each, and a dot product of length d in any order by
 * gamma_d = d u / (1 - d u) times |x| |y| <= 1 + small. With the accumulation over modalities,
 * the scaling and the last rounding of the stored score, no tile value (scores are divided by W
 * there) is off by more than
 *     gamma_(d + 16),  d = sum of the dimensions,
 * from the canonical score; a candidate is kept when its tile value is within twice that of the
 * row's K-th largest tile value.
 *
 * Memory: M * n floats for the tile, a block of widened columns per thread, and the candidates;
 * nothing else grows with n. Time: 2 n^2 d operations at the speed of sgemm.
 */
#include "core/memory.h"
#include "core/rows.h"

typedef struct kin_stream_options {
    size_t top_k;        /* K, 1 .. n - 1 (n for outside queries) */
    size_t micro_batch;  /* M, rows a tile; 0: as many as fit 512 MiB, at most 1,024 */
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

/* The micro-batch that will be used for a catalog of n items. */
size_t kin_stream_micro_batch(const kin_stream_options *options, size_t n, size_t queries);

/* What a run for so many queries is going to hold, part by part. */
void kin_stream_make_plan(kin_memory_plan *out, const kin_catalog *catalog, size_t queries,
                          const kin_stream_options *options);

/* The top-K rows of the queries, in order, into the sink: query q of the sink is queries->row[q].
 * KIN_E_DATA when K >= n. */
int kin_stream_run(const kin_catalog *catalog, const kin_stream_queries *queries,
                   const kin_stream_options *options, kin_row_sink sink, const kin_monitor *monitor,
                   kin_error *err);

#endif
