#ifndef KIN_REPORT_PLAN_REPORT_H
#define KIN_REPORT_PLAN_REPORT_H
/*
 * What `kin plan` prints.
 */
#include "job/plan.h"
#include <jansson.h>

/* The table on stdout. */
void plan_report_print(const kin_plan_report *self);

/* docs/PLAN.md says what each key is. New reference. */
json_t *plan_report_json(const kin_plan_report *self);

#endif
