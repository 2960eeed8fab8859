#ifndef KIN_SCAN_CLUSTERING_H
#define KIN_SCAN_CLUSTERING_H
/*
 * The order in which rows are compared: similar rows side by side, in clusters of some hundred.
 *
 * Rows are first parted by modality mask (which modalities an item has), so that all pairs of two
 * clusters share one factor. Each mask's rows are clustered by spherical k-means (scan/kmeans.h), and
 * a cluster that is too large is halved, again and again, along the direction in which it spreads most.
 */
#include "core/catalog.h"

/* Target size of a cluster, and what rounding to whole panels may add to it. */
enum { KIN_CLUSTER_TARGET = 512, KIN_CLUSTER_MAX = KIN_CLUSTER_TARGET + 32 };

typedef struct kin_clustering {
    size_t count;           /* rows that take part: those with any modality that are not left out */
    int32_t *row;           /* [count] catalog rows in their new order; owned */
    size_t clusters;        /* of 1 .. KIN_CLUSTER_MAX rows */
    size_t *start;          /* [clusters + 1] into row; owned */
    uint8_t *modality_mask; /* [clusters] modality mask of the cluster's rows; owned */
} kin_clustering;

/* Orders the rows of a catalog by their coordinates, but for those that `leave_out` marks. Same result for
 * any number of threads. */
int kin_clustering_init(kin_clustering *self, const kin_catalog *catalog,
                        const uint8_t *leave_out /* [n] or NULL */,
                        const float *coordinate /* [n][d] */, size_t d, kin_error *err);
void kin_clustering_release(kin_clustering *self);

/* The cluster that holds place `at` of the order; at < count. */
size_t kin_clustering_cluster_of(const kin_clustering *self, size_t at);

/* No more clusters than this come of n rows. */
size_t kin_clustering_clusters_most(size_t n);

/* Bytes of the order itself, and those that kin_clustering_init takes meanwhile. */
size_t kin_clustering_bytes(size_t n);
size_t kin_clustering_work_bytes(size_t n, size_t d);

#endif
