#ifndef KIN_CORE_SCORE_H
#define KIN_CORE_SCORE_H
/*
 * The canonical score, the one number that engines store and order by.
 *
 *     cos_m(x, y) = dot(x, y) * (1/|x| * 1/|y|)          dot: core/kernels.h, double
 *     score       = sum_m w_m cos_m                       double, in the catalog's order of m,
 *                                                         rounded once to float
 *
 * over the modalities S that both have. Where S is not all of them, --missing renorm multiplies
 * the sum by W and divides it by sum_S w, both in double; zero leaves it. An empty S is no pair.
 * A higher score comes first; of equal scores the smaller row number.
 */
#include "core/rows.h"

/* One side of the scores: an item of the catalog or vectors from outside. */
typedef struct kin_query {
    const kin_catalog *catalog;
    unsigned present;                 /* bit m: has modality m */
    int64_t row;                      /* the item that never is its own neighbour; -1 none */
    double *wide[KIN_MODALITIES_MAX]; /* [d_m] floats, kept as doubles; owned */
    double inverse_norm[KIN_MODALITIES_MAX];
    double weight_sum;                      /* W */
    double renorm[1 << KIN_MODALITIES_MAX]; /* by S: sum_S w where renorm rescales, else 0 */
} kin_query;

int kin_query_init(kin_query *self, const kin_catalog *catalog, kin_error *err);
void kin_query_release(kin_query *self);

/* The query is item `row`. */
void kin_query_set_row(kin_query *self, size_t row);

/* The query is a vector from outside per modality; NULL or all zero: it lacks that one. */
void kin_query_set_vectors(kin_query *self,
                           const float *const vector[] /* [modality_count][d_m] */);

/* The canonical score of a pair, into *score, and per modality into cosine[] (NaN outside S).
 * False, and nothing written, where there is no pair: S empty, or the item dropped. */
bool kin_query_score(const kin_query *self, size_t row, float *score,
                     float cosine[KIN_MODALITIES_MAX]);

/* An item whose rows are at hand as floats. */
typedef struct kin_item {
    unsigned present;
    double inverse_norm[KIN_MODALITIES_MAX];
    const float *vector[KIN_MODALITIES_MAX];
} kin_item;

/* Item `row` of the catalog. `memory` has room for all dimensions; it is left alone where the
 * file's own floats serve. */
kin_item kin_item_load(const kin_catalog *catalog, size_t row, float *memory);

/* An item whose rows are at hand as doubles, for products with many others. */
typedef struct kin_wide_item {
    unsigned present;
    double inverse_norm[KIN_MODALITIES_MAX];
    const double *vector[KIN_MODALITIES_MAX];
} kin_wide_item;

/* Item `row` of the catalog; `memory` has room for all dimensions. */
kin_wide_item kin_wide_item_load(const kin_catalog *catalog, size_t row, double *memory);

/* Canonical scores of x with each of y[0 .. count), count <= KIN_ITEMS_MAX, and per modality;
 * false in pair[i] where there is no pair. `rule` is any query of their catalog. */
enum { KIN_ITEMS_MAX = 4 };
void kin_items_score(const kin_query *rule, const kin_item *x, const kin_wide_item *const *y,
                     size_t count, bool *pair, float *score /* [count] */,
                     float *cosine /* [count][modality_count] */);

/* Asks memory for an item's rows, which are about to be read. */
void kin_catalog_prefetch(const kin_catalog *catalog, size_t row);

/* One query's candidates with their canonical scores, ascending by row without repeats, so that
 * ties fall to the smaller row. */
typedef struct kin_scored {
    size_t count;
    int32_t *candidate;
    float *score;
    float *cosine; /* [count][modality_count] */
} kin_scored;

/* Writes the best out->k of them, in order, as query `slot` of the block. */
void kin_scored_keep_best(const kin_scored *self, uint64_t *space /* [2 * count] */, kin_rows *out,
                          size_t slot);

/* Working memory of kin_rescore for up to `capacity` candidates. */
typedef struct kin_rescore_workspace {
    size_t capacity;
    uint64_t *key; /* [2 * capacity] */
    kin_scored scored;
} kin_rescore_workspace;

int kin_rescore_workspace_init(kin_rescore_workspace *self, size_t capacity, size_t modality_count,
                               kin_error *err);
void kin_rescore_workspace_release(kin_rescore_workspace *self);

/* Bytes that kin_rescore_workspace_init takes. */
size_t kin_rescore_workspace_bytes(size_t capacity, size_t modality_count);

/* Scores the candidates canonically, keeps the best out->k of them in order, and writes them as
 * query `slot` of the block. `candidate` must be ascending without repeats (so that ties fall to
 * the smaller row); the query's own row is skipped. Cost: count * sum d_m multiply-adds. */
void kin_rescore(const kin_query *query, const int32_t *candidate, size_t count,
                 kin_rescore_workspace *space, kin_rows *out, size_t slot);

#endif
