#include "report/info_report.h"
#include "core/counted.h"
#include "core/json.h"
#include "core/path.h"
#include "core/plain.h"

#include <stdlib.h>
#include <string.h>

/* ---- vectors --------------------------------------------------------------------------------- */

static void print_vectors(const health *self, const kin_matrix *x, FILE *stream)
{
    fprintf(stream, "%s: %zu x %zu %s, %.1f MiB\n", kin_plain(x->file.path).text, x->n, x->d,
            kin_dtype_name(x->dtype), (double)x->file.bytes / 0x1p20);
    fprintf(stream, "  NaN values        %zu\n  infinite values   %zu\n", self->nan_values,
            self->infinite_values);
    if (self->bad_rows)
        fprintf(stream, "  rows with these   %zu (first: row %zu, column %zu)\n", self->bad_rows,
                self->first_bad_row, self->first_bad_column);
    fprintf(stream, "  zero rows         %zu (%.2f%%)\n", self->zero_rows,
            100.0 * (double)self->zero_rows / (double)x->n);
    if (self->usable_rows + self->zero_rows)
        fprintf(stream, "  values            %g to %g\n", self->value_min, self->value_max);
    if (self->usable_rows == 0)
        return;
    fprintf(stream, "  norms             %g to %g, mean %g\n", self->norm_min, self->norm_max,
            self->norm_mean);
    if (self->usable_rows > 1)
        fprintf(stream, "  mean cosine       %.4f (of all pairs)\n", self->mean_cosine);
    fprintf(stream, "  distinct vectors  %zu; of an earlier one %s (%.2f%%)\n", self->distinct_rows,
            kin_count(self->usable_rows - self->distinct_rows, "copy").text,
            100.0 * (double)(self->usable_rows - self->distinct_rows) / (double)x->n);
    for (size_t s = 0; s < self->shared_count; s++)
        fprintf(stream, "  %s %zu rows have the vector of row %zu\n",
                s == 0 ? "shared most      " : "                 ", self->shared[s].items,
                self->shared[s].first_row);
}

static json_t *vectors_json(const health *self, const kin_matrix *x)
{
    json_t *shared = json_array();
    for (size_t s = 0; s < self->shared_count; s++)
        kin_json_append(&shared, json_pack("{s:I, s:I}", "rows", (json_int_t)self->shared[s].items,
                                           "first_row", (json_int_t)self->shared[s].first_row));
    json_t *bad = self->bad_rows ? json_pack("{s:I, s:I}", "row", (json_int_t)self->first_bad_row,
                                             "column", (json_int_t)self->first_bad_column)
                                 : json_null();
    return json_pack(
        "{s:o, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:I, s:I, s:o}",
        "file", kin_json_text(kin_path_base(x->file.path)), "rows", (json_int_t)x->n, "dimensions",
        (json_int_t)x->d, "dtype", kin_dtype_name(x->dtype), "bytes", (json_int_t)x->file.bytes,
        "nan_values", (json_int_t)self->nan_values, "infinite_values",
        (json_int_t)self->infinite_values, "bad_rows", (json_int_t)self->bad_rows, "first_bad", bad,
        "zero_rows", (json_int_t)self->zero_rows, "usable_rows", (json_int_t)self->usable_rows,
        "norm_min", kin_json_real(self->norm_min), "norm_mean", kin_json_real(self->norm_mean),
        "norm_max", kin_json_real(self->norm_max), "value_min", kin_json_real(self->value_min),
        "value_max", kin_json_real(self->value_max), "mean_cosine",
        kin_json_real(self->mean_cosine), "distinct_rows", (json_int_t)self->distinct_rows,
        "repeated_rows", (json_int_t)(self->usable_rows - self->distinct_rows), "shared_most",
        shared);
}

static void begin_catalog(void *to)
{
    kin_info_report *self = to;
    self->listed = true;
    self->files = json_array();
}

/* Into the list of a folder's files, or alone. */
static void add_file(kin_info_report *self, json_t *facts)
{
    if (self->listed)
        kin_json_append(&self->files, facts);
    else
        self->document = facts;
}

static int report_vectors(void *to, const kin_matrix *matrix, const health *facts, kin_error *err)
{
    kin_info_report *self = to;
    (void)err;
    add_file(self, vectors_json(facts, matrix));
    if (self->table)
        print_vectors(facts, matrix, self->table);
    return 0;
}

static int report_fault(void *to, const char *file, const char *fault, kin_error *err)
{
    kin_info_report *self = to;
    (void)err;
    add_file(self,
             json_pack("{s:o, s:o}", "file", kin_json_text(file), "fault", kin_json_text(fault)));
    if (self->table)
        fprintf(self->table, "%s\n  not vectors\n", kin_plain(fault).text);
    return 0;
}

/* ---- graphs ---------------------------------------------------------------------------------- */

static int print_json(FILE *table, const char *prefix, const json_t *value, kin_error *err);

