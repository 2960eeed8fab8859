#ifndef KIN_ANN_FAISS_SPACE_H
#define KIN_ANN_FAISS_SPACE_H
/*
 * The vectors that an index holds: unit rows of one modality, or fused rows of all of them, as
 * float32, perhaps projected.
 *
 * A fused row is the concatenation of sqrt(w_m) * x_m / |x_m|, so that the inner product of two
 * is sum w_m cos_m; the block of a missing modality is zero. Under --missing renorm, with
 * `stretch`, the row of an item that lacks modalities is multiplied by W / sum of the weights it
 * has: then its inner product with a complete item's row is the score that policy gives the pair.
 * (For two items that both lack something it is not, in general; only candidates come from here.)
 */
#include "ann/faiss_pca.h"
#include "core/score.h"

typedef struct kin_space {
    const kin_catalog *catalog;
    unsigned modalities; /* bit set of those concerned */
    bool fused;
    bool stretch;  /* fused rows of incomplete items are as long as renorm makes them */
    size_t d_full; /* before projection */
    size_t d;      /* of the vectors that come out */
    kin_pca pca;   /* pca.kept == 0: none; owned */
} kin_space;

/* The space of modality m, or (m == catalog->modality_count) the fused one. No projection yet. */
void kin_space_init(kin_space *self, const kin_catalog *catalog, size_t m);
void kin_space_release(kin_space *self);

/* The vectors of items item[0 .. count). Every one must have a modality of the space. `wide` is
 * a buffer of count * d_full floats, used under projection only (else NULL). Serial: call it from
 * inside a team, or with blocks. A vector's bits depend on its item alone. False when a value is
 * not finite: then the files have changed (kin_catalog_fail_row), and nothing of it may reach
 * FAISS, whose graph it would destroy, or LAPACK. */
bool kin_space_rows(const kin_space *self, const int32_t *item, size_t count,
                    float *out /* [count][d] */, float *wide);

/* kin_space_rows by all threads: item's vectors in fixed pieces. `wide` as above. KIN_E_AGAIN. */
int kin_space_rows_parallel(const kin_space *self, const int32_t *item, size_t count, float *out,
                            float *wide, kin_error *err);

/* The vector of a query; false when it has no modality of the space. `wide` [d_full] or NULL. Its
 * values are as finite as the query's. */
bool kin_space_query(const kin_space *self, const kin_query *query, float *out, float *wide);

/* Whether all values are finite. */
bool kin_space_finite(const float *x, size_t count);

/* Learns the projection to `kept` dimensions from a seeded sample of the items item[0 .. count). */
int kin_space_project(kin_space *self, const int32_t *item, size_t count, size_t kept, bool centre,
                      uint64_t seed, kin_error *err);

/* Bytes that kin_space_project takes for itself meanwhile. */
size_t kin_space_project_bytes(const kin_space *self, size_t count);

#endif
