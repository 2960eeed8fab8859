/*
 * Rows to the best of all centroids (scan/kmeans.h).
 *
 * Blocks of KIN_KMEANS_BLOCK rows times TILE_CLUSTERS centroids, packed once, each block by one
 * thread. Scores are core/gemm.h's: they have the same bits on every CPU and for any number of
 * threads.
 * Time: count * clusters * d multiply-adds at the speed of a matrix product. Memory: the centroids
 * once more, and a tile of 1 MiB a thread.
 */
#include "scan/kmeans_assign.h"
#include "core/gemm.h"
#include "core/memory.h"
#include "scan/kmeans.h"
#include <math.h>
#include <omp.h>
#include <stdlib.h>

enum { TILE_CLUSTERS = 1024, SEGMENT = 64 };

size_t kin_kmeans_tile_floats(size_t clusters)
{
    return (size_t)KIN_KMEANS_BLOCK * (clusters < TILE_CLUSTERS ? clusters : TILE_CLUSTERS);
}

size_t kin_kmeans_assign_bytes(size_t count, size_t clusters, size_t d)
{
    size_t rows = count < KIN_KMEANS_BLOCK ? count : KIN_KMEANS_BLOCK;
    size_t tile = kin_kmeans_tile_floats(clusters) / KIN_KMEANS_BLOCK * rows;
    size_t tiles = kin_size_mul(tile, (size_t)omp_get_max_threads() * sizeof(float));
    return kin_size_add(tiles, kin_size_mul(kin_gemm_packed_floats(d, clusters), sizeof(float)));
}

/* The largest of count scores. */
static float largest(const float *score, size_t count)
{
    float lane[16], best = -INFINITY;
    size_t i = 0;
    for (size_t l = 0; l < 16; l++)
        lane[l] = -INFINITY;
    for (; i + 16 <= count; i += 16)
        for (size_t l = 0; l < 16; l++)
            lane[l] = score[i + l] > lane[l] ? score[i + l] : lane[l];
    for (; i < count; i++)
        best = score[i] > best ? score[i] : best;
    for (size_t l = 0; l < 16; l++)
        best = lane[l] > best ? lane[l] : best;
    return best;
}

/* Takes a row's best score among clusters first .. first + width - 1, if it is above *best: where a
 * segment has one, and only then, the segment is searched for its place. */
static void take_best(const float *score, size_t first, size_t width, float *best, int32_t *cluster)
{
    for (size_t at = 0; at < width; at += SEGMENT) {
        size_t count = width - at < SEGMENT ? width - at : SEGMENT, l = 0;
        float most = largest(score + at, count);
        if (!(most > *best))
            continue;
        while (score[at + l] != most)
            l++;
        *best = most;
        *cluster = (int32_t)(first + at + l);
    }
}

void kin_kmeans_assign_block(int32_t *cluster, const float *x, size_t rows, size_t d,
                             const float *packed, size_t clusters, float *tile)
{
    float best[KIN_KMEANS_BLOCK];
    for (size_t i = 0; i < rows; i++) {
        best[i] = -INFINITY;
        cluster[i] = 0;
    }
    for (size_t first = 0; first < clusters; first += TILE_CLUSTERS) {
        size_t width = clusters - first < TILE_CLUSTERS ? clusters - first : TILE_CLUSTERS;
        kin_gemm_packed(rows, width, d, (kin_gemm_side){x, d, false}, packed + first * d,
                        KIN_GEMM_SET, tile, width);
        for (size_t i = 0; i < rows; i++)
            take_best(tile + i * width, first, width, &best[i], &cluster[i]);
    }
}

int kin_kmeans_assign(int64_t *cluster, const float *x, size_t count, size_t d,
                      const float *centroid, size_t clusters, kin_error *err)
{
    size_t floats = kin_kmeans_tile_floats(clusters);
    float *tiles = kin_alloc((size_t)omp_get_max_threads(), floats * sizeof *tiles);
    float *packed = kin_alloc(kin_gemm_packed_floats(d, clusters), sizeof *packed);
    if (!tiles || !packed) {
        free(tiles);
        free(packed);
        return kin_fail_alloc(err, "the tiles of k-means", floats * sizeof *tiles);
    }
    kin_gemm_pack(d, clusters, (kin_gemm_side){centroid, d, true}, packed);
#pragma omp parallel
    {
        float *tile = tiles + (size_t)omp_get_thread_num() * floats;
#pragma omp for schedule(dynamic)
        for (size_t first = 0; first < count; first += KIN_KMEANS_BLOCK) {
            int32_t found[KIN_KMEANS_BLOCK];
            size_t rows = count - first < KIN_KMEANS_BLOCK ? count - first : KIN_KMEANS_BLOCK;
            kin_kmeans_assign_block(found, x + first * d, rows, d, packed, clusters, tile);
            for (size_t i = 0; i < rows; i++)
                cluster[first + i] = found[i];
        }
    }
    free(tiles);
    free(packed);
    return 0;
}
