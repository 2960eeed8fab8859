#include "job/verify.h"
#include "compare/trace.h"
#include "core/catalog.h"
#include "core/counted.h"
#include "core/graph.h"
#include "core/half.h"
#include "core/ids.h"
#include "core/manifest.h"
#include "core/memory.h"
#include "job/sources.h"
#include "job/verify_index.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char damaged[] = "the folder is damaged: build it again";

/* float16 keeps 11 bits: a cosine of 1 can be stored as no more than this. */
static const float cosine_limit = 1.001f;

/* ---- graphs ---------------------------------------------------------------------------------- */

static int fail_row(const kin_graph *graph, size_t row, const char *what, size_t entry,
                    kin_error *err)
{
    kin_span id = kin_lines_at(&graph->ids, row);
    return kin_fail(err, KIN_E_DATA, damaged, "%s: row %zu (item %.*s), entry %zu: %s",
                    graph->directory, row, (int)(id.length < 100 ? id.length : 100), id.text, entry,
                    what);
}

/* Whether entry `p` may follow entry `p - 1` of the same row. */
static bool in_order(const kin_graph *graph, size_t p)
{
    bool ascending = graph->indices[p - 1] < graph->indices[p];
    if (graph->order == KIN_ORDER_COLUMN)
        return ascending;
    return graph->data[p - 1] > graph->data[p] ||
           (graph->data[p - 1] == graph->data[p] && ascending);
}

/* `seen` [n] holds row + 1 of the last row that named an item. */
static int check_row(const kin_graph *graph, size_t row, uint32_t *seen, kin_error *err)
{
    size_t first = (size_t)graph->indptr[row];
    size_t last = (size_t)graph->indptr[row + 1];
    for (size_t p = first; p < last; p++) {
        size_t other = (size_t)graph->indices[p];
        if (other == row)
            return fail_row(graph, row, "the item is its own neighbour", p, err);
        if (seen[other] == row + 1)
            return fail_row(graph, row, "a neighbour stands there twice", p, err);
        seen[other] = (uint32_t)(row + 1);
        if (!isfinite(graph->data[p]))
            return fail_row(graph, row, "the score is not finite", p, err);
        if (p > first && !in_order(graph, p))
            return fail_row(graph, row,
                            graph->order == KIN_ORDER_COLUMN ? "columns do not ascend"
                                                             : "scores do not descend",
                            p, err);
    }
    return 0;
}

static int check_rows(const kin_graph *graph, kin_error *err)
{
    uint32_t *seen = kin_alloc_zero(graph->n, sizeof *seen);
    if (!seen)
        return kin_fail_alloc(err, "marks of items", graph->n * sizeof *seen);
    int rc = 0;
    for (size_t row = 0; row < graph->n && rc == 0; row++)
        rc = check_row(graph, row, seen, err);
    free(seen);
    return rc;
}

/* Cosines are NaN where an item lacks the modality, and every pair has at least one. */
static int check_cosines(const kin_graph *graph, kin_error *err)
{
    for (size_t p = 0; p < graph->pairs; p++) {
        bool any = false;
        for (size_t m = 0; m < graph->modality_count; m++) {
            float cosine = kin_half_to_float(graph->cosine[m][p]);
            if (fabsf(cosine) > cosine_limit)
                return kin_fail(err, KIN_E_DATA, damaged,
                                "%s/scores_%s.npy: entry %zu is %g, no cosine", graph->directory,
                                graph->modality[m], p, (double)cosine);
            any = any || !isnan(cosine);
        }
        if (!any)
            return kin_fail(err, KIN_E_DATA, damaged, "%s: entry %zu has no cosine at all",
                            graph->directory, p);
    }
    return 0;
}

static int check_count(const kin_graph *graph, const char *key, size_t found, kin_error *err)
{
    const json_t *value = json_object_get(graph->manifest, key);
    if (!json_is_integer(value) || (size_t)json_integer_value(value) == found)
        return 0;
    return kin_fail(err, KIN_E_DATA, damaged, "%s/manifest.json: %s is %lld, the arrays have %zu",
                    graph->directory, key, (long long)json_integer_value(value), found);
}

static int check_counts(const kin_graph *graph, kin_error *err)
{
    size_t with_neighbors = 0;
    for (size_t row = 0; row < graph->n; row++)
        with_neighbors += graph->indptr[row + 1] > graph->indptr[row];
    int rc = check_count(graph, "items", graph->n, err);
    if (rc == 0)
        rc = check_count(graph, "pairs", graph->pairs, err);
    if (rc == 0)
        rc = check_count(graph, "items_with_neighbors", with_neighbors, err);
    return rc;
}

static int check_files(const kin_graph *graph, kin_error *err)
{
    static const char *const names[] = {"graph.npz", "ids.txt", "indptr.npy", "indices.npy",
                                        "data.npy"};
    size_t count = *graph->inside ? 2 : sizeof names / sizeof *names;
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = kin_manifest_check_listed(graph->manifest, graph->directory, names[i], err);
    for (size_t m = 0; m < graph->modality_count && rc == 0; m++) {
        char name[KIN_NAME_MAX + 16];
        snprintf(name, sizeof name, "scores_%s.npy", graph->modality[m]);
        rc = kin_manifest_check_listed(graph->manifest, graph->directory, name, err);
    }
    return rc;
}

