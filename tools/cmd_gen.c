/*
 * `kin gen`: a synthetic catalog, or a real one enlarged (tools/gen/gen_catalog.h does it). Here
 * are its options, and the command to type next.
 */
#include "core/json.h"
#include "job/facts.h"
#include "job/messages.h"
#include "report/shell.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/gen/gen_catalog.h"
#include "tools/next_step.h"
#include "tools/shared_options.h"
#include "tools/signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const dtype_names[] = {"float32", "float16", NULL};
static const kin_dtype dtypes[] = {KIN_F32, KIN_F16};

typedef struct gen_options {
    command_common common;
    int64_t items;
    kin_text_list modality;
    const char *out;
    bool force;
    const char *from;
    int dtype;
    int64_t seed;
    int64_t clusters;
    kin_gen_options model;
    kin_mix_options mix;
    int64_t reach;
} gen_options;

static const gen_options gen_defaults = {
    .seed = 1, .model = KIN_GEN_OPTIONS_INIT, .mix = KIN_MIX_OPTIONS_INIT, .reach = 8};

#define FIELD(name) offsetof(gen_options, name)

static const kin_option gen_option[] = {
    {.name = "items",
     .type = KIN_OPTION_INT,
     .offset = FIELD(items),
     .min = 1,
     .max = 2147483647,
     .unit = "N",
     .default_text = "none, it must be given",
     .help = "items of the catalog"},
    {.name = "modality",
     .type = KIN_OPTION_LIST,
     .offset = FIELD(modality),
     .unit = "NAME=D",
     .help = "a modality and its dimensions; with --from: NAME or NAME=FILE in "
             "that folder"},
    OPTION_OUT(FIELD(out)),
    OPTION_FORCE(FIELD(force)),
    {.name = "from",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(from),
     .unit = "DIR",
     .run_only = true,
     .help = "enlarge the catalog of this folder instead: its rows first, then mixes of near ones"},
    {.name = "dtype",
     .type = KIN_OPTION_CHOICE,
     .offset = FIELD(dtype),
     .choices = dtype_names,
     .help = "of the values"},
    {.name = "seed",
     .type = KIN_OPTION_INT,
     .offset = FIELD(seed),
     .min = 0,
     .max = 0x1p63,
     .unit = "S",
     .help = "of everything random"},
    {.name = "clusters",
     .type = KIN_OPTION_INT,
     .offset = FIELD(clusters),
     .min = 0,
     .max = 1000000,
     .unit = "N",
     .default_text = "1.5 sqrt(items)",
     .help = "number of clusters; fewer is easier for inverted lists"},
    {.name = "zipf",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(model.zipf),
     .min = 0,
     .max = 4,
     .unit = "X",
     .help = "the k-th largest cluster has a share of k^-X"},
    {.name = "heredity",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(model.heredity),
     .min = 0,
     .max = 1,
     .unit = "X",
     .help = "share of a cluster centre that comes from its parent"},
    {.name = "agreement",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(model.agreement),
     .min = 0,
     .max = 1,
     .unit = "X",
     .help = "chance that a later modality has the first one's cluster"},
    {.name = "shared",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(model.shared),
     .min = 0,
     .max = 1,
     .unit = "X",
     .help = "correlation between modalities inside a cluster"},
    {.name = "missing-share",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(model.missing_share),
     .min = 0,
     .max = 0.1,
     .unit = "X",
     .help = "share of items without each modality after the first"},
    {.name = "duplicate-share",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(model.duplicate_share),
     .min = 0,
     .max = 0.9,
     .unit = "X",
     .help = "share of items whose first modality repeats another item's"},
    {.name = "noise",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(mix.noise),
     .min = 0,
     .max = 2,
     .unit = "X",
     .help = "--from: length of the noise, in distances between the mixed items"},
    {.name = "repeat-share",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(mix.repeat_share),
     .min = 0,
     .max = 1,
     .unit = "X",
     .help = "--from: share of new rows that repeat a real one"},
    {.name = "reach",
     .type = KIN_OPTION_INT,
     .offset = FIELD(reach),
     .min = 1,
     .max = 1024,
     .unit = "N",
     .help = "--from: how far apart in the order of likeness mixed items may be"},
    KIN_OPTIONS_END,
};

