#ifndef KIN_SCAN_FUSED_H
#define KIN_SCAN_FUSED_H
/*
 * Fused rows: the concatenation of sqrt(w_m / W) * x_m / |x_m|, a zero block for a missing
 * modality. The inner product of two is sum_S w_m cos_m / W, S the modalities that both have, so
 * it lies in [-1, 1]: the score without --missing renorm's factor, in units of W.
 */
#include "core/catalog.h"

typedef struct kin_fused {
    const kin_catalog *catalog;
    size_t d; /* sum of the modalities' dimensions */
    double weight_sum;
    double scale[KIN_MODALITIES_MAX];      /* sqrt(w_m / W) */
    float factor[1 << KIN_MODALITIES_MAX]; /* by S: score / (W * inner product); 0: no pair */
} kin_fused;

void kin_fused_init(kin_fused *self, const kin_catalog *catalog);

/* The row of an item in float32, each value off by at most 2^-23 of itself. Reads only the
 * modalities that catalog->present names. */
void kin_fused_row(const kin_fused *self, size_t row, float *out /* [d] */);

#endif
