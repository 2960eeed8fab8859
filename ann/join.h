#ifndef KIN_ANN_JOIN_H
#define KIN_ANN_JOIN_H
/*
 * `join`: all items are queries, so queries are grouped: a self-join over clusters, in fused space.
 *
 *   distinct   identical items are one row; its neighbours become those of all of them
 *   encode     rows become int8 codes (scan/codes.h), in clusters (scan/clustering.h)
 *   tune       sampled rows scan all clusters; what it takes to find their neighbours sets the
 *              effort for all rows (kin_join_effort, ann/join_tune.c)
 *   join       cluster after cluster, as a query batch: its rows probe the clusters that may hold
 *              neighbours, tile against tile; their candidates are reranked and emitted
 *   refine     each row looks at its nearest rows' nearest, and at those that name it among theirs
 *              (ann/join_refine.h); a row that gains neighbours is emitted again
 *
 * Which clusters a row probes. Scores of row x with the members of cluster h have a mean and a
 * standard deviation of about sigma = |p_x| s_h + |t_x| t_h, p and t the leading and the other
 * coordinates, s_h and t_h the cluster's root mean square distance from its mean per coordinate.
 * The row probes if
 *     mean score + probe_sigmas * sigma >= the row's threshold,
 * a lower bound of its K-th best score, from when its collector was last pruned. Clusters of rows
 * that lack a modality have a wider sigma (kin_join_effort.rare_widening). So a row inside a
 * cluster probes few, one at a border many, and no number of probes has to be set. A row's own
 * cluster comes first, then the most promising, so that thresholds rise early.
 *
 * A row is a function of itself, the codes and the effort: one thread scans the rows of a cluster
 * in one order, and changes their collectors alone. Same bytes for any number of threads.
 *
 * Memory: codes (3 lead + tail bytes a row), and the collectors of one cluster a thread; nothing
 * grows with n * K. Time: docs/JOIN.md.
 */
#include "ann/traced.h"
#include "scan/engine.h"
#include <jansson.h>

typedef struct kin_join_options {
    size_t top_k;        /* K, 1 .. n - 1 */
    double target;       /* recall that the sample has to have, below 1 */
    size_t evaluated;    /* held-out rows that the result is evaluated on: sets a margin; 0: none */
    int64_t seed;        /* of the sample */
    size_t memory_bytes; /* budget, 0: what the machine has */
    bool trace;          /* plan for kin_join_trace as well */
} kin_join_options;

#define KIN_JOIN_OPTIONS_INIT                                                                      \
    {                                                                                              \
        .top_k = 200, .target = 0.97, .seed = 1                                                    \
    }

/* The effort, and what it gives on the sample. */
typedef struct kin_join_effort {
    float probe_sigmas;   /* standard deviations above; INFINITY: all clusters */
    float rare_widening;  /* of sigma for clusters of rare modality masks, 1 or more */
    float tail_fraction;  /* of |t_x| |t_y| that a tile allows for, above 0, at most 1 */
    size_t clusters_most; /* a row is gated with so many, of those best for its cluster's mean */
    size_t sampled;       /* rows */
    double recall;        /* of the sampled rows, mean */
    double scanned;       /* of all rows, those that a sampled row is compared with, mean */
} kin_join_effort;

/* What a run takes. */
typedef struct kin_join_plan {
    size_t lead, tail; /* dimensions that tiles multiply, and those behind them */
    size_t distinct;   /* rows without their duplicates */
    size_t rerank_rows;
    size_t codes_bytes, work_bytes, total_bytes;
} kin_join_plan;

typedef struct kin_join_report {
    size_t rows, clusters;     /* distinct rows in pairs */
    unsigned long long probes; /* of a cluster by a row */
    kin_scan_counts scan;
    unsigned long long full;                          /* candidates scored canonically in the end */
    unsigned long long rows_refined, neighbors_added; /* by the second pass */
} kin_join_report;

typedef struct kin_join kin_join;

