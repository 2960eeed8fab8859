/*
 * What building FAISS's indexes holds at its peak, and how many lists and sampled rows that takes.
 *
 * Parts are built one after the other: those before stay, the work of one at a time comes on top,
 * and the largest sum counts.
 */
#include "ann/faiss_plan.h"
#include "ann/faiss_index_parts.h"
#include "ann/faiss_search.h"
#include "core/memory.h"
#include "scan/kmeans.h"
#include <math.h>

enum { ROWS_PER_LIST_MIN = 39 };

size_t kin_index_lists(const kin_index_options *options, size_t vectors)
{
    size_t most = vectors / ROWS_PER_LIST_MIN ? vectors / ROWS_PER_LIST_MIN : 1;
    size_t lists = (size_t)(4 * sqrt((double)vectors));
    if (options->lists > 0)
        return (size_t)options->lists;
    return lists < most ? lists : most;
}

size_t kin_index_train_rows(size_t vectors, size_t lists)
{
    size_t rows = lists * KIN_KMEANS_ROWS_PER_CLUSTER;
    return rows < vectors ? rows : vectors;
}

/* What building the part `p` holds at its peak, beside the catalog and the parts before it. */
static void plan_part(kin_memory_plan *plan, const kin_index *self, size_t p, bool counted)
{
    const kin_index_part *part = &self->part[p];
    size_t n = self->catalog->n, row = part->space.d_full * sizeof(float);
    size_t vectors = counted ? part->distinct.count : n;
    bool ivf = self->options.type == KIN_INDEX_IVF;
    size_t lists = ivf ? kin_index_lists(&self->options, vectors) : 0;
    size_t d = self->options.project > 0 ? (size_t)self->options.project : part->space.d_full;

    /* FAISS's lists and vectors grow by doubling: half as much again on average for many lists,
     * and for one array old and new side by side while it grows. */
    kin_memory_plan_add(plan, "the index's vectors", vectors,
                        d * sizeof(float) * (ivf ? 3 : 4) / 2);
    kin_memory_plan_add(plan, "the index's ids and links", vectors,
                        ivf ? 16 : (size_t)self->options.links * 12 + 64);
    kin_memory_plan_add(plan, "distinct vectors", kin_distinct_bytes(n), 1);
    kin_memory_plan_add(plan, "telling them apart", kin_distinct_work_bytes(n), 1);
    if (self->options.project > 0)
        kin_memory_plan_add(plan, "--project", kin_space_project_bytes(&part->space, vectors), 1);
    if (ivf) {
        size_t sample = kin_index_train_rows(vectors, lists);
        kin_memory_plan_add(plan, "the sample for k-means", sample, d * sizeof(float));
        kin_memory_plan_add(plan, "centroids", 2 * lists, d * sizeof(float));
        kin_memory_plan_add(plan, "k-means", kin_kmeans_work_bytes(sample, lists, d), 1);
    }
    kin_memory_plan_add(plan, "a batch of vectors", KIN_INDEX_BATCH_ROWS,
                        row + d * sizeof(float) + 8);
}

/* Part p on top of the parts before it, which stay; afterwards it is one of those. */
static kin_memory_plan plan_next(const kin_index *self, size_t p, bool counted, size_t *held)
{
    kin_memory_plan plan = {.hint = "--threads, or give --project"};
    kin_memory_plan_add(&plan, "the indexes before it", *held, 1);
    plan_part(&plan, self, p, counted);
    for (size_t i = 1; i <= 3; i++) /* vectors, ids and links, numbers */
        *held = kin_size_add(*held, plan.part[i].bytes);
    return plan;
}

int kin_index_check_plan(const kin_index *self, size_t next, kin_error *err)
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

int kin_index_make_plan(kin_index_plan *out, const kin_catalog *catalog,
                        const kin_index_options *options, const kin_search_options *search,
                        kin_error *err)
{
    kin_index *self = NULL;
    int status = kin_index_new(&self, catalog, options, err);
    if (status == 0)
        status = kin_index_check_options(self, err);
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

int kin_index_plan_lists(const kin_catalog *catalog, const kin_index_options *options,
                         kin_error *err)
{
    kin_index *self = NULL;
    if (options->type != KIN_INDEX_IVF || options->lists == 0)
        return 0;
    int status = kin_index_new(&self, catalog, options, err);
    for (size_t p = 0; status == 0 && p < self->part_count; p++) {
        kin_index_part *part = &self->part[p];
        status = kin_distinct_make(&part->distinct, catalog, part->space.modalities, err);
        if (status == 0)
            status = kin_index_check_lists(self, p, err);
        kin_distinct_release(&part->distinct);
    }
    kin_index_free(self);
    return status;
}
