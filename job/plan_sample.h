#ifndef KIN_JOB_PLAN_SAMPLE_H
#define KIN_JOB_PLAN_SAMPLE_H
/*
 * A small catalog of a large one's items, in memory: what engines are timed on.
 *
 * Every (n / rows)-th of the items that take part in pairs, as they lie in the files. It has no ids
 * and no fingerprints: engines do not look at them.
 */
#include "core/catalog.h"

typedef struct plan_sample {
    kin_catalog catalog; /* n 0 where no item takes part */
    unsigned char *values;
} plan_sample;

/* At most `rows` items, and of values at most `bytes_most`, but for the first 256 rows (SIZE_MAX:
 * no limit). */
int kin_plan_sample_init(plan_sample *self, const kin_catalog *from, size_t rows, size_t bytes_most,
                         kin_error *err);
void kin_plan_sample_release(plan_sample *self);

/* Bytes of values of one item. */
size_t kin_plan_sample_row_bytes(const kin_catalog *from);

#endif
