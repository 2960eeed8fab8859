/*
 * What the sections of the page of `kin compare` are put together from (declared in report/compare_page.h).
 *
 * Bars and ranges have no viewBox: their places are shares of the width that they get, so they fit any window and
 * their letters stay as large as the page's. Plots (report/plot.h) scale as a whole.
 */
#include "report/compare_page.h"

#include <math.h>
#include <string.h>

/* ---- what is written of the comparison ---------------------------------------------------------- */

const kin_summary *page_recall(const kin_recall *recall)
{
    return recall->scored ? &recall->tie_aware : &recall->strict;
}

const kin_interval *page_recall_interval(const kin_recall *recall)
{
    return recall->scored ? &recall->tie_aware_interval : &recall->strict_interval;
}

const char *page_graph_name(const kin_graph *graph)
{
    return graph->directory ? kin_path_base(graph->directory) : "graph";
}

const char *page_reference_name(const kin_comparison *compared)
{
    return compared->computed ? "exact rows" : page_graph_name(&compared->reference.graph);
}

const char *page_engine(const kin_graph *graph)
{
    const char *engine = json_string_value(json_object_get(graph->manifest, "engine"));
    return engine ? engine : "unknown";
}

const char *page_modality_color(size_t m)
{
    static const char *const color[KIN_MODALITIES_MAX] = {"m0", "m1", "m2", "m3",
                                                          "m4", "m5", "m6", "m7"};
    return color[m];
}

double page_ratio(size_t a, size_t b)
{
    return b > 0 ? (double)a / (double)b : NAN;
}

/* ---- ranges ------------------------------------------------------------------------------------- */

enum { RANGE_STEPS = 4 };

part_range part_range_begin(void)
{
    return (part_range){.low = 0.996, .high = 1};
}

/* The ends are such that quarters of the axis are round numbers. */
void part_range_include(part_range *axis, double mean)
{
    static const double end[] = {0.996, 0.98, 0.96, 0.92, 0.8, 0.6, 0.4, 0.2};
    if (!isfinite(mean))
        return;
    double wanted = mean - 0.3 * (1 - mean), low = 0;
    for (size_t i = 0; i < sizeof end / sizeof *end && low == 0; i++)
        low = end[i] <= wanted ? end[i] : 0;
    axis->low = fmin(axis->low, low);
}

/* In percent of the width, with room for half a label at either end; below 0 where it lies far outside. */
static double range_place(const part_range *axis, double value)
{
    const double room = 5;
    return room + (100 - 2 * room) * (value - axis->low) / (axis->high - axis->low);
}

static double range_step(const part_range *axis, size_t i)
{
    return axis->low + (axis->high - axis->low) * (double)i / RANGE_STEPS;
}

static void range_head(FILE *out, const part_range *axis)
{
    fputs("<svg class=\"range\" role=\"img\" width=\"100%\" height=\"18\"><title>The column's "
          "axis</title>",
          out);
    for (size_t i = 0; i <= RANGE_STEPS; i += 2)
        fprintf(out, "<text x=\"%.2f%%\" y=\"13\">%.4g</text>",
                range_place(axis, range_step(axis, i)), range_step(axis, i));
    fputs("</svg>", out);
}

/* From low to high, as far as the axis goes: what goes on to its left ends in an arrow. */
static void draw_range(FILE *out, const part_range *axis, double low, double high)
{
    double from = range_place(axis, low);
    if (low < axis->low) {
        from = range_place(axis, axis->low) / 2;
        fprintf(out, "<text x=\"%.2f%%\" y=\"21\">\xe2\x80\xb9</text>", from / 2);
    }
    if (high > axis->low)
        fprintf(out, "<line class=\"bar\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"17\" y2=\"17\"/>", from,
                range_place(axis, high));
}

void part_range_cell(FILE *out, const part_range *axis, double low, double mean, double high)
{
    bool interval = isfinite(mean) && isfinite(low) && low < high;
    fputs("<td class=\"range\"><svg class=\"range\" role=\"img\" width=\"100%\" "
          "height=\"34\"><title>",
          out);
    fputs(page_share(mean).text, out);
    if (interval)
        fprintf(out, ", between %s and %s", page_share(low).text, page_share(high).text);
    fputs("</title>", out);
    for (size_t i = 0; i <= RANGE_STEPS; i++) {
        double at = range_place(axis, range_step(axis, i));
        fprintf(out, "<line class=\"grid\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"0\" y2=\"34\"/>", at,
                at);
    }
    if (interval)
        draw_range(out, axis, low, high);
    if (isfinite(mean) && mean >= axis->low)
        fprintf(out, "<circle cx=\"%.2f%%\" cy=\"17\" r=\"4.5\"/>", range_place(axis, mean));
    fputs("</svg></td>", out);
}

/* ---- facts, tables ------------------------------------------------------------------ */

