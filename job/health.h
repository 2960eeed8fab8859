#ifndef KIN_JOB_HEALTH_H
#define KIN_JOB_HEALTH_H
/*
 * What a file of vectors is like: `kin info` reports it and refuses nothing, and the manifest of a
 * graph keeps what says whether tomorrow's vectors are still of the same kind.
 */
#include "core/catalog.h"
#include <jansson.h>

enum { HEALTH_SHARED_MAX = 5 };

/* A vector that more than one row has. */
typedef struct health_shared {
    uint64_t hash;
    size_t items;     /* rows that have it, 2 or more */
    size_t first_row; /* the first of them */
} health_shared;

/* Norms, values and cosines are over usable rows: all values finite, not all zero. */
typedef struct health {
    size_t nan_values;
    size_t infinite_values; /* as float32 */
    size_t bad_rows;        /* rows with any of these */
    size_t first_bad_row;   /* SIZE_MAX: none */
    size_t first_bad_column;
    size_t zero_rows;
    size_t usable_rows;
    double norm_min, norm_mean, norm_max;
    double value_min, value_max;
    double mean_cosine;   /* over all pairs of usable rows; NaN for fewer than two rows */
    size_t distinct_rows; /* among the usable ones, by their bytes */
    size_t shared_count;
    health_shared shared[HEALTH_SHARED_MAX]; /* [shared_count] most items first */
} health;

/* Reads all rows twice at most. Time: memory speed; memory: 16 bytes a row while it runs. The same
 * result for any number of threads. */
int kin_health_scan_matrix(health *out, const kin_matrix *matrix, kin_error *err);

/* The same of a catalog's modalities while it is opened, into out[m]: rows are read once for both.
 * The visitor lies in the scan. */
typedef struct health_scan health_scan;
int kin_health_scan_new(health_scan **self, health *out, kin_error *err);
const kin_row_visitor *kin_health_scan_visitor(const health_scan *self);
void kin_health_scan_free(health_scan *self);

/* {"norm_mean", "mean_cosine", "repeated_rows"}, null where there is none; new reference. */
json_t *kin_health_vectors_json(const health *self);

#endif
