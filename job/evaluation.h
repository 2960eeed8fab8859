#ifndef KIN_JOB_EVALUATION_H
#define KIN_JOB_EVALUATION_H
/*
 * Judging a build: is the mean recall of its rows at least the target, and how sure is that?
 *
 * Every attempt is judged on rows drawn afresh, before the engine runs, from the items that take part
 * in pairs and that did not serve to choose the effort. So the sample owes nothing to what it judges,
 * and its lower bound (compare/recall.h) is one for the mean of all those rows. The last verdict is
 * the one that is reported, and which one that is depends on the earlier ones: the 5 % that the
 * statement may be wrong are divided among the attempts beforehand, 2.5, 1.25, 0.625 and 0.625 %, most
 * for the first, as most builds end there. Whichever ends it, the probability that any of the bounds
 * is too high is at most their sum.
 *
 * How many rows: a fortieth of the items, 200 to 1,000, and enough that a sample without loss would
 * prove the target twice over: 2 ln(1/alpha) / (1 - target), which is 339 at 0.97 and 10,151 at 0.999.
 * Where that is half of the items or more, all of them are judged (a census): the mean is then known and
 * is its own bound.
 *
 * Cost: rows / n of what `stream` takes for the whole catalog, an attempt.
 */
#include "job/row_sample.h"

enum { JUDGE_ATTEMPTS = 4 };
#define JUDGE_ERROR      0.05
#define JUDGE_CONFIDENCE (1 - JUDGE_ERROR)

typedef struct judge_options {
    double target; /* of the mean recall, in (0, 1) */
    uint64_t seed;
    size_t k;
    const int32_t *tuned; /* [tuned_count] ascending: items that effort was chosen by */
    size_t tuned_count;
    size_t memory_bytes; /* budget, 0: what the machine has */
} judge_options;

typedef struct judge_verdict {
    double target, mean;
    double lower_bound; /* of the mean of all rows, at 1 - alpha; the mean itself of a census */
    double alpha;       /* this attempt's share of JUDGE_ERROR */
    size_t attempt;     /* 1 .. JUDGE_ATTEMPTS */
    size_t rows;        /* judged: drawn ones that have exact neighbours */
    bool census;
    bool met; /* lower_bound >= target */
} judge_verdict;

typedef struct judge {
    judge_options options;
    row_sample sample; /* of this attempt */
    judge_verdict verdict;
} judge;

/* The share of attempt 1 .. JUDGE_ATTEMPTS. */
double judge_alpha(size_t attempt);

/* Rows to judge of `items` that may be drawn. */
size_t judge_rows(size_t items, double target);

/* Draws the rows of an attempt. On failure *self is released. */
int judge_init(judge *self, const kin_catalog *catalog, const judge_options *options,
               size_t attempt, kin_error *err);
void judge_release(judge *self);

/* What the engine has to write to, instead of to `next`. */
kin_row_sink judge_sink(judge *self, kin_row_sink next);

/* Computes the exact rows and self->verdict. */
int judge_decide(judge *self, const kin_monitor *monitor, kin_error *err);

#endif
