/*
 * kin sweep: what recall costs on this catalog and this machine, before anything is built
 * (job/sweep.h). The report says which settings are worth considering and which one is the cheapest
 * for a target.
 */
#include "core/outfile.h"
#include "job/sources.h"
#include "job/sweep.h"
#include "report/sweep_page.h"
#include "report/sweep_report.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/outputs.h"
#include "tools/shared_options.h"
#include "tools/signals.h"

#include <stdlib.h>

static const char *const engine_names[] = {"all", "join", "hnsw", NULL};

typedef struct sweep_command_options {
    command_common common;
    kin_text_list modality;
    int missing; /* kin_missing */
    sweep_options sweep;
    const char *json, *out;
    bool force;
} sweep_command_options;

static const sweep_command_options defaults = {.sweep = SWEEP_OPTIONS_INIT};

#define FIELD(name) offsetof(sweep_command_options, name)

static const kin_option options[] = {
    OPTION_MODALITY(FIELD(modality), NULL),
    OPTION_TOP_K(FIELD(sweep.top_k)),
    {.name = "engine",
     .type = KIN_OPTION_CHOICE,
     .offset = FIELD(sweep.engine),
     .choices = engine_names,
     .help = "what to run; all is join, hnsw and, as the point of reference, exact"},
    {.name = "items",
     .type = KIN_OPTION_INT,
     .offset = FIELD(sweep.items),
     .min = 2,
     .max = 2147483647,
     .unit = "N",
     .help = "items of the sample, spread evenly over the catalog; the whole where it has no more"},
    {.name = "rows",
     .type = KIN_OPTION_INT,
     .offset = FIELD(sweep.rows),
     .min = 1,
     .max = 1e6,
     .unit = "N",
     .help = "rows that recall is measured on; 3 / (1 - R) is the least that can prove a recall R"},
    OPTION_TARGET_RECALL(FIELD(sweep.target_recall),
                         "mean recall of which the cheapest setting is looked for"),
    OPTION_MISSING(FIELD(missing)),
    {.name = "seed",
     .type = KIN_OPTION_INT,
     .offset = FIELD(sweep.seed),
     .min = 0,
     .max = 1e15,
     .unit = "S",
     .help = "of samples and clusterings"},
    OPTION_MEMORY(FIELD(sweep.memory)),
    OPTION_JSON(FIELD(json), "all points"),
    OPTION_PAGE(FIELD(out), "no page", "write one self-contained page with a plot"),
    OPTION_FORCE_FILE(FIELD(force)),
    KIN_OPTIONS_END,
};

/* ---- results --------------------------------------------------------------------------------- */

static int write_page(const sweep *self, const sweep_command_options *o, kin_error *err)
{
    char *page;
    size_t bytes;
    int rc = kin_sweep_page(&page, &bytes, self, err);
    if (rc == 0)
        rc = kin_outfile_write(o->out, page, bytes, o->force, err);
    if (rc == 0)
        console_info("Wrote %s", o->out);
    free(page);
    return rc;
}

static int report(const sweep *self, const sweep_command_options *o, kin_error *err)
{
    int rc = o->out ? write_page(self, o, err) : 0;
    if (rc != 0)
        return rc;
    FILE *text = command_text(o->json);
    if (text)
        kin_sweep_print(self, text);
    return command_end(o->json, text ? NULL : kin_sweep_json(self), err);
}

static int run(const void *values, const kin_operands *operands, kin_error *err)
{
    (void)operands;
    const sweep_command_options *o = values;
    kin_source source[KIN_MODALITIES_MAX];
    kin_catalog_options catalog = {.source = source, .missing = (kin_missing)o->missing};
    int rc = outputs_check(&(outputs){.json = o->json, .out = o->out, .force = o->force}, err);
    if (rc == 0)
        rc = kin_sources_parse(source, &catalog.source_count, &o->modality, err);
    if (rc != 0)
        return rc;
    signals_catch();
    sweep self;
    console_monitor progress;
    kin_monitor monitor = console_monitor_start(&progress, 0);
    monitor.stage = NULL;
    if (!progress.bar) /* a line per point is enough */
        monitor.progress = NULL;
    rc = kin_sweep_run(&self, &catalog, &o->sweep, &monitor, err);
    console_monitor_end(&progress);
    self.typed = &o->modality;
    if (rc == 0)
        rc = report(&self, o, err);
    kin_sweep_release(&self);
    kin_sources_release(source, catalog.source_count);
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
        "recall at a fixed --candidates falls slowly as items grow; join tunes itself per build",
    .options = COMMAND_OPTIONS(options, defaults),
    .uses_blas = true,
    .run = run,
};
