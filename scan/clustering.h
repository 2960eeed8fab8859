#ifndef KIN_SCAN_CLUSTERING_H
#define KIN_SCAN_CLUSTERING_H
/*
 * The clustering: catalog rows in an order in which similar ones lie side by side, cut into
 * clusters of some hundred rows, the unit of a pair scan (scan/pairscan.h).
 *
 * Rows are parted by modality mask first (which modalities an item has), so that all pairs of two
 * clusters have one factor. The rows of a mask fall into cells by spherical k-means
 * (scan/kmeans.h), and a cell that is too large is halved, again and again, across the direction
 * of most spread.
 */
#include "core/catalog.h"
#include "core/monitor.h"

/* The largest cluster before and after rounding to whole panels, in rows. */
enum { KIN_CLUSTER_TARGET = 512, KIN_CLUSTER_MAX = KIN_CLUSTER_TARGET + 32 };

typedef struct kin_clustering {
    size_t count;           /* rows with any modality that are not left out */
    int32_t *row;           /* [count] catalog rows, cluster by cluster; owned */
    size_t clusters;        /* of 1 .. KIN_CLUSTER_MAX rows each */
    size_t *start;          /* [clusters + 1] into row; owned */
    uint8_t *modality_mask; /* [clusters] that of all rows of the cluster; owned */
} kin_clustering;

/* Clusters the rows of a catalog by their coordinates, but for those that `leave_out` marks. Within
 * a cluster the rows of a panel of 32 are similar: a tile then has many hits or none. Same result
 * for any number of threads. */
int kin_clustering_init(kin_clustering *self, const kin_catalog *catalog,
                        const uint8_t *leave_out /* [n] or NULL */,
                        const float *coordinate /* [n][d] */, size_t d, const kin_monitor *monitor,
                        kin_error *err);

void kin_clustering_release(kin_clustering *self);

/* The cluster of the row at place `at`, at < count: row[at] is one of its rows. */
size_t kin_clustering_cluster_of(const kin_clustering *self, size_t at);

/* Upper bound of the number of clusters of n rows. */
size_t kin_clustering_clusters_most(size_t n);

/* Bytes of the clustering, and of the workspace of kin_clustering_init. */
size_t kin_clustering_bytes(size_t n);
size_t kin_clustering_work_bytes(size_t n, size_t d);

#endif