static int check_trace(const kin_graph *graph, const kin_monitor *monitor, kin_error *err)
{
    kin_trace trace;
    bool there;
    int rc = kin_trace_open(&trace, &there, graph, err);
    if (rc != 0 || !there)
        return rc;
    kin_monitor_message(monitor, KIN_LEVEL_INFO, "trace of %s from %s",
                        kin_count(trace.rows, "row").text,
                        kin_count(trace.source_count, "source").text);
    kin_trace_close(&trace);
    return 0;
}

static int verify_graph(const kin_dir *dir, const kin_monitor *monitor, kin_error *err)
{
    kin_graph graph;
    int rc = kin_graph_open_in(&graph, dir, err);
    if (rc != 0)
        return rc;
    kin_monitor_message(monitor, KIN_LEVEL_INFO,
                        "shapes, row pointers and indices of %zu x %zu with %s", graph.n, graph.n,
                        kin_count(graph.pairs, "pair").text);
    if ((rc = check_rows(&graph, err)) != 0)
        goto done;
    kin_monitor_message(monitor, KIN_LEVEL_INFO,
                        "rows: no item twice or its own neighbour, scores finite, in order of %s",
                        kin_row_order_names[graph.order]);
    if ((rc = check_cosines(&graph, err)) != 0)
        goto done;
    kin_monitor_message(monitor, KIN_LEVEL_INFO, "cosines of %s",
                        kin_count(graph.modality_count, "modality").text);
    if ((rc = check_counts(&graph, err)) != 0)
        goto done;
    kin_monitor_message(monitor, KIN_LEVEL_INFO, "counts in the manifest");
    if ((rc = kin_ids_check(&graph.ids, graph.ids.file.path, 1, err)) != 0)
        goto done;
    kin_monitor_message(monitor, KIN_LEVEL_INFO, "%s, all different",
                        kin_count(graph.ids.count, "id").text);
    if ((rc = check_trace(&graph, monitor, err)) != 0)
        goto done;
    rc = check_files(&graph, err);
done:
    kin_graph_close(&graph);
    return rc;
}

/* ---- catalogs -------------------------------------------------------------------------------- */

/* The file of one modality, which lies in the folder. */
static int catalog_source(kin_source *out, const json_t *entry, const kin_dir *dir, kin_error *err)
{
    const char *name = json_string_value(json_object_get(entry, "name"));
    const char *file = json_string_value(json_object_get(entry, "file"));
    if (!file || strchr(file, '/'))
        return kin_fail(err, KIN_E_DATA, damaged, "%s/manifest.json: '%s' is no file of it",
                        dir->path, file ? file : "(none)");
    *out = (kin_source){.weight = 1, .dir = dir, .path = strdup(file)};
    if (!out->path)
        return kin_fail_alloc(err, "path", strlen(file));
    snprintf(out->name, sizeof out->name, "%s", name);
    return 0;
}

/* Opens what the manifest names as a catalog: every value is looked at. */
static int verify_catalog(const kin_dir *dir, const json_t *manifest, const kin_monitor *monitor,
                          kin_error *err)
{
    const json_t *modalities = json_object_get(manifest, "modalities");
    kin_source source[KIN_MODALITIES_MAX];
    kin_catalog catalog;
    size_t count = 0, wanted = json_array_size(modalities);
    int rc = kin_sources_check_manifest(manifest, damaged, err);
    for (size_t m = 0; m < wanted && rc == 0; m++) {
        rc = catalog_source(&source[m], json_array_get(modalities, m), dir, err);
        count += rc == 0;
    }
    kin_catalog_options options = {
        .source = source, .source_count = count, .ids = "ids.txt", .ids_dir = dir};
    if (rc == 0)
        rc = kin_catalog_open(&catalog, &options, err);
    if (rc == 0) {
        kin_monitor_message(monitor, KIN_LEVEL_INFO, "%s, %s, all values finite, ids all different",
                            kin_count(catalog.n, "item").text,
                            kin_count(catalog.modality_count, "modality").text);
        kin_catalog_close(&catalog);
    }
    kin_sources_release(source, count);
    return rc;
}

/* ---- folders --------------------------------------------------------------------------------- */

static int verify_folder(const kin_dir *dir, const json_t *manifest,
                         const kin_verify_options *options, const kin_monitor *monitor,
                         kin_error *err)
{
    const char *kind = json_string_value(json_object_get(manifest, "kind"));
    int rc = kin_manifest_verify(manifest, dir, err);
    if (rc != 0)
        return rc;
    kin_monitor_message(
        monitor, KIN_LEVEL_INFO, "checksums of %s",
        kin_count(json_object_size(json_object_get(manifest, "files")), "file").text);
    if (strcmp(kind, "graph") == 0)
        return verify_graph(dir, monitor, err);
    if (strcmp(kind, "index") == 0)
        return kin_verify_index(dir, manifest, options, monitor, err);
    if (strcmp(kind, "catalog") == 0)
        return verify_catalog(dir, manifest, monitor, err);
    return kin_fail(err, KIN_E_DATA, "use the kin that wrote it",
                    "%s is a folder of kind \"%s\", which this kin does not know", dir->path, kind);
}

int kin_verify_run(const char *directory, const kin_verify_options *options,
                   const kin_monitor *monitor, kin_error *err)
{
    kin_dir dir;
    json_t *manifest = NULL;
    int rc = kin_dir_open(&dir, directory, err);
    if (rc != 0)
        return rc;
    rc = kin_manifest_read_in(&manifest, &dir, NULL, err);
    if (rc == 0)
        rc = verify_folder(&dir, manifest, options, monitor, err);
    json_decref(manifest);
    rc = kin_dir_settle(&dir, rc, err);
    kin_dir_close(&dir);
    return rc;
}
