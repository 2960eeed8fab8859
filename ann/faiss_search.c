/*
 * From indexes to top-K rows.
 *
 * Blocks of items as they are asked for: each part is asked for the C nearest of the block's
 * distinct vectors, each once a block; then every item of the block gathers its candidates from all
 * parts (its own vector, then the vectors found, at most 2 C items a part), scores them canonically
 * and keeps K. Queries go to FAISS sixteen at a time from every thread of a team, each call
 * confined to its thread: answers depend neither on the number of threads nor on what is asked
 * beside. A block's size is fixed, so memory does not grow with n but for 4 bytes a distinct
 * vector: 4 C bytes a distinct vector of the block and part, and the block's rows. A vector that
 * occurs in several blocks is searched once in each.
 * Time: searching is FAISS's; rescoring at most 2 C dots an item and part.
 */
#include "ann/faiss_search.h"
#include "ann/faiss_worker.h"
#include "core/memory.h"
#include "core/threads.h"
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Items between looks at the monitor: some tenths of a second where each is two searches of a
 * millisecond. */
enum { BLOCK_ITEMS = 256, QUERIES = KIN_FAISS_QUERIES_MAX };

/* The vectors that a part is asked about for the block at hand, and the answers. */
typedef struct part_block {
    size_t count;    /* vectors in the block */
    int32_t *vector; /* [BLOCK_ITEMS] */
    int32_t *first;  /* [BLOCK_ITEMS] an item of each */
    int32_t *slot;   /* [vectors] where a vector stands above, -1: not in the block */
    int32_t *found;  /* [BLOCK_ITEMS][c] vectors */
} part_block;

typedef struct search {
    const kin_index *index;
    kin_search_options options; /* resolved */
    const int32_t *row;         /* the items asked for, NULL: all of them in order */
    kin_depth depth;
    part_block part[KIN_MODALITIES_MAX];
    kin_rows rows;
    kin_worker *worker; /* [workers] */
    size_t workers;
} search;

/* ---- set-up --------------------------------------------------------------------------------- */

static void search_release(search *self)
{
    for (size_t p = 0; p < self->index->part_count; p++) {
        free(self->part[p].vector);
        free(self->part[p].first);
        free(self->part[p].slot);
        free(self->part[p].found);
    }
    for (size_t w = 0; w < self->workers; w++)
        kin_worker_release(&self->worker[w]);
    free(self->worker);
    kin_rows_release(&self->rows);
}

static int search_prepare(search *self, const kin_index *index, const kin_search_options *options,
                          kin_error *err)
{
    *self = (search){.index = index, .options = *options};
    return kin_search_begin(&self->depth, &self->options, index, err);
}

static kin_memory_plan make_plan(const search *self, size_t block, size_t threads)
{
    const kin_index *index = self->index;
    kin_memory_plan plan = {.hint = "--candidates or --threads"};
    for (size_t p = 0; p < index->part_count; p++) {
        const kin_index_part *part = &index->part[p];
        size_t vector = part->space.d * sizeof(float);
        /* The budget is the whole process's: the index is in memory already and counts too. */
        if (self->options.memory_bytes)
            kin_memory_plan_add(&plan, "an index", part->distinct.count,
                                vector + (index->options.type == KIN_INDEX_IVF
                                              ? 16
                                              : (size_t)index->options.links * 8 + 64));
        kin_memory_plan_add(&plan, "a block's candidates", block,
                            (self->depth.part[p] + 2) * sizeof(int32_t));
        kin_memory_plan_add(&plan, "places in a block", part->distinct.count, sizeof(int32_t));
    }
    kin_memory_plan_add(&plan, "threads", threads,
                        kin_worker_bytes(index, self->depth.vectors, self->depth.items));
    kin_memory_plan_add(&plan, "a block's rows",
                        kin_rows_bytes(block, self->options.top_k, index->catalog->modality_count),
                        1);
    return plan;
}

static int check_plan(const search *self, size_t block, size_t threads, kin_error *err)
{
    kin_memory_plan plan = make_plan(self, block, threads);
    return kin_memory_plan_check(&plan, self->options.memory_bytes, err);
}

