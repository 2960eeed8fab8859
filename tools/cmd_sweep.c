/*
 * kin sweep: what recall costs on this catalog and this machine, before anything is built.
 *
 * Engines are run on a sample over their knobs (job/sweep_run.c); the report says which settings are
 * worth considering and which one is the cheapest for a target. Nothing that is found out here has an
 * influence on a build.
 */
#include "core/memory.h"
#include "core/outdir.h"
#include "core/outfile.h"
#include "job/sweep.h"
#include "tools/outputs.h"
#include "tools/shared_options.h"

#include <stdlib.h>
#include <string.h>

static const char *const engine_names[] = {"all", "ivf", "hnsw", NULL};

static const sweep_options defaults = {
    .top_k = 200, .items = 20000, .rows = 500, .target_recall = 0.97, .seed = 1};

#define FIELD(name) offsetof(sweep_options, name)

static const kin_option options[] = {
    OPTION_MODALITY(FIELD(modality), NULL),
    OPTION_TOP_K(FIELD(top_k)),
    {.name = "engine",
     .type = KIN_OPTION_CHOICE,
     .offset = FIELD(engine),
     .choices = engine_names,
     .help = "what to run; all is ivf, hnsw and, as the point of reference, exact"},
    {.name = "items",
     .type = KIN_OPTION_INT,
     .offset = FIELD(items),
     .min = 2,
     .max = 2147483647,
     .unit = "N",
     .help = "items of the sample, spread evenly over the catalog; the whole where it has no more"},
    {.name = "rows",
     .type = KIN_OPTION_INT,
     .offset = FIELD(rows),
     .min = 1,
     .max = 1e6,
     .unit = "N",
     .help = "rows that recall is measured on; 3 / (1 - R) is the least that can prove a recall R"},
    OPTION_TARGET_RECALL(FIELD(target_recall)),
    OPTION_MISSING(FIELD(missing)),
    {.name = "seed",
     .type = KIN_OPTION_INT,
     .offset = FIELD(seed),
     .min = 0,
     .max = 1e15,
     .unit = "S",
     .help = "of samples and clusterings"},
    OPTION_MEMORY(FIELD(memory)),
    {.name = "json",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(json),
     .unit = "FILE",
     .run_only = true,
     .help = "write all points as one JSON document, - for stdout instead of the table"},
    {.name = "out",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(out),
     .unit = "FILE.html",
     .run_only = true,
     .default_text = "no page",
     .help = "write one self-contained page with a plot"},
    {.name = "force",
     .type = KIN_OPTION_FLAG,
     .offset = FIELD(force),
     .run_only = true,
     .help = "replace an existing file at --out"},
    KIN_OPTIONS_END,
};

/* ---- the sample ------------------------------------------------------------------------------- */

/* What the sample holds for as long as engines run; the rest of the budget is theirs. */
static int plan_memory(sweep *self, size_t items, kin_error *err)
{
    const sweep_options *o = self->options;
    kin_memory_plan plan = {.hint = "--items or --rows"};
    if (items < self->catalog.n) {
        kin_memory_plan_add(&plan, "the sample's vectors", items,
                            plan_sample_row_bytes(&self->catalog));
        kin_memory_plan_add(&plan, "the sample's norms", items,
                            self->catalog.modality_count * sizeof(double) + 1);
    }
    kin_memory_plan_add(&plan, "judged rows", 2,
                        kin_rows_bytes((size_t)o->rows, (size_t)o->top_k, 0));
    int rc = kin_memory_plan_check(&plan, o->memory, err);
    if (rc != 0 || o->memory == 0)
        return rc;
    self->memory_bytes = o->memory > plan.total_bytes ? o->memory - plan.total_bytes : 1;
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
        rc = plan_sample_init(&self->some, &self->catalog, items, SIZE_MAX, err);
        self->sample = &self->some.catalog;
    } else {
        rc = kin_top_k_check((size_t)o->top_k, n, err);
    }
    if (rc != 0)
        return rc;
    if ((size_t)o->top_k >= self->sample->n)
        return kin_fail(err, KIN_E_DATA, "lower --top-k, or raise --items",
                        "top-k %lld needs at least %lld items, the sample has %zu",
                        (long long)o->top_k, (long long)o->top_k + 1, self->sample->n);
    if (row_sample_population(self->sample) < 2)
        return kin_fail(err, KIN_E_DATA, "give vectors that are not zero, or another --missing",
                        "%zu of %zu items take part in pairs, a sweep needs 2",
                        row_sample_population(self->sample), n);
    if (items < n)
        console_info("Sample: %zu of %zu items, spread evenly", self->sample->n, n);
    return 0;
}

