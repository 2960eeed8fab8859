/*
 * Building the indexes: groups of equal rows, a projection if asked for, clustering, adding.
 *
 * Each part is built alone, one after the other, by all threads; its rows are made in batches from
 * the mapped files, so that beside FAISS's own copy only a batch is held. The IVF's clustering
 * sees a seeded sample of 64 rows a list.
 * Leaves out: compressed codes, updating in place, building two parts at once.
 * Time: k-means and assignment at the speed of sgemm; HNSW n log n searches of ef_construction.
 * Memory: see plan_part.
 */
#include "ann/faiss_index.h"
#include "ann/faiss_index_parts.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/threads.h"
#include "scan/kmeans.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const kin_index_type_names[] = {"ivf", "hnsw", NULL};
const char *const kin_index_space_names[] = {"modality", "fused", NULL};

enum { BATCH_ROWS = 8192, ROWS_PER_LIST_MIN = 39, RANDOM_TRAIN = 0x4956464c };

int kin_index_new(kin_index **out, const kin_catalog *catalog, const kin_index_options *options,
                  kin_error *err)
{
    kin_index *self = calloc(1, sizeof *self);
    bool fused = options->space == KIN_SPACE_FUSED;
    if (!self)
        return kin_fail_alloc(err, "index", sizeof *self);
    self->catalog = catalog;
    self->options = *options;
    self->part_count = fused ? 1 : catalog->modality_count;
    for (size_t p = 0; p < self->part_count; p++) {
        kin_index_part *part = &self->part[p];
        strcpy(part->name, fused ? "fused" : catalog->modality[p].name);
        kin_space_init(&part->space, catalog, fused ? catalog->modality_count : p);
        /* not for HNSW: by inner product a longer vector draws all links to itself */
        part->space.stretch = fused && options->type == KIN_INDEX_IVF;
    }
    *out = self;
    return 0;
}

void kin_index_free(kin_index *self)
{
    for (size_t p = 0; self && p < self->part_count; p++) {
        kin_faiss_free(self->part[p].faiss);
        kin_distinct_release(&self->part[p].distinct);
        kin_space_release(&self->part[p].space);
    }
    free(self);
}

const kin_index_options *kin_index_resolved(const kin_index *self)
{
    return &self->options;
}

int32_t *kin_index_part_firsts(const kin_index_part *part)
{
    int32_t *first = kin_alloc(part->distinct.count, sizeof *first);
    for (size_t g = 0; first && g < part->distinct.count; g++)
        first[g] = part->distinct.item[part->distinct.start[g]];
    return first;
}

/* 4 sqrt(vectors), but no fewer than 39 vectors a list (FAISS's own rule of thumb), at least 1. */
static size_t lists_for(const kin_index_options *options, size_t vectors)
{
    size_t most = vectors / ROWS_PER_LIST_MIN ? vectors / ROWS_PER_LIST_MIN : 1;
    size_t lists = (size_t)(4 * sqrt((double)vectors));
    if (options->lists > 0)
        return (size_t)options->lists;
    return lists < most ? lists : most;
}

static size_t train_rows(size_t vectors, size_t lists)
{
    size_t rows = lists * KIN_KMEANS_ROWS_PER_LIST;
    return rows < vectors ? rows : vectors;
}

/* What building the part `p` holds at its peak, beside the catalog and the parts before it. */
static void plan_part(kin_memory_plan *plan, const kin_index *self, size_t p, bool grouped)
{
    const kin_index_part *part = &self->part[p];
    size_t n = self->catalog->n, row = part->space.d_full * sizeof(float);
    size_t vectors = grouped ? part->distinct.count : n;
    bool ivf = self->options.type == KIN_INDEX_IVF;
    size_t lists = ivf ? lists_for(&self->options, vectors) : 0;
    size_t d = self->options.project > 0 ? (size_t)self->options.project : part->space.d_full;

    /* FAISS's lists and vectors grow by doubling: half as much again on average for many lists,
     * and for one array old and new side by side while it grows. */
    kin_memory_plan_add(plan, "the index's vectors", vectors,
                        d * sizeof(float) * (ivf ? 3 : 4) / 2);
    kin_memory_plan_add(plan, "the index's ids and links", vectors,
                        ivf ? 16 : (size_t)self->options.links * 12 + 64);
    kin_memory_plan_add(plan, "groups of equal rows", kin_distinct_bytes(n), 1);
    kin_memory_plan_add(plan, "grouping", kin_distinct_work_bytes(n), 1);
    if (self->options.project > 0)
        kin_memory_plan_add(plan, "--project", kin_space_project_bytes(&part->space, vectors), 1);
    if (ivf) {
        size_t sample = train_rows(vectors, lists);
        kin_memory_plan_add(plan, "the sample for k-means", sample, d * sizeof(float));
        kin_memory_plan_add(plan, "centroids", 2 * lists, d * sizeof(float));
        kin_memory_plan_add(plan, "k-means", kin_kmeans_work_bytes(sample, lists), 1);
    }
    kin_memory_plan_add(plan, "a batch of vectors", BATCH_ROWS, row + d * sizeof(float) + 8);
}

/* Part p on top of the parts before it, which stay; afterwards it is one of those. */
static kin_memory_plan plan_next(const kin_index *self, size_t p, bool grouped, size_t *held)
{
    kin_memory_plan plan = {.hint = "--threads, or give --project"};
    kin_memory_plan_add(&plan, "the indexes before it", *held, 1);
    plan_part(&plan, self, p, grouped);
    for (size_t i = 1; i <= 3; i++) /* vectors, ids and links, groups */
        *held = kin_size_add(*held, plan.part[i].bytes);
    return plan;
}

