/*
 * Exact rows as a graph (declared in compare/memory_graph.h).
 *
 * The rows' own arrays are closed up where they lie, so that nothing is held twice. Memory beside
 * the rows: 8 bytes an item of the graph.
 */
#include "compare/memory_graph.h"
#include "core/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* indptr of n items, of which only those of row[] have neighbours. */
static void fill_indptr(int64_t *indptr, size_t n, const kin_rows *exact, const int32_t *row)
{
    size_t q = 0;
    indptr[0] = 0;
    for (size_t i = 0; i < n; i++) {
        bool here = q < exact->count && (size_t)row[q] == i;
        indptr[i + 1] = indptr[i] + (here ? exact->filled[q] : 0);
        q += here;
    }
    assert(q == exact->count);
}

/* Rows of up to k entries, one behind the other. */
static void close_up(kin_rows *exact)
{
    size_t to = 0;
    for (size_t q = 0; q < exact->count; q++) {
        size_t from = q * exact->k, filled = exact->filled[q];
        memmove(exact->neighbor + to, exact->neighbor + from, filled * sizeof *exact->neighbor);
        memmove(exact->score + to, exact->score + from, filled * sizeof *exact->score);
        to += filled;
    }
}

/* in_memory[0] are neighbours, in_memory[1] scores; the rows keep neither. */
static void move_arrays(kin_graph *out, kin_rows *exact)
{
    out->in_memory[0] = exact->neighbor;
    out->in_memory[1] = exact->score;
    out->indices = exact->neighbor;
    out->data = exact->score;
    exact->neighbor = NULL;
    exact->score = NULL;
}

int kin_memory_graph_init(kin_graph *out, kin_rows *exact, const int32_t *row,
                          const kin_graph *like, kin_error *err)
{
    *out = (kin_graph){.n = like->n,
                       .k = exact->k,
                       .order = KIN_ORDER_SCORE,
                       .modality_count = like->modality_count,
                       .ids = like->ids,
                       .items = like->items,
                       .names_borrowed = true,
                       .manifest = json_incref(like->manifest)};
    memcpy(out->modality, like->modality, sizeof out->modality);
    out->directory = strdup("exact rows");
    out->indptr = kin_alloc(kin_size_add(like->n, 1), sizeof *out->indptr);
    int rc = 0;
    if (out->directory && out->indptr) {
        fill_indptr(out->indptr, like->n, exact, row);
        out->pairs = (size_t)out->indptr[like->n];
        close_up(exact);
        move_arrays(out, exact);
    } else {
        rc =
            kin_fail_alloc(err, "indptr of exact rows", kin_size_mul(like->n, sizeof *out->indptr));
    }
    kin_rows_release(exact);
    if (rc != 0)
        kin_graph_close(out);
    return rc;
}
