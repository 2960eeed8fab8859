/*
 * The row-streaming baseline (exact/stream.h says what and why).
 */
#include "exact/stream.h"
#include "core/score.h"
#include "core/select.h"
#include "core/threads.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>

/* Columns that are widened and multiplied at a time by one thread: with 1,024 dimensions 2 MiB of
 * floats, which the second-level cache holds while the micro-batch passes over it. */
enum { BLOCK_COLUMNS = 512 };

static const size_t tile_bytes_default = (size_t)512 << 20;
enum { MICRO_BATCH_MAX_DEFAULT = 1024 };

/* What each thread works in. */
typedef struct worker {
    float *block; /* [BLOCK_COLUMNS][largest d] unit rows */
    kin_query query;
    kin_rescore_workspace workspace;
    int32_t *candidate; /* [n] ascending rows that may be among the best */
    uint64_t *key;      /* [n] sorting keys of the candidates */
} worker;

typedef struct stream {
    const kin_catalog *catalog;
    const kin_stream_queries *queries;
    size_t n, k, total; /* total: queries */
    size_t micro_batch;
    size_t d_max;
    double weight_sum, margin;
    float *tile;                           /* [micro_batch][n] fused scores / W */
    float *batch[KIN_MODALITIES_MAX];      /* [micro_batch][d_m] unit rows times w_m / W */
    float factor[1 << KIN_MODALITIES_MAX]; /* by S: of the tile's value; -inf: no pair */
    bool uniform;                          /* every item has every modality: no factor is needed */
    kin_rows rows;
    worker *workers;
    int worker_count;
} stream;

size_t kin_stream_micro_batch(const kin_stream_options *options, size_t n, size_t queries)
{
    size_t batch = options->micro_batch;
    if (batch == 0) {
        size_t fits = tile_bytes_default / (n * sizeof(float));
        batch = fits < 1 ? 1 : fits > MICRO_BATCH_MAX_DEFAULT ? MICRO_BATCH_MAX_DEFAULT : fits;
    }
    return batch < queries ? batch : queries;
}

/* The item that query q asks for. */
static size_t query_row(const stream *self, size_t q)
{
    return self->queries && self->queries->row ? (size_t)self->queries->row[q] : q;
}

/* ---- set-up --------------------------------------------------------------------------------- */

/* Twice the distance that a tile value may have from the canonical score (see stream.h). Of the 16
 * roundings beside the dot products at most 13 happen; the rest covers that of the bound itself. */
static double tile_margin(const kin_catalog *catalog)
{
    double d = 16;
    for (size_t m = 0; m < catalog->modality_count; m++)
        d += (double)catalog->modality[m].matrix.d;
    double u = 0x1p-24;
    double gamma = d * u / (1 - d * u);
    return 2.0001 * gamma;
}

/* What a pair's tile value is multiplied by, for each set of modalities both items have. */
static void set_factors(stream *self)
{
    const kin_catalog *catalog = self->catalog;
    unsigned all = (1u << catalog->modality_count) - 1;
    self->factor[0] = -INFINITY;
    for (unsigned s = 1; s <= all; s++) {
        double sum = 0;
        for (size_t m = 0; m < catalog->modality_count; m++)
            if (s >> m & 1)
                sum += catalog->modality[m].weight;
        bool renorm = s != all && catalog->missing == KIN_MISSING_RENORM;
        self->factor[s] = renorm ? (float)(self->weight_sum / sum) : 1.0f;
    }
    self->uniform = true;
    for (size_t i = 0; i < self->n; i++)
        self->uniform = self->uniform && catalog->present[i] == all;
}

static void plan_memory(const stream *self, kin_memory_plan *plan)
{
    *plan = (kin_memory_plan){.hint = "--micro-batch or --threads"};
    const kin_catalog *catalog = self->catalog;
    size_t threads = (size_t)self->worker_count;
    kin_memory_plan_add(plan, "the tile (micro-batch x items)",
                        kin_size_mul(self->micro_batch, self->n), sizeof(float));
    for (size_t m = 0; m < catalog->modality_count; m++)
        kin_memory_plan_add(plan, "micro-batch rows",
                            kin_size_mul(self->micro_batch, catalog->modality[m].matrix.d),
                            sizeof(float));
    kin_memory_plan_add(plan, "column blocks", kin_size_mul(threads * BLOCK_COLUMNS, self->d_max),
                        sizeof(float));
    kin_memory_plan_add(plan, "candidates", kin_size_mul(threads, self->n),
                        sizeof(int32_t) + sizeof(uint64_t) +
                            kin_rescore_workspace_bytes(1, catalog->modality_count));
    kin_memory_plan_add(plan, "finished rows",
                        kin_rows_bytes(self->micro_batch, self->k, catalog->modality_count), 1);
}

