/*
 * The textfile for Prometheus (declared in report/compare_prom.h).
 */
#include "report/compare_prom.h"
#include "core/memory.h"
#include "core/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char last_success[] = "kin_last_success_timestamp_seconds";

/* A label's value: backslash, quote and line end are escaped, and bytes that are no UTF-8, for
 * which a whole file would be dropped, replaced. */
static void write_label(FILE *out, const char *value)
{
    for (size_t left = strlen(value), length; left > 0; value += length, left -= length) {
        size_t whole = kin_utf8_length(value, left);
        length = whole ? whole : 1;
        if (*value == '\n')
            fputs("\\n", out);
        else if (*value == '"' || *value == '\\')
            fprintf(out, "\\%c", *value);
        else if (whole == 0)
            fputs("\xef\xbf\xbd", out);
        else
            fwrite(value, 1, length, out);
    }
}

/* One gauge. What is not known is not there. */
static void gauge(FILE *out, const char *name, const char *help, const char *graph, double value)
{
    if (!isfinite(value))
        return;
    fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n%s{graph=\"", name, help, name, name);
    write_label(out, graph);
    fprintf(out, "\"} %.15g\n", value);
}

int kin_comparison_prom_success(double *success, const kin_comparison *self, FILE *earlier,
                                kin_error *err)
{
    char *label = NULL, *line = NULL;
    size_t label_bytes = 0, line_bytes = 0;
    FILE *begin = kin_text_stream(&label, &label_bytes);
    *success = NAN;
    if (begin) {
        fprintf(begin, "%s{graph=\"", last_success);
        write_label(begin, kin_path_base(self->graph.graph.directory));
        fputs("\"} ", begin);
    }
    if (!begin || fclose(begin) != 0)
        return kin_fail_alloc(err, "the textfile", 0);
    errno = 0;
    while (getline(&line, &line_bytes, earlier) > 0)
        if (strncmp(line, label, label_bytes) == 0)
            *success = strtod(line + label_bytes, NULL);
    int rc = errno == ENOMEM ? kin_fail_alloc(err, "the textfile", line_bytes) : 0;
    free(line);
    free(label);
    return rc;
}

static double of_run(const kin_graph *graph, const char *key)
{
    const json_t *value = json_object_get(json_object_get(graph->manifest, "run"), key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

void kin_comparison_prom(const kin_comparison *self, double success, FILE *out)
{
    const kin_graph *graph = &self->graph.graph;
    const char *name = kin_path_base(graph->directory);
    const kin_recall *r = &self->recall;
    bool evaluated = self->has_recall && r->evaluated > 0;
    double mean = r->scored ? r->tie_aware.mean : r->strict.mean;
    double lower = r->scored ? r->tie_aware_interval.lower : r->strict_interval.lower;
    size_t met = 0;
    for (size_t g = 0; g < self->gate_count; g++)
        met += self->gate[g].met;
    gauge(out, "kin_recall", "Mean recall of the evaluated rows.", name, evaluated ? mean : NAN);
    gauge(out, "kin_recall_lower_bound", "Lower 95 % bound of the mean recall of all rows.", name,
          evaluated ? lower : NAN);
    gauge(out, "kin_recall_rows", "Rows that recall was evaluated on.", name,
          self->has_recall ? (double)r->evaluated : NAN);
    gauge(out, "kin_fill", "Share of the reference's neighbours that have a counterpart.", name,
          evaluated ? r->fill : NAN);
    gauge(out, "kin_drift", "1 - mean Jaccard overlap with the previous graph.", name,
          self->has_drift ? self->drift.drift : NAN);
    gauge(out, "kin_item_change", "Share of items that came or went.", name,
          self->has_drift ? self->drift.item_change : NAN);
    gauge(out, "kin_items", "Items of the graph.", name, (double)graph->n);
    gauge(out, "kin_items_with_neighbors", "Items that have a neighbour.", name,
          (double)(self->structure.items - self->structure.empty_rows));
    gauge(out, "kin_build_seconds", "Seconds that the build took.", name,
          of_run(graph, "seconds_total"));
    gauge(out, "kin_build_peak_memory_bytes", "Anonymous resident memory of the build at its peak.",
          name, of_run(graph, "peak_memory_bytes"));
    gauge(out, "kin_gates", "Gates that were asked for.", name, (double)self->gate_count);
    gauge(out, "kin_gates_met", "Gates that were met.", name, (double)met);
    gauge(out, last_success, "When a comparison last met all of its gates.", name, success);
}
