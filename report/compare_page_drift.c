/*
 * The section on drift of the page of `kin compare` (declared in report/compare_page.h): what changed from the previous
 * graph to this one.
 */
#include "report/compare_page.h"

#include <math.h>

static void write_says(compare_page *page, const kin_drift *d)
{
    FILE *out = page->out;
    fputs("<p class=\"says\">Against <b>", out);
    page_text(out, page_graph_name(&page->compared->previous.graph));
    fprintf(out,
            "</b>, item by item: <b>%s</b> of %s common items have another set of neighbours, %s "
            "the same set in another order. New: %s, gone: %s.</p>\n",
            page_percent(page_ratio(d->changed, d->common)).text, page_count(d->common).text,
            page_percent(page_ratio(d->reordered, d->common)).text,
            page_counted(d->new_items, "item").text, page_counted(d->gone_items, "item").text);
}

static void write_facts(FILE *out, const kin_drift *d)
{
    char note[64];
    fputs("<dl class=\"facts tall\">\n", out);
    part_fact(out, "Drift", page_share(d->drift), "1 less the mean overlap");
    snprintf(note, sizeof note, "5&nbsp;%% of items at or below %s",
             page_share(d->jaccard.p5).text);
    part_fact(out, "Median overlap", page_share(d->jaccard.p50), note);
    part_fact(out, "Items that came or went", page_percent(d->item_change),
              "of all of both nights");
    part_fact(out, "Another nearest neighbour",
              page_percent(page_ratio(d->nearest_changed, d->common)), NULL);
    fputs("</dl>\n", out);
}

static void tabulate_cuts(FILE *out, const kin_drift *d)
{
    static const char *const head[] = {"First k", "Mean overlap (Jaccard)", NULL};
    part_range axis = {0, 1};
    if (d->cuts == 0)
        return;
    fputs("<h3>Overlap of the first k neighbours</h3>\n", out);
    part_range_table_begin(out, "Overlap by the number of neighbours looked at", head, 3, &axis);
    for (size_t i = 0; i < d->cuts; i++) {
        fprintf(out, "<tr><th scope=\"row\">%zu</th><td>%s</td>", d->cut[i],
                page_share(d->jaccard_at[i]).text);
        part_range_cell(out, &axis, NAN, d->jaccard_at[i], NAN);
        fputs("</tr>\n", out);
    }
    part_table_end(out);
}

/* ---- items ---------------------------------------------------------------------------------------- */

static void write_examples(compare_page *page, const char *heading, const kin_graph *graph,
                           const int32_t *row, size_t count, size_t all)
{
    if (count == 0)
        return;
    fprintf(page->out, "<h3>%s</h3>\n<ul class=\"names\">\n", heading);
    for (size_t i = 0; i < count; i++) {
        part_item item = graph == &page->compared->graph.graph ? part_graph_item(page, row[i])
                                                               : (part_item){graph, (size_t)row[i]};
        fputs("<li>", page->out);
        part_item_title(page, item);
        fputs(" <small>", page->out);
        part_item_id(page, item);
        fputs("</small></li>\n", page->out);
    }
    if (all > count)
        fprintf(page->out, "<li><small>and %s more</small></li>\n", page_count(all - count).text);
    fputs("</ul>\n", page->out);
}

static void write_worst(compare_page *page, const kin_drift *d)
{
    enum { SHOWN = 8 };
    size_t count = d->worst_count < SHOWN ? d->worst_count : SHOWN;
    if (count == 0)
        return;
    fputs("<h3>Changed most</h3>\n<ol class=\"items\">\n", page->out);
    for (size_t i = 0; i < count; i++) {
        fputs("<li>", page->out);
        part_item_line(page, part_graph_item(page, d->worst[i].row));
        fprintf(page->out, "<span>overlap %s</span></li>\n", page_share(d->worst[i].value).text);
    }
    fputs("</ol>\n", page->out);
}

/* ---- inputs --------------------------------------------------------------------------------------- */

static void write_now_then(FILE *out, const char *name, kin_now_then value,
                           page_label (*format)(double))
{
    page_label now = format(value.now), then = format(value.then);
    bool same = value.now == value.then;
    if (isnan(value.now) && isnan(value.then))
        return; /* neither manifest has it */
    fprintf(out, "<tr%s><th scope=\"row\">%s</th><td>%s</td><td>%s</td></tr>\n",
            same ? "" : " class=\"differs\"", name, now.text, then.text);
}

static page_label weight_label(double value)
{
    page_label out = page_number(value, 0);
    if (isfinite(value))
        snprintf(out.text, sizeof out.text, "%g", value);
    return out;
}

static page_label cosine_label(double value)
{
    return page_number(value, 4);
}

static void write_inputs(FILE *out, const kin_drift *d)
{
    static const char *const head[] = {"<Vectors", "Now", "Then"};
    if (d->input_count == 0)
        return;
    fputs("<h3>The vectors</h3>\n", out);
    part_table_begin(out, "The vectors, now and then", head, 3);
    for (size_t i = 0; i < d->input_count; i++) {
        const kin_input_drift *input = &d->input[i];
        bool now = !isnan(input->weight.now), then = !isnan(input->weight.then);
        fputs("<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"3\">", out);
        page_text(out, input->name);
        fprintf(out, " <small>%s</small></th></tr>\n",
                now && !then       ? "new"
                : then && !now     ? "gone"
                : input->same_file ? "the same vectors"
                                   : "other vectors");
        write_now_then(out, "weight", input->weight, weight_label);
        write_now_then(out, "missing", input->missing_share, page_percent);
        write_now_then(out, "repeated", input->repeated_share, page_percent);
        write_now_then(out, "mean cosine of all pairs", input->mean_cosine, cosine_label);
        write_now_then(out, "mean length", input->norm_mean, cosine_label);
    }
    part_table_end(out);
}

void compare_page_drift(compare_page *page)
{
    const kin_comparison *c = page->compared;
    const kin_drift *d = &c->drift;
    write_says(page, d);
    fputs("<div class=\"beside\">\n<div>\n", page->out);
    part_histogram histogram = {.id = "drift-plot",
                                .title = "Items by the overlap of their neighbours",
                                .value = "overlap with the previous neighbours (Jaccard)",
                                .counted = "item",
                                .summary = &d->jaccard};
    part_histogram_write(page->out, &histogram);
    fputs("</div>\n", page->out);
    write_facts(page->out, d);
    fputs("</div>\n<div class=\"halves\">\n<div>\n", page->out);
    tabulate_cuts(page->out, d);
    write_examples(page, "New items", &c->graph.graph, d->example_new, d->example_new_count,
                   d->new_items);
    write_examples(page, "Items that are gone", &c->previous.graph, d->example_gone,
                   d->example_gone_count, d->gone_items);
    fputs("</div>\n<div>\n", page->out);
    write_inputs(page->out, d);
    fputs("</div>\n</div>\n", page->out);
    write_worst(page, d);
}
