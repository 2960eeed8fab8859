/*
 * K-means cells, cut into clusters of a size (scan/clustering.h).
 *
 * Why k-means: halving alone, across the direction of most spread, puts 32 % of a real catalog's
 * 200 best neighbours into a row's own cluster and 78 % into the 8 nearest; with k-means it is 48
 * % and 89 %. Pairs of near clusters make thresholds rise early. Within a cluster halving goes on,
 * down to single panels, for the order alone: tiles of alike rows are excluded whole (75 % of a
 * real catalog's instead of 66 %), and rows reranked together share more candidates.
 * Cost: n sqrt(n) d multiply-adds for many cells (scan/kmeans_near.c), and little else; 20 bytes a
 * row and the sample that k-means learns from.
 */
#include "scan/clustering.h"
#include "core/memory.h"
#include "core/score.h"
#include "core/select.h"
#include "scan/kmeans.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELL_ROWS = 344, /* mean size: few cells then have more rows than a cluster may */
    SAMPLE = 256,
    ARRANGE_SAMPLE = 64, /* within a cluster, where only the order is at stake */
    ITERATIONS = 4,
    ROUND = 32,
    MASKS = 1 << KIN_MODALITIES_MAX,
    SEED = 1,
};

typedef struct tree {
    kin_clustering *clustering;
    const float *coordinate; /* [n][d] */
    size_t d;
    uint64_t *key; /* [count] */
    const kin_monitor *monitor;
} tree;

static const float *row_at(const tree *self, size_t at)
{
    return self->coordinate + (size_t)self->clustering->row[at] * self->d;
}

/* ---- halving -------------------------------------------------------------------------------- */

static float inner(const float *x, const float *y, size_t d)
{
    float lane[16] = {0};
    size_t i = 0;
    for (; i + 16 <= d; i += 16)
        for (size_t l = 0; l < 16; l++)
            lane[l] += x[i + l] * y[i + l];
    float sum = 0;
    for (; i < d; i++)
        sum += x[i] * y[i];
    for (size_t l = 0; l < 16; l++)
        sum += lane[l];
    return sum;
}

/* The direction in which rows first .. first + count spread most, roughly, into v[d]. */
static void find_direction(const tree *self, size_t first, size_t count, size_t sample, float *v,
                           float *mean, float *next)
{
    size_t d = self->d;
    size_t step = count > sample ? count / sample : 1;
    size_t taken = count / step;
    memset(mean, 0, d * sizeof *mean);
    for (size_t s = 0; s < taken; s++)
        for (size_t i = 0; i < d; i++)
            mean[i] += row_at(self, first + s * step)[i] / (float)taken;
    for (size_t i = 0; i < d; i++) /* a start that no data is orthogonal to by design */
        v[i] = row_at(self, first)[i] - mean[i] + 1e-3f / (float)(i + 1);
    for (int iteration = 0; iteration < ITERATIONS; iteration++) {
        float shift = inner(mean, v, d);
        memset(next, 0, d * sizeof *next);
        for (size_t s = 0; s < taken; s++) {
            const float *x = row_at(self, first + s * step);
            float along = inner(x, v, d) - shift;
            for (size_t i = 0; i < d; i++)
                next[i] += along * (x[i] - mean[i]);
        }
        float length = sqrtf(inner(next, next, d));
        for (size_t i = 0; i < d && length > 0; i++)
            v[i] = next[i] / length;
    }
}

/* Parts the rows into the `left` with the smallest projections and the rest. */
static void part(const tree *self, size_t first, size_t count, size_t left, const float *v)
{
    uint64_t *key = self->key + first;
    int32_t *row = self->clustering->row + first;
    for (size_t i = 0; i < count; i++) {
        float along = inner(row_at(self, first + i), v, self->d);
        key[i] = (uint64_t)kin_score_order(along) << 32 | (uint32_t)row[i];
    }
    if (left < count)
        kin_keys_nth(key, count, left);
    for (size_t i = 0; i < count; i++)
        row[i] = (int32_t)(uint32_t)key[i];
}

static size_t left_half(size_t count)
{
    size_t left = (count / 2 + ROUND / 2) / ROUND * ROUND; /* whole panels */
    return left < count ? left : count / 2;
}

/* Brings alike rows of a cluster side by side, by halving it down to single panels: then a panel's
 * rows reach the same thresholds, and rows reranked together have candidates in common. */
static void arrange(const tree *self, size_t first, size_t count, float *workspace)
{
    if (count <= ROUND)
        return;
    size_t left = left_half(count);
    find_direction(self, first, count, ARRANGE_SAMPLE, workspace, workspace + self->d,
                   workspace + 2 * self->d);
    part(self, first, count, left, workspace);
    arrange(self, first, left, workspace);
    arrange(self, first + left, count - left, workspace);
}

/* Splits rows first .. first + count into 2^levels clusters from number `cluster` on.
 * `workspace` [3][d]. */
