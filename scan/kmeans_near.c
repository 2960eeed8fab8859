/*
 * Rows to centroids near them (scan/kmeans.h).
 *
 * The centroids fall into groups, about as many as each has of them. A row is compared with the
 * groups' centers, and then with the centroids that are nearest to the best center: rows of a group
 * have them in common, so taken together they are a matrix product again. With NEAR_GROUPS times as
 * many centroids as a group has, of 32 coordinates, two to eight rows in a thousand get another
 * cluster than the best, and that one is nearly as good.
 * Time: of a row, (1 + NEAR_GROUPS) sqrt(clusters) d multiply-adds. Memory: 4 bytes a row,
 * NEAR_GROUPS numbers a centroid, and for a thread a tile and a group's centroids.
 */
#include "core/gemm.h"
#include "core/memory.h"
#include "core/select.h"
#include "scan/kmeans.h"
#include "scan/kmeans_assign.h"
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum {
    NEAR_LEAST = 512, /* clusters: with fewer, groups save nothing */
    NEAR_GROUPS = 14,
    SEED = 1,
};

/* The centroids that rows of each group are compared with, and the rows by groups. */
typedef struct groups {
    const float *x;        /* [][d] rows */
    const float *centroid; /* [clusters][d] */
    size_t d, clusters;
    size_t count, near;
    float *center;   /* [count][d] */
    int32_t *member; /* [count][near] the centroids nearest to each center, ascending */
    size_t *start;   /* [count + 1] of each group in `row` */
    uint32_t *row;   /* [rows] */
} groups;

/* Workspace of one thread, one allocation. */
typedef struct workspace {
    float *chosen; /* [near][d] centroids of a group ... */
    float *packed; /* ... as a right side */
    float *x;      /* [KIN_KMEANS_BLOCK][d] rows */
    float *tile;
} workspace;

/* Sets all numbers but those of rows. */
static void size_groups(groups *self, size_t clusters)
{
    self->clusters = clusters;
    self->count = (size_t)sqrt((double)clusters);
    self->near = NEAR_GROUPS * (clusters / self->count);
    self->near = self->near < clusters ? self->near : clusters;
}

static size_t workspace_floats(const groups *self)
{
    size_t rows = kin_size_mul(self->near + KIN_KMEANS_BLOCK, self->d);
    return kin_size_add(kin_size_add(rows, kin_gemm_packed_floats(self->d, self->near)),
                        kin_kmeans_tile_floats(self->near));
}

static workspace place_workspace(const groups *self, float *memory)
{
    workspace out = {.chosen = memory};
    out.x = out.chosen + self->near * self->d;
    out.packed = out.x + KIN_KMEANS_BLOCK * self->d;
    out.tile = out.packed + kin_gemm_packed_floats(self->d, self->near);
    return out;
}

size_t kin_kmeans_near_bytes(size_t count, size_t clusters, size_t d)
{
    groups of = {.d = d};
    size_groups(&of, clusters > 0 ? clusters : 1);
    size_t threads = kin_size_mul((size_t)omp_get_max_threads(), workspace_floats(&of));
    size_t ranked = kin_size_mul((size_t)omp_get_max_threads() * clusters, 12);
    size_t groups_bytes = kin_size_mul(of.count, (d + of.near + 2) * sizeof(float));
    size_t rows = kin_size_add(kin_size_mul(count, sizeof(uint32_t)), groups_bytes);
    return kin_size_add(kin_size_add(rows, ranked), kin_size_mul(threads, sizeof(float)));
}

static void groups_release(groups *self)
{
    free(self->center);
    free(self->member);
    free(self->start);
    free(self->row);
}

static int groups_init(groups *self, size_t count, kin_error *err)
{
    self->center = kin_alloc(self->count * self->d, sizeof *self->center);
    self->member = kin_alloc(self->count * self->near, sizeof *self->member);
    self->start = kin_alloc(self->count + 1, sizeof *self->start);
    self->row = kin_alloc(count, sizeof *self->row);
    if (self->center && self->member && self->start && self->row)
        return 0;
    return kin_fail_alloc(err, "k-means", kin_kmeans_near_bytes(count, self->clusters, self->d));
}

/* ---- the centroids near each group ----------------------------------------------------------- */

/* The centroids nearest to center g, ascending. `score` and `key` [clusters]. */
static void choose_members(const groups *self, size_t g, const float *packed, float *score,
                           uint64_t *key)
{
    kin_gemm_packed(1, self->clusters, self->d,
                    (kin_gemm_side){self->center + g * self->d, self->d, false}, packed,
                    KIN_GEMM_SET, score, self->clusters);
    for (size_t l = 0; l < self->clusters; l++)
        key[l] = (uint64_t)(~kin_score_order(score[l])) << 32 | (uint32_t)l;
    kin_keys_nth(key, self->clusters, self->near - 1);
    for (size_t i = 0; i < self->near; i++)
        key[i] = (uint32_t)key[i];
    kin_keys_select(key, self->near, self->near);
    for (size_t i = 0; i < self->near; i++)
        self->member[g * self->near + i] = (int32_t)key[i];
}

