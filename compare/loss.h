#ifndef KIN_COMPARE_LOSS_H
#define KIN_COMPARE_LOSS_H
/*
 * The loss split: why a graph lacks neighbours, from the candidates that its build stored of some
 * rows (compare/trace.h), and which option gets them back.
 *
 * Lost are, of a traced row, the first r - (r * tie-aware@K) of the reference's neighbours that the
 * graph's row does not have, best first: those that no tie makes up for. Each is lost for one
 * reason, the first that holds:
 *
 *     ranked out   a source proposed it: a rule or the last selection dropped it
 *     depth        no source was asked deep enough: in no modality is it among the C nearest
 *                  distinct vectors
 *     search       within C in some modality, but its index did not come across it
 *     not looked at  (join) the row did not look at its cluster
 *     estimate     (join) the row looked at its cluster, but the estimate of its score was too low
 *
 * Depth and search are booked to the modality in which it ranks best. Its rank in modality m is 1 +
 * the number of distinct cosines that are larger, with that of the row's own vector (equal vectors
 * share one, an index holds each vector once, and answers with the row's own as well).
 *
 * Advice: what an option would get back by the same sample, and its price as a factor of the
 * search's work. For depth the ranks say which C holds which share of the lost. For a join the
 * probe_sigmas say the same of clusters, and work is the clusters' items. For search there is no
 * model: twice efSearch, twice the work, gain unknown (NaN).
 */
#include "compare/trace.h"

typedef enum kin_loss_reason {
    KIN_LOSS_RANKED_OUT,
    KIN_LOSS_DEPTH,
    KIN_LOSS_SEARCH,
    KIN_LOSS_NOT_LOOKED_AT,
    KIN_LOSS_ESTIMATE,
    KIN_LOSS_REASONS,
} kin_loss_reason;

extern const char *const kin_loss_reason_names[]; /* "ranked_out", ... */

/* What another value of an option would bring. */
typedef struct kin_loss_advice {
    kin_loss_reason reason;
    char option[24]; /* "--candidates", "--ef-search", "--probes", "--target-recall" */
    double value;    /* to set it to; NaN: see text */
    double regained; /* share of all lost neighbours, NaN unknown */
    double price;    /* work of the search, times */
    char text[160];  /* one sentence for people, from the numbers above */
} kin_loss_advice;

enum { KIN_LOSS_ADVICE_MAX = 6 };

typedef struct kin_loss {
    size_t rows;    /* traced rows whose reference is not empty */
    size_t entries; /* neighbours that the reference has there */
    size_t lost;
    size_t reason[KIN_LOSS_REASONS];
    size_t modality_count;
    size_t depth_by[KIN_MODALITIES_MAX]; /* by the graph's modalities, as the next */
    size_t search_by[KIN_MODALITIES_MAX];
    size_t advice_count;
    kin_loss_advice advice[KIN_LOSS_ADVICE_MAX]; /* most regained first */
} kin_loss;

/* `reference` has the exact rows of the traced items, in the graph's own row numbers. nearest[m]
 * (NULL where no source is of modality m) are exact neighbours by modality m alone of the same
 * rows, deep enough to tell whether an item is among the C nearest distinct vectors; deeper ones
 * make better advice. */
int kin_loss_split(kin_loss *out, const kin_graph *graph, const kin_graph *reference,
                   const kin_trace *trace, const kin_graph *const nearest[KIN_MODALITIES_MAX],
                   kin_error *err);

#endif
