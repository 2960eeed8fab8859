/*
 * The page of `kin show` (declared in report/show_page.h; skeleton: report/show.html): a header
 * with what was built and how, then a section per item: the item on the left, its lanes of
 * neighbours beside it.
 */
#include "report/show_page.h"
#include "core/counted.h"
#include "report/assets.h"
#include "report/part.h"
#include "report/tile.h"

#include <math.h>
#include <stdlib.h>

typedef struct content {
    const kin_show *data;
    show_pictures *pictures;
} content;

/* ---- the header ----------------------------------------------------------------------------- */

static const json_t *weight_of(const kin_graph *graph, size_t m)
{
    const json_t *list = json_object_get(graph->manifest, "modalities");
    return json_object_get(json_array_get(list, m), "weight");
}

static size_t items_with_neighbors(const kin_graph *graph)
{
    size_t count = 0;
    for (size_t i = 0; i < graph->n; i++)
        count += graph->indptr[i] < graph->indptr[i + 1];
    return count;
}

static void write_facts(FILE *out, void *self)
{
    const kin_graph *graph = ((const content *)self)->data->graph;
    const json_t *run = json_object_get(graph->manifest, "run");
    const char *engine = json_string_value(json_object_get(graph->manifest, "engine"));
    const char *started = json_string_value(json_object_get(run, "started"));
    kin_part_fact(out, "Items", kin_page_count(graph->n).text, NULL);
    kin_part_fact(out, "With neighbours", kin_page_count(items_with_neighbors(graph)).text, NULL);
    kin_part_fact(out, "Neighbours per item", kin_page_count(graph->k).text, NULL);
    if (engine)
        kin_part_fact(out, "Engine", engine, NULL);
    fputs("<div><dt>Weights</dt><dd>", out);
    for (size_t m = 0; m < graph->modality_count; m++) {
        fputs(m ? " &middot; " : "", out);
        kin_page_format(out, "%s %g", graph->modality[m], json_number_value(weight_of(graph, m)));
    }
    fputs("</dd></div>\n", out);
    char day[11];
    if (started) { /* 2026-11-23T01:02:03Z: the day is enough here */
        snprintf(day, sizeof day, "%s", started);
        kin_part_fact(out, "Built on", day, NULL);
    }
}

static void write_kinds(FILE *out, void *self)
{
    if (((const content *)self)->data->lanes > 1)
        fputs(" by one kind of vector alone, and fused, as the graph has them", out);
}

static void write_key(FILE *out, void *self)
{
    const kin_show *data = ((const content *)self)->data;
    const kin_graph *graph = data->graph;
    fputs("<p class=\"key\">Fused score = ", out);
    for (size_t m = 0; m < graph->modality_count; m++)
        kin_page_format(out, "%s%g &times; %s", m ? " + " : "",
                        json_number_value(weight_of(graph, m)), graph->modality[m]);
    fprintf(out,
            ", %sthe cosine of two vectors, at most 1. The bar is the share of the largest "
            "possible value.</p>\n",
            graph->modality_count > 1 ? "each " : "");
    if (data->lanes == 1)
        return;
    fputs("<p class=\"key\">Marked green in a lane of one modality: the item is also among the "
          "fused neighbours shown. ",
          out);
    if (data->exact)
        fputs("Lanes of one modality are exact, over the whole catalog.</p>\n", out);
    else
        kin_page_format(
            out,
            "Lanes of one modality rank the stored fused neighbours by that modality, as "
            "the vectors were not at hand: %s.</p>\n",
            data->why_not_exact);
}

static void write_links(FILE *out, void *self)
{
    const kin_show *data = ((const content *)self)->data;
    if (data->count < 2)
        return;
    fputs("<nav aria-label=\"Items on this page\"><ul>\n", out);
    for (size_t q = 0; q < data->count; q++)
        kin_page_format(out, "<li><a href=\"#item-%zu\">%.*s</a></li>\n", q + 1,
                        PAGE_SPAN(kin_show_title(data->graph, data->item[q].row)));
    fputs("</ul></nav>\n", out);
}

/* ---- an item -------------------------------------------------------------------------------- */

/* One score of a neighbour: its name, a bar of share/1, its value. */
static void write_score(FILE *out, const char *name, const char *color, float value, double largest,
                        bool ranked_by)
{
    double share = (double)value / largest;
    fputs(ranked_by ? "<div class=\"by\">" : "<div>", out);
    kin_page_format(out, "<dt>%s</dt>", name);
    if (isnan(value))
        fputs("<i style=\"--v:0;--b:transparent\"></i><dd>none</dd></div>\n", out);
    else
        fprintf(out, "<i style=\"--v:%.3f;--b:var(--%s)\"></i><dd>%.3f</dd></div>\n",
                fmin(fmax(share, 0), 1), color, (double)value);
}

static double weight_sum(const kin_graph *graph)
{
    double sum = 0;
    for (size_t m = 0; m < graph->modality_count; m++)
        sum += json_number_value(weight_of(graph, m));
    return sum > 0 ? sum : 1;
}

