#ifndef KIN_TOOLS_GEN_GEN_H
#define KIN_TOOLS_GEN_GEN_H
/*
 * Synthetic catalogs for `kin gen`: embeddings that are no easier to search than life's.
 *
 * Isotropic blobs flatter every index, so the model rebuilds what real catalogs were seen to have
 * (44,072 fashion items, text and image of 512 dimensions, were the pattern):
 *
 *   clusters    sizes follow Zipf's law. Their centres form a tree: a cluster inherits most of its
 *               centre from an older one, so small clusters lie at the edge of bigger relatives and
 *               neighbourhoods run across borders.
 *   within      an item has 64 coordinates in its cluster's own axes. The widths decay and few of
 *               them matter (local intrinsic dimension about 12 of 512); which ones differs from
 *               cluster to cluster. Clusters are continuous: there is no gap inside them.
 *   anisotropy  all rows share a mean direction (mean cosine about 0.65); the spectrum decays.
 *   modalities  the tree is common to all, centres and axes are not. An item's cluster in a later
 *               modality is that of the first, or its parent, or any. Coordinates inside the
 *               cluster are correlated for the wide axes and unrelated for the narrow ones.
 *   norms       log-normal, wide for images.
 *   twins       some rows repeat another one's vector exactly, in groups with a heavy tail: the
 *               same title on many variants; hardly ever the same picture.
 *   missing     a few items have a zero row in one modality; never in all of them.
 *
 * The first modality plays the text, every later one the image (these differ in spectrum, norms and
 * twins). What comes out at that catalog's shape, and what the real one has, stands in gen_model.c.
 *
 * A row is a pure function of (options, row number): ask for any block, from any thread, in any
 * order. One binary gives the same bytes on every CPU it runs on (no libm function that picks its
 * code by CPU, all sums in a fixed order); another compiler or flag may change last bits.
 */
#include "core/error.h"
#include <stddef.h>
#include <stdint.h>

enum { KIN_GEN_MODALITIES_MAX = 8 };

typedef struct kin_gen_options {
    size_t items;                        /* n, 1 .. 2^32 */
    size_t modality_count;               /* 1 .. 8 */
    size_t dims[KIN_GEN_MODALITIES_MAX]; /* d per modality, 1 .. 65536 */
    uint64_t seed;
    size_t clusters;  /* 0 .. 1,000,000; 0: 1.5 sqrt(n). Fewer is easier for inverted lists */
    double zipf;      /* 0 .. 4: the k-th largest cluster has a share ~ k^-zipf; 0: equal sizes */
    double heredity;  /* 0 .. 1: share of a centre's variance that comes from its parent. Low: every
                         cluster an island, neighbours of small ones scattered, recall falls */
    double agreement; /* 0 .. 1: chance that a later modality has the first one's cluster. Low: the
                         modalities' neighbour lists have less in common, and the union of them
                         holds less of the fused list */
    double shared;    /* 0 .. 1: correlation of the widest within-cluster coordinate between
                         modalities, dying away over about 8 axes. Acts like agreement, nearer by */
    double missing_share;   /* 0 .. 0.1: share of items without each modality after the first; the
                               first is missing a quarter as often */
    double duplicate_share; /* 0 .. 0.9: share of items whose first modality repeats another item's
                               row; later modalities repeat a sixteenth as often */
} kin_gen_options;

#define KIN_GEN_OPTIONS_INIT                                                                       \
    {                                                                                              \
        .seed = 1, .zipf = 1.0, .heredity = 0.7, .agreement = 0.7, .shared = 0.6,                  \
        .missing_share = 0.01, .duplicate_share = 0.28                                             \
    }

typedef struct kin_gen kin_gen;

/* Draws the model. Memory: 12 bytes x 64 x clusters x modalities and a basis of 256 bytes a
 * dimension; 3 MB for 1,000,000 x (384 + 512). KIN_E_USAGE names the option out of range. */
int kin_gen_new(kin_gen **out, const kin_gen_options *options, kin_error *err);

/* Rows first .. first+count-1 of a modality, unnormalised. out: [count][dims[modality]], the
 * caller's. Needs first + count <= items. Single-threaded, safe to call from many threads at once;
 * about 3 microseconds a row of 512. */
void kin_gen_rows(const kin_gen *self, size_t modality, size_t first, size_t count, float *out);

void kin_gen_free(kin_gen *self);

/*
 * Enlarging a real catalog (`kin gen --from`). Rows 0 .. n_real-1 are the originals; every further
 * row lies between a real item and one or two that are near it in fused space:
 *
 *     x = |x| * unit(a x0 + b x1 + c x2 + noise |x1 - x0| g / sqrt(d)),   a + b + c = 1, a >= 1/2
 *
 * with the same partners and weights in all modalities; |x| is the same mix of norms. Noise is
 * measured by the local distance, so twins in a modality stay twins. A partner that misses a
 * modality counts as x0 there; if x0 misses it, so does x. In each modality a share of the new rows
 * repeats x0 exactly, since real catalogs repeat themselves.
 *
 * Near: every real item is sketched as 16 random projections of its unit rows laid end to end;
 * items are ordered by halving the set at the median of its widest projection until 16 or fewer
 * are left (a k-d tree's leaves in order). Partners stand at most `reach` places away. Cheap, one
 * pass over the rows; they are near, not nearest. New items therefore fill the space between real
 * ones: the density grows, the region covered does not.
 */
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
