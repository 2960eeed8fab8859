/*
 * The sections on recall of the page of `kin compare` (declared in report/compare_page.h): two
 * graphs side by side, the rows, the cuts.
 */
#include "report/compare_names.h"
#include "report/compare_page.h"
#include "report/figure.h"
#include "report/part.h"

#include <math.h>

/* ---- graph beside graph ---------------------------------------------------------------------- */

static void write_side(FILE *out, const kin_graph *graph, const kin_recall *recall,
                       const part_range *axis)
{
    const kin_summary *s = kin_compare_recall(recall);
    const kin_interval *interval = kin_compare_recall_interval(recall);
    kin_page_format(out, "<tr><th scope=\"row\">%s</th><td><b>%s</b></td>",
                    kin_compare_graph_name(graph), kin_page_share(s->mean).text);
    kin_part_range_words(out, interval->low, s->mean, interval->high);
    kin_part_range_cell(out, axis, interval->low, s->mean, interval->high);
    kin_page_format(out, "<td>%s</td><td>%s</td><td>%s</td></tr>\n", kin_page_share(s->p5).text,
                    kin_page_share(s->min).text, kin_page_percent(s->below_90).text);
}

/* Which is better, and whether that is more than chance. Numbers are of the one that is named. */
static void write_result(FILE *out, const kin_comparison *c)
{
    const kin_recall_difference *d = &c->difference;
    bool first = d->mean >= 0, proven = d->interval.low > 0 || d->interval.high < 0;
    double low = first ? d->interval.low : -d->interval.high;
    double high = first ? d->interval.high : -d->interval.low;
    kin_page_format(out, "<p class=\"says\"><b>%s</b> has %s recall, <b>%s</b> more on average",
                    kin_compare_graph_name(first ? &c->graph.graph : &c->other.graph),
                    proven         ? "the higher"
                    : d->mean == 0 ? "the same"
                                   : "no certainly higher",
                    kin_page_number(fabs(d->mean), 4).text);
    if (d->exhaustive)
        kin_page_format(out, ", over all %s rows.</p>\n", kin_page_count(d->rows).text);
    else
        kin_page_format(out, ", between %s and %s with 95&nbsp;%% confidence, from %s.</p>\n",
                        kin_page_number(low, 4).text, kin_page_number(high, 4).text,
                        kin_page_counted(d->rows, "row").text);
}

