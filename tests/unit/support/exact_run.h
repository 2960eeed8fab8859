#ifndef KIN_SUPPORT_EXACT_RUN_H
#define KIN_SUPPORT_EXACT_RUN_H
/*
 * Runs of exact/exact.h that have to lead to the oracle's rows, for the programs that test it.
 */
#include "exact/exact.h"
#include "sets.h"

/* How a sample is run. Rows do not depend on it, but for slack. */
typedef struct exact_way {
    int threads;
    size_t lead, memory_bytes;
    float slack; /* 1; 0: without the proof */
} exact_way;

/* Number `variant` of the ways: 1, 2, 3 and 7 threads with all choices of leading dimensions. */
enum { EXACT_WAYS = 20 };
exact_way exact_way_of(size_t variant);

/* Sets the threads and makes an engine. */
int exact_make(kin_exact **out, const sample *s, size_t k, exact_way way, kin_error *err);

/* Every row, once, into `t`, which the caller releases. */
kin_exact_report exact_run(const sample *s, size_t k, exact_way way, taker *t);

/* Fails the test unless all rows are those of the oracle. */
void exact_check_rows(const truth *t, const kin_rows *rows, const char *what);

/* Runs and checks. */
kin_exact_report exact_check(const sample *s, const truth *t, exact_way way, const char *what);

#endif
