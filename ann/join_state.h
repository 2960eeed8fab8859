#ifndef KIN_ANN_JOIN_STATE_H
#define KIN_ANN_JOIN_STATE_H
/*
 * Private to ann/join*.c: the self-join.
 *
 *   join.c             set-up, plan, and the run in cluster order
 *   join_clusters.c    kin_cluster_stats: mean and spread of a cluster, gates, the cluster order
 *   join_scan.c        a query batch: which rows probe which cluster, and in which order
 *   join_near.c        what the first pass leaves behind for the second
 *   join_refine.c      the second pass over a row: its neighbours' neighbours
 *   join_sample.c      the sampled rows and what their neighbours need
 *   join_tune.c        the effort, from the sample
 *   join_trace.c       what some rows probed and found, for kin why and kin compare
 *   join_file.c        the clustering and the effort in an index folder
 */
#include "ann/join.h"
#include "ann/join_clusters.h"
#include "ann/join_near.h"
#include "scan/duplicates.h"
#include "scan/pairscan.h"
#include "scan/reranker.h"

enum { KIN_JOIN_BLOCK = 64 /* clusters whose gates are worked out together */ };

/* One thread's workspace, for up to KIN_CLUSTER_MAX rows at a time. */
typedef struct kin_join_worker {
    const kin_join *join;
    kin_collectors collectors; /* of the rows under way: slot i is row at[i]'s */
    kin_scan scan;
    kin_pairscan *pairscan;
    kin_reranker *reranker;
    float *row;    /* [KIN_CLUSTER_MAX][width] the rows' side of gates */
    float *packed; /* the same as a right side of products (core/gemm.h) */
    float *mean;   /* [width] of all */
    float *score;  /* [clusters] gates of the mean row */
    uint64_t *key; /* [clusters] clusters in the order they are looked at */
    float *block;  /* [KIN_JOIN_BLOCK][width] clusters under way */
    float *gate;   /* [KIN_JOIN_BLOCK][KIN_CLUSTER_MAX] */
    size_t *at;    /* [KIN_CLUSTER_MAX] rows that probe a cluster ... */
    size_t *slot;  /* ... and their collectors */
    uint64_t probes, pairs_scored;
    kin_expander expander;
} kin_join_worker;

struct kin_join {
    const kin_catalog *catalog;
    kin_join_options options;
    kin_join_plan plan;
    kin_join_effort effort;
    /* what the effort is chosen for: the target, or more once it was escalated */
    double target_with_margin;
    kin_join_report report;
    int threads;
    size_t rows, clusters; /* encoded; they outlast kin_join_finish */
    kin_duplicates duplicates;
    kin_clustering clustering; /* loaded, until rows are encoded; count 0: none */
    kin_codes codes;
    int32_t *position; /* [n] the place in the order of the row that stands for an item, -1: none */
    kin_cluster_stats stats;
    size_t clusters_most;    /* of the effort in use */
    kin_join_near near;      /* of the run under way or the last one; count 0: none */
    size_t capacity;         /* of a collector */
    kin_join_worker *worker; /* [threads]; NULL after a run, for others to use the memory */
    struct kin_join_sample *sample;
};

size_t kin_join_worker_bytes(const kin_join *join, size_t clusters);

/* Makes join->worker where there is none, and frees it. */
int kin_join_want_workers(kin_join *self, kin_error *err);
void kin_join_release_workers(kin_join *self);

/* The order in which the rows of cluster `own` take the clusters that have a modality in common
 * with it: itself, then those that promise its mean most, into key[] (numbers in the low halves).
 * Returns how many. */
size_t kin_join_rank(kin_join_worker *self, size_t own, float probe_sigmas);

/* Rows at[0 .. count) of the order, at most KIN_CLUSTER_MAX, look at clusters: slots 0 .. count
 * - 1 then hold their candidates. They take clusters in the order of cluster `own`, which is
 * theirs or has their modality mask. */
void kin_join_scan(kin_join_worker *self, const size_t *at, size_t count, size_t own,
                   float probe_sigmas);

/* The row at place `at` of the order looks at clusters, as it does in a run, bit for bit: slot 0
 * then holds its candidates. looked[h] is set for every cluster that it looked at. */
void kin_join_scan_one(kin_join_worker *self, size_t at, float probe_sigmas,
                       uint8_t *looked /* [clusters] */);

/* What tracing holds beside the join. */
size_t kin_join_trace_bytes(const kin_join *join, size_t clusters);

/* Sets what codes and clusters hold of an effort. */
void kin_join_use_effort(kin_join *self, const kin_join_effort *effort);

/* What tuning takes for n items. */
size_t kin_join_sample_bytes(size_t n, size_t k);
void kin_join_sample_free(struct kin_join_sample *self);

#endif
