/*
 * Queries of an index (job/query.h).
 *
 * The catalog is opened from the files that the index's manifest names, the index proposes
 * candidates, and the canonical scores decide, as in a build: for an item of the catalog the answer
 * is the row that a build with the same options writes. Leaves out: serving many queries; opening
 * reads every vector and every index file once.
 */
#include "job/query.h"
#include "ann/faiss_index_file.h"
#include "ann/faiss_search.h"
#include "core/counted.h"
#include "core/manifest.h"
#include "core/memory.h"
#include "core/score.h"
#include "job/messages.h"
#include "job/query_graph.h"
#include "job/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One run under way. */
typedef struct querying {
    const kin_query_options *options;
    const kin_answer_sink *sink;
    const kin_monitor *monitor;
    kin_dir dir; /* of the index */
    json_t *manifest;
    kin_source source[KIN_MODALITIES_MAX];
    size_t source_count;
    kin_catalog catalog;
    kin_index *index;
    kin_query query;
    kin_rows rows;                          /* one */
    kin_matrix outside[KIN_MODALITIES_MAX]; /* of --query; n == 0: not given */
    float *vector[KIN_MODALITIES_MAX];      /* a row of each; NULL: not given */
    size_t outside_rows;
    size_t top_k;
    size_t answered, short_of; /* queries; those with fewer neighbours than were asked for */
} querying;

/* ---- opening --------------------------------------------------------------------------------- */

/* Puts the --modality options in the place of the manifest's sources of the same names. */
static int override_sources(querying *self, kin_error *err)
{
    const kin_text_list *list = &self->options->modality;
    for (size_t i = 0; i < list->count; i++) {
        kin_source source;
        size_t m = 0;
        int rc = kin_source_parse(&source, list->item[i], err);
        if (rc != 0)
            return rc;
        while (m < self->source_count && strcmp(self->source[m].name, source.name) != 0)
            m++;
        if (m == self->source_count) {
            rc = kin_fail(err, KIN_E_USAGE, "kin info shows the names of an index's modalities",
                          "%s has no modality '%s'", self->options->folder, source.name);
            kin_source_release(&source);
            return rc;
        }
        kin_source_release(&self->source[m]);
        self->source[m] = source;
    }
    return 0;
}

static kin_missing policy(const json_t *manifest)
{
    const json_t *index = json_object_get(manifest, "index");
    const char *name = json_string_value(json_object_get(index, "missing"));
    for (int i = 0; name && kin_missing_names[i]; i++)
        if (strcmp(kin_missing_names[i], name) == 0)
            return (kin_missing)i;
    return KIN_MISSING_RENORM;
}

/* An order of the self-join is no index to search. */
static int check_type(const querying *self, kin_error *err)
{
    const json_t *index = json_object_get(self->manifest, "index");
    const char *type = json_string_value(json_object_get(index, "type"));
    if (!type || strcmp(type, "join") != 0)
        return 0;
    return kin_fail(err, KIN_E_USAGE, "kin index --type ivf and --type hnsw write one that does",
                    "%s holds an order of the self-join, which answers no query",
                    self->options->folder);
}

static int open_index(querying *self, kin_error *err)
{
    int rc = kin_manifest_read_in(&self->manifest, &self->dir, "index", err);
    if (rc == 0)
        rc = check_type(self, err);
    if (rc == 0)
        rc = kin_sources_from_manifest(self->source, &self->source_count, self->manifest, err);
    if (rc == 0)
        rc = override_sources(self, err);
    if (rc == 0) {
        kin_catalog_options from = {.source = self->source,
                                    .source_count = self->source_count,
                                    .ids = "ids.txt",
                                    .ids_dir = &self->dir,
                                    .missing = policy(self->manifest)};
        rc = kin_catalog_open(&self->catalog, &from, err);
    }
    if (rc == 0)
        kin_messages_modalities(&self->catalog, self->monitor);
    if (rc == 0)
        rc = kin_index_open(&self->index, &self->dir, self->manifest, &self->catalog, err);
    if (rc == 0)
        rc = kin_query_init(&self->query, &self->catalog, err);
    if (rc == 0)
        rc = kin_rows_init(&self->rows, 1, self->top_k, self->catalog.modality_count, err);
    return rc;
}

