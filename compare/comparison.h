#ifndef KIN_COMPARE_COMPARISON_H
#define KIN_COMPARE_COMPARISON_H
/*
 * One comparison: a graph, perhaps another one beside it, the truth, and the previous graph, all as
 * data, and everything that is measured of them.
 *
 * The truth is another graph or exact rows that were computed for it; from there on both are the
 * same: a graph whose rows are right. A caller fills the sides, then calls kin_comparison_match,
 * kin_comparison_measure_recall and kin_comparison_measure_graph; a loss split (compare/loss.h)
 * needs rows that the caller computes.
 */
#include "compare/compatible.h"
#include "compare/gates.h"
#include "compare/import.h"
#include "compare/loss.h"
#include "compare/strata.h"

/* A graph as it was given. */
typedef struct kin_comparison_side {
    bool there;
    bool named; /* it has ids: its own, given ones, or lent by a graph of the same rows */
    bool lent;  /* the graph is the caller's, who closes it */
    kin_graph graph;
    kin_import_report import; /* of an imported file: what was left out */
} kin_comparison_side;

enum { KIN_COMPARISON_WARNINGS_MAX = KIN_MISMATCHES_MAX + 10 };

typedef struct kin_comparison {
    kin_comparison_side graph, other, reference, previous; /* owned */
    size_t top_k;         /* neighbours of a row to compare; 0: as graphs claim */
    bool force;           /* a reference that does not fit is compared, with warnings */
    bool computed;        /* the reference's rows were computed for a sample */
    uint64_t seed;        /* of the sample */
    const char *stratify; /* the column of the strata; borrowed */
    kin_id_map to_reference, other_to_reference, to_previous;
    int32_t *row; /* [row_count] of the reference that were sampled, ascending; NULL: all; owned */
    size_t row_count;
    kin_strata strata;    /* of the graph; count 0: none asked for */
    kin_stratum *stratum; /* [strata.count] the reference's rows; owned */

    bool has_recall, has_difference, has_loss, has_drift;
    kin_recall recall, other_recall;
    kin_recall_difference difference; /* recall of `graph` less that of `other` */
    kin_loss loss;
    kin_structure structure; /* of `graph` */
    kin_drift drift;
    size_t gate_count;
    kin_gate gate[KIN_GATES_MAX];
    size_t warning_count;
    char warning[KIN_COMPARISON_WARNINGS_MAX]
                [KIN_MESSAGE_MAX]; /* what makes the numbers mean less */
    bool forced;                   /* the reference does not fit */
    double start_seconds;          /* of kin_clock_seconds */
} kin_comparison;

/* Closes all sides. */
void kin_comparison_release(kin_comparison *self);

/* Matches the rows of all sides by id. A file without ids takes the names of a graph with as many
 * rows. KIN_E_DATA where two sides share no item, and without `force` where the reference does not
 * fit (compare/compatible.h); with it there are warnings. */
int kin_comparison_match(kin_comparison *self, const kin_monitor *monitor, kin_error *err);

/* How many neighbours of a row are compared, K: top_k; else what graph (and other) and reference
 * both claim to have. A file without such a claim (.npz, .ivecs) is compared at the reference's, so
 * that rows that are too short lose. */
size_t kin_comparison_top_k(const kin_comparison *self);

/* K of exact rows that are computed for a sample. */
size_t kin_comparison_sample_top_k(const kin_comparison *self);

/* KIN_E_USAGE where top_k is more than the reference has, or as many as there are items; warns
 * where a file's rows cannot hold K. */
int kin_comparison_check_top_k(kin_comparison *self, const kin_monitor *monitor, kin_error *err);

/* Recall, the difference of two, and the strata. Where there is no reference, nothing. */
int kin_comparison_measure_recall(kin_comparison *self, const kin_monitor *monitor, kin_error *err);

/* The structure of the graph, and its drift since the previous one. */
int kin_comparison_measure_graph(kin_comparison *self, const kin_monitor *monitor, kin_error *err);

void kin_comparison_check_gates(kin_comparison *self, const kin_gate_limits *limits);

/* KIN_E_GATE naming every gate that is not met; 0 where all are. */
int kin_comparison_gates_error(const kin_comparison *self, kin_error *err);

/* Stores a warning for the report, and sends it to the monitor. */
void kin_comparison_warn(kin_comparison *self, const kin_monitor *monitor, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
