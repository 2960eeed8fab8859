/*
 * Rows of a graph into the caller's arrays (kin/kin.h), in the order of the files or in the other.
 *
 * A row that is to be turned is sorted as keys: what decides in the upper half, the entry's place
 * in the row in the lower one. Time: that of copying, or some 20 ns an entry; memory: two keys an
 * entry of the longest row, for each thread.
 */
#include "core/memory.h"
#include "core/select.h"
#include "kin/call.h"
#include "kin/graph.h"

#include <stdlib.h>
#include <string.h>

/* What is copied, and where to; arrays that are not wanted are NULL. */
typedef struct copying {
    const kin_graph *graph;
    size_t first, count;
    kin_row_order order;
    const int64_t *indptr;
    int32_t *indices;
    float *scores;
    uint16_t *const *cosines;
} copying;

/* Writes where the entries of row `row`, in the wanted order, stand in the files. */
static size_t arrange(const copying *self, size_t row, uint64_t *keys, uint64_t *space)
{
    const kin_graph *graph = self->graph;
    const size_t begin = (size_t)graph->indptr[row], count = (size_t)graph->indptr[row + 1] - begin;
    bool by_column = self->order == KIN_ORDER_COLUMN;
    for (size_t e = 0; e < count; e++) {
        uint32_t major = by_column ? (uint32_t)graph->indices[begin + e]
                                   : ~kin_score_order(graph->data[begin + e]);
        keys[e] = (uint64_t)major << 32 | e;
    }
    if (self->order != graph->order) /* entries by column, of equal scores the smaller row first */
        kin_keys_sort(keys, space, count, 32, 64);
    for (size_t e = 0; e < count; e++)
        keys[e] = begin + (keys[e] & UINT32_MAX);
    return count;
}

static void copy_row(const copying *self, size_t r, uint64_t *keys, uint64_t *space)
{
    const kin_graph *graph = self->graph;
    const size_t count = arrange(self, self->first + r, keys, space);
    const size_t to = (size_t)self->indptr[r];
    for (size_t e = 0; self->indices && e < count; e++)
        self->indices[to + e] = graph->indices[keys[e]];
    for (size_t e = 0; self->scores && e < count; e++)
        self->scores[to + e] = graph->data[keys[e]];
    for (size_t m = 0; self->cosines && m < graph->modality_count; m++)
        for (size_t e = 0; self->cosines[m] && e < count; e++)
            self->cosines[m][to + e] = graph->cosine[m][keys[e]];
}

static int run_copy(void *work, const kin_monitor *monitor, kin_error *err)
{
    const copying *self = work;
    bool refused = false;
    (void)monitor;
#pragma omp parallel reduction(|| : refused)
    {
        uint64_t *keys = kin_alloc(self->graph->k, 2 * sizeof *keys);
        refused = keys == NULL;
#pragma omp for schedule(static)
        for (size_t r = 0; r < self->count; r++)
            if (keys)
                copy_row(self, r, keys, keys + self->graph->k);
        free(keys);
    }
    return refused ? kin_fail_alloc(err, "keys of a row", self->graph->k * 16) : 0;
}

static int check(const copying *self, int order, kin_error *err)
{
    const kin_graph *graph = self->graph;
    if (order != KIN_ORDER_SCORE && order != KIN_ORDER_COLUMN)
        return kin_fail(err, KIN_E_USAGE, "KIN_ORDER_SCORE or KIN_ORDER_COLUMN",
                        "order %d of entries is unknown", order);
    if (self->first > graph->n || self->count > graph->n - self->first)
        return kin_fail(err, KIN_E_USAGE, "rows are numbered from 0",
                        "%zu rows from row %zu on: the graph has %zu", self->count, self->first,
                        graph->n);
    for (size_t m = 0; self->cosines && m < graph->modality_count; m++)
        if (self->cosines[m] && !graph->cosine[m])
            return kin_fail(err, KIN_E_USAGE, "kin_graph_has_cosines tells",
                            "no cosines of modality %s were stored", graph->modality[m]);
    return 0;
}

int kin_graph_rows(const kin_graph *self, size_t first, size_t count, int order, int64_t *indptr,
                   int32_t *indices, float *scores, uint16_t *const *cosines, kin_error *err)
{
    copying work = {self, first, count, (kin_row_order)order, indptr, indices, scores, cosines};
    int rc = check(&work, order, err);
    if (rc != 0)
        return rc;
    for (size_t r = 0; r <= count; r++)
        indptr[r] = self->indptr[first + r] - self->indptr[first];
    if (!indices && !scores && !cosines)
        return 0;
    return kin_call_run(&(kin_call){.run = run_copy, .work = &work}, err);
}

size_t kin_graph_neighbors(const kin_graph *self, size_t row, int32_t *indices, float *scores,
                           size_t room)
{
    if (row >= self->n)
        return 0;
    kin_neighbor *neighbor = kin_alloc(self->k, sizeof *neighbor);
    size_t count = neighbor ? kin_graph_row(self, row, neighbor) : 0;
    count = count < room ? count : room;
    for (size_t e = 0; e < count; e++) {
        indices[e] = neighbor[e].row;
        if (scores)
            scores[e] = neighbor[e].score;
    }
    free(neighbor);
    return count;
}