static int init_worker(worker *self, const stream *job, kin_error *err)
{
    size_t block = kin_size_mul(BLOCK_COLUMNS, job->d_max);
    self->block = kin_alloc(block, sizeof *self->block);
    self->candidate = kin_alloc(job->n, sizeof *self->candidate);
    self->key = kin_alloc(job->n, sizeof *self->key);
    if (!self->block || !self->candidate || !self->key)
        return kin_fail_alloc(err, "column block", kin_size_mul(block, sizeof *self->block));
    int rc = kin_query_init(&self->query, job->catalog, err);
    if (rc == 0)
        rc =
            kin_rescore_workspace_init(&self->workspace, job->n, job->catalog->modality_count, err);
    return rc;
}

static void release(stream *self)
{
    for (int t = 0; t < self->worker_count && self->workers; t++) {
        free(self->workers[t].block);
        free(self->workers[t].candidate);
        free(self->workers[t].key);
        kin_query_release(&self->workers[t].query);
        kin_rescore_workspace_release(&self->workers[t].workspace);
    }
    free(self->workers);
    free(self->tile);
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++)
        free(self->batch[m]);
    kin_rows_release(&self->rows);
}

static int allocate(stream *self, size_t memory_bytes, kin_error *err)
{
    const kin_catalog *catalog = self->catalog;
    kin_memory_plan plan;
    plan_memory(self, &plan);
    int rc = kin_memory_plan_check(&plan, memory_bytes, err);
    if (rc != 0)
        return rc;
    self->tile = kin_alloc(kin_size_mul(self->micro_batch, self->n), sizeof *self->tile);
    self->workers = calloc((size_t)self->worker_count, sizeof *self->workers);
    bool refused = !self->tile || !self->workers;
    for (size_t m = 0; m < catalog->modality_count; m++) {
        size_t d = catalog->modality[m].matrix.d;
        self->batch[m] = kin_alloc(self->micro_batch * d, sizeof *self->batch[m]);
        refused = refused || !self->batch[m];
    }
    if (refused)
        return kin_fail_alloc(err, "the tile", plan.total_bytes);
    for (int t = 0; t < self->worker_count && rc == 0; t++)
        rc = init_worker(&self->workers[t], self, err);
    if (rc == 0)
        rc = kin_rows_init(&self->rows, self->micro_batch, self->k, catalog->modality_count, err);
    return rc;
}

/* What sizes follow from. */
static void set_sizes(stream *self, const kin_stream_options *options)
{
    self->micro_batch = kin_stream_micro_batch(options, self->n, self->total);
    self->worker_count = kin_threads_used();
    for (size_t m = 0; m < self->catalog->modality_count; m++)
        if (self->catalog->modality[m].matrix.d > self->d_max)
            self->d_max = self->catalog->modality[m].matrix.d;
}

void kin_stream_make_plan(kin_memory_plan *out, const kin_catalog *catalog, size_t queries,
                          const kin_stream_options *options)
{
    stream self = {.catalog = catalog, .n = catalog->n, .k = options->top_k, .total = queries};
    set_sizes(&self, options);
    plan_memory(&self, out);
}

static int init(stream *self, const kin_catalog *catalog, const kin_stream_queries *queries,
                const kin_stream_options *options, kin_error *err)
{
    *self = (stream){.catalog = catalog, .queries = queries, .n = catalog->n, .k = options->top_k};
    self->total = queries && queries->row ? queries->count : catalog->n;
    int rc = kin_top_k_check(self->k, self->n, err);
    if (rc != 0)
        return rc;
    set_sizes(self, options);
    self->weight_sum = kin_catalog_weight_sum(catalog);
    self->margin = tile_margin(catalog);
    set_factors(self);
    return allocate(self, options->memory_bytes, err);
}

/* ---- the tile ------------------------------------------------------------------------------- */

/* Row `row` of modality m as a unit row times `scale`; a zero row stays zero. Scaled in double, so
 * that rows of any length between float's extremes keep their relative precision. */
static void unit_row(const kin_modality *modality, size_t row, double scale, float *out)
{
    const kin_matrix *x = &modality->matrix;
    double inverse = modality->inverse_norm[row] * scale;
    kin_kernels_best()->widen[x->dtype](out, kin_matrix_row(x, row), x->d);
    for (size_t i = 0; i < x->d; i++)
        out[i] = (float)((double)out[i] * inverse);
}

static void load_batch(stream *self, size_t first, size_t count)
{
#pragma omp parallel for schedule(static) collapse(2)
    for (size_t m = 0; m < self->catalog->modality_count; m++)
        for (size_t q = 0; q < count; q++) {
            const kin_modality *modality = &self->catalog->modality[m];
            unit_row(modality, query_row(self, first + q), modality->weight / self->weight_sum,
                     self->batch[m] + q * modality->matrix.d);
        }
}

