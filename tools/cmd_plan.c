/*
 * kin plan: what kin build would take with these very arguments, before it runs (job/plan.h).
 */
#include "job/plan.h"
#include "job/sources.h"
#include "report/plan_report.h"
#include "tools/build_options.h"
#include "tools/console.h"
#include "tools/outputs.h"

static int report(const kin_plan_report *self, const char *json, kin_error *err)
{
    FILE *text = command_text(json);
    if (text)
        kin_plan_report_print(self, text);
    return command_end(json, text ? NULL : kin_plan_report_json(self), err);
}

static int run(const void *values, const kin_operands *operands, kin_error *err)
{
    (void)operands;
    const plan_options *options = values;
    kin_plan_report out = {0};
    kin_source source[KIN_MODALITIES_MAX];
    kin_catalog_options inputs = options->build.catalog;
    const kin_monitor monitor = console_monitor_quiet();
    if (options->build.print_config)
        return command_print_config(&plan_options_table, options, err);
    int rc =
        outputs_check(&(outputs){.json = options->json, .input = {inputs.ids, inputs.items}}, err);
    if (rc == 0)
        rc = kin_sources_parse(source, &inputs.source_count, &options->build.modality, err);
    if (rc != 0)
        return rc;
    inputs.source = source;
    rc = kin_plan_run(&inputs, &options->build.build, &monitor, &out, err);
    if (rc == 0)
        rc = report(&out, options->json, err);
    if (rc == 0)
        rc = kin_plan_refused(&out, err);
    kin_sources_release(source, inputs.source_count);
    return rc;
}

const kin_command command_plan = {
    .name = "plan",
    .summary = "time, memory and disk that a build would take, engine by engine",
    .operands = "",
    .example = "kin plan --modality text=text.npy:0.6 --modality image=image.npy:0.4 --memory 4G",
    .options = &plan_options_table,
    .uses_blas = true,
    .run = run,
};