int kin_search_make_plan(kin_memory_plan *out, const kin_index *index,
                         const kin_search_options *options, kin_error *err)
{
    search self;
    size_t n = index->catalog->n;
    int status = search_prepare(&self, index, options, err);
    if (status == 0)
        *out = make_plan(&self, n < BLOCK_ITEMS ? n : BLOCK_ITEMS, (size_t)omp_get_max_threads());
    return status;
}

static int allocate(search *self, size_t block, size_t threads, kin_error *err)
{
    const kin_index *index = self->index;
    for (size_t p = 0; p < index->part_count; p++) {
        part_block *part = &self->part[p];
        size_t vectors = index->part[p].distinct.count, c = self->depth.part[p];
        part->vector = kin_alloc(block, sizeof *part->vector);
        part->first = kin_alloc(block, sizeof *part->first);
        part->slot = kin_alloc(vectors, sizeof *part->slot);
        part->found = kin_alloc(kin_size_mul(block, c), sizeof *part->found);
        if (!part->vector || !part->first || !part->slot || !part->found)
            return kin_fail_alloc(err, "a block's candidates", block * c * sizeof(int32_t));
        memset(part->slot, 0xff, vectors * sizeof *part->slot); /* -1 */
    }
    self->worker = calloc(threads, sizeof *self->worker);
    if (!self->worker)
        return kin_fail_alloc(err, "threads", threads * sizeof *self->worker);
    for (; self->workers < threads; self->workers++) {
        int status = kin_worker_init(&self->worker[self->workers], index, self->depth.vectors,
                                     self->depth.items, err);
        if (status)
            return status;
    }
    return kin_rows_init(&self->rows, block, self->options.top_k, index->catalog->modality_count,
                         err);
}

/* ---- one block ------------------------------------------------------------------------------ */

/* The item that query q asks for. */
static size_t query_row(const search *self, size_t q)
{
    return self->row ? (size_t)self->row[q] : q;
}

/* Notes the vectors that the items of queries first .. first + count - 1 belong to, each once. */
static void collect(search *self, size_t p, size_t first, size_t count)
{
    part_block *part = &self->part[p];
    const kin_distinct *distinct = &self->index->part[p].distinct;
    for (size_t i = 0; i < part->count; i++)
        part->slot[part->vector[i]] = -1;
    part->count = 0;
    for (size_t q = first; q < first + count; q++) {
        size_t row = query_row(self, q);
        int32_t vector = distinct->of[row];
        if (vector < 0 || part->slot[vector] >= 0)
            continue;
        part->slot[vector] = (int32_t)part->count;
        part->vector[part->count] = vector;
        part->first[part->count++] = (int32_t)row;
    }
}

/* Asks part p about the vectors of its block; all threads. */
static void ask_part(search *self, size_t p)
{
    const kin_index_part *part = &self->index->part[p];
    part_block *block = &self->part[p];
    size_t c = self->depth.part[p];
#pragma omp parallel num_threads((int)self->workers)
    {
        kin_worker *worker = &self->worker[omp_get_thread_num()];
        omp_set_num_threads(1); /* what FAISS does below stays in this thread */
#pragma omp for schedule(dynamic)
        for (size_t at = 0; at < block->count; at += QUERIES) {
            size_t count = block->count - at < QUERIES ? block->count - at : QUERIES;
            if (worker->status)
                continue;
            const int32_t *first = block->first + at;
            bool finite = kin_space_rows(&part->space, first, count, worker->x, worker->wide);
            worker->status =
                finite ? kin_worker_ask(worker, part, count, c, block->found + at * c, &worker->err)
                       : kin_catalog_fail_row(self->index->catalog, (size_t)*first, &worker->err);
        }
    }
}

static void finish_item(search *self, kin_worker *worker, size_t row, size_t slot)
{
    for (size_t p = 0; p < self->index->part_count; p++) {
        const kin_distinct *distinct = &self->index->part[p].distinct;
        const part_block *part = &self->part[p];
        size_t c = self->depth.part[p];
        int32_t vector = distinct->of[row];
        if (vector >= 0)
            kin_candidates_add(&worker->candidates, distinct, (int64_t)row, vector,
                               part->found + (size_t)part->slot[vector] * c, c, self->depth.items);
    }
    kin_candidates_list(&worker->candidates);
    kin_query_set_row(&worker->query, row);
    kin_rescore(&worker->query, worker->candidates.item, worker->candidates.count, &worker->rescore,
                &self->rows, slot);
}

