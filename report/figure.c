/*
 * Figures of pages (declared in report/figure.h).
 */
#include "report/figure.h"
#include "report/part.h"

#include <math.h>

void kin_figure_plot(FILE *out, plot_drawing *drawing, double legend)
{
    const plot_form form = {.left = 60, .right = 16, .top = 36, .bottom = 52 + legend};
    drawing->wide = drawing->narrow = form;
    drawing->wide.width = 740;
    drawing->wide.height = 340 + legend;
    drawing->narrow.width = 350;
    drawing->narrow.height = 300 + legend;
    fputs("<figure>\n", out);
    kin_plot_write(out, drawing);
    fputs("</figure>\n", out);
}

/* ---- a histogram ----------------------------------------------------------------------------- */

static double bin_edge(size_t bin)
{
    return (double)bin / KIN_SUMMARY_BINS;
}

enum { BIN_TEXT = 160 };

/* The bin's bounds and how many are in it: "0.95 to 1.00: 1,234 rows". */
static void bin_title(char out[BIN_TEXT], const figure_histogram *self, size_t bin)
{
    snprintf(out, BIN_TEXT, "%.2f to %.2f: %s", bin_edge(bin), bin_edge(bin + 1),
             kin_page_counted(self->summary->bin[bin], self->counted).text);
}

static void draw_histogram(plot *drawing, const void *data)
{
    const figure_histogram *self = data;
    for (int low = 1; low >= 0; low--) {
        kin_plot_series_begin(drawing, low ? "m1" : "m0");
        for (size_t b = 0; b < KIN_SUMMARY_BINS; b++) {
            char title[BIN_TEXT];
            if (self->summary->bin[b] == 0 || (bin_edge(b + 1) <= self->low + 1e-9) != low)
                continue;
            bin_title(title, self, b);
            kin_plot_bar(drawing, bin_edge(b), bin_edge(b + 1), (double)self->summary->bin[b],
                         title);
        }
        kin_plot_series_end(drawing);
    }
    if (!isfinite(self->summary->mean))
        return;
    char text[64];
    snprintf(text, sizeof text, "mean %s", kin_page_share(self->summary->mean).text);
    kin_plot_series_begin(drawing, "ink");
    kin_plot_rule_x(drawing, self->summary->mean, text);
    kin_plot_series_end(drawing);
}

/* The axis of counts is logarithmic: one bad row among a million shows. A bar of one has some
 * height. */
static plot_axis counts_axis(const figure_histogram *self)
{
    double count[KIN_SUMMARY_BINS];
    plot_axis axis = {.scale = PLOT_LOG};
    for (size_t b = 0; b < KIN_SUMMARY_BINS; b++)
        count[b] = (double)self->summary->bin[b];
    kin_plot_fit(&axis, count, KIN_SUMMARY_BINS);
    axis.low = 0.6;
    axis.high *= 2; /* room for the name of the mean */
    return axis;
}

static void tabulate_histogram(FILE *out, const figure_histogram *self)
{
    char heads[128], bounds[32];
    snprintf(heads, sizeof heads, "%s|%s", self->value, kin_noun(2, self->counted).text);
    kin_part_folded_begin(out, "The bars as a table", heads);
    for (size_t b = KIN_SUMMARY_BINS; b-- > 0;) {
        snprintf(bounds, sizeof bounds, "%.2f to %.2f", bin_edge(b), bin_edge(b + 1));
        if (self->summary->bin[b])
            kin_part_row(out, bounds, kin_page_count(self->summary->bin[b]).text, NULL);
    }
    kin_part_folded_end(out);
}

void kin_figure_histogram_write(FILE *out, const figure_histogram *self)
{
    char description[256], label[128];
    snprintf(description, sizeof description,
             "%s by %s, in twentieths. The mean is %s. The table below has every bar.",
             kin_noun(2, self->counted).text, self->value,
             kin_page_share(self->summary->mean).text);
    snprintf(label, sizeof label, "%s, logarithmic", kin_noun(2, self->counted).text);
    plot_drawing drawing = {.id = self->id,
                            .title = self->title,
                            .description = description,
                            .x = {.scale = PLOT_LINEAR, .low = 0, .high = 1, .label = self->value},
                            .y = counts_axis(self),
                            .draw = draw_histogram,
                            .data = self};
    drawing.y.label = label;
    kin_figure_plot(out, &drawing, 0);
    tabulate_histogram(out, self);
}

/* ---- shares of a whole ----------------------------------------------------------------------- */

static double share_sum(const figure_share *share, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += share[i].value;
    return sum;
}

static void draw_stack(FILE *out, const char *title, const figure_share *share, size_t count)
{
    double sum = share_sum(share, count), before = 0;
    kin_page_format(out,
                    "<svg class=\"stack\" role=\"img\" width=\"100%%\" height=\"34\">\n"
                    "<title>%s</title>\n<desc>The table below has every share.</desc>\n",
                    title);
    for (size_t i = 0; i < count; i++) {
        double part = 100 * share[i].value / sum;
        if (part > 0)
            fprintf(out,
                    "<rect x=\"%.3f%%\" y=\"0\" width=\"%.3f%%\" height=\"34\" "
                    "style=\"fill:var(--%s)\"/>\n",
                    before, part, share[i].color);
        if (part >= 15) /* room for a number, even on a phone */
            kin_page_format(out, "<text x=\"%.3f%%\" y=\"22\">%s</text>\n", before + part / 2,
                            kin_page_percent(part / 100).text);
        before += part;
    }
    fputs("</svg>\n", out);
}

void kin_figure_stack(FILE *out, const char *title, const figure_share *share, size_t count)
{
    double sum = share_sum(share, count);
    if (!isfinite(sum) || sum <= 0)
        return;
    fputs("<figure>\n", out);
    draw_stack(out, title, share, count);
    kin_page_format(
        out, "<table class=\"legend\">\n<caption class=\"hush\">%s</caption>\n<tbody>\n", title);
    for (size_t i = 0; i < count; i++)
        kin_page_format(out,
                        "<tr><th scope=\"row\"><span style=\"--c:var(--%s)\"></span>%s</th>"
                        "<td>%s</td><td>%s</td><td class=\"text\">%s</td></tr>\n",
                        share[i].color, share[i].name, kin_page_percent(share[i].value / sum).text,
                        share[i].value_text.text, share[i].note ? share[i].note : "");
    fputs("</tbody></table>\n</figure>\n", out);
}
