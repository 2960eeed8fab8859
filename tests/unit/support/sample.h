#ifndef KIN_SUPPORT_SAMPLE_H
#define KIN_SUPPORT_SAMPLE_H
/*
 * Small catalogs from a seed: easy ones, and the kinds that break engines. The values go to the
 * oracle and, as files in the temporary folder, to the product.
 */
#include "core/rows.h"
#include "oracle.h"

typedef enum sample_kind {
    SAMPLE_NORMAL,     /* unrelated rows */
    SAMPLE_CLUSTERS,   /* a few centres with a little noise */
    SAMPLE_EQUAL,      /* all rows the same: nothing but ties */
    SAMPLE_OUTLIER,    /* one row 1e30 times as long as the others */
    SAMPLE_TINY,       /* norms near 1e-30 */
    SAMPLE_NEGATIVE,   /* a simplex: every cosine below zero (where d >= n) */
    SAMPLE_DUPLICATES, /* a quarter of the rows stands twice or more */
    SAMPLE_NEAR,       /* rows that differ in the last bits of some values */
    SAMPLE_AXES,       /* signed unit vectors: scores 1, 0, -0, -1 and nothing else */
    SAMPLE_KINDS,      /* how many kinds serve for any size; what follows wants many rows */
    SAMPLE_TWINS,      /* three quarters of the rows are one and the same */
    SAMPLE_STRANGERS,  /* the first half close together, the others unrelated to them */
    SAMPLE_FAMILIES,   /* eight unrelated rows, and the others equal to one but for last bits */
    /* a hundred and more centres, each the mean of rows about as far from it as from 0 */
    SAMPLE_MIXTURE,
} sample_kind;

typedef struct sample_spec {
    uint64_t seed; /* not 0 */
    size_t n;
    size_t modality_count;
    size_t d[KIN_MODALITIES_MAX];
    kin_dtype dtype[KIN_MODALITIES_MAX]; /* KIN_F32 where nothing is said; KIN_I8: 40 x, rounded */
    double weight[KIN_MODALITIES_MAX];
    sample_kind kind;
    double missing_share; /* of rows, per modality */
    kin_missing missing;
} sample_spec;

typedef struct sample {
    oracle oracle;
    kin_catalog catalog;
} sample;

/* Makes both sides; a failure fails the test. */
void sample_make(sample *self, const sample_spec *spec);
void sample_release(sample *self);

/* Fails the test, telling `where`, unless row `slot` of `rows` is the oracle's answer `wanted`,
 * neighbours, scores and cosines, bit for bit. */
void sample_assert_row(const kin_rows *rows, size_t slot, const oracle_pair *wanted, size_t count,
                       const char *where);

#endif
