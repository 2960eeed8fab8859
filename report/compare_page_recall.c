/*
 * The sections on recall of the page of `kin compare` (declared in report/compare_page.h): two graphs side by side, the
 * rows, the cuts, the strata.
 */
#include "core/memory.h"
#include "report/compare_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* In words; a mean over all rows has none, nor has one over no rows. */
static void write_interval(FILE *out, const kin_interval *interval, double mean)
{
    if (isnan(mean))
        fputs("<td>\xe2\x80\x93</td>", out);
    else if (interval->low == interval->high)
        fputs("<td>every row</td>", out);
    else
        fprintf(out, "<td>%s to %s</td>", page_share(interval->low).text,
                page_share(interval->high).text);
}

/* ---- graph beside graph --------------------------------------------------------------------------- */

static void write_side(compare_page *page, const kin_graph *graph, const kin_recall *recall,
                       const part_range *axis)
{
    const kin_summary *s = page_recall(recall);
    const kin_interval *interval = page_recall_interval(recall);
    fputs("<tr><th scope=\"row\">", page->out);
    page_text(page->out, page_graph_name(graph));
    fprintf(page->out, "</th><td><b>%s</b></td>", page_share(s->mean).text);
    write_interval(page->out, interval, s->mean);
    part_range_cell(page->out, axis, interval->low, s->mean, interval->high);
    fprintf(page->out, "<td>%s</td><td>%s</td><td>%s</td></tr>\n", page_share(s->p5).text,
            page_share(s->min).text, page_percent(s->below_90).text);
}

/* Which is better, and whether that is more than chance. Numbers are of the one that is named. */
static void write_result(compare_page *page, const kin_recall_difference *d)
{
    const kin_comparison *c = page->compared;
    FILE *out = page->out;
    bool first = d->mean >= 0, proven = d->interval.low > 0 || d->interval.high < 0;
    double low = first ? d->interval.low : -d->interval.high;
    double high = first ? d->interval.high : -d->interval.low;
    fputs("<p class=\"says\"><b>", out);
    page_text(out, page_graph_name(first ? &c->graph.graph : &c->other.graph));
    fprintf(out, "</b> has %s recall, <b>%s</b> more on average",
            proven         ? "the higher"
            : d->mean == 0 ? "the same"
                           : "no certainly higher",
            page_number(fabs(d->mean), 4).text);
    if (d->exhaustive)
        fprintf(out, ", over all %s rows.</p>\n", page_count(d->rows).text);
    else
        fprintf(out, ", between %s and %s with 95&nbsp;%% confidence, from %s.</p>\n",
                page_number(low, 4).text, page_number(high, 4).text,
                page_counted(d->rows, "row").text);
}

void compare_page_difference(compare_page *page)
{
    static const char *const head[] = {"<Graph",       "Mean recall", "95 % interval", NULL,
                                       "Percentile 5", "Worst row",   "Below 0.9"};
    const kin_comparison *c = page->compared;
    const kin_recall_difference *d = &c->difference;
    part_range axis = part_range_begin();
    part_range_include(&axis, page_recall(&c->recall)->mean);
    part_range_include(&axis, page_recall(&c->other_recall)->mean);
    write_result(page, d);
    part_range_table_begin(page->out, "The two graphs' recall", head, sizeof head / sizeof *head,
                           &axis);
    write_side(page, &c->graph.graph, &c->recall, &axis);
    write_side(page, &c->other.graph, &c->other_recall, &axis);
    part_table_end(page->out);
    size_t equal = d->rows - d->better - d->worse;
    char better[KIN_MESSAGE_MAX], worse[KIN_MESSAGE_MAX];
    snprintf(better, sizeof better, "%s has the better row", page_graph_name(&c->graph.graph));
    snprintf(worse, sizeof worse, "%s has the better row", page_graph_name(&c->other.graph));
    part_share share[] = {
        {better, "fused", NULL, (double)d->better, page_count(d->better)},
        {"equal", "soft", NULL, (double)equal, page_count(equal)},
        {worse, "m1", NULL, (double)d->worse, page_count(d->worse)},
    };
    fputs("<h3>Row by row</h3>\n", page->out);
    part_stack(page->out, "Rows that are better in one graph, equal, or better in the other", share,
               sizeof share / sizeof *share);
}

/* ---- rows --------------------------------------------------------------------------------------- */

/* How recall is spread over rows, in words: how many lost nothing, then what others have at most. */
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
                page_share(quantile[i].value).text);
    fprintf(out, "the worst row has %s.", page_share(s->min).text);
}