static void write_neighbor(FILE *out, const kin_show *data, show_pictures *pictures, size_t lane,
                           const kin_show_neighbor *neighbor)
{
    const kin_graph *graph = data->graph;
    kin_span title = kin_show_title(graph, (size_t)neighbor->row);
    fprintf(out, "<li%s>", neighbor->also_fused ? " class=\"also\"" : "");
    kin_tile_write(out, pictures, (size_t)neighbor->row);
    fputs("<p title=\"", out);
    kin_page_escape(out, title);
    kin_page_format(out, "\">%.*s", PAGE_SPAN(title));
    fputs(neighbor->also_fused ? "<span class=\"hush\"> (also fused)</span></p>\n<dl>"
                               : "</p>\n<dl>",
          out);
    write_score(out, "fused", "fused", neighbor->score, weight_sum(graph), lane + 1 == data->lanes);
    for (size_t m = 0; m < graph->modality_count; m++) {
        char color[24];
        snprintf(color, sizeof color, "m%zu", m);
        write_score(out, graph->modality[m], color, neighbor->cosine[m], 1,
                    lane == m && data->lanes > 1);
    }
    fputs("</dl></li>\n", out);
}

/* The head of a modality's lane. */
static void write_lane_head(FILE *out, const kin_show *data, size_t lane)
{
    kin_page_format(out,
                    "<section class=\"lane\" style=\"--c:var(--m%zu)\">\n<h3>By %s "
                    "<span>%s</span></h3>\n",
                    lane, data->graph->modality[lane],
                    data->exact ? "alone" : "among the stored neighbours");
}

static void write_lane(FILE *out, const kin_show *data, show_pictures *pictures,
                       const kin_show_item *item, size_t lane)
{
    const kin_show_lane *found = &item->lane[lane];
    bool fused = lane + 1 == data->lanes;
    if (fused)
        fprintf(out,
                "<section class=\"lane fused\" style=\"--c:var(--fused)\">\n<h3>%s "
                "<span>as the graph has them</span></h3>\n",
                data->lanes == 1 ? "Nearest neighbours" : "Fused");
    else
        write_lane_head(out, data, lane);
    if (found->count == 0)
        fputs(fused
                  ? "<p class=\"empty\">This item has no neighbours.</p>\n"
                  : "<p class=\"empty\">None: this item or its neighbours lack this vector.</p>\n",
              out);
    else
        fputs("<ol>\n", out);
    for (size_t i = 0; i < found->count; i++)
        write_neighbor(out, data, pictures, lane, &found->neighbor[i]);
    fputs(found->count ? "</ol>\n</section>\n" : "</section>\n", out);
}

static void write_item(FILE *out, const kin_show *data, show_pictures *pictures, size_t q)
{
    const kin_show_item *item = &data->item[q];
    kin_span category = kin_show_cell(data->graph, item->row, "category");
    fprintf(out,
            "<article class=\"item%s\" id=\"item-%zu\" aria-labelledby=\"title-%zu\">\n"
            "<div class=\"self\">\n",
            pictures->column < 0 ? " plain" : "", q + 1, q + 1);
    kin_tile_write(out, pictures, item->row);
    kin_page_format(out, "<h2 id=\"title-%zu\">%.*s</h2>\n", q + 1,
                    PAGE_SPAN(kin_show_title(data->graph, item->row)));
    if (category.length)
        kin_page_format(out, "<p>%.*s</p>\n", PAGE_SPAN(category));
    kin_page_format(out, "<p class=\"id\">id %.*s</p>\n</div>\n<div>\n",
                    PAGE_SPAN(kin_lines_at(&data->graph->ids, item->row)));
    for (size_t l = 0; l < data->lanes; l++)
        write_lane(out, data, pictures, item, l);
    fputs("</div>\n</article>\n", out);
}

static void write_items(FILE *out, void *self)
{
    const content *page = self;
    for (size_t q = 0; q < page->data->count; q++)
        write_item(out, page->data, page->pictures, q);
}

static void write_remarks(FILE *out, void *self)
{
    const show_pictures *pictures = ((const content *)self)->pictures;
    if (pictures->left_out)
        fprintf(out, " Left out: %s, missing, larger than %d KiB or of a kind that is not shown.",
                kin_count(pictures->left_out, "picture").text, SHOW_PICTURE_MAX_BYTES >> 10);
    if (pictures->outside)
        fprintf(out, " Pictures that are not in the catalog&rsquo;s folder: %zu.",
                pictures->outside);
}

int kin_show_page(char **page, size_t *bytes, const kin_show *data, show_pictures *pictures,
                  kin_error *err)
{
    const char *name = kin_path_base(data->graph->directory);
    const kin_counted count = kin_page_counted(data->count, "item");
    const page_place place[] = {
        {"count", .text = count.text}, {"graph", .text = name},  {"kinds", write_kinds, NULL},
        {"facts", write_facts, NULL},  {"key", write_key, NULL}, {"links", write_links, NULL},
        {"items", write_items, NULL},
    };
    content self = {data, pictures};
    const page_frame frame = {.kind = "Nearest neighbours",
                              .name = name,
                              .command = "kin show",
                              .style = (const char *const[]){show_css, NULL},
                              .skeleton = show_html,
                              .place = place,
                              .places = sizeof place / sizeof *place,
                              .remarks = write_remarks,
                              .data = &self,
                              .hint = "show fewer items"};
    int rc = kin_page_write(page, bytes, &frame, err);
    if (rc != 0 || !pictures->no_memory)
        return rc;
    free(*page);
    *page = NULL;
    return kin_fail(err, KIN_E_MEMORY, frame.hint, "no memory for the page's pictures");
}
