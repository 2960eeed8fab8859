#ifndef KIN_SCAN_KMEANS_H
#define KIN_SCAN_KMEANS_H
/*
 * Spherical k-means: unit centroids, each row to the one of largest inner product.
 *
 * Same bits on every CPU and for any number of threads, which FAISS's clustering does not promise.
 * Source: Lloyd's algorithm.
 */
#include "core/rows.h"

enum { KIN_KMEANS_ITERATIONS = 10, KIN_KMEANS_ROWS_PER_CLUSTER = 64 };

/* Sets the cluster of each row, of equally good ones the smaller. */
typedef int kin_kmeans_assigner(int64_t *cluster /* [count] */, const float *x, size_t count,
                                size_t d, const float *centroid, size_t clusters, kin_error *err);

/* The best cluster of each row: it is compared with all centroids. */
kin_kmeans_assigner kin_kmeans_assign;

/* Nearly always the best one, for many clusters of few dimensions: a row is compared with the
 * centroids around it, some 14 sqrt(clusters) of them. */
kin_kmeans_assigner kin_kmeans_assign_near;

/* Fits `clusters` centroids to the rows x[0 .. count)[d], clusters <= count, in
 * KIN_KMEANS_ITERATIONS rounds. The rows need not be unit. */
int kin_kmeans_fit(float *centroid /* [clusters][d] */, size_t clusters, const float *x,
                   size_t count, size_t d, kin_kmeans_assigner *assign, uint64_t seed,
                   const kin_monitor *monitor, kin_error *err);

/* Bytes that an assignment takes for itself at most, and that fit does, an assignment's included.
 */
size_t kin_kmeans_assign_bytes(size_t count, size_t clusters, size_t d);
size_t kin_kmeans_near_bytes(size_t count, size_t clusters, size_t d);
size_t kin_kmeans_work_bytes(size_t count, size_t clusters, size_t d);

#endif
