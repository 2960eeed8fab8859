/*
 * The lanes of kin_show (job/show.h).
 *
 * A modality's lane answers "what would this modality alone say?", which the graph cannot know, as
 * it holds fused neighbours only. `stream` computes it from the vectors over a catalog of that one
 * modality, and all scores of the pairs shown are canonical, those of the fused lane too, so that
 * no pair has two numbers. Without vectors the stored neighbours are ranked by the stored cosine.
 * Cost: one pass over the vectors for each modality.
 */
#include "job/show.h"
#include "compare/compatible.h"
#include "core/memory.h"
#include "core/score.h"
#include "exact/stream.h"
#include "job/graph_catalog.h"
#include "job/option_lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(kin_show_options, name)

const kin_option kin_show_lines[] = {
    {.name = "item",
     .type = KIN_OPTION_LIST,
     .offset = FIELD(item),
     .unit = "ID",
     .default_text = "a spread over categories or rows",
     .help = "an item to show"},
    {.name = "items-shown",
     .type = KIN_OPTION_INT,
     .offset = FIELD(items_shown),
     .min = 1,
     .max = 1000,
     .unit = "N",
     .help = "how many items to choose where no --item is given"},
    {.name = "neighbors",
     .type = KIN_OPTION_INT,
     .offset = FIELD(neighbors),
     .min = 1,
     .max = 100,
     .unit = "N",
     .help = "neighbours beside each item"},
    OPTION_MODALITY(FIELD(modality), "as the manifest says"),
    KIN_OPTIONS_END,
};

static const kin_show_options defaults = KIN_SHOW_OPTIONS_INIT;

const kin_option_table kin_show_table = {
    .group = (const kin_option_group[]){{NULL, kin_show_lines, 0}},
    .count = 1,
    .defaults = &defaults,
    .bytes = sizeof defaults,
};

kin_span kin_show_cell(const kin_graph *graph, size_t row, const char *column)
{
    int at = graph->items.lines.count ? kin_table_column(&graph->items, column) : -1;
    return at >= 0 ? kin_table_cell(&graph->items, row, at) : (kin_span){"", 0};
}

kin_span kin_show_title(const kin_graph *graph, size_t row)
{
    kin_span title = kin_show_cell(graph, row, "title");
    for (size_t i = 0; i < title.length; i++)
        if (title.text[i] != ' ')
            return title;
    return kin_lines_at(&graph->ids, row);
}

/* ---- from the graph -------------------------------------------------------------------------- */

static kin_show_neighbor stored_neighbor(const kin_graph *graph, double weight_sum,
                                         const kin_neighbor *found)
{
    kin_show_neighbor out = {.row = found->row, .score = found->score};
    for (size_t m = 0; m < graph->modality_count; m++)
        out.cosine[m] = kin_graph_cosine(graph, weight_sum, m, found->entry);
    return out;
}

