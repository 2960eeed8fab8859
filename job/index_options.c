/*
 * The options of an index (job/index.h).
 */
#include "job/engine_options.h"
#include "job/index.h"
#include "job/option_lines.h"

const char *const kin_index_run_types[] = {"ivf", "hnsw", "join", NULL};

#define FIELD(name) offsetof(kin_index_run_options, name)

const kin_option kin_index_run_inputs[] = {
    OPTION_MODALITY(FIELD(modality), NULL),
    KIN_OPTIONS_END,
};

const kin_option kin_index_run_lines[] = {
    {.name = "type",
     .type = KIN_OPTION_CHOICE,
     .offset = FIELD(type),
     .choices = kin_index_run_types,
     .help =
         "what is kept\n"
         "ivf: inverted lists of FAISS, for kin query and kin build --engine ivf, with the order "
         "and effort of the self-join beside them, for kin build\n"
         "hnsw: a navigable graph of FAISS, for kin query and kin build\n"
         "join: the order and effort of the self-join alone, for kin build"},
    {.name = "out",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(out),
     .unit = "DIR",
     .run_only = true,
     .help = "the folder to write"},
    {.name = "ids",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(ids),
     .unit = "FILE",
     .default_text = "row numbers",
     .help = "an id a line"},
    OPTION_TOP_K(FIELD(top_k)),
    OPTION_TARGET_RECALL(FIELD(target_recall), "mean recall that the join's effort is chosen for"),
    OPTION_MISSING(FIELD(missing)),
    OPTION_MEMORY(FIELD(memory)),
    OPTION_FORCE(FIELD(force)),
    KIN_OPTIONS_END,
};

static const kin_index_run_options defaults = KIN_INDEX_RUN_OPTIONS_INIT;

const kin_option_table kin_index_run_table = {
    .group = (const kin_option_group[]){{NULL, kin_index_run_inputs, 0},
                                        {NULL, kin_index_run_lines, 0},
                                        {NULL, kin_index_lines, FIELD(index)}},
    .count = 3,
    .defaults = &defaults,
    .bytes = sizeof defaults,
};