void kin_compare_page_difference(FILE *out, compare_page *page)
{
    const kin_comparison *c = page->compared;
    const kin_recall_difference *d = &c->difference;
    part_range axis = kin_part_range_begin();
    kin_part_range_include(&axis, kin_compare_recall(&c->recall)->mean);
    kin_part_range_include(&axis, kin_compare_recall(&c->other_recall)->mean);
    write_result(out, c);
    kin_part_range_table_begin(
        out, "The two graphs' recall",
        "<Graph|Mean recall|95 % interval|=|Percentile 5|Worst row|Below 0.9", &axis);
    write_side(out, &c->graph.graph, &c->recall, &axis);
    write_side(out, &c->other.graph, &c->other_recall, &axis);
    kin_part_table_end(out);
    size_t equal = d->rows - d->better - d->worse;
    char better[KIN_MESSAGE_MAX], worse[KIN_MESSAGE_MAX];
    snprintf(better, sizeof better, "%s has the better row",
             kin_compare_graph_name(&c->graph.graph));
    snprintf(worse, sizeof worse, "%s has the better row", kin_compare_graph_name(&c->other.graph));
    figure_share share[] = {
        {better, "fused", NULL, (double)d->better, kin_page_count(d->better)},
        {"equal", "soft", NULL, (double)equal, kin_page_count(equal)},
        {worse, "m1", NULL, (double)d->worse, kin_page_count(d->worse)},
    };
    fputs("<h3>Row by row</h3>\n", out);
    kin_figure_stack(out, "Rows that are better in one graph, equal, or better in the other", share,
                     sizeof share / sizeof *share);
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* How recall is spread over rows, in words: how many lost nothing, then what others have at
 * most. */
static void write_quantiles(FILE *out, const kin_summary *s)
{
    const struct {
        double value;
        const char *rest, *part; /* of the rows: those above the quantile, those at or below it */
    } quantile[] = {{s->p50, "half", "Half of the rows have"},
                    {s->p5, "95&nbsp;%", "one in twenty has"},
                    {s->p1, "99&nbsp;%", "one in a hundred has"}};
    size_t count = sizeof quantile / sizeof *quantile, first = 0;
    if (s->min >= 1) {
        fputs("Every row has all of its neighbours.", out);
        return;
    }
    while (first < count && quantile[first].value >= 1)
        first++;
    if (first > 0)
        fprintf(out, "At least %s of the rows lack nothing, ", quantile[first - 1].rest);
    for (size_t i = first; i < count; i++)
        fprintf(out, "%s a recall of %s or less, ", quantile[i].part,
                kin_page_share(quantile[i].value).text);
    fprintf(out, "the worst row has %s.", kin_page_share(s->min).text);
}

void kin_compare_page_rows(FILE *out, compare_page *page)
{
    const kin_summary *s = kin_compare_recall(&page->compared->recall);
    const figure_histogram histogram = {.id = "rows-plot",
                                        .title = "Rows by recall",
                                        .value = "recall of a row",
                                        .counted = "row",
                                        .summary = s,
                                        .low = 0.9};
    fputs("<p class=\"says\">", out);
    write_quantiles(out, s);
    kin_page_format(
        out, " <b>%s</b> of all rows are below 0.9%s.</p>\n<div class=\"beside\">\n<div>\n",
        kin_page_percent(s->below_90).text, s->below_90 > 0 ? ", set apart by their colour" : "");
    kin_figure_histogram_write(out, &histogram);
    fputs("</div>\n<dl class=\"facts tall\">\n", out);
    kin_part_fact(out, "Mean", kin_page_share(s->mean).text, NULL);
    kin_part_fact(out, "Median", kin_page_share(s->p50).text, NULL);
    kin_part_fact(out, "Percentile 5", kin_page_share(s->p5).text, NULL);
    kin_part_fact(out, "Percentile 1", kin_page_share(s->p1).text, NULL);
    kin_part_fact(out, "Worst row", kin_page_share(s->min).text, NULL);
    kin_part_fact(out, "Below 0.9", kin_page_percent(s->below_90).text, NULL);
    fputs("</dl>\n</div>\n", out);
}

/* ---- cuts ------------------------------------------------------------------------------------ */

enum { CURVES = 4 };

typedef struct curves {
    size_t count;
    double k[KIN_CUTS_MAX];
    const double *at[CURVES];
} curves;

/* In the order in which they are drawn: tie-aware, the one to decide by, comes on top. */
static const struct {
    const char *name, *color;
    plot_shape shape;
} curve_look[CURVES] = {{"nearest found", "m1", PLOT_TRIANGLE},
                        {"nearest true", "m2", PLOT_DIAMOND},
                        {"strict", "m0", PLOT_SQUARE},
                        {"tie-aware", "fused", PLOT_CIRCLE}};

static bool curve_there(const curves *self, size_t i)
{
    for (size_t c = 0; c < self->count; c++)
        if (!isfinite(self->at[i][c]))
            return false;
    return true;
}

static void draw_curves(plot *drawing, const void *data)
{
    const curves *self = data;
    plot_legend legend = {
        .first = drawing->left, .left = drawing->left, .base = drawing->height - 26, .room = 110};
    for (size_t i = 0; i < CURVES; i++) {
        if (!curve_there(self, i))
            continue;
        kin_plot_series_begin(drawing, curve_look[i].color);
        kin_plot_line(drawing, self->k, self->at[i], self->count);
        for (size_t c = 0; c < self->count; c++) {
            char title[96];
            snprintf(title, sizeof title, "%s at %.0f: %s", curve_look[i].name, self->k[c],
                     kin_page_share(self->at[i][c]).text);
            kin_plot_marker(drawing, curve_look[i].shape, true, self->k[c], self->at[i][c], title);
        }
        kin_plot_key(drawing, &legend, curve_look[i].shape, curve_look[i].name);
        kin_plot_series_end(drawing);
    }
}

static void plot_cuts(FILE *out, const kin_recall *r)
{
    curves data = {.count = r->cuts,
                   .at = {r->nearest_found_at, r->nearest_true_at, r->strict_at, r->tie_aware_at}};
    double all[CURVES * KIN_CUTS_MAX];
    size_t count = 0;
    for (size_t c = 0; c < r->cuts; c++)
        data.k[c] = (double)r->cut[c];
    for (size_t i = 0; i < CURVES; i++)
        for (size_t c = 0; c < r->cuts && curve_there(&data, i); c++)
            all[count++] = data.at[i][c];
    plot_drawing drawing = {
        .id = "cuts-plot",
        .title = "Recall by the number of neighbours looked at",
        .description =
            "Tie-aware and strict recall, and how often the nearest neighbour is found and is "
            "true, each at several numbers of neighbours. The table has every point.",
        .x = {.scale = PLOT_LOG, .label = "first k neighbours"},
        .y = {.scale = PLOT_MISSES, .label = "mean over rows; the axis spreads towards 1"},
        .draw = draw_curves,
        .data = &data};
    kin_plot_fit(&drawing.x, data.k, data.count);
    kin_plot_fit(&drawing.y, all, count);
    kin_figure_plot(out, &drawing, 52);
}

static void tabulate_cuts(FILE *out, const kin_recall *r)
{
    kin_part_table_begin(out, "Recall by the number of neighbours looked at",
                         "First k|Tie-aware|Strict|Nearest found|Nearest true");
    for (size_t c = 0; c < r->cuts; c++)
        kin_part_row(out, kin_page_number((double)r->cut[c], 0).text,
                     kin_page_share(r->tie_aware_at[c]).text, kin_page_share(r->strict_at[c]).text,
                     kin_page_share(r->nearest_found_at[c]).text,
                     kin_page_share(r->nearest_true_at[c]).text, NULL);
    kin_part_table_end(out);
}

/* All texts are HTML. */
static void write_measure(FILE *out, const char *name, page_label value, const char *meaning)
{
    fprintf(out, "<tr><th scope=\"row\">%s</th><td>%s</td><td class=\"text\">%s</td></tr>\n", name,
            value.text, meaning);
}

static void write_measures(FILE *out, const kin_recall *r)
{
    fputs("<h3>Other measures</h3>\n", out);
    kin_part_table_begin(out, "Other measures", "<Measure|Value|<What it says");
    for (size_t e = 0; e < KIN_EPSILONS; e++) {
        char name[64], meaning[192];
        double percent = 100 * kin_epsilons[e];
        snprintf(name, sizeof name, "Recall within %g&nbsp;%%", percent);
        snprintf(meaning, sizeof meaning,
                 "a neighbour counts when it is at most %g&nbsp;%% farther away than the "
                 "reference&rsquo;s last",
                 percent);
        write_measure(out, name, kin_page_share(r->epsilon[e]), meaning);
    }
    write_measure(out, "Score ratio", kin_page_share(r->score_ratio),
                  "scores of the graph&rsquo;s neighbours, as a share of the reference&rsquo;s");
    write_measure(out, "Score loss", kin_page_number(r->score_loss, 6),
                  "how much lower the graph&rsquo;s score is than the reference&rsquo;s at the "
                  "same place, on average");
    write_measure(
        out, "Places filled", kin_page_percent(r->fill),
        "neighbours that the graph has, whichever they are, of those that the reference has");
    write_measure(out, "Short rows", kin_page_count(r->short_rows),
                  "fewer neighbours than the reference has");
    write_measure(out, "Empty rows", kin_page_count(r->empty_rows),
                  "no neighbour at all, where the reference has some");
    write_measure(out, "Short by rule", kin_page_count(r->short_by_rule),
                  "the reference is short as well: there are no more neighbours to find");
    write_measure(out, "Empty by rule", kin_page_count(r->empty_by_rule),
                  "the reference is empty: no recall, and in none of these means");
    kin_part_table_end(out);
}

void kin_compare_page_cuts(FILE *out, compare_page *page)
{
    const kin_recall *r = &page->compared->recall;
    fputs("<p class=\"says\">Tie-aware recall counts a neighbour that is as good as the "
          "reference&rsquo;s last; strict recall wants the same item. <i>Nearest found</i>: the "
          "reference&rsquo;s first neighbour is among the graph&rsquo;s first k. <i>Nearest "
          "true</i>: the graph&rsquo;s first is among the reference&rsquo;s first k.</p>\n"
          "<div class=\"beside\">\n<div>\n",
          out);
    plot_cuts(out, r);
    fputs("</div>\n<div>\n", out);
    tabulate_cuts(out, r);
    fputs("</div>\n</div>\n", out);
    write_measures(out, r);
}
