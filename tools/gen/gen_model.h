#ifndef KIN_TOOLS_GEN_GEN_MODEL_H
#define KIN_TOOLS_GEN_GEN_MODEL_H
/*
 * The drawn model behind kin_gen, shared by gen_model.c (draws it) and gen.c (makes rows of it).
 */
#include "tools/gen/gen.h"

enum {
    GEN_AXES = 64,       /* coordinates an item has inside its cluster */
    GEN_DEPARTMENTS = 6, /* roots of the tree of clusters */
};

/* Purposes of random keys. Those that depend on the modality add it: leave room for 8. */
enum gen_stream {
    GEN_PLACE = 100, /* row -> rank */
    GEN_COPY,        /* rank -> which modalities repeat whom */
    GEN_MISSING,
    GEN_CLUSTER,
    GEN_PARENT,
    GEN_SHARED,        /* latent coordinates of a product */
    GEN_PRIVATE = 200, /* + modality: an item's own coordinates */
    GEN_ITEM = 210,    /* + modality: cluster choice, crispness, norm */
    GEN_NOISE = 220,   /* + modality */
    GEN_BASIS = 230,   /* + modality */
    GEN_MEAN = 240,    /* + modality */
    GEN_CENTRE = 250,  /* + modality */
    GEN_WIDTH = 260,   /* + modality */
    GEN_MIRROR = 270,  /* + modality */
};

/* What tells a text-like modality from an image-like one. Variances are shares of the part that is
 * left beside the common mean direction. */
typedef struct gen_shape {
    double mean;         /* cosine of a typical row with the common direction */
    double between;      /* share of variance between cluster centres */
    double noise;        /* share of variance outside the 64-axis basis */
    double centre_decay; /* centres vary along axis k by (k + centre_start)^-centre_decay */
    double centre_start;
    double width_decay; /* within a cluster likewise, ... */
    double width_luck;  /* ... times a log-normal of this deviation: which axes matter */
    double size_luck;   /* log-normal deviation of a cluster's radius */
    double crispness;   /* log-normal deviation of an item's distance from its centre */
    double norm;        /* median norm */
    double norm_luck;   /* log-normal deviation of it */
} gen_shape;

/* Factors are folded into the tables: a row is mean + noise * g + basis^T (centre +
 * mirrored(z)). */
typedef struct gen_modality {
    const gen_shape *shape;
    size_t dim;    /* d */
    size_t axes;   /* r = min(64, d) */
    float *mean;   /* [d] */
    float *noise;  /* [d] deviation per dimension */
    float *basis;  /* [r][d] orthogonal rows */
    float *centre; /* [clusters][r] */
    float *width;  /* [clusters][r] */
    float *mirror; /* [clusters][r] unit normals of the reflections that turn the axes */
} gen_modality;

struct kin_gen {
    kin_gen_options options; /* clusters resolved */
    double *cumulative;      /* [clusters] sizes added up, last = 1 */
    size_t *parent;          /* [clusters] in the tree; a root is its own */
    gen_modality modality[KIN_GEN_MODALITIES_MAX];
};

/* e^x for |x| < 50 with a relative error of x^2 / 2^21, 1e-3 at the far end: libm's exp
 * differs between CPUs. */
double gen_exp(double x);

#endif
