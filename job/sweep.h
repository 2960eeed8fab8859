#ifndef KIN_JOB_SWEEP_H
#define KIN_JOB_SWEEP_H
/*
 * What recall costs: engines run over their knobs on a sample of a catalog.
 *
 *     sweep.c          the catalog and its sample, engines one after the other
 *     sweep_engines.c  each engine over its knobs
 *     sweep_repeat.c   points near the cheapest, run again
 *     sweep_points.c   the evaluated rows, the recall of a point, names of points
 *     sweep_front.c    order, Pareto front, the cheapest point that reaches the target
 *
 * A point holds what a build of the sample would take with one setting, and the recall of its rows.
 * Its seconds go from the order of rows or the index to the last row, without reading files,
 * evaluation and writing. What several points share (an index, the codes of join) is made once and
 * counted in each of them. Nothing that a sweep finds has an influence on a build.
 */
#include "core/monitor.h"
#include "job/build.h"
#include "job/plan_sample.h"
#include "job/row_sample.h"

typedef enum sweep_engine { SWEEP_ALL, SWEEP_JOIN, SWEEP_HNSW } sweep_engine;

typedef struct sweep_options {
    int64_t top_k;        /* K, 1 .. 10,000 */
    int engine;           /* sweep_engine */
    int64_t items;        /* of the sample, >= 2; the whole catalog where it has no more */
    int64_t rows;         /* evaluated, 1 .. 1,000,000 */
    double target_recall; /* 0 .. 1 */
    int64_t seed;
    uint64_t memory; /* bytes, 0: what the machine has */
} sweep_options;

#define SWEEP_OPTIONS_INIT                                                                         \
    {                                                                                              \
        .top_k = 200, .items = 20000, .rows = 500, .target_recall = 0.97, .seed = 1                \
    }

typedef struct sweep_point {
    kin_engine engine;     /* KIN_ENGINE_JOIN, KIN_ENGINE_HNSW, KIN_ENGINE_EXACT */
    kin_index_space space; /* hnsw */
    int64_t candidates;    /* hnsw: C, and efSearch */
    double target;         /* join: --target-recall */
    double shared_seconds; /* of these seconds, what other points have in common with it */
    double seconds;        /* > 0; the least of its runs */
    double most_seconds;   /* of its runs */
    int runs;              /* more than one of points that are near the cheapest */
    double recall;         /* mean tie-aware recall of the evaluated rows, 0 .. 1 */
    double lower;          /* bound of the sample's mean recall at SWEEP_CONFIDENCE; exact: 1 */
    size_t memory_bytes;   /* own memory, as planned */
    bool pareto;           /* no other point has at least its recall in no more time */
} sweep_point;

enum { SWEEP_POINTS_MAX = 32, SWEEP_NOTES_MAX = 16, SWEEP_NOTE_BYTES = 320 };

#define SWEEP_CONFIDENCE 0.95

typedef struct sweep {
    const sweep_options *options; /* the caller's */
    const kin_monitor *monitor;   /* the caller's, may be NULL */
    kin_catalog catalog;          /* all items */
    plan_sample some;             /* values of the sample, where it is not the whole */
    const kin_catalog *sample;    /* `some` or the catalog itself */
    size_t memory_bytes;          /* what engines may take, 0: what the machine has */
    row_sample evaluated;
    double *value;   /* [evaluated.count] recalls of the last point; owned */
    size_t rows;     /* evaluated rows that have neighbours */
    bool exhaustive; /* all items of the sample are evaluated */
    sweep_point point[SWEEP_POINTS_MAX];
    size_t count;
    char note[SWEEP_NOTES_MAX][SWEEP_NOTE_BYTES]; /* what was left out, and why */
    size_t notes;
    kin_error refused;          /* of the first engine that could not run */
    double seconds;             /* that the sweep took */
    const kin_text_list *typed; /* --modality as given, for the commands in reports; the caller's */
} sweep;

/* Opens the catalog, runs everything and orders the points by recall: on success there is one at
 * least. The monitor receives progress per run, a message per point and per note. KIN_E_MEMORY
 * where the sample does not fit options->memory, KIN_E_DATA where it is too small for K. Release
 * *self in any case. */
int kin_sweep_run(sweep *self, const kin_catalog_options *catalog, const sweep_options *options,
                  const kin_monitor *monitor, kin_error *err);

void kin_sweep_release(sweep *self);

#endif
