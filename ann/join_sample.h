#ifndef KIN_ANN_JOIN_SAMPLE_H
#define KIN_ANN_JOIN_SAMPLE_H
/*
 * Private to ann/join*.c: the rows that the effort of a join is chosen on.
 */
#include "ann/join_state.h"

/* A neighbour of a sampled row, and what it takes to find it. */
typedef struct kin_join_need {
    float probe_sigmas, tail_fraction;
    int32_t cluster;
    bool rare; /* it is in a rare cluster (ann/join_clusters.h) */
} kin_join_need;

typedef struct kin_join_sample {
    size_t rows, k;
    size_t *at;             /* [rows] in the order, ascending */
    uint32_t *found;        /* [rows] true neighbours, at most k */
    float *threshold;       /* [rows] the estimate of the last of them ... */
    float *first_threshold; /* ... and of the last of the first ten */
    kin_join_need *need;    /* [rows][k] */
    double *recall;         /* [rows] of the last scan */
    double *first_recall;   /* [rows] the same of the first ten alone */
} kin_join_sample;

/* Draws the rows into join->sample. */
int kin_join_sample_draw(kin_join *join, kin_error *err);

/* All of them scan all clusters: what they find is their truth, with what each neighbour needs.
 * The share of tails must be 1. */
int kin_join_sample_find_truth(kin_join *join, kin_error *err);

/* All of them are joined with `probe_sigmas`, as the run will: self->recall. */
int kin_join_sample_try(kin_join *join, float probe_sigmas, kin_error *err);

/* How far down the orders of their clusters (kin_join_rank) the sampled rows have to go for all but
 * `loss` of the neighbours that `effort` finds otherwise; at least 1. */
int kin_join_sample_depth(const kin_join *join, const kin_join_effort *effort, double loss,
                          size_t *depth, kin_error *err);

#endif
