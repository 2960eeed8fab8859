/*
 * Parts of kin_structure_measure (compare/structure_parts.h): categories as numbers, pairs that go
 * both ways, and components.
 */
#include "compare/structure_parts.h"
#include "core/memory.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* ---- categories ------------------------------------------------------------------------------ */

/* Categories are numbered in the order in which they first come up, by a table of the rows where
 * they do. It starts small and doubles: catalogs have thousands of categories, not millions. */

/* The rows that first have each category, by open addressing. */
typedef struct firsts {
    const kin_table *items;
    int column;
    size_t slots;   /* a power of two, at least twice `count` */
    uint32_t *slot; /* [slots] row + 1, 0 is free; owned */
    size_t count;
} firsts;

/* The slot of the row that first has this category, or the free one where it belongs. */
static size_t probe(const firsts *self, kin_span text)
{
    size_t mask = self->slots - 1;
    size_t at = (size_t)XXH3_64bits(text.text, text.length) & mask;
    while (self->slot[at] != 0 &&
           !kin_span_equal(kin_table_cell(self->items, self->slot[at] - 1, self->column), text))
        at = (at + 1) & mask;
    return at;
}

static int grow(firsts *self, kin_error *err)
{
    firsts larger = *self;
    larger.slots = self->slots ? 2 * self->slots : 1024;
    larger.slot = kin_alloc_zero(larger.slots, sizeof *larger.slot);
    if (!larger.slot)
        return kin_fail_alloc(err, "categories", kin_size_mul(larger.slots, sizeof *larger.slot));
    for (size_t s = 0; s < self->slots; s++)
        if (self->slot[s] != 0)
            larger.slot[probe(&larger, kin_table_cell(self->items, self->slot[s] - 1,
                                                      self->column))] = self->slot[s];
    free(self->slot);
    *self = larger;
    return 0;
}

static int number(int32_t *of, firsts *known, size_t n, kin_error *err)
{
    for (size_t row = 0; row < n; row++) {
        if (2 * (known->count + 1) > known->slots) {
            int rc = grow(known, err);
            if (rc != 0)
                return rc;
        }
        kin_span text = kin_table_cell(known->items, row, known->column);
        size_t at = text.length > 0 ? probe(known, text) : 0;
        if (text.length == 0) {
            of[row] = -1;
        } else if (known->slot[at] != 0) {
            of[row] = of[known->slot[at] - 1];
        } else {
            of[row] = (int32_t)known->count++;
            known->slot[at] = (uint32_t)row + 1;
        }
    }
    return 0;
}

/* Of two different items that have a category, drawn at random: how likely they have the same. */
static int match_by_chance(kin_categories *self, size_t n, kin_error *err)
{
    uint64_t *items = kin_alloc_zero(self->count, sizeof *items);
    if (!items)
        return kin_fail_alloc(err, "categories", kin_size_mul(self->count, sizeof *items));
    double all = 0;
    double same = 0;
    for (size_t row = 0; row < n; row++)
        if (self->of[row] >= 0)
            items[self->of[row]]++;
    for (size_t c = 0; c < self->count; c++) {
        all += (double)items[c];
        same += (double)items[c] * (double)(items[c] - 1);
    }
    self->by_chance = all > 1 ? same / (all * (all - 1)) : NAN;
    free(items);
    return 0;
}

int kin_categories_init(kin_categories *self, const kin_graph *graph, kin_error *err)
{
    *self = (kin_categories){.by_chance = NAN};
    firsts known = {.items = &graph->items, .column = kin_table_column(&graph->items, "category")};
    if (known.column < 0)
        return 0;
    self->of = kin_alloc(graph->n, sizeof *self->of);
    int rc = self->of ? number(self->of, &known, graph->n, err)
                      : kin_fail_alloc(err, "categories", kin_size_mul(graph->n, sizeof *self->of));
    self->count = known.count;
    free(known.slot);
    if (rc == 0)
        rc = match_by_chance(self, graph->n, err);
    if (rc != 0 || self->count == 0)
        kin_categories_release(self);
    return rc;
}

void kin_categories_release(kin_categories *self)
{
    free(self->of);
    *self = (kin_categories){.by_chance = NAN};
}

/* ---- pairs that go both ways ----------------------------------------------------------------- */

/* To look for (j, i) beside each (i, j) would read a row anywhere in memory for every pair. So the
 * graph is reversed for a range of items j at a time, each of which then finds its sources and its
 * own row in one place. Only sources i < j are stored: two items are looked at once. The in-degrees
 * say how much room each j may need, and counts alone leave this section, so that threads may fill
 * the places in any order. Time: the pairs, and a reading pass over the graph for every range. */

enum { ROWS = 256 }; /* that a thread takes at a time */

/* Which items have the items first .. end - 1; item first + t has its sources from start[t] on. */
typedef struct reverse {
    const kin_graph *graph;
    const kin_degrees *degrees;
    kin_row_workspace *space; /* [threads] */
    size_t first, end;
    uint32_t *start; /* [n] */
    uint32_t *count; /* [n] */
    int32_t *source; /* [capacity] */
} reverse;

/* As many items as fit into the capacity, at least one. */
static void next_range(reverse *self, size_t capacity)
{
    const uint32_t *in_degree = self->degrees->in;
    size_t used = 0;
    self->first = self->end;
    do {
        self->start[self->end - self->first] = (uint32_t)used;
        used += in_degree[self->end++];
    } while (self->end < self->graph->n && used + in_degree[self->end] <= capacity);
    memset(self->count, 0, (self->end - self->first) * sizeof *self->count);
}

