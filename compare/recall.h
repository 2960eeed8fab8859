#ifndef KIN_COMPARE_RECALL_H
#define KIN_COMPARE_RECALL_H
/*
 * Recall: how much of a reference's neighbours a graph has. Takes rows as data and knows no engine.
 *
 * One row: G are the graph's neighbours and R the reference's, best first, without repeated ids
 * (the best entry of an id stays), without the item itself, and cut to the best K, which the caller
 * says: never what the graph happens to have, so that what it lacks is missed. G_k and R_k are
 * their first k, r_k = |R_k|, r = |R|, s(.) a score and t_k = s of R_k's last entry; W is the sum
 * of the weights.
 *
 *     strict@k     = |ids in both G_k and R_k| / r_k
 *     tie-aware@k  = min(r_k, |{g in G_k: s(g) >= t_k - 1e-6}|) / r_k
 *     epsilon      = min(r, |{g in G: W - s(g) <= (1 + epsilon) (W - t_K) + 1e-6}|) / r
 *     1-recall@k   = 1 where R_1 is in G_k, else 0     (the reference's nearest, found among k)
 *     1-true@k     = 1 where G_1 is in R_k, else 0     (the graph's nearest, true among k; 0 where
 *                                                       G is empty)
 *     score ratio  = sum of s over the first r of G / sum of s over R; where the latter is above 0
 *     score loss   = mean of s(R_i) - s(G_i) over the places i that both have
 *     fill         = sum of min(r, |G|) over rows / sum of r over rows
 *
 * Real catalogs hold duplicates, so which of many equal neighbours has the last places says
 * nothing: tie-aware is the number to decide by. Both scores are canonical (core/score.h), which is
 * why the graph's own may be trusted, provided both sides were made from the same vectors with the
 * same weights (compare/compatible.h). The 1e-6 is some sixteen roundings of a float near 1. Where
 * one side has no scores (an imported file without vectors), only strict, the two 1-recalls and
 * fill exist; the others are NaN. A row whose reference is empty (r = 0) has no recall; it is
 * counted and left out of all means.
 */
#include "compare/id_map.h"
#include "compare/interval.h"
#include "compare/summary.h"
#include "core/graph.h"

#define KIN_RECALL_TIE 1e-6

enum { KIN_EPSILONS = 2 };

extern const double kin_epsilons[KIN_EPSILONS]; /* 0.01, 0.1 */

typedef struct kin_recall {
    size_t rows;      /* compared: the reference's, that the graph has too */
    size_t evaluated; /* of these, rows whose reference is not empty: s */
    size_t k;         /* entries of a row that count, at most */
    bool exhaustive;  /* every row of both was compared */
    bool scored;      /* both have scores: else tie-aware values are NaN, and `value` is strict */
    size_t cuts;
    size_t cut[KIN_CUTS_MAX]; /* 1, 10, 50, 100 below K, and K */
    /* means over the evaluated rows, at each cut; NaN where there are none */
    double strict_at[KIN_CUTS_MAX], tie_aware_at[KIN_CUTS_MAX];
    double nearest_found_at[KIN_CUTS_MAX]; /* 1-recall@k */
    double nearest_true_at[KIN_CUTS_MAX];  /* 1-true@k */
    double epsilon[KIN_EPSILONS];          /* likewise */
    double score_ratio, score_loss;        /* NaN where no row has them */
    kin_summary strict, tie_aware;
    kin_interval strict_interval, tie_aware_interval; /* exhaustive: the mean itself, all four */
    size_t rows_for_half; /* rows that would halve the interval of `value`; 0 where exhaustive */
    size_t worst_count;
    kin_worst worst[KIN_WORST_MAX]; /* rows of the reference below 1, least value first, then row */
    double fill;                    /* 0 .. 1; NaN where s is 0, as are all means */
    size_t short_rows;              /* the graph has fewer than K and fewer than the reference */
    size_t short_by_rule; /* fewer than K, and so has the reference: there are no more to find */
    size_t empty_rows;    /* evaluated rows without a neighbour in the graph */
    size_t empty_by_rule; /* rows - evaluated: the reference is empty */
    size_t truth_short;   /* of `rows`, where the reference has fewer than K, and none */
    double *value;        /* [evaluated] tie-aware@K, or strict@K where not scored; owned */
    int32_t *row;         /* [evaluated] the reference's rows that they are of, ascending; owned */
} kin_recall;

/* Rows row[0 .. count) of the reference, ascending (NULL: all), against the graph's rows of the
 * same items, cut to `k` (0: the reference's). `id_map` leads from the graph to the reference. Rows
 * whose items the graph does not have are left out. `weight_sum` is W. Time O(pairs), in all
 * threads, the same numbers for any number of them. Memory: 20 bytes a row, and 8 to sort them, of
 * a sample 32 to bound their mean. */
int kin_recall_measure(kin_recall *out, const kin_graph *graph, const kin_graph *reference,
                       const kin_id_map *id_map, size_t k, double weight_sum,
                       const int32_t *row /* [count] */, size_t count, kin_error *err);
void kin_recall_release(kin_recall *self);

/* Tie-aware recall alone. */
typedef struct kin_recall_mean {
    size_t evaluated;
    double tie_aware; /* mean over the evaluated rows; 1 where there are none */
} kin_recall_mean;

/* Where the tie-aware recalls of single rows go, [rows] each; not owned. */
typedef struct kin_recall_values {
    double *at_k;
    double *at_1, *at_10; /* of the first 1 and the first 10, or K where that is fewer; or NULL */
} kin_recall_values;

/* Rows in memory: got->count = exact->count rows of the same items in the same order, of which row
 * numbers and scores are read; `item` are their own row numbers. What the evaluation of a build
 * rests on. `values` have room for exact->count rows and receive the evaluated ones'. */
int kin_recall_measure_rows(kin_recall_mean *out, const kin_recall_values *values,
                            const kin_rows *got, const kin_rows *exact,
                            const int32_t *item /* [exact->count] */, kin_error *err);

/* Two graphs evaluated on the same rows of one reference: a's recall less b's, row by row. */
typedef struct kin_recall_difference {
    size_t rows;           /* evaluated in both */
    bool exhaustive;       /* every row of both was evaluated */
    double mean;           /* -1 .. 1; NaN where no row was evaluated in both */
    kin_interval interval; /* of the mean; exhaustive: the mean itself */
    size_t better, worse;  /* rows where a is above b, below b */
} kin_recall_difference;

int kin_recall_subtract(kin_recall_difference *out, const kin_recall *a, const kin_recall *b,
                        kin_error *err);

#endif
