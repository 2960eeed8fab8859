/*
 * The graph by itself, and what changed since the previous one, on the page of `kin compare`
 * (declared in report/compare_page.h).
 */
#include "report/compare_names.h"
#include "report/compare_page_items.h"
#include "report/figure.h"
#include "report/part.h"

#include <math.h>

/* ---- in-degrees ------------------------------------------------------------------------------ */

/* Bin b >= 1 holds degrees from 2^(b-1) on. */
static double degree_from(size_t bin)
{
    return ldexp(1, (int)bin - 1);
}

/* "0", "1", "4 to 7" */
typedef struct degree_label {
    char text[2 * sizeof(page_label) + 4];
} degree_label;

static degree_label degree_text(size_t bin)
{
    size_t from = bin ? (size_t)degree_from(bin) : 0, to = bin ? 2 * from - 1 : 0;
    degree_label out;
    snprintf(out.text, sizeof out.text, to > from ? "%s to %s" : "%s", kin_page_count(from).text,
             kin_page_count(to).text);
    return out;
}

/* Degree 0 has no place on a logarithmic axis: its bar stands before that of 1, in another
 * colour. */
static void draw_degrees(plot *drawing, const void *data)
{
    const kin_structure *s = data;
    for (int never = 1; never >= 0; never--) {
        kin_plot_series_begin(drawing, never ? "m1" : "fused");
        for (size_t b = never ? 0 : 1; b < (never ? 1 : KIN_DEGREE_BINS); b++) {
            char title[192];
            if (s->degree_bin[b] == 0)
                continue;
            snprintf(title, sizeof title, "rows %s: %s", degree_text(b).text,
                     kin_page_counted(s->degree_bin[b], "item").text);
            kin_plot_bar(drawing, degree_from(b), degree_from(b + 1), (double)s->degree_bin[b],
                         title);
        }
        kin_plot_series_end(drawing);
    }
    kin_plot_text(drawing, (kin_plot_x(drawing, 0.5) + kin_plot_x(drawing, 1)) / 2,
                  drawing->height - drawing->bottom + 20, PLOT_MIDDLE, "0");
}

static void plot_degrees(FILE *out, const kin_structure *s)
{
    double count[KIN_DEGREE_BINS];
    size_t last = 1;
    for (size_t b = 0; b < KIN_DEGREE_BINS; b++) {
        count[b] = (double)s->degree_bin[b];
        last = s->degree_bin[b] ? b + 1 : last;
    }
    plot_drawing drawing = {
        .id = "degrees-plot",
        .title = "Items by how many rows they are in",
        .description =
            "In-degrees, a bar for each doubling, on two logarithmic axes. The table below has "
            "every bar.",
        .x = {.scale = PLOT_LOG,
              .low = 0.5 * (1 + 1e-6),
              .label = "rows that an item is in, logarithmic"},
        .y = {.scale = PLOT_LOG, .label = "items, logarithmic"},
        .draw = draw_degrees,
        .data = s};
    drawing.x.high = degree_from(last > 1 ? last : 2);
    kin_plot_fit(&drawing.y, count, KIN_DEGREE_BINS);
    drawing.y.low = 0.6;
    kin_figure_plot(out, &drawing, 0);
    kin_part_folded_begin(out, "The bars as a table", "In so many rows|Items");
    for (size_t b = 0; b < last; b++)
        kin_part_row(out, degree_text(b).text, kin_page_count(s->degree_bin[b]).text, NULL);
    kin_part_folded_end(out);
}

/* ---- facts ----------------------------------------------------------------------------------- */

static void write_facts(FILE *out, const kin_structure *s)
{
    char note[160];
    fputs("<dl class=\"facts tall\">\n", out);
    kin_part_fact(out, "Never recommended",
                  kin_page_percent(kin_compare_ratio(s->never, s->items)).text,
                  kin_page_counted(s->never, "item").text);
    snprintf(note, sizeof note, "median %s, mean %s", kin_page_count(s->in_degree_p50).text,
             kin_page_number(s->in_degree_mean, 1).text);
    kin_part_fact(out, "In most rows", kin_page_count(s->in_degree_max).text, note);
    kin_part_fact(out, "Skewness of in-degrees", kin_page_number(s->in_degree_skewness, 2).text,
                  "hubs make it large");
    kin_part_fact(out, "Returned", kin_page_percent(s->reciprocity).text,
                  "pairs whose reverse is there too");
    snprintf(note, sizeof note, "the largest has %s",
             kin_page_percent(kin_compare_ratio(s->largest_component, s->items)).text);
    kin_part_fact(out, "Components", kin_page_count(s->components).text, note);
    snprintf(note, sizeof note, "by chance %s, %s", kin_page_percent(s->within_by_chance).text,
             kin_page_counted(s->categories, "category").text);
    if (s->categories)
        kin_part_fact(out, "Within a category", kin_page_percent(s->within_category).text, note);
    fputs("</dl>\n", out);
}