static kin_gen_catalog_options catalog_options(const gen_options *o)
{
    kin_gen_catalog_options out = {.items = (size_t)o->items,
                                   .modality = o->modality.item,
                                   .modality_count = o->modality.count,
                                   .from = o->from,
                                   .out = o->out,
                                   .force = o->force,
                                   .dtype = dtypes[o->dtype],
                                   .model = o->model,
                                   .mix = o->mix};
    out.model.seed = out.mix.seed = (uint64_t)o->seed;
    out.model.clusters = (size_t)o->clusters;
    out.mix.reach = (size_t)o->reach;
    return out;
}

/* What makes a graph of it. */
static void suggest(const kin_gen_catalog *catalog)
{
    const char *folder = catalog->out.final;
    next_step next;
    FILE *out = next_step_begin(&next, "kin build");
    if (!out)
        return;
    for (size_t m = 0; m < catalog->count; m++) {
        char *file = kin_text("%s=%s/%s.npy", catalog->name[m], folder, catalog->name[m]);
        if (file)
            kin_shell_option(out, " ", "modality", (kin_span){file, strlen(file)});
        free(file);
    }
    char *ids = kin_path_join(folder, "ids.txt");
    if (ids)
        kin_shell_option(out, " ", "ids", (kin_span){ids, strlen(ids)});
    free(ids);
    fputs(" --out graph", out);
    next_step_end(&next);
}

static int publish(kin_gen_catalog *catalog, const gen_options *o, double start, kin_error *err)
{
    json_t *manifest = kin_gen_catalog_manifest(catalog);
    kin_json_set(&manifest, "options", kin_options_json(command_gen.options, o, false));
    kin_json_set(&manifest, "run", kin_facts_run(start));
    int rc = kin_outdir_commit(&catalog->out, &manifest, err);
    if (rc == 0) {
        const json_t *run = json_object_get(manifest, "run");
        json_t *fields = command_result("catalog", catalog->out.final, run);
        kin_json_set(&fields, "items", json_integer(o->items));
        const kin_monitor quiet = console_monitor_quiet();
        kin_messages_output(&catalog->out, &quiet);
        console_result(fields, "Catalog: %s, %.1f s", catalog->out.final,
                       kin_clock_seconds() - start);
        suggest(catalog);
    }
    json_decref(manifest);
    return rc;
}

static int generate(kin_gen_catalog *catalog, const gen_options *o, kin_error *err)
{
    const kin_gen_catalog_options options = catalog_options(o);
    double start = kin_clock_seconds();
    console_monitor progress;
    kin_monitor monitor = console_monitor_start(&progress, options.items);
    int rc = kin_gen_catalog_open(catalog, &options, &monitor, err);
    if (rc != 0)
        return rc;
    console_info("Generating a catalog (items=%lld, modalities=%zu, seed=%lld)",
                 (long long)o->items, catalog->count, (long long)o->seed);
    rc = kin_gen_catalog_write(catalog, &monitor, err);
    console_monitor_end(&progress);
    return rc == 0 ? publish(catalog, o, start, err) : rc;
}

static int gen_run(const void *values, const kin_operands *operands, kin_error *err)
{
    (void)operands;
    const gen_options *o = values;
    kin_gen_catalog catalog = {0};
    if (o->items == 0)
        return kin_fail(err, KIN_E_USAGE, "for example --items 100000", "--items is missing");
    if (!o->out)
        return kin_fail(err, KIN_E_USAGE, "add --out DIR", "--out is missing");
    signals_catch();
    int rc = generate(&catalog, o, err);
    kin_gen_catalog_release(&catalog);
    return rc;
}

const kin_command command_gen = {
    .name = "gen",
    .summary = "a synthetic catalog, or a real one enlarged",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .example = "  kin gen --items 100000 --modality text=384 --modality image=512 --out catalog\n"
               "  kin gen --from catalog --items 1000000 --out larger\n",
    .options = COMMAND_OPTIONS(gen_option, gen_defaults),
    .run = gen_run,
};
