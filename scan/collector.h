#ifndef KIN_SCAN_COLLECTOR_H
#define KIN_SCAN_COLLECTOR_H
/*
 * Collectors: for each of many rows, the candidates that may be among its K best.
 *
 * A candidate comes with an estimate of its score whose error is at most the row's tolerance. A
 * row has `capacity` places, in no order. When they are full, kin_collectors_prune finds a value E
 * that K estimates reach: the K-th best score is at least E - tolerance, which becomes the row's
 * threshold, and candidates below E - 2 tolerance are dropped, for K others are truly better. This,
 * kin_collectors_replace and kin_collectors_restart are the places where a row's threshold changes;
 * the latter two may lower it.
 *
 * A caller may set a threshold that is a guess (exact/guess.h). kin_collectors_prove tells in the
 * end whether the row has lost nothing by it.
 *
 * Overflow: so many candidates tie that pruning frees too few places. Then the caller reranks the
 * row in place: it scores the candidates canonically and gives back the K best
 * (kin_collectors_replace).
 *
 * A row belongs to one thread at a time; different rows are independent.
 */
#include "core/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct kin_collectors {
    size_t rows, k, capacity;
    float *estimate;    /* [rows][capacity]; owned */
    int32_t *candidate; /* [rows][capacity] catalog rows; owned */
    uint32_t *count;    /* [rows] places in use; owned */
    float *threshold;   /* [rows] -INFINITY until k candidates were pruned; owned */
    float *tolerance;   /* [rows] 0 until the caller sets it; owned */
} kin_collectors;

/* Empty collectors, thresholds -INFINITY, tolerances 0. capacity >=
 * kin_collectors_capacity_least(k). */
int kin_collectors_init(kin_collectors *self, size_t rows, size_t k, size_t capacity,
                        kin_error *err);
void kin_collectors_release(kin_collectors *self);

/* The least capacity, and the one at which pruning costs little. */
size_t kin_collectors_capacity_least(size_t k);
size_t kin_collectors_capacity_good(size_t k);

/* Bytes of one row. */
size_t kin_collectors_row_bytes(size_t capacity);

/* Drops candidates that cannot be among the k best and raises the threshold. True on overflow:
 * less than an eighth of the places beyond k are free. */
bool kin_collectors_prune(kin_collectors *self, size_t row);

/* Adds a candidate; true when the row is full and has to be pruned before the next. */
static inline bool kin_collectors_add(kin_collectors *self, size_t row, float estimate,
                                      int32_t candidate)
{
    size_t at = row * self->capacity + self->count[row];
    self->estimate[at] = estimate;
    self->candidate[at] = candidate;
    return ++self->count[row] == self->capacity;
}

/* Replaces a row's candidates by the best of them, reranked: count <= k, canonical scores, best
 * first. With k of them the threshold is the last score less the tolerance. */
void kin_collectors_replace(kin_collectors *self, size_t row, const int32_t *candidate,
                            const float *estimate, size_t count);

/* Whether k of the row's estimates prove that its k-th best score is at least `threshold`. */
bool kin_collectors_prove(const kin_collectors *self, size_t row, float threshold);

/* Empties a row that is going to see all of its candidates again. Its threshold becomes what those
 * that it had prove: -INFINITY, unless they are k. */
void kin_collectors_restart(kin_collectors *self, size_t row);

/* A value that at least k of x[0 .. count) reach and, unless many are equal, few more: close below
 * the k-th best. All are finite, k <= count. */
float kin_value_reached(const float *x, size_t count, size_t k, float close);

/* Writes the candidates of a row to out [capacity], ascending by catalog row; returns their
 * number. */
size_t kin_collectors_list(const kin_collectors *self, size_t row, int32_t *out);

#endif