static int find_members(const groups *self, kin_error *err)
{
    size_t clusters = self->clusters, threads = (size_t)omp_get_max_threads();
    float *packed = kin_alloc(kin_gemm_packed_floats(self->d, clusters), sizeof *packed);
    float *scores = kin_alloc(kin_size_mul(threads, clusters), sizeof *scores);
    uint64_t *keys = kin_alloc(kin_size_mul(threads, clusters), sizeof *keys);
    bool allocated = packed && scores && keys;
    if (allocated) {
        kin_gemm_pack(self->d, clusters, (kin_gemm_side){self->centroid, self->d, true}, packed);
#pragma omp parallel for schedule(dynamic)
        for (size_t g = 0; g < self->count; g++) {
            size_t own = (size_t)omp_get_thread_num() * clusters;
            choose_members(self, g, packed, scores + own, keys + own);
        }
    }
    free(packed);
    free(scores);
    free(keys);
    return allocated ? 0 : kin_fail_alloc(err, "k-means", threads * clusters * sizeof *keys);
}

/* ---- the rows of each group ------------------------------------------------------------------ */

/* Rows by their groups, ascending in each. */
static void sort_rows(groups *self, const int64_t *group, size_t count)
{
    memset(self->start, 0, (self->count + 1) * sizeof *self->start);
    for (size_t i = 0; i < count; i++)
        self->start[group[i] + 1]++;
    for (size_t g = 0; g < self->count; g++)
        self->start[g + 1] += self->start[g];
    for (size_t i = 0; i < count; i++)
        self->row[self->start[group[i]]++] = (uint32_t)i;
    for (size_t g = self->count; g > 0; g--) /* each has become the next one's: back by one */
        self->start[g] = self->start[g - 1];
    self->start[0] = 0;
}

/* Rows at first .. last - 1 of those sorted, of group g, at most KIN_KMEANS_BLOCK. */
static void assign_rows(const groups *self, size_t g, size_t first, size_t last, workspace with,
                        int64_t *cluster)
{
    const int32_t *member = self->member + g * self->near;
    const uint32_t *row = self->row + first;
    int32_t found[KIN_KMEANS_BLOCK];
    size_t d = self->d;
    for (size_t i = 0; i < self->near; i++)
        memcpy(with.chosen + i * d, self->centroid + (size_t)member[i] * d, d * sizeof(float));
    kin_gemm_pack(d, self->near, (kin_gemm_side){with.chosen, d, true}, with.packed);
    for (size_t i = 0; i < last - first; i++)
        memcpy(with.x + i * d, self->x + row[i] * d, d * sizeof(float));
    kin_kmeans_assign_block(found, with.x, last - first, d, with.packed, self->near, with.tile);
    for (size_t i = 0; i < last - first; i++)
        cluster[row[i]] = member[found[i]];
}

/* Blocks of sorted rows, cut where a group ends. */
static int assign_groups(const groups *self, size_t count, int64_t *cluster, kin_error *err)
{
    size_t floats = workspace_floats(self);
    float *memory = kin_alloc((size_t)omp_get_max_threads(), kin_size_mul(floats, sizeof *memory));
    if (!memory)
        return kin_fail_alloc(err, "k-means", floats * sizeof *memory);
#pragma omp parallel
    {
        workspace own = place_workspace(self, memory + (size_t)omp_get_thread_num() * floats);
#pragma omp for schedule(dynamic)
        for (size_t first = 0; first < count; first += KIN_KMEANS_BLOCK) {
            size_t last = count - first < KIN_KMEANS_BLOCK ? count : first + KIN_KMEANS_BLOCK;
            size_t g = 0;
            for (size_t at = first, end; at < last; at = end) {
                while (self->start[g + 1] <= at)
                    g++;
                end = self->start[g + 1] < last ? self->start[g + 1] : last;
                assign_rows(self, g, at, end, own, cluster);
            }
        }
    }
    free(memory);
    return 0;
}

int kin_kmeans_assign_near(int64_t *cluster, const float *x, size_t count, size_t d,
                           const float *centroid, size_t clusters, kin_error *err)
{
    if (clusters < NEAR_LEAST)
        return kin_kmeans_assign(cluster, x, count, d, centroid, clusters, err);
    groups of = {.x = x, .centroid = centroid, .d = d};
    size_groups(&of, clusters);
    int rc = groups_init(&of, count, err);
    if (rc == 0)
        rc = kin_kmeans_fit(of.center, of.count, centroid, clusters, d, kin_kmeans_assign, SEED,
                            NULL, err);
    if (rc == 0)
        rc = find_members(&of, err);
    if (rc == 0)
        rc = kin_kmeans_assign(cluster, x, count, d, of.center, of.count, err);
    if (rc == 0) {
        sort_rows(&of, cluster, count);
        rc = assign_groups(&of, count, cluster, err);
    }
    groups_release(&of);
    return rc;
}
