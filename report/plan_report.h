#ifndef KIN_REPORT_PLAN_REPORT_H
#define KIN_REPORT_PLAN_REPORT_H
/*
 * What `kin plan` found, as a table and as JSON.
 */
#include "job/plan.h"

#include <jansson.h>
#include <stdio.h>

/* What the chosen engine takes, and a table of all. */
void kin_plan_report_print(const kin_plan_report *self, FILE *out);

/* docs/PLAN.md says what each key is. New reference. */
json_t *kin_plan_report_json(const kin_plan_report *self);

#endif
