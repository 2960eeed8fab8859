#ifndef KIN_COMPARE_TRACE_H
#define KIN_COMPARE_TRACE_H
/*
 * What a build recorded of some of its rows (kin build --trace-rows, docs/FORMATS.md): the
 * candidates that each source proposed, and of a join the clusters that the row looked at.
 */
#include "core/graph.h"

/* A source of candidates: an index of a modality, one of the fused space, a join's scan of clusters
 * or its refinement. */
typedef struct kin_trace_source {
    char name[KIN_NAME_MAX]; /* a modality's, "fused", "join" or its "refinement" */
    int modality;            /* of the graph, -1: all together */
    size_t asked;         /* C, distinct vectors that the index was asked for; 0: no fixed number */
    const int64_t *start; /* [rows + 1] */
    const int32_t *item;  /* of traced row t: item[start[t] .. start[t + 1]), ascending */
} kin_trace_source;

typedef struct kin_trace {
    size_t n; /* items of the graph */
    size_t rows;
    const int32_t *row; /* [rows] ascending */
    size_t source_count;
    kin_trace_source source[KIN_MODALITIES_MAX];
    size_t clusters;        /* of a join; 0: there is none, and the next three are NULL and 0 */
    const int32_t *cluster; /* [n] the cluster of each item, -1: none */
    /* [rows][clusters] -INFINITY: the row looked at the cluster; else the probe_sigmas that would
     * let it, at the row's final threshold; INFINITY: none would */
    const float *probe_sigmas;
    double sigmas_used;
    bool older; /* written with the names of before: trace.list, trace.reach (old word) */
    kin_file file[2 * KIN_MODALITIES_MAX + 3];
} kin_trace;

/* Opens the trace in a graph's folder. *there is false, and nothing opened, where the build
 * stored none. Shapes and ranges are checked: KIN_E_DATA. */
int kin_trace_open(kin_trace *self, bool *there, const kin_graph *graph, kin_error *err);
void kin_trace_close(kin_trace *self);

/* The place of item `row` among the traced ones, or SIZE_MAX. */
size_t kin_trace_find(const kin_trace *self, int32_t row);

/* Whether source s proposed `item` to traced row t. */
bool kin_trace_proposed(const kin_trace *self, size_t s, size_t t, int32_t item);

#endif