/* Puts `row` where the items of the range behind it find it. An atomic operation waits for all
 * stores before it, and these go anywhere: so all places first, then all stores. */
static void store_sources(const reverse *self, size_t row, kin_row_workspace *w)
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
static size_t count_mutual(const reverse *self, size_t j, kin_id_set *seen)
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

static size_t count_range(const reverse *self)
{
    size_t both = 0;
#pragma omp parallel reduction(+ : both)
    {
        kin_row_workspace *w = &self->space[omp_get_thread_num()];
#pragma omp for schedule(dynamic, ROWS)
        for (size_t row = 0; row < self->end; row++)
            store_sources(self, row, w);
#pragma omp for schedule(dynamic, ROWS)
        for (size_t j = self->first; j < self->end; j++)
            both += count_mutual(self, j, &w->seen);
    }
    return both;
}

int kin_mutual_pairs(size_t *out, const kin_graph *graph, const kin_degrees *degrees,
                     kin_row_workspace *space, size_t capacity, const kin_monitor *monitor,
                     kin_error *err)
{
    reverse part = {.graph = graph, .degrees = degrees, .space = space};
    size_t both = 0;
    int rc = 0;
    capacity = capacity > degrees->most ? capacity : degrees->most;
    size_t entries = graph->pairs < capacity ? graph->pairs : capacity;
    part.start = kin_alloc(graph->n, sizeof *part.start);
    part.count = kin_alloc(graph->n, sizeof *part.count);
    part.source = kin_alloc(entries, sizeof *part.source);
    if (!part.start || !part.count || !part.source)
        rc = kin_fail_alloc(err, "the graph reversed", kin_size_mul(2 * graph->n + entries, 4));
    while (part.end < graph->n && rc == 0) {
        next_range(&part, capacity);
        both += count_range(&part);
        rc = kin_monitor_check(monitor, err);
    }
    if (rc == 0)
        *out = both;
    free(part.start);
    free(part.count);
    free(part.source);
    return rc;
}

/* ---- components ------------------------------------------------------------------------------ */

/* By union-find. Threads share the forest and take no locks: compare-and-swap hangs a root below a
 * smaller one, so no two roots can hang below each other, and the trees hold the same items in the
 * end in any order. */

enum { BLOCK_ROWS = 1 << 16 }; /* between looks at the monitor */

/* Path halving (Tarjan and van Leeuwen 1984, "Worst-case analysis of set union algorithms"): every
 * other item on the way up is hung below its grandparent. Another thread may have hung it higher
 * meanwhile: an ancestor stays one. */
static uint32_t root_of(uint32_t *parent, uint32_t item)
{
    for (;;) {
        uint32_t up = __atomic_load_n(&parent[item], __ATOMIC_RELAXED);
        uint32_t top = __atomic_load_n(&parent[up], __ATOMIC_RELAXED);
        if (up == top)
            return up;
        __atomic_store_n(&parent[item], top, __ATOMIC_RELAXED);
        item = top;
    }
}

/* Joins the trees of two items; returns the root of both. */
static uint32_t join(uint32_t *parent, uint32_t a, uint32_t b)
{
    for (;;) {
        a = root_of(parent, a);
        b = root_of(parent, b);
        if (a == b)
            return a;
        uint32_t low = a < b ? a : b;
        uint32_t high = a < b ? b : a;
        if (__atomic_compare_exchange_n(&parent[high], &high, low, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return low;
    }
}

static void join_row(uint32_t *parent, const kin_graph *g, size_t row)
{
    uint32_t root = (uint32_t)row;
    for (int64_t e = g->indptr[row]; e < g->indptr[row + 1]; e++) {
        uint32_t other = (uint32_t)g->indices[e];
        if (__atomic_load_n(&parent[other], __ATOMIC_RELAXED) != root)
            root = join(parent, root, other);
    }
}

static int join_all(uint32_t *parent, const kin_graph *g, const kin_monitor *monitor,
                    kin_error *err)
{
    for (size_t first = 0; first < g->n; first += BLOCK_ROWS) {
        size_t end = first + BLOCK_ROWS < g->n ? first + BLOCK_ROWS : g->n;
        int rc = kin_monitor_check(monitor, err);
        if (rc != 0)
            return rc;
#pragma omp parallel for schedule(dynamic, 256)
        for (size_t row = first; row < end; row++)
            join_row(parent, g, row);
    }
    return 0;
}

int kin_components(size_t *components, size_t *largest, const kin_graph *graph,
                   const kin_monitor *monitor, kin_error *err)
{
    size_t n = graph->n;
    size_t roots = 0;
    size_t most = 0;
    int rc = 0;
    uint32_t *parent = kin_alloc(n, sizeof *parent);
    uint32_t *items = kin_alloc_zero(n, sizeof *items); /* of each root */
    if (!parent || !items) {
        rc = kin_fail_alloc(err, "components", kin_size_mul(n, 8));
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        parent[i] = (uint32_t)i;
    rc = join_all(parent, graph, monitor, err);
    if (rc != 0)
        goto done;
    for (size_t i = 0; i < n; i++) {
        size_t count = ++items[root_of(parent, (uint32_t)i)];
        roots += parent[i] == i;
        most = count > most ? count : most;
    }
    *components = roots;
    *largest = most;
done:
    free(parent);
    free(items);
    return rc;
}
