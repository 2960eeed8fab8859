/*
 * Queries of a graph (job/query_graph.h). Cost: kin_graph_open, which reads all neighbours once to
 * see that they are row numbers; a row is read where it lies.
 */
#include "job/query_graph.h"
#include "compare/compatible.h"
#include "core/counted.h"
#include "core/memory.h"
#include "job/options_value.h"
#include "job/show.h"

#include <stdlib.h>
#include <string.h>

/* One run under way. */
typedef struct asking {
    const kin_query_options *options;
    const kin_answer_sink *sink;
    const kin_monitor *monitor;
    kin_graph graph;
    double weight_sum;
    size_t top_k, short_of; /* answers with fewer neighbours than that */
    kin_neighbor *found;    /* [graph.k] */
    kin_rows rows;          /* one */
} asking;

/* An item is found in either kind of folder; all else is for indexes. */
static int check_options(const kin_query_options *options, kin_error *err)
{
    for (kin_option_walk walk = {0}; kin_options_next(&kin_query_table, &walk);) {
        const char *name = walk.option->name;
        bool shared = strcmp(name, "item") == 0 || strcmp(name, "top-k") == 0;
        if (!shared && !kin_option_same(walk.option, kin_option_field(&walk, options),
                                        kin_option_field(&walk, kin_query_table.defaults)))
            return kin_fail(err, KIN_E_USAGE,
                            "leave it out, or give the folder of an index (kin index)",
                            "--%s is for an index, %s is a graph, whose stored rows are read", name,
                            options->folder);
    }
    return 0;
}

static int resolve_top_k(asking *self, kin_error *err)
{
    size_t asked = (size_t)self->options->top_k, k = self->graph.k;
    if (asked > k)
        return kin_fail(err, KIN_E_DATA,
                        "lower --top-k, build the graph with a larger one, or ask an index (kin "
                        "index)",
                        "top-k %zu, but %s stores %zu an item", asked, self->options->folder, k);
    self->top_k = asked > 0 ? asked : KIN_QUERY_TOP_K < k ? KIN_QUERY_TOP_K : k;
    return 0;
}

static void read_row(asking *self, size_t row)
{
    const kin_graph *graph = &self->graph;
    size_t stored = kin_graph_row(graph, row, self->found);
    size_t count = stored < self->top_k ? stored : self->top_k;
    self->rows.count = 1;
    self->rows.filled[0] = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        self->rows.neighbor[i] = self->found[i].row;
        self->rows.score[i] = self->found[i].score;
        for (size_t m = 0; m < graph->modality_count; m++)
            self->rows.cosine[m][i] =
                kin_graph_cosine(graph, self->weight_sum, m, self->found[i].entry);
    }
    self->short_of += count < self->top_k;
}

static int answer(asking *self, const char *id, size_t row, kin_error *err)
{
    const kin_graph *graph = &self->graph;
    kin_answer found = {.label = id,
                        .kind = "graph",
                        .ids = &graph->ids,
                        .modality_count = graph->modality_count,
                        .cosine_digits = graph->modality_count == 1 ? 6 : 3, /* float16 */
                        .rows = &self->rows};
    int rc = kin_monitor_check(self->monitor, err);
    if (rc != 0)
        return rc;
    for (size_t m = 0; m < graph->modality_count; m++)
        found.modality[m] = graph->modality[m];
    read_row(self, row);
    rc = kin_rows_check(&self->rows, NULL);
    if (rc != 0)
        return kin_fail(err, KIN_E_DATA, "the folder is damaged: build it again",
                        "%s: item '%s' has scores that are not finite", graph->directory, id);
    return self->sink->write(self->sink->self, &found, err);
}

static int answer_items(asking *self, kin_error *err)
{
    const kin_text_list *list = &self->options->item;
    size_t row[KIN_LIST_MAX];
    int rc = kin_show_find(row, list->item, list->count, &self->graph, err);
    for (size_t i = 0; i < list->count && rc == 0; i++)
        rc = answer(self, list->item[i], row[i], err);
    if (rc == 0 && self->sink->end)
        rc = self->sink->end(self->sink->self, err);
    if (rc == 0 && self->short_of > 0)
        kin_monitor_message(self->monitor, KIN_LEVEL_WARNING,
                            "%zu of %s %s fewer than %s: the graph stores no more", self->short_of,
                            kin_count(list->count, "item").text,
                            self->short_of == 1 ? "has" : "have",
                            kin_count(self->top_k, "neighbour").text);
    return rc;
}

int kin_query_graph(const kin_query_options *options, const kin_dir *dir,
                    const kin_answer_sink *sink, const kin_monitor *monitor, kin_error *err)
{
    asking self = {.options = options, .sink = sink, .monitor = monitor};
    int rc = check_options(options, err);
    if (rc == 0)
        rc = kin_graph_open_in(&self.graph, dir, err);
    if (rc != 0)
        return rc;
    self.weight_sum = kin_graph_weight_sum(&self.graph);
    self.found = kin_alloc(self.graph.k, sizeof *self.found);
    rc = self.found ? resolve_top_k(&self, err)
                    : kin_fail_alloc(err, "a row", self.graph.k * sizeof *self.found);
    if (rc == 0)
        rc = kin_rows_init(&self.rows, 1, self.top_k, self.graph.modality_count, err);
    if (rc == 0) {
        kin_monitor_stage(monitor, "answers");
        rc = answer_items(&self, err);
    }
    kin_rows_release(&self.rows);
    free(self.found);
    kin_graph_close(&self.graph);
    return rc;
}