/* By cosine descending, then row; NaN (no pair) last. The modality is qsort_r's argument. */
static int by_cosine(const void *a, const void *b, void *modality)
{
    const kin_show_neighbor *x = a;
    const kin_show_neighbor *y = b;
    float cos_x = x->cosine[*(const size_t *)modality];
    float cos_y = y->cosine[*(const size_t *)modality];
    if (isnan(cos_x) || isnan(cos_y))
        return isnan(cos_x) - isnan(cos_y);
    if (cos_x != cos_y)
        return cos_x < cos_y ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Fills the fused lane, and unless the modalities' are exact, those as well. */
static void fill_stored(kin_show *self, kin_show_item *item, kin_neighbor *found /* [k] */,
                        kin_show_neighbor *all /* [k] */)
{
    const kin_graph *graph = self->graph;
    double weight_sum = kin_graph_weight_sum(graph);
    size_t count = kin_graph_row(graph, item->row, found);
    kin_show_lane *fused = &item->lane[self->lanes - 1];
    for (size_t i = 0; i < count; i++)
        all[i] = stored_neighbor(graph, weight_sum, &found[i]);
    fused->count = count < self->neighbors ? count : self->neighbors;
    memcpy(fused->neighbor, all, fused->count * sizeof *all);
    for (size_t m = 0; m + 1 < self->lanes && !self->exact; m++) {
        kin_show_lane *lane = &item->lane[m];
        qsort_r(all, count, sizeof *all, by_cosine, &m);
        while (lane->count < count && lane->count < self->neighbors &&
               !isnan(all[lane->count].cosine[m])) {
            lane->neighbor[lane->count] = all[lane->count];
            lane->count++;
        }
    }
}

/* ---- from the vectors ------------------------------------------------------------------------ */

static int fill_exact_lane(kin_show *self, const kin_catalog *catalog, size_t m, kin_query *query,
                           const int32_t *row, const kin_monitor *monitor, kin_error *err)
{
    kin_catalog view = {0};
    kin_rows found = {0};
    size_t most = catalog->n - 1 < self->neighbors ? catalog->n - 1 : self->neighbors;
    kin_stream_options options = KIN_STREAM_OPTIONS_INIT;
    options.top_k = most;
    kin_stream_queries queries = {.row = row, .count = self->count};
    int rc = kin_catalog_view_init(&view, catalog, m, err);
    if (rc == 0)
        rc = kin_rows_init(&found, self->count, most, 1, err);
    if (rc == 0)
        rc = kin_stream_run(&view, &queries, &options, kin_rows_sink(&found), monitor, err);
    for (size_t q = 0; q < self->count && rc == 0; q++) {
        kin_show_lane *lane = &self->item[q].lane[m];
        kin_query_set_row(query, self->item[q].row);
        for (size_t i = 0; i < found.filled[q]; i++) {
            kin_show_neighbor *out = &lane->neighbor[lane->count++];
            out->row = found.neighbor[q * most + i];
            if (!kin_query_score(query, (size_t)out->row, &out->score, out->cosine)) {
                /* an item that --missing drop left out still has its place by this modality */
                out->score = NAN;
                for (size_t other = 0; other < catalog->modality_count; other++)
                    out->cosine[other] = NAN;
                out->cosine[m] = found.score[q * most + i];
            }
        }
    }
    kin_rows_release(&found);
    kin_catalog_view_release(&view);
    return rc;
}

/* Cosines of the fused lanes, which a graph has to three digits. */
static void fill_fused_cosines(kin_show *self, kin_query *query)
{
    for (size_t q = 0; q < self->count; q++) {
        kin_show_lane *fused = &self->item[q].lane[self->lanes - 1];
        kin_query_set_row(query, self->item[q].row);
        for (size_t i = 0; i < fused->count; i++) {
            kin_show_neighbor *neighbor = &fused->neighbor[i];
            float score, cosine[KIN_MODALITIES_MAX];
            if (kin_query_score(query, (size_t)neighbor->row, &score, cosine))
                memcpy(neighbor->cosine, cosine, self->graph->modality_count * sizeof *cosine);
        }
    }
}

static int fill_exact(kin_show *self, const kin_catalog *catalog, const kin_monitor *monitor,
                      kin_error *err)
{
    kin_query query;
    int rc = kin_query_init(&query, catalog, err);
    if (rc != 0)
        return rc;
    int32_t *row = kin_alloc(self->count, sizeof *row);
    if (!row) {
        rc = kin_fail_alloc(err, "rows to show", self->count * sizeof *row);
        goto done;
    }
    for (size_t q = 0; q < self->count; q++)
        row[q] = (int32_t)self->item[q].row;
    for (size_t m = 0; m + 1 < self->lanes && rc == 0; m++)
        rc = fill_exact_lane(self, catalog, m, &query, row, monitor, err);
    fill_fused_cosines(self, &query);
done:
    free(row);
    kin_query_release(&query);
    return rc;
}

/* ---- together -------------------------------------------------------------------------------- */

static void mark_also_fused(kin_show *self, kin_show_item *item)
{
    const kin_show_lane *fused = &item->lane[self->lanes - 1];
    for (size_t m = 0; m + 1 < self->lanes; m++)
        for (size_t i = 0; i < item->lane[m].count; i++)
            for (size_t f = 0; f < fused->count; f++)
                if (item->lane[m].neighbor[i].row == fused->neighbor[f].row)
                    item->lane[m].neighbor[i].also_fused = true;
}

static int allocate(kin_show *self, const size_t *row, kin_error *err)
{
    size_t pool = kin_size_mul(kin_size_mul(self->count, self->lanes), self->neighbors);
    self->item = kin_alloc_zero(self->count, sizeof *self->item);
    self->pool = kin_alloc_zero(pool, sizeof *self->pool);
    if (!self->item || !self->pool)
        return kin_fail_alloc(err, "neighbours to show", kin_size_mul(pool, sizeof *self->pool));
    for (size_t q = 0; q < self->count; q++) {
        self->item[q].row = row[q];
        for (size_t l = 0; l < self->lanes; l++)
            self->item[q].lane[l].neighbor = self->pool + (q * self->lanes + l) * self->neighbors;
    }
    return 0;
}

int kin_show_init(kin_show *self, const kin_graph *graph, const kin_catalog *catalog,
                  const size_t *row, size_t count, size_t neighbors, const kin_monitor *monitor,
                  kin_error *err)
{
    *self = (kin_show){.graph = graph,
                       .neighbors = neighbors,
                       .lanes = graph->modality_count > 1 ? graph->modality_count + 1 : 1,
                       .count = count,
                       .exact = catalog != NULL};
    kin_neighbor *found = kin_alloc(graph->k, sizeof *found);
    kin_show_neighbor *all = kin_alloc(graph->k, sizeof *all);
    int rc = allocate(self, row, err);
    if (rc == 0 && (!found || !all))
        rc = kin_fail_alloc(err, "a row", graph->k * sizeof *all);
    for (size_t q = 0; q < count && rc == 0; q++)
        fill_stored(self, &self->item[q], found, all);
    if (rc == 0 && catalog)
        rc = fill_exact(self, catalog, monitor, err);
    for (size_t q = 0; q < count && rc == 0; q++)
        mark_also_fused(self, &self->item[q]);
    free(found);
    free(all);
    if (rc != 0)
        kin_show_release(self);
    return rc;
}

void kin_show_release(kin_show *self)
{
    free(self->item);
    free(self->pool);
    *self = (kin_show){0};
}

/* ---- from options ---------------------------------------------------------------------------- */

/* The graph's vectors, where they can be had and say more than the graph. */
static int open_vectors(kin_catalog *catalog, bool *opened, kin_error *reason,
                        const kin_graph *graph, const kin_show_options *o,
                        const kin_monitor *monitor, kin_error *err)
{
    *opened = false;
    *reason = (kin_error){0};
    if (graph->modality_count == 1 && o->modality.count == 0)
        return 0; /* the only lane is the graph's */
    int rc = kin_graph_catalog_try(catalog, opened, reason, graph, &o->modality, err);
    if (rc == 0 && !*opened)
        kin_monitor_message(monitor, KIN_LEVEL_WARNING,
                            "Lanes of one modality rank the stored neighbours: %s",
                            reason->message);
    return rc;
}

static int show_rows(kin_show *out, const kin_graph *graph, const size_t *row, size_t count,
                     const kin_show_options *o, const kin_monitor *monitor, kin_error *err)
{
    kin_catalog catalog;
    kin_error reason;
    bool opened;
    int rc = open_vectors(&catalog, &opened, &reason, graph, o, monitor, err);
    if (rc != 0)
        return rc;
    kin_monitor_stage(monitor, "neighbours");
    rc = kin_show_init(out, graph, opened ? &catalog : NULL, row, count, (size_t)o->neighbors,
                       monitor, err);
    if (rc == 0) {
        memcpy(out->why_not_exact, reason.message, sizeof out->why_not_exact);
        rc = opened ? kin_catalog_unchanged(&catalog, err) : 0;
        if (rc != 0)
            kin_show_release(out);
    }
    if (opened)
        kin_catalog_close(&catalog);
    return rc;
}

int kin_show_run(kin_show *out, const kin_graph *graph, const kin_show_options *options,
                 const kin_monitor *monitor, kin_error *err)
{
    int rc = kin_options_check(&kin_show_table, options, err);
    if (rc != 0)
        return rc;
    size_t count = options->item.count ? options->item.count : (size_t)options->items_shown;
    size_t *row = kin_alloc(count, sizeof *row);
    if (!row)
        rc = kin_fail_alloc(err, "rows to show", count * sizeof *row);
    else if (options->item.count)
        rc = kin_show_find(row, options->item.item, count, graph, err);
    else
        rc = kin_show_choose(row, &count, count, graph, err);
    if (rc == 0)
        rc = show_rows(out, graph, row, count, options, monitor, err);
    free(row);
    return rc;
}
