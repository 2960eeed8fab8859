#ifndef KIN_SCAN_ROTATION_H
#define KIN_SCAN_ROTATION_H
/*
 * The rotation that makes rows cheap to compare: z = H Q (u - mean), u a fused row.
 *
 * Q is orthogonal and puts the `lead` directions that hold most of the rows' variance first; H
 * mixes the leading coordinates among themselves and the others among themselves, so that no
 * coordinate stands out and one step per row quantises all of them well. Then
 *     <u_x, u_y> = <z_x, z_y> + <mean, u_x> + <mean, u_y> - <mean, mean>,
 * and what the leading parts leave out of <z_x, z_y> is at most the product of two tail norms.
 *
 * The directions are a sample's (scan/axes.h). Completed to a full orthogonal Q for nothing: the
 * Householder vectors of their QR factorisation in the compact WY form Q^T = I - V (V T)^T
 * (scan/householder.h), so a row costs 4 d lead operations instead of 2 d^2. H: random signs, then
 * Hadamard blocks.
 *
 * Any rotation is valid; a better one is only faster. What counts is that its own errors are known:
 * `skew` is how far V and V T, as stored, are from orthogonal, measured in double, and
 * `relative_error` bounds the rounding of kin_rotation_apply a priori.
 */
#include "scan/axes.h"

/* Directions looked for: candidates for `lead`, and some more so that the last ones converge. */
enum { KIN_LEAD_MAX = 256, KIN_LEAD_SPARE = 16 };

typedef struct kin_rotation {
    size_t d;          /* dimensions that go in */
    size_t lead;       /* leading dimensions, a multiple of KIN_CODE_ALIGN */
    size_t tail;       /* the others, a multiple of KIN_CODE_ALIGN or 0; lead + tail >= d */
    size_t reflectors; /* columns of V: `lead`, or 0 where Q is the identity (tail == 0) */
    float *mean;       /* [d]; owned */
    float *v;          /* [reflectors][d] Householder vectors; owned */
    float *vt;         /* [d][reflectors] V T; owned */
    float *packed_v;   /* both as right sides of products (core/gemm.h); owned */
    float *packed_vt;
    float *sign;           /* [lead + tail] +1 or -1; owned */
    double skew;           /* |<Q^T a, Q^T b> - <a, b>| <= skew |a| |b| */
    double relative_error; /* |z - what it would be without rounding| / |u - mean| */
} kin_rotation;

/* A rotation of d dimensions around `mean` (copied) that puts the first `lead` axes first; lead
 * == 0 or NULL axes: all dimensions are leading, in blocks that are merely mixed. */
int kin_rotation_init(kin_rotation *self, const float *mean, size_t d, const kin_axes *axes,
                      size_t lead, kin_error *err);
void kin_rotation_release(kin_rotation *self);

/* Bytes that kin_rotation_init takes, its working memory included. */
size_t kin_rotation_bytes(size_t d, size_t lead);

/* Rotates rows that were centred: y [count][d] is destroyed, z [count][lead + tail]. `workspace`
 * holds count * max(lead, KIN_CODE_ALIGN) floats. On the calling thread; a row's result does not
 * depend on which others are with it. */
void kin_rotation_apply(const kin_rotation *self, float *y, size_t count, float *z,
                        float *workspace);

#endif
