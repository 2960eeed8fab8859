/*
 * Reading a trace (declared in compare/trace.h): like a graph's arrays, none of it is trusted until
 * it was seen. Time: one pass over the values. They stay in their mapped files.
 */
#include "compare/trace.h"
#include "core/npy_array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char damaged[] = "the folder is damaged: build it again";

/* What probe_sigmas are called in older graphs. */
static const char older_key[] = "reach";        /* old word */
static const char older_file[] = "trace.reach"; /* old word */

enum { FILE_ROW, FILE_CLUSTER, FILE_SIGMAS, FILE_SOURCES };

/* ---- what the manifest says ------------------------------------------------------------------ */

static int modality_of(const kin_graph *graph, const char *name)
{
    for (size_t m = 0; name && m < graph->modality_count; m++)
        if (strcmp(graph->modality[m], name) == 0)
            return (int)m;
    return -1;
}

/* One entry of "sources": {"name", "modality": name or null, "asked": C or null}. */
static int read_source(kin_trace_source *out, const kin_graph *graph, const json_t *entry,
                       kin_error *err)
{
    const char *name = json_string_value(json_object_get(entry, "name"));
    const json_t *modality = json_object_get(entry, "modality");
    const json_t *asked = json_object_get(entry, "asked");
    *out = (kin_trace_source){.modality = modality_of(graph, json_string_value(modality))};
    bool named = name && *name && strlen(name) < KIN_NAME_MAX && !strchr(name, '/');
    bool known = json_is_null(modality) || out->modality >= 0;
    bool depth = json_is_null(asked) || json_integer_value(asked) > 0;
    if (!named || !known || !depth)
        return kin_fail(err, KIN_E_DATA, damaged,
                        "%s/manifest.json: a source of the trace lacks its name, a modality of the "
                        "graph or how much it was asked for",
                        graph->directory);
    memcpy(out->name, name, strlen(name) + 1);
    out->asked = (size_t)json_integer_value(asked);
    return 0;
}

static int read_manifest(kin_trace *self, const json_t *trace, const kin_graph *graph,
                         kin_error *err)
{
    const json_t *sources = json_object_get(trace, "sources");
    bool older = !json_object_get(trace, "clusters"); /* those of older graphs: lists, of a reach */
    const json_t *clusters = json_object_get(trace, older ? "lists" : "clusters");
    const json_t *probe_sigmas = json_object_get(trace, older ? older_key : "probe_sigmas");
    const json_t *rows = json_object_get(trace, "rows");
    size_t count = json_array_size(sources);
    bool join = clusters != NULL;
    bool known = !join || json_is_null(probe_sigmas) || json_is_number(probe_sigmas);
    if (!json_is_integer(rows) || json_integer_value(rows) < 0 || count < 1 ||
        count > KIN_MODALITIES_MAX || !known ||
        (join && (json_integer_value(clusters) < (json_integer_value(rows) > 0) ||
                  json_integer_value(clusters) > (json_int_t)graph->n))) /* a cluster has items */
        return kin_fail(err, KIN_E_DATA, damaged,
                        "%s/manifest.json: the trace lacks rows, sources, clusters or probe_sigmas",
                        graph->directory);
    *self =
        (kin_trace){.n = graph->n, .rows = (size_t)json_integer_value(rows), .source_count = count};
    self->older = older;
    self->clusters = join ? (size_t)json_integer_value(clusters) : 0;
    if (join)
        self->sigmas_used =
            json_is_number(probe_sigmas) ? json_number_value(probe_sigmas) : INFINITY;
    int rc = 0;
    for (size_t s = 0; s < count && rc == 0; s++)
        rc = read_source(&self->source[s], graph, json_array_get(sources, s), err);
    return rc;
}

/* ---- arrays ---------------------------------------------------------------------------------- */

/* Of the length that the manifest implies. */
static int open_array(const void **values, kin_file *file, const kin_graph *graph, const char *name,
                      const char *descr, size_t count, kin_error *err)
{
    kin_npy_array array;
    int rc = kin_npy_array_open(&array, file, &graph->dir, name, descr, 1, err);
    if (rc != 0)
        return rc;
    if (array.shape[0] != count)
        return kin_fail(err, KIN_E_DATA, damaged, "%s has %zu values, needs %zu", file->path,
                        array.shape[0], count);
    *values = array.values;
    return 0;
}

static int open_rows(kin_trace *self, const kin_graph *graph, kin_error *err)
{
    kin_file *file = &self->file[FILE_ROW];
    int rc =
        open_array((const void **)&self->row, file, graph, "trace.row", "<i4", self->rows, err);
    for (size_t t = 0; rc == 0 && t < self->rows; t++) {
        int32_t least = t > 0 ? self->row[t - 1] + 1 : 0;
        if (self->row[t] < least || (size_t)self->row[t] >= self->n)
            rc = kin_fail(err, KIN_E_DATA, damaged, "%s: value %zu is %d, must be %d to %zu",
                          file->path, t, self->row[t], least, self->n - 1);
    }
    return rc;
}

