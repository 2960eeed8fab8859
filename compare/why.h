#ifndef KIN_COMPARE_WHY_H
#define KIN_COMPARE_WHY_H
/*
 * Why is B a neighbour of A in a graph, or why is it not?
 *
 * The graph says whether B is stored, the vectors what its score and rank are over the whole
 * catalog, and the trace of a build (compare/trace.h), if A is one of its rows, where on the way B
 * was lost. From these follows one result.
 */
#include "compare/trace.h"
#include "core/rows.h"

/* Where a value stands among those of all other items. All 0: there is no value. */
typedef struct kin_why_rank {
    size_t place;    /* 1 is best; of equal values the smaller row comes first */
    size_t above;    /* items whose value is larger */
    size_t distinct; /* 1 + the number of distinct larger values, with that of the item's own
                        vector: how an index counts, which answers with it as well */
} kin_why_rank;

/* `to` as a neighbour of `from`. */
typedef struct kin_why_side {
    size_t stored; /* entries of from's row */
    size_t place;  /* of `to` among them, 1 .. stored; 0: it is not there */
    float last;    /* score of the last entry, NaN of an empty row */
    size_t others; /* items that `from` has a score with; 0 without vectors, as what follows */
    kin_why_rank fused;
    kin_why_rank by[KIN_MODALITIES_MAX];
} kin_why_side;

/* What a source did for A, if A was traced. */
typedef struct kin_why_source {
    char name[KIN_NAME_MAX];
    int modality; /* -1: all together */
    size_t asked; /* 0: no fixed number */
    bool proposed;
} kin_why_source;

typedef struct kin_why_trace {
    size_t rows; /* of the graph that were traced; 0: none */
    bool traced; /* A is one of them */
    size_t source_count;
    kin_why_source source[KIN_MODALITIES_MAX];
    bool join;
    float probe_sigmas; /* of a join: as kin_trace has it for A and the cluster of B */
    double sigmas_used;
} kin_why_trace;

typedef enum kin_why_code {
    KIN_WHY_SAME_ITEM,
    KIN_WHY_STORED,
    KIN_WHY_DISAGREE, /* an exact graph is not what the vectors say */
    KIN_WHY_NO_PAIR,
    KIN_WHY_NOT_AMONG_EXACT,
    KIN_WHY_AS_GOOD, /* all that is stored is as good as B */
    KIN_WHY_RANKED_OUT,
    KIN_WHY_DEPTH,
    KIN_WHY_SEARCH,
    KIN_WHY_NOT_LOOKED_AT,
    KIN_WHY_ESTIMATE,
    KIN_WHY_NOT_TRACED,
    KIN_WHY_NO_VECTORS,
    KIN_WHY_CODES,
} kin_why_code;

extern const char *const kin_why_code_names[]; /* "same_item", "stored", ... */

typedef struct kin_why {
    const kin_graph *graph;
    size_t a, b; /* rows */
    bool vectors;
    unsigned has_a, has_b;     /* bit m: has modality m; 0 without vectors */
    bool dropped_a, dropped_b; /* by --missing drop */
    bool pair;                 /* they have a score: with vectors, or as B is stored */
    float score;
    float cosine[KIN_MODALITIES_MAX];        /* NaN where one lacks it */
    double weight[KIN_MODALITIES_MAX];       /* as the manifest has them */
    double contribution[KIN_MODALITIES_MAX]; /* they add up to the score; NaN with the cosine */
    kin_why_side there, back;                /* B for A, A for B */
    kin_why_trace trace;
    kin_why_code code;
    char result[256]; /* one sentence */
} kin_why;

/* `catalog` is the graph's (kin_graph_catalog_open); NULL: what the graph alone can tell. Two
 * passes over the vectors, in all threads, the same numbers for any number of them. Memory: 4 bytes
 * an item and modality, and 8 bytes an item. KIN_E_DATA where the graph's trace is damaged. */
int kin_why_find(kin_why *out, const kin_graph *graph, const kin_catalog *catalog, size_t a,
                 size_t b, const kin_monitor *monitor, kin_error *err);

#endif
