/*
 * The command lines of `kin build` and `kin plan`, and their entries in the table of commands. They have
 * one table of options, so that whatever can be built can be planned.
 */
#include "tools/build_options.h"
#include "core/graph.h"
#include "tools/shared_options.h"

#include <math.h>

const char *const build_engine_names[] = {"auto", "exact", "stream", "join", "hnsw", NULL};

static const plan_options defaults = {.build = {
                                          .top_k = 200,
                                          .auto_threshold = 1000000,
                                          .target_recall = 0.97,
                                          .max_empty = NAN,
                                          .index = KIN_INDEX_OPTIONS_INIT,
                                          .search = KIN_SEARCH_OPTIONS_INIT,
                                      }};

#define FIELD(name) offsetof(build_options, name)

/* The groups of kin build --help. */
static const kin_option input_lines[] = {
    OPTION_MODALITY(FIELD(modality), NULL),
    OPTION_IDS(FIELD(ids)),
    {.name = "items",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(items),
     .unit = "FILE.tsv",
     .help = "a table of the items, tabs between cells: id, title, category, image, ..."},
    {.name = "id-column",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(id_column),
     .unit = "NAME",
     .default_text = "id",
     .help = "the table's column of ids"},
    OPTION_MISSING(FIELD(missing)),
    KIN_OPTIONS_END,
};

static const kin_option result_lines[] = {
    {.name = "out",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(out),
     .unit = "DIR",
     .run_only = true,
     .help = "the folder to write; kin plan writes nothing and looks at the disk it would be on"},
    OPTION_FORCE(FIELD(force)),
    OPTION_TOP_K(FIELD(top_k)),
    {.name = "row-order",
     .type = KIN_OPTION_CHOICE,
     .offset = FIELD(row_order),
     .choices = kin_row_order_names,
     .help = "how a row's entries lie in the files"},
    {.name = "max-empty",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(max_empty),
     .min = 0,
     .max = 1,
     .unit = "SHARE",
     .run_only = true,
     .default_text = "not all of them",
     .help =
         "gate: at most that share of rows is empty, those by rule (--missing drop) aside; else "
         "exit 3 and nothing is published"},
    {.name = "trace-rows",
     .type = KIN_OPTION_INT,
     .offset = FIELD(trace_rows),
     .min = 1,
     .max = 1e5,
     .unit = "N",
     .default_text = "none",
     .help = "keep the candidates of N random items, for kin compare to tell what was lost where"},
    KIN_OPTIONS_END,
};

static const kin_option engine_lines[] = {
    {.name = "engine",
     .type = KIN_OPTION_CHOICE,
     .offset = FIELD(engine),
     .choices = build_engine_names,
     .help =
         "auto is join from --auto-threshold items on, below it exact, or stream where that is "
         "faster: less than some 4,500 items of thousands of dimensions, and always above 32,768 "
         "dimensions"},
    {.name = "auto-threshold",
     .type = KIN_OPTION_INT,
     .offset = FIELD(auto_threshold),
     .min = 1,
     .max = 1e12,
     .unit = "ITEMS",
     .help = "where auto changes to join"},
    OPTION_TARGET_RECALL(FIELD(target_recall)),
    {.name = "strict",
     .type = KIN_OPTION_FLAG,
     .offset = FIELD(strict),
     .run_only = true,
     .help = "where the target is missed, exit 3 and publish nothing, instead of a warning"},
    {.name = "index",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(index_dir),
     .unit = "DIR",
     .help = "indexes that kin index wrote, instead of building them"},
    KIN_OPTIONS_END,
};

static const kin_option machine_lines[] = {
    OPTION_MEMORY(FIELD(memory)),
    {.name = "print-config",
     .type = KIN_OPTION_FLAG,
     .offset = FIELD(print_config),
     .run_only = true,
     .help = "print the options as resolved, build nothing"},
    KIN_OPTIONS_END,
};

static const kin_option experts_lines[] = {
    {.name = "micro-batch",
     .type = KIN_OPTION_INT,
     .offset = FIELD(micro_batch),
     .min = 1,
     .max = 1e6,
     .unit = "ROWS",
     .default_text = "what fits 512 MiB, at most 1024",
     .similarity = "SIMILARITY_MICRO_BATCH_SIZE",
     .deprecated = "SIMILARITY_BATCH_SIZE",
     .help = "rows at a time (stream); memory is rows x items x 4 bytes"},
    KIN_OPTIONS_END,
};

/* Of kin plan alone. */
static const kin_option plan_lines[] = {
    {.name = "json",
     .type = KIN_OPTION_TEXT,
     .offset = offsetof(plan_options, json),
     .unit = "FILE",
     .run_only = true,
     .help = "write the plan as one JSON document, - for stdout instead of the table"},
    KIN_OPTIONS_END,
};

static const kin_option_group groups[] = {
    {"input", input_lines, 0},
    {"result", result_lines, 0},
    {"engine", engine_lines, 0},
    {"machine", machine_lines, 0},
    {"machine", command_common_lines, 0},
    {"experts", experts_lines, 0},
    {"experts", kin_search_lines, FIELD(search)},
    {"experts", kin_index_lines, FIELD(index)},
    {"plan", plan_lines, 0}, /* the last: not one of kin build's */
};

enum { PLAN_GROUPS = sizeof groups / sizeof *groups, BUILD_GROUPS = PLAN_GROUPS - 1 };

const kin_command command_build = {
    .name = "build",
    .summary = "compute the similarity graph of a catalog",
    .operands = "",
    .example = "kin build --modality text=text.npy:0.6 --modality image=image.npy:0.4 --out graph",
    .options = {.group = groups,
                .count = BUILD_GROUPS,
                .defaults = &defaults.build,
                .bytes = sizeof(build_options)},
    .uses_blas = true,
    .run = build_run,
};

const kin_command command_plan = {
    .name = "plan",
    .summary = "time, memory and disk that a build would take, engine by engine",
    .operands = "",
    .example = "kin plan --modality text=text.npy:0.6 --modality image=image.npy:0.4 --memory 4G",
    .options = {.group = groups,
                .count = PLAN_GROUPS,
                .defaults = &defaults,
                .bytes = sizeof(plan_options)},
    .uses_blas = true,
    .run = plan_run,
};
