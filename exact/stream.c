/*
 * The row-streaming baseline (exact/stream.h says what and why).
 *
 * One pass over the columns a micro-batch. A thread takes blocks of columns: it multiplies the
 * micro-batch by a block and offers the values to the rows' shortlists.
 */
#include "exact/stream.h"
#include "core/gemm.h"
#include "core/score.h"
#include "core/threads.h"
#include "exact/shortlist.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

/* Columns that a thread widens and multiplies at a time, at most: with 1,024 dimensions 2 MiB of
 * floats, which the second-level cache holds while the micro-batch passes over it. Where a thread
 * would have only a few such blocks they are smaller, multiples of BLOCK_STEP. */
enum { BLOCK_COLUMNS = 512, BLOCKS_PER_THREAD = 4, BLOCK_STEP = 2 * KIN_SHORTLIST_STEP };

/* Rows of the micro-batch that a tile has: 192 KiB of floats, which are offered while they are in
 * the second-level cache. */
enum { TILE_ROWS = 96 };

/* Blocks a thread between two looks at the monitor. */
enum { SLICE_BLOCKS = 64 };

enum { MICRO_BATCH_DEFAULT = 1024 };

/* What each thread works in. */
typedef struct worker {
    float *block;  /* [block_columns][d] unit rows */
    float *packed; /* [kin_gemm_packed_floats(d, block_columns)] the same for products */
    float *tile;   /* [TILE_ROWS][block_columns] fused scores / W */
} worker;

