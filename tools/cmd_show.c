/*
 * kin show: some items of a graph beside their nearest neighbours, as a page for a browser
 * (--out FILE.html) or as text on the terminal.
 */
#include "core/counted.h"
#include "core/outdir.h"
#include "core/outfile.h"
#include "report/show_page.h"
#include "report/show_text.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/outputs.h"
#include "tools/shared_options.h"
#include "tools/signals.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct show_options {
    command_common common;
    kin_show_options show;
    const char *out, *pictures;
    bool force;
} show_options;

static const show_options defaults = {.show = KIN_SHOW_OPTIONS_INIT};

#define FIELD(name) offsetof(show_options, name)

static const kin_option options[] = {
    OPTION_PAGE(FIELD(out), "text on stdout", "write one self-contained page with pictures"),
    OPTION_PICTURES(FIELD(pictures)),
    OPTION_FORCE_FILE(FIELD(force)),
    KIN_OPTIONS_END,
};

static const kin_option_group groups[] = {
    {NULL, kin_show_lines, FIELD(show)},
    {NULL, options, 0},
    {NULL, command_common_lines, 0},
};

static int write_page(const kin_show *data, const show_options *o, const kin_monitor *monitor,
                      kin_error *err)
{
    show_pictures pictures;
    char *page = NULL;
    size_t bytes = 0;
    int rc = kin_show_pictures_init(&pictures, data->graph, o->pictures, err);
    if (rc == 0)
        rc = kin_show_page(&page, &bytes, data, &pictures, err);
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
    kin_show_pictures_release(&pictures);
    return rc;
}

static int print_text(const kin_show *data, kin_error *err)
{
    signals_release(); /* a reader of stdout may be waited for */
    kin_show_print(data, stdout);
    return command_flush_stdout(err);
}

static int run(const void *values, const kin_operands *operands, kin_error *err)
{
    const show_options *o = values;
    const kin_monitor monitor = console_monitor_opening();
    kin_graph graph;
    kin_show data;
    int rc = outputs_check(&(outputs){.out = o->out, .force = o->force}, err);
    if (rc == 0)
        rc = kin_show_pictures_check(o->pictures, err);
    if (rc == 0)
        rc = kin_graph_open(&graph, operands->item[0], err);
    if (rc != 0)
        return rc;
    rc = kin_show_run(&data, &graph, &o->show, &monitor, err);
    if (rc == 0) {
        rc = o->out ? write_page(&data, o, &monitor, err) : print_text(&data, err);
        kin_show_release(&data);
    }
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
    .options = COMMAND_GROUPS(groups, defaults),
    .run = run,
};
