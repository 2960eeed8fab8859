/*
 * sgemm in pieces of PIECE_ROWS rows, each on one thread (scan/blas.h).
 */
#include "scan/blas.h"

#include <cblas.h>
#include <omp.h>

enum { PIECE_ROWS = 128 };

static enum CBLAS_TRANSPOSE order_of(kin_blas_side side)
{
    return side.transposed ? CblasTrans : CblasNoTrans;
}

void kin_sgemm(size_t m, size_t n, size_t k, kin_blas_side a, kin_blas_side b, float beta, float *c)
{
#pragma omp parallel
    {
        omp_set_num_threads(1); /* a BLAS call from here uses this thread alone */
#pragma omp for schedule(dynamic)
        for (size_t first = 0; first < m; first += PIECE_ROWS) {
            size_t rows = m - first < PIECE_ROWS ? m - first : PIECE_ROWS;
            const float *x = a.x + first * (a.transposed ? 1 : a.stride);
            cblas_sgemm(CblasRowMajor, order_of(a), order_of(b), (int)rows, (int)n, (int)k, 1, x,
                        (int)a.stride, b.x, (int)b.stride, beta, c + first * n, (int)n);
        }
    }
}
