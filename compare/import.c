/*
 * A file's rows as a graph: what is no neighbour is left out, and with a catalog the rest is scored
 * canonically and put in that order.
 *
 * Rows are finished in parallel, each at the place that it has in the file, and closed up
 * afterwards: so nothing depends on threads, and no pass is needed to learn how much stays. Without
 * a catalog rows keep the file's order, or that of the file's scores (ties by row number), which
 * are then dropped, as their meaning is not known. Memory: 4 bytes an entry, with a catalog 8 and 2
 * for each modality, and what an .npz has compressed.
 */
#include "compare/import.h"
#include "compare/import_file.h"
#include "compare/row.h"
#include "core/half.h"
#include "core/ids.h"
#include "core/json.h"
#include "core/score.h"
#include "core/select.h"
#include "core/threads.h"

#include <omp.h>
#include <stdlib.h>

/* An entry with the file's own score, if it has any. */
typedef struct candidate {
    double score;
    int32_t row;
} candidate;

/* A thread's memory for one row. */
typedef struct worker {
    candidate *candidate; /* [longest] */
    kin_id_set seen;
    int32_t *ascending; /* [longest] this and what follows: with a catalog */
    kin_query query;
    kin_rescore_workspace space;
    kin_rows best;              /* one row */
    kin_import_report left_out; /* by this thread */
} worker;

typedef struct intake {
    const kin_import_file *from;
    const kin_catalog *catalog;           /* or NULL */
    int32_t *neighbor;                    /* [entries] */
    float *score;                         /* [entries]; with a catalog */
    uint16_t *cosine[KIN_MODALITIES_MAX]; /* [entries]; likewise */
    uint32_t *kept;                       /* [n] neighbours of a row that stay; owned */
    worker *worker;                       /* [workers]; owned */
    int workers;
} intake;

static size_t modalities(const intake *self)
{
    return self->catalog ? self->catalog->modality_count : 0;
}

/* ---- formats --------------------------------------------------------------------------------- */

static const struct format {
    const char *name;
    int (*open)(kin_import_file *self, size_t memory_bytes, kin_error *err);
} formats[] = {
    {"npz", kin_import_npz_open}, {"ivecs", kin_import_ivecs_open}, {"ibin", kin_import_ibin_open}};

static const struct format *format_of(const char *path)
{
    const char *dot = strrchr(kin_path_base(path), '.');
    for (size_t i = 0; dot && i < sizeof formats / sizeof *formats; i++)
        if (strcmp(dot + 1, formats[i].name) == 0)
            return &formats[i];
    return NULL;
}

bool kin_import_is_path(const char *path)
{
    return format_of(path) != NULL;
}

