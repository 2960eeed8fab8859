/*
 * Building the indexes: distinct vectors, a projection if asked for, clustering, adding.
 *
 * Each part is built alone, one after the other, by all threads; its rows are made in batches from
 * the mapped files, so that beside FAISS's own copy only a batch is held. The IVF's clustering
 * reads a seeded sample of 64 rows a list.
 * Leaves out: compressed codes, updating in place, building two parts at once.
 * Time: k-means and assignment at the speed of sgemm; HNSW n log n searches of ef_construction.
 * Memory: ann/faiss_plan.c.
 */
#include "ann/faiss_build.h"
#include "ann/faiss_index_parts.h"
#include "ann/faiss_plan.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/threads.h"
#include "scan/kmeans.h"
#include <stdlib.h>

/* HNSW_ROWS: added between looks at the monitor, as each takes some tenths of a millisecond. */
enum { BATCH_ROWS = KIN_INDEX_BATCH_ROWS, HNSW_ROWS = 1024, RANDOM_TRAIN = 0x4956464c };

/* The first item of every distinct vector, kin_alloc'd. */
static int32_t *first_items(const kin_index_part *part)
{
    int32_t *first = kin_alloc(part->distinct.count, sizeof *first);
    for (size_t v = 0; first && v < part->distinct.count; v++)
        first[v] = part->distinct.item[part->distinct.start[v]];
    return first;
}

/* Buffers to make rows in batches. */
typedef struct batch {
    float *x;    /* [rows][d] */
    float *wide; /* [rows][d_full] under projection, else NULL */
} batch;

static void batch_release(batch *self)
{
    free(self->x);
    free(self->wide);
    *self = (batch){0};
}

static int batch_init(batch *self, const kin_space *space, size_t rows, kin_error *err)
{
    size_t wide_rows = space->pca.kept ? BATCH_ROWS : 0;
    *self = (batch){.x = kin_alloc(kin_size_mul(rows, space->d), sizeof *self->x),
                    .wide = kin_alloc(kin_size_mul(wide_rows, space->d_full), sizeof *self->wide)};
    if (self->x && self->wide)
        return 0;
    batch_release(self);
    return kin_fail_alloc(err, "vectors", kin_size_mul(rows, space->d * sizeof *self->x));
}

/* Centroids from a seeded sample, and the empty IVF over them. */
static int train(kin_index_part *part, const int32_t *first, size_t lists, float *centroid,
                 uint64_t seed, const kin_monitor *monitor, kin_error *err)
{
    const kin_space *space = &part->space;
    size_t vectors = part->distinct.count, rows = kin_index_train_rows(vectors, lists);
    uint64_t key = kin_random_key(seed, RANDOM_TRAIN, space->modalities);
    int32_t *chosen = kin_alloc(rows, sizeof *chosen);
    batch sample = {0};
    int status = batch_init(&sample, space, rows, err);

    if (status == 0 && !chosen)
        status = kin_fail_alloc(err, "the sample for k-means", rows * sizeof *chosen);
    if (status || !chosen)
        goto exit;
    for (size_t i = 0; i < rows; i++)
        chosen[i] = first[kin_random_place(key, vectors, i)];
    for (size_t at = 0; at < rows && status == 0; at += BATCH_ROWS) {
        size_t count = rows - at < BATCH_ROWS ? rows - at : BATCH_ROWS;
        status = kin_space_rows_parallel(space, chosen + at, count, sample.x + at * space->d,
                                         sample.wide, err);
    }
    if (status == 0)
        status = kin_kmeans_fit(centroid, lists, sample.x, rows, space->d, kin_kmeans_assign, seed,
                                monitor, err);
    if (status == 0)
        status = kin_faiss_ivf_new(&part->faiss, centroid, lists, space->d, err);
exit:
    free(chosen);
    batch_release(&sample);
    return status;
}

