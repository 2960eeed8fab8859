#ifndef KIN_JOB_PREDICT_H
#define KIN_JOB_PREDICT_H
/*
 * What a build would take with each engine: seconds, memory, and whether it may.
 *
 * Memory is what the engines' own plans say. Seconds are counts of operations (of items, pairs,
 * candidates, bytes) times what one was measured to cost here (job/calibrate.h). How many pairs
 * each step sees is the model, and its constants stand in job/predict.c with what they were
 * measured on.
 */
#include "job/build.h"
#include "job/calibrate.h"
#include "job/calibrate_scan.h"
#include "job/plan_sample.h"

enum { PREDICT_ENGINES = 5 };

/* What all engines have in common. */
typedef struct predict_input {
    const kin_catalog *catalog;
    const kin_build_options *options; /* as resolved by kin build */
    double read_seconds;              /* that opening the inputs took */
    size_t base_bytes;                /* of memory in use with the catalog open */
    size_t input_bytes;               /* mapped */
    size_t graph_bytes;               /* of the graph's files */
    size_t log_bytes;                 /* of finished rows on the disk, until they are in them */
    size_t writer_bytes;              /* of memory that finished rows take */
    file_rates files;
    plan_sample sample;
    scan_rates scan;     /* rows 0: not calibrated yet */
    stream_rates stream; /* micro_batch 0: not calibrated yet */
} predict_input;

typedef struct prediction {
    kin_engine engine;
    kin_error refused;   /* code 0: kin build would run it; else what it would say */
    const char *skipped; /* NULL, or why it was not calibrated: static text. Then all below is 0 */
    struct {
        double read, prepare, neighbors, recall, write; /* as far as the stages of kin build go */
    } seconds;
    size_t planned_bytes; /* the largest plan that kin build holds against --memory */
    size_t memory_bytes;  /* own, at its peak: with what the process holds beside that plan */
    size_t mapped_bytes;  /* inputs and outputs, beside it */
} prediction;

double kin_prediction_seconds(const prediction *self);

/* Fails where the calibration does; an engine that would refuse is a prediction too. */
int kin_predict(prediction *out, predict_input *input, kin_engine engine, kin_error *err);

#endif