static void split(const tree *self, size_t first, size_t count, size_t levels, size_t cluster,
                  float *workspace)
{
    if (levels == 0) {
        self->clustering->start[cluster] = first;
        arrange(self, first, count, workspace);
        return;
    }
    size_t left = left_half(count);
    find_direction(self, first, count, SAMPLE, workspace, workspace + self->d,
                   workspace + 2 * self->d);
    part(self, first, count, left, workspace);
    split(self, first, left, levels - 1, cluster, workspace);
    split(self, first + left, count - left, levels - 1, cluster + ((size_t)1 << (levels - 1)),
          workspace);
}

static size_t levels_for(size_t count)
{
    size_t levels = 0;
    while (count > 0 && (count - 1) >> levels >= KIN_CLUSTER_TARGET)
        levels++;
    return levels;
}

/* ---- k-means cells -------------------------------------------------------------------------- */

/* The rows of one modality mask, and the k-means cells they fall into. */
typedef struct cells {
    size_t first, count; /* of the mask's rows in the order */
    size_t cells;
    int64_t *cell;   /* [n] by catalog row */
    size_t *start;   /* [cells + 1] first row of each cell in the order */
    size_t *cluster; /* [cells] first cluster of each */
} cells;

static void cells_release(cells *self)
{
    free(self->cell);
    free(self->start);
    free(self->cluster);
}

/* Rows that each cell is learnt from: fewer where cells are many, because each is compared with all
 * of them again and again. */
static size_t rows_per_cell(size_t count)
{
    const size_t many = 2000, usual = KIN_KMEANS_ROWS_PER_CLUSTER, least = usual / 4;
    size_t rows = count > many ? usual * many / count : usual;
    return rows > least ? rows : least;
}

/* Learns cells from some of the mask's rows and assigns all rows there are: cheaper than picking
 * the mask's out, which nearly always are nearly all. */
static int find_cells(const tree *self, cells *out, size_t n, kin_error *err)
{
    size_t d = self->d, sample = out->cells * rows_per_cell(out->cells);
    sample = sample < out->count ? sample : out->count;
    float *x = kin_alloc(kin_size_mul(sample, d), sizeof *x);
    float *centroid = kin_alloc(kin_size_mul(out->cells, d), sizeof *centroid);
    int rc = x && centroid ? 0 : kin_fail_alloc(err, "the order of rows", sample * d * sizeof *x);
    for (size_t i = 0; i < sample && rc == 0; i++)
        memcpy(x + i * d, row_at(self, out->first + i * out->count / sample), d * sizeof *x);
    if (rc == 0)
        rc = kin_kmeans_fit(centroid, out->cells, x, sample, d, kin_kmeans_assign_near, SEED,
                            self->monitor, err);
    if (rc == 0)
        rc = kin_kmeans_assign_near(out->cell, self->coordinate, n, d, centroid, out->cells, err);
    free(x);
    free(centroid);
    return rc;
}

/* Brings the mask's rows into the order of their cells. `moved` [count]. */
static void sort_by_cell(const tree *self, cells *in, int32_t *moved)
{
    int32_t *row = self->clustering->row + in->first;
    memset(in->start, 0, (in->cells + 1) * sizeof *in->start);
    for (size_t i = 0; i < in->count; i++)
        in->start[in->cell[row[i]] + 1]++;
    in->start[0] = in->first;
    for (size_t l = 0; l < in->cells; l++)
        in->start[l + 1] += in->start[l];
    for (size_t i = 0; i < in->count; i++)
        moved[in->start[in->cell[row[i]]]++ - in->first] = row[i];
    for (size_t l = in->cells; l > 0; l--) /* each start has become the next one's: back by one */
        in->start[l] = in->start[l - 1];
    in->start[0] = in->first;
    memcpy(row, moved, in->count * sizeof *row);
}

/* Numbers the clusters that the cells are cut into, and cuts them. */
static int cut_cells(const tree *self, cells *in, unsigned modality_mask, kin_error *err)
{
    kin_clustering *clustering = self->clustering;
    size_t before = clustering->clusters;
    for (size_t l = 0; l < in->cells; l++) {
        size_t rows = in->start[l + 1] - in->start[l];
        in->cluster[l] = clustering->clusters;
        clustering->clusters += rows > 0 ? (size_t)1 << levels_for(rows) : 0;
    }
    memset(clustering->modality_mask + before, (int)modality_mask, clustering->clusters - before);
    bool refused = false;
#pragma omp parallel reduction(|| : refused)
    {
        float *workspace = kin_alloc(3 * self->d, sizeof *workspace);
        refused = workspace == NULL;
#pragma omp for schedule(dynamic)
        for (size_t l = 0; l < in->cells; l++) {
            size_t rows = in->start[l + 1] - in->start[l];
            if (rows > 0 && workspace)
                split(self, in->start[l], rows, levels_for(rows), in->cluster[l], workspace);
        }
        free(workspace);
    }
    return refused ? kin_fail_alloc(err, "the order of rows", 3 * self->d * sizeof(float)) : 0;
}

