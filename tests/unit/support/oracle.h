#ifndef KIN_SUPPORT_ORACLE_H
#define KIN_SUPPORT_ORACLE_H
/*
 * The tests' own idea of what is right: all pairs, plain loops, a full sort. It shares the names of
 * types with the product and no code.
 *
 * Two scores: the canonical one (the contract of core/score.h written down a second time, lane
 * order and all), which stored results must equal bit for bit, and the true one in long double,
 * which keeps the contract itself honest.
 */
#include "core/catalog.h"
#include <stdbool.h>

/* A catalog in memory. A zero row is a missing one. */
typedef struct oracle {
    size_t n;
    size_t modality_count;
    size_t d[KIN_MODALITIES_MAX];
    float *x[KIN_MODALITIES_MAX]; /* [n][d_m]; owned */
    double weight[KIN_MODALITIES_MAX];
    kin_missing missing;
    double *inverse_norm[KIN_MODALITIES_MAX]; /* [n] canonical 1 / |x|; owned */
    unsigned *present; /* [n] modalities that count, after the policy; owned */
} oracle;

/* One pair, evaluated. */
typedef struct oracle_pair {
    int32_t row;
    float score;
    float cosine[KIN_MODALITIES_MAX]; /* NaN outside S */
} oracle_pair;

/* Fills inverse_norm and present, once the rest is there. */
void oracle_prepare(oracle *self);
void oracle_release(oracle *self);

/* sum x_i y_i in the lane order of core/kernels.h, in double. */
double oracle_lane_dot(const float *x, const float *y, size_t d);

/* sum x_i y_i and sum |x_i y_i| in long double. */
long double oracle_dot(const float *x, const float *y, size_t d, long double *magnitude);

/* The canonical score of a pair; false where it is none. */
bool oracle_score(const oracle *self, size_t i, size_t j, oracle_pair *out);

/* The score in long double, by the definition; NaN where it is no pair. */
long double oracle_true_score(const oracle *self, size_t i, size_t j);

/* The k best of row i's candidates (NULL: all items), in order, without i itself. Returns how
 * many. `out` has room for every candidate. */
size_t oracle_row(const oracle *self, size_t i, const int32_t *candidate, size_t count, size_t k,
                  oracle_pair *out);

#endif
