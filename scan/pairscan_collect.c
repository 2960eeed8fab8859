/*
 * Thresholds of tiles, and candidates into collectors (scan/pairscan_state.h).
 *
 * A row's threshold rises in its collector alone (kin_collectors_prune and
 * kin_collectors_replace); after each of these the tile's copies are set again: row_threshold and
 * column_threshold of a row (kin_pairscan_set_row_thresholds), threshold and margin of a column
 * (kin_pairscan_set_column_threshold).
 */
#include "scan/pairscan_state.h"

#include <assert.h>

void kin_pairscan_set_column_threshold(kin_pairscan *self, size_t c)
{
    columns *to = &self->column;
    to->threshold[c] = self->columns_collect
                           ? self->scan->collectors->threshold[kin_pairscan_column_slot(self, c)]
                           : INFINITY;
    to->margin[c] = self->columns_collect ? to->bias_unit[c] - to->threshold[c] / self->factor /
                                                                   kin_codes_unit(self->scan->codes)
                                          : NAN;
}

void kin_pairscan_set_row_thresholds(kin_pairscan *self, size_t r)
{
    const kin_code_terms *terms = &self->scan->codes->terms[self->at[r]];
    float rho = kin_pair_lead_loss(terms->coarse, terms->norm, self->coarse_most, self->norm_most);
    self->column_threshold[r] = -(rho + terms->bias) / kin_codes_unit(self->scan->codes);
    self->row_threshold[r] =
        self->rows_collect ? (self->scan->collectors->threshold[self->slot[r]] / self->factor -
                              rho - terms->bias) /
                                 kin_codes_unit(self->scan->codes)
                           : NAN;
}

/* Scores the candidates of an overflowing row canonically and leaves it the k best. */
static void rerank_in_place(kin_pairscan *self, size_t at, size_t row)
{
    const kin_scan *scan = self->scan;
    float weight_sum = (float)scan->codes->fused.weight_sum;
    size_t count = kin_collectors_list(scan->collectors, row, self->candidate);
    kin_query_set_row(&self->query, (size_t)scan->codes->clustering.row[at]);
    self->query.row = -1; /* the row itself stays a candidate, for its duplicates */
    kin_rescore(&self->query, self->candidate, count, &self->workspace, &self->best, 0);
    for (size_t i = 0; i < self->best.filled[0]; i++)
        self->best.score[i] /= weight_sum;
    kin_collectors_replace(scan->collectors, row, self->best.neighbor, self->best.score,
                           self->best.filled[0]);
    self->counts.reranked++;
    self->counts.reranked_pairs += count;
}

/* Adds a candidate that reaches the threshold to collector `row`, that of the row at place `at`.
 * True if the collector was pruned: its threshold may have risen. */
static bool add(kin_pairscan *self, size_t at, size_t row, size_t other, float estimate)
{
    const kin_scan *scan = self->scan;
    self->counts.collected++;
    if (!kin_collectors_add(scan->collectors, row, estimate, scan->codes->clustering.row[other]))
        return false;
    if (kin_collectors_prune(scan->collectors, row))
        rerank_in_place(self, at, row);
    return true;
}

/* The canonical score as an estimate; false where there is no pair. */
static bool score_in_full(kin_pairscan *self, size_t at, size_t other, float *estimate)
{
    const kin_codes *codes = self->scan->codes;
    float score;
    float cosine[KIN_MODALITIES_MAX];
    int32_t row = codes->clustering.row[at];
    self->counts.too_coarse++;
    if (self->query.row != row) /* a row's pairs come one after the other */
        kin_query_set_row(&self->query, (size_t)row);
    if (!kin_query_score(&self->query, (size_t)codes->clustering.row[other], &score, cosine))
        return false;
    *estimate = score / (float)codes->fused.weight_sum;
    return true;
}

/* A pair whose codes are too coarse for the side whose threshold it reaches: scored in full. */
static void collect_in_full(kin_pairscan *self, size_t r, size_t column, bool row_hits,
                            bool column_hits)
{
    size_t at = self->at[r], other = self->first_column + column;
    float estimate;
    if (!score_in_full(self, at, other, &estimate))
        return;
    if (row_hits && add(self, at, self->slot[r], other, estimate))
        kin_pairscan_set_row_thresholds(self, r);
    if (column_hits && add(self, other, kin_pairscan_column_slot(self, column), at, estimate))
        kin_pairscan_set_column_threshold(self, column);
}

/* The panel's columns that reach the row's threshold: in one go where there is room for all.
 * Only rows that collect have a threshold, and a collector. */
static void collect_for_row(kin_pairscan *self, size_t r, size_t column, uint32_t hits)
{
    kin_collectors *collectors = self->scan->collectors;
    const int32_t *id = self->scan->codes->clustering.row + self->first_column + column;
    const kin_refined *refined = &self->refined;
    size_t at = self->at[r], row = self->slot[r];
    assert(row < collectors->rows);
    size_t left = collectors->capacity - collectors->count[row];
    size_t count = (size_t)__builtin_popcount(hits);
    if (count < left) {
        size_t end = row * collectors->capacity + collectors->count[row];
        self->kernels->append(refined->estimate, id, hits, collectors->estimate + end,
                              collectors->candidate + end);
        collectors->count[row] += (uint32_t)count;
        self->counts.collected += count;
        return;
    }
    for (; hits != 0; hits &= hits - 1) {
        size_t c = (size_t)__builtin_ctz(hits);
        float estimate = refined->estimate[c];
        if (estimate + refined->error[c] >= collectors->threshold[row] &&
            add(self, at, row, self->first_column + column + c, estimate))
            kin_pairscan_set_row_thresholds(self, r);
    }
}

void kin_pairscan_collect(kin_pairscan *self, size_t r, size_t column)
{
    const kin_refined *refined = &self->refined;
    uint32_t coarse = refined->too_coarse;
    if (refined->row_hits & ~coarse)
        collect_for_row(self, r, column, refined->row_hits & ~coarse);
    for (uint32_t left = refined->column_hits & ~coarse; left != 0; left &= left - 1) {
        size_t c = (size_t)__builtin_ctz(left);
        size_t slot = kin_pairscan_column_slot(self, column + c);
        if (add(self, self->first_column + column + c, slot, self->at[r], refined->estimate[c]))
            kin_pairscan_set_column_threshold(self, column + c);
    }
    for (uint32_t left = coarse; left != 0; left &= left - 1) {
        int c = __builtin_ctz(left);
        collect_in_full(self, r, column + (size_t)c, refined->row_hits >> c & 1,
                        refined->column_hits >> c & 1);
    }
}
