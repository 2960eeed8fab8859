#ifndef KIN_JOB_WHY_H
#define KIN_JOB_WHY_H
/*
 * Why one item is another's neighbour in a graph, or why it is not: by their ids.
 */
#include "compare/why.h"
#include "job/options.h"

typedef struct kin_why_options {
    kin_text_list
        modality; /* NAME=FILE[:WEIGHT] of the graph's vectors; empty: as its manifest says */
} kin_why_options;

#define KIN_WHY_OPTIONS_INIT                                                                       \
    {                                                                                              \
        .modality = {.count = 0 }                                                                  \
    }

/* Their lines, and a table of them. */
extern const kin_option kin_why_lines[];
extern const kin_option_table kin_why_table;

/* Finds the items `a` and `b` (KIN_E_DATA where the graph lacks one), opens the vectors, and fills
 * *out, which borrows `graph`. Where the manifest's vectors are gone or others, the graph alone is
 * asked and a warning says so. The stage "ranks" begins once everything is open; only from then on
 * can the monitor stop it. */
int kin_why_run(kin_why *out, const kin_graph *graph, const char *a, const char *b,
                const kin_why_options *options, const kin_monitor *monitor, kin_error *err);

#endif
