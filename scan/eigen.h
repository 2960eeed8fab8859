#ifndef KIN_SCAN_EIGEN_H
#define KIN_SCAN_EIGEN_H
/*
 * Eigenvectors of a small symmetric matrix in double, with the same bits on every CPU: what
 * LAPACK's syev does, whose sums follow OpenBLAS's type of CPU.
 *
 * Householder's reduction to a tridiagonal matrix and implicit QL (Martin, Reinsch and Wilkinson,
 * Bowdler et al., Handbook for Automatic Computation II, contributions 2 and 3). The vectors are
 * products of reflections and rotations: orthonormal to some 1e-14, whatever the matrix holds, as
 * long as it is finite. Cost: about 6 n^3 operations, serial; 30 ms for n = 272.
 */
#include <stddef.h>

/* Sets `value` [n], largest first, and the rows of `vector` [n][n], unit eigenvectors. a [n][n] is
 * symmetric and destroyed. `workspace` [3 n]. */
void kin_eigen_symmetric(double *a, size_t n, double *value, double *vector, double *workspace);

#endif
