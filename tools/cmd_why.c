/*
 * kin why: everything that is known about one pair of items, and what became of it.
 */
#include "job/why.h"
#include "report/why_report.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/outputs.h"
#include "tools/shared_options.h"

#include <stdio.h>

typedef struct why_options {
    command_common common;
    kin_why_options why;
    const char *json;
} why_options;

static const why_options defaults = {.why = KIN_WHY_OPTIONS_INIT};

#define FIELD(name) offsetof(why_options, name)

static const kin_option options[] = {
    OPTION_JSON(FIELD(json), "the facts"),
    KIN_OPTIONS_END,
};

static const kin_option_group groups[] = {
    {NULL, kin_why_lines, FIELD(why)},
    {NULL, options, 0},
    {NULL, command_common_lines, 0},
};

static int report(const kin_why *found, const char *json, kin_error *err)
{
    FILE *text = command_text(json);
    if (text)
        kin_why_print(found, text);
    return command_end(json, text ? NULL : kin_why_json(found), err);
}

static int run(const void *values, const kin_operands *operands, kin_error *err)
{
    const why_options *o = values;
    const kin_monitor monitor = console_monitor_opening();
    kin_graph graph;
    kin_why found;
    int rc = outputs_check(&(outputs){.json = o->json}, err);
    if (rc == 0)
        rc = kin_graph_open(&graph, operands->item[0], err);
    if (rc != 0)
        return rc;
    rc = kin_why_run(&found, &graph, operands->item[1], operands->item[2], &o->why, &monitor, err);
    if (rc == 0)
        rc = report(&found, o->json, err);
    kin_graph_close(&graph);
    return rc;
}

const kin_command command_why = {
    .name = "why",
    .summary = "why one item is another's neighbour, or why it is not",
    .operands = "GRAPH A B",
    .operands_min = 3,
    .operands_max = 3,
    .example = "kin why graph 4711 4712\n"
               "kin why graph-ivf 4711 4712 --json why.json",
    .options = COMMAND_GROUPS(groups, defaults),
    .run = run,
};
