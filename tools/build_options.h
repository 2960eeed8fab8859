#ifndef KIN_TOOLS_BUILD_OPTIONS_H
#define KIN_TOOLS_BUILD_OPTIONS_H
/*
 * The options of kin build and of kin plan, which have one table: what can be built can be planned.
 */
#include "job/build_options.h"
#include "tools/command.h"

typedef struct build_options {
    command_common common;
    kin_text_list modality;
    kin_catalog_options catalog; /* but its sources */
    kin_build_options build;
    bool print_config;
} build_options;

/* The same for kin plan, which reads it as if it were kin build's. */
typedef struct plan_options {
    build_options build; /* first: offsets in the table are the same */
    const char *json;
} plan_options;

extern const kin_option_table build_options_table, plan_options_table;

#endif
