#ifndef KIN_TOOLS_BUILD_H
#define KIN_TOOLS_BUILD_H
/*
 * Private to `kin build`: one build under way, and what its files do with it, in this order.
 *
 *     cmd_build.c      opens the inputs, resolves the engine, publishes
 *     build_index.c    the index, built or opened, and how deep it is asked
 *     build_engine.c   the engine, run once; its effort, raised
 *     build_attempts.c runs the engine until the judge is content
 *     build_report.c   the manifest and the summary
 */
#include "core/graph.h"
#include "core/outdir.h"
#include "exact/exact.h"
#include "tools/build_options.h"
#include "tools/console.h"
#include "tools/judge.h"
#include "tools/tune.h"

typedef struct build {
    build_options options; /* engine and counts resolved step by step */
    int engine_asked;
    kin_source source[KIN_MODALITIES_MAX];
    size_t source_count;
    kin_catalog catalog;
    kin_index *index;
    tuning tuning; /* rows NULL where effort was not chosen on rows */
    kin_outdir out;
    kin_graph_writer *writer;
    kin_graph_totals totals;
    judge_verdict verdict;         /* the last one; attempt 0: not judged */
    kin_exact_plan exact_plan;     /* of --engine exact */
    kin_exact_report exact_report; /* and what its run did */
    console_watch progress;
    kin_watch watch;
    json_t *seconds; /* per stage */
    double start, stage_start;
} build;

/* Notes how long the stage that ends here took, added up over attempts. */
void build_stage_done(build *self, const char *name);

/* The watch without its progress: for work beside the engine. */
kin_watch build_quiet_watch(const build *self);

/* Whether the engine searches an index: then its rows are not proven and are judged. */
bool build_uses_index(const build_options *o);

/* self->index, and self->options.search as resolved for it. */
int build_prepare_index(build *self, kin_error *err);

/* Runs the engine with the effort that the options say; every row of the catalog reaches the sink. */
int build_engine_run(build *self, kin_row_sink sink, kin_error *err);

/* More effort in the options, logged; false where the engine has no more to give. */
bool build_engine_raise(build *self);

/* Runs the engine into a new self->writer, again with more effort while the recall is not good enough.
 * KIN_E_GATE where it stays so under --strict. */
int build_attempts(build *self, kin_error *err);

/* Everything but files and checksum. New reference. */
json_t *build_manifest(build *self);

/* Six lines: what there is now, what it took, and what to type next. */
void build_print_summary(const build *self, const json_t *manifest);

#endif
