#ifndef KIN_COMPARE_INTERVAL_H
#define KIN_COMPARE_INTERVAL_H
/*
 * Confidence bounds of a mean, from s values in [0, 1] drawn without replacement: how
 * certain a recall is.
 *
 * The row of a graph is the sampling unit, as the entries of a row stand or fall together. The
 * bounds hold at any s and for any distribution of values, also where all are 1 and where one in a
 * hundred is 0; they come from betting against a mean (Waudby-Smith and Ramdas 2024, "Estimating
 * means of bounded random variables by betting", with fixed bets). The lower bound at a share of
 * error alpha is the smallest mean m <= alpha^(1/s) that the values x_1 .. x_s do not refute:
 *
 *     V(m) = sum_{j >= 0} 2^-(j+1) prod_i (1 - 2^-j + 2^-j x_i / m)
 *     W(m) = w prod_i x_i / m + (1 - w) V(m),   w = m^s / alpha
 *
 * If the mean is m or less, each product has an expectation of 1 or less (drawing without
 * replacement associates the values negatively, which only lowers it), so P(W >= 1 / alpha) <=
 * alpha by Markov. W falls in m, so where the bound passes the true mean that has happened at the
 * true mean: the bound needs no normal distribution, and adapts to the spread. Values of 0 are what
 * the smaller bets are for. w is the stake that a sample without any loss turns into exactly 1 /
 * alpha: its bound is alpha^(1/s), never 1, and no bound of s values that never falls when a value
 * rises can lie higher. For smaller m, w is close to 0.
 *
 * The upper bound is one less the lower bound of the values' distances from 1. A two-sided interval
 * has the lower bound and the upper bound at alpha / 2 each. Rows that were drawn by strata in
 * proportion scatter less than these bounds allow for. A mean over all rows is no estimate and has
 * no bounds.
 */
#include "core/error.h"
#include <stddef.h>

/* For s >= 1 values in [0, 1] and an alpha in (0, 1): with a probability of at least 1 - alpha it
 * is no more than the mean. 0, which never is, where memory for the values is refused. Time O(s log
 * s). */
double kin_lower_bound(const double *value /* [s] */, size_t s, double alpha);

/* All at 95 %. */
typedef struct kin_interval {
    double lower, upper; /* each of them holds alone: one-sided bounds */
    double low, high;    /* both hold together: the two-sided interval */
} kin_interval;

/* Of the mean of s values in [least, least + span]; all of that where s is 0. KIN_E_MEMORY where 4
 * s doubles are refused. */
int kin_interval_of(kin_interval *out, const double *value /* [s] */, size_t s, double least,
                    double span, kin_error *err);

/* How many values like these s would make high - low half as wide, to a hundredth: about 4 s where
 * they scatter, 2 s where they do not; 0 where s is 0. Values are in [0, 1]. */
int kin_interval_halved(size_t *out, const double *value /* [s] */, size_t s, kin_error *err);

#endif