/* One --query NAME=FILE: opens the file for its modality. */
static int open_outside(querying *self, const char *text, kin_error *err)
{
    kin_source source;
    size_t m = 0;
    int rc = kin_source_parse(&source, text, err);
    if (rc != 0)
        return rc;
    while (m < self->catalog.modality_count &&
           strcmp(self->catalog.modality[m].name, source.name) != 0)
        m++;
    if (m == self->catalog.modality_count || self->outside[m].n > 0 || source.weight != 1) {
        rc = kin_fail(err, KIN_E_USAGE, "give --query NAME=FILE once for a modality of the index",
                      m == self->catalog.modality_count ? "--query %s: the index has no modality %s"
                      : self->outside[m].n > 0          ? "--query %s: modality %s is given twice"
                                               : "--query %s: weights go with --modality %s",
                      text, source.name);
        goto done;
    }
    rc = kin_matrix_open(&self->outside[m], source.path, err);
    if (rc != 0)
        goto done;
    const kin_matrix *matrix = &self->outside[m];
    size_t d = self->catalog.modality[m].matrix.d;
    if (matrix->d != d)
        rc = kin_fail(err, KIN_E_DATA, "encode queries as the catalog was encoded",
                      "%s has %s, modality %s has %zu", source.path,
                      kin_count(matrix->d, "dimension").text, source.name, d);
    else if (self->outside_rows > 0 && matrix->n != self->outside_rows)
        rc = kin_fail(err, KIN_E_DATA, "row i of every --query file is query i",
                      "%s has %s, the --query before it %zu", source.path,
                      kin_count(matrix->n, "row").text, self->outside_rows);
    self->outside_rows = matrix->n;
    self->vector[m] = rc == 0 ? kin_alloc(d, sizeof(float)) : NULL;
    if (rc == 0 && !self->vector[m])
        rc = kin_fail_alloc(err, "query row", d * sizeof(float));
done:
    kin_source_release(&source);
    return rc;
}

/* ---- answering ------------------------------------------------------------------------------- */

static kin_search_options search_options(const querying *self)
{
    kin_search_options search = self->options->search;
    search.top_k = self->top_k;
    return search;
}

/* Fewer neighbours than were asked for, and what gives more. */
static void warn_of_short(const querying *self)
{
    kin_search_options search = search_options(self);
    kin_search_resolve(&search, self->index);
    bool ivf = kin_index_resolved(self->index)->type == KIN_INDEX_IVF;
    const char *why = (size_t)search.candidates < self->top_k
                          ? "so few candidates were asked for: raise --candidates, now"
                      : (size_t)search.candidates >= self->catalog.n
                          ? "no more items can be compared with them; --candidates is"
                      : ivf ? "raise --probes or --candidates, now"
                            : "raise --ef-search or --candidates, now";
    kin_monitor_message(
        self->monitor, KIN_LEVEL_WARNING, "%zu of %s %s fewer than %s: %s %lld", self->short_of,
        kin_count(self->answered, "query").text, self->short_of == 1 ? "has" : "have",
        kin_count(self->top_k, "neighbour").text, why, (long long)search.candidates);
}

/* Answers self->query. `label` names it in the output. */
static int answer(querying *self, const char *label, kin_error *err)
{
    kin_search_options search = search_options(self);
    int rc = kin_monitor_check(self->monitor, err);
    if (rc == 0)
        rc = kin_search_one(self->index, &search, &self->query, &self->rows, err);
    if (rc != 0)
        return rc;
    self->answered++;
    self->short_of += self->query.present && self->rows.filled[0] < search.top_k;
    if (self->query.present == 0)
        kin_monitor_message(self->monitor, KIN_LEVEL_WARNING,
                            "%s has no vector that can be compared (--missing %s)", label,
                            kin_missing_names[self->catalog.missing]);
    const kin_catalog *catalog = &self->catalog;
    kin_answer found = {.label = label,
                        .kind = "index",
                        .ids = &catalog->ids,
                        .modality_count = catalog->modality_count,
                        .cosine_digits = 6,
                        .rows = &self->rows};
    for (size_t m = 0; m < catalog->modality_count; m++)
        found.modality[m] = catalog->modality[m].name;
    return self->sink->write(self->sink->self, &found, err);
}

/* The rows of the items asked for: all are found before the first is answered. */
static int find_items(const querying *self, int64_t row[KIN_LIST_MAX], kin_error *err)
{
    const kin_text_list *list = &self->options->item;
    kin_line_index ids;
    int rc = kin_line_index_init(&ids, &self->catalog.ids, self->catalog.ids_path, 1, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < list->count; i++) {
        const char *id = list->item[i];
        row[i] = kin_line_index_find(&ids, (kin_span){id, strlen(id)});
        if (row[i] < 0)
            rc = kin_fail(err, KIN_E_DATA, "the folder's ids.txt lists all of them",
                          "%s has no item '%s'", self->options->folder, id);
    }
    kin_line_index_release(&ids);
    return rc;
}

static int answer_items(querying *self, kin_error *err)
{
    const kin_text_list *list = &self->options->item;
    int64_t row[KIN_LIST_MAX];
    int rc = find_items(self, row, err);
    for (size_t i = 0; rc == 0 && i < list->count; i++) {
        kin_query_set_row(&self->query, (size_t)row[i]);
        rc = answer(self, list->item[i], err);
    }
    return rc;
}

