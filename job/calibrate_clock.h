#ifndef KIN_JOB_CALIBRATE_CLOCK_H
#define KIN_JOB_CALIBRATE_CLOCK_H
/*
 * How a calibration measures: processor seconds, of repetitions the least.
 *
 * Processor time divided by the threads at work is what counts: other load on the machine makes
 * threads wait for each other, in the short rounds of a calibration far more than in a long build.
 * So predictions are those of an idle machine.
 */
#include "core/rows.h"

enum { CALIBRATE_RUNS = 3 };

/* How often to repeat what costs so many products: CALIBRATE_RUNS times what is over in a moment,
 * which noise could double, and once what is not. */
size_t kin_calibrate_runs(double products);

/* How many threads run at once: those in use, but no more than there are processors for. */
int kin_calibrate_processors(void);

/* Processor seconds of this process so far, over kin_calibrate_processors(); and of this thread. */
double kin_calibrate_seconds(void);
double kin_calibrate_thread_seconds(void);

/* The smaller of two times; 0 is none yet. */
double kin_calibrate_least(double before, double now);

/* A sink that forgets. */
kin_row_sink kin_calibrate_sink(void);

#endif
