/*
 * The section on the graph by itself of the page of `kin compare` (declared in report/compare_page.h).
 */
#include "report/compare_page.h"

#include <math.h>

/* ---- in-degrees ----------------------------------------------------------------------------------- */

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
    snprintf(out.text, sizeof out.text, to > from ? "%s to %s" : "%s", page_count(from).text,
             page_count(to).text);
    return out;
}

/* Degree 0 has no place on a logarithmic axis: its bar stands before that of 1, in another colour. */
static void draw_degrees(plot *drawing, const void *data)
{
    const kin_structure *s = data;
    for (int never = 1; never >= 0; never--) {
        plot_series_begin(drawing, never ? "m1" : "fused");
        for (size_t b = never ? 0 : 1; b < (never ? 1 : KIN_DEGREE_BINS); b++) {
            char title[192];
            if (s->degree_bin[b] == 0)
                continue;
            snprintf(title, sizeof title, "rows %s: %s", degree_text(b).text,
                     page_counted(s->degree_bin[b], "item").text);
            plot_bar(drawing, degree_from(b), degree_from(b + 1), (double)s->degree_bin[b], title);
        }
        plot_series_end(drawing);
    }
    plot_text(drawing, (plot_x(drawing, 0.5) + plot_x(drawing, 1)) / 2,
              drawing->height - drawing->bottom + 20, PLOT_MIDDLE, "0");
}

static void plot_degrees(FILE *out, const kin_structure *s)
{
    static const char *const head[] = {"In so many rows", "Items"};
    double count[KIN_DEGREE_BINS];
    size_t last = 1;
    for (size_t b = 0; b < KIN_DEGREE_BINS; b++) {
        count[b] = (double)s->degree_bin[b];
        last = s->degree_bin[b] ? b + 1 : last;
    }
    part_plot drawing = {
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
    plot_fit(&drawing.y, count, KIN_DEGREE_BINS);
    drawing.y.low = 0.6;
    part_plot_write(out, &drawing);
    part_folded_begin(out, "The bars as a table", head, sizeof head / sizeof *head);
    for (size_t b = 0; b < last; b++)
        fprintf(out, "<tr><th scope=\"row\">%s</th><td>%s</td></tr>\n", degree_text(b).text,
                page_count(s->degree_bin[b]).text);
    part_folded_end(out);
}

/* ---- facts ---------------------------------------------------------------------------------------- */

static void write_facts(FILE *out, const kin_structure *s)
{
    char note[160];
    fputs("<dl class=\"facts tall\">\n", out);
    snprintf(note, sizeof note, "%s", page_counted(s->never, "item").text);
    part_fact(out, "Never recommended", page_percent(page_ratio(s->never, s->items)), note);
    snprintf(note, sizeof note, "median %s, mean %s", page_count(s->in_degree_p50).text,
             page_number(s->in_degree_mean, 1).text);
    part_fact(out, "In most rows", page_count(s->in_degree_max), note);
    part_fact(out, "Skewness of in-degrees", page_number(s->in_degree_skewness, 2),
              "hubs make it large");
    part_fact(out, "Returned", page_percent(s->reciprocity), "pairs whose reverse is there too");
    snprintf(note, sizeof note, "the largest has %s",
             page_percent(page_ratio(s->largest_component, s->items)).text);
    part_fact(out, "Components", page_count(s->components), note);
    if (s->categories) {
        snprintf(note, sizeof note, "by chance %s, %s", page_percent(s->within_by_chance).text,
                 page_counted(s->categories, "category").text);
        part_fact(out, "Within a category", page_percent(s->within_category), note);
    }
    fputs("</dl>\n", out);
}

static void write_counts(FILE *out, const kin_structure *s)
{
    fprintf(out,
            "<p class=\"says\">%s of %s. Full: %s, empty: %s. Half of the "
            "items are in %s or fewer, one in a hundred in more than %s.",
            page_counted(s->pairs, "pair").text, page_counted(s->items, "item").text,
            page_counted(s->full_rows, "row").text, page_count(s->empty_rows).text,
            page_counted(s->in_degree_p50, "row").text, page_count(s->in_degree_p99).text);
    if (s->repeated || s->to_self)
        fprintf(out, " Left out: %s and %s of items themselves.",
                page_counted(s->repeated, "repeated entry").text, page_count(s->to_self).text);
    fputs("</p>\n", out);
}

/* ---- hubs and modalities ---------------------------------------------------------------------------- */

static void write_hubs(compare_page *page, const kin_structure *s)
{
    if (s->hub_count == 0)
        return;
    fputs("<h3>Most recommended</h3>\n<ol class=\"items\">\n", page->out);
    for (size_t i = 0; i < s->hub_count; i++) {
        fputs("<li>", page->out);
        part_item_line(page, part_graph_item(page, s->hub[i].row));
        fprintf(page->out, "<span>in %s, %s</span></li>\n",
                page_counted(s->hub[i].in_degree, "row").text,
                page_percent(page_ratio(s->hub[i].in_degree, s->items)).text);
    }
    fputs("</ol>\n", page->out);
}

static void write_contributions(FILE *out, const kin_graph *graph, const kin_structure *s)
{
    part_share share[KIN_MODALITIES_MAX];
    double sum = 0;
    for (size_t m = 0; m < graph->modality_count; m++) {
        share[m] = (part_share){
            graph->modality[m], page_modality_color(m), NULL, s->contribution[m], {""}};
        sum += fmax(s->contribution[m], 0);
        if (s->contribution[m] < 0) /* cosines below 0 are no share */
            return;
    }
    if (graph->modality_count < 2 || !(sum > 0))
        return;
    fputs("<h3>What the scores are made of</h3>\n", out);
    part_stack(out, "Contribution of each modality to the scores", share, graph->modality_count);
}

void compare_page_structure(compare_page *page)
{
    const kin_comparison *c = page->compared;
    const kin_structure *s = &c->structure;
    write_counts(page->out, s);
    fputs("<div class=\"beside\">\n<div>\n", page->out);
    plot_degrees(page->out, s);
    fputs("</div>\n", page->out);
    write_facts(page->out, s);
    fputs("</div>\n", page->out);
    write_contributions(page->out, &c->graph.graph, s);
    write_hubs(page, s);
}
