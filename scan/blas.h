#ifndef KIN_SCAN_BLAS_H
#define KIN_SCAN_BLAS_H
/*
 * sgemm with the same bits for any number of threads.
 *
 * How OpenBLAS shares a product among threads decides where its blocks end, and with that how sums
 * are rounded. Here the rows of the result are cut into pieces of a fixed size, and each piece is
 * one thread's: what is learnt from a sample does not depend on the machine's load or --threads.
 */
#include <stdbool.h>
#include <stddef.h>

/* A matrix by rows, or its transpose. */
typedef struct kin_blas_side {
    const float *x;
    size_t stride; /* floats between rows as they lie in memory */
    bool transposed;
} kin_blas_side;

/* c[m][n] = beta c + a b, a [m][k] and b [k][n] after transposition. */
void kin_sgemm(size_t m, size_t n, size_t k, kin_blas_side a, kin_blas_side b, float beta,
               float *c);

#endif
