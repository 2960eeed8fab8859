#ifndef KIN_COMPARE_RECALL_ROW_H
#define KIN_COMPARE_RECALL_ROW_H
/*
 * Private to compare/recall*.c: one row against its reference.
 */
#include "compare/recall.h"
#include "compare/row.h"

/* How rows are cut and what their scores mean. */
typedef struct kin_recall_rule {
    size_t k, cuts;
    size_t cut[KIN_CUTS_MAX];
    bool scored;
    double weight_sum; /* W */
} kin_recall_rule;

/* The numbers of one row, or their sums over rows. */
typedef struct kin_recall_row {
    double strict[KIN_CUTS_MAX], tie_aware[KIN_CUTS_MAX];
    double nearest_found[KIN_CUTS_MAX], nearest_true[KIN_CUTS_MAX];
    double epsilon[KIN_EPSILONS];
    double score_ratio, score_loss;
    size_t with_ratio, with_loss; /* rows that have these two */
    size_t evaluated, filled, entries;
    size_t short_rows, short_by_rule, empty_rows, empty_by_rule, truth_short;
} kin_recall_row;

/* The rule of a comparison at k. */
kin_recall_rule kin_recall_rule_make(size_t k, bool scored, double weight_sum);

/* got[0 .. got_count) against wanted[0 .. wanted_count), both distinct and best first; `place` has
 * the places of wanted's ids (kin_row_distinct). */
kin_recall_row kin_recall_row_of(const kin_recall_rule *rule, const kin_neighbor *got,
                                 size_t got_count, const kin_neighbor *wanted, size_t wanted_count,
                                 const kin_id_set *place);

void kin_recall_row_add(kin_recall_row *sum, const kin_recall_row *one);

#endif
