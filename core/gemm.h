#ifndef KIN_CORE_GEMM_H
#define KIN_CORE_GEMM_H
/*
 * Matrix products in float32 with the same bits on every CPU.
 *
 *     c = a b,  c += a b  or  c -= a b,   a [m][k], b [k][n], c [m][n]
 *
 * An element's k is cut into chunks of KIN_GEMM_CHUNK. A chunk's sum is a chain of fused
 * multiply-adds from +0, k ascending; the sums are added to the element one after the other. The
 * bits of an element depend on its row of a and its column of b alone: not on m, n, the table of
 * kernels, the number of threads or what was packed. Chunks are short so that the bound of the
 * rounding is: with p = KIN_GEMM_CHUNK + ceil(k / KIN_GEMM_CHUNK) + 1 and u = 2^-24,
 *     |error| <= p u / (1 - p u) (|c| before + |a| |b|).
 * (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., sections 3.1 and 4.2.)
 *
 * The right side is packed: once for many products (kin_gemm_pack), or block by block under way
 * (kin_gemm). Of x y^T and y x^T the elements have the same bits: where blocks of many rows meet a
 * few, the few are the side to pack.
 */
#include <stdbool.h>
#include <stddef.h>

enum {
    KIN_GEMM_CHUNK = 64,
    KIN_GEMM_COLUMNS = 32, /* of a panel of the right side */
    KIN_GEMM_DEPTH = 256,  /* of k that a pass takes, whole chunks */
    KIN_GEMM_WIDTH = 512,  /* of n that a pass takes, whole panels */
    /* floats, 1 MiB: two passes */
    KIN_GEMM_WORKSPACE = 2 * KIN_GEMM_DEPTH * KIN_GEMM_WIDTH,
};

/* A matrix by rows, or its transpose. Not owned. */
typedef struct kin_gemm_side {
    const float *x;
    size_t stride; /* floats between rows as they lie in memory */
    bool transposed;
} kin_gemm_side;

typedef enum kin_gemm_mode { KIN_GEMM_SET, KIN_GEMM_ADD, KIN_GEMM_SUBTRACT } kin_gemm_mode;

/* Floats of b [k][n] packed: k times n rounded up to panels; SIZE_MAX if more than that. */
size_t kin_gemm_packed_floats(size_t k, size_t n);

/* Packs b [k][n] after transposition. */
void kin_gemm_pack(size_t k, size_t n, kin_gemm_side b, float *packed);

/* c[m][n], `stride` floats between its rows. On the calling thread; takes 13 KiB of its stack. */
void kin_gemm_packed(size_t m, size_t n, size_t k, kin_gemm_side a, const float *packed,
                     kin_gemm_mode mode, float *c, size_t stride);

/* The same, both sides as they are, on all threads. `workspace` [KIN_GEMM_WORKSPACE]. */
void kin_gemm(size_t m, size_t n, size_t k, kin_gemm_side a, kin_gemm_side b, kin_gemm_mode mode,
              float *c, size_t stride, float *workspace);

#endif
