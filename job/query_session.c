/*
 * An index, open for queries (job/query.h).
 *
 * The catalog is opened from the files that the index's manifest names, the index proposes
 * candidates, and the canonical scores decide, as in a build: for an item of the catalog the answer
 * is the row that a build with the same options writes.
 */
#include "ann/faiss_index_file.h"
#include "ann/faiss_search.h"
#include "core/counted.h"
#include "core/manifest.h"
#include "core/memory.h"
#include "job/messages.h"
#include "job/query.h"
#include "job/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- opening --------------------------------------------------------------------------------- */

/* Puts the texts NAME=FILE in the place of the manifest's sources of the same names. */
static int override_sources(kin_query_session *self, const kin_text_list *list, kin_error *err)
{
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
                          "%s has no modality '%s'", self->dir.path, source.name);
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
static int check_type(const kin_query_session *self, kin_error *err)
{
    const json_t *index = json_object_get(self->manifest, "index");
    const char *type = json_string_value(json_object_get(index, "type"));
    if (!type || strcmp(type, "join") != 0)
        return 0;
    return kin_fail(err, KIN_E_USAGE, "kin index --type ivf and --type hnsw write one that does",
                    "%s holds an order of the self-join, which answers no query", self->dir.path);
}

/* The catalog of the inputs, or of the files that manifest and `modality` name. */
static int open_catalog(kin_query_session *self, const kin_text_list *modality,
                        const kin_catalog_options *inputs, kin_error *err)
{
    kin_catalog_options from = {
        .ids = "ids.txt", .ids_dir = &self->dir, .missing = policy(self->manifest)};
    int rc =
        inputs ? kin_catalog_options_check(inputs, err)
               : kin_sources_from_manifest(self->source, &self->source_count, self->manifest, err);
    if (rc == 0 && !inputs)
        rc = override_sources(self, modality, err);
    if (rc != 0)
        return rc;
    from.source = inputs ? inputs->source : self->source;
    from.source_count = inputs ? inputs->source_count : self->source_count;
    return kin_catalog_open(&self->catalog, &from, err);
}

int kin_query_session_open(kin_query_session *self, const kin_dir *dir,
                           const kin_text_list *modality, const kin_catalog_options *inputs,
                           const kin_monitor *monitor, kin_error *err)
{
    *self = (kin_query_session){0};
    int rc = kin_dir_copy(&self->dir, dir, err);
    if (rc == 0)
        rc = kin_manifest_read_in(&self->manifest, &self->dir, "index", err);
    if (rc == 0)
        rc = check_type(self, err);
    if (rc == 0)
        rc = open_catalog(self, modality, inputs, err);
    if (rc == 0)
        kin_messages_modalities(&self->catalog, monitor);
    if (rc == 0)
        rc = kin_index_open(&self->index, &self->dir, self->manifest, &self->catalog, err);
    if (rc == 0)
        rc = kin_query_init(&self->query, &self->catalog, err);
    if (rc != 0)
        kin_query_session_close(self);
    return rc;
}

void kin_query_session_close(kin_query_session *self)
{
    kin_query_release(&self->query);
    kin_index_free(self->index);
    kin_catalog_close(&self->catalog);
    kin_sources_release(self->source, self->source_count);
    json_decref(self->manifest);
    kin_dir_close(&self->dir);
    *self = (kin_query_session){0};
}

/* ---- vectors from outside -------------------------------------------------------------------- */

static int check_shape(const kin_questions *self, const kin_matrix *matrix,
                       const kin_modality *modality, kin_error *err)
{
    size_t d = modality->matrix.d;
    if (matrix->d != d)
        return kin_fail(err, KIN_E_DATA, "encode queries as the catalog was encoded",
                        "%s has %s, modality %s has %zu", matrix->file.path,
                        kin_count(matrix->d, "dimension").text, modality->name, d);
    if (self->outside_rows > 0 && matrix->n != self->outside_rows)
        return kin_fail(err, KIN_E_DATA, "row i of every --query file is query i",
                        "%s has %s, the --query before it %zu", matrix->file.path,
                        kin_count(matrix->n, "row").text, self->outside_rows);
    return 0;
}

int kin_questions_add(kin_questions *self, const kin_query_session *session,
                      const kin_source *source, const char *text, kin_error *err)
{
    const kin_catalog *catalog = &session->catalog;
    size_t m = 0;
    while (m < catalog->modality_count && strcmp(catalog->modality[m].name, source->name) != 0)
        m++;
    if (m == catalog->modality_count || self->outside[m].n > 0)
        return kin_fail(err, KIN_E_USAGE, "give --query NAME=FILE once for a modality of the index",
                        m == catalog->modality_count ? "--query %s: the index has no modality %s"
                                                     : "--query %s: modality %s is given twice",
                        text, source->name);
    kin_matrix *matrix = &self->outside[m];
    int rc = source->array ? kin_matrix_open_array(matrix, source->array, source->name, err)
                           : kin_matrix_open(matrix, source->path, err);
    if (rc == 0)
        rc = check_shape(self, matrix, &catalog->modality[m], err);
    self->outside_rows = matrix->n;
    return rc;
}

void kin_questions_release(kin_questions *self)
{
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++)
        kin_matrix_close(&self->outside[m]);
}

/* ---- answering ------------------------------------------------------------------------------- */

/* Questions under way. */
typedef struct asking {
    kin_query_session *session;
    const kin_questions *questions;
    const kin_answer_sink *sink;
    const kin_monitor *monitor;
    kin_search_options search;
    kin_rows rows;                     /* one */
    float *vector[KIN_MODALITIES_MAX]; /* a row from outside; NULL: not given */
    size_t answered, short_of;         /* queries; those with fewer neighbours than asked for */
} asking;

