#ifndef KIN_REPORT_SWEEP_REPORT_H
#define KIN_REPORT_SWEEP_REPORT_H
/*
 * The table and the JSON document of `kin sweep`.
 */
#include "job/sweep.h"

#include <jansson.h>
#include <stdio.h>

/* A table of the points, and the answer with its command. */
void kin_sweep_print(const sweep *self, FILE *out);

/* New reference, NULL without memory. */
json_t *kin_sweep_json(const sweep *self);

#endif
