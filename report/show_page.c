/*
 * Writes the page of `kin show` (declared in report/show_page.h): a header with what was built and
 * how, then a section per item: the item on the left, its lanes of neighbours beside it. No script,
 * nothing fetched. It is put together in memory, as pictures are capped (report/show_picture.h).
 */
#include "report/show_page.h"
#include "core/counted.h"
#include "core/text.h"
#include "report/assets.h"
#include "report/page.h"

#include <math.h>
#include <stdlib.h>

/* ---- the header ----------------------------------------------------------------------------- */

static const json_t *weight_of(const kin_graph *graph, size_t m)
{
    const json_t *list = json_object_get(graph->manifest, "modalities");
    return json_object_get(json_array_get(list, m), "weight");
}

static void write_fact(FILE *out, const char *name, const char *value)
{
    if (!value)
        return;
    fprintf(out, "<div><dt>%s</dt><dd>", name);
    page_text(out, value);
    fputs("</dd></div>\n", out);
}

static void write_count_fact(FILE *out, const char *name, size_t count)
{
    fprintf(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", name, page_count(count).text);
}

static size_t items_with_neighbors(const kin_graph *graph)
{
    size_t count = 0;
    for (size_t i = 0; i < graph->n; i++)
        count += graph->indptr[i] < graph->indptr[i + 1];
    return count;
}

static void write_facts(FILE *out, const kin_graph *graph)
{
    const json_t *run = json_object_get(graph->manifest, "run");
    const char *engine = json_string_value(json_object_get(graph->manifest, "engine"));
    const char *started = json_string_value(json_object_get(run, "started"));
    fputs("<dl class=\"facts\">\n", out);
    write_count_fact(out, "Items", graph->n);
    write_count_fact(out, "With neighbours", items_with_neighbors(graph));
    write_count_fact(out, "Neighbours per item", graph->k);
    write_fact(out, "Engine", engine);
    fputs("<div><dt>Weights</dt><dd>", out);
    for (size_t m = 0; m < graph->modality_count; m++) {
        fputs(m ? " &middot; " : "", out);
        page_text(out, graph->modality[m]);
        fprintf(out, " %g", json_number_value(weight_of(graph, m)));
    }
    fputs("</dd></div>\n", out);
    char day[11];
    if (started) { /* 2026-11-23T01:02:03Z: the day is enough here */
        snprintf(day, sizeof day, "%s", started);
        write_fact(out, "Built on", day);
    }
    fputs("</dl>\n", out);
}

static void write_key(FILE *out, const kin_show *data)
{
    const kin_graph *graph = data->graph;
    fputs("<p class=\"key\">Fused score = ", out);
    for (size_t m = 0; m < graph->modality_count; m++) {
        fprintf(out, "%s%g &times; ", m ? " + " : "", json_number_value(weight_of(graph, m)));
        page_text(out, graph->modality[m]);
    }
    fprintf(
        out,
        ", %sthe cosine of two vectors, at most 1. The bar is the share of the largest possible "
        "value.</p>\n",
        graph->modality_count > 1 ? "each " : "");
    if (data->lanes == 1)
        return;
    fputs("<p class=\"key\">Marked green in a lane of one modality: the item is also among the "
          "fused neighbours shown. ",
          out);
    if (data->exact) {
        fputs("Lanes of one modality are exact, over the whole catalog.</p>\n", out);
    } else {
        fputs("Lanes of one modality rank the stored fused neighbours by that modality, as the "
              "vectors were not at hand: ",
              out);
        page_text(out, data->why_not_exact);
        fputs(".</p>\n", out);
    }
}

static void write_links(FILE *out, const kin_show *data)
{
    if (data->count < 2)
        return;
    fputs("<nav aria-label=\"Items on this page\"><ul>\n", out);
    for (size_t q = 0; q < data->count; q++) {
        fprintf(out, "<li><a href=\"#item-%zu\">", q + 1);
        page_isolated(out, kin_show_title(data->graph, data->item[q].row));
        fputs("</a></li>\n", out);
    }
    fputs("</ul></nav>\n", out);
}

/* Neighbours in a line, where there is room for so many. */
enum { LINE_NEIGHBORS = 8 };

static void write_header(FILE *out, const kin_show *data)
{
    const char *name = kin_path_base(data->graph->directory);
    page_begin(out, "Nearest neighbours", name, (const char *const[]){show_css, NULL});
    fprintf(out,
            "<header>\n<h1>Which items are alike</h1>\n<p class=\"lead\">%s of the "
            "similarity graph <b>",
            page_counted(data->count, "item").text);
    page_text(out, name);
    fputs(data->lanes == 1
              ? "</b>, each beside its nearest neighbours.</p>\n"
              : "</b>, each beside its nearest neighbours by one kind of vector alone, "
                "and fused, as the graph has them.</p>\n",
          out);
    write_facts(out, data->graph);
    write_key(out, data);
    write_links(out, data);
    fprintf(out, "</header>\n<main style=\"--n:%d\">\n", LINE_NEIGHBORS);
}

/* ---- an item -------------------------------------------------------------------------------- */

void show_tile(FILE *out, show_pictures *pictures, size_t row)
{
    if (pictures->column < 0)
        return;
    if (row < pictures->graph->n &&
        show_picture_write(pictures, out, "<img class=\"tile\" src=\"", row)) {
        fputs("\" alt=\"", out);
        page_escape(out, kin_show_title(pictures->graph, row));
        fputs("\">\n", out);
        return;
    }
    fputs("<div class=\"tile none\">no picture</div>\n", out);
}

/* One score of a neighbour: its name, a bar of share/1, its value. */
static void write_score(FILE *out, const char *name, const char *color, float value, double largest,
                        bool ranked_by)
{
    double share = (double)value / largest;
    fprintf(out, "<div%s><dt>", ranked_by ? " class=\"by\"" : "");
    page_text(out, name);
    fputs("</dt>", out);
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
    show_tile(out, pictures, (size_t)neighbor->row);
    fputs("<p title=\"", out);
    page_escape(out, title);
    fputs("\">", out);
    page_isolated(out, title);
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
    fprintf(out, "<section class=\"lane\" style=\"--c:var(--m%zu)\">\n<h3>By ", lane);
    page_text(out, data->graph->modality[lane]);
    fprintf(out, " <span>%s</span></h3>\n", data->exact ? "alone" : "among the stored neighbours");
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
    show_tile(out, pictures, item->row);
    fprintf(out, "<h2 id=\"title-%zu\">", q + 1);
    page_isolated(out, kin_show_title(data->graph, item->row));
    fputs("</h2>\n", out);
    if (category.length) {
        fputs("<p>", out);
        page_isolated(out, category);
        fputs("</p>\n", out);
    }
    fputs("<p class=\"id\">id ", out);
    page_isolated(out, kin_lines_at(&data->graph->ids, item->row));
    fputs("</p>\n</div>\n<div>\n", out);
    for (size_t l = 0; l < data->lanes; l++)
        write_lane(out, data, pictures, item, l);
    fputs("</div>\n</article>\n", out);
}

int show_page(char **page, size_t *bytes, const kin_show *data, show_pictures *pictures,
              kin_error *err)
{
    static const char hint[] = "show fewer items";
    *page = NULL;
    FILE *out = kin_text_stream(page, bytes);
    if (!out)
        return kin_fail_errno(err, KIN_E_MEMORY, hint, "the page");
    write_header(out, data);
    for (size_t q = 0; q < data->count; q++)
        write_item(out, data, pictures, q);
    fputs("</main>\n<footer><p>Written by kin show. One file, no scripts; it loads nothing.", out);
    if (pictures->left_out)
        fprintf(out, " Left out: %s, missing, larger than %d KiB or of a kind that is not shown.",
                kin_count(pictures->left_out, "picture").text, SHOW_PICTURE_MAX_BYTES >> 10);
    if (pictures->outside)
        fprintf(out, " Pictures that are not in the catalog&rsquo;s folder: %zu.",
                pictures->outside);
    fputs("</p></footer>\n", out);
    int rc = page_end(out, hint, err);
    if (rc != 0 || !pictures->no_memory)
        return rc;
    free(*page);
    *page = NULL;
    return kin_fail(err, KIN_E_MEMORY, hint, "no memory for the page's pictures");
}
