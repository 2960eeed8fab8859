#ifndef KIN_JOB_EVALUATION_H
#define KIN_JOB_EVALUATION_H
/*
 * Evaluation of a build: is the mean recall of its rows at least the target, and how sure is that?
 * And what a mean does not say: the recall of the first 1 and the first 10 neighbours, and the
 * share of rows at 0.9 or above. Only the mean recall of all K decides; the others are reported,
 * each with a lower bound of its own at the same confidence.
 *
 * Every attempt is evaluated on held-out rows: drawn anew before the engine runs, from the items
 * that take part in pairs and that did not serve to choose the effort. So the sample does not
 * depend on what it measures, and its lower bound (compare/recall.h) is one for the mean of all
 * those rows. The last result is reported. Which attempt is the last depends on the earlier
 * results: so the 5 % that the statement may be wrong are divided among the attempts beforehand,
 * 2.5, 1.25, 0.625 and 0.625 %, most for the first, as most builds end there. The probability that
 * any of the bounds is too high is at most their sum.
 *
 * How many rows: a fortieth of the items, 200 to 1,000, and enough that a sample without loss would
 * prove the target twice over: 2 ln(1/alpha) / (1 - target), which is 339 at 0.97 and 10,151 at
 * 0.999. Where that is half of the items or more, all of them are evaluated (exhaustive): the mean
 * is then known and is its own bound.
 *
 * Cost: rows / n of what `stream` takes for the whole catalog, an attempt.
 */
#include "job/row_sample.h"

enum { EVALUATION_ATTEMPTS = 4 };
#define EVALUATION_ERROR      0.05
#define EVALUATION_CONFIDENCE (1 - EVALUATION_ERROR)

typedef struct kin_evaluation_options {
    double target; /* of the mean recall, in (0, 1) */
    uint64_t seed;
    size_t k;
    const int32_t *tuned; /* [tuned_count] ascending: items that effort was chosen by */
    size_t tuned_count;
    size_t memory_bytes; /* budget, 0: what the machine has */
} kin_evaluation_options;

/* The mean of a number in [0, 1] that evaluated rows have. */
typedef struct kin_evaluation_mean {
    double mean;
    double lower_bound; /* of that of all rows, at 1 - alpha; the mean itself where exhaustive */
} kin_evaluation_mean;

typedef struct kin_evaluation_result {
    double target;
    kin_evaluation_mean at_k;        /* recall */
    kin_evaluation_mean at_1, at_10; /* of the first 1 and 10, or K where that is fewer */
    kin_evaluation_mean at_least_90; /* the share of rows whose recall is 0.9 or above */
    double alpha;                    /* this attempt's share of EVALUATION_ERROR */
    size_t attempt;                  /* 1 .. EVALUATION_ATTEMPTS */
    size_t rows;                     /* evaluated: drawn ones that have exact neighbours */
    bool exhaustive;
    bool met; /* at_k.lower_bound >= target */
} kin_evaluation_result;

typedef struct kin_evaluation {
    kin_evaluation_options options;
    row_sample sample; /* of this attempt */
    kin_evaluation_result result;
} kin_evaluation;

/* The share of attempt 1 .. EVALUATION_ATTEMPTS. */
double kin_evaluation_alpha(size_t attempt);

/* Rows to evaluate of `items` that may be drawn. */
size_t kin_evaluation_rows(size_t items, double target);

/* Draws the rows of an attempt. On failure *self is released. */
int kin_evaluation_init(kin_evaluation *self, const kin_catalog *catalog,
                        const kin_evaluation_options *options, size_t attempt, kin_error *err);
void kin_evaluation_release(kin_evaluation *self);

/* What the engine has to write to, instead of to `next`. */
kin_row_sink kin_evaluation_sink(kin_evaluation *self, kin_row_sink next);

/* Computes the exact rows and self->result. */
int kin_evaluation_finish(kin_evaluation *self, const kin_monitor *monitor, kin_error *err);

#endif
