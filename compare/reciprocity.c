/*
 * Pairs that go both ways.
 *
 * To look for (j, i) beside each (i, j) would read a row anywhere in memory for every pair. So the graph is
 * reversed for a range of items j at a time, each of which then finds its sources and its own row in one place.
 * Only sources i < j are kept: two items are met once. The in-degrees say how much room each j may need,
 * and counts alone leave this file, so that threads may fill the places in any order.
 * Time: the pairs, and a reading pass over the graph for every range.
 */
#include "compare/structure_parts.h"
#include "core/memory.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 256 }; /* that a thread takes at a time */

/* Which items have the items first .. end - 1; item first + t has its sources from start[t] on. */
typedef struct reverse {
    const kin_graph *graph;
    const kin_degrees *degrees;
    kin_row_space *space; /* [threads] */
    size_t first, end;
    uint32_t *start; /* [n] */
    uint32_t *count; /* [n] */
    int32_t *source; /* [room] */
} reverse;

/* As many items as there is room for, at least one. */
static void next_range(reverse *self, size_t room)
{
    const uint32_t *in_degree = self->degrees->in;
    size_t used = 0;
    self->first = self->end;
    do {
        self->start[self->end - self->first] = (uint32_t)used;
        used += in_degree[self->end++];
    } while (self->end < self->graph->n && used + in_degree[self->end] <= room);
    memset(self->count, 0, (self->end - self->first) * sizeof *self->count);
}

/* Puts `row` where the items of the range behind it find it. An atomic operation waits for all stores before it, and
 * these go anywhere: so all places first, then all stores. */
static void note(const reverse *self, size_t row, kin_row_space *w)
{
    const kin_graph *g = self->graph;
    size_t least = row + 1 > self->first ? row + 1 : self->first;
    size_t kept = 0;
    kin_id_set_clear(&w->seen);
    for (int64_t e = g->indptr[row]; e < g->indptr[row + 1]; e++) {
        size_t id = (size_t)g->indices[e];
        uint32_t at;
        if (id < least || id >= self->end)
            continue;
        if (self->degrees->repeats && !kin_id_set_add(&w->seen, (int32_t)id))
            continue;
#pragma omp atomic capture
        at = self->count[id - self->first]++;
        w->place[kept++] = self->start[id - self->first] + at;
    }
    for (size_t p = 0; p < kept; p++)
        self->source[w->place[p]] = (int32_t)row;
}

/* How many items before j have j and are in its row. */
static size_t meet(const reverse *self, size_t j, kin_id_set *seen)
{
    const kin_graph *g = self->graph;
    const int32_t *source = self->source + self->start[j - self->first];
    size_t count = self->count[j - self->first];
    size_t both = 0;
    kin_id_set_clear(seen);
    for (int64_t e = g->indptr[j]; e < g->indptr[j + 1] && count > 0; e++)
        if (g->indices[e] < (int32_t)j)
            kin_id_set_add(seen, g->indices[e]);
    for (size_t s = 0; s < count; s++)
        both += kin_id_set_find(seen, source[s]) != UINT32_MAX;
    return both;
}

static size_t meet_range(const reverse *self)
{
    size_t both = 0;
#pragma omp parallel reduction(+ : both)
    {
        kin_row_space *w = &self->space[omp_get_thread_num()];
#pragma omp for schedule(dynamic, ROWS)
        for (size_t row = 0; row < self->end; row++)
            note(self, row, w);
#pragma omp for schedule(dynamic, ROWS)
        for (size_t j = self->first; j < self->end; j++)
            both += meet(self, j, &w->seen);
    }
    return both;
}

int kin_mutual_pairs(size_t *out, const kin_graph *graph, const kin_degrees *degrees,
                     kin_row_space *space, size_t room, const kin_monitor *monitor, kin_error *err)
{
    reverse part = {.graph = graph, .degrees = degrees, .space = space};
    size_t both = 0;
    int rc = 0;
    room = room > degrees->most ? room : degrees->most;
    size_t entries = graph->pairs < room ? graph->pairs : room;
    part.start = kin_alloc(graph->n, sizeof *part.start);
    part.count = kin_alloc(graph->n, sizeof *part.count);
    part.source = kin_alloc(entries, sizeof *part.source);
    if (!part.start || !part.count || !part.source)
        rc = kin_fail_alloc(err, "the graph reversed", kin_size_mul(2 * graph->n + entries, 4));
    while (part.end < graph->n && rc == 0) {
        next_range(&part, room);
        both += meet_range(&part);
        rc = kin_monitor_check(monitor, err);
    }
    if (rc == 0)
        *out = both;
    free(part.start);
    free(part.count);
    free(part.source);
    return rc;
}