/* Adds all distinct vectors. centroid NULL: HNSW. */
static int add_vectors(kin_index_part *part, const int32_t *first, const float *centroid,
                       size_t lists, const kin_monitor *monitor, kin_error *err)
{
    batch rows = {0};
    size_t most = centroid ? BATCH_ROWS : HNSW_ROWS;
    int64_t *list = kin_alloc(most, sizeof *list);
    int status = batch_init(&rows, &part->space, most, err);
    if (status == 0 && !list)
        status = kin_fail_alloc(err, "list numbers", most * sizeof *list);
    for (size_t at = 0; status == 0 && at < part->distinct.count; at += most) {
        size_t left = part->distinct.count - at, count = left < most ? left : most;
        status = kin_monitor_check(monitor, err);
        if (status)
            break;
        status = kin_space_rows_parallel(&part->space, first + at, count, rows.x, rows.wide, err);
        if (status == 0 && centroid)
            status = kin_kmeans_assign(list, rows.x, count, part->space.d, centroid, lists, err);
        if (status == 0)
            status = kin_faiss_add(part->faiss, rows.x, centroid ? list : NULL, count, err);
    }
    free(list);
    batch_release(&rows);
    return status;
}

static void stage(const kin_monitor *monitor, const char *what, const kin_index_part *part)
{
    char text[64];
    snprintf(text, sizeof text, "%s %s", what, part->name);
    kin_monitor_stage(monitor, text);
}

static int build_vectors(kin_index *self, kin_index_part *part, const int32_t *first,
                         const kin_monitor *monitor, kin_error *err)
{
    const kin_index_options *options = &self->options;
    size_t vectors = part->distinct.count;
    size_t lists = options->type == KIN_INDEX_IVF ? kin_index_lists(options, vectors) : 0;
    float *centroid = NULL;
    int status = 0;

    if (options->project > 0) {
        stage(monitor, "project", part);
        status = kin_space_project(&part->space, first, vectors, (size_t)options->project,
                                   options->project_centre, (uint64_t)options->seed, err);
    }
    if (status == 0 && options->type == KIN_INDEX_HNSW) {
        status = kin_faiss_hnsw_new(&part->faiss, part->space.d, (size_t)options->links,
                                    (size_t)options->ef_construction, err);
    } else if (status == 0) {
        stage(monitor, "train", part);
        centroid = kin_alloc(kin_size_mul(lists, part->space.d), sizeof *centroid);
        status = centroid
                     ? train(part, first, lists, centroid, (uint64_t)options->seed, monitor, err)
                     : kin_fail_alloc(err, "centroids", lists * part->space.d * 4);
    }
    if (status == 0) {
        stage(monitor, "add", part);
        status = add_vectors(part, first, centroid, lists, monitor, err);
    }
    free(centroid);
    return status;
}

static int build_part(kin_index *self, size_t p, const kin_monitor *monitor, kin_error *err)
{
    kin_index_part *part = &self->part[p];
    stage(monitor, "group", part);
    int status = kin_distinct_make(&part->distinct, self->catalog, part->space.modalities, err);
    if (status == 0)
        status = kin_index_check_plan(self, p, err);
    if (status || part->distinct.count == 0)
        return status; /* no item has the modality: no index, no candidates */
    status = kin_index_check_lists(self, p, err);
    if (status)
        return status;
    int32_t *first = first_items(part);
    if (!first)
        return kin_fail_alloc(err, "first items", part->distinct.count * sizeof *first);
    status = build_vectors(self, part, first, monitor, err);
    free(first);
    return status;
}

int kin_index_build(kin_index **out, const kin_catalog *catalog, const kin_index_options *options,
                    const kin_monitor *monitor, kin_error *err)
{
    kin_index *self = NULL;
    int status = kin_index_new(&self, catalog, options, err);
    if (status == 0)
        status = kin_index_check_options(self, err);
    if (status == 0)
        status = kin_blas_room(err);
    if (status == 0)
        status = kin_index_check_plan(self, 0, err);
    for (size_t p = 0; status == 0 && p < self->part_count; p++)
        status = build_part(self, p, monitor, err);
    if (status)
        kin_index_free(self);
    else
        *out = self;
    return kin_catalog_settle(catalog, status, err);
}
