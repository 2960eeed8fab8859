#ifndef KIN_JOB_PLAN_H
#define KIN_JOB_PLAN_H
/*
 * What kin_build_run would take with these very arguments, before it runs.
 *
 * The inputs are opened and the engine is resolved by the build's own functions, so bad input is
 * refused with the same words. Then each engine is planned, and timed on a sample (job/predict.h).
 * Nothing is written, and no result of a plan has an influence on a build.
 *
 * Cost: a fraction of the build, at most some seconds; memory of the sample and of its engines.
 */
#include "job/predict.h"

typedef struct kin_plan_report {
    size_t items, dimensions; /* n, d of all modalities */
    size_t top_k;             /* K */
    double target_recall;     /* of approximate engines */
    int threads;
    kin_engine chosen;               /* that the build would take */
    prediction row[PREDICT_ENGINES]; /* one for each engine */
    size_t graph_bytes;              /* of the graph's files */
    size_t free_bytes;               /* on the disk of options->out; SIZE_MAX: not known */
    size_t sample_rows;              /* that engines were timed on */
    scan_rates scan;                 /* what was measured on them */
    stream_rates stream;
    file_rates files;
    double seconds; /* that planning took */
} kin_plan_report;

/* Fills *report. options->out may be NULL: then the disk is left out. The monitor receives warnings
 * of what the build would refuse at options->out, and is asked between engines whether to stop.
 * Fails as the build would on its inputs; an engine that refuses them is a result
 * (kin_plan_refused). */
int kin_plan_run(const kin_catalog_options *catalog, const kin_build_options *options,
                 const kin_monitor *monitor, kin_plan_report *report, kin_error *err);

/* The prediction for the chosen engine. */
const prediction *kin_plan_chosen(const kin_plan_report *self);

/* What the build would answer to the chosen engine: 0, or its code with *err set. */
int kin_plan_refused(const kin_plan_report *self, kin_error *err);

#endif
