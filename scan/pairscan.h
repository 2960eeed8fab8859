#ifndef KIN_SCAN_PAIRSCAN_H
#define KIN_SCAN_PAIRSCAN_H
/*
 * The scan of a cluster pair: every pair of their rows is looked at once, for both sides.
 *
 *   tile     the leading codes of 12 rows against 32 columns; the coarse bound (scan/codes.h) against
 *            the thresholds of row and column. Nothing else happens to most pairs.
 *   refine   what is left, pair by pair: low and tail codes give a value with a known error.
 *   collect  what reaches a threshold goes to the collectors of the row, the column or both. A pair
 *            whose error is above the tolerance of either is scored canonically instead.
 *
 * A pair scan touches the collectors of its two clusters and nothing else: pair scans of different clusters
 * run side by side without locks.
 */
#include "core/score.h"
#include "scan/codes.h"
#include "scan/collector.h"
#include "scan/engine.h"

/* The rows of the order first .. first + collectors->rows - 1 collect; the others only serve. */
typedef struct kin_scan {
    const kin_codes *codes;
    kin_collectors *collectors;
    size_t first;
} kin_scan;

/* Working memory of one thread. */
typedef struct kin_pairscan kin_pairscan;
int kin_pairscan_new(kin_pairscan **out, const kin_scan *scan, kin_error *err);
void kin_pairscan_free(kin_pairscan *self);
size_t kin_pairscan_bytes(const kin_codes *codes, size_t capacity);
const kin_scan_counts *kin_pairscan_counts(const kin_pairscan *self);

/* Scans cluster a against cluster b (a == b: all pairs within the cluster). Nothing happens where neither collects, or
 * their masks have no modality in common. */
void kin_pairscan_run(kin_pairscan *self, size_t a, size_t b);

/* Some rows of one modality mask look at a cluster, for their own sake alone: row at[i] of the order collects in
 * slot[i] of the collectors, whatever `first` says. A row of the cluster itself is compared with itself too. Wants no
 * row panels in the codes. */
void kin_pairscan_probe(kin_pairscan *self, unsigned modality_mask, const size_t *at /* [count] */,
                        const size_t *slot /* [count] */, size_t count, size_t cluster);

#endif
