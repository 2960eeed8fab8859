#ifndef KIN_JOB_SWEEP_FRONT_H
#define KIN_JOB_SWEEP_FRONT_H
/*
 * Which points of a sweep matter: the Pareto front and the answer. Functions of the points alone.
 */
#include "job/sweep.h"

/* Whether its lower bound of recall is at least the target. */
bool kin_sweep_reaches(const sweep *self, const sweep_point *point);

/* Orders the points by recall, then by time, and marks the front. */
void kin_sweep_order(sweep *self);

/* The cheapest approximate point whose lower bound reaches the target, NULL where none does. Of
 * settings of one engine whose seconds cannot be told apart it is the one of the least effort. */
const sweep_point *kin_sweep_answer(const sweep *self);

/* Whether the seconds of the runs of two points overlap: then noise says which one is cheaper. */
bool kin_sweep_same_seconds(const sweep_point *a, const sweep_point *b);

/* Whether `point` is another approximate one that reaches the target and cannot be told from the
 * answer by time. */
bool kin_sweep_ties(const sweep *self, const sweep_point *point);

/* The point of exact, NULL where it was not run. */
const sweep_point *kin_sweep_exact(const sweep *self);

/* Whether exact is not seen to take longer than the answer, or is all that reaches the target. */
bool kin_sweep_prefers_exact(const sweep *self);

#endif