/* Checks, looks at a sample of the rows and plans. KIN_E_DATA when K >= n or there are too many
 * dimensions, KIN_E_MEMORY with the numbers when the budget is too small. The catalog has to
 * outlive the join. */
int kin_join_new(kin_join **out, const kin_catalog *catalog, const kin_join_options *options,
                 kin_error *err);
void kin_join_free(kin_join *self);

/* Describes the join under "join" in *manifest (core/json.h) and writes its order into the
 * existing folder; after kin_join_tune. The caller commits the folder. */
int kin_join_save(const kin_join *self, const char *directory, json_t **manifest, kin_error *err);

/* Takes over what kin_join_save kept in the folder of an index whose catalog and checksums were
 * compared (kin_index_check): the order, and the effort if it was tuned for the same K, target,
 * seed and weights (*tuned). Nothing where the index keeps no join. Before kin_join_encode. */
int kin_join_load(kin_join *self, const kin_dir *dir, const json_t *manifest, bool *tuned,
                  kin_error *err);

/* Facts for manifests: {"clusters", "rows", "top_k", "target", "probe_sigmas", ...}. New
 * reference. */
json_t *kin_join_facts(const kin_join *self);

/* Encodes the rows, in an order that was loaded or is made now. */
int kin_join_encode(kin_join *self, const kin_monitor *monitor, kin_error *err);

/* Another target, and as many held-out rows that the result is evaluated on, for the next
 * kin_join_tune: rows once encoded serve any number of targets. */
void kin_join_retarget(kin_join *self, double target, size_t evaluated);

/* Sets the effort by a sample. */
int kin_join_tune(kin_join *self, const kin_monitor *monitor, kin_error *err);

/* Escalates the effort for all rows, at least enough for half of the loss that was allowed; to
 * all clusters where the sample has no loss left. Tunes first where the effort was loaded.
 * *escalated is false, and nothing changed, if all clusters are scanned already. */
int kin_join_escalate(kin_join *self, bool *escalated, const kin_monitor *monitor, kin_error *err);

/* The items that serve to tune, ascending, kin_alloc'd: the evaluation draws others. After
 * kin_join_encode. */
int kin_join_tuned_rows(const kin_join *self, int32_t **row, size_t *count, kin_error *err);

/* All rows of the catalog into the sink, in any order and from all threads; those that the
 * refinement changes once more, with sequence 1. A sink that cannot be read gets no refined rows.
 * May be run again. */
int kin_join_run(kin_join *self, kin_row_sink sink, const kin_monitor *monitor, kin_error *err);

/* The sources of a trace: what was left in the row's collector when its clusters were scanned, and
 * what the refinement scored besides; all scored canonically, each with all items that are the
 * same. */
enum { KIN_JOIN_SCANNED, KIN_JOIN_REFINED, KIN_JOIN_SOURCES };

/* Rows of the catalog that are in pairs are joined once more, one by one, with the effort of the
 * last run. `probe_sigmas` of a cluster is -INFINITY
 * where the row looked at it, else the effort that would have let it, given the row's threshold
 * in the end: always more than the one it had. INFINITY: none would. Wants a join with the
 * option `trace`. */
int kin_join_trace(kin_join *self, const int32_t *row /* [count] */, size_t count,
                   kin_traced_sink sink, const kin_monitor *monitor, kin_error *err);

/* How many clusters there are, and the one that each item is in, -1 for those in no pair. After
 * kin_join_encode. */
size_t kin_join_cluster_count(const kin_join *self);
void kin_join_cluster_of(const kin_join *self, int32_t *cluster /* [n] */);

/* Frees all but plan, effort, report and facts: codes and lists, when there is nothing more to run
 * or to trace. */
void kin_join_finish(kin_join *self);

const kin_join_plan *kin_join_get_plan(const kin_join *self);
const kin_join_effort *kin_join_get_effort(const kin_join *self);
const kin_join_report *kin_join_get_report(const kin_join *self); /* after a run */

#endif
