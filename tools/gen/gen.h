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
 *   duplicates  some rows repeat another one's vector exactly, in groups with a heavy tail: the
 *               same title on many variants; hardly ever the same picture.
 *   missing     a few items have a zero row in one modality; never in all of them.
 *
 * The first modality plays the text, every later one the image (these differ in spectrum, norms and
 * duplicates). gen_model.c lists what comes out at that catalog's shape beside the real numbers.
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

#endif