static int run_block(search *self, size_t first, size_t count, kin_error *err)
{
    for (size_t p = 0; p < self->index->part_count; p++) {
        collect(self, p, first, count);
        ask_part(self, p);
    }
    for (size_t w = 0; w < self->workers; w++)
        if (self->worker[w].status) {
            if (err)
                *err = self->worker[w].err;
            return self->worker[w].status;
        }
    self->rows.count = count;
#pragma omp parallel for schedule(dynamic, 16) num_threads((int)self->workers)
    for (size_t i = 0; i < count; i++)
        finish_item(self, &self->worker[omp_get_thread_num()], query_row(self, first + i), i);
    return 0;
}

int kin_search_rows(const kin_index *index, const kin_search_options *options, const int32_t *row,
                    size_t n, kin_row_sink sink, const kin_monitor *monitor, kin_error *err)
{
    search self;
    size_t block = n < BLOCK_ITEMS ? n : BLOCK_ITEMS;
    size_t threads = (size_t)omp_get_max_threads();
    int status = search_prepare(&self, index, options, err);

    self.row = row;
    if (status == 0)
        status = check_plan(&self, block, threads, err);
    if (status == 0)
        status = allocate(&self, block, threads, err);
    if (status == 0)
        status = kin_blas_room(err); /* FAISS multiplies the queries of a block with the lists */
    if (status == 0) {
        kin_monitor_stage(monitor, "search");
        kin_monitor_progress(monitor, 0, n);
    }
    for (size_t first = 0; status == 0 && first < n; first += block) {
        size_t count = n - first < block ? n - first : block;
        status = kin_monitor_check(monitor, err);
        if (status == 0)
            status = run_block(&self, first, count, err);
        if (status == 0)
            status = sink.write(sink.self, first, &self.rows, err);
        if (status == 0)
            kin_monitor_progress(monitor, first + count, n);
    }
    search_release(&self);
    return kin_catalog_settle(index->catalog, status, err);
}

int kin_search_all(const kin_index *index, const kin_search_options *options, kin_row_sink sink,
                   const kin_monitor *monitor, kin_error *err)
{
    return kin_search_rows(index, options, NULL, index->catalog->n, sink, monitor, err);
}

/* ---- one query ------------------------------------------------------------------------------ */

static int ask_one(search *self, kin_worker *worker, const kin_query *query, int32_t *found,
                   kin_error *err)
{
    for (size_t p = 0; p < self->index->part_count; p++) {
        const kin_index_part *part = &self->index->part[p];
        int32_t own = query->row >= 0 ? part->distinct.of[query->row] : -1;
        size_t c = self->depth.part[p];
        if (!part->faiss || !kin_space_query(&part->space, query, worker->x, worker->wide))
            continue;
        int status = kin_space_finite(worker->x, part->space.d)
                         ? kin_worker_ask(worker, part, 1, c, found, err)
                         : kin_fail(err, KIN_E_INTERNAL, "report this as a bug",
                                    "the query's vector is not finite");
        if (status)
            return status;
        kin_candidates_add(&worker->candidates, &part->distinct, query->row, own, found, c,
                           self->depth.items);
    }
    kin_candidates_list(&worker->candidates);
    return 0;
}

int kin_search_one(const kin_index *index, const kin_search_options *options,
                   const kin_query *query, kin_rows *out, kin_error *err)
{
    search self;
    kin_worker worker = {0};
    int32_t *found = NULL;
    int threads = omp_get_max_threads();
    int status = search_prepare(&self, index, options, err);

    if (status == 0)
        status = kin_worker_init(&worker, index, self.depth.vectors, self.depth.items, err);
    if (status)
        goto exit;
    found = kin_alloc(self.depth.vectors, sizeof *found);
    if (!found) {
        status = kin_fail_alloc(err, "candidates", self.depth.vectors * sizeof *found);
        goto exit;
    }
    omp_set_num_threads(1); /* as in kin_search_all: the same answer */
    status = ask_one(&self, &worker, query, found, err);
    omp_set_num_threads(threads);
    if (status == 0) {
        out->count = 1;
        kin_rescore(query, worker.candidates.item, worker.candidates.count, &worker.rescore, out,
                    0);
        status = kin_rows_check(out, err);
    }
exit:
    free(found);
    kin_worker_release(&worker);
    return kin_catalog_settle(index->catalog, status, err);
}
