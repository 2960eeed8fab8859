#ifndef KIN_JOB_COMPARISON_H
#define KIN_JOB_COMPARISON_H
/*
 * Private to `kin compare`: one comparison, and what its files do with it, in this order.
 *
 *     cmd_compare.c      options, and the order of things
 *     comparison.c       opens graphs and vectors, and has everything measured
 *     compare_top_k.c    how many neighbours of a row are judged
 *     compare_sample.c   exact rows of random items, drawn by strata on request
 *     compare_gates.c    what must hold for exit 0
 *     compare_table.c    a terse table on the terminal
 *     compare_json.c     the document (docs/METRICS.md)
 *     compare_page.c     the page
 *     compare_prom.c     a textfile for Prometheus
 */
#include "compare/comparable.h"
#include "compare/drift.h"
#include "compare/foreign.h"
#include "compare/loss.h"
#include "compare/recall.h"
#include "compare/strata.h"
#include "compare/structure.h"
#include "tools/command.h"

#include <stdio.h>

typedef struct compare_options {
    command_common common;
    const char *reference, *reference_ids, *ids, *previous, *stratify;
    int64_t sample, seed, top_k; /* top_k 0: as graph and reference say */
    kin_text_list modality;
    int missing; /* kin_missing; of foreign files */
    double min_recall, max_empty, min_fill, max_drift, max_item_change; /* NaN: not asked */
    int bound;                                                          /* compare_bound */
    uint64_t memory;
    const char *json, *out, *prom, *pictures;
    bool force;
} compare_options;

typedef enum compare_bound { COMPARE_BOUND_LOWER, COMPARE_BOUND_MEAN } compare_bound;
extern const char *const compare_bound_names[]; /* ended by NULL */

/* A graph as it was given. */
typedef struct compare_side {
    bool there;
    bool named; /* it has ids: its own, given ones, or lent by a graph of the same rows */
    kin_graph graph;
    kin_foreign_report foreign; /* of a foreign file: what was left out */
} compare_side;

enum { COMPARE_GATES_MAX = 5, COMPARE_WARNINGS_MAX = KIN_MISMATCHES_MAX + 10 };

/* What must hold. */
typedef struct compare_gate {
    const char *name; /* "min-recall", ... : the option */
    const char *what; /* "recall, lower bound" */
    double limit, value;
    bool at_least; /* the value must be at least the limit, else at most */
    bool met;
} compare_gate;

/* Rows of one value of a column. */
typedef struct compare_stratum {
    kin_span name; /* into the table of items; empty: items without a value */
    size_t items, judged;
    double mean; /* recall of its judged rows; NaN where there are none */
    kin_interval interval;
} compare_stratum;

typedef struct comparison {
    const compare_options *options;
    compare_side graph, other, reference, previous;
    bool computed; /* the reference's rows were computed here, for a sample */
    bool has_catalog;
    kin_catalog catalog; /* the graph's vectors */
    kin_pairing to_reference, other_to_reference, to_previous;
    int32_t *row; /* [row_count] of the reference that were sampled, ascending; NULL: all; owned */
    size_t row_count;
    strata strata;            /* of the graph; count 0: none asked for */
    compare_stratum *stratum; /* [strata.count] the reference's rows; owned */

    bool has_recall, has_difference, has_loss, has_drift;
    kin_recall recall, other_recall;
    kin_recall_difference difference; /* recall of `graph` less that of `other` */
    kin_loss loss;
    kin_structure structure; /* of `graph` */
    kin_drift drift;
    size_t gate_count;
    compare_gate gate[COMPARE_GATES_MAX];
    size_t warning_count;
    char warning[COMPARE_WARNINGS_MAX][KIN_MESSAGE_MAX]; /* what makes the numbers mean less */
    bool forced;                                         /* the reference does not fit */
    double start_seconds;
} comparison;

/* Opens everything and measures it. */
int comparison_run(comparison *self, const compare_options *options, const kin_operands *operands,
                   kin_error *err);
void comparison_release(comparison *self);

/* self->reference, self->row: exact rows of --sample items of the graph, by `stream`. */
int comparison_sample(comparison *self, const kin_monitor *monitor, kin_error *err);

/* How many neighbours of a row are judged, K: --top-k; else what graph (and other) and reference both claim to have. A
 * file without such a claim (.npz, .ivecs) is judged by the reference's, so that rows that are too short lose. */
size_t comparison_top_k(const comparison *self);

/* K of exact rows that are computed for a sample. */
size_t comparison_sample_top_k(const comparison *self);

/* K of the drift since the previous graph. */
size_t comparison_drift_top_k(const comparison *self);

/* KIN_E_USAGE where --top-k is more than the reference has, or as many as there are items; warns where a file's rows
 * cannot hold K. */
int comparison_check_top_k(comparison *self, kin_error *err);

/* Warns where a file that is the truth has rows shorter than K. */
void comparison_check_truth_rows(comparison *self);

/* Notes a warning for the report, and logs it. */
void comparison_warn(comparison *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* self->gate. A gate is never met by a reference that does not fit. */
void comparison_judge_gates(comparison *self);

/* The value for people: six decimals, rounded to where the gate is no better than it is, so that one that is missed is
 * never shown at its limit. */
double comparison_gate_shown(const compare_gate *gate);

/* KIN_E_GATE naming every gate that is not met; 0 where all are. */
int comparison_gate_error(const comparison *self, kin_error *err);

void comparison_print(const comparison *self, FILE *stream);

/* The document of --json. New reference. */
json_t *comparison_json(const comparison *self);

/* The page of --out in new memory (free). */
int comparison_page(char **page, size_t *bytes, const comparison *self, kin_error *err);

/* Writes --prom FILE in one rename. `success`: all gates are met by a reference that fits; otherwise the time of the last success is
 * taken over from the file that is there. */
int comparison_write_prom(const comparison *self, bool success, kin_error *err);

#endif
