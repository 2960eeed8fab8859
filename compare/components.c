/*
 * Components by union-find. Threads share the forest and take no locks: a root is hung below a smaller one by
 * compare-and-swap, so no two of them can hang below each other, and what the trees hold in the end is the same
 * in any order.
 */
#include "compare/structure_parts.h"
#include "core/memory.h"

#include <stdlib.h>

enum { BLOCK_ROWS = 1 << 16 }; /* between looks at the monitor */

/* Path halving (Tarjan and van Leeuwen 1984, "Worst-case analysis of set union algorithms"): every other item
 * on the way up is hung below its grandparent. Another thread may have hung it higher meanwhile: an
 * ancestor stays one. */
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
