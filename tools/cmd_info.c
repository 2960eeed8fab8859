/*
 * `kin info DIR|FILE`: what lies there and how healthy it is.
 */
#include "report/info_report.h"
#include "tools/command.h"
#include "tools/outputs.h"
#include "tools/shared_options.h"

typedef struct info_options {
    command_common common;
    const char *json;
} info_options;

static const info_options info_defaults = {{0}, NULL};

static const kin_option info_option[] = {
    OPTION_JSON(offsetof(info_options, json), "the facts"),
    KIN_OPTIONS_END,
};

static int info_run(const void *values, const kin_operands *operands, kin_error *err)
{
    const info_options *o = values;
    kin_info_report found = {.table = command_text(o->json)};
    const kin_info_sink sink = kin_info_report_sink(&found);
    int rc = outputs_check(&(outputs){.json = o->json}, err);
    if (rc == 0)
        rc = kin_info_run(operands->item[0], &sink, err);
    if (rc == 0)
        rc = command_end(o->json, kin_info_report_json(&found), err);
    kin_info_report_release(&found);
    return rc;
}

const kin_command command_info = {
    .name = "info",
    .summary = "shape, statistics and health of vectors, a graph or an index",
    .operands = "DIR|FILE",
    .operands_min = 1,
    .operands_max = 1,
    .example = "  kin info text.npy\n  kin info graph --json -\n",
    .options = COMMAND_OPTIONS(info_option, info_defaults),
    .run = info_run,
};
