/*
 * Facts, tables and intervals of pages (declared in report/part.h).
 *
 * Intervals have no viewBox: their places are shares of the width that they get, so they fit any
 * window and their letters stay as large as the page's. Plots (report/plot.h) scale as a whole.
 */
#include "report/part.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

void kin_part_fact(FILE *out, const char *name, const char *value, const char *note)
{
    kin_page_format(out, "<div><dt>%s</dt><dd>%s", name, value);
    if (note)
        kin_page_format(out, "<small>%s</small>", note);
    fputs("</dd></div>\n", out);
}

/* ---- intervals ------------------------------------------------------------------------------- */

enum { RANGE_STEPS = 4 };

part_range kin_part_range_begin(void)
{
    return (part_range){.low = 0.996, .high = 1};
}

/* The ends are such that quarters of the axis are round numbers. */
void kin_part_range_include(part_range *axis, double mean)
{
    static const double end[] = {0.996, 0.98, 0.96, 0.92, 0.8, 0.6, 0.4, 0.2};
    if (!isfinite(mean))
        return;
    double wanted = mean - 0.3 * (1 - mean), low = 0;
    for (size_t i = 0; i < sizeof end / sizeof *end && low == 0; i++)
        low = end[i] <= wanted ? end[i] : 0;
    axis->low = fmin(axis->low, low);
}

/* In percent of the width, with room for half a label at either end; below 0 where it lies far
 * outside. */
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
    fputs("<svg class=\"range\" role=\"img\" width=\"100%\" height=\"18\">"
          "<title>The column's axis</title>",
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

void kin_part_range_cell(FILE *out, const part_range *axis, double low, double mean, double high)
{
    bool interval = isfinite(mean) && isfinite(low) && low < high;
    kin_page_format(out,
                    "<td class=\"range\"><svg class=\"range\" role=\"img\" width=\"100%%\" "
                    "height=\"34\"><title>%s",
                    kin_page_share(mean).text);
    if (interval)
        fprintf(out, ", between %s and %s", kin_page_share(low).text, kin_page_share(high).text);
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

void kin_part_range_words(FILE *out, double low, double mean, double high)
{
    if (isnan(mean))
        fputs("<td>\xe2\x80\x93</td>", out);
    else if (low == high)
        fputs("<td>every row</td>", out);
    else
        kin_page_format(out, "<td>%s to %s</td>", kin_page_share(low).text,
                        kin_page_share(high).text);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void write_heads(FILE *out, const char *heads, const part_range *axis)
{
    for (size_t length; *heads; heads += length + (heads[length] == '|')) {
        bool range = *heads == '=', text = *heads == '<';
        length = strcspn(heads, "|");
        fprintf(out, "<th scope=\"col\"%s>",
                range  ? " class=\"range\""
                : text ? " class=\"text\""
                       : "");
        if (range && axis)
            range_head(out, axis);
        else
            kin_page_escape(out, (kin_span){heads + text, length - text});
        fputs("</th>", out);
    }
}

void kin_part_range_table_begin(FILE *out, const char *caption, const char *heads,
                                const part_range *axis)
{
    kin_page_format(
        out,
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"%s\"><table>\n"
        "<caption class=\"hush\">%s</caption>\n<thead><tr>",
        caption, caption);
    write_heads(out, heads, axis);
    fputs("</tr></thead>\n<tbody>\n", out);
}

void kin_part_table_begin(FILE *out, const char *caption, const char *heads)
{
    kin_part_range_table_begin(out, caption, heads, NULL);
}

void kin_part_table_end(FILE *out)
{
    fputs("</tbody></table></div>\n", out);
}

void kin_part_folded_begin(FILE *out, const char *caption, const char *heads)
{
    kin_page_format(out, "<details><summary>%s</summary>\n", caption);
    kin_part_table_begin(out, caption, heads);
}

void kin_part_folded_end(FILE *out)
{
    kin_part_table_end(out);
    fputs("</details>\n", out);
}

void kin_part_row(FILE *out, const char *heading, ...)
{
    va_list cells;
    const char *cell;
    kin_page_format(out, "<tr><th scope=\"row\">%s</th>", heading);
    va_start(cells, heading);
    while ((cell = va_arg(cells, const char *)) != NULL)
        kin_page_format(out, "<td>%s</td>", cell);
    va_end(cells);
    fputs("</tr>\n", out);
}
