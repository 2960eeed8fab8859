#include "exact/shortlist.h"
#include "core/select.h"

#include <float.h>
#include <stdbool.h>
#include <stdlib.h>

/* A list holds LISTED K items, so that prunings are few, and some more where K is small. */
enum { LISTED = 4, LISTED_MORE = 64 };

static size_t capacity_of(const kin_shortlist_options *o)
{
    size_t capacity = kin_size_add(kin_size_mul(LISTED, o->top_k), LISTED_MORE);
    return capacity < o->catalog->n ? capacity : o->catalog->n;
}

/* ---- set-up ---------------------------------------------------------------------------------- */

void kin_shortlists_add_plan(kin_memory_plan *plan, const kin_shortlist_options *o)
{
    size_t modalities = o->catalog->modality_count, capacity = capacity_of(o);
    size_t one = sizeof(uint64_t) + sizeof(int32_t) + kin_rescore_workspace_bytes(1, modalities);
    kin_memory_plan_add(
        plan, "candidates (micro-batch x top-k)", o->rows,
        kin_size_add(kin_size_mul(capacity, sizeof(uint64_t)), sizeof(kin_shortlist)));
    kin_memory_plan_add(
        plan, "candidates of a row", o->threads,
        kin_size_add(kin_size_mul(capacity, one), kin_rows_bytes(1, o->top_k, modalities)));
}

static int init_worker(kin_shortlist_worker *self, const kin_shortlists *all, kin_error *err)
{
    const kin_catalog *catalog = all->options.catalog;
    self->space = kin_alloc(all->capacity, sizeof *self->space);
    self->candidate = kin_alloc(all->capacity, sizeof *self->candidate);
    if (!self->space || !self->candidate)
        return kin_fail_alloc(err, "candidates", kin_size_mul(all->capacity, sizeof *self->space));
    int rc = kin_query_init(&self->query, catalog, err);
    if (rc == 0)
        rc = kin_rescore_workspace_init(&self->workspace, all->capacity, catalog->modality_count,
                                        err);
    if (rc == 0)
        rc = kin_rows_init(&self->best, 1, all->options.top_k, catalog->modality_count, err);
    return rc;
}

static void release_worker(kin_shortlist_worker *self)
{
    free(self->space);
    free(self->candidate);
    kin_query_release(&self->query);
    kin_rescore_workspace_release(&self->workspace);
    kin_rows_release(&self->best);
}

int kin_shortlists_init(kin_shortlists *self, const kin_shortlist_options *o, kin_error *err)
{
    *self = (kin_shortlists){.options = *o,
                             .capacity = capacity_of(o),
                             .weight_sum = kin_catalog_weight_sum(o->catalog)};
    size_t keys = kin_size_mul(o->rows, self->capacity);
    self->list = kin_alloc(o->rows, sizeof *self->list);
    for (size_t q = 0; self->list && q < o->rows; q++)
        omp_init_lock(&self->list[q].lock);
    self->key = kin_alloc(keys, sizeof *self->key);
    self->worker = kin_alloc_zero(o->threads, sizeof *self->worker);
    int rc = self->list && self->key && self->worker
                 ? 0
                 : kin_fail_alloc(err, "candidates", kin_size_mul(keys, sizeof *self->key));
    for (size_t t = 0; t < o->threads && rc == 0; t++)
        rc = init_worker(&self->worker[t], self, err);
    if (rc != 0)
        kin_shortlists_release(self);
    return rc;
}

void kin_shortlists_release(kin_shortlists *self)
{
    for (size_t t = 0; self->worker && t < self->options.threads; t++)
        release_worker(&self->worker[t]);
    for (size_t q = 0; self->list && q < self->options.rows; q++)
        omp_destroy_lock(&self->list[q].lock);
    free(self->worker);
    free(self->list);
    free(self->key);
    *self = (kin_shortlists){0};
}

void kin_shortlists_reset(kin_shortlists *self)
{
    for (size_t q = 0; q < self->options.rows; q++) {
        self->list[q].threshold = -FLT_MAX;
        self->list[q].count = 0;
    }
}

