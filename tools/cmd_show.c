/*
 * kin show: some items of a graph beside their nearest neighbours, as a page for a browser
 * (--out FILE.html) or as text on the terminal.
 */
#include "core/counted.h"
#include "core/memory.h"
#include "core/outdir.h"
#include "core/outfile.h"
#include "core/plain.h"
#include "job/show_catalog.h"
#include "report/show_page.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/outputs.h"
#include "tools/shared_options.h"
#include "tools/signals.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct show_options {
    command_common common;
    kin_text_list item;
    int64_t items_shown, neighbors;
    kin_text_list modality;
    const char *out, *pictures;
    bool force;
} show_options;

static const show_options defaults = {.items_shown = 24, .neighbors = 8};

#define FIELD(name) offsetof(show_options, name)

static const kin_option options[] = {
    {.name = "item",
     .type = KIN_OPTION_LIST,
     .offset = FIELD(item),
     .unit = "ID",
     .default_text = "a spread over categories or rows",
     .help = "an item to show"},
    {.name = "items-shown",
     .type = KIN_OPTION_INT,
     .offset = FIELD(items_shown),
     .min = 1,
     .max = 1000,
     .unit = "N",
     .help = "how many items to choose where no --item is given"},
    {.name = "neighbors",
     .type = KIN_OPTION_INT,
     .offset = FIELD(neighbors),
     .min = 1,
     .max = 100,
     .unit = "N",
     .help = "neighbours beside each item"},
    OPTION_MODALITY(FIELD(modality), "as the manifest says"),
    {.name = "out",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(out),
     .unit = "FILE.html",
     .run_only = true,
     .default_text = "text on stdout",
     .help = "write one self-contained page with pictures"},
    OPTION_PICTURES(FIELD(pictures)),
    {.name = "force",
     .type = KIN_OPTION_FLAG,
     .offset = FIELD(force),
     .run_only = true,
     .help = "replace an existing file at --out"},
    KIN_OPTIONS_END,
};

/* ---- as text ---------------------------------------------------------------------------------- */

static void print_score(float value, int width, int digits)
{
    if (isnan(value))
        printf("  %*s", width, "-");
    else
        printf("  %*.*f", width, digits, (double)value);
}

/* Columns are as wide as their heads, and wide enough for -0.1234. */
static int score_width(const char *name)
{
    int length = (int)strlen(name);
    return length > 7 ? length : 7;
}

/* The head of the lane of modality m, or of the fused one behind them. */
static plain_text lane_head(const show_data *data, size_t lane)
{
    char head[KIN_NAME_MAX + 4] = "fused";
    if (lane + 1 < data->lanes)
        snprintf(head, sizeof head, "by %s", data->graph->modality[lane]);
    return plain(head);
}

/* Of the first column: as wide as the widest head. */
static int head_width(const show_data *data)
{
    int width = 14;
    for (size_t l = 0; l < data->lanes; l++) {
        int length = (int)strlen(lane_head(data, l).text);
        width = length > width ? length : width;
    }
    return width;
}

static void print_lane(const show_data *data, const show_item *item, size_t l)
{
    const kin_graph *graph = data->graph;
    const show_lane *lane = &item->lane[l];
    int width = head_width(data);
    int digits = data->exact || graph->modality_count == 1 ? 4 : 3; /* stored: float16 */
    bool titles = graph->items.lines.count && kin_table_column(&graph->items, "title") >= 0;
    printf("\n  %-*s  %*s", width, lane_head(data, l).text, score_width("fused"), "fused");
    for (size_t m = 0; m < graph->modality_count; m++)
        printf("  %*s", score_width(graph->modality[m]), plain(graph->modality[m]).text);
    printf(titles ? "  title (id)\n" : "  id\n");
    for (size_t i = 0; i < lane->count; i++) {
        const show_neighbor *neighbor = &lane->neighbor[i];
        kin_span title = show_cell(graph, (size_t)neighbor->row, "title");
        printf("  %*zu", width, i + 1);
        print_score(neighbor->score, score_width("fused"), 4);
        for (size_t m = 0; m < graph->modality_count; m++)
            print_score(neighbor->cosine[m], score_width(graph->modality[m]), digits);
        printf("  ");
        plain_write(stdout, title);
        printf(title.length ? " (" : "");
        plain_write(stdout, kin_lines_at(&graph->ids, (size_t)neighbor->row));
        printf(title.length ? ")\n" : "\n");
    }
    if (lane->count == 0)
        printf("  %*s\n", width, "none");
}

static void print_item(const show_data *data, const show_item *item)
{
    const kin_graph *graph = data->graph;
    kin_span title = show_cell(graph, item->row, "title");
    kin_span category = show_cell(graph, item->row, "category");
    plain_write(stdout, kin_lines_at(&graph->ids, item->row));
    printf(title.length ? "  " : "");
    plain_write(stdout, title);
    printf(category.length ? "  [" : "");
    plain_write(stdout, category);
    printf(category.length ? "]\n" : "\n");
    for (size_t l = 0; l < data->lanes; l++)
        print_lane(data, item, l);
}