/* The items proposed to one row: ascending, other items than itself. */
static int check_items(const kin_trace *self, const kin_trace_source *source, size_t t,
                       const char *path, kin_error *err)
{
    int64_t least = 0;
    for (int64_t at = source->start[t]; at < source->start[t + 1]; at++) {
        int32_t item = source->item[at];
        if (item < least || (size_t)item >= self->n || item == self->row[t])
            return kin_fail(err, KIN_E_DATA, damaged,
                            "%s: value %lld is %d, of row %d must be %lld to %zu and another item",
                            path, (long long)at, item, self->row[t], (long long)least, self->n - 1);
        least = (int64_t)item + 1;
    }
    return 0;
}

static int open_source(kin_trace *self, size_t s, const kin_graph *graph, kin_error *err)
{
    kin_trace_source *source = &self->source[s];
    kin_file *starts = &self->file[FILE_SOURCES + 2 * s], *items = starts + 1;
    kin_npy_array array = {0};
    char name[KIN_NAME_MAX + 16];
    snprintf(name, sizeof name, "trace_%s.start", source->name);
    int rc =
        open_array((const void **)&source->start, starts, graph, name, "<i8", self->rows + 1, err);
    snprintf(name, sizeof name, "trace_%s.item", source->name);
    if (rc == 0)
        rc = kin_npy_array_open(&array, items, &graph->dir, name, "<i4", 1, err);
    if (rc != 0)
        return rc;
    source->item = array.values;
    bool ends = source->start[0] == 0 && source->start[self->rows] == (int64_t)array.shape[0];
    for (size_t t = 0; t < self->rows; t++)
        if (!ends || source->start[t + 1] < source->start[t])
            return kin_fail(err, KIN_E_DATA, damaged,
                            "%s: row %zu has values %lld to %lld of %zu in %s", starts->path, t,
                            (long long)source->start[t], (long long)source->start[t + 1],
                            array.shape[0], items->path);
    for (size_t t = 0; t < self->rows && rc == 0; t++)
        rc = check_items(self, source, t, items->path, err);
    return rc;
}

static int open_clusters(kin_trace *self, const kin_graph *graph, kin_error *err)
{
    kin_file *clusters = &self->file[FILE_CLUSTER], *sigmas = &self->file[FILE_SIGMAS];
    kin_npy_array array = {0};
    int rc = open_array((const void **)&self->cluster, clusters, graph,
                        self->older ? "trace.list" : "trace.cluster", "<i4", self->n, err);
    for (size_t i = 0; rc == 0 && i < self->n; i++)
        if (self->cluster[i] < -1 || self->cluster[i] >= (int64_t)self->clusters)
            rc = kin_fail(err, KIN_E_DATA, damaged, "%s: value %zu is %d, must be -1 to %zu",
                          clusters->path, i, self->cluster[i], self->clusters - 1);
    if (rc == 0)
        rc = kin_npy_array_open(&array, sigmas, &graph->dir,
                                self->older ? older_file : "trace.probe_sigmas", "<f4", 2, err);
    if (rc != 0)
        return rc;
    if (array.shape[0] != self->rows || array.shape[1] != self->clusters)
        return kin_fail(err, KIN_E_DATA, damaged, "%s is %zu x %zu, needs %zu x %zu", sigmas->path,
                        array.shape[0], array.shape[1], self->rows, self->clusters);
    self->probe_sigmas = array.values;
    for (size_t at = 0; at < self->rows * self->clusters; at++)
        if (isnan(self->probe_sigmas[at]))
            return kin_fail(err, KIN_E_DATA, damaged, "%s: row %zu is NaN at cluster %zu",
                            sigmas->path, at / self->clusters, at % self->clusters);
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

int kin_trace_open(kin_trace *self, bool *there, const kin_graph *graph, kin_error *err)
{
    const json_t *trace = json_object_get(graph->manifest, "trace");
    *self = (kin_trace){0};
    *there = false;
    if (!trace)
        return 0;
    int rc = read_manifest(self, trace, graph, err);
    if (rc == 0)
        rc = open_rows(self, graph, err);
    for (size_t s = 0; rc == 0 && s < self->source_count; s++)
        rc = open_source(self, s, graph, err);
    if (rc == 0 && self->clusters > 0)
        rc = open_clusters(self, graph, err);
    *there = rc == 0;
    if (rc != 0)
        kin_trace_close(self);
    return rc;
}

void kin_trace_close(kin_trace *self)
{
    for (size_t f = 0; f < sizeof self->file / sizeof *self->file; f++)
        kin_file_close(&self->file[f]);
    *self = (kin_trace){0};
}

size_t kin_trace_find(const kin_trace *self, int32_t row)
{
    const int32_t *at = bsearch(&row, self->row, self->rows, sizeof row, kin_row_ascending);
    return at ? (size_t)(at - self->row) : SIZE_MAX;
}

bool kin_trace_proposed(const kin_trace *self, size_t s, size_t t, int32_t item)
{
    const kin_trace_source *source = &self->source[s];
    size_t count = (size_t)(source->start[t + 1] - source->start[t]);
    const int32_t *first = count > 0 ? source->item + source->start[t] : NULL;
    return count > 0 && bsearch(&item, first, count, sizeof item, kin_row_ascending);
}
