#ifndef KIN_SCAN_AXES_H
#define KIN_SCAN_AXES_H
/*
 * The directions of most variance of a sample.
 *
 * Randomised subspace iteration (Halko, Martinsson, Tropp, "Finding structure with randomness",
 * SIAM Review 53, 2011, algorithm 4.4), ordered by Rayleigh-Ritz. Products are core/gemm.h's,
 * factorisations scan/householder.h's and scan/eigen.h's: the same sample gives the same axes on
 * every CPU.
 */
#include "core/error.h"
#include <stddef.h>

typedef struct kin_axes {
    size_t d, count;
    float *axis;   /* [count][d] orthonormal, most variance first; owned */
    float *energy; /* [count] mean square of the sample along each; owned */
} kin_axes;

/* `count` axes of the centred rows y[0 .. rows)[d]; count <= d, count <= rows. Cost: 8 products of
 * rows x d x count. */
int kin_axes_fit(kin_axes *self, const float *y, size_t rows, size_t d, size_t count,
                 kin_error *err);
void kin_axes_release(kin_axes *self);

#endif