static int open_file(kin_import_file *self, const char *path, size_t memory_bytes, kin_error *err)
{
    const struct format *format = format_of(path);
    *self = (kin_import_file){0};
    int rc = kin_file_open(&self->file, path, err);
    if (rc == 0 && !format)
        rc = kin_fail(err, KIN_E_DATA, "graphs are read from kin's folders, .npz .ivecs .ibin",
                      "%s: unknown file format", path);
    if (rc == 0) {
        self->format = format->name;
        rc = format->open(self, memory_bytes, err);
    }
    for (size_t i = 0; i < self->n && rc == 0; i++) {
        size_t length = (size_t)(self->start[i + 1] - self->start[i]);
        self->longest = length > self->longest ? length : self->longest;
    }
    if (rc == 0)
        self->entries = (size_t)self->start[self->n];
    else
        kin_import_file_close(self);
    return rc;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Everything that is held at the peak, the file's part too. */
static int check_plan(const intake *self, size_t memory_bytes, kin_error *err)
{
    const kin_import_file *from = self->from;
    const size_t id_bytes = 29 + 16; /* a line of digits and its place, and the index of ids */
    kin_memory_plan plan = {.hint = "the neighbours a row in the file"};
    size_t longest = from->longest;
    size_t row_bytes = kin_size_mul(longest, sizeof(candidate) + KIN_ID_SET_BYTES);
    size_t entry_bytes = sizeof *self->neighbor;
    if (self->catalog) {
        size_t m = self->catalog->modality_count;
        size_t scored_bytes =
            kin_size_add(kin_rescore_workspace_bytes(longest, m), kin_rows_bytes(1, longest, m));
        row_bytes = kin_size_add(row_bytes, kin_size_mul(longest, sizeof(int32_t)));
        row_bytes = kin_size_add(row_bytes, scored_bytes);
        row_bytes = kin_size_add(row_bytes, kin_catalog_dimensions(self->catalog) * sizeof(double));
        entry_bytes += sizeof(float) + m * sizeof(uint16_t);
    }
    kin_import_file_plan(from, &plan);
    kin_memory_plan_add(&plan, "neighbours and scores", from->entries, entry_bytes);
    kin_memory_plan_add(&plan, "lengths of rows", from->n, sizeof *self->kept);
    kin_memory_plan_add(&plan, "ids", from->n, id_bytes);
    kin_memory_plan_add(&plan, "the longest row, for each thread", (size_t)self->workers,
                        row_bytes);
    return kin_memory_plan_check(&plan, memory_bytes, err);
}

static int init_worker(worker *self, const intake *job, kin_error *err)
{
    size_t longest = job->from->longest;
    self->candidate = kin_alloc(longest, sizeof *self->candidate);
    if (!self->candidate)
        return kin_fail_alloc(err, "a row's entries", longest * sizeof *self->candidate);
    int rc = kin_id_set_init(&self->seen, longest, err);
    if (rc != 0 || !job->catalog)
        return rc;
    self->ascending = kin_alloc(longest, sizeof *self->ascending);
    if (!self->ascending)
        return kin_fail_alloc(err, "a row's candidates", longest * sizeof *self->ascending);
    rc = kin_query_init(&self->query, job->catalog, err);
    if (rc == 0)
        rc = kin_rescore_workspace_init(&self->space, longest, modalities(job), err);
    if (rc == 0)
        rc = kin_rows_init(&self->best, 1, longest, modalities(job), err);
    return rc;
}

static void release(intake *self)
{
    for (int t = 0; self->worker && t < self->workers; t++) {
        free(self->worker[t].candidate);
        free(self->worker[t].ascending);
        kin_id_set_release(&self->worker[t].seen);
        kin_query_release(&self->worker[t].query);
        kin_rescore_workspace_release(&self->worker[t].space);
        kin_rows_release(&self->worker[t].best);
    }
    free(self->worker);
    free(self->kept);
}

/* An array of the graph: the graph's to free. */
static void *graph_array(kin_graph *graph, size_t place, size_t count, size_t item_bytes,
                         bool *refused)
{
    graph->in_memory[place] = kin_alloc(count, item_bytes);
    *refused = *refused || !graph->in_memory[place];
    return graph->in_memory[place];
}

static int allocate(intake *self, kin_graph *graph, kin_error *err)
{
    size_t entries = self->from->entries;
    bool refused = false;
    self->neighbor = graph_array(graph, 0, entries, sizeof *self->neighbor, &refused);
    if (self->catalog)
        self->score = graph_array(graph, 1, entries, sizeof *self->score, &refused);
    for (size_t m = 0; m < modalities(self); m++)
        self->cosine[m] = graph_array(graph, 2 + m, entries, sizeof *self->cosine[m], &refused);
    self->kept = kin_alloc(self->from->n, sizeof *self->kept);
    self->worker = kin_alloc_zero((size_t)self->workers, sizeof *self->worker);
    if (refused || !self->kept || !self->worker)
        return kin_fail_alloc(err, "neighbours and scores",
                              kin_size_mul(entries, 8 + 2 * modalities(self)));
    int rc = 0;
    for (int t = 0; t < self->workers && rc == 0; t++)
        rc = init_worker(&self->worker[t], self, err);
    return rc;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int best_first(const void *a, const void *b)
{
    const candidate *x = a;
    const candidate *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* The row's neighbours as the file has them, best first, into w->candidate; returns how many. */
static size_t read_row(const intake *self, worker *w, size_t row)
{
    const kin_import_file *from = self->from;
    bool sorted = true;
    size_t count = 0;
    for (int64_t entry = from->start[row]; entry < from->start[row + 1]; entry++) {
        int64_t neighbor = kin_import_neighbor(from, row, (size_t)entry);
        candidate *next = &w->candidate[count];
        if (neighbor < 0) {
            w->left_out.padding++;
            continue;
        }
        if ((size_t)neighbor == row) {
            w->left_out.to_self++;
            continue;
        }
        *next = (candidate){.row = (int32_t)neighbor};
        if (from->score) {
            next->score = kin_import_score(from, (size_t)entry);
            sorted = sorted && (count == 0 || best_first(next - 1, next) <= 0);
        }
        count++;
    }
    if (!sorted)
        qsort(w->candidate, count, sizeof *w->candidate, best_first);
    return count;
}

/* The first of equal ones stays. */
static size_t drop_repeated(worker *w, size_t count)
{
    size_t kept = 0;
    kin_id_set_clear(&w->seen);
    for (size_t i = 0; i < count; i++)
        if (kin_id_set_add(&w->seen, w->candidate[i].row))
            w->candidate[kept++] = w->candidate[i];
    w->left_out.repeated += count - kept;
    return kept;
}

/* Scores the row's distinct neighbours and writes them from entry `first` on, in canonical
 * order. */
static size_t score_row(const intake *self, worker *w, size_t row, size_t count, size_t first)
{
    uint64_t *key = w->space.key;
    for (size_t i = 0; i < count; i++)
        key[i] = (uint32_t)w->candidate[i].row;
    kin_keys_select(key, count, count);
    for (size_t i = 0; i < count; i++)
        w->ascending[i] = (int32_t)key[i];
    kin_query_set_row(&w->query, row);
    kin_rescore(&w->query, w->ascending, count, &w->space, &w->best, 0);
    size_t kept = w->best.filled[0];
    w->left_out.no_pair += count - kept;
    for (size_t i = 0; i < kept; i++) {
        self->neighbor[first + i] = w->best.neighbor[i];
        self->score[first + i] = w->best.score[i];
        for (size_t m = 0; m < modalities(self); m++)
            self->cosine[m][first + i] = kin_half_from_float(w->best.cosine[m][i]);
    }
    return kept;
}

static void import_row(const intake *self, worker *w, size_t row)
{
    size_t first = (size_t)self->from->start[row];
    size_t count = drop_repeated(w, read_row(self, w, row));
    for (size_t i = 0; i < count && !self->catalog; i++)
        self->neighbor[first + i] = w->candidate[i].row;
    if (self->catalog)
        count = score_row(self, w, row, count, first);
    self->kept[row] = (uint32_t)count;
}

static void import_rows(const intake *self)
{
#pragma omp parallel num_threads(self->workers)
    {
        worker *w = &self->worker[omp_get_thread_num()];
#pragma omp for schedule(dynamic, 64)
        for (size_t row = 0; row < self->from->n; row++)
            import_row(self, w, row);
    }
}

/* ---- the graph ------------------------------------------------------------------------------- */

/* Closes the rows up and gives the graph its shape. The file's row starts become the graph's. */
static void close_up(const intake *self, kin_graph *graph, kin_import_file *from)
{
    size_t to = 0;
    for (size_t row = 0; row < from->n; row++) {
        size_t first = (size_t)from->start[row];
        size_t kept = self->kept[row];
        memmove(self->neighbor + to, self->neighbor + first, kept * sizeof *self->neighbor);
        if (self->score)
            memmove(self->score + to, self->score + first, kept * sizeof *self->score);
        for (size_t m = 0; m < modalities(self); m++)
            memmove(self->cosine[m] + to, self->cosine[m] + first, kept * sizeof *self->cosine[m]);
        from->start[row] = (int64_t)to;
        to += kept;
    }
    from->start[from->n] = (int64_t)to;
    graph->n = from->n;
    graph->k = from->longest;
    graph->pairs = to;
    graph->order = KIN_ORDER_SCORE;
    graph->indptr = from->start;
    from->start = NULL;
    graph->indices = self->neighbor;
    graph->data = self->score;
    graph->modality_count = modalities(self);
    for (size_t m = 0; m < graph->modality_count; m++) {
        memcpy(graph->modality[m], self->catalog->modality[m].name, KIN_NAME_MAX);
        graph->cosine[m] = self->cosine[m];
    }
}

static int import_all(intake *self, kin_graph *graph, kin_import_report *report,
                      kin_import_file *from, kin_error *err)
{
    int rc = allocate(self, graph, err);
    if (rc != 0)
        return rc;
    import_rows(self);
    report->entries = from->entries;
    for (int t = 0; t < self->workers; t++) {
        report->padding += self->worker[t].left_out.padding;
        report->to_self += self->worker[t].left_out.to_self;
        report->repeated += self->worker[t].left_out.repeated;
        report->no_pair += self->worker[t].left_out.no_pair;
    }
    report->top_k = from->top_k;
    close_up(self, graph, from);
    if (graph->pairs > 0)
        return 0;
    return kin_fail(err, KIN_E_DATA, "is it a file of neighbours, and of these items?",
                    "%s: no row has a neighbour: of %zu entries %zu are padding, %zu the item "
                    "itself, %zu repeated, %zu pairs without a score",
                    from->file.path, report->entries, report->padding, report->to_self,
                    report->repeated, report->no_pair);
}

static int open_ids(kin_graph *graph, const char *ids, const kin_import_file *from, kin_error *err)
{
    if (!ids)
        return kin_lines_number(&graph->ids, from->n, err);
    int rc = kin_lines_open(&graph->ids, ids, err);
    if (rc == 0)
        rc = kin_lines_unquote(&graph->ids, err);
    if (rc != 0)
        return rc;
    if (graph->ids.count != from->n)
        return kin_fail(err, KIN_E_DATA, "one line an item, in the order of the rows",
                        "%s has %zu ids, %s has %zu rows", ids, graph->ids.count, from->file.path,
                        from->n);
    return kin_ids_check_given(&graph->ids, ids, 1, err);
}

/* What kin_graph_check_compatible holds against a graph of kin's. */
static json_t *describe_modalities(const kin_catalog *catalog)
{
    json_t *all = json_array();
    for (size_t m = 0; catalog && m < catalog->modality_count; m++) {
        const kin_modality *modality = &catalog->modality[m];
        kin_json_append(&all, json_pack("{s:s, s:f, s:s}", "name", modality->name, "weight",
                                        modality->weight, "xxh3_128", modality->fingerprint.text));
    }
    return all;
}

static int make_manifest(kin_graph *graph, const kin_import_file *from, const kin_catalog *catalog,
                         kin_error *err)
{
    json_t *options = json_pack("{s:I, s:s}", "top_k", (json_int_t)graph->k, "row_order",
                                kin_row_order_names[graph->order]);
    if (catalog)
        kin_json_set(&options, "missing", json_string(kin_missing_names[catalog->missing]));
    kin_hash fingerprint = kin_hash_bytes(from->file.data, from->file.bytes);
    graph->manifest =
        json_pack("{s:s, s:s, s:o, s:I, s:o, s:{s:o, s:s, s:s}}", "kind", "graph", "engine",
                  "imported", "options", options, "items", (json_int_t)graph->n, "modalities",
                  describe_modalities(catalog), "import", "file", kin_json_path(from->file.path),
                  "xxh3_128", fingerprint.text, "format", from->format);
    graph->directory = strdup(from->file.path);
    return graph->manifest && graph->directory ? 0 : kin_fail_alloc(err, "manifest", 0);
}

int kin_import_open(kin_graph *out, kin_import_report *report, const char *path, const char *ids,
                    const kin_catalog *catalog, size_t memory_bytes, kin_error *err)
{
    kin_import_file from;
    intake job = {.from = &from, .catalog = catalog, .workers = kin_threads_used()};
    *out = (kin_graph){0};
    *report = (kin_import_report){0};
    int rc = open_file(&from, path, memory_bytes, err);
    if (rc != 0)
        return rc;
    if (catalog && catalog->n != from.n)
        rc = kin_fail(err, KIN_E_DATA, "row i of the file must be item i of the catalog",
                      "%s has %zu rows, the catalog has %zu items", path, from.n, catalog->n);
    if (rc == 0)
        rc = check_plan(&job, memory_bytes, err);
    if (rc == 0)
        rc = open_ids(out, ids, &from, err);
    if (rc == 0)
        rc = kin_import_file_load(&from, err);
    if (rc == 0)
        rc = import_all(&job, out, report, &from, err);
    if (rc == 0)
        rc = make_manifest(out, &from, catalog, err);
    release(&job);
    kin_import_file_close(&from);
    if (rc != 0)
        kin_graph_close(out);
    return rc;
}
