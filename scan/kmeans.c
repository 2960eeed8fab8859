/*
 * Lloyd's algorithm on the sphere.
 *
 * Assignment is the caller's choice (scan/kmeans_assign.c, scan/kmeans_near.c). Update: the rows of
 * a cluster are added in double in row order, each cluster by one thread, and the sum is made unit.
 * A cluster that lost all its rows gets half of the largest one: both take its centroid, tilted a
 * little in opposite directions. Leaves out: k-means++ (a random start is as good for coarse
 * clusters, and free), bounds that skip comparisons (a matrix product makes comparing cheaper than
 * skipping).
 * Time: of a round, the assignment and count * d additions. Memory: 16 bytes a row, and the
 * assignment's.
 */
#include "scan/kmeans.h"
#include "core/memory.h"
#include "core/random.h"
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_START = 0x4b4d454e };

typedef struct members {
    int64_t *cluster; /* [count] of each row */
    size_t *start;    /* [clusters + 1] */
    size_t *row;      /* [count] rows by cluster, ascending in each */
} members;

size_t kin_kmeans_work_bytes(size_t count, size_t clusters, size_t d)
{
    size_t rows = kin_size_add(kin_size_mul(count, 16), kin_size_mul(clusters, 16));
    return kin_size_add(kin_kmeans_assign_bytes(count, clusters, d), rows);
}

static void collect_members(members *self, size_t count, size_t clusters)
{
    memset(self->start, 0, (clusters + 1) * sizeof *self->start);
    for (size_t i = 0; i < count; i++)
        self->start[self->cluster[i] + 1]++;
    for (size_t l = 0; l < clusters; l++)
        self->start[l + 1] += self->start[l];
    for (size_t i = 0; i < count; i++)
        self->row[self->start[self->cluster[i]]++] = i;
    for (size_t l = clusters; l > 0; l--) /* each start has become the next one's: back by one */
        self->start[l] = self->start[l - 1];
    self->start[0] = 0;
}

/* The unit vector along `sum`; what was there when the sum is zero. */
static void set_unit(float *centroid, const double *sum, size_t d)
{
    double square = 0;
    for (size_t j = 0; j < d; j++)
        square += sum[j] * sum[j];
    if (square > 0)
        for (size_t j = 0; j < d; j++)
            centroid[j] = (float)(sum[j] / sqrt(square));
}

static void update(float *centroid, size_t clusters, const float *x, size_t d, const members *in,
                   double *sums)
{
#pragma omp parallel
    {
        double *sum = sums + (size_t)omp_get_thread_num() * d;
#pragma omp for schedule(dynamic, 4)
        for (size_t l = 0; l < clusters; l++) {
            memset(sum, 0, d * sizeof *sum);
            for (size_t at = in->start[l]; at < in->start[l + 1]; at++)
                for (size_t j = 0; j < d; j++)
                    sum[j] += x[in->row[at] * d + j];
            set_unit(centroid + l * d, sum, d);
        }
    }
}

/* Two centroids from one: coordinates scaled up and down alternately, by one part in 64. */
static void tilt(float *centroid, size_t from, size_t to, size_t d, double *sum)
{
    for (int side = 0; side < 2; side++) {
        for (size_t j = 0; j < d; j++)
            sum[j] = centroid[from * d + j] * (1.0 + (((j + (size_t)side) & 1) ? 1 : -1) / 64.0);
        if (side == 0)
            set_unit(centroid + to * d, sum, d);
    }
    set_unit(centroid + from * d, sum, d);
}

static void refill_empty(float *centroid, size_t clusters, size_t d, size_t *size, double *sum)
{
    for (size_t l = 0; l < clusters; l++) {
        size_t largest = 0;
        if (size[l] > 0)
            continue;
        for (size_t other = 1; other < clusters; other++)
            if (size[other] > size[largest])
                largest = other;
        tilt(centroid, largest, l, d, sum);
        size[l] = size[largest] / 2;
        size[largest] -= size[l];
    }
}

static int lloyd(float *centroid, size_t clusters, const float *x, size_t count, size_t d,
                 kin_kmeans_assigner *assign, members *in, size_t *size, double *sums,
                 const kin_monitor *monitor, kin_error *err)
{
    for (int round = 0; round < KIN_KMEANS_ITERATIONS; round++) {
        int status = kin_monitor_check(monitor, err);
        if (status == 0)
            status = assign(in->cluster, x, count, d, centroid, clusters, err);
        if (status)
            return status;
        collect_members(in, count, clusters);
        update(centroid, clusters, x, d, in, sums);
        for (size_t l = 0; l < clusters; l++)
            size[l] = in->start[l + 1] - in->start[l];
        refill_empty(centroid, clusters, d, size, sums);
    }
    return 0;
}

int kin_kmeans_fit(float *centroid, size_t clusters, const float *x, size_t count, size_t d,
                   kin_kmeans_assigner *assign, uint64_t seed, const kin_monitor *monitor,
                   kin_error *err)
{
    int status = 0;
    uint64_t key = kin_random_key(seed, RANDOM_START, d);
    members in = {.cluster = kin_alloc(count, sizeof *in.cluster),
                  .start = kin_alloc(clusters + 1, sizeof *in.start),
                  .row = kin_alloc(count, sizeof *in.row)};
    size_t *size = kin_alloc(clusters, sizeof *size);
    double *sums = kin_alloc((size_t)omp_get_max_threads(), d * sizeof *sums);

    if (!in.cluster || !in.start || !in.row || !size || !sums) {
        status = kin_fail_alloc(err, "k-means", kin_kmeans_work_bytes(count, clusters, d));
        goto exit;
    }
    for (size_t l = 0; l < clusters; l++) {
        const float *row = x + kin_random_place(key, count, l) * d;
        for (size_t j = 0; j < d; j++)
            sums[j] = row[j];
        memcpy(centroid + l * d, row, d * sizeof *row);
        set_unit(centroid + l * d, sums, d);
    }
    status = lloyd(centroid, clusters, x, count, d, assign, &in, size, sums, monitor, err);
exit:
    free(in.cluster);
    free(in.start);
    free(in.row);
    free(size);
    free(sums);
    return status;
}
