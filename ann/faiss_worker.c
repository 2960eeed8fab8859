/*
 * One thread's memory for searching, allocated once, and its calls of FAISS.
 * Memory: kin_worker_bytes.
 */
#include "ann/faiss_worker.h"
#include "core/memory.h"
#include <stdlib.h>

enum { QUERIES = KIN_FAISS_QUERIES_MAX, ITEMS_PER_CANDIDATE = 2 };

static size_t largest(const kin_index *index, bool full)
{
    size_t d = 1;
    for (size_t p = 0; p < index->part_count; p++) {
        const kin_space *space = &index->part[p].space;
        size_t here = full ? space->d_full : space->d;
        d = here > d ? here : d;
    }
    return d;
}

size_t kin_worker_bytes(const kin_index *index, size_t c, size_t most)
{
    const kin_catalog *catalog = index->catalog;
    size_t floats = largest(index, false) + 3 * largest(index, true);
    size_t bytes = kin_size_mul(QUERIES, floats * sizeof(float));
    size_t all = kin_size_mul(most, index->part_count);

    bytes = kin_size_add(bytes, kin_size_mul(c, QUERIES * (sizeof(float) + sizeof(int64_t))));
    bytes = kin_size_add(bytes, kin_candidates_bytes(catalog->n, all));
    return kin_size_add(bytes, kin_rescore_workspace_bytes(all, catalog->modality_count));
}

int kin_worker_init(kin_worker *self, const kin_index *index, size_t c, size_t most, kin_error *err)
{
    const kin_catalog *catalog = index->catalog;
    size_t all = kin_size_mul(most, index->part_count);
    *self = (kin_worker){.index = index};
    int status = kin_query_init(&self->query, catalog, err);
    if (status == 0)
        status = kin_rescore_workspace_init(&self->rescore, all, catalog->modality_count, err);
    if (status == 0)
        status = kin_candidates_init(&self->candidates, catalog->n, all, err);
    if (status == 0) {
        self->x = kin_alloc(QUERIES, largest(index, false) * sizeof *self->x);
        self->wide = kin_alloc(QUERIES, largest(index, true) * sizeof *self->wide);
        self->score = kin_alloc(kin_size_mul(c, QUERIES), sizeof *self->score);
        self->id = kin_alloc(kin_size_mul(c, QUERIES), sizeof *self->id);
        if (!self->x || !self->wide || !self->score || !self->id)
            status = kin_fail_alloc(err, "search", kin_worker_bytes(index, c, most));
    }
    if (status)
        kin_worker_release(self);
    return status;
}

void kin_worker_release(kin_worker *self)
{
    kin_query_release(&self->query);
    kin_rescore_workspace_release(&self->rescore);
    kin_candidates_release(&self->candidates);
    free(self->x);
    free(self->wide);
    free(self->score);
    free(self->id);
    *self = (kin_worker){0};
}

int kin_worker_ask(kin_worker *self, const kin_index_part *part, size_t count, size_t c,
                   int32_t *found, kin_error *err)
{
    int status = kin_faiss_search(part->faiss, self->x, count, c, self->score, self->id, err);
    for (size_t i = 0; status == 0 && i < count * c; i++)
        found[i] = (int32_t)self->id[i];
    return status;
}

int kin_search_begin(kin_depth *out, kin_search_options *options, const kin_index *index,
                     kin_error *err)
{
    *out = (kin_depth){0};
    kin_search_resolve(options, index);
    size_t c = (size_t)options->candidates, items = kin_size_mul(c, ITEMS_PER_CANDIDATE);
    out->items = items < index->catalog->n ? items : index->catalog->n;
    for (size_t p = 0; p < index->part_count; p++) {
        const kin_index_part *part = &index->part[p];
        bool ivf = index->options.type == KIN_INDEX_IVF;
        int64_t effort = ivf ? options->probes : options->ef_search;
        out->part[p] = c < part->distinct.count ? c : part->distinct.count;
        out->vectors = out->vectors > out->part[p] ? out->vectors : out->part[p];
        int status = part->faiss ? kin_faiss_set_effort(part->faiss, (size_t)effort, err) : 0;
        if (status)
            return status;
    }
    return 0;
}