/* Fewer neighbours than were asked for, and what gives more. */
static void warn_of_short(const asking *self)
{
    kin_search_options search = self->search;
    const kin_index *index = self->session->index;
    size_t top_k = search.top_k;
    kin_search_resolve(&search, index);
    bool ivf = kin_index_resolved(index)->type == KIN_INDEX_IVF;
    const char *why = (size_t)search.candidates < top_k
                          ? "so few candidates were asked for: raise --candidates, now"
                      : (size_t)search.candidates >= self->session->catalog.n
                          ? "no more items can be compared with them; --candidates is"
                      : ivf ? "raise --probes or --candidates, now"
                            : "raise --ef-search or --candidates, now";
    kin_monitor_message(self->monitor, KIN_LEVEL_WARNING, "%zu of %s %s fewer than %s: %s %lld",
                        self->short_of, kin_count(self->answered, "query").text,
                        self->short_of == 1 ? "has" : "have", kin_count(top_k, "neighbour").text,
                        why, (long long)search.candidates);
}

/* Answers the session's query. `label` names it in the output. */
static int answer(asking *self, const char *label, kin_error *err)
{
    kin_query_session *session = self->session;
    int rc = kin_monitor_check(self->monitor, err);
    if (rc == 0)
        rc = kin_search_one(session->index, &self->search, &session->query, &self->rows, err);
    if (rc != 0)
        return rc;
    self->answered++;
    self->short_of += session->query.present && self->rows.filled[0] < self->search.top_k;
    if (session->query.present == 0)
        kin_monitor_message(self->monitor, KIN_LEVEL_WARNING,
                            "%s has no vector that can be compared (--missing %s)", label,
                            kin_missing_names[session->catalog.missing]);
    const kin_catalog *catalog = &session->catalog;
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

static int answer_items(asking *self, kin_error *err)
{
    const kin_questions *q = self->questions;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < q->row_count; i++) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)q->row[i]);
        kin_query_set_row(&self->session->query, (size_t)q->row[i]);
        rc = answer(self, q->label ? q->label[i] : number, err);
    }
    return rc;
}

/* Reads row `row` of the vectors from outside. */
static int read_outside(asking *self, size_t row, kin_error *err)
{
    for (size_t m = 0; m < self->session->catalog.modality_count; m++) {
        const kin_matrix *matrix = &self->questions->outside[m];
        if (!self->vector[m])
            continue;
        kin_matrix_widen(matrix, row, 1, self->vector[m]);
        kin_error fault;
        int rc = kin_matrix_check_row(matrix, row, self->vector[m], &fault);
        if (rc != 0)
            return kin_fail(err, rc, "leave the row out, or mend the encoder", "%s", fault.message);
    }
    kin_query_set_vectors(&self->session->query, (const float *const *)self->vector);
    return 0;
}

static int answer_outside(asking *self, kin_error *err)
{
    int rc = 0;
    size_t rows = self->questions->outside_rows;
    for (size_t row = 0; rc == 0 && row < rows; row++)
        rc = read_outside(self, row, err); /* a bad row is refused before anything is printed */
    for (size_t row = 0; rc == 0 && row < rows; row++) {
        char label[24];
        snprintf(label, sizeof label, "%zu", row);
        rc = read_outside(self, row, err);
        if (rc == 0)
            rc = answer(self, label, err);
    }
    return rc;
}

static int check_questions(const asking *self, kin_error *err)
{
    const kin_questions *q = self->questions;
    size_t n = self->session->catalog.n, others = n - (q->row != NULL);
    for (size_t i = 0; q->row && i < q->row_count; i++)
        if (q->row[i] < 0 || (size_t)q->row[i] >= n)
            return kin_fail(err, KIN_E_USAGE, "rows are numbered from 0",
                            "row %lld is asked for, the index has %s", (long long)q->row[i],
                            kin_count(n, "item").text);
    if (q->top_k <= others)
        return 0;
    return kin_fail(err, KIN_E_DATA,
                    others ? "lower --top-k" : "the index has 1 item, which has no neighbours",
                    "top-k %zu, but there %s %s to choose from", q->top_k,
                    others == 1 ? "is" : "are", kin_count(others, "item").text);
}

/* One row of answers, and one of each modality from outside. */
static int allocate(asking *self, kin_error *err)
{
    const kin_catalog *catalog = &self->session->catalog;
    for (size_t m = 0; m < catalog->modality_count; m++) {
        size_t d = catalog->modality[m].matrix.d;
        if (self->questions->outside[m].n == 0)
            continue;
        self->vector[m] = kin_alloc(d, sizeof(float));
        if (!self->vector[m])
            return kin_fail_alloc(err, "query row", d * sizeof(float));
    }
    return kin_rows_init(&self->rows, 1, self->search.top_k, catalog->modality_count, err);
}

int kin_query_session_answer(kin_query_session *self, const kin_questions *questions,
                             const kin_answer_sink *sink, const kin_monitor *monitor,
                             kin_error *err)
{
    asking ask = {.session = self,
                  .questions = questions,
                  .sink = sink,
                  .monitor = monitor,
                  .search = questions->search};
    ask.search.top_k = questions->top_k;
    int rc = check_questions(&ask, err);
    if (rc == 0)
        rc = allocate(&ask, err);
    if (rc == 0)
        rc = questions->row ? answer_items(&ask, err) : answer_outside(&ask, err);
    if (rc == 0 && sink->end)
        rc = sink->end(sink->self, err);
    if (rc == 0 && ask.short_of > 0)
        warn_of_short(&ask);
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++)
        free(ask.vector[m]);
    kin_rows_release(&ask.rows);
    return rc == 0 ? kin_monitor_check(monitor, err) : rc;
}
