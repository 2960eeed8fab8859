#ifndef KIN_JOB_COMPARE_H
#define KIN_JOB_COMPARE_H
/*
 * Comparing a graph with the truth and with the previous graph: opens what the options name,
 * computes exact rows where the truth is a sample, and has everything measured
 * (compare/comparison.h).
 */
#include "compare/comparison.h"
#include "job/options.h"

typedef struct kin_compare_options {
    const char *graph, *other; /* folders, or files of neighbours; `other` NULL: none */
    const char *reference;     /* the truth: a graph; NULL: a sample, or none */
    const char *previous;      /* last night's graph; NULL: none */
    const kin_graph *open_graph, *open_reference; /* opened ones in place of paths; NULL: none */
    const kin_catalog_options *inputs;            /* vectors in place of `modality`; NULL: none */
    const char *ids, *reference_ids; /* an id a line, of imported files; NULL: row numbers */
    const char *stratify;            /* a column of items.tsv; NULL: none */
    int64_t sample;                  /* the truth: exact rows of so many items; 0: `reference` */
    int64_t seed;                    /* of the sample, >= 0 */
    int64_t top_k;                   /* 0: as graph and reference say; to 10,000 */
    kin_text_list
        modality; /* NAME=FILE[:WEIGHT] of the vectors; empty: as the graph's manifest says */
    int missing;  /* kin_missing; of imported files */
    kin_gate_limits gates;
    uint64_t memory; /* bytes; 0: what the machine has */
    bool force;      /* a reference that does not fit is compared, and meets no gate */
} kin_compare_options;

#define KIN_COMPARE_OPTIONS_INIT                                                                   \
    {                                                                                              \
        .seed = 1, .gates = KIN_GATE_LIMITS_INIT                                                   \
    }

/* Their lines, all but `force`, and a table of them. */
extern const kin_option kin_compare_lines[];
extern const kin_option_table kin_compare_table;

/* Fills *out, whose gates may not be met (kin_comparison_gates_error); release it with
 * kin_comparison_release. It borrows the options' texts. The monitor gets the progress of exact
 * rows, and warnings as messages. KIN_E_USAGE where options contradict each other. On failure *out
 * is empty. */
int kin_compare_run(kin_comparison *out, const kin_compare_options *options,
                    const kin_monitor *monitor, kin_error *err);

#endif
