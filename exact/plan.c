/*
 * Memory of the certified engine (exact/exact_state.h): capacity of collectors, rows of a block,
 * rows reranked together, for the budget.
 */
#include "core/memory.h"
#include "exact/exact_state.h"

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Bytes beside codes and collectors, while pairs are scanned and rows reranked. */
static size_t work_bytes(const kin_exact *self, size_t capacity)
{
    size_t reranker = kin_reranker_bytes(self->catalog, self->k, capacity, self->plan.rerank_rows);
    size_t sample = kin_guess_sample(self->plan.distinct, self->k, self->codes.rotation.lead,
                                     self->codes.rotation.tail);
    size_t thread = kin_size_add(kin_pairscan_bytes(&self->codes, capacity), reranker);
    thread = kin_size_add(thread,
                          kin_expander_bytes(self->options.top_k, self->catalog->modality_count));
    thread = kin_size_add(thread, kin_guess_work_bytes(sample));
    return kin_size_add(kin_size_mul((size_t)self->threads, thread),
                        kin_size_add(kin_guess_bytes(&self->codes, sample),
                                     kin_size_mul(self->plan.distinct, sizeof(float))));
}

/* The number of rows reranked together: as many as work well in an eighth of the budget. */
static size_t choose_rerank_rows(const kin_exact *self, size_t budget)
{
    const kin_catalog *catalog = self->catalog;
    size_t k = self->k, capacity = kin_collectors_capacity_good(k);
    size_t rows = kin_reranker_rows_good(catalog, capacity);
    size_t thread = budget / 8 / (size_t)self->threads;
    while (rows > 1 && kin_reranker_bytes(catalog, k, capacity, rows) > thread)
        rows -= (rows + 7) / 8;
    return rows;
}

/* Chooses capacity and block for a budget: all rows at once if the least capacity allows it. */
static void choose_block(kin_exact *self, size_t budget)
{
    kin_exact_plan *plan = &self->plan;
    size_t n = plan->distinct, k = self->k;
    size_t good = kin_collectors_capacity_good(k), least = kin_collectors_capacity_least(k);
    size_t fixed = kin_size_add(kin_size_add(plan->codes_bytes, plan->duplicates_bytes),
                                work_bytes(self, good));
    size_t left = budget > fixed ? budget - fixed : 0;
    plan->capacity = good;
    while (plan->capacity > least && left / kin_collectors_row_bytes(plan->capacity) < n)
        plan->capacity -= (plan->capacity - least + 7) / 8;
    plan->block_rows = left / kin_collectors_row_bytes(plan->capacity);
    if (plan->block_rows >= n) {
        plan->block_rows = n;
    } else { /* not even the least serves all rows: then blocks, with room to work well */
        plan->capacity = good;
        plan->block_rows = max_size(left / kin_collectors_row_bytes(good), KIN_CLUSTER_MAX);
    }
    plan->block_rows = max_size(plan->block_rows, 1);
    plan->blocks = max_size((n + plan->block_rows - 1) / plan->block_rows, 1);
    plan->collectors_bytes = kin_size_mul(plan->block_rows < n ? plan->block_rows : n,
                                          kin_collectors_row_bytes(plan->capacity));
    plan->work_bytes = work_bytes(self, plan->capacity);
}

const char kin_exact_plan_hint[] = "--threads or --top-k";

int kin_exact_make_plan(kin_exact *self, kin_error *err)
{
    kin_exact_plan *plan = &self->plan;
    const kin_codes *codes = &self->codes;
    size_t limit = self->options.memory_bytes, available = kin_memory_available();
    size_t budget = limit > 0 && limit < available ? limit : available;
    plan->lead = codes->rotation.lead;
    plan->tail = codes->rotation.tail;
    plan->duplicates_bytes = kin_duplicates_bytes(self->catalog->n);
    plan->codes_bytes = kin_size_add(
        kin_codes_bytes(codes), kin_rotation_bytes(codes->fused.d, codes->rotation.reflectors));
    plan->rerank_rows = choose_rerank_rows(self, budget);
    choose_block(self, budget);

    /* ordering, encoding and scanning follow each other */
    size_t encoding = kin_codes_encode_work_bytes(codes);
    size_t scanning = kin_size_add(plan->collectors_bytes, plan->work_bytes);
    size_t ordering = kin_size_add(plan->duplicates_bytes, kin_codes_clustering_work_bytes(codes));
    kin_memory_plan parts = {.hint = kin_exact_plan_hint};
    kin_memory_plan_add(&parts, "items that are the same", plan->duplicates_bytes, 1);
    kin_memory_plan_add(&parts, "codes", plan->codes_bytes, 1);
    if (scanning >= encoding) {
        kin_memory_plan_add(&parts, "collectors", plan->collectors_bytes, 1);
        kin_memory_plan_add(&parts, "threads", plan->work_bytes, 1);
    } else {
        kin_memory_plan_add(&parts, "encoding", encoding, 1);
    }
    plan->total_bytes = parts.total_bytes;
    if (ordering > plan->total_bytes) {
        parts = (kin_memory_plan){.hint = kin_exact_plan_hint};
        kin_memory_plan_add(&parts, "ordering rows", ordering, 1);
        plan->total_bytes = ordering;
    }
    return kin_memory_plan_check(&parts, limit, err);
}