/* One value under its name: objects and lists of objects go deeper, the rest is a line. */
static int print_entry(FILE *table, const char *name, const json_t *value, kin_error *err)
{
    int rc = 0;
    size_t i;
    const json_t *item;
    if (json_is_object(value)) {
        rc = print_json(table, name, value, err);
    } else if (json_is_object(json_array_get(value, 0))) {
        json_array_foreach(value, i, item)
        {
            char numbered[240];
            const char *own = json_string_value(json_object_get(item, "name"));
            snprintf(numbered, sizeof numbered, "%s.%s", name, own ? own : "item");
            if (rc == 0)
                rc = print_entry(table, numbered, item, err);
        }
    } else {
        char *text = kin_json_dump(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        const char *shown = json_is_string(value) ? json_string_value(value) : text;
        if (!text)
            rc = kin_fail_alloc(err, name, 0);
        else {
            fprintf(table, "  %-28s ", kin_plain(name).text);
            kin_plain_write(table, (kin_span){shown, strlen(shown)});
            putc('\n', table);
        }
        free(text);
    }
    return rc;
}

/* {"a": {"b": 1}} as lines "  a.b  1"; plain lists as JSON. */
static int print_json(FILE *table, const char *prefix, const json_t *value, kin_error *err)
{
    int rc = 0;
    const char *key;
    json_t *child;
    json_object_foreach((json_t *)(uintptr_t)value, key, child)
    {
        char name[200];
        snprintf(name, sizeof name, "%s%s%s", prefix, prefix[0] ? "." : "", key);
        if (rc == 0)
            rc = print_entry(table, name, child, err);
    }
    return rc;
}

static int print_graph(FILE *table, const kin_graph *graph, const kin_graph_facts *facts,
                       kin_error *err)
{
    kin_span id = kin_lines_at(&graph->ids, facts->in_degree_max_row);
    fprintf(table, "%s: graph of %s, %s, top-k %zu, rows by %s\n", kin_plain(graph->directory).text,
            kin_count(graph->n, "item").text, kin_count(graph->pairs, "pair").text, graph->k,
            kin_row_order_names[graph->order]);
    fprintf(table, "  pairs a row       %.2f\n", (double)graph->pairs / (double)graph->n);
    fprintf(table, "  empty rows        %zu\n  short rows        %zu\n", facts->empty_rows,
            facts->short_rows);
    fprintf(table, "  largest in-degree %zu (item %s)\n  in no row         %zu\n",
            facts->in_degree_max, kin_plain_span(id).text, facts->unreached);
    fprintf(table, "  modalities       ");
    for (size_t m = 0; m < graph->modality_count; m++)
        fprintf(table, " %s", kin_plain(graph->modality[m]).text);
    const char *engine = json_string_value(json_object_get(graph->manifest, "engine"));
    fprintf(table, "\n  engine            %s\n", kin_plain(engine).text);
    return print_json(table, "options", json_object_get(graph->manifest, "options"), err);
}

static int report_graph(void *to, const kin_graph *graph, const kin_graph_facts *facts,
                        kin_error *err)
{
    kin_info_report *self = to;
    kin_span id = kin_lines_at(&graph->ids, facts->in_degree_max_row);
    json_t *names = json_array();
    for (size_t m = 0; m < graph->modality_count; m++)
        kin_json_append(&names, json_string(graph->modality[m]));
    json_t *document =
        json_pack("{s:s, s:I, s:I, s:I, s:s, s:f, s:I, s:I, s:I, s:s%, s:I, s:o, s:O?, s:O?}",
                  "kind", "graph", "items", (json_int_t)graph->n, "pairs", (json_int_t)graph->pairs,
                  "top_k", (json_int_t)graph->k, "row_order", kin_row_order_names[graph->order],
                  "pairs_per_row", (double)graph->pairs / (double)graph->n, "empty_rows",
                  (json_int_t)facts->empty_rows, "short_rows", (json_int_t)facts->short_rows,
                  "in_degree_max", (json_int_t)facts->in_degree_max, "in_degree_max_item", id.text,
                  id.length, "unreached", (json_int_t)facts->unreached, "modalities", names,
                  "engine", json_object_get(graph->manifest, "engine"), "options",
                  json_object_get(graph->manifest, "options"));
    self->document = document;
    return self->table ? print_graph(self->table, graph, facts, err) : 0;
}

/* ---- other folders --------------------------------------------------------------------------- */

/* A folder of a kind that only its manifest describes. */
static int report_manifest(void *to, const char *directory, const json_t *manifest, kin_error *err)
{
    kin_info_report *self = to;
    self->document = kin_json_without(manifest, "files", NULL);
    if (!self->document)
        return kin_fail_alloc(err, "manifest", 0);
    if (!self->table)
        return 0;
    const char *kind = json_string_value(json_object_get(manifest, "kind"));
    fprintf(self->table, "%s: %s\n", kin_plain(directory).text, kin_plain(kind).text);
    return print_json(self->table, "", self->document, err);
}

/* ---- all of them ----------------------------------------------------------------------------- */

kin_info_sink kin_info_report_sink(kin_info_report *self)
{
    return (kin_info_sink){.self = self,
                           .catalog = begin_catalog,
                           .vectors = report_vectors,
                           .fault = report_fault,
                           .graph = report_graph,
                           .manifest = report_manifest};
}

json_t *kin_info_report_json(kin_info_report *self)
{
    if (!self->listed)
        return json_incref(self->document);
    return json_pack("{s:s, s:O}", "kind", "catalog", "files", self->files);
}

void kin_info_report_release(kin_info_report *self)
{
    json_decref(self->document);
    json_decref(self->files);
    *self = (kin_info_report){0};
}
