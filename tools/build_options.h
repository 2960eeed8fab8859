#ifndef KIN_TOOLS_BUILD_OPTIONS_H
#define KIN_TOOLS_BUILD_OPTIONS_H
/*
 * What `kin build` can be told. Names, units, ranges and help stand in the table
 * (tools/build_options.c); this is what a filled one looks like.
 */
#include "ann/faiss_index.h"
#include "tools/command.h"

typedef enum build_engine {
    ENGINE_AUTO,
    ENGINE_EXACT,
    ENGINE_STREAM,
    ENGINE_JOIN,
    ENGINE_HNSW,
} build_engine;

extern const char *const build_engine_names[]; /* ended by NULL */

typedef struct build_options {
    command_common common;
    kin_text_list modality;
    const char *out, *ids, *items, *id_column, *index_dir;
    int64_t top_k;
    int engine; /* build_engine */
    int64_t auto_threshold;
    int missing; /* kin_missing */
    int row_order;
    int64_t micro_batch;
    kin_index_options index;
    kin_search_options search;
    uint64_t memory;
    double target_recall;
    bool strict;      /* a graph that misses the target is not published */
    double max_empty; /* share of rows; NaN: not all of them */
    int64_t trace_rows;
    bool force, print_config;
} build_options;

/* The same for kin plan, which reads it as if it were kin build's. */
typedef struct plan_options {
    build_options build; /* first: offsets in the table are the same */
    const char *json;
} plan_options;

/* The commands themselves (tools/cmd_build.c, tools/cmd_plan.c). */
int plan_run(const void *options, const kin_operands *operands, kin_error *err);
int build_run(const void *options, const kin_operands *operands, kin_error *err);

#endif