/* ---- pruning --------------------------------------------------------------------------------- */

/* Orders by value, the larger first, then by item. */
static uint64_t make_key(float value, size_t item)
{
    return (uint64_t)(~kin_score_order(value)) << 32 | (uint32_t)item;
}

static float key_value(uint64_t key)
{
    return kin_score_from_order(~(uint32_t)(key >> 32));
}

/* Raises the threshold to the K-th largest value less the margin: no item below it can be among
 * the K best. Drops what does not reach it. */
static void prune(const kin_shortlists *self, kin_shortlist *list, uint64_t *key)
{
    size_t k = self->options.top_k, kept = 0;
    if (list->count < k)
        return;
    float reached =
        (float)(key_value(kin_keys_nth(key, list->count, k - 1)) - self->options.margin);
    reached = reached > list->threshold ? reached : list->threshold;
    for (size_t c = 0; c < list->count; c++)
        if (key_value(key[c]) >= reached)
            key[kept++] = key[c];
    list->count = (uint32_t)kept;
#pragma omp atomic write
    list->threshold = reached;
}

/* The K best by canonical score, as query `slot` of *out. */
static void rerank(kin_shortlist_worker *w, size_t row, uint64_t *key, size_t count, kin_rows *out,
                   size_t slot)
{
    kin_keys_sort(key, w->space, count, 0, 32);
    for (size_t c = 0; c < count; c++)
        w->candidate[c] = (int32_t)(uint32_t)key[c];
    kin_query_set_row(&w->query, row);
    kin_rescore(&w->query, w->candidate, count, &w->workspace, out, slot);
}

/* Makes space in a full list, where ties leave none by the canonical score: that is a value like
 * any other, and a better one. */
static void make_space(kin_shortlists *self, kin_shortlist_worker *w, kin_shortlist *list,
                       uint64_t *key, size_t row)
{
    const kin_rows *best = &w->best;
    prune(self, list, key);
    if (list->count <= self->capacity - self->capacity / LISTED)
        return;
    rerank(w, row, key, list->count, &w->best, 0);
    list->count = best->filled[0];
    for (size_t i = 0; i < list->count; i++)
        key[i] =
            make_key((float)((double)best->score[i] / self->weight_sum), (size_t)best->neighbor[i]);
}

/* ---- values in, rows out --------------------------------------------------------------------- */

static bool any_reaches(const float *value, float threshold)
{
    int any = 0;
    for (size_t j = 0; j < KIN_SHORTLIST_STEP; j++)
        any |= value[j] >= threshold;
    return any;
}

void kin_shortlists_offer(kin_shortlists *self, size_t thread, size_t q, size_t row,
                          const float *value, size_t first, size_t count)
{
    kin_shortlist *list = &self->list[q];
    uint64_t *key = self->key + q * self->capacity;
    size_t step = 0;
    float threshold;
#pragma omp atomic read
    threshold = list->threshold;
    while (step < count && !any_reaches(value + step, threshold))
        step += KIN_SHORTLIST_STEP;
    if (step == count)
        return;
    omp_set_lock(&list->lock);
    for (; step < count; step += KIN_SHORTLIST_STEP) {
        if (!any_reaches(value + step, list->threshold))
            continue;
        for (size_t j = step; j < step + KIN_SHORTLIST_STEP; j++) {
            if (!(value[j] >= list->threshold))
                continue;
            if (list->count == self->capacity)
                make_space(self, &self->worker[thread], list, key, row);
            key[list->count++] = make_key(value[j], first + j);
        }
    }
    omp_unset_lock(&list->lock);
}

void kin_shortlists_finish(kin_shortlists *self, size_t thread, size_t q, size_t row, kin_rows *out)
{
    kin_shortlist *list = &self->list[q];
    uint64_t *key = self->key + q * self->capacity;
    prune(self, list, key);
    rerank(&self->worker[thread], row, key, list->count, out, q);
}