void compare_page_rows(compare_page *page)
{
    const kin_comparison *c = page->compared;
    FILE *out = page->out;
    const kin_summary *s = page_recall(&c->recall);
    fputs("<p class=\"says\">", out);
    write_quantiles(out, s);
    fprintf(out, " <b>%s</b> of all rows are below 0.9%s.</p>\n<div class=\"beside\">\n<div>\n",
            page_percent(s->below_90).text, s->below_90 > 0 ? ", set apart by their colour" : "");
    part_histogram histogram = {.id = "rows-plot",
                                .title = "Rows by recall",
                                .value = "recall of a row",
                                .counted = "row",
                                .summary = s,
                                .low = 0.9};
    part_histogram_write(out, &histogram);
    fputs("</div>\n<dl class=\"facts tall\">\n", out);
    part_fact(out, "Mean", page_share(s->mean), NULL);
    part_fact(out, "Median", page_share(s->p50), NULL);
    part_fact(out, "Percentile 5", page_share(s->p5), NULL);
    part_fact(out, "Percentile 1", page_share(s->p1), NULL);
    part_fact(out, "Worst row", page_share(s->min), NULL);
    part_fact(out, "Below 0.9", page_percent(s->below_90), NULL);
    fputs("</dl>\n</div>\n", out);
}

/* ---- cuts --------------------------------------------------------------------------------------- */

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
    double left = drawing->left, base = drawing->height - 26;
    for (size_t i = 0; i < CURVES; i++) {
        if (!curve_there(self, i))
            continue;
        plot_series_begin(drawing, curve_look[i].color);
        plot_line(drawing, self->k, self->at[i], self->count);
        for (size_t c = 0; c < self->count; c++) {
            char title[96];
            snprintf(title, sizeof title, "%s at %.0f: %s", curve_look[i].name, self->k[c],
                     page_share(self->at[i][c]).text);
            plot_marker(drawing, curve_look[i].shape, true, self->k[c], self->at[i][c], title);
        }
        if (left + 110 > drawing->width) { /* the next line of the legend */
            left = drawing->left;
            base += 20;
        }
        left += 20 + plot_key(drawing, curve_look[i].shape, left, base, curve_look[i].name);
        plot_series_end(drawing);
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
    part_plot drawing = {
        .id = "cuts-plot",
        .title = "Recall by the number of neighbours looked at",
        .description =
            "Tie-aware and strict recall, and how often the nearest neighbour is found and is "
            "true, each at several numbers of neighbours. The table has every point.",
        .bottom = 104,
        .x = {.scale = PLOT_LOG, .label = "first k neighbours"},
        .y = {.scale = PLOT_MISSES, .label = "mean over rows; the axis spreads towards 1"},
        .draw = draw_curves,
        .data = &data};
    plot_fit(&drawing.x, data.k, data.count);
    plot_fit(&drawing.y, all, count);
    part_plot_write(out, &drawing);
}

static void tabulate_cuts(FILE *out, const kin_recall *r)
{
    static const char *const head[] = {"First k", "Tie-aware", "Strict", "Nearest found",
                                       "Nearest true"};
    part_table_begin(out, "Recall by the number of neighbours looked at", head,
                     sizeof head / sizeof *head);
    for (size_t c = 0; c < r->cuts; c++)
        fprintf(out,
                "<tr><th scope=\"row\">%zu</th><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n",
                r->cut[c], page_share(r->tie_aware_at[c]).text, page_share(r->strict_at[c]).text,
                page_share(r->nearest_found_at[c]).text, page_share(r->nearest_true_at[c]).text);
    part_table_end(out);
}

static void write_measure(FILE *out, const char *name, page_label value, const char *meaning)
{
    fprintf(out, "<tr><th scope=\"row\">%s</th><td>%s</td><td class=\"text\">%s</td></tr>\n", name,
            value.text, meaning);
}

static void write_measures(FILE *out, const kin_recall *r)
{
    static const char *const head[] = {"<Measure", "Value", "<What it says"};
    fputs("<h3>Other measures</h3>\n", out);
    part_table_begin(out, "Other measures", head, sizeof head / sizeof *head);
    for (size_t e = 0; e < KIN_EPSILONS; e++) {
        char name[64], meaning[192];
        double percent = 100 * kin_epsilons[e];
        snprintf(name, sizeof name, "Recall within %g&nbsp;%%", percent);
        snprintf(meaning, sizeof meaning,
                 "a neighbour counts when it is at most %g&nbsp;%% farther away than the "
                 "reference&rsquo;s last",
                 percent);
        write_measure(out, name, page_share(r->epsilon[e]), meaning);
    }
    write_measure(out, "Score ratio", page_share(r->score_ratio),
                  "scores of the graph&rsquo;s neighbours, as a share of the reference&rsquo;s");
    write_measure(out, "Score loss", page_number(r->score_loss, 6),
                  "how much lower the graph&rsquo;s score is than the reference&rsquo;s at the "
                  "same place, on average");
    write_measure(
        out, "Places filled", page_percent(r->fill),
        "neighbours that the graph has, whichever they are, of those that the reference has");
    write_measure(out, "Short rows", page_count(r->short_rows),
                  "fewer neighbours than the reference has");
    write_measure(out, "Empty rows", page_count(r->empty_rows),
                  "no neighbour at all, where the reference has some");
    write_measure(out, "Short by rule", page_count(r->short_by_rule),
                  "the reference is short as well: there are no more neighbours to find");
    write_measure(out, "Empty by rule", page_count(r->empty_by_rule),
                  "the reference is empty: no recall, and in none of these means");
    part_table_end(out);
}