typedef struct stream {
    const kin_catalog *catalog;
    const kin_stream_queries *queries;
    const kin_monitor *monitor;
    size_t n, k, total; /* total: queries */
    size_t micro_batch, block_columns;
    size_t d; /* of all modalities together */
    double weight_sum, margin;
    float *batch;                          /* [micro_batch][d] unit rows times w_m / W */
    float factor[1 << KIN_MODALITIES_MAX]; /* by S: of the tile's value; -inf: no pair */
    bool uniform;                          /* every item has every modality: no factor is needed */
    kin_rows rows;
    kin_shortlists lists;
    worker *workers; /* [worker_count] */
    int worker_count;
} stream;

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t kin_stream_micro_batch(const kin_stream_options *options, size_t queries)
{
    size_t batch = options->micro_batch ? options->micro_batch : MICRO_BATCH_DEFAULT;
    return least(batch, queries);
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
    size_t d = kin_catalog_dimensions(catalog);
    double p = 16 + KIN_GEMM_CHUNK + ceil((double)d / KIN_GEMM_CHUNK) + 1;
    double u = 0x1p-24;
    double gamma = p * u / (1 - p * u);
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

static kin_shortlist_options list_options(const stream *self)
{
    return (kin_shortlist_options){.catalog = self->catalog,
                                   .top_k = self->k,
                                   .rows = self->micro_batch,
                                   .threads = (size_t)self->worker_count,
                                   .margin = self->margin};
}

static void plan_memory(const stream *self, kin_memory_plan *plan)
{
    *plan = (kin_memory_plan){.hint = "--micro-batch or --threads"};
    size_t threads = (size_t)self->worker_count;
    kin_shortlist_options lists = list_options(self);
    size_t block = kin_size_add(kin_size_mul(self->block_columns, self->d),
                                kin_gemm_packed_floats(self->d, self->block_columns));
    size_t tile = (size_t)TILE_ROWS * self->block_columns;
    kin_memory_plan_add(plan, "micro-batch rows", kin_size_mul(self->micro_batch, self->d),
                        sizeof(float));
    kin_memory_plan_add(plan, "column blocks and tiles",
                        kin_size_mul(threads, kin_size_add(block, tile)), sizeof(float));
    kin_shortlists_add_plan(plan, &lists);
    kin_memory_plan_add(plan, "finished rows",
                        kin_rows_bytes(self->micro_batch, self->k, self->catalog->modality_count),
                        1);
}

static int init_worker(worker *self, const stream *job, kin_error *err)
{
    size_t block = kin_size_mul(job->block_columns, job->d);
    size_t packed = kin_gemm_packed_floats(job->d, job->block_columns);
    size_t tile = (size_t)TILE_ROWS * job->block_columns;
    self->block = kin_alloc(block, sizeof *self->block);
    self->packed = kin_alloc(packed, sizeof *self->packed);
    self->tile = kin_alloc(tile, sizeof *self->tile);
    if (self->block && self->packed && self->tile)
        return 0;
    return kin_fail_alloc(err, "a tile",
                          kin_size_mul(kin_size_add(block, tile), sizeof *self->tile));
}

static void release(stream *self)
{
    for (int t = 0; t < self->worker_count && self->workers; t++) {
        free(self->workers[t].block);
        free(self->workers[t].packed);
        free(self->workers[t].tile);
    }
    free(self->workers);
    kin_shortlists_release(&self->lists);
    free(self->batch);
    kin_rows_release(&self->rows);
}

static int allocate(stream *self, size_t memory_bytes, kin_error *err)
{
    kin_memory_plan plan;
    kin_shortlist_options lists = list_options(self);
    plan_memory(self, &plan);
    int rc = kin_memory_plan_check(&plan, memory_bytes, err);
    if (rc != 0)
        return rc;
    self->batch = kin_alloc(kin_size_mul(self->micro_batch, self->d), sizeof *self->batch);
    self->workers = calloc((size_t)self->worker_count, sizeof *self->workers);
    if (!self->batch || !self->workers)
        return kin_fail_alloc(err, "micro-batch rows", plan.total_bytes);
    for (int t = 0; t < self->worker_count && rc == 0; t++)
        rc = init_worker(&self->workers[t], self, err);
    if (rc == 0)
        rc = kin_shortlists_init(&self->lists, &lists, err);
    if (rc == 0)
        rc = kin_rows_init(&self->rows, self->micro_batch, self->k, self->catalog->modality_count,
                           err);
    return rc;
}

/* What sizes follow from. */
static void set_sizes(stream *self, const kin_stream_options *options)
{
    self->micro_batch = kin_stream_micro_batch(options, self->total);
    self->worker_count = kin_threads_used();
    size_t blocks = (size_t)self->worker_count * BLOCKS_PER_THREAD;
    size_t columns = (self->n + blocks - 1) / blocks;
    columns = (columns + BLOCK_STEP - 1) / BLOCK_STEP * BLOCK_STEP;
    self->block_columns = least(columns, BLOCK_COLUMNS);
    self->d = kin_catalog_dimensions(self->catalog);
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
    const kin_catalog *catalog = self->catalog;
#pragma omp parallel for schedule(static) num_threads(self->worker_count)
    for (size_t q = 0; q < count; q++) {
        float *out = self->batch + q * self->d;
        for (size_t m = 0; m < catalog->modality_count; m++) {
            const kin_modality *modality = &catalog->modality[m];
            double scale = modality->weight / self->weight_sum;
            unit_row(modality, query_row(self, first + q), scale, out);
            out += modality->matrix.d;
        }
    }
}

/* Unit rows of so many items, the modalities one behind the other: so one product adds them up. */
static void pack_block(const stream *self, worker *w, size_t column, size_t columns)
{
    const kin_catalog *catalog = self->catalog;
    float *out = w->block;
    for (size_t c = 0; c < columns; c++)
        for (size_t m = 0; m < catalog->modality_count; m++) {
            unit_row(&catalog->modality[m], column + c, 1.0, out);
            out += catalog->modality[m].matrix.d;
        }
    kin_gemm_side items = {.x = w->block, .stride = self->d, .transposed = true};
    kin_gemm_pack(self->d, columns, items, w->packed);
}

/* Rescales a row's values by presence, takes the item itself and impossible pairs out, and fills up
 * to `padded` values. */
static void finish_values(const stream *self, size_t row, size_t column, size_t columns,
                          size_t padded, float *value)
{
    const uint8_t *present = self->catalog->present;
    if (!self->uniform)
        for (size_t j = 0; j < columns; j++) {
            float factor = self->factor[present[row] & present[column + j]];
            value[j] = factor > 0 ? value[j] * factor : -INFINITY;
        }
    if (row >= column && row - column < columns)
        value[row - column] = -INFINITY;
    for (size_t j = columns; j < padded; j++)
        value[j] = -INFINITY;
}

/* ---- the run -------------------------------------------------------------------------------- */

/* A tile: rows q .. q + rows - 1 of the micro-batch, whose first is query `first`, times the packed
 * columns. */
static void run_tile(stream *self, size_t first, size_t q, size_t rows, size_t column,
                     size_t columns)
{
    size_t thread = (size_t)omp_get_thread_num(), stride = self->block_columns;
    size_t padded = (columns + KIN_SHORTLIST_STEP - 1) / KIN_SHORTLIST_STEP * KIN_SHORTLIST_STEP;
    worker *w = &self->workers[thread];
    kin_gemm_side batch = {.x = self->batch + q * self->d, .stride = self->d};
    kin_gemm_packed(rows, columns, self->d, batch, w->packed, KIN_GEMM_SET, w->tile, stride);
    for (size_t r = 0; r < rows; r++) {
        float *value = w->tile + r * stride;
        size_t row = query_row(self, first + q + r);
        finish_values(self, row, column, columns, padded, value);
        kin_shortlists_offer(&self->lists, thread, q + r, row, value, column, padded);
    }
}

/* The block of columns from `column` on, against queries first .. first + count - 1. */
static void run_block(stream *self, size_t first, size_t count, size_t column)
{
    size_t columns = least(self->n - column, self->block_columns);
    pack_block(self, &self->workers[omp_get_thread_num()], column, columns);
    for (size_t q = 0; q < count; q += TILE_ROWS)
        run_tile(self, first, q, least(count - q, TILE_ROWS), column, columns);
}

/* One micro-batch: queries first .. first + count - 1. A pass over many columns takes seconds:
 * between its slices the monitor is asked whether to stop. */
static int run_batch(stream *self, size_t first, size_t count, const kin_monitor *monitor,
                     kin_error *err)
{
    size_t slice = self->block_columns * SLICE_BLOCKS * (size_t)self->worker_count;
    int rc = kin_monitor_check(monitor, err);
    if (rc == 0)
        load_batch(self, first, count);
    kin_shortlists_reset(&self->lists);
    for (size_t column = 0; column < self->n && rc == 0; column += slice) {
        size_t end = column + least(self->n - column, slice);
        rc = column > 0 ? kin_monitor_check(monitor, err) : 0;
        if (rc != 0)
            break;
#pragma omp parallel for schedule(dynamic) num_threads(self->worker_count)
        for (size_t at = column; at < end; at += self->block_columns)
            run_block(self, first, count, at);
    }
    if (rc != 0)
        return rc;
#pragma omp parallel for schedule(dynamic) num_threads(self->worker_count)
    for (size_t q = 0; q < count; q++)
        kin_shortlists_finish(&self->lists, (size_t)omp_get_thread_num(), q,
                              query_row(self, first + q), &self->rows);
    self->rows.count = count;
    return 0;
}

int kin_stream_run(const kin_catalog *catalog, const kin_stream_queries *queries,
                   const kin_stream_options *options, kin_row_sink sink, const kin_monitor *monitor,
                   kin_error *err)
{
    stream self;
    int rc = init(&self, catalog, queries, options, err);
    if (rc == 0)
        kin_monitor_progress(monitor, 0, self.total);
    for (size_t first = 0; first < self.total && rc == 0; first += self.micro_batch) {
        size_t count = least(self.total - first, self.micro_batch);
        rc = run_batch(&self, first, count, monitor, err);
        if (rc == 0)
            rc = sink.write(sink.self, first, &self.rows, err);
        if (rc == 0)
            kin_monitor_progress(monitor, first + count, self.total);
    }
    release(&self);
    return kin_catalog_settle(catalog, rc, err);
}
