#ifndef KIN_JOB_SWEEP_H
#define KIN_JOB_SWEEP_H
/*
 * Private to `kin sweep`: what recall costs, engine by engine and knob by knob, on a sample of the catalog.
 *
 *     cmd_sweep.c     options, the catalog and its sample, where results go
 *     sweep_run.c     the engines, run once a knob; their judged rows
 *     sweep_repeat.c  those near the cheapest, run again
 *     sweep_front.c   order, Pareto front, the cheapest point that reaches the target, commands to type
 *     sweep_report.c  the table and the JSON document
 *     sweep_page.c    the page, sweep_plot.c its plot
 *
 * A point is what a build of the sample would take with one setting, and the recall of the rows that it
 * makes: seconds from the order of rows or the index to the last row, without reading files, judging and
 * writing. What several points share (an index, the codes of ivf) is made once and counted in each of them.
 */
#include "job/plan_sample.h"
#include "job/row_sample.h"
#include "tools/build_options.h"
#include "tools/console.h"

typedef enum sweep_engine { SWEEP_ALL, SWEEP_IVF, SWEEP_HNSW } sweep_engine;

typedef struct sweep_options {
    command_common common;
    kin_text_list modality;
    int64_t top_k;
    int engine;          /* sweep_engine */
    int64_t items, rows; /* of the sample; of these, judged */
    double target_recall;
    int missing; /* kin_missing */
    int64_t seed;
    uint64_t memory;
    const char *json, *out;
    bool force;
} sweep_options;

typedef struct sweep_point {
    build_engine engine;   /* ENGINE_IVF, ENGINE_HNSW, ENGINE_EXACT */
    kin_index_space space; /* hnsw */
    int64_t candidates;    /* hnsw: C, and efSearch */
    double target;         /* ivf: --target-recall */
    double shared_seconds; /* of these seconds, what other points have in common with it */
    double seconds;        /* > 0; the least of its runs */
    double most_seconds;   /* of its runs */
    int runs;              /* more than one of points that are near the cheapest */
    double recall;         /* mean tie-aware recall of the judged rows */
    double lower;          /* bound of the sample's mean recall at SWEEP_CONFIDENCE; exact: 1 */
    size_t memory_bytes;   /* own memory, as planned */
    bool pareto;           /* no other point has at least its recall in no more time */
} sweep_point;

enum { SWEEP_POINTS_MAX = 32, SWEEP_NOTES_MAX = 16, SWEEP_NOTE_BYTES = 320, SWEEP_TEXT = 96 };

#define SWEEP_CONFIDENCE 0.95

typedef struct sweep {
    const sweep_options *options;
    kin_catalog catalog;       /* all items */
    plan_sample some;          /* values of the sample, where it is not the whole */
    const kin_catalog *sample; /* `some` or the catalog itself */
    size_t memory_bytes;       /* what engines may take, 0: what the machine has */
    row_sample judged;
    double *value; /* [judged.count] recalls of the last point; owned */
    size_t rows;   /* judged rows that have neighbours */
    bool census;   /* all items of the sample are judged */
    sweep_point point[SWEEP_POINTS_MAX];
    size_t count;
    char note[SWEEP_NOTES_MAX][SWEEP_NOTE_BYTES]; /* what was left out, and why */
    size_t notes;
    kin_error refused; /* of the first engine that could not run */
    console_monitor progress;
    double start_seconds;
} sweep;

/* Logs a note and keeps it for the report. */
void sweep_note(sweep *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs everything; on success there is a point at least. */
int sweep_run(sweep *self, kin_error *err);

/* Runs a point's setting with what was `made` for its engine once more; *seconds without shared ones. */
typedef int (*sweep_again)(sweep *self, void *made, const sweep_point *point, double *seconds,
                           kin_error *err);

/* Runs those of the points from `first` on again that reach the target in hardly more seconds than the
 * cheapest so far. */
int sweep_repeat_near(sweep *self, size_t first, sweep_again again, void *made, kin_error *err);

/* Whether its lower bound of recall is at least the target. */
bool sweep_reaches(const sweep *self, const sweep_point *point);

/* Orders the points by recall, then by time, and marks the front. */
void sweep_order(sweep *self);

/* The cheapest approximate point whose lower bound reaches the target, NULL where none does. Of settings of one
 * engine whose seconds cannot be told apart it is the one of the least effort. */
const sweep_point *sweep_answer(const sweep *self);

/* Whether the seconds of the runs of two points overlap: then noise says which one is cheaper. */
bool sweep_same_seconds(const sweep_point *a, const sweep_point *b);

/* Whether `point` is another approximate one that reaches the target and cannot be told from the answer by time. */
bool sweep_ties(const sweep *self, const sweep_point *point);

/* Names them in a sentence that goes on from `before`, with `after` at its end; nothing where there is none. The text
 * needs no quoting on a page. */
void sweep_write_ties(FILE *out, const sweep *self, const char *before, const char *after);

/* The point of exact, NULL where it was not run. */
const sweep_point *sweep_exact(const sweep *self);

/* Whether exact is not seen to take longer than the answer, or is all that reaches the target. */
bool sweep_prefers_exact(const sweep *self);

/* The point's setting as it is typed for kin build: "--engine hnsw --candidates 600 --ef-search 600". */
const char *sweep_point_options(const sweep_point *self, char text[SWEEP_TEXT]);

/* Its knob alone: "--candidates 600", "" of exact. */
const char *sweep_point_knob(const sweep_point *self, char text[SWEEP_TEXT]);

/* "ivf", "hnsw fused", ...: points of one name lie on one line. */
const char *sweep_point_series(const sweep_point *self);

/* The whole command that builds the catalog with this setting, its parts joined by `between` (" ", or
 * " \\\n  " for a line each); the caller frees, NULL without memory. */
char *sweep_command(const sweep *self, const sweep_point *point, const char *between);

/* Rounded towards 0 to four digits: recall must not seem to reach what it misses. */
double sweep_floor4(double recall);

void sweep_print(const sweep *self);

/* New reference, NULL without memory. */
json_t *sweep_json(const sweep *self);

/* The whole page in new memory (free). */
int sweep_page(char **page, size_t *bytes, const sweep *self, kin_error *err);

/* The plot, once wide and once narrow, of which the style sheet shows one. */
void sweep_plot(FILE *out, const sweep *self);

#endif
