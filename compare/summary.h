#ifndef KIN_COMPARE_SUMMARY_H
#define KIN_COMPARE_SUMMARY_H
/*
 * A value in [0, 1] for every row (recall, overlap), summed up.
 *
 * Percentile p is the value at place ceil(p s) of the s values in ascending order.
 */
#include "core/error.h"
#include <stddef.h>
#include <stdint.h>

enum { KIN_SUMMARY_BINS = 20, KIN_WORST_MAX = 20, KIN_CUTS_MAX = 5 };

/* All 0 where s is 0. */
typedef struct kin_summary {
    double mean, min, p1, p5, p50;
    double below_90;              /* share of values below 0.9 */
    size_t bin[KIN_SUMMARY_BINS]; /* how many are in [i / 20, (i + 1) / 20); 1 is in the last */
} kin_summary;

/* KIN_E_MEMORY where s doubles to sort are refused. Time O(s log s). */
int kin_summary_of(kin_summary *out, const double *value /* [s] */, size_t s, kin_error *err);

/* A row that lost much. */
typedef struct kin_worst {
    int32_t row;
    double value;
} kin_worst;

/* The at most KIN_WORST_MAX least of the values below 1, least first and then by row; returns how
 * many. */
size_t kin_worst_of(kin_worst *out /* [KIN_WORST_MAX] */, const double *value /* [s] */,
                    const int32_t *row /* [s] */, size_t s);

/* The k at which rows are cut: those of 1, 10, 50 and 100 that are below k, and k; returns how
 * many. */
size_t kin_cuts(size_t cut[KIN_CUTS_MAX], size_t k);

#endif