/* Clusters the rows of a modality mask, which stand at first .. first + count - 1 of the order. */
static int cluster_rows(const tree *self, unsigned modality_mask, size_t first, size_t count,
                        size_t n, kin_error *err)
{
    bool few = count <= KIN_CLUSTER_TARGET;
    cells in = {.first = first, .count = count, .cells = few ? 1 : count / CELL_ROWS};
    in.cell = kin_alloc_zero(n, sizeof *in.cell);
    in.start = kin_alloc(in.cells + 1, sizeof *in.start);
    in.cluster = kin_alloc(in.cells, sizeof *in.cluster);
    int rc = in.cell && in.start && in.cluster
                 ? 0
                 : kin_fail_alloc(err, "the order of rows", kin_clustering_work_bytes(n, self->d));
    if (rc == 0 && !few)
        rc = find_cells(self, &in, n, err);
    if (rc == 0) {
        sort_by_cell(self, &in, (int32_t *)self->key);
        rc = cut_cells(self, &in, modality_mask, err);
    }
    cells_release(&in);
    return rc;
}

/* Orders the rows by modality mask; mask p's are size[p] from the sum of the smaller ones' on. */
static void order_rows(kin_clustering *self, const kin_catalog *catalog, const uint8_t *leave_out,
                       size_t size[MASKS])
{
    size_t at[MASKS];
    memset(size, 0, MASKS * sizeof *size);
    for (size_t i = 0; i < catalog->n; i++)
        size[catalog->present[i]] += !(leave_out && leave_out[i]);
    for (unsigned p = 1; p < MASKS; p++) {
        at[p] = self->count;
        self->count += size[p];
    }
    for (size_t i = 0; i < catalog->n; i++)
        if (catalog->present[i] && !(leave_out && leave_out[i]))
            self->row[at[catalog->present[i]]++] = (int32_t)i;
}

int kin_clustering_init(kin_clustering *self, const kin_catalog *catalog, const uint8_t *leave_out,
                        const float *coordinate, size_t d, const kin_monitor *monitor,
                        kin_error *err)
{
    size_t size[MASKS], most = kin_clustering_clusters_most(catalog->n), first = 0;
    *self = (kin_clustering){0};
    self->row = kin_alloc(catalog->n, sizeof *self->row);
    self->start = kin_alloc(most + 1, sizeof *self->start);
    self->modality_mask = kin_alloc(most, 1);
    tree job = {.clustering = self, .coordinate = coordinate, .d = d, .monitor = monitor};
    job.key = kin_alloc(catalog->n, sizeof *job.key);
    int rc = self->row && self->start && self->modality_mask && job.key
                 ? 0
                 : kin_fail_alloc(err, "the order of rows", kin_clustering_bytes(catalog->n));
    if (rc == 0)
        order_rows(self, catalog, leave_out, size);
    for (unsigned p = 1; p < MASKS && rc == 0; p++)
        if (size[p] > 0) {
            rc = cluster_rows(&job, p, first, size[p], catalog->n, err);
            first += size[p];
        }
    free(job.key);
    if (rc == 0)
        self->start[self->clusters] = self->count;
    else
        kin_clustering_release(self);
    return rc;
}

void kin_clustering_release(kin_clustering *self)
{
    free(self->row);
    free(self->start);
    free(self->modality_mask);
    *self = (kin_clustering){0};
}

/* A cell of c rows is cut into one cluster or fewer than c / 256, and a modality mask has a cell
 * for every 344 rows. */
size_t kin_clustering_clusters_most(size_t n)
{
    return n / CELL_ROWS + n / (KIN_CLUSTER_TARGET / 2) + MASKS;
}

size_t kin_clustering_bytes(size_t n)
{
    return kin_size_add(kin_size_mul(n, sizeof(int32_t)),
                        kin_size_mul(kin_clustering_clusters_most(n), sizeof(size_t) + 1));
}

size_t kin_clustering_work_bytes(size_t n, size_t d)
{
    size_t count = n / CELL_ROWS, sample = count * KIN_KMEANS_ROWS_PER_CLUSTER;
    size_t floats = kin_size_mul(sample + count, d);
    size_t rows = kin_size_mul(n, sizeof(uint64_t) + sizeof(int64_t));
    rows = kin_size_add(rows, kin_kmeans_near_bytes(n, count, d));
    return kin_size_add(kin_size_add(rows, kin_size_mul(floats, sizeof(float))),
                        kin_kmeans_work_bytes(sample, count, d));
}

size_t kin_clustering_cluster_of(const kin_clustering *clustering, size_t at)
{
    size_t low = 0, high = clustering->clusters;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (clustering->start[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}
