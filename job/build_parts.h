#ifndef KIN_JOB_BUILD_PARTS_H
#define KIN_JOB_BUILD_PARTS_H
/*
 * Private to kin_build_run and kin_plan_run: one build under way, and what its files do with it. A
 * file calls those below it, never one above.
 *
 *     build.c          the order of things, and publishing
 *     build_attempts.c the engine, run until its recall reaches the target
 *     build_trace.c    the candidates of some rows, stored beside the graph
 *     build_inputs.c   the catalog, and which engine it gets
 *     build_engine.c   the engine, run once; its effort, escalated
 *     build_join.c     the self-join, its order made or loaded, and its effort
 *     build_index.c    the indexes of hnsw and ivf, built or opened, and how deep they are searched
 *     build_manifest.c what the manifest says
 *     build_gates.c    what a finished graph has to hold beside its recall
 *     build_state.c    stages and their seconds
 */
#include "ann/join.h"
#include "core/graph.h"
#include "core/outdir.h"
#include "exact/exact.h"
#include "job/build.h"
#include "job/health.h"
#include "job/tune.h"

typedef struct build {
    const kin_catalog_options *inputs; /* the caller's */
    kin_build_options options;         /* engine and counts resolved step by step */
    const kin_monitor *monitor;        /* the caller's, may be NULL */
    kin_monitor quiet;      /* the same without progress and stages: for work beside the engine */
    kin_dir index_dir;      /* of options.index_dir */
    json_t *index_manifest; /* its */
    kin_catalog catalog;
    health vectors[KIN_MODALITIES_MAX]; /* what each modality's are like */
    kin_index *index;                   /* of hnsw and ivf */
    kin_join *join;                     /* of the self-join */
    tuning tuning;                      /* rows NULL where effort was not chosen on rows */
    kin_outdir out;
    kin_graph_writer *writer;
    kin_graph_totals totals;
    kin_evaluation_result result;  /* the last one; attempt 0: not evaluated */
    json_t *trace;                 /* what the manifest says of it; NULL: none */
    kin_exact_plan exact_plan;     /* of exact */
    kin_exact_report exact_report; /* and what its run did */
    json_t *seconds;               /* per stage */
    double start, stage_start;     /* kin_clock_seconds() */
} build;

/* One line to the monitor. */
#define build_info(self, ...) kin_monitor_message((self)->monitor, KIN_LEVEL_INFO, __VA_ARGS__)
#define build_warn(self, ...) kin_monitor_message((self)->monitor, KIN_LEVEL_WARNING, __VA_ARGS__)

/* A build of these inputs with a copy of the options, its clock running. */
void kin_build_begin(build *self, const kin_catalog_options *inputs,
                     const kin_build_options *options, const kin_monitor *monitor);
void kin_build_end(build *self);

/* Adds the seconds since the last call to the stage `name`. */
void kin_build_stage_done(build *self, const char *name);

/* Whether the engine searches FAISS's indexes. */
bool kin_build_uses_faiss(const kin_build_options *o);

/* Whether the engine's rows are not proven: then they are evaluated. */
bool kin_build_is_approximate(const kin_build_options *o);

/* self->catalog, self->vectors, and that there are more than top-k items. */
int kin_build_open_inputs(build *self, kin_error *err);

/* The engine that `auto` is here (job/engine_choice.h), and an index's own type, in self->options;
 * refuses what contradicts. */
int kin_build_resolve_engine(build *self, kin_error *err);

/* With an index_dir: self->index_manifest, and the engine that the index was made for. */
int kin_build_read_index(build *self, kin_error *err);

/* Options that say how an index is built must not contradict one that is there already. */
int kin_build_check_index_options(const kin_index_options *asked, const kin_index_options *made,
                                  kin_error *err);

/* self->index, and self->options.search as resolved for it. */
int kin_build_prepare_index(build *self, kin_error *err);

/* self->join, its rows encoded and its effort set. */
int kin_build_prepare_join(build *self, kin_error *err);

/* The effort of the join, as a message. */
void kin_build_log_effort(const build *self);

/* Refuses options that the self-join has no use for. */
int kin_build_check_join_options(const kin_build_options *o, kin_error *err);

/* Refuses options that --engine ivf has no use for. */
int kin_build_check_ivf_options(const kin_build_options *o, kin_error *err);

/* Runs the engine with the effort that the options say; all rows reach the sink. */
int kin_build_engine_run(build *self, kin_row_sink sink, kin_error *err);

/* More effort, with a message; *escalated is false where the engine has no more to give. */
int kin_build_engine_escalate(build *self, bool *escalated, kin_error *err);

/* How the graph is written, but for its folder. `planned` are the bytes of the engine's plan, 0
 * where it is not known yet. */
kin_graph_writer_options kin_build_writer(const kin_catalog *catalog, const kin_build_options *o,
                                          size_t planned);

/* Runs the engine into a new self->writer, again with more effort while the recall is not good
 * enough. KIN_E_GATE where it stays so under options.strict. */
int kin_build_attempts(build *self, kin_error *err);

/* Refuses trace_rows where nothing can be lost; drops it where the engine was not asked for. */
int kin_build_check_trace(build *self, bool engine_asked, kin_error *err);

/* Traces rows with the effort of the last attempt, into the folder and self->trace. Nothing without
 * trace_rows. */
int kin_build_trace(build *self, kin_error *err);

/* KIN_E_GATE where more of the finished rows are empty than max_empty allows. */
int kin_build_check_empty(const build *self, kin_error *err);

/* Everything but files and checksum. New reference. */
json_t *kin_build_manifest(build *self);

#endif
