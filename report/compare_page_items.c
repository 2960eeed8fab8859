/*
 * Items on the page of `kin compare`, and the rows that lost most (declared in
 * report/compare_page_items.h and report/compare_page.h): each item with the graph's neighbours and
 * the reference's side by side from where they begin to differ, so that one can see whether it
 * matters.
 */
#include "report/compare_page_items.h"
#include "compare/row.h"
#include "core/memory.h"
#include "job/show.h"
#include "report/compare_names.h"
#include "report/tile.h"

#include <stdlib.h>

page_item kin_page_graph_item(const compare_page *page, int32_t row)
{
    const kin_comparison *compared = page->compared;
    page_item own = {&compared->graph.graph, (size_t)row};
    if (page->named == own.graph || !compared->reference.there)
        return own;
    int32_t other = kin_id_map_other(&compared->to_reference, row);
    return other >= 0 ? (page_item){&compared->reference.graph, (size_t)other} : own;
}

page_item kin_page_reference_item(const compare_page *page, int32_t row)
{
    const kin_comparison *compared = page->compared;
    page_item own = {&compared->reference.graph, (size_t)row};
    if (page->named == own.graph)
        return own;
    int32_t back = kin_id_map_back(&compared->to_reference, row);
    return back >= 0 ? (page_item){&compared->graph.graph, (size_t)back} : own;
}

kin_span kin_page_item_title(page_item item)
{
    return kin_show_title(item.graph, item.row);
}

kin_span kin_page_item_id(page_item item)
{
    return kin_lines_at(&item.graph->ids, item.row);
}

/* Its picture, or a tile in its place; nothing where the catalog has no pictures. */
static void item_tile(FILE *out, compare_page *page, page_item item)
{
    kin_tile_write(out, &page->pictures, item.graph == page->named ? item.row : SIZE_MAX);
}

void kin_page_item_block(FILE *out, compare_page *page, page_item item)
{
    kin_span title = kin_page_item_title(item), id = kin_page_item_id(item);
    item_tile(out, page, item);
    kin_page_format(out, "<p><b>%.*s</b>", PAGE_SPAN(title));
    if (!kin_span_equal(title, id))
        kin_page_format(out, "<small>%.*s</small>", PAGE_SPAN(id));
    fputs("</p>", out);
}

/* ---- rows that lost most --------------------------------------------------------------------- */

enum { ROWS_SHOWN = 8, NEIGHBORS_SHOWN = 8 };

/* A row of one of the two graphs, as it is compared. */
typedef struct side_row {
    const kin_graph *graph;
    kin_neighbor *neighbor; /* [graph->k]; owned */
    kin_id_set seen;        /* their places */
    size_t count;           /* that are compared */
} side_row;

static int side_init(side_row *self, const kin_graph *graph, kin_error *err)
{
    size_t k = graph->k ? graph->k : 1;
    *self = (side_row){.graph = graph, .neighbor = kin_alloc(k, sizeof *self->neighbor)};
    if (!self->neighbor)
        return kin_fail_alloc(err, "a row", kin_size_mul(k, sizeof *self->neighbor));
    return kin_id_set_init(&self->seen, k, err);
}

static void side_release(side_row *self)
{
    free(self->neighbor);
    kin_id_set_release(&self->seen);
}

/* Row -1: there is none. */
static void side_fill(side_row *self, int32_t row, size_t k)
{
    self->count = 0;
    kin_id_set_clear(&self->seen);
    if (row >= 0)
        self->count = kin_row_distinct(self->graph, (size_t)row, self->neighbor, &self->seen);
    self->count = self->count < k ? self->count : k;
}

static bool side_has(const side_row *self, int32_t row)
{
    return row >= 0 && kin_id_set_find(&self->seen, row) < self->count;
}

/* Where the shown places begin: at the first, but where both sides agree so far, shortly before the
 * first lost one. */
static size_t first_shown(const kin_comparison *c, const side_row *graph, const side_row *reference)
{
    size_t lost = 0;
    while (lost < reference->count &&
           side_has(graph, kin_id_map_back(&c->to_reference, reference->neighbor[lost].row)))
        lost++;
    if (lost < NEIGHBORS_SHOWN || lost == reference->count)
        return 0;
    size_t last = reference->count - NEIGHBORS_SHOWN;
    return lost - 2 < last ? lost - 2 : last;
}

/* ---- what is written of them ----------------------------------------------------------------- */

/* What a neighbour is to the other side: of the graph's, whether the reference has it. */
static const char *graph_mark(const kin_comparison *c, const side_row *reference,
                              const kin_neighbor *found)
{
    if (side_has(reference, kin_id_map_other(&c->to_reference, found->row)))
        return NULL;
    bool tied = c->recall.scored && reference->count > 0 &&
                (double)found->score >=
                    (double)reference->neighbor[reference->count - 1].score - KIN_RECALL_TIE;
    return tied ? "as good" : "not in the reference";
}

