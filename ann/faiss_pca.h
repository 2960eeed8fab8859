#ifndef KIN_ANN_FAISS_PCA_H
#define KIN_ANN_FAISS_PCA_H
/*
 * Principal components: the orthonormal basis that keeps most of the energy of some rows.
 *
 * Uncentred (the default) it is the basis of the Gram matrix: inner products of projected rows are
 * the best approximation of the inner products there are in so few dimensions. Centred, the mean
 * is subtracted first and projected rows are made unit: their inner product is the cosine around
 * the mean, another similarity, which tells rows apart that share a large common part.
 */
#include "core/error.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct kin_pca {
    size_t d;        /* dimensions that go in */
    size_t kept;     /* dimensions that come out, 1 .. d; 0: there is no projection */
    float *basis;    /* [d][kept] column c is component c, largest eigenvalue first; owned */
    float *mean;     /* [d] or NULL; owned */
    double retained; /* share of the sample's energy that is kept, 0 .. 1 */
} kin_pca;

/* Fits `kept` components to the rows x[0 .. count)[d]. KIN_E_USAGE when kept > d. The centred fit
 * subtracts the mean from x in place. Same bits for any number of threads. */
int kin_pca_fit(kin_pca *self, float *x, size_t count, size_t d, size_t kept, bool centre,
                kin_error *err);
void kin_pca_release(kin_pca *self);

/* Bytes kin_pca_fit takes for itself meanwhile. */
size_t kin_pca_work_bytes(size_t d);

/* Projects rows. Serial. An output row's bits depend on its input row alone: no BLAS here, whose
 * rounding depends on how many rows come together. x may not overlap out. */
void kin_pca_apply(const kin_pca *self, const float *x /* [count][d] */, size_t count,
                   float *out /* [count][kept] */);

#endif
