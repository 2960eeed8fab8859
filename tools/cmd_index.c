/*
 * kin index: the nearest-neighbour indexes of a catalog alone (job/index.h), kept for `kin build
 * --index` and `kin query`.
 */
#include "core/counted.h"
#include "core/path.h"
#include "core/plain.h"
#include "job/engine_options.h"
#include "job/index.h"
#include "report/shell.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/next_step.h"
#include "tools/signals.h"

#include <stdlib.h>
#include <string.h>

typedef struct index_options {
    command_common common;
    kin_index_run_options run;
} index_options;

static const index_options defaults = {.run = KIN_INDEX_RUN_OPTIONS_INIT};

#define FIELD(name) offsetof(index_options, name)

static const kin_option_group groups[] = {
    {NULL, kin_index_run_inputs, FIELD(run)},
    {NULL, kin_index_run_lines, FIELD(run)},
    {NULL, kin_index_lines, FIELD(run.index)},
    {NULL, command_common_lines, 0},
};

static void write_option(FILE *out, const char *name, const char *value)
{
    kin_shell_option(out, " ", name, (kin_span){value, strlen(value)});
}

/* The build that an order of the self-join is for: of the same catalog, and with the options that
 * its effort was chosen for. */
static void suggest_build(const kin_index_report *report, const kin_index_run_options *o,
                          const char *folder)
{
    const kin_index_run_options *unset = &defaults.run;
    size_t others = report->items - 1, top_k = (size_t)o->top_k;
    next_step next;
    FILE *out = next_step_begin(&next, "kin build --engine join");
    if (!out)
        return;
    write_option(out, "index", folder);
    for (size_t m = 0; m < o->modality.count; m++)
        write_option(out, "modality", o->modality.item[m]);
    if (o->ids)
        write_option(out, "ids", o->ids);
    if (o->missing != unset->missing)
        write_option(out, "missing", kin_missing_names[o->missing]);
    fprintf(out, " --top-k %zu", top_k < others ? top_k : others);
    if (o->target_recall != unset->target_recall)
        fprintf(out, " --target-recall %.10g", o->target_recall);
    if (o->index.seed != unset->index.seed)
        fprintf(out, " --seed %lld", (long long)o->index.seed);
    fputs(" --out graph", out);
    next_step_end(&next);
}

/* A query of the first item. */
static void suggest_query(const kin_index_report *report, const char *folder)
{
    size_t others = report->items - 1;
    next_step next;
    FILE *out = others > 0 && report->first_id ? next_step_begin(&next, "kin query") : NULL;
    if (!out)
        return;
    kin_shell_operand(out, " ", folder);
    write_option(out, "item", report->first_id);
    fprintf(out, " --top-k %zu", others < 10 ? others : 10);
    next_step_end(&next);
}

/* The fields of the result's line in the JSON log. */
static json_t *result_json(const kin_index_report *report, const char *type, const char *folder)
{
    return json_pack("{s:s, s:s, s:I, s:f, s:I, s:I}", "folder", kin_plain(folder).text, "type",
                     type, "items", (json_int_t)report->items, "seconds", report->seconds,
                     "peak_memory_bytes", (json_int_t)report->peak_memory_bytes, "peak_rss_bytes",
                     (json_int_t)report->peak_rss_bytes);
}

static void print_summary(const kin_index_report *report, const kin_index_run_options *o)
{
    char *trimmed = kin_path_trim(o->out);
    const char *folder = trimmed ? trimmed : o->out;
    const char *type = kin_index_run_types[o->type];
    console_info("Type %s, %s, %.1f s", type, kin_count(report->items, "item").text,
                 report->seconds);
    console_info("Memory: peak %.0f MiB, %.0f MiB with inputs as mapped pages",
                 (double)report->peak_memory_bytes / 0x1p20,
                 (double)report->peak_rss_bytes / 0x1p20);
    console_result(result_json(report, type, folder), "Index folder: %s", folder);
    if (o->type == KIN_INDEX_JOIN)
        suggest_build(report, o, folder);
    else
        suggest_query(report, folder);
    free(trimmed);
}

static int run(const void *values, const kin_operands *operands, kin_error *err)
{
    const index_options *o = values;
    kin_index_report report;
    console_monitor progress;
    (void)operands;
    signals_catch();
    kin_monitor monitor = console_monitor_start(&progress, 0);
    int rc = kin_index_run(&o->run, &monitor, &report, err);
    console_monitor_end(&progress);
    if (rc != 0)
        return rc;
    print_summary(&report, &o->run);
    kin_index_report_release(&report);
    return 0;
}

const kin_command command_index = {
    .name = "index",
    .summary = "build nearest-neighbour indexes, to be kept",
    .operands = "",
    .example = "kin index --modality text=text.npy:0.6 --modality image=image.npy:0.4 "
               "--type hnsw --out index",
    .options = COMMAND_GROUPS(groups, defaults),
    .uses_blas = true,
    .run = run,
};
