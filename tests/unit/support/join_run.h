#ifndef KIN_SUPPORT_JOIN_RUN_H
#define KIN_SUPPORT_JOIN_RUN_H
/*
 * Runs of ann/join.h and what they are evaluated by: the rows of exact/stream.h, and how many of
 * them were found, for the programs that test the join.
 */
#include "ann/join.h"
#include "sets.h"

/* Sets the threads, makes a join and encodes; a failure fails the test. The caller frees. */
kin_join *join_make(const sample *s, const kin_join_options *options, int threads);

/* Every row, once, into `t`, which the caller releases. Returns the run's report. */
kin_join_report join_take(kin_join *join, const sample *s, size_t k, taker *t);

/* The rows of exact/stream.h, whatever it is that they are compared with; the caller releases. */
void join_truth(const sample *s, size_t k, kin_rows *out);

/* Row numbers, scores and cosines, byte for byte. Fails the test, telling `what`. */
void join_assert_same(const kin_rows *found, const kin_rows *wanted, const char *what);

/* How many rows differ from those wanted in anything. */
size_t join_count_different(const kin_rows *found, const kin_rows *wanted);

/* Of the neighbours wanted, the share that was found or is matched by one of a score as high;
 * *deviation is that of a row's share. Scores found must be the canonical ones of their pairs. */
double join_recall(const sample *s, const kin_rows *found, const kin_rows *wanted,
                   double *deviation);

/* kin_join_escalate, which must not fail: whether there was more effort to give. */
bool join_escalate(kin_join *join);

#endif