void part_fact(FILE *out, const char *name, page_label value, const char *note)
{
    fprintf(out, "<div><dt>%s</dt><dd>%s", name, value.text);
    if (note)
        fprintf(out, "<small>%s</small>", note);
    fputs("</dd></div>\n", out);
}

void part_range_table_begin(FILE *out, const char *caption, const char *const *head, size_t columns,
                            const part_range *axis)
{
    fprintf(out,
            "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"%s\"><table>\n"
            "<caption class=\"hush\">%s</caption>\n<thead><tr>",
            caption, caption);
    for (size_t i = 0; i < columns; i++) {
        bool text = head[i] && head[i][0] == '<';
        fprintf(out, "<th scope=\"col\"%s>",
                !head[i] ? " class=\"range\""
                : text   ? " class=\"text\""
                         : "");
        if (head[i])
            fputs(head[i] + text, out);
        else if (axis)
            range_head(out, axis);
        fputs("</th>", out);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
}

void part_table_begin(FILE *out, const char *caption, const char *const *head, size_t columns)
{
    part_range_table_begin(out, caption, head, columns, NULL);
}

void part_table_end(FILE *out)
{
    fputs("</tbody></table></div>\n", out);
}

void part_folded_begin(FILE *out, const char *caption, const char *const *head, size_t columns)
{
    fprintf(out, "<details><summary>%s</summary>\n", caption);
    part_table_begin(out, caption, head, columns);
}

void part_folded_end(FILE *out)
{
    part_table_end(out);
    fputs("</details>\n", out);
}

/* ---- plots -------------------------------------------------------------------------------------- */

void part_plot_write(FILE *out, const part_plot *self)
{
    static const struct {
        const char *name;
        double width, height;
    } form[] = {{"wide", 740, 340}, {"narrow", 350, 300}};
    const double below_axis = 52;
    double more = self->bottom > below_axis ? self->bottom - below_axis : 0;
    fputs("<figure>\n", out);
    for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
        char id[64];
        snprintf(id, sizeof id, "%s-%s", self->id, form[i].name);
        plot drawing = {.out = out,
                        .id = id,
                        .css_class = form[i].name,
                        .width = form[i].width,
                        .height = form[i].height + more,
                        .left = 60,
                        .right = 16,
                        .top = 36,
                        .bottom = below_axis + more,
                        .x = self->x,
                        .y = self->y};
        plot_begin(&drawing, self->title, self->description);
        self->draw(&drawing, self->data);
        plot_end(&drawing);
    }
    fputs("</figure>\n", out);
}

/* ---- a histogram -------------------------------------------------------------------------------- */

static double bin_edge(size_t bin)
{
    return (double)bin / KIN_SUMMARY_BINS;
}

enum { BIN_TEXT = 160 };

/* The bin's bounds and how many are in it: "0.95 to 1.00: 1,234 rows". */
static void bin_title(char out[BIN_TEXT], const part_histogram *self, size_t bin)
{
    snprintf(out, BIN_TEXT, "%.2f to %.2f: %s", bin_edge(bin), bin_edge(bin + 1),
             page_counted(self->summary->bin[bin], self->counted).text);
}

static void draw_histogram(plot *drawing, const void *data)
{
    const part_histogram *self = data;
    for (int low = 1; low >= 0; low--) {
        plot_series_begin(drawing, low ? "m1" : "m0");
        for (size_t b = 0; b < KIN_SUMMARY_BINS; b++) {
            char title[BIN_TEXT];
            if (self->summary->bin[b] == 0 || (bin_edge(b + 1) <= self->low + 1e-9) != low)
                continue;
            bin_title(title, self, b);
            plot_bar(drawing, bin_edge(b), bin_edge(b + 1), (double)self->summary->bin[b], title);
        }
        plot_series_end(drawing);
    }
    if (!isfinite(self->summary->mean))
        return;
    char text[64];
    snprintf(text, sizeof text, "mean %s", page_share(self->summary->mean).text);
    plot_series_begin(drawing, "ink");
    plot_rule_x(drawing, self->summary->mean, text);
    plot_series_end(drawing);
}

/* The axis of counts is logarithmic: one bad row among a million shows. A bar of one has some height. */
static plot_axis counts_axis(const part_histogram *self)
{
    double count[KIN_SUMMARY_BINS];
    plot_axis axis = {.scale = PLOT_LOG};
    for (size_t b = 0; b < KIN_SUMMARY_BINS; b++)
        count[b] = (double)self->summary->bin[b];
    plot_fit(&axis, count, KIN_SUMMARY_BINS);
    axis.low = 0.6;
    axis.high *= 2; /* room for the name of the mean */
    return axis;
}

