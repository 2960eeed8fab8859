#ifndef KIN_SCAN_KMEANS_ASSIGN_H
#define KIN_SCAN_KMEANS_ASSIGN_H
/*
 * Private to scan/kmeans*.c: a block of rows against packed centroids.
 */
#include <stddef.h>
#include <stdint.h>

enum { KIN_KMEANS_BLOCK = 256 }; /* rows that are compared together */

/* Floats of the workspace of a block. */
size_t kin_kmeans_tile_floats(size_t clusters);

/* The best of the packed centroids (core/gemm.h) for each of up to KIN_KMEANS_BLOCK rows. */
void kin_kmeans_assign_block(int32_t *cluster /* [rows] */, const float *x /* [rows][d] */,
                             size_t rows, size_t d, const float *packed, size_t clusters,
                             float *tile);

#endif
