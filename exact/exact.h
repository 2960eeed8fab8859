#ifndef KIN_EXACT_EXACT_H
#define KIN_EXACT_EXACT_H
/*
 * `exact`: the rows of `stream`, proven, at the speed of int8.
 *
 *   distinct items of the same bytes are one row (scan/duplicates.h)
 *   encode   rows become int8 codes with measured losses (scan/codes.h)
 *   cluster  similar rows lie side by side in clusters of some hundred (scan/clustering.h)
 *   scan     every cluster pair once, the most alike first, so that thresholds rise early
 *            (scan/pairscan.h; the order: exact/schedule.h, then exact/rounds.c)
 *   rerank   what no bound excludes is scored canonically (scan/reranker.h)
 *
 * A pair is dropped only by a bound that covers every rounding on the way (docs/EXACT.md), so the
 * result equals that of `stream` byte for byte.
 *
 * Rounds. After the scheduled pairs, round r scans cluster g against cluster g XOR r. No cluster
 * is in two pairs of a round, so pair scans run side by side without locks, and what a cluster has
 * seen after a round depends on the codes alone. The counts in the report are the same for any
 * number of threads and on every CPU.
 *
 * Memory: codes (4 lead + tail bytes a row), and collectors of 8 bytes for about 1.6 K candidates
 * a row. Where the budget does not hold all collectors, rows are done in blocks of clusters; a
 * block is scanned against all clusters, and only pairs within it serve both sides.
 * Time: lead n^2 / 2 products in int8, and the refinements; with b blocks up to 2 b / (b + 1) times
 * as many.
 */
#include "scan/engine.h"

typedef struct kin_exact_options {
    size_t top_k;        /* K, 1 .. n - 1 */
    size_t memory_bytes; /* budget, 0: what the machine has */
    size_t lead;         /* leading dimensions, 0: chosen by counting on a sample */
    float slack;         /* 1. Tests make it 0, to show that without the bounds results are wrong */
} kin_exact_options;

#define KIN_EXACT_OPTIONS_INIT                                                                     \
    {                                                                                              \
        .top_k = 200, .slack = 1                                                                   \
    }

/* What a run takes: counts and bytes. */
typedef struct kin_exact_plan {
    size_t distinct;    /* rows in pairs, without their duplicates */
    size_t lead, tail;  /* dimensions that tiles multiply, and those behind them */
    size_t capacity;    /* candidates a row can hold */
    size_t block_rows;  /* rows done at a time; `distinct`: all */
    size_t blocks;      /* of that many rows */
    size_t rerank_rows; /* reranked together */
    size_t duplicates_bytes, codes_bytes, collectors_bytes, work_bytes, total_bytes;
} kin_exact_plan;

/* The counts of a run. */
typedef struct kin_exact_report {
    size_t rows; /* that were scanned: in pairs, without their duplicates */
    size_t clusters;
    kin_scan_counts scan;
    size_t rows_again;       /* whose guessed thresholds were too high (exact/guess.h) */
    unsigned long long full; /* candidates scored canonically in the end */
} kin_exact_report;

/* An engine from its plan to its run. */
typedef struct kin_exact kin_exact;

/* Checks, looks at a sample and plans. KIN_E_DATA when K >= n or there are too many dimensions,
 * KIN_E_MEMORY with the numbers when the budget is too small. The catalog has to outlive the
 * engine. */
int kin_exact_new(kin_exact **out, const kin_catalog *catalog, const kin_exact_options *options,
                  kin_error *err);
void kin_exact_free(kin_exact *self);

const kin_exact_plan *kin_exact_get_plan(const kin_exact *self);

/* All rows of the catalog into the sink, in any order and from all threads. Once. */
int kin_exact_run(kin_exact *self, kin_row_sink sink, const kin_monitor *monitor, kin_error *err);

/* After a run. */
const kin_exact_report *kin_exact_get_report(const kin_exact *self);

#endif
