/*
 * `kin info DIR|FILE`: what lies there and how healthy it is. A file of vectors is read in full
 * and nothing in it is refused; of a graph the row lengths and in-degrees are counted; of an index
 * the manifest is shown.
 */
#include "core/counted.h"
#include "core/graph.h"
#include "core/json.h"
#include "core/manifest.h"
#include "core/memory.h"
#include "core/outdir.h"
#include "core/plain.h"
#include "job/health.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/outputs.h"
#include "tools/shared_options.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct info_options {
    command_common common;
    const char *json;
} info_options;

static const info_options info_defaults = {{0}, NULL};

static const kin_option info_option[] = {
    OPTION_JSON(offsetof(info_options, json),
                "write the facts as one JSON document, - for stdout instead of the table"),
    KIN_OPTIONS_END,
};

/* ---- vectors --------------------------------------------------------------------------------- */

static int info_file(const kin_dir *dir, const char *name, FILE *table, json_t **out,
                     kin_error *err)
{
    kin_matrix matrix;
    health facts;
    int rc = kin_matrix_open_in(&matrix, dir, name, err);
    if (rc != 0)
        return rc;
    rc = health_scan(&facts, &matrix, err);
    if (rc == 0) {
        *out = health_json(&facts, &matrix);
        if (table)
            health_print(&facts, &matrix, table);
    }
    kin_matrix_close(&matrix);
    return rc;
}

static int is_vector_file(const struct dirent *entry)
{
    static const char *const endings[] = {".npy", ".fbin", ".f16bin", ".i8bin", ".fvecs"};
    size_t length = strlen(entry->d_name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t tail = strlen(endings[i]);
        if (length > tail && strcmp(entry->d_name + length - tail, endings[i]) == 0)
            return 1;
    }
    return 0;
}

/* Every file of vectors in the folder; one that cannot be read as such is named and passed over. */
static int info_catalog(const kin_dir *dir, FILE *table, json_t **out, kin_error *err)
{
    struct dirent **entry = NULL;
    json_t *files = json_array();
    size_t read = 0;
    int rc = 0;
    int count = scandirat(dir->fd, ".", &entry, is_vector_file, alphasort);
    if (count < 0)
        rc = kin_fail_errno(err, KIN_E_NOINPUT, "check the path", "%s", dir->path);
    for (int i = 0; i < count && rc == 0; i++) {
        json_t *facts = NULL;
        kin_error fault = {0};
        rc = info_file(dir, entry[i]->d_name, table, &facts, &fault);
        if (rc == KIN_E_DATA) {
            facts = json_pack("{s:o, s:o}", "file", kin_json_text(entry[i]->d_name), "fault",
                              kin_json_text(fault.message));
            if (table)
                fprintf(table, "%s\n  not vectors\n", plain(fault.message).text);
            rc = 0;
        } else {
            read += rc == 0;
        }
        if (rc != 0 && err)
            *err = fault;
        if (rc == 0)
            kin_json_append(&files, facts);
    }
    for (int i = 0; i < count; i++)
        free(entry[i]);
    free(entry);
    if (rc == 0 && read == 0)
        rc = kin_fail(err, KIN_E_DATA, "name a file of vectors, or a folder that holds some",
                      "%s: holds no file of vectors (.npy .fbin .f16bin .i8bin .fvecs)", dir->path);
    *out = json_pack("{s:s, s:o}", "kind", "catalog", "files", files);
    return rc;
}

/* ---- graphs ---------------------------------------------------------------------------------- */

typedef struct graph_facts {
    size_t empty_rows;
    size_t short_rows; /* fewer than K, at least 1 */
    size_t in_degree_max;
    size_t in_degree_max_row;
    size_t unreached; /* items that are in no row */
} graph_facts;

static int count_graph(graph_facts *out, const kin_graph *graph, kin_error *err)
{
    *out = (graph_facts){0};
    uint32_t *in_degree = kin_alloc_zero(graph->n, sizeof *in_degree);
    if (!in_degree)
        return kin_fail_alloc(err, "in-degrees", graph->n * sizeof *in_degree);
    for (size_t row = 0; row < graph->n; row++) {
        size_t length = (size_t)(graph->indptr[row + 1] - graph->indptr[row]);
        out->empty_rows += length == 0;
        out->short_rows += length > 0 && length < graph->k;
    }
    for (size_t entry = 0; entry < graph->pairs; entry++)
        in_degree[graph->indices[entry]]++;
    for (size_t row = 0; row < graph->n; row++) {
        out->unreached += in_degree[row] == 0;
        if (in_degree[row] > out->in_degree_max) {
            out->in_degree_max = in_degree[row];
            out->in_degree_max_row = row;
        }
    }
    free(in_degree);
    return 0;
}

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
            fprintf(table, "  %-28s ", plain(name).text);
            plain_write(table, (kin_span){shown, strlen(shown)});
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

