/*
 * Bounds by betting (compare/interval.h).
 *
 * A row of K neighbours has one of K + 1 recalls, so values repeat: they are sorted and counted,
 * and each step of a search costs the number of different values. That a sample were t times as
 * large with the same shares is then a factor of t on the counts.
 */
#include "compare/interval.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bets 2^-j with weights 2^-(j+1); the rest of the weight is not staked, which only lowers W. */
enum { BETS = 16, STEPS = 40 };

/* Different values in ascending order, and how often each occurs. */
typedef struct tally {
    size_t distinct;
    double *value, *count; /* [distinct]; owned, one allocation */
    double s;              /* values in all */
    double mean;
    double log_product; /* of all values; -INFINITY where one is 0 */
} tally;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static int tally_init(tally *self, const double *value, size_t s, double least, double span)
{
    *self = (tally){.value = kin_alloc(s, 2 * sizeof *self->value), .s = (double)s};
    if (!self->value)
        return KIN_E_MEMORY;
    self->count = self->value + s;
    for (size_t i = 0; i < s; i++)
        self->value[i] = fmin(fmax((value[i] - least) / span, 0), 1);
    qsort(self->value, s, sizeof *self->value, by_value);
    for (size_t i = 0; i < s; i++) {
        double x = self->value[i];
        self->mean += x / self->s;
        if (self->distinct == 0 || self->value[self->distinct - 1] != x) {
            self->value[self->distinct] = x;
            self->count[self->distinct++] = 0;
        }
        self->count[self->distinct - 1]++;
    }
    for (size_t i = 0; i < self->distinct; i++)
        self->log_product += self->count[i] * log(self->value[i]);
    return 0;
}

static void tally_release(tally *self)
{
    free(self->value);
    *self = (tally){0};
}

/* The values' distances from 1. */
static void tally_mirror(tally *self)
{
    self->mean = 1 - self->mean;
    self->log_product = 0;
    for (size_t i = 0; i < self->distinct; i++) {
        self->value[i] = 1 - self->value[i];
        self->log_product += self->count[i] * log(self->value[i]);
    }
}

/* log V(m) of the sample taken `times` times; stops once past `enough`. */
static double log_wealth(const tally *self, double times, double mean, double enough)
{
    double wealth = -INFINITY;
    for (int j = 0; j < BETS && wealth < enough; j++) {
        double bet = ldexp(1.0, -j);
        double one = 0;
        for (size_t i = 0; i < self->distinct; i++)
            one += self->count[i] * log(1 + bet * (self->value[i] / mean - 1));
        one = times * one - (j + 1) * M_LN2;
        double larger = fmax(wealth, one);
        if (isfinite(larger))
            wealth = larger + log(exp(wealth - larger) + exp(one - larger));
    }
    return wealth;
}

static double lower_bound(const tally *self, double times, double alpha)
{
    double s = self->s * times;
    double high = fmin(self->mean, pow(alpha, 1 / s));
    double product = exp(times * self->log_product);
    if (product == 1)
        return high;
    /* W(m) = 1 / alpha, multiplied by alpha: product + (alpha - m^s) V(m) = 1. The left side falls
     * in m, is less than 1 at `high` and unbounded towards 0: halve. */
    double low = 0;
    for (int step = 0; step < STEPS; step++) {
        double middle = (low + high) / 2;
        double enough = log((1 - product) / (alpha - pow(middle, s)));
        if (middle > 0 && log_wealth(self, times, middle, enough) >= enough)
            low = middle;
        else
            high = middle;
    }
    return low;
}

double kin_lower_bound(const double *value, size_t s, double alpha)
{
    tally all;
    if (tally_init(&all, value, s, 0, 1) != 0)
        return 0;
    double bound = lower_bound(&all, 1, alpha);
    tally_release(&all);
    return bound;
}

/* ---- intervals ------------------------------------------------------------------------------- */

static const double error = 0.05;

/* The width of the two-sided interval, of a sample `times` as large. */
static double width(const tally *self, tally *mirrored, double times)
{
    double low = lower_bound(self, times, error / 2);
    return 1 - lower_bound(mirrored, times, error / 2) - low;
}

/* By how much a sample has to grow until the interval is half as wide. */
static double growth_for_half(const tally *self, tally *mirrored, double half)
{
    double low = 1, high = 2;
    while (high < 64 && width(self, mirrored, high) > half) {
        low = high;
        high *= 2;
    }
    while (high - low > 0.01 * low) {
        double middle = (low + high) / 2;
        if (width(self, mirrored, middle) > half)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* The values and their distances from 1. */
static int tally_both(tally *all, tally *mirrored, const double *value, size_t s, double least,
                      double span, kin_error *err)
{
    int rc = tally_init(all, value, s, least, span);
    if (rc == 0) {
        rc = tally_init(mirrored, value, s, least, span);
        if (rc != 0)
            tally_release(all);
    }
    if (rc != 0)
        return kin_fail_alloc(err, "values to bound", kin_size_mul(s, 4 * sizeof *value));
    tally_mirror(mirrored);
    return 0;
}

int kin_interval_of(kin_interval *out, const double *value, size_t s, double least, double span,
                    kin_error *err)
{
    tally all, mirrored;
    *out = (kin_interval){least, least + span, least, least + span};
    if (s == 0)
        return 0;
    int rc = tally_both(&all, &mirrored, value, s, least, span, err);
    if (rc != 0)
        return rc;
    *out = (kin_interval){.lower = least + span * lower_bound(&all, 1, error),
                          .upper = least + span * (1 - lower_bound(&mirrored, 1, error)),
                          .low = least + span * lower_bound(&all, 1, error / 2),
                          .high = least + span * (1 - lower_bound(&mirrored, 1, error / 2))};
    tally_release(&all);
    tally_release(&mirrored);
    return 0;
}

int kin_interval_halved(size_t *out, const double *value, size_t s, kin_error *err)
{
    tally all, mirrored;
    *out = 0;
    if (s == 0)
        return 0;
    int rc = tally_both(&all, &mirrored, value, s, 0, 1, err);
    if (rc != 0)
        return rc;
    double half = width(&all, &mirrored, 1) / 2;
    *out = (size_t)ceil(growth_for_half(&all, &mirrored, half) * all.s);
    tally_release(&all);
    tally_release(&mirrored);
    return 0;
}
