/*
 * A sweep from the catalog to the ordered points (declared in job/sweep.h).
 *
 * The evaluated rows are drawn from the items that the tuning of join does not use, as kin build
 * draws those of its evaluation; where too few are left, all items are evaluated. So join is
 * prepared before the rows are drawn. Cost: the runs of all points, and exact rows of the evaluated
 * items.
 */
#include "job/sweep.h"
#include "core/memory.h"
#include "job/messages.h"
#include "job/sweep_engines.h"
#include "job/sweep_front.h"
#include "job/sweep_points.h"

#include <stdlib.h>

/* ---- the sample ------------------------------------------------------------------------------ */

/* What the sample holds for as long as engines run; the rest of the budget is theirs. */
static int plan_memory(sweep *self, size_t items, kin_error *err)
{
    const sweep_options *o = self->options;
    kin_memory_plan plan = {.hint = "--items or --rows"};
    if (items < self->catalog.n) {
        kin_memory_plan_add(&plan, "the sample's vectors", items,
                            kin_plan_sample_row_bytes(&self->catalog));
        kin_memory_plan_add(&plan, "the sample's norms", items,
                            self->catalog.modality_count * sizeof(double) + 1);
    }
    kin_memory_plan_add(&plan, "evaluated rows", 2,
                        kin_rows_bytes((size_t)o->rows, (size_t)o->top_k, 0));
    int rc = kin_memory_plan_check(&plan, o->memory, err);
    if (rc != 0 || o->memory == 0)
        return rc;
    self->memory_bytes = o->memory > plan.total_bytes ? o->memory - plan.total_bytes : 1;
    return 0;
}

static int check_sample(const sweep *self, kin_error *err)
{
    const sweep_options *o = self->options;
    size_t population = kin_row_sample_population(self->sample);
    if ((size_t)o->top_k >= self->sample->n)
        return kin_fail(err, KIN_E_DATA, "lower --top-k, or raise --items",
                        "top-k %lld needs at least %lld items, the sample has %zu",
                        (long long)o->top_k, (long long)o->top_k + 1, self->sample->n);
    if (population < 2)
        return kin_fail(err, KIN_E_DATA, "give vectors that are not zero, or another --missing",
                        "%zu of %zu items take part in pairs, a sweep needs 2", population,
                        self->catalog.n);
    return 0;
}

static int take_sample(sweep *self, kin_error *err)
{
    const sweep_options *o = self->options;
    size_t n = self->catalog.n, items = (size_t)o->items;
    items = items < n ? items : n;
    int rc = plan_memory(self, items, err);
    if (rc != 0)
        return rc;
    self->sample = &self->catalog;
    if (items < n) {
        rc = kin_plan_sample_init(&self->some, &self->catalog, items, SIZE_MAX, err);
        self->sample = &self->some.catalog;
    } else {
        rc = kin_top_k_check((size_t)o->top_k, n, err);
    }
    if (rc == 0)
        rc = check_sample(self, err);
    if (rc == 0 && items < n)
        kin_monitor_message(self->monitor, KIN_LEVEL_INFO,
                            "Sample: %zu of %zu items, spread evenly", self->sample->n, n);
    return rc;
}

/* ---- the engines ----------------------------------------------------------------------------- */

static int sweep_join_and_draw(sweep *self, kin_error *err)
{
    kin_join *join = NULL;
    double shared = 0;
    int rc =
        self->options->engine != SWEEP_HNSW ? kin_sweep_prepare_join(self, &join, &shared, err) : 0;
    if (rc == 0)
        rc = kin_sweep_draw(self, join, err);
    if (rc == 0 && join)
        rc = kin_sweep_join(self, join, shared, err);
    kin_join_free(join);
    return rc;
}

static int sweep_hnsw(sweep *self, kin_error *err)
{
    int rc = kin_sweep_space(self, KIN_SPACE_MODALITY, err);
    if (rc == 0 && self->sample->modality_count > 1) /* of one modality it is the same space */
        rc = kin_sweep_space(self, KIN_SPACE_FUSED, err);
    return rc;
}

static int run_engines(sweep *self, kin_error *err)
{
    int engine = self->options->engine;
    int rc = sweep_join_and_draw(self, err);
    if (rc == 0 && engine == SWEEP_ALL)
        rc = kin_sweep_exact_engine(self, err);
    if (rc == 0 && engine != SWEEP_JOIN)
        rc = sweep_hnsw(self, err);
    if (rc == 0 && self->count == 0) {
        if (err)
            *err = self->refused;
        return (int)self->refused.code;
    }
    return rc;
}

int kin_sweep_run(sweep *self, const kin_catalog_options *catalog, const sweep_options *options,
                  const kin_monitor *monitor, kin_error *err)
{
    double start = kin_clock_seconds();
    *self = (sweep){.options = options, .monitor = monitor};
    int rc = kin_catalog_options_check(catalog, err);
    if (rc == 0)
        rc = kin_catalog_open(&self->catalog, catalog, err);
    if (rc != 0)
        return rc;
    kin_messages_modalities(&self->catalog, self->monitor);
    rc = take_sample(self, err);
    if (rc == 0)
        rc = kin_catalog_settle(&self->catalog, run_engines(self, err), err);
    if (rc == 0)
        rc = kin_catalog_unchanged(&self->catalog, err);
    kin_sweep_order(self);
    self->seconds = kin_clock_seconds() - start;
    return rc;
}

void kin_sweep_release(sweep *self)
{
    kin_row_sample_release(&self->evaluated);
    free(self->value);
    kin_plan_sample_release(&self->some);
    kin_catalog_close(&self->catalog);
}
