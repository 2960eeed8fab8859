/*
 * kin_graph_pair_count and kin_graph_pairs: the rows of kin pairs in the caller's arrays.
 */
#include "job/pairs.h"
#include "kin/call.h"
#include "kin/pairs.h"

#include <string.h>

typedef struct filling {
    const kin_graph *graph;
    const char *const *pairs;
    size_t at; /* rows that are filled */
    int32_t *item, *neighbor, *rank;
    float *score, *const *cosines;
} filling;

/* Any column may be NULL: it is not wanted. */
static void fill(void *column, size_t at, const void *values, size_t count, size_t bytes)
{
    if (column)
        memcpy((char *)column + at * bytes, values, count * bytes);
}

static int fill_rows(void *to, const kin_pair_rows *rows, kin_error *err)
{
    filling *self = to;
    (void)err;
    fill(self->item, self->at, rows->item, rows->count, sizeof *self->item);
    fill(self->neighbor, self->at, rows->neighbor, rows->count, sizeof *self->neighbor);
    fill(self->rank, self->at, rows->rank, rows->count, sizeof *self->rank);
    fill(self->score, self->at, rows->score, rows->count, sizeof *self->score);
    for (size_t m = 0; self->cosines && m < self->graph->modality_count; m++)
        fill(self->cosines[m], self->at, rows->cosine[m], rows->count, sizeof **self->cosines);
    self->at += rows->count;
    return 0;
}

static int run_pairs(void *work, const kin_monitor *monitor, kin_error *err)
{
    filling *self = work;
    kin_pairs_call call;
    int rc = kin_pairs_read(&kin_pairs_call_table, &call, self->pairs, err);
    if (rc == 0)
        rc = kin_call_threads(call.threads, err);
    if (rc != 0)
        return rc;
    const kin_pair_sink sink = {self, fill_rows};
    return kin_pairs_run(self->graph, &call.pairs, &sink, monitor, err);
}

int kin_graph_pair_count(const kin_graph *self, const char *const *options, size_t *count,
                         kin_error *err)
{
    kin_pairs_call call;
    locale_t before = kin_locale_begin();
    int rc = kin_pairs_read(&kin_pairs_call_table, &call, options, err);
    if (rc == 0)
        *count = kin_pairs_count(self, &call.pairs);
    kin_locale_end(before);
    return rc;
}

int kin_graph_pairs(const kin_graph *self, const char *const *options, int32_t *item,
                    int32_t *neighbor, int32_t *rank, float *score, float *const *cosines,
                    kin_callback *callback, void *callback_self, kin_error *err)
{
    filling work = {self, options, 0, item, neighbor, rank, score, cosines};
    const kin_call call = {run_pairs, &work, true, callback, callback_self};
    return kin_call_run(&call, err);
}