static void write_counts(FILE *out, const kin_structure *s)
{
    kin_page_format(
        out,
        "<p class=\"says\">%s of %s. Full: %s, empty: %s. Half of the "
        "items are in %s or fewer, one in a hundred in more than %s.",
        kin_page_counted(s->pairs, "pair").text, kin_page_counted(s->items, "item").text,
        kin_page_counted(s->full_rows, "row").text, kin_page_count(s->empty_rows).text,
        kin_page_counted(s->in_degree_p50, "row").text, kin_page_count(s->in_degree_p99).text);
    if (s->repeated || s->to_self)
        kin_page_format(out, " Left out: %s and %s of items themselves.",
                        kin_page_counted(s->repeated, "repeated entry").text,
                        kin_page_count(s->to_self).text);
    fputs("</p>\n", out);
}

/* ---- hubs and modalities --------------------------------------------------------------------- */

static void write_hubs(FILE *out, compare_page *page, const kin_structure *s)
{
    if (s->hub_count == 0)
        return;
    fputs("<h3>Most recommended</h3>\n<ol class=\"items\">\n", out);
    for (size_t i = 0; i < s->hub_count; i++) {
        fputs("<li>", out);
        kin_page_item_block(out, page, kin_page_graph_item(page, s->hub[i].row));
        kin_page_format(out, "<span>in %s, %s</span></li>\n",
                        kin_page_counted(s->hub[i].in_degree, "row").text,
                        kin_page_percent(kin_compare_ratio(s->hub[i].in_degree, s->items)).text);
    }
    fputs("</ol>\n", out);
}

static void write_contributions(FILE *out, const kin_graph *graph, const kin_structure *s)
{
    figure_share share[KIN_MODALITIES_MAX];
    double sum = 0;
    for (size_t m = 0; m < graph->modality_count; m++) {
        share[m] = (figure_share){
            graph->modality[m], kin_compare_modality_color(m), NULL, s->contribution[m], {""}};
        sum += fmax(s->contribution[m], 0);
        if (s->contribution[m] < 0) /* cosines below 0 are no share */
            return;
    }
    if (graph->modality_count < 2 || !(sum > 0))
        return;
    fputs("<h3>What the scores are made of</h3>\n", out);
    kin_figure_stack(out, "Contribution of each modality to the scores", share,
                     graph->modality_count);
}

void kin_compare_page_structure(FILE *out, compare_page *page)
{
    const kin_comparison *c = page->compared;
    const kin_structure *s = &c->structure;
    write_counts(out, s);
    fputs("<div class=\"beside\">\n<div>\n", out);
    plot_degrees(out, s);
    fputs("</div>\n", out);
    write_facts(out, s);
    fputs("</div>\n", out);
    write_contributions(out, &c->graph.graph, s);
    write_hubs(out, page, s);
}

/* ---- drift: what changed --------------------------------------------------------------------- */

static void write_changes(FILE *out, const kin_comparison *c)
{
    const kin_drift *d = &c->drift;
    kin_page_format(
        out,
        "<p class=\"says\">Against <b>%s</b>, item by item: <b>%s</b> of %s common items "
        "have another set of neighbours, %s the same set in another order. New: %s, gone: "
        "%s.</p>\n",
        kin_compare_graph_name(&c->previous.graph),
        kin_page_percent(kin_compare_ratio(d->changed, d->common)).text,
        kin_page_count(d->common).text,
        kin_page_percent(kin_compare_ratio(d->reordered, d->common)).text,
        kin_page_counted(d->new_items, "item").text, kin_page_counted(d->gone_items, "item").text);
}

static void write_drift_facts(FILE *out, const kin_drift *d)
{
    char note[64];
    fputs("<dl class=\"facts tall\">\n", out);
    kin_part_fact(out, "Drift", kin_page_share(d->drift).text, "1 less the mean overlap");
    snprintf(note, sizeof note, "5\xc2\xa0%% of items at or below %s",
             kin_page_share(d->jaccard.p5).text);
    kin_part_fact(out, "Median overlap", kin_page_share(d->jaccard.p50).text, note);
    kin_part_fact(out, "Items that came or went", kin_page_percent(d->item_change).text,
                  "of all of both nights");
    kin_part_fact(out, "Another nearest neighbour",
                  kin_page_percent(kin_compare_ratio(d->nearest_changed, d->common)).text, NULL);
    fputs("</dl>\n", out);
}

static void tabulate_cuts(FILE *out, const kin_drift *d)
{
    const part_range axis = {0, 1};
    if (d->cuts == 0)
        return;
    fputs("<h3>Overlap of the first k neighbours</h3>\n", out);
    kin_part_range_table_begin(out, "Overlap by the number of neighbours looked at",
                               "First k|Mean overlap (Jaccard)|=", &axis);
    for (size_t i = 0; i < d->cuts; i++) {
        kin_page_format(out, "<tr><th scope=\"row\">%zu</th><td>%s</td>", d->cut[i],
                        kin_page_share(d->jaccard_at[i]).text);
        kin_part_range_cell(out, &axis, NAN, d->jaccard_at[i], NAN);
        fputs("</tr>\n", out);
    }
    kin_part_table_end(out);
}

