/*
 * What each index proposes to some items (ann/traced.h): they are asked for once more, as in a
 * search of all.
 *
 * Items are asked for one at a time by all threads, and told in the order asked for, so that
 * nothing is kept of them. An answer is the same as among others: FAISS is asked in calls that keep
 * queries apart (ann/faiss_api.h).
 * Time: a search of an index, an item and part. Memory: a thread's of the search, and its C
 * answers.
 */
#include "ann/faiss_search_trace.h"
#include "ann/faiss_search.h"
#include "ann/faiss_worker.h"
#include "core/memory.h"

#include <omp.h>
#include <stdlib.h>

/* Items between looks at the monitor, per thread. */
enum { ITEMS_AT_A_TIME = 64 };

typedef struct search_trace {
    const kin_index *index;
    kin_search_options options; /* resolved */
    kin_depth depth;
    kin_worker *worker; /* [threads] */
    int32_t *found;     /* [threads][depth.vectors] */
    size_t threads;
} search_trace;

static void release(search_trace *self)
{
    for (size_t t = 0; t < self->threads && self->worker; t++)
        kin_worker_release(&self->worker[t]);
    free(self->worker);
    free(self->found);
}

static int prepare(search_trace *self, kin_error *err)
{
    kin_memory_plan plan;
    const kin_index *index = self->index;
    int rc = kin_search_make_plan(&plan, index, &self->options, err);
    if (rc == 0) /* a search of all holds the same, and a block beside it */
        rc = kin_memory_plan_check(&plan, self->options.memory_bytes, err);
    if (rc == 0)
        rc = kin_search_begin(&self->depth, &self->options, index, err);
    if (rc != 0)
        return rc;
    size_t found = kin_size_mul(self->threads, self->depth.vectors);
    self->worker = calloc(self->threads, sizeof *self->worker);
    self->found = kin_alloc(found, sizeof *self->found);
    if (!self->worker || !self->found)
        return kin_fail_alloc(err, "traced rows", kin_size_mul(found, sizeof *self->found));
    for (size_t t = 0; t < self->threads && rc == 0; t++)
        rc = kin_worker_init(&self->worker[t], index, self->depth.vectors, self->depth.items, err);
    return rc;
}

/* worker->candidates: what part p proposes to an item. */
static int ask(const search_trace *self, kin_worker *worker, int32_t *found, size_t p, int32_t row,
               kin_error *err)
{
    const kin_index_part *part = &self->index->part[p];
    size_t c = self->depth.part[p];
    int32_t vector = part->distinct.of[row];
    int rc = 0;
    if (vector >= 0) {
        rc = kin_space_rows(&part->space, &row, 1, worker->x, worker->wide)
                 ? kin_worker_ask(worker, part, 1, c, found, err)
                 : kin_catalog_fail_row(self->index->catalog, (size_t)row, err);
    }
    if (vector >= 0 && rc == 0)
        kin_candidates_add(&worker->candidates, &part->distinct, row, vector, found, c,
                           self->depth.items);
    kin_candidates_list(&worker->candidates);
    return rc;
}

/* Items first .. last - 1 of those asked for, part p. */
static int trace_items(const search_trace *self, size_t p, const int32_t *row, size_t first,
                       size_t last, kin_traced_sink sink, kin_error *err)
{
    int rc = 0;
#pragma omp parallel num_threads((int)self->threads)
    {
        size_t t = (size_t)omp_get_thread_num();
        kin_worker *worker = &self->worker[t];
        omp_set_num_threads(1); /* what FAISS does below stays in this thread */
#pragma omp for ordered schedule(dynamic)
        for (size_t q = first; q < last; q++) {
            int asked =
                ask(self, worker, self->found + t * self->depth.vectors, p, row[q], &worker->err);
#pragma omp ordered
            if (rc == 0 && asked != 0) {
                rc = asked;
                if (err)
                    *err = worker->err;
            } else if (rc == 0) {
                rc = sink.write(sink.self,
                                &(kin_traced){.source = p,
                                              .query = q,
                                              .item = worker->candidates.item,
                                              .count = worker->candidates.count},
                                err);
            }
        }
    }
    return rc;
}

int kin_search_trace(const kin_index *index, const kin_search_options *options, const int32_t *row,
                     size_t count, kin_traced_sink sink, const kin_monitor *monitor, kin_error *err)
{
    search_trace self = {
        .index = index, .options = *options, .threads = (size_t)omp_get_max_threads()};
    size_t stretch = ITEMS_AT_A_TIME * self.threads;
    int rc = prepare(&self, err);
    kin_monitor_stage(monitor, "trace");
    for (size_t p = 0; p < index->part_count; p++)
        for (size_t first = 0; first < count && rc == 0; first += stretch) {
            rc = kin_monitor_check(monitor, err);
            if (rc == 0)
                rc = trace_items(&self, p, row, first,
                                 count - first < stretch ? count : first + stretch, sink, err);
        }
    release(&self);
    return kin_catalog_settle(index->catalog, rc, err);
}
