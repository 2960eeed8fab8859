#ifndef KIN_CORE_KERNELS_H
#define KIN_CORE_KERNELS_H
/*
 * The arithmetic under the canonical score: dot products in double, in one fixed lane order.
 *
 * A product of two floats is exact in double, so a fused multiply-add rounds as a multiply
 * followed by an add does. What is left to differ between machines is the order of the additions,
 * and that is fixed here: lane l of KIN_LANES sums the products of the elements l, l + KIN_LANES,
 * l + 2 KIN_LANES, ... in that order, then the lanes are added as a balanced tree (l with
 * l + KIN_LANES/2, and so on down). Every table below gives the same bits.
 *
 * Elements of all types are converted to float first; float64 is rounded to nearest once.
 */
#include "kin/kin.h"
#include <stddef.h>
#include <stdint.h>

/* kin_dtype, the element types of vectors, is the library's (kin/kin.h). */
enum { KIN_LANES = 32, KIN_DTYPE_COUNT = KIN_I8 + 1 };

typedef struct kin_kernels {
    const char *name; /* "portable", "avx2", "avx512" */

    /* sum over i < d of x[i] * y[i]; y has the table index's type and any alignment.
     * Relative to sum |x_i y_i| the error is below (d / KIN_LANES + 5) * 2^-53. */
    double (*dot[KIN_DTYPE_COUNT])(const float *x /* [d] */, const void *y /* [d] */, size_t d);

    /* The same sum, bit for bit, of floats that are kept as doubles: one side converted once serves
     * many products. */
    double (*dot_wide[KIN_DTYPE_COUNT])(const double *x /* [d] */, const void *y, size_t d);

    /* The sums of x with each of y[0 .. count), bit for bit those of dot[KIN_F32]. */
    void (*dots)(const float *x /* [d] */, const float *const *y /* [count][d] */, size_t count,
                 size_t d, double *out /* [count] */);

    /* The same with each y kept as doubles: rows that meet many others are converted once. */
    void (*dots_wide)(const float *x /* [d] */, const double *const *y /* [count][d] */,
                      size_t count, size_t d, double *out /* [count] */);

    /* out[i] = (float)in[i] for `count` elements of the table index's type, any alignment. */
    void (*widen[KIN_DTYPE_COUNT])(float *out /* [count] */, const void *in, size_t count);

    /* out[i] = (double)(float)in[i], likewise. */
    void (*widen_double[KIN_DTYPE_COUNT])(double *out /* [count] */, const void *in, size_t count);

    /* out[i] = in[i] as float16 (core/half.h), any alignment. */
    void (*narrow)(uint16_t *out /* [count] */, const float *in, size_t count);
} kin_kernels;

/* The best table for this CPU, chosen at the first call. */
const kin_kernels *kin_kernels_best(void);

/* The tables this CPU can run, best first, ended by NULL. The last one is always "portable". */
const kin_kernels *const *kin_kernels_all(void);

/* "float32", "float16", "float64", "int8". */
const char *kin_dtype_name(kin_dtype type);

/* Bytes of one element. */
size_t kin_dtype_bytes(kin_dtype type);

#endif
