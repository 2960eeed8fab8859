#ifndef KIN_JOB_BUILD_H
#define KIN_JOB_BUILD_H
/*
 * Private to `kin build`: one build under way, and what its files do with it, in this order.
 *
 *     cmd_build.c      opens the inputs, resolves the engine, publishes
 *     build_index.c    the index of hnsw, built or opened, and how deep it is asked
 *     build_join.c     the self-join, its order made or loaded, and its effort
 *     build_engine.c   the engine, run once; its effort, raised
 *     build_attempts.c runs the engine until the judge is content
 *     build_trace.c    the candidates of some rows, kept beside the graph
 *     build_report.c   the manifest and the summary
 */
#include "ann/join.h"
#include "core/graph.h"
#include "core/outdir.h"
#include "exact/exact.h"
#include "job/evaluation.h"
#include "job/health.h"
#include "job/tune.h"
#include "tools/build_options.h"
#include "tools/console.h"

typedef struct build {
    build_options options;  /* engine and counts resolved step by step */
    kin_dir index_dir;      /* --index */
    json_t *index_manifest; /* its */
    kin_source source[KIN_MODALITIES_MAX];
    size_t source_count;
    kin_catalog catalog;
    health vectors[KIN_MODALITIES_MAX]; /* what each modality's are like */
    kin_index *index;                   /* of --engine hnsw */
    kin_join *join;                     /* of --engine join */
    tuning tuning;                      /* rows NULL where effort was not chosen on rows */
    kin_outdir out;
    kin_graph_writer *writer;
    kin_graph_totals totals;
    judge_verdict verdict;         /* the last one; attempt 0: not judged */
    json_t *trace;                 /* what the manifest says of it; NULL: none */
    kin_exact_plan exact_plan;     /* of --engine exact */
    kin_exact_report exact_report; /* and what its run did */
    console_monitor progress;
    kin_monitor monitor;
    json_t *seconds; /* per stage */
    double start, stage_start;
} build;

/* Notes how long the stage that ends here took, added up over attempts. */
/* KIN_E_GATE where more of the finished rows are empty than --max-empty allows (job/build_gates.c). */
int build_check_empty(const build *self, kin_error *err);

void build_stage_done(build *self, const char *name);

/* The monitor without its progress: for work beside the engine. */
kin_monitor build_quiet_monitor(const build *self);

/* self->catalog, and that there are more than top-k items. kin plan begins with it too. */
int build_open_inputs(build *self, kin_error *err);

/* The engine that `auto` is here (exact, or stream where rows are too wide for it), and an index's own
 * type, in self->options; refuses what contradicts. */
int build_resolve_engine(build *self, kin_error *err);

/* Whether the engine's rows are not proven: then they are judged. */
bool build_is_approximate(const build_options *o);

/* With --index: self->index_manifest, and the engine that the index was made for. */
int build_read_index(build *self, kin_error *err);

/* Options that say how an index is built must not contradict one that is there already. */
int build_check_index_options(const kin_index_options *asked, const kin_index_options *made,
                              kin_error *err);

/* self->index, and self->options.search as resolved for it. */
int build_prepare_index(build *self, kin_error *err);

/* self->join, its rows encoded and its effort set. */
int build_prepare_join(build *self, kin_error *err);

/* The effort of the join, to the log. */
void build_log_effort(const build *self);

/* Refuses options that --engine join has no use for. */
int build_check_join_options(const build_options *o, kin_error *err);

/* Runs the engine with the effort that the options say; every row of the catalog reaches the sink. */
int build_engine_run(build *self, kin_row_sink sink, kin_error *err);

/* More effort, logged; *raised is false where the engine has no more to give. */
int build_engine_raise(build *self, bool *raised, kin_error *err);

/* Runs the engine into a new self->writer, again with more effort while the recall is not good enough.
 * KIN_E_GATE where it stays so under --strict. */
int build_attempts(build *self, kin_error *err);

/* Refuses --trace-rows where nothing can be lost; drops it where the engine was not asked for. */
int build_check_trace(build_options *o, bool engine_asked, kin_error *err);

/* Traces rows with the effort of the last attempt, into the folder and self->trace. Nothing without
 * --trace-rows. */
int build_trace(build *self, kin_error *err);

/* Everything but files and checksum. New reference. */
json_t *build_manifest(build *self);

/* Six lines: what there is now, what it took, and what to type next. */
void build_print_summary(const build *self, const json_t *manifest);

#endif