void part_histogram_write(FILE *out, const part_histogram *self)
{
    char description[256], label[128], value[64];
    snprintf(description, sizeof description,
             "%s by %s, in twentieths. The mean is %s. The table below has every bar.",
             kin_noun(2, self->counted).text, self->value, page_share(self->summary->mean).text);
    snprintf(label, sizeof label, "%s, logarithmic", kin_noun(2, self->counted).text);
    snprintf(value, sizeof value, "%s", self->value);
    part_plot drawing = {.id = self->id,
                         .title = self->title,
                         .description = description,
                         .x = {.scale = PLOT_LINEAR, .low = 0, .high = 1, .label = value},
                         .y = counts_axis(self),
                         .draw = draw_histogram,
                         .data = self};
    drawing.y.label = label;
    part_plot_write(out, &drawing);
    const kin_counted counted = kin_noun(2, self->counted);
    const char *head[] = {self->value, counted.text};
    part_folded_begin(out, "The bars as a table", head, 2);
    for (size_t b = KIN_SUMMARY_BINS; b-- > 0;)
        if (self->summary->bin[b])
            fprintf(out, "<tr><th scope=\"row\">%.2f to %.2f</th><td>%s</td></tr>\n", bin_edge(b),
                    bin_edge(b + 1), page_count(self->summary->bin[b]).text);
    part_folded_end(out);
}

/* ---- shares of a whole -------------------------------------------------------------------------- */

static double share_sum(const part_share *share, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += share[i].value;
    return sum;
}

static void draw_stack(FILE *out, const char *title, const part_share *share, size_t count)
{
    double sum = share_sum(share, count), before = 0;
    fputs("<svg class=\"stack\" role=\"img\" width=\"100%\" height=\"34\">\n<title>", out);
    page_text(out, title);
    fputs("</title>\n<desc>The table below has every share.</desc>\n", out);
    for (size_t i = 0; i < count; i++) {
        double part = 100 * share[i].value / sum;
        if (part > 0)
            fprintf(out,
                    "<rect x=\"%.3f%%\" y=\"0\" width=\"%.3f%%\" height=\"34\" "
                    "style=\"fill:var(--%s)\"/>\n",
                    before, part, share[i].color);
        if (part >= 15) /* room for a number, even on a phone */
            fprintf(out, "<text x=\"%.3f%%\" y=\"22\">%s</text>\n", before + part / 2,
                    page_percent(part / 100).text);
        before += part;
    }
    fputs("</svg>\n", out);
}

void part_stack(FILE *out, const char *title, const part_share *share, size_t count)
{
    double sum = share_sum(share, count);
    if (!isfinite(sum) || sum <= 0)
        return;
    fputs("<figure>\n", out);
    draw_stack(out, title, share, count);
    fputs("<table class=\"legend\">\n<caption class=\"hush\">", out);
    page_text(out, title);
    fputs("</caption>\n<tbody>\n", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "<tr><th scope=\"row\"><span style=\"--c:var(--%s)\"></span>", share[i].color);
        page_text(out, share[i].name);
        fprintf(out, "</th><td>%s</td><td>%s</td><td class=\"text\">",
                page_percent(share[i].value / sum).text, share[i].value_text.text);
        page_text(out, share[i].note ? share[i].note : "");
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody></table>\n</figure>\n", out);
}

/* ---- items -------------------------------------------------------------------------------------- */

part_item part_graph_item(const compare_page *page, int32_t row)
{
    const kin_comparison *compared = page->compared;
    part_item own = {&compared->graph.graph, (size_t)row};
    if (page->named == own.graph || !compared->reference.there)
        return own;
    int32_t other = kin_id_map_other(&compared->to_reference, row);
    return other >= 0 ? (part_item){&compared->reference.graph, (size_t)other} : own;
}

part_item part_reference_item(const compare_page *page, int32_t row)
{
    const kin_comparison *compared = page->compared;
    part_item own = {&compared->reference.graph, (size_t)row};
    if (page->named == own.graph)
        return own;
    int32_t back = kin_id_map_back(&compared->to_reference, row);
    return back >= 0 ? (part_item){&compared->graph.graph, (size_t)back} : own;
}

void part_item_title(const compare_page *page, part_item item)
{
    page_isolated(page->out, kin_show_title(item.graph, item.row));
}

void part_item_id(const compare_page *page, part_item item)
{
    page_isolated(page->out, kin_lines_at(&item.graph->ids, item.row));
}

void part_item_tile(compare_page *page, part_item item)
{
    show_tile(page->out, &page->pictures, item.graph == page->named ? item.row : SIZE_MAX);
}

void part_item_line(compare_page *page, part_item item)
{
    kin_span title = kin_show_title(item.graph, item.row);
    kin_span id = kin_lines_at(&item.graph->ids, item.row);
    part_item_tile(page, item);
    fputs("<p><b>", page->out);
    page_isolated(page->out, title);
    fputs("</b>", page->out);
    if (!kin_span_equal(title, id)) {
        fputs("<small>", page->out);
        page_isolated(page->out, id);
        fputs("</small>", page->out);
    }
    fputs("</p>", page->out);
}
