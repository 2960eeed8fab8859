#ifndef KIN_JOB_ENGINE_CHOICE_H
#define KIN_JOB_ENGINE_CHOICE_H
/*
 * What --engine auto is: a fixed rule of sizes, the same on every machine, that needs no clock.
 *
 * From `threshold` items on it is join. Below, stream and exact write the same rows, and the one
 * that takes less time is taken: exact has the smaller share of the n^2 d products, and pays for
 * that with what does not grow with n^2: it learns axes from a sample, encodes, and scores more
 * candidates in double.
 */
#include "job/build.h"

#include <stddef.h>

/* n items of d dimensions in all, top_k neighbours. */
kin_engine kin_engine_choice(size_t n, size_t d, size_t top_k, size_t threshold);

#endif
