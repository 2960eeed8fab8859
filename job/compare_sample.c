/*
 * Exact rows of random items, by `stream`, which has nothing in common with the engines it judges.
 *
 * They cost one pass over the vectors per micro-batch: 1,000 of a million items take about as long as reading
 * the catalog a few times, where an exact graph takes hours.
 */
#include "compare/made.h"
#include "core/counted.h"
#include "core/memory.h"
#include "core/random.h"
#include "job/comparison.h"
#include "job/row_sample.h"
#include "tools/console.h"

#include <stdlib.h>

/* `count` different rows of n, ascending. */
static void draw_rows(int32_t *row, size_t count, size_t n, uint64_t seed)
{
    enum { STREAM_COMPARE = 0x636d70 }; /* this use of the seed */
    uint64_t key = kin_random_key(seed, STREAM_COMPARE, 0);
    for (size_t i = 0; i < count; i++)
        row[i] = (int32_t)kin_random_place(key, n, i);
    qsort(row, count, sizeof *row, kin_row_ascending);
}

static int draw(comparison *self, kin_error *err)
{
    const compare_options *o = self->options;
    size_t n = self->graph.graph.n;
    self->row_count = (size_t)o->sample;
    if (self->row_count > n)
        return kin_fail(err, KIN_E_USAGE, "a sample of all items compares every row",
                        "--sample %zu, %s has %s", self->row_count, self->graph.graph.directory,
                        kin_count(n, "item").text);
    self->row = kin_alloc(self->row_count, sizeof *self->row);
    if (!self->row)
        return kin_fail_alloc(err, "sampled rows", kin_size_mul(self->row_count, sizeof(int32_t)));
    if (self->strata.count > 0)
        return strata_draw(&self->strata, self->row, self->row_count, n, (uint64_t)o->seed, err);
    draw_rows(self->row, self->row_count, n, (uint64_t)o->seed);
    return 0;
}

static int run_exact(kin_rows *exact, const comparison *self, const kin_monitor *monitor,
                     kin_error *err)
{
    const kin_catalog *catalog = &self->catalog;
    size_t count = self->row_count, k = comparison_sample_top_k(self),
           memory = self->options->memory;
    kin_stream_options stream = row_sample_stream(catalog, k, memory);
    kin_memory_plan plan;
    kin_stream_make_plan(&plan, catalog, count, &stream);
    plan.hint = "--sample or --threads";
    kin_memory_plan_add(&plan, "exact rows", kin_rows_bytes(count, k, 0), 1);
    int rc = kin_memory_plan_check(&plan, memory, err);
    if (rc == 0)
        rc = kin_rows_init(exact, count, k, 0, err);
    if (rc != 0)
        return rc;
    console_info("Computing exact rows (rows=%zu, total=%zu, top_k=%zu)", count, catalog->n, k);
    kin_stream_queries queries = {.row = self->row, .count = count};
    return kin_stream_run(catalog, &queries, &stream, kin_rows_sink(exact), monitor, err);
}

int comparison_sample(comparison *self, const kin_monitor *monitor, kin_error *err)
{
    kin_rows exact = {0};
    int rc = draw(self, err);
    if (rc == 0)
        rc = run_exact(&exact, self, monitor, err);
    if (rc == 0)
        rc = kin_graph_make(&self->reference.graph, &exact, self->row, &self->graph.graph, err);
    self->reference.there = self->computed = rc == 0;
    self->reference.named = self->graph.named;
    kin_rows_release(&exact);
    return rc;
}
