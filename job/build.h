#ifndef KIN_JOB_BUILD_H
#define KIN_JOB_BUILD_H
/*
 * From vector files to a similarity graph on disk, in one call.
 *
 *     files -> catalog -> engine -> graph writer -> folder
 *                           ^ evaluated on held-out rows, run again with more effort
 *
 * The rows of the approximate engines are not proven: their recall is evaluated (job/evaluation.h),
 * and the engine runs again with more effort until it reaches the target. The folder takes its name
 * last, in one rename, after the inputs were found unchanged: it is there whole or not at all.
 *
 * Cost: kin plan says what each engine takes. Nothing here prints, reads the
 * environment or handles signals: messages, progress and cancellation go through the monitor.
 */
#include "ann/faiss_effort.h"
#include "core/catalog.h"
#include "core/monitor.h"
#include "job/evaluation.h"
#include "job/options.h"
#include <math.h>

typedef enum kin_engine {
    KIN_ENGINE_AUTO, /* by size: job/engine_choice.h */
    KIN_ENGINE_EXACT,
    KIN_ENGINE_STREAM,
    KIN_ENGINE_JOIN,
    KIN_ENGINE_HNSW,
    KIN_ENGINE_IVF,
} kin_engine;

extern const char *const kin_engine_names[]; /* ended by NULL */

/* Texts are the caller's. Limits stand in kin_build_table (job/build_options.h). */
typedef struct kin_build_options {
    const char *out;  /* the folder to write; needed */
    bool force;       /* replaces a graph that kin wrote there before */
    int64_t top_k;    /* K, neighbours an item, 1 .. 10,000 */
    int row_order;    /* kin_row_order: how a row's entries lie in the files */
    bool arrays;      /* indptr, indices and data as .npy files beside graph.npz */
    double max_empty; /* share of empty rows, 0 .. 1, above which nothing is published; NaN: all */
    int64_t trace_rows;     /* items whose candidates are kept for kin compare; 0: none */
    int engine;             /* kin_engine */
    int64_t auto_threshold; /* items from which on auto is join */
    double target_recall;   /* of approximate engines, 0.5 .. 0.9999 */
    bool strict;            /* a graph that misses the target is not published: KIN_E_GATE */
    const char *index_dir;  /* an index that kin index wrote; NULL: built where one is needed */
    uint64_t memory;        /* bytes to use at most, 0: what the machine has left */
    int64_t micro_batch;    /* rows at a time of stream; 0: by size */
    kin_search_options
        search; /* hnsw, ivf: how deep indexes are searched; top_k, memory_bytes unread */
    kin_index_options index; /* hnsw, ivf: how indexes are built; type, memory_bytes unread */
} kin_build_options;

#define KIN_BUILD_OPTIONS_INIT                                                                     \
    {                                                                                              \
        .top_k = 200, .auto_threshold = 1000000, .target_recall = 0.97, .max_empty = NAN,          \
        .index = KIN_INDEX_OPTIONS_INIT, .search = KIN_SEARCH_OPTIONS_INIT                         \
    }

/* What a build did. */
typedef struct kin_build_report {
    kin_engine engine;            /* that ran */
    size_t items;                 /* n */
    size_t items_with_neighbors;  /* rows that are not empty */
    size_t pairs;                 /* neighbours in all rows */
    kin_evaluation_result result; /* the last evaluation; attempt 0: rows are proven */
    int threads;
    double seconds;           /* in all */
    size_t peak_memory_bytes; /* of the process so far, own memory (job/usage.h) */
    size_t peak_rss_bytes;    /* with mapped pages of inputs and graph */
} kin_build_report;

/* Whether the options keep to their limits and have an `out`: KIN_E_USAGE names the first that does
 * not. */
int kin_build_check(const kin_build_options *options, kin_error *err);

/* Builds the graph of a catalog into options->out. *report (may be NULL) is filled on success
 * alone.
 *
 * KIN_E_USAGE: options contradict each other; KIN_E_GATE: a graph was made and not published;
 * KIN_E_CANTOUT, KIN_E_IO: the folder; KIN_E_MEMORY: the plan does not fit; KIN_E_AGAIN: inputs
 * changed under way; KIN_E_STOPPED: the monitor said so; KIN_E_DATA, KIN_E_NOINPUT: the inputs.
 * Nothing is left behind. */
int kin_build_run(const kin_catalog_options *catalog, const kin_build_options *options,
                  const kin_monitor *monitor, kin_build_report *report, kin_error *err);

#endif
