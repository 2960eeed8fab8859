/*
 * The options of kin build and kin plan.
 */
#include "tools/build_options.h"
#include "job/engine_options.h"
#include "tools/shared_options.h"

#include <math.h>

static const plan_options defaults = {.build = {.build = KIN_BUILD_OPTIONS_INIT}};

#define FIELD(name) offsetof(build_options, name)

static const kin_option input_lines[] = {
    OPTION_MODALITY(FIELD(modality), NULL),
    KIN_OPTIONS_END,
};

static const kin_option command_lines[] = {
    {.name = "print-config",
     .type = KIN_OPTION_FLAG,
     .offset = FIELD(print_config),
     .run_only = true,
     .help = "print the options as resolved, build nothing"},
    KIN_OPTIONS_END,
};

/* Of kin plan alone. */
static const kin_option plan_lines[] = {
    OPTION_JSON(offsetof(plan_options, json), "the plan"),
    KIN_OPTIONS_END,
};

static const kin_option_group groups[] = {
    {"input", input_lines, 0},
    {"input", kin_catalog_lines, FIELD(catalog)},
    {"result", kin_build_result, FIELD(build)},
    {"engine", kin_build_engine, FIELD(build)},
    {"machine", kin_build_machine, FIELD(build)},
    {"machine", command_lines, 0},
    {"machine", command_common_lines, 0},
    {"experts", kin_build_experts, FIELD(build)},
    {"experts", kin_search_lines, FIELD(build.search)},
    {"experts", kin_index_lines, FIELD(build.index)},
    {"plan", plan_lines, 0}, /* the last: not one of kin build's */
};

enum { PLAN_GROUPS = sizeof groups / sizeof *groups, BUILD_GROUPS = PLAN_GROUPS - 1 };

const kin_option_table build_options_table = {.group = groups,
                                              .count = BUILD_GROUPS,
                                              .defaults = &defaults.build,
                                              .bytes = sizeof(build_options)};
const kin_option_table plan_options_table = {
    .group = groups, .count = PLAN_GROUPS, .defaults = &defaults, .bytes = sizeof(plan_options)};
