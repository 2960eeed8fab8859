#ifndef KIN_SCAN_PAIRSCAN_H
#define KIN_SCAN_PAIRSCAN_H
/*
 * The scan of a cluster pair: tiles, refinement, collection, once for every pair of rows and for
 * both.
 *
 *   tile     the leading codes of 12 rows against 32 columns: the coarse bound (scan/codes.h)
 *            against the thresholds of row and column. Most pairs end here.
 *   refine   the pairs that are left, one by one: low and tail codes give an estimate and its error
 *   collect  an estimate that reaches a threshold with its error goes to the collector of the
 *            row, the column or both. A pair whose error is above the tolerance is scored
 *            canonically instead.
 *
 * A pair scan changes the collectors of its two clusters and nothing else: pair scans without a
 * cluster in common run side by side without locks.
 * Cost: `lead` int8 products a pair for the tile; 2 lead + tail more for a refined pair.
 */
#include "core/score.h"
#include "scan/codes.h"
#include "scan/collector.h"
#include "scan/engine.h"

/* Rows first .. first + collectors->rows - 1 of the clustering collect: row i in collector i -
 * first. The other rows are candidates only. */
typedef struct kin_scan {
    const kin_codes *codes;
    kin_collectors *collectors;
    size_t first;
} kin_scan;

/* The workspace of one thread. codes and collectors of `scan` have to outlive it. */
typedef struct kin_pairscan kin_pairscan;
int kin_pairscan_new(kin_pairscan **out, const kin_scan *scan, kin_error *err);
void kin_pairscan_free(kin_pairscan *self);
size_t kin_pairscan_bytes(const kin_codes *codes, size_t capacity);
const kin_scan_counts *kin_pairscan_counts(const kin_pairscan *self);

/* Scans cluster a against cluster b; a == b: all pairs within the cluster. Returns at once if
 * neither collects, or their modality masks have nothing in common. */
void kin_pairscan_run(kin_pairscan *self, size_t a, size_t b);

/* Scans rows of one modality mask against a cluster, for these rows only: row at[i] of the
 * clustering collects in collector slot[i], whatever `first` is. A row of the cluster is a
 * candidate of its own as well. */
void kin_pairscan_probe(kin_pairscan *self, unsigned modality_mask, const size_t *at /* [count] */,
                        const size_t *slot /* [count] */, size_t count, size_t cluster);

#endif