/* The parts stay, the work of one part at a time comes on top: the largest sum counts. */
static int check_plan(const kin_index *self, size_t next, kin_error *err)
{
    size_t held = 0;
    for (size_t p = 0; p < self->part_count; p++) {
        kin_memory_plan plan =
            plan_next(self, p, p <= next && self->part[p].distinct.of != NULL, &held);
        int status = kin_memory_plan_check(&plan, self->options.memory_bytes, err);
        if (status)
            return status;
    }
    return 0;
}

/* Room to make rows in batches. */
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
    size_t vectors = part->distinct.count, rows = train_rows(vectors, lists);
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
        status = kin_kmeans_fit(centroid, lists, sample.x, rows, space->d, seed, monitor, err);
    if (status == 0)
        status = kin_faiss_ivf_new(&part->faiss, centroid, lists, space->d, err);
exit:
    free(chosen);
    batch_release(&sample);
    return status;
}

/* Adds the vectors of all groups. centroid NULL: HNSW. */
static int add_vectors(kin_index_part *part, const int32_t *first, const float *centroid,
                       size_t lists, const kin_monitor *monitor, kin_error *err)
{
    batch rows = {0};
    int64_t *list = kin_alloc(BATCH_ROWS, sizeof *list);
    int status = batch_init(&rows, &part->space, BATCH_ROWS, err);
    if (status == 0 && !list)
        status = kin_fail_alloc(err, "list numbers", BATCH_ROWS * sizeof *list);
    for (size_t at = 0; status == 0 && at < part->distinct.count; at += BATCH_ROWS) {
        size_t left = part->distinct.count - at, count = left < BATCH_ROWS ? left : BATCH_ROWS;
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
    size_t lists = options->type == KIN_INDEX_IVF ? lists_for(options, vectors) : 0;
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
        status = check_plan(self, p, err);
    if (status || part->distinct.count == 0)
        return status; /* a modality nobody has: no index, no candidates */
    if (self->options.type == KIN_INDEX_IVF && self->options.lists > (int64_t)part->distinct.count)
        return kin_fail(err, KIN_E_USAGE, "give --lists at most the distinct vectors there are",
                        "--lists %lld, but %s has %zu distinct vectors",
                        (long long)self->options.lists, part->name, part->distinct.count);
    int32_t *first = kin_index_part_firsts(part);
    if (!first)
        return kin_fail_alloc(err, "first items", part->distinct.count * sizeof *first);
    status = build_vectors(self, part, first, monitor, err);
    free(first);
    return status;
}

static int check_options(const kin_index *self, kin_error *err)
{
    for (size_t p = 0; p < self->part_count; p++) {
        const kin_index_part *part = &self->part[p];
        if (self->options.project > (int64_t)part->space.d_full)
            return kin_fail(err, KIN_E_USAGE, "give --project at most the dimensions there are",
                            "--project %lld, but %s has %zu dimensions",
                            (long long)self->options.project, part->name, part->space.d_full);
    }
    return 0;
}

int kin_index_make_plan(kin_index_plan *out, const kin_catalog *catalog,
                        const kin_index_options *options, const kin_search_options *search,
                        kin_error *err)
{
    kin_index *self = NULL;
    int status = kin_index_new(&self, catalog, options, err);
    if (status == 0)
        status = check_options(self, err);
    *out = (kin_index_plan){0};
    for (size_t p = 0; status == 0 && p < self->part_count; p++) {
        kin_memory_plan plan = plan_next(self, p, false, &out->index_bytes);
        if (plan.total_bytes > out->building.total_bytes)
            out->building = plan;
        self->part[p].distinct.count = catalog->n;
        if (options->project > 0)
            self->part[p].space.d = (size_t)options->project;
    }
    if (status == 0)
        status = kin_search_make_plan(&out->searching, self, search, err);
    kin_index_free(self);
    return status;
}

int kin_index_build(kin_index **out, const kin_catalog *catalog, const kin_index_options *options,
                    const kin_monitor *monitor, kin_error *err)
{
    kin_index *self = NULL;
    int status = kin_index_new(&self, catalog, options, err);
    if (status == 0)
        status = check_options(self, err);
    if (status == 0)
        status = kin_blas_room(err);
    if (status == 0)
        status = check_plan(self, 0, err);
    for (size_t p = 0; status == 0 && p < self->part_count; p++)
        status = build_part(self, p, monitor, err);
    if (status)
        kin_index_free(self);
    else
        *out = self;
    return kin_catalog_settle(catalog, status, err);
}

json_t *kin_index_facts(const kin_index *self)
{
    json_t *facts = json_object();
    for (size_t p = 0; p < self->part_count; p++) {
        const kin_index_part *part = &self->part[p];
        json_t *entry = json_pack("{s:I, s:I}", "distinct", (json_int_t)part->distinct.count,
                                  "dimensions", (json_int_t)part->space.d);
        if (part->faiss && self->options.type == KIN_INDEX_IVF)
            kin_json_set(&entry, "lists", json_integer((json_int_t)kin_faiss_lists(part->faiss)));
        if (part->space.pca.kept)
            kin_json_set(&entry, "retained_energy", json_real(part->space.pca.retained));
        kin_json_set(&facts, part->name, entry);
    }
    return facts;
}