static int print_graph(FILE *table, const kin_graph *graph, const graph_facts *facts,
                       kin_error *err)
{
    kin_span id = kin_lines_at(&graph->ids, facts->in_degree_max_row);
    fprintf(table, "%s: graph of %s, %s, top-k %zu, rows by %s\n", plain(graph->directory).text,
            kin_count(graph->n, "item").text, kin_count(graph->pairs, "pair").text, graph->k,
            kin_row_order_names[graph->order]);
    fprintf(table, "  pairs a row       %.2f\n", (double)graph->pairs / (double)graph->n);
    fprintf(table, "  empty rows        %zu\n  short rows        %zu\n", facts->empty_rows,
            facts->short_rows);
    fprintf(table, "  largest in-degree %zu (item %s)\n  in no row         %zu\n",
            facts->in_degree_max, plain_span(id).text, facts->unreached);
    fprintf(table, "  modalities       ");
    for (size_t m = 0; m < graph->modality_count; m++)
        fprintf(table, " %s", plain(graph->modality[m]).text);
    const char *engine = json_string_value(json_object_get(graph->manifest, "engine"));
    fprintf(table, "\n  engine            %s\n", plain(engine).text);
    return print_json(table, "options", json_object_get(graph->manifest, "options"), err);
}

static int info_graph(const kin_dir *dir, FILE *table, json_t **out, kin_error *err)
{
    kin_graph graph;
    graph_facts facts;
    int rc = kin_graph_open_in(&graph, dir, err);
    if (rc != 0)
        return rc;
    rc = count_graph(&facts, &graph, err);
    if (rc == 0) {
        kin_span id = kin_lines_at(&graph.ids, facts.in_degree_max_row);
        json_t *names = json_array();
        for (size_t m = 0; m < graph.modality_count; m++)
            kin_json_append(&names, json_string(graph.modality[m]));
        *out = json_pack(
            "{s:s, s:I, s:I, s:I, s:s, s:f, s:I, s:I, s:I, s:s%, s:I, s:o, s:O?, s:O?}", "kind",
            "graph", "items", (json_int_t)graph.n, "pairs", (json_int_t)graph.pairs, "top_k",
            (json_int_t)graph.k, "row_order", kin_row_order_names[graph.order], "pairs_per_row",
            (double)graph.pairs / (double)graph.n, "empty_rows", (json_int_t)facts.empty_rows,
            "short_rows", (json_int_t)facts.short_rows, "in_degree_max",
            (json_int_t)facts.in_degree_max, "in_degree_max_item", id.text, id.length, "unreached",
            (json_int_t)facts.unreached, "modalities", names, "engine",
            json_object_get(graph.manifest, "engine"), "options",
            json_object_get(graph.manifest, "options"));
        if (table)
            rc = print_graph(table, &graph, &facts, err);
    }
    kin_graph_close(&graph);
    return rc;
}

/* ---- folders --------------------------------------------------------------------------------- */

/* A folder of a kind that only its manifest describes. */
static int info_manifest(const char *directory, const json_t *manifest, FILE *table, json_t **out,
                         kin_error *err)
{
    *out = kin_json_without(manifest, "files", NULL);
    if (!*out)
        return kin_fail_alloc(err, "manifest", 0);
    if (!table)
        return 0;
    const char *kind = json_string_value(json_object_get(manifest, "kind"));
    fprintf(table, "%s: %s\n", plain(directory).text, plain(kind).text);
    return print_json(table, "", *out, err);
}

static int info_folder(const kin_dir *dir, FILE *table, json_t **out, kin_error *err)
{
    if (faccessat(dir->fd, "manifest.json", F_OK, 0) != 0)
        return info_catalog(dir, table, out, err);
    json_t *manifest;
    int rc = kin_manifest_read_in(&manifest, dir, NULL, err);
    if (rc != 0)
        return rc;
    const char *kind = json_string_value(json_object_get(manifest, "kind"));
    if (kind && strcmp(kind, "graph") == 0)
        rc = info_graph(dir, table, out, err);
    else if (kind && strcmp(kind, "catalog") == 0)
        rc = info_catalog(dir, table, out, err);
    else
        rc = info_manifest(dir->path, manifest, table, out, err);
    json_decref(manifest);
    return rc;
}

static int open_folder(const char *path, FILE *table, json_t **out, kin_error *err)
{
    kin_dir dir;
    int rc = kin_dir_open(&dir, path, err);
    if (rc != 0)
        return rc;
    rc = kin_dir_settle(&dir, info_folder(&dir, table, out, err), err);
    kin_dir_close(&dir);
    return rc;
}

static int info_run(const void *values, const kin_operands *operands, kin_error *err)
{
    const info_options *options = values;
    const char *path = operands->item[0];
    FILE *table = options->json && strcmp(options->json, "-") == 0 ? NULL : stdout;
    json_t *facts = NULL;
    struct stat status;
    int rc = outputs_check(&(outputs){.json = options->json}, err);
    if (rc != 0)
        return rc;
    if (stat(path, &status) != 0)
        rc = kin_fail_errno(err, KIN_E_NOINPUT, "check the path", "%s", path);
    else if (S_ISDIR(status.st_mode))
        rc = open_folder(path, table, &facts, err);
    else
        rc = info_file(NULL, path, table, &facts, err);
    if (rc == 0)
        rc = command_write_json(options->json, facts, err);
    if (rc == 0)
        rc = command_flush_stdout(err);
    json_decref(facts);
    return rc;
}

const kin_command command_info = {
    .name = "info",
    .summary = "shape, statistics and health of vectors, a graph or an index",
    .operands = "DIR|FILE",
    .operands_min = 1,
    .operands_max = 1,
    .example = "  kin info text.npy\n  kin info graph --json -\n",
    .options = COMMAND_OPTIONS(info_option, info_defaults),
    .run = info_run,
};