static void write_neighbor(FILE *out, compare_page *page, page_item item, float score,
                           const char *mark, bool bad)
{
    fprintf(out, "<li%s>", !mark ? "" : bad ? " class=\"lost\"" : " class=\"tied\"");
    kin_page_item_block(out, page, item);
    kin_page_format(out, "<span>%s", kin_page_number((double)score, 4).text);
    if (mark)
        kin_page_format(out, " <em>%s</em>", mark);
    fputs("</span></li>\n", out);
}

/* Opens the list of places first .. end - 1. */
static void list_begin(FILE *out, const side_row *side, const char *name, size_t first, size_t end)
{
    kin_page_format(out, "<div>\n<h4>%s", name);
    if (first >= end)
        fprintf(out, " <span>no neighbours%s</span>", first > 0 ? " there" : "");
    else if (first == 0)
        fprintf(out, " <span>first %zu of %zu</span>", end, side->count);
    else
        fprintf(out, " <span>%zu to %zu of %zu; nothing is lost before</span>", first + 1, end,
                side->count);
    fprintf(out, "</h4>\n<ol class=\"items\" start=\"%zu\" style=\"counter-reset:place %zu\">\n",
            first + 1, first);
}

static size_t end_shown(const side_row *side, size_t first)
{
    return side->count < first + NEIGHBORS_SHOWN ? side->count : first + NEIGHBORS_SHOWN;
}

static void write_lists(FILE *out, compare_page *page, const side_row *graph,
                        const side_row *reference)
{
    const kin_comparison *c = page->compared;
    size_t first = first_shown(c, graph, reference);
    size_t end = end_shown(graph, first), reference_end = end_shown(reference, first);
    list_begin(out, graph, kin_compare_graph_name(graph->graph), first, end);
    for (size_t i = first; i < end; i++) {
        const kin_neighbor *found = &graph->neighbor[i];
        const char *mark = graph_mark(c, reference, found);
        write_neighbor(out, page, kin_page_graph_item(page, found->row), found->score, mark,
                       mark && mark[0] == 'n');
    }
    fputs("</ol>\n</div>\n", out);
    list_begin(out, reference, kin_compare_reference_name(c), first, reference_end);
    for (size_t i = first; i < reference_end; i++) {
        const kin_neighbor *found = &reference->neighbor[i];
        bool has = side_has(graph, kin_id_map_back(&c->to_reference, found->row));
        write_neighbor(out, page, kin_page_reference_item(page, found->row), found->score,
                       has ? NULL : "missing", true);
    }
    fputs("</ol>\n</div>\n", out);
}

static void write_row(FILE *out, compare_page *page, const kin_worst *worst, const side_row *graph,
                      const side_row *reference)
{
    page_item item = kin_page_reference_item(page, worst->row);
    kin_span category = kin_show_cell(item.graph, item.row, "category");
    fputs("<article class=\"pair\">\n<div class=\"self\">\n", out);
    item_tile(out, page, item);
    kin_page_format(out, "<h3>%.*s</h3>\n<p>id %.*s", PAGE_SPAN(kin_page_item_title(item)),
                    PAGE_SPAN(kin_page_item_id(item)));
    if (category.length)
        kin_page_format(out, "<br>%.*s", PAGE_SPAN(category));
    kin_page_format(out, "</p>\n<p class=\"value\">recall <b>%s</b></p>\n</div>\n",
                    kin_page_share(worst->value).text);
    write_lists(out, page, graph, reference);
    fputs("</article>\n", out);
}

static void write_rows(FILE *out, compare_page *page, side_row *graph, side_row *reference)
{
    const kin_recall *r = &page->compared->recall;
    fputs("<p class=\"says\">On the left what the graph has, on the right what the reference has. "
          "<em class=\"lost\">missing</em> neighbours are nowhere among the graph&rsquo;s; those "
          "<em class=\"lost\">not in the reference</em> stand in their place",
          out);
    fputs(r->scored ? "; <em class=\"tied\">as good</em> ones score as high as the "
                      "reference&rsquo;s last.</p>\n"
                    : ".</p>\n",
          out);
    for (size_t i = 0; i < r->worst_count && i < ROWS_SHOWN; i++) {
        int32_t row = r->worst[i].row;
        side_fill(reference, row, r->k);
        side_fill(graph, kin_id_map_back(&page->compared->to_reference, row), r->k);
        write_row(out, page, &r->worst[i], graph, reference);
    }
}

void kin_compare_page_worst(FILE *out, compare_page *page)
{
    const kin_comparison *c = page->compared;
    side_row graph = {0}, reference = {0};
    page->rc = side_init(&graph, &c->graph.graph, page->err);
    if (page->rc == 0)
        page->rc = side_init(&reference, &c->reference.graph, page->err);
    if (page->rc == 0)
        write_rows(out, page, &graph, &reference);
    side_release(&graph);
    side_release(&reference);
}