/* The tile's columns `column` .. for all modalities: widened, then one sgemm each, added up. */
static void multiply_block(stream *self, worker *w, size_t count, size_t column)
{
    size_t columns = self->n - column < BLOCK_COLUMNS ? self->n - column : BLOCK_COLUMNS;
    for (size_t m = 0; m < self->catalog->modality_count; m++) {
        const kin_modality *modality = &self->catalog->modality[m];
        int d = (int)modality->matrix.d;
        for (size_t c = 0; c < columns; c++)
            unit_row(modality, column + c, 1.0, w->block + c * (size_t)d);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)count, (int)columns, d, 1.0f,
                    self->batch[m], d, w->block, d, m > 0 ? 1.0f : 0.0f, self->tile + column,
                    (int)self->n);
    }
}

/* ---- a row's best --------------------------------------------------------------------------- */

/* Rescales by presence, takes the item itself and impossible pairs out. */
static void finish_values(const stream *self, size_t row, float *value)
{
    const uint8_t *present = self->catalog->present;
    if (!self->uniform)
        for (size_t j = 0; j < self->n; j++) {
            float factor = self->factor[present[row] & present[j]];
            value[j] = factor > 0 ? value[j] * factor : -INFINITY;
        }
    value[row] = -INFINITY;
}

/* The k-th largest of the candidates' values less the margin: nothing below it can be among the k
 * best. -FLT_MAX while there are fewer than k. */
static float find_bound(const stream *self, worker *w, const float *value, size_t count)
{
    if (count < self->k)
        return -FLT_MAX;
    for (size_t c = 0; c < count; c++)
        w->key[c] = (uint64_t)(~kin_score_order(value[w->candidate[c]])) << 32 | c;
    size_t kth = (uint32_t)kin_keys_nth(w->key, count, self->k - 1);
    return (float)(value[w->candidate[kth]] - self->margin);
}

/* Keeps the candidates that reach the bound, in order. */
static size_t drop_below(worker *w, const float *value, size_t count, float bound)
{
    size_t kept = 0;
    for (size_t c = 0; c < count; c++)
        if (value[w->candidate[c]] >= bound)
            w->candidate[kept++] = w->candidate[c];
    return kept;
}

/* The items whose tile value could belong to one of the k best, ascending, into w->candidate.
 *
 * One pass keeps what reaches a running bound. Whenever some more have gathered the bound is
 * raised and those below it are dropped: the cost is one comparison per value and little else. */
static size_t gather(const stream *self, worker *w, const float *value)
{
    size_t capacity = 4 * self->k + 64;
    size_t limit = capacity;
    size_t count = 0;
    float bound = -FLT_MAX;
    for (size_t j = 0; j < self->n; j++) {
        if (value[j] < bound)
            continue;
        w->candidate[count++] = (int32_t)j;
        if (count == limit) {
            bound = find_bound(self, w, value, count);
            count = drop_below(w, value, count, bound);
            limit = count + capacity; /* among many equal values nothing is dropped */
        }
    }
    return drop_below(w, value, count, find_bound(self, w, value, count));
}

static void finish_row(stream *self, worker *w, size_t first, size_t q)
{
    float *value = self->tile + q * self->n;
    size_t row = query_row(self, first + q);
    finish_values(self, row, value);
    size_t count = gather(self, w, value);
    kin_query_set_row(&w->query, row);
    kin_rescore(&w->query, w->candidate, count, &w->workspace, &self->rows, q);
}

/* One micro-batch: queries first .. first + count - 1. */
static void run_batch(stream *self, size_t first, size_t count)
{
    size_t blocks = (self->n + BLOCK_COLUMNS - 1) / BLOCK_COLUMNS;
    load_batch(self, first, count);
#pragma omp parallel num_threads(self->worker_count)
    {
        worker *w = &self->workers[omp_get_thread_num()];
        omp_set_num_threads(1); /* what OpenBLAS does below stays in this thread */
#pragma omp for schedule(dynamic)
        for (size_t b = 0; b < blocks; b++)
            multiply_block(self, w, count, b * BLOCK_COLUMNS);
#pragma omp for schedule(dynamic)
        for (size_t q = 0; q < count; q++)
            finish_row(self, w, first, q);
    }
    self->rows.count = count;
}

int kin_stream_run(const kin_catalog *catalog, const kin_stream_queries *queries,
                   const kin_stream_options *options, kin_row_sink sink, const kin_monitor *monitor,
                   kin_error *err)
{
    stream self;
    int rc = init(&self, catalog, queries, options, err);
    if (rc == 0)
        rc = kin_blas_room(err);
    if (rc == 0)
        kin_monitor_progress(monitor, 0, self.total);
    for (size_t first = 0; first < self.total && rc == 0; first += self.micro_batch) {
        size_t left = self.total - first;
        size_t count = left < self.micro_batch ? left : self.micro_batch;
        rc = kin_monitor_check(monitor, err);
        if (rc != 0)
            break;
        run_batch(&self, first, count);
        rc = sink.write(sink.self, first, &self.rows, err);
        if (rc == 0)
            kin_monitor_progress(monitor, first + count, self.total);
    }
    release(&self);
    return kin_catalog_settle(catalog, rc, err);
}
