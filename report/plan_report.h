#ifndef KIN_REPORT_PLAN_REPORT_H
#define KIN_REPORT_PLAN_REPORT_H
/*
 * What `kin plan` prints.
 */
#include "job/predict.h"
#include <jansson.h>

/* The graph's files, and the disk they go to. */
typedef struct plan_disk {
    size_t graph_bytes;
    size_t free_bytes; /* SIZE_MAX: not known, or --out was not given */
} plan_disk;

typedef struct plan_report {
    const predict_input *input;
    const prediction *row; /* [PREDICT_ENGINES] */
    build_engine chosen;   /* that kin build would take */
    plan_disk disk;
    double seconds; /* that planning took */
} plan_report;

/* The table on stdout. */
void plan_report_print(const plan_report *self);

/* docs/PLAN.md says what each key is. New reference. */
json_t *plan_report_json(const plan_report *self);

#endif
