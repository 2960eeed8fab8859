/*
 * Items beside their neighbours as text (declared in report/show_text.h): a line for the item, then
 * a table a lane.
 */
#include "report/show_text.h"
#include "core/plain.h"

#include <math.h>
#include <string.h>

static void print_score(FILE *out, float value, int width, int digits)
{
    if (isnan(value))
        fprintf(out, "  %*s", width, "-");
    else
        fprintf(out, "  %*.*f", width, digits, (double)value);
}

/* Columns are as wide as their heads, and wide enough for -0.1234. */
static int score_width(const char *name)
{
    int length = (int)strlen(name);
    return length > 7 ? length : 7;
}

/* The head of the lane of modality m, or of the fused one behind them. */
static plain_text lane_head(const kin_show *data, size_t lane)
{
    char head[KIN_NAME_MAX + 4] = "fused";
    if (lane + 1 < data->lanes)
        snprintf(head, sizeof head, "by %s", data->graph->modality[lane]);
    return kin_plain(head);
}

/* Of the first column: as wide as the widest head. */
static int head_width(const kin_show *data)
{
    int width = 14;
    for (size_t l = 0; l < data->lanes; l++) {
        int length = (int)strlen(lane_head(data, l).text);
        width = length > width ? length : width;
    }
    return width;
}

static void print_lane(FILE *out, const kin_show *data, const kin_show_item *item, size_t l)
{
    const kin_graph *graph = data->graph;
    const kin_show_lane *lane = &item->lane[l];
    int width = head_width(data);
    int digits = data->exact || graph->modality_count == 1 ? 4 : 3; /* stored: float16 */
    bool titles = graph->items.lines.count && kin_table_column(&graph->items, "title") >= 0;
    fprintf(out, "\n  %-*s  %*s", width, lane_head(data, l).text, score_width("fused"), "fused");
    for (size_t m = 0; m < graph->modality_count; m++)
        fprintf(out, "  %*s", score_width(graph->modality[m]), kin_plain(graph->modality[m]).text);
    fputs(titles ? "  title (id)\n" : "  id\n", out);
    for (size_t i = 0; i < lane->count; i++) {
        const kin_show_neighbor *neighbor = &lane->neighbor[i];
        kin_span title = kin_show_cell(graph, (size_t)neighbor->row, "title");
        fprintf(out, "  %*zu", width, i + 1);
        print_score(out, neighbor->score, score_width("fused"), 4);
        for (size_t m = 0; m < graph->modality_count; m++)
            print_score(out, neighbor->cosine[m], score_width(graph->modality[m]), digits);
        fputs("  ", out);
        kin_plain_write(out, title);
        fputs(title.length ? " (" : "", out);
        kin_plain_write(out, kin_lines_at(&graph->ids, (size_t)neighbor->row));
        fputs(title.length ? ")\n" : "\n", out);
    }
    if (lane->count == 0)
        fprintf(out, "  %*s\n", width, "none");
}

void kin_item_print(const kin_graph *graph, size_t row, FILE *out)
{
    kin_span title = kin_show_cell(graph, row, "title");
    kin_span category = kin_show_cell(graph, row, "category");
    kin_plain_write(out, kin_lines_at(&graph->ids, row));
    fputs(title.length ? "  " : "", out);
    kin_plain_write(out, title);
    fputs(category.length ? "  [" : "", out);
    kin_plain_write(out, category);
    fputs(category.length ? "]\n" : "\n", out);
}

void kin_show_print(const kin_show *self, FILE *out)
{
    for (size_t q = 0; q < self->count; q++) {
        if (q > 0)
            putc('\n', out);
        kin_item_print(self->graph, self->item[q].row, out);
        for (size_t l = 0; l < self->lanes; l++)
            print_lane(out, self, &self->item[q], l);
    }
}
