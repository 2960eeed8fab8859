/*
 * kin build: from vector files to a similarity graph on disk (job/build.h).
 */
#include "core/counted.h"
#include "core/path.h"
#include "core/plain.h"
#include "job/sources.h"
#include "report/shell.h"
#include "tools/build_options.h"
#include "tools/console.h"
#include "tools/next_step.h"
#include "tools/signals.h"

#include <stdlib.h>

/* What to type next: where rows are not proven, how good they are. */
static void suggest(const kin_build_report *report, const char *graph)
{
    bool approximate = report->result.attempt > 0;
    next_step next;
    FILE *out = next_step_begin(&next, approximate ? "kin compare" : "kin show");
    if (!out)
        return;
    kin_shell_operand(out, " ", graph);
    if (approximate)
        fprintf(out, " --sample %zu", report->items < 1000 ? report->items : 1000);
    else
        fputs(" --out similar.html", out);
    next_step_end(&next);
}

/* The fields of the result's line in the JSON log. */
static json_t *result_json(const kin_build_report *report, const char *graph)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:f, s:I, s:I}", "graph", kin_plain(graph).text,
                     "engine", kin_engine_names[report->engine], "items", (json_int_t)report->items,
                     "pairs", (json_int_t)report->pairs, "seconds", report->seconds,
                     "peak_memory_bytes", (json_int_t)report->peak_memory_bytes, "peak_rss_bytes",
                     (json_int_t)report->peak_rss_bytes);
}

static void print_summary(const kin_build_report *report, const char *graph)
{
    double n = (double)report->items, pairs = (double)report->pairs;
    console_info("Total items with neighbors: %zu", report->items_with_neighbors);
    console_info("Pairs: %zu, %.1f per row, sparsity %.4f%%", report->pairs, pairs / n,
                 100.0 * (1.0 - pairs / n / n));
    console_info("Engine %s, %s, %.1f s, %.0f items/s", kin_engine_names[report->engine],
                 kin_count((size_t)report->threads, "thread").text, report->seconds,
                 n / report->seconds);
    console_info("Memory: peak %.0f MiB, %.0f MiB with inputs and graph as mapped pages",
                 (double)report->peak_memory_bytes / 0x1p20,
                 (double)report->peak_rss_bytes / 0x1p20);
    console_result(result_json(report, graph), "Graph: %s", graph);
    suggest(report, graph);
}

static int run(const void *values, const kin_operands *operands, kin_error *err)
{
    (void)operands;
    const build_options *o = values;
    kin_source source[KIN_MODALITIES_MAX];
    kin_catalog_options catalog = o->catalog;
    kin_build_report report;
    console_monitor progress;
    if (o->print_config)
        return command_print_config(&build_options_table, o, err);
    int rc = kin_build_check(&o->build, err);
    if (rc == 0)
        rc = kin_sources_parse(source, &catalog.source_count, &o->modality, err);
    if (rc != 0)
        return rc;
    catalog.source = source;
    signals_catch();
    kin_monitor monitor = console_monitor_start(&progress, 0);
    rc = kin_build_run(&catalog, &o->build, &monitor, &report, err);
    console_monitor_end(&progress);
    char *graph = rc == 0 ? kin_path_trim(o->build.out) : NULL;
    if (rc == 0)
        print_summary(&report, graph ? graph : o->build.out);
    free(graph);
    kin_sources_release(source, catalog.source_count);
    return rc;
}

const kin_command command_build = {
    .name = "build",
    .summary = "compute the similarity graph of a catalog",
    .operands = "",
    .example = "kin build --modality text=text.npy:0.6 --modality image=image.npy:0.4 --out graph",
    .options = &build_options_table,
    .uses_blas = true,
    .run = run,
};
