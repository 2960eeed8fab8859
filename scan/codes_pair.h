#ifndef KIN_SCAN_CODES_PAIR_H
#define KIN_SCAN_CODES_PAIR_H
/*
 * What codes say about one pair of rows: the terms of scan/codes.h put together. Pair scans use
 * these formulas for a panel at a time (scan/kernels_cpu.h, scan/pairscan_collect.c), the
 * refinement of a self-join for one pair after the other (ann/join_refine.c).
 */
#include <stdint.h>

/* The inner product by all codes. lead and low: units of the leading and of the cross products;
 * step: the product of both steps; bias: the sum of both. Inlined, as kernels vectorise it. */
static inline __attribute__((always_inline)) float kin_pair_estimate(float lead, int32_t lead_dot,
                                                                     float low, int32_t cross,
                                                                     float step, int32_t tail_dot,
                                                                     float bias)
{
    return lead * (float)lead_dot + low * (float)cross + step * (float)tail_dot + bias;
}

/* Upper bound of what the high codes lose of the leading product: the loss of each side times the
 * other's length, and the rounding of some ten operations on numbers below 4, in units of W. */
static inline float kin_pair_lead_loss(float x_coarse, float x_norm, float y_coarse, float y_norm)
{
    return x_coarse * y_norm + y_coarse * x_norm + 4e-6f;
}

#endif