static int open_inputs(sweep *self, const kin_source *source, size_t count, kin_error *err)
{
    kin_catalog_options from = {
        .source = source, .source_count = count, .missing = (kin_missing)self->options->missing};
    int rc = kin_catalog_open(&self->catalog, &from, err);
    if (rc != 0)
        return rc;
    command_log_modalities(&self->catalog);
    return take_sample(self, err);
}

/* ---- results ---------------------------------------------------------------------------------- */

static int write_page(const sweep *self, kin_error *err)
{
    const sweep_options *o = self->options;
    char *page;
    size_t bytes;
    int rc = sweep_page(&page, &bytes, self, err);
    if (rc == 0)
        rc = kin_outfile_write(o->out, page, bytes, o->force, err);
    if (rc == 0)
        console_info("Wrote %s", o->out);
    free(page);
    return rc;
}

static int report(sweep *self, kin_error *err)
{
    const sweep_options *o = self->options;
    int rc = 0;
    sweep_order(self);
    if (!o->json || strcmp(o->json, "-") != 0) {
        sweep_print(self);
        rc = command_flush_stdout(err);
    }
    if (rc == 0 && o->json) {
        json_t *document = sweep_json(self);
        rc = command_write_json(o->json, document, err);
        json_decref(document);
    }
    return rc == 0 && o->out ? write_page(self, err) : rc;
}

static int run(const void *values, const kin_operands *operands, kin_error *err)
{
    (void)operands;
    sweep self = {.options = values, .start_seconds = kin_clock_seconds()};
    const sweep_options *o = self.options;
    kin_source source[KIN_MODALITIES_MAX];
    size_t count = 0;
    int rc = outputs_check(&(outputs){.json = o->json, .out = o->out, .force = o->force}, err);
    if (rc == 0)
        rc = command_sources(source, &count, &o->modality, err);
    if (rc != 0)
        return rc;
    console_catch_signals();
    rc = open_inputs(&self, source, count, err);
    if (rc == 0)
        rc = kin_catalog_settle(&self.catalog, sweep_run(&self, err), err);
    if (rc == 0)
        rc = kin_catalog_unchanged(&self.catalog, err);
    if (rc == 0)
        rc = report(&self, err);
    row_sample_release(&self.judged);
    free(self.value);
    plan_sample_release(&self.some);
    kin_catalog_close(&self.catalog);
    command_sources_release(source, count);
    return rc;
}

const kin_command command_sweep = {
    .name = "sweep",
    .summary =
        "what recall costs on a sample: engines over their knobs, and the cheapest for a target",
    .operands = "",
    .example =
        "kin sweep --modality text=text.npy:0.6 --modality image=image.npy:0.4 --out sweep.html\n"
        "kin sweep --modality text.npy --engine hnsw --target-recall 0.95 --items 20000\n\n"
        "times are of the sample on this machine: they order engines, they are no promise\n"
        "recall at a fixed --candidates falls slowly as items grow; ivf tunes itself per build",
    .options = COMMAND_OPTIONS(options, defaults),
    .uses_blas = true,
    .run = run,
};