static int print_text(const show_data *data, kin_error *err)
{
    signals_release(); /* a reader of stdout may be waited for */
    for (size_t q = 0; q < data->count; q++) {
        if (q > 0)
            putchar('\n');
        print_item(data, &data->item[q]);
    }
    return command_flush_stdout(err);
}

/* ---- as a page -------------------------------------------------------------------------------- */

static int write_page(const show_data *data, const show_options *o, const kin_monitor *monitor,
                      kin_error *err)
{
    show_pictures pictures;
    char *page = NULL;
    size_t bytes = 0;
    int rc = show_pictures_init(&pictures, data->graph, o->pictures, err);
    if (rc == 0)
        rc = show_page(&page, &bytes, data, &pictures, err);
    if (rc == 0)
        rc = kin_monitor_check(monitor, err);
    if (rc == 0)
        rc = kin_outfile_write(o->out, page, bytes, o->force, err);
    if (rc == 0)
        console_info("Wrote %s: %s, %s, %.1f MiB", o->out, kin_count(data->count, "item").text,
                     kin_count(pictures.embedded, "picture").text, (double)bytes / 0x1p20);
    if (rc == 0 && pictures.left_out)
        console_warn("Left out: %s, missing, larger than %d KiB or of a kind that is not shown",
                     kin_count(pictures.left_out, "picture").text, SHOW_PICTURE_MAX_BYTES >> 10);
    if (rc == 0 && pictures.outside)
        console_warn("Left out: %s, not below %s: --pictures names the folder",
                     kin_count(pictures.outside, "picture").text, pictures.folder);
    free(page);
    show_pictures_release(&pictures);
    return rc;
}

/* ---- both ------------------------------------------------------------------------------------- */

/* The graph's vectors, where they can be had. Files that the user named must be right; those of
 * the manifest may be gone, as the graph alone can be shown too: then *why says so. */
static int open_vectors(kin_catalog *catalog, bool *opened, char why[KIN_MESSAGE_MAX],
                        const kin_graph *graph, const show_options *o, kin_error *err)
{
    kin_error fault = {0};
    *opened = false;
    if (graph->modality_count == 1 && o->modality.count == 0)
        return 0; /* the only lane is the graph's */
    int rc = show_catalog_open(catalog, graph, &o->modality, &fault);
    *opened = rc == 0;
    bool gone = rc == KIN_E_NOINPUT || rc == KIN_E_DATA;
    if (gone && o->modality.count == 0) {
        memcpy(why, fault.message, KIN_MESSAGE_MAX);
        console_warn("Lanes of one modality rank the stored neighbours: %s", why);
        return 0;
    }
    if (rc != 0 && err)
        *err = fault;
    return rc;
}

static int show_graph(const kin_graph *graph, const size_t *row, size_t count,
                      const show_options *o, kin_error *err)
{
    kin_catalog catalog;
    show_data data;
    char why[KIN_MESSAGE_MAX] = "";
    bool opened;
    int rc = open_vectors(&catalog, &opened, why, graph, o, err);
    if (rc != 0)
        return rc;
    signals_catch(); /* until now there is nothing to leave behind or to stop */
    kin_monitor monitor = console_monitor_quiet();
    rc = show_data_init(&data, graph, opened ? &catalog : NULL, row, count, (size_t)o->neighbors,
                        &monitor, err);
    if (rc == 0) {
        memcpy(data.why_not_exact, why, sizeof why);
        rc = opened ? kin_catalog_unchanged(&catalog, err) : 0;
        if (rc == 0)
            rc = o->out ? write_page(&data, o, &monitor, err) : print_text(&data, err);
        show_data_release(&data);
    }
    if (opened)
        kin_catalog_close(&catalog);
    return rc;
}

static int run(const void *values, const kin_operands *operands, kin_error *err)
{
    const show_options *o = values;
    kin_graph graph;
    int rc = outputs_check(&(outputs){.out = o->out, .force = o->force}, err);
    if (rc == 0)
        rc = show_pictures_check(o->pictures, err);
    if (rc == 0)
        rc = kin_graph_open(&graph, operands->item[0], err);
    if (rc != 0)
        return rc;
    size_t count = o->item.count ? o->item.count : (size_t)o->items_shown;
    size_t *row = kin_alloc(count, sizeof *row);
    if (!row)
        rc = kin_fail_alloc(err, "rows to show", count * sizeof *row);
    else if (o->item.count)
        rc = show_find(row, o->item.item, count, &graph, err);
    else
        rc = show_choose(row, &count, count, &graph, err);
    if (rc == 0)
        rc = show_graph(&graph, row, count, o, err);
    free(row);
    kin_graph_close(&graph);
    return rc;
}

const kin_command command_show = {
    .name = "show",
    .summary = "items beside their nearest neighbours, as a page or as text",
    .operands = "GRAPH",
    .operands_min = 1,
    .operands_max = 1,
    .example = "kin show graph --out similar.html\n"
               "kin show graph --item 4711 --neighbors 20",
    .options = COMMAND_OPTIONS(options, defaults),
    .run = run,
};
