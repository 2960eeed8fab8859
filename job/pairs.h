#ifndef KIN_JOB_PAIRS_H
#define KIN_JOB_PAIRS_H
/*
 * The stored pairs of a graph as rows of a table: all of them, or a uniform sample without
 * replacement. What a ranking model is trained on, and what other stores take.
 *
 * Rows come in the graph's order: by item, and an item's neighbours best first, however its entries
 * lie on disk.
 */
#include "core/graph.h"
#include "core/monitor.h"
#include "job/options.h"

typedef struct kin_pairs_options {
    int64_t max_rows; /* a sample of so many pairs; 0: all of them, as where there are no more */
    int64_t seed;     /* of the sample, >= 0 */
} kin_pairs_options;

#define KIN_PAIRS_OPTIONS_INIT                                                                     \
    {                                                                                              \
        .seed = 1                                                                                  \
    }

/* Their lines, and a table of them. */
extern const kin_option kin_pairs_lines[];
extern const kin_option_table kin_pairs_table;

/* Some rows, column by column; valid during the call. */
typedef struct kin_pair_rows {
    size_t count;
    const int32_t *item;                     /* [count] row numbers of the graph */
    const int32_t *neighbor;                 /* [count] likewise */
    const int32_t *rank;                     /* [count] of the neighbour among the item's, from 1 */
    const float *score;                      /* [count] fused */
    const float *cosine[KIN_MODALITIES_MAX]; /* [count] per modality, as kin_graph_cosine has it */
} kin_pair_rows;

/* Where rows go, in order, from the calling thread. A failure ends the run and is its result. */
typedef struct kin_pair_sink {
    void *self; /* the callback's first argument */
    int (*write)(void *self, const kin_pair_rows *rows, kin_error *err);
} kin_pair_sink;

/* How many rows the sink will get. */
size_t kin_pairs_count(const kin_graph *graph, const kin_pairs_options *options);

/* Progress is told in items. KIN_E_DATA for a score that is not finite. The sample depends on the
 * seed and the lengths of the graph's rows alone. Time O(pairs) whatever max_rows is; memory for
 * 65,536 rows, mapped pages of the graph are given back as they are passed. */
int kin_pairs_run(const kin_graph *graph, const kin_pairs_options *options,
                  const kin_pair_sink *sink, const kin_monitor *monitor, kin_error *err);

#endif
