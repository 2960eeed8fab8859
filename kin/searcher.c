/*
 * An index that is open, and its answers in the caller's arrays (kin/kin.h).
 */
#include "kin/call.h"
#include "kin/input.h"
#include "kin/pairs.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

struct kin_searcher {
    kin_query_session session;
    pthread_mutex_t lock; /* one asks at a time */
};

/* ---- opening --------------------------------------------------------------------------------- */

typedef struct opening {
    kin_searcher **out;
    const char *path;
    const kin_input *input;
} opening;

static int run_open(void *work, const kin_monitor *monitor, kin_error *err)
{
    const opening *self = work;
    kin_catalog_options inputs = {0};
    kin_dir dir = {0};
    int rc = self->input ? kin_input_put(self->input, &inputs, err) : 0;
    if (rc == 0)
        rc = kin_call_threads(0, err);
    kin_searcher *searcher = rc == 0 ? malloc(sizeof *searcher) : NULL;
    if (rc == 0 && !searcher)
        rc = kin_fail_alloc(err, "searcher", sizeof *searcher);
    if (rc == 0)
        rc = kin_dir_open(&dir, self->path, err);
    if (rc == 0)
        rc = kin_query_session_open(&searcher->session, &dir, &(kin_text_list){0},
                                    self->input ? &inputs : NULL, monitor, err);
    kin_dir_close(&dir);
    if (rc != 0) {
        free(searcher);
        return rc;
    }
    pthread_mutex_init(&searcher->lock, NULL);
    *self->out = searcher;
    return 0;
}

int kin_searcher_open(kin_searcher **searcher, const char *path, const kin_input *input,
                      kin_callback *callback, void *self, kin_error *err)
{
    opening work = {searcher, path, input};
    const kin_call call = {run_open, &work, true, callback, self};
    return kin_call_run(&call, err);
}

void kin_searcher_free(kin_searcher *self)
{
    if (!self)
        return;
    kin_query_session_close(&self->session);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

size_t kin_searcher_item_count(const kin_searcher *self)
{
    return self->session.catalog.n;
}

size_t kin_searcher_modality_count(const kin_searcher *self)
{
    return self->session.catalog.modality_count;
}

const char *kin_searcher_modality(const kin_searcher *self, size_t m)
{
    const kin_catalog *catalog = &self->session.catalog;
    return m < catalog->modality_count ? catalog->modality[m].name : NULL;
}

int kin_searcher_ids(const kin_searcher *self, char **text, size_t *bytes, kin_error *err)
{
    return kin_lines_text(&self->session.catalog.ids, text, bytes, err);
}

/* ---- answering ------------------------------------------------------------------------------- */

/* A call under way, and where its answers go. */
typedef struct finding {
    kin_searcher *searcher;
    const kin_input *queries; /* or rows */
    const int64_t *row;
    size_t row_count, k;
    const char *const *pairs;
    int32_t *indices;
    float *scores, *cosines;
    size_t answered;
} finding;

/* One answer into its row of the arrays. */
static int store(void *to, const kin_answer *answer, kin_error *err)
{
    finding *self = to;
    const kin_rows *rows = answer->rows;
    const size_t modalities = answer->modality_count, first = self->answered++ * self->k;
    (void)err;
    for (size_t e = 0; e < self->k; e++) {
        bool there = e < rows->filled[0];
        self->indices[first + e] = there ? rows->neighbor[e] : -1;
        if (self->scores)
            self->scores[first + e] = there ? rows->score[e] : NAN;
        for (size_t m = 0; self->cosines && m < modalities; m++)
            self->cosines[(first + e) * modalities + m] = there ? rows->cosine[m][e] : NAN;
    }
    return 0;
}

static int check(const finding *self, kin_error *err)
{
    enum { TOP_K_MAX = 10000 };
    if (self->k < 1 || self->k > TOP_K_MAX)
        return kin_fail(err, KIN_E_USAGE, "1 to 10000 neighbours a query", "k is %zu", self->k);
    return 0;
}

static int ask(finding *self, const kin_search_options *search, const kin_monitor *monitor,
               kin_error *err)
{
    const kin_input *queries = self->queries;
    const kin_answer_sink sink = {.self = self, .write = store};
    kin_questions questions = {
        .row = self->row, .row_count = self->row_count, .top_k = self->k, .search = *search};
    int rc = 0;
    for (size_t m = 0; rc == 0 && queries && m < queries->source_count; m++)
        rc = kin_questions_add(&questions, &self->searcher->session, &queries->source[m],
                               queries->source[m].name, err);
    if (rc == 0)
        rc = kin_query_session_answer(&self->searcher->session, &questions, &sink, monitor, err);
    kin_questions_release(&questions);
    return rc;
}

static int run_find(void *work, const kin_monitor *monitor, kin_error *err)
{
    finding *self = work;
    kin_search_call call;
    int rc = kin_pairs_read(&kin_search_call_table, &call, self->pairs, err);
    if (rc == 0)
        rc = check(self, err);
    if (rc == 0)
        rc = kin_call_threads(call.threads, err);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&self->searcher->lock);
    rc = ask(self, &call.search, monitor, err);
    pthread_mutex_unlock(&self->searcher->lock);
    return rc;
}

int kin_searcher_find(kin_searcher *self, const kin_input *queries, size_t k,
                      const char *const *options, int32_t *indices, float *scores, float *cosines,
                      kin_callback *callback, void *callback_self, kin_error *err)
{
    finding work = {.searcher = self,
                    .queries = queries,
                    .k = k,
                    .pairs = options,
                    .indices = indices,
                    .scores = scores,
                    .cosines = cosines};
    const kin_call call = {run_find, &work, false, callback, callback_self};
    if (!queries || queries->source_count == 0)
        return kin_fail(err, KIN_E_USAGE, "add an array or a file for a modality of the index",
                        "the queries have no modality");
    return kin_call_run(&call, err);
}

int kin_searcher_find_items(kin_searcher *self, const int64_t *row, size_t count, size_t k,
                            const char *const *options, int32_t *indices, float *scores,
                            float *cosines, kin_callback *callback, void *callback_self,
                            kin_error *err)
{
    finding work = {.searcher = self,
                    .row = row,
                    .row_count = count,
                    .k = k,
                    .pairs = options,
                    .indices = indices,
                    .scores = scores,
                    .cosines = cosines};
    const kin_call call = {run_find, &work, false, callback, callback_self};
    if (!row)
        return kin_fail(err, KIN_E_USAGE, "give row numbers of the index", "no rows are given");
    return kin_call_run(&call, err);
}