/* Reads row `row` of every --query file. */
static int read_outside(querying *self, size_t row, kin_error *err)
{
    for (size_t m = 0; m < self->catalog.modality_count; m++) {
        const kin_matrix *matrix = &self->outside[m];
        if (!self->vector[m])
            continue;
        kin_matrix_widen(matrix, row, 1, self->vector[m]);
        kin_error fault;
        int rc = kin_matrix_check_row(matrix, row, self->vector[m], &fault);
        if (rc != 0)
            return kin_fail(err, rc, "leave the row out, or mend the encoder", "%s", fault.message);
    }
    kin_query_set_vectors(&self->query, (const float *const *)self->vector);
    return 0;
}

static int answer_outside(querying *self, kin_error *err)
{
    int rc = 0;
    for (size_t row = 0; rc == 0 && row < self->outside_rows; row++)
        rc = read_outside(self, row, err); /* a bad row is refused before anything is printed */
    for (size_t row = 0; rc == 0 && row < self->outside_rows; row++) {
        char label[24];
        snprintf(label, sizeof label, "%zu", row);
        rc = read_outside(self, row, err);
        if (rc == 0)
            rc = answer(self, label, err);
    }
    return rc;
}

static int answer_all(querying *self, kin_error *err)
{
    const kin_query_options *o = self->options;
    size_t others = self->catalog.n - (o->item.count > 0);
    if (self->top_k > others)
        return kin_fail(err, KIN_E_DATA,
                        others ? "lower --top-k" : "the index has 1 item, which has no neighbours",
                        "top-k %zu, but there %s %s to choose from", self->top_k,
                        others == 1 ? "is" : "are", kin_count(others, "item").text);
    int rc = o->item.count > 0 ? answer_items(self, err) : answer_outside(self, err);
    if (rc == 0 && self->sink->end)
        rc = self->sink->end(self->sink->self, err);
    if (rc == 0 && self->short_of > 0)
        warn_of_short(self);
    return rc == 0 ? kin_monitor_check(self->monitor, err) : rc;
}

static void release(querying *self)
{
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++) {
        if (self->outside[m].n > 0)
            kin_matrix_close(&self->outside[m]);
        free(self->vector[m]);
    }
    kin_rows_release(&self->rows);
    kin_query_release(&self->query);
    kin_index_free(self->index);
    kin_catalog_close(&self->catalog);
    kin_sources_release(self->source, self->source_count);
    json_decref(self->manifest);
    kin_dir_close(&self->dir);
}

/* By an index, whose folder is open. */
static int query_index(querying *self, kin_error *err)
{
    const kin_text_list *outside = &self->options->query;
    self->top_k = self->options->top_k > 0 ? (size_t)self->options->top_k : KIN_QUERY_TOP_K;
    int rc = open_index(self, err);
    for (size_t i = 0; rc == 0 && i < outside->count; i++)
        rc = open_outside(self, outside->item[i], err);
    if (rc != 0)
        return rc;
    kin_monitor_stage(self->monitor, "answers");
    return answer_all(self, err);
}

/* Whether the folder is a graph. What is neither is refused when it is opened as an index. */
static int find_kind(bool *graph, const kin_dir *dir, kin_error *err)
{
    json_t *manifest;
    int rc = kin_manifest_read_in(&manifest, dir, NULL, err);
    if (rc != 0)
        return rc;
    const char *kind = json_string_value(json_object_get(manifest, "kind"));
    *graph = kind && strcmp(kind, "graph") == 0;
    json_decref(manifest);
    return 0;
}

int kin_query_run(const kin_query_options *options, const kin_answer_sink *sink,
                  const kin_monitor *monitor, kin_error *err)
{
    querying self = {.options = options, .sink = sink, .monitor = monitor};
    bool graph = false, outside = options->query.count > 0;
    int rc = kin_options_check(&kin_query_table, options, err);
    if (rc == 0)
        rc = kin_dir_open(&self.dir, options->folder, err);
    if (rc == 0)
        rc = find_kind(&graph, &self.dir, err);
    if (rc != 0)
        goto done;
    if (graph && options->item.count == 0 && !outside)
        rc = kin_fail(err, KIN_E_USAGE, "give --item ID", "nothing to look for: no --item");
    else if (!graph && (options->item.count > 0) == outside)
        rc = kin_fail(err, KIN_E_USAGE, "give either --item ID or --query NAME=FILE",
                      outside ? "--item and --query exclude each other"
                              : "nothing to look for: neither --item nor --query");
    else
        rc = graph ? kin_query_graph(options, &self.dir, sink, monitor, err)
                   : query_index(&self, err);
done:
    release(&self);
    return rc;
}
