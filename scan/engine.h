#ifndef KIN_SCAN_ENGINE_H
#define KIN_SCAN_ENGINE_H
/*
 * What the engines on codes do alike, exact/exact.c and ann/join.c: what they refuse, work on all
 * threads that stops at the first failure, clusters reranked in pieces, empty rows, counts.
 */
#include "scan/reranker.h"

/* The sum of all modalities' dimensions; beyond, sums of products of lifted codes may pass 2^31. */
enum { KIN_SCAN_DIMENSIONS_MAX = 32768 };

/* Refuses what no engine on codes can do: K >= n or more dimensions than that (KIN_E_DATA).
 * `engine` is its name on the command line. */
int kin_scan_check(const kin_catalog *catalog, size_t top_k, const char *engine, kin_error *err);

/* ---- counts --------------------------------------------------------------------------------- */

/* How many pairs each step of a pair scan saw (scan/pairscan.h). */
typedef struct kin_scan_counts {
    uint64_t pairs;      /* of two rows, looked at by tiles */
    uint64_t tiles;      /* 12 x 32 pairs each */
    uint64_t tiles_left; /* in which the coarse bound could not exclude every pair */
    uint64_t refined;    /* pairs that it could not exclude */
    uint64_t collected;  /* candidates added to collectors: one a row and pair */
    uint64_t too_coarse; /* pairs whose codes were too coarse and that were scored canonically */
    uint64_t reranked;   /* overflowing rows whose candidates were scored canonically under way */
    uint64_t reranked_pairs; /* pairs scored for that */
} kin_scan_counts;

void kin_scan_counts_add(kin_scan_counts *self, const kin_scan_counts *other);
void kin_scan_counts_subtract(kin_scan_counts *self, const kin_scan_counts *other);

/* ---- work on all threads -------------------------------------------------------------------- */

/* The first failure among threads; the others stop when they see it. */
typedef struct kin_scan_failure {
    int rc;
    kin_error *err; /* the caller's; or NULL */
} kin_scan_failure;

bool kin_scan_failed(const kin_scan_failure *self);

/* One part of the work, on thread 0 .. threads - 1. It may look at `others` while it lasts. */
typedef int kin_scan_part(void *self, int thread, size_t i, const kin_scan_failure *others,
                          kin_error *err);

/* Parts first .. last - 1, in no order, each on one thread. The calling one, thread 0, looks at the
 * monitor before each of its own. Returns the first failure. */
int kin_scan_parallel(int threads, size_t first, size_t last, kin_scan_part *part, void *self,
                      const kin_monitor *monitor, kin_error *err);

/* ---- rows on their way to the sink ---------------------------------------------------------- */

/* Emits row i of a reranked block, that of catalog row `row`. */
typedef int kin_scan_emit(void *self, int32_t row, const kin_rows *block, size_t i, kin_error *err);

/* Rows that lie together, with collectors first .. first + count - 1. */
typedef struct kin_scan_piece {
    kin_collectors *collectors;
    size_t first;
    const int32_t *row; /* [count] of the catalog */
    size_t count;
} kin_scan_piece;

/* Reranks the rows in pieces of nearly the same size, none larger than `most`, and emits them
 * one by one until another thread has failed. Adds the number of pairs scored to *pairs. */
int kin_scan_rerank(kin_reranker *reranker, kin_scan_piece rows, size_t most, uint64_t *pairs,
                    kin_scan_emit *emit, void *self, const kin_scan_failure *others,
                    kin_error *err);

/* The empty rows of items that are in no pair, to the sink. */
int kin_scan_emit_empty(const kin_catalog *catalog, size_t top_k, kin_row_sink sink,
                        kin_error *err);

#endif