/* ---- drift: items ---------------------------------------------------------------------------- */

static void write_examples(FILE *out, const compare_page *page, const char *heading,
                           const kin_graph *graph, const int32_t *row, size_t count, size_t all)
{
    if (count == 0)
        return;
    fprintf(out, "<h3>%s</h3>\n<ul class=\"names\">\n", heading);
    for (size_t i = 0; i < count; i++) {
        page_item item = graph == &page->compared->graph.graph ? kin_page_graph_item(page, row[i])
                                                               : (page_item){graph, (size_t)row[i]};
        kin_page_format(out, "<li>%.*s <small>%.*s</small></li>\n",
                        PAGE_SPAN(kin_page_item_title(item)), PAGE_SPAN(kin_page_item_id(item)));
    }
    if (all > count)
        kin_page_format(out, "<li><small>and %s more</small></li>\n",
                        kin_page_count(all - count).text);
    fputs("</ul>\n", out);
}

static void write_most_changed(FILE *out, compare_page *page, const kin_drift *d)
{
    enum { SHOWN = 8 };
    size_t count = d->worst_count < SHOWN ? d->worst_count : SHOWN;
    if (count == 0)
        return;
    fputs("<h3>Changed most</h3>\n<ol class=\"items\">\n", out);
    for (size_t i = 0; i < count; i++) {
        fputs("<li>", out);
        kin_page_item_block(out, page, kin_page_graph_item(page, d->worst[i].row));
        kin_page_format(out, "<span>overlap %s</span></li>\n",
                        kin_page_share(d->worst[i].value).text);
    }
    fputs("</ol>\n", out);
}

/* ---- drift: inputs --------------------------------------------------------------------------- */

static void write_now_then(FILE *out, const char *name, kin_now_then value,
                           page_label (*format)(double))
{
    if (isnan(value.now) && isnan(value.then))
        return; /* neither manifest has it */
    fprintf(out, "<tr%s>", value.now == value.then ? "" : " class=\"differs\"");
    kin_page_format(out, "<th scope=\"row\">%s</th><td>%s</td><td>%s</td></tr>\n", name,
                    format(value.now).text, format(value.then).text);
}

static page_label cosine_label(double value)
{
    return kin_page_number(value, 4);
}

static void write_inputs(FILE *out, const kin_drift *d)
{
    if (d->input_count == 0)
        return;
    fputs("<h3>The vectors</h3>\n", out);
    kin_part_table_begin(out, "The vectors, now and then", "<Vectors|Now|Then");
    for (size_t i = 0; i < d->input_count; i++) {
        const kin_input_drift *input = &d->input[i];
        bool now = !isnan(input->weight.now), then = !isnan(input->weight.then);
        kin_page_format(out,
                        "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"3\">%s "
                        "<small>%s</small></th></tr>\n",
                        input->name,
                        now && !then       ? "new"
                        : then && !now     ? "gone"
                        : input->same_file ? "the same vectors"
                                           : "other vectors");
        write_now_then(out, "weight", input->weight, kin_page_general);
        write_now_then(out, "missing", input->missing_share, kin_page_percent);
        write_now_then(out, "repeated", input->repeated_share, kin_page_percent);
        write_now_then(out, "mean cosine of all pairs", input->mean_cosine, cosine_label);
        write_now_then(out, "mean length", input->norm_mean, cosine_label);
    }
    kin_part_table_end(out);
}

void kin_compare_page_drift(FILE *out, compare_page *page)
{
    const kin_comparison *c = page->compared;
    const kin_drift *d = &c->drift;
    const figure_histogram histogram = {.id = "drift-plot",
                                        .title = "Items by the overlap of their neighbours",
                                        .value = "overlap with the previous neighbours (Jaccard)",
                                        .counted = "item",
                                        .summary = &d->jaccard};
    write_changes(out, c);
    fputs("<div class=\"beside\">\n<div>\n", out);
    kin_figure_histogram_write(out, &histogram);
    fputs("</div>\n", out);
    write_drift_facts(out, d);
    fputs("</div>\n<div class=\"halves\">\n<div>\n", out);
    tabulate_cuts(out, d);
    write_examples(out, page, "New items", &c->graph.graph, d->example_new, d->example_new_count,
                   d->new_items);
    write_examples(out, page, "Items that are gone", &c->previous.graph, d->example_gone,
                   d->example_gone_count, d->gone_items);
    fputs("</div>\n<div>\n", out);
    write_inputs(out, d);
    fputs("</div>\n</div>\n", out);
    write_most_changed(out, page, d);
}
