#include "job/compare_trace.h"
#include "compare/memory_graph.h"
#include "core/memory.h"
#include "job/graph_catalog.h"
#include "job/row_sample.h"

#include <stdio.h>

enum { TIMES_ASKED = 4, DEPTH_MAX = 10000 };

/* What the split reads, and what that is computed from. */
typedef struct truth {
    const kin_catalog *catalog;
    const kin_graph *like;
    const kin_trace *trace;
    size_t memory_bytes;
    size_t depth[KIN_MODALITIES_MAX]; /* by modality; 0: no source is of it */
    kin_graph exact;
    kin_graph nearest[KIN_MODALITIES_MAX];
} truth;

size_t kin_loss_trace_depth(size_t asked, size_t n)
{
    size_t depth = kin_size_mul(asked, TIMES_ASKED);
    if (asked == 0 || depth > DEPTH_MAX)
        depth = asked > DEPTH_MAX ? asked : DEPTH_MAX;
    return depth < n ? depth : n - 1;
}

static void set_depths(truth *self)
{
    const kin_trace *trace = self->trace;
    for (size_t s = 0; s < trace->source_count && trace->clusters == 0; s++) {
        const kin_trace_source *source = &trace->source[s];
        if (source->modality < 0)
            continue;
        size_t depth = kin_loss_trace_depth(source->asked, trace->n);
        size_t *known = &self->depth[source->modality];
        *known = depth > *known ? depth : *known;
    }
}

/* All that is held at the end, and stream at its largest beside it. */
static int check_memory(const truth *self, size_t k, kin_error *err)
{
    size_t deepest = k;
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++)
        deepest = self->depth[m] > deepest ? self->depth[m] : deepest;
    kin_memory_plan plan;
    kin_stream_options stream = kin_row_sample_stream(self->catalog, deepest, self->memory_bytes);
    kin_stream_make_plan(&plan, self->catalog, self->trace->rows, &stream);
    plan.hint = "--trace-rows of the build";
    kin_memory_plan_add(&plan, "exact rows", 1, kin_rows_bytes(self->trace->rows, k, 0));
    kin_memory_plan_add(&plan, "where rows start", self->trace->n, sizeof(int64_t));
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++) {
        if (self->depth[m] == 0)
            continue;
        kin_memory_plan_add(&plan, "nearest by modality", 1,
                            kin_rows_bytes(self->trace->rows, self->depth[m], 0));
        kin_memory_plan_add(&plan, "where rows start", self->trace->n, sizeof(int64_t));
    }
    kin_memory_plan_add(&plan, "lost neighbours", self->trace->rows,
                        kin_size_mul(k, sizeof(float)));
    return kin_memory_plan_check(&plan, self->memory_bytes, err);
}

/* The k best of `catalog`, the graph's or a view of it, for the traced rows. */
static int rank_rows(kin_graph *out, const truth *self, const kin_catalog *catalog, size_t k,
                     const kin_monitor *monitor, kin_error *err)
{
    kin_rows rows = {0};
    size_t count = self->trace->rows;
    int rc = kin_rows_init(&rows, count, k, 0, err);
    if (rc == 0)
        rc = kin_row_sample_compute(&rows, catalog, self->trace->row, count, self->memory_bytes,
                                    monitor, err);
    if (rc == 0)
        rc = kin_memory_graph_init(out, &rows, self->trace->row, self->like, err);
    kin_rows_release(&rows);
    return rc;
}

static int rank_by_modality(truth *self, size_t m, const kin_monitor *monitor, kin_error *err)
{
    kin_catalog view;
    int rc = kin_catalog_view_init(&view, self->catalog, m, err);
    if (rc != 0)
        return rc;
    rc = rank_rows(&self->nearest[m], self, &view, self->depth[m], monitor, err);
    kin_catalog_view_release(&view);
    return rc;
}

static int split_trace(kin_loss *out, truth *self, const kin_graph *reference,
                       const kin_monitor *monitor, kin_error *err)
{
    const kin_graph *nearest[KIN_MODALITIES_MAX] = {NULL};
    set_depths(self);
    int rc = check_memory(self, self->like->k, err);
    if (rc == 0 && !reference) {
        kin_monitor_stage(monitor, "exact rows");
        rc = rank_rows(&self->exact, self, self->catalog, self->like->k, monitor, err);
        reference = &self->exact;
    }
    for (size_t m = 0; m < self->like->modality_count && rc == 0; m++) {
        if (self->depth[m] == 0)
            continue;
        char stage[KIN_NAME_MAX + 16];
        snprintf(stage, sizeof stage, "nearest by %s", self->like->modality[m]);
        kin_monitor_stage(monitor, stage);
        rc = rank_by_modality(self, m, monitor, err);
        nearest[m] = &self->nearest[m];
    }
    if (rc == 0)
        rc = kin_loss_split(out, self->like, reference, self->trace, nearest, err);
    kin_graph_close(&self->exact);
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++)
        kin_graph_close(&self->nearest[m]);
    return rc;
}

int kin_loss_of_trace(kin_loss *out, bool *there, const kin_graph *graph,
                      const kin_catalog *catalog, const kin_graph *reference, size_t memory_bytes,
                      const kin_monitor *monitor, kin_error *err)
{
    kin_trace trace;
    *out = (kin_loss){0};
    int rc = kin_trace_open(&trace, there, graph, err);
    if (rc != 0 || !*there)
        return rc;
    truth self = {.catalog = catalog, .like = graph, .trace = &trace, .memory_bytes = memory_bytes};
    rc = split_trace(out, &self, reference, monitor, err);
    kin_trace_close(&trace);
    return rc;
}
