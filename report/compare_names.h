#ifndef KIN_REPORT_COMPARE_NAMES_H
#define KIN_REPORT_COMPARE_NAMES_H
/*
 * What reports of a comparison call its parts. Names are data of others: not escaped yet.
 */
#include "compare/comparison.h"

/* Tie-aware, or strict where there are no scores. */
const kin_summary *kin_compare_recall(const kin_recall *recall);
const kin_interval *kin_compare_recall_interval(const kin_recall *recall);

/* The last part of the graph's path. */
const char *kin_compare_graph_name(const kin_graph *graph);

/* "exact rows" for rows that were computed here; else the reference's name. */
const char *kin_compare_reference_name(const kin_comparison *compared);
const char *kin_compare_engine(const kin_graph *graph);

/* The CSS variable of modality m's colour, 0 .. KIN_MODALITIES_MAX - 1. */
const char *kin_compare_modality_color(size_t m);

/* a / b; NaN where b is 0. */
double kin_compare_ratio(size_t a, size_t b);

#endif
