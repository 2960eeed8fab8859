#ifndef KIN_COMPARE_RECALL_H
#define KIN_COMPARE_RECALL_H
/*
 * Recall: how much of a reference's neighbours a graph has. Takes rows as data and knows no engine.
 *
 * One row: G are the graph's neighbours and R the reference's, both without repeated ids (the best
 * score of an id stays) and cut to the best K; r = |R|, t = the score of R's last entry.
 *
 *     strict    = |ids in both G and R| / r
 *     tie-aware = min(r, |{g in G: score(g) >= t - 1e-6}|) / r
 *     fill      = min(r, |G|) summed over the rows / r summed over the rows
 *
 * Real catalogs hold twins, so which of many equal neighbours made the last places says nothing:
 * tie-aware is the number to judge by. Both scores are canonical (core/score.h), which is why the
 * graph's own may be trusted, provided both sides were made from the same vectors with the same
 * weights: kin_recall_comparable checks that. The 1e-6 is some sixteen roundings of a float near 1.
 * A row whose reference is empty (r = 0) has no recall; it is counted and left out of all means.
 *
 * Over rows: p5 and p50 are the values at place ceil(p s) of the s values in ascending order.
 *
 * The lower bound at a share of error alpha (of the mean tie-aware recall of all rows, from s rows drawn
 * without replacement) treats the row as the sampling unit, as entries of a row stand or fall
 * together. It is the smallest mean m <= alpha^(1/s) that the rows x_1 .. x_s do not refute, by
 * betting against it (Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by
 * betting", with fixed bets):
 *
 *     V(m) = sum_{j >= 0} 2^-(j+1) prod_i (1 - 2^-j + 2^-j x_i / m)
 *     W(m) = w prod_i x_i / m + (1 - w) V(m),   w = m^s / alpha
 *
 * If the mean is m or less, each product has an expectation of 1 or less (drawing without
 * replacement associates the rows negatively, which only lowers it), so P(W >= 1 / alpha) <= alpha
 * by Markov. W falls in m, so where the bound passes the true mean that has happened at the true mean:
 * the bound holds at any s, needs no normal distribution, and adapts to the spread. Rows at 0 are
 * what the smaller bets are for.
 * w is the stake that a sample without any loss turns into exactly 1 / alpha: its bound is alpha^(1/s),
 * never 1, and no bound of s values that never falls when a row gains can lie higher. Farther down w is
 * next to nothing. A mean over all rows is no estimate and has no bound.
 */
#include "core/graph.h"

#define KIN_RECALL_TIE 1e-6

/* Rows of a distribution of s values in [0, 1]; all 0 where s is 0. */
typedef struct kin_recall_summary {
    double mean, min, p5, p50;
} kin_recall_summary;

typedef struct kin_recall {
    size_t rows;               /* compared */
    size_t judged;             /* of these, rows whose reference is not empty: s */
    size_t k;                  /* entries of a row that count, at most */
    bool census;               /* every row of the graph was compared */
    kin_recall_summary strict; /* over the judged rows */
    kin_recall_summary tie_aware;
    double lower95;    /* alpha 0.05, of tie_aware.mean, in [0, 1); NaN for a census or s = 0 */
    double fill;       /* 0 .. 1; 0 where s is 0 */
    size_t empty_rows; /* compared rows without a neighbour in the graph */
    size_t reference_empty_rows; /* rows - judged */
} kin_recall;

/* Refuses (KIN_E_DATA, naming both values) two graphs whose recall would mean nothing: other n,
 * ids, top_k, or scores that are no common scale: modalities, fingerprints, weights, --missing. */
int kin_recall_comparable(const kin_graph *graph, const kin_graph *reference, kin_error *err);

/* Every row of `graph` against the same row of `reference`; they must be comparable.
 * Time O(pairs log k), memory 16 bytes a row. */
int kin_recall_graphs(kin_recall *out, const kin_graph *graph, const kin_graph *reference,
                      kin_error *err);

/* Rows row[0 .. exact->count) of `graph` against the exact ones, exact->k = graph->k. The rows
 * are distinct; a census when they are all. */
int kin_recall_rows(kin_recall *out, const kin_graph *graph,
                    const int32_t *row /* [exact->count] */, const kin_rows *exact, kin_error *err);

/* The same for rows in memory: got->count = exact->count rows of the same items in the same order, of
 * which row numbers and scores are read. No census. `value` receives the tie-aware recalls of the
 * judged rows. */
int kin_recall_kept(kin_recall *out, double *value /* [exact->count] */, const kin_rows *got,
                    const kin_rows *exact, kin_error *err);

/* The bound above for s >= 1 values in [0, 1] and an alpha in (0, 1): with a probability of at least
 * 1 - alpha it is no more than the mean. */
double kin_recall_lower(const double *value /* [s] */, size_t s, double alpha);

#endif
