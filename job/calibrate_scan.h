#ifndef KIN_JOB_CALIBRATE_SCAN_H
#define KIN_JOB_CALIBRATE_SCAN_H
/*
 * What a unit of the work of exact and join costs here: codes, tiles, refined pairs, canonical
 * scores.
 */
#include "core/catalog.h"

/* Seconds with all threads at work. */
typedef struct scan_rates {
    size_t rows, lead, dimensions; /* of the calibration */
    double fit;                    /* to learn a rotation from the usual sample */
    double encoded;                /* a row, ordering included */
    double pair;          /* a pair of rows of two clusters, none left to refine: `lead` products */
    double refined;       /* a pair that bounds left, thresholds at their final height */
    double refined_early; /* the same while thresholds rise: most of them are collected */
    double finished;      /* a candidate scored canonically in the end, sorting included */
    double possible; /* share of all pairs that bounds leave, thresholds at their final height */
} scan_rates;

/* `n` items the catalog has, of which `sample` are some; `lead` leading dimensions, 0: all. */
int kin_calibrate_scan(scan_rates *out, const kin_catalog *sample, size_t n, size_t top_k,
                       size_t lead, kin_error *err);

#endif
