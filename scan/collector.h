#ifndef KIN_SCAN_COLLECTOR_H
#define KIN_SCAN_COLLECTOR_H
/*
 * Collectors: for each of many rows, the candidates that may still be among its K best.
 *
 * A candidate comes with an estimate of its score that is off by at most the row's tolerance. A row
 * keeps candidates in no order in `capacity` places; when they are full, a value E that K estimates
 * reach is found and what lies below E - 2 tolerance is dropped: K others are truly better.
 * E - tolerance, which the K-th best score is not below, is the row's threshold: what cannot reach it
 * needs no closer look. Where so many candidates tie that pruning makes no room (overflow), the
 * caller reranks them in place: scores them canonically, which leaves K (kin_collectors_replace).
 *
 * Rows belong to one thread at a time; different rows are independent.
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
    float *threshold;   /* [rows] -INFINITY while fewer than k were compared; owned */
    float *tolerance;   /* [rows] 0 until the caller sets it; owned */
} kin_collectors;

/* Empty collectors. capacity >= kin_collectors_capacity_least(k). */
int kin_collectors_init(kin_collectors *self, size_t rows, size_t k, size_t capacity,
                        kin_error *err);
void kin_collectors_release(kin_collectors *self);

/* The capacities that work, and that work well. */
size_t kin_collectors_capacity_least(size_t k);
size_t kin_collectors_capacity_good(size_t k);

/* Bytes a row takes. */
size_t kin_collectors_row_bytes(size_t capacity);

/* Drops what cannot be among the k best and raises the threshold. Returns whether the row overflows:
 * less than an eighth of the places beyond k is free. */
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

/* Replaces a row's candidates by its best, known canonically and best first: count <= k estimates of
 * their scores. Later candidates are compared with these. */
void kin_collectors_replace(kin_collectors *self, size_t row, const int32_t *candidate,
                            const float *estimate, size_t count);

/* The candidates of a row, ascending by catalog row, into out[0 .. capacity); returns how many. */
size_t kin_collectors_list(const kin_collectors *self, size_t row, int32_t *out);

#endif
