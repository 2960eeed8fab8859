#ifndef KIN_SCAN_HOUSEHOLDER_H
#define KIN_SCAN_HOUSEHOLDER_H
/*
 * Householder vectors of a few vectors, with the same bits on every CPU and for any number of
 * threads: what LAPACK's geqrf, larft and orgqr do, whose sums follow OpenBLAS's type of CPU.
 *
 * For x [count][d], vectors by rows: Q = I - V T V^T is orthogonal, T upper triangular (the compact
 * WY form of Schreiber and Van Loan, SIAM J. Sci. Stat. Comput. 10, 1989), and Q^T turns vector i
 * into one that has only coordinates 0 .. i. The first `count` columns of Q span what x spans, if x
 * has full rank, and are orthonormal in any case.
 */
#include "core/error.h"
#include <stddef.h>

typedef struct kin_householder {
    size_t d, count;  /* count <= d */
    float *v;         /* [count][d] column j of V: zeros before place j, a one there; owned */
    float *t;         /* [count][count] T; owned */
    double *tau;      /* [count] T's diagonal; owned */
    double *exact;    /* [count][count] T before it is rounded; owned */
    float *along;     /* [2][count][count] workspace; owned */
    float *workspace; /* [KIN_GEMM_WORKSPACE]; owned */
} kin_householder;

int kin_householder_init(kin_householder *self, size_t count, size_t d, kin_error *err);
void kin_householder_release(kin_householder *self);

/* Bytes of it. */
size_t kin_householder_bytes(size_t count, size_t d);

/* Sets V and T from x [count][d]. Cost: 2 d count^2 multiply-adds by kin_gemm. */
void kin_householder_factor(kin_householder *self, const float *x);

/* The first `count` columns of Q, by rows. */
void kin_householder_columns(const kin_householder *self, float *q /* [count][d] */);

/* V T, by which Q^T = I - V (V T)^T. */
void kin_householder_product(const kin_householder *self, float *vt /* [d][count] */);

#endif