void compare_page_cuts(compare_page *page)
{
    const kin_comparison *c = page->compared;
    fputs("<p class=\"says\">Tie-aware recall counts a neighbour that is as good as the "
          "reference&rsquo;s last; strict recall wants the same item. <i>Nearest found</i>: the "
          "reference&rsquo;s first neighbour is among the graph&rsquo;s first k. <i>Nearest "
          "true</i>: the graph&rsquo;s first is among the reference&rsquo;s first k.</p>\n"
          "<div class=\"beside\">\n<div>\n",
          page->out);
    plot_cuts(page->out, &c->recall);
    fputs("</div>\n<div>\n", page->out);
    tabulate_cuts(page->out, &c->recall);
    fputs("</div>\n</div>\n", page->out);
    write_measures(page->out, &c->recall);
}

/* ---- strata ------------------------------------------------------------------------------------- */

enum { STRATA_PLOTTED = 20, STRATA_LISTED = 200 };

/* Least mean first, then by name; those without a mean last. */
static int worse_first(const void *a, const void *b)
{
    const kin_stratum *x = a;
    const kin_stratum *y = b;
    if (isnan(x->mean) || isnan(y->mean))
        return (isnan(x->mean) ? 1 : 0) - (isnan(y->mean) ? 1 : 0);
    if (x->mean != y->mean)
        return x->mean < y->mean ? -1 : 1;
    size_t length = x->name.length < y->name.length ? x->name.length : y->name.length;
    int order = length ? memcmp(x->name.text, y->name.text, length) : 0;
    return order ? order : (x->name.length > y->name.length) - (x->name.length < y->name.length);
}

/* With a range where there is an axis. */
static void write_stratum(FILE *out, const kin_stratum *s, const part_range *axis)
{
    fputs("<tr><th scope=\"row\">", out);
    if (s->name.length)
        page_isolated(out, s->name);
    else
        fputs("<i>no value</i>", out);
    fprintf(out, "</th><td><b>%s</b></td>", page_share(s->mean).text);
    if (axis)
        part_range_cell(out, axis, s->interval.low, s->mean, s->interval.high);
    write_interval(out, &s->interval, s->mean);
    fprintf(out, "<td>%s</td><td>%s</td></tr>\n", page_count(s->evaluated).text,
            page_count(s->items).text);
}

static void write_strata(compare_page *page, const kin_stratum *order, size_t count)
{
    static const char *const head[] = {"<Value",        "Mean recall",    NULL,
                                       "95 % interval", "Rows evaluated", "Items"};
    static const char *const plain[] = {"<Value", "Mean recall", "95 % interval", "Rows evaluated",
                                        "Items"};
    size_t plotted = count < STRATA_PLOTTED ? count : STRATA_PLOTTED;
    size_t listed = count < STRATA_LISTED ? count : STRATA_LISTED;
    part_range axis = part_range_begin();
    for (size_t i = 0; i < plotted; i++)
        part_range_include(&axis, order[i].mean);
    part_range_table_begin(page->out, "Recall by stratum, worst first", head,
                           sizeof head / sizeof *head, &axis);
    for (size_t i = 0; i < plotted; i++)
        write_stratum(page->out, &order[i], &axis);
    part_table_end(page->out);
    if (plotted == count)
        return;
    char caption[64];
    snprintf(caption, sizeof caption, listed < count ? "The %zu worst" : "All %zu", listed);
    part_folded_begin(page->out, caption, plain, sizeof plain / sizeof *plain);
    for (size_t i = 0; i < listed; i++)
        write_stratum(page->out, &order[i], NULL);
    part_folded_end(page->out);
}

void compare_page_strata(compare_page *page)
{
    const kin_comparison *c = page->compared;
    size_t count = c->strata.count;
    kin_stratum *order = kin_alloc(count, sizeof *order);
    if (!order) {
        page->rc = kin_fail_alloc(page->err, "strata in order", kin_size_mul(count, sizeof *order));
        return;
    }
    memcpy(order, c->stratum, count * sizeof *order);
    qsort(order, count, sizeof *order, worse_first);
    fputs("<p class=\"says\">Mean recall by <b>", page->out);
    page_text(page->out, c->stratify);
    fprintf(page->out,
            "</b>: %s%s values%s, each with the interval that holds its mean with 95&nbsp;%% "
            "confidence. Few rows make a long interval.</p>\n",
            count > STRATA_PLOTTED ? "the worst of " : "", page_count(count).text,
            count > STRATA_PLOTTED ? "" : ", worst first");
    write_strata(page, order, count);
    free(order);
}
