#ifndef KIN_ANN_JOIN_CLUSTERS_H
#define KIN_ANN_JOIN_CLUSTERS_H
/*
 * Private to ann/join*.c: statistics of clusters, and gates: what a row may expect of a cluster.
 */
#include "scan/codes.h"

enum { KIN_CLUSTER_SPREADS = 3 }; /* leading, tail, bias: behind the mean's coordinates */

/* The statistics of each cluster: coordinates of its mean, the spread of leading and of tail
 * coordinates, the mean bias, side by side: one product with a row's side makes the gate
 * (ann/join.h). */
typedef struct kin_cluster_stats {
    size_t count, lead;
    size_t tail;
    size_t width;  /* lead + KIN_CLUSTER_SPREADS */
    float *value;  /* [count][width]; owned */
    float *packed; /* the same, its transpose as a right side of products (core/gemm.h); owned */
    /* clusters whose rows have not the modality mask that most rows have. They hold few rows of all
     * kinds: scores with them scatter further than a normal distribution of their spread says */
    uint8_t *rare;     /* [count]; owned */
    size_t rares;      /* how many */
    double rare_share; /* of all rows, that are in them */
    float *spread;     /* [count][2] leading and tail, as measured; owned */
    float widening;    /* of the spreads of rare clusters in `value`, 1 or more */
} kin_cluster_stats;

int kin_cluster_stats_init(kin_cluster_stats *self, const kin_codes *codes, kin_error *err);
void kin_cluster_stats_release(kin_cluster_stats *self);
size_t kin_cluster_stats_bytes(size_t count, size_t lead);

/* Takes the spreads of rare clusters times `widening` >= 1, as measured. */
void kin_cluster_stats_widen(kin_cluster_stats *self, float widening);

/* A row's side of the gate: its product with a cluster's is the most that the cluster's members
 * are expected to score, bias of the row included and without the modality masks' factor. */
void kin_cluster_stats_row(const kin_cluster_stats *self, const kin_codes *codes, size_t at,
                           float probe_sigmas, float *out /* [width] */);

/* The same for a row such as the mean of cluster h. */
void kin_cluster_stats_mean(const kin_cluster_stats *self, size_t h, float probe_sigmas,
                            float *out /* [width] */);

/* A row's gates of all clusters. On the calling thread. */
void kin_cluster_stats_rank(const kin_cluster_stats *self, const float *row /* [width] */,
                            float *out /* [count] */);

/* What the members of cluster h are expected to score with a row, in the mean and how far around
 * it: `row` is the row's side of gates for probe_sigmas 1, `bias` its own. Without the modality
 * masks' factor. */
void kin_cluster_stats_expect(const kin_cluster_stats *self, size_t h, const float *row, float bias,
                              float *mean, float *sigma);

/* The cluster order: from each cluster to the nearest one left, so that neighbours in it are
 * alike. */
int kin_cluster_stats_order(const kin_cluster_stats *self, int32_t *out /* [count] */,
                            kin_error *err);

#endif
