#ifndef KIN_JOB_SWEEP_REPEAT_H
#define KIN_JOB_SWEEP_REPEAT_H
/*
 * Points of a sweep whose order by time matters, run again.
 */
#include "job/sweep.h"

/* Runs a point's setting with what was `made` for its engine once more; *seconds without shared
 * ones. */
typedef int (*sweep_again)(sweep *self, void *made, const sweep_point *point, double *seconds,
                           kin_error *err);

/* Runs those of the points from `first` on again that reach the target in hardly more seconds than
 * the cheapest so far. */
int kin_sweep_repeat_near(sweep *self, size_t first, sweep_again again, void *made, kin_error *err);

#endif
