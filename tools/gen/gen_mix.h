#ifndef KIN_TOOLS_GEN_GEN_MIX_H
#define KIN_TOOLS_GEN_GEN_MIX_H
/*
 * Enlarging a real catalog (`kin gen --from`). Rows 0 .. n_real-1 are the originals; every further
 * row lies between a real item and one or two that are near it in fused space:
 *
 *     x = |x| * unit(a x0 + b x1 + c x2 + noise |x1 - x0| g / sqrt(d)),   a + b + c = 1, a >= 1/2
 *
 * with the same partners and weights in all modalities; |x| is the same mix of norms. Noise is
 * measured by the local distance, so duplicates in a modality stay duplicates. A partner that
 * misses a modality counts as x0 there; if x0 misses it, so does x. In each modality a share of the
 * new rows repeats x0 exactly, since real catalogs repeat themselves.
 *
 * Near: every real item is sketched as 16 random projections of its unit rows laid end to end;
 * items are ordered by halving the set at the median of its widest projection until 16 or fewer
 * are left (a k-d tree's leaves in order). Partners stand at most `reach` places away. Cheap, one
 * pass over the rows; they are near, not nearest. New items therefore fill the space between real
 * ones: the density grows, the region covered does not.
 */
#include "tools/gen/gen.h"

typedef struct kin_mix_source {
    void *self;
    /* Writes one real row, [dims[modality]]. Called from one thread per kin_mix_* call. */
    void (*row)(void *self, size_t modality, size_t row, float *out);
    size_t items; /* n_real, 1 .. 2^32 */
    size_t modality_count;
    size_t dims[KIN_GEN_MODALITIES_MAX];
} kin_mix_source;

typedef struct kin_mix_options {
    size_t items; /* n of the new catalog, >= n_real */
    uint64_t seed;
    double noise;        /* 0 .. 2: length of the noise, in distances between x0 and x1 */
    double repeat_share; /* 0 .. 1: share of new rows that repeat x0, drawn per modality */
    size_t reach;        /* 1 .. 1024: places between partners in the order */
} kin_mix_options;

#define KIN_MIX_OPTIONS_INIT                                                                       \
    {                                                                                              \
        .seed = 1, .noise = 0.3, .repeat_share = 0.05, .reach = 8                                  \
    }

typedef struct kin_mix kin_mix;

/* Orders the real items. `source` is copied; its `self` must outlive *out. Memory: 80 bytes a real
 * item while it runs, 16 afterwards. Time: a pass over all rows, 16 multiplications a value. */
int kin_mix_new(kin_mix **out, const kin_mix_source *source, const kin_mix_options *options,
                kin_error *err);

/* Rows of the enlarged catalog, with the promises of kin_gen_rows (if source.row keeps them).
 * out: [count][dims[modality]]. KIN_E_MEMORY when two rows of scratch are refused. */
int kin_gen_mix_rows(const kin_mix *self, size_t modality, size_t first, size_t count, float *out,
                     kin_error *err);

void kin_mix_free(kin_mix *self);

#endif
