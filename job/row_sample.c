#include "job/row_sample.h"
#include "compare/sampling.h"
#include "core/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t unwritten = UINT32_MAX;

/* What stream may take: a part of the budget. */
enum { STREAM_SHARE = 8 };

/* ---- drawing --------------------------------------------------------------------------------- */

size_t kin_row_sample_population(const kin_catalog *catalog)
{
    size_t count = 0;
    for (size_t i = 0; i < catalog->n; i++)
        count += catalog->present[i] != 0;
    return count;
}

size_t kin_row_sample_draw(int32_t *out, const kin_catalog *catalog, const row_sample_options *o)
{
    const kin_population from = {.n = catalog->n,
                                 .present = catalog->present,
                                 .without = o->without,
                                 .without_count = o->without_count};
    return kin_sample_draw(out, o->count, &from, kin_random_key(o->seed, o->purpose, o->round));
}

int kin_row_sample_init(row_sample *self, const kin_catalog *catalog, const row_sample_options *o,
                        kin_error *err)
{
    *self = (row_sample){
        .catalog = catalog, .k = o->k, .count = o->count, .memory_bytes = o->memory_bytes};
    kin_memory_plan plan = {
        .hint = "--target-recall: the nearer to 1, the more rows are needed to prove it"};
    kin_memory_plan_add(&plan, "sampled rows", 2, kin_rows_bytes(o->count, o->k, 0));
    kin_memory_plan_add(&plan, "their numbers", o->count, sizeof *self->row);
    int rc = kin_memory_plan_check(&plan, o->memory_bytes, err);
    if (rc != 0)
        return rc;
    self->row = kin_alloc(o->count, sizeof *self->row);
    rc = self->row ? kin_rows_init(&self->got, o->count, o->k, 0, err)
                   : kin_fail_alloc(err, "sampled rows", plan.total_bytes);
    if (rc == 0)
        rc = kin_rows_init(&self->exact, o->count, o->k, 0, err);
    if (rc == 0)
        self->count = kin_row_sample_draw(self->row, catalog, o);
    else
        kin_row_sample_release(self);
    return rc;
}

void kin_row_sample_release(row_sample *self)
{
    free(self->row);
    kin_rows_release(&self->got);
    kin_rows_release(&self->exact);
    *self = (row_sample){0};
}

/* ---- rows that are kept ---------------------------------------------------------------------- */

/* Row q of a block into place `slot`. Different slots may be written at the same time. */
static void keep(kin_rows *kept, size_t slot, const kin_rows *rows, size_t q)
{
    size_t filled = rows->filled[q];
    memcpy(kept->neighbor + slot * kept->k, rows->neighbor + q * rows->k,
           filled * sizeof *rows->neighbor);
    memcpy(kept->score + slot * kept->k, rows->score + q * rows->k, filled * sizeof *rows->score);
    kept->filled[slot] = rows->filled[q];
}

static int keep_block(void *into, size_t first, const kin_rows *rows, kin_error *err)
{
    int rc = kin_rows_check(rows, err);
    for (size_t q = 0; rc == 0 && q < rows->count; q++)
        keep(into, first + q, rows, q);
    return rc;
}

/* The place of the first drawn item that is `row` or comes after it. */
static size_t first_from(const row_sample *self, size_t row)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((size_t)self->row[middle] < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int tee(void *sample, size_t first, const kin_rows *rows, kin_error *err)
{
    row_sample *self = sample;
    size_t end = first + rows->count;
    for (size_t slot = first_from(self, first); slot < self->count; slot++) {
        size_t row = (size_t)self->row[slot];
        if (row >= end)
            break;
        keep(&self->got, slot, rows, row - first);
    }
    return self->next.write(self->next.self, first, rows, err);
}

/* A row that was drawn; the others are not kept. */
static int read_drawn(void *sample, size_t query, kin_rows *out, size_t slot, kin_error *err)
{
    const row_sample *self = sample;
    size_t drawn = first_from(self, query);
    (void)err;
    if (drawn == self->count || (size_t)self->row[drawn] != query)
        return KIN_ROW_NOT_KEPT;
    keep(out, slot, &self->got, drawn);
    for (size_t m = 0; m < out->modality_count; m++)
        for (size_t e = 0; e < out->filled[slot]; e++)
            out->cosine[m][slot * out->k + e] = NAN;
    return 0;
}

static int read_next(void *sample, size_t query, kin_rows *out, size_t slot, kin_error *err)
{
    const row_sample *self = sample;
    return self->next.read(self->next.self, query, out, slot, err);
}

static void forget(row_sample *self, kin_rows *rows)
{
    rows->count = self->count;
    for (size_t q = 0; q < self->count; q++)
        rows->filled[q] = unwritten;
}

kin_row_sink kin_row_sample_tee(row_sample *self, kin_row_sink next)
{
    self->next = next;
    forget(self, &self->got);
    return (kin_row_sink){.self = self, .write = tee, .read = next.read ? read_next : read_drawn};
}

kin_row_sink kin_row_sample_sink(row_sample *self)
{
    forget(self, &self->got);
    return (kin_row_sink){.self = &self->got, .write = keep_block};
}

/* ---- exact rows ------------------------------------------------------------------------------ */

kin_stream_options kin_row_sample_stream(const kin_catalog *catalog, size_t k, size_t memory_bytes)
{
    kin_stream_options stream = {.top_k = k, .memory_bytes = memory_bytes};
    stream.micro_batch = kin_stream_micro_batch(&stream, catalog->n);
    for (; memory_bytes > 0 && stream.micro_batch > 1; stream.micro_batch /= 2) {
        kin_memory_plan plan;
        kin_stream_make_plan(&plan, catalog, catalog->n, &stream);
        if (plan.total_bytes <= memory_bytes / STREAM_SHARE)
            break;
    }
    return stream;
}

void kin_row_sample_make_plan(kin_memory_plan *out, const kin_catalog *catalog, size_t k,
                              size_t count, size_t memory_bytes)
{
    kin_stream_options stream = kin_row_sample_stream(catalog, k, memory_bytes);
    kin_stream_make_plan(out, catalog, count, &stream);
    kin_memory_plan_add(out, "sampled rows", 2, kin_rows_bytes(count, k, 0));
}

int kin_row_sample_compute(kin_rows *out, const kin_catalog *catalog, const int32_t *row,
                           size_t count, size_t memory_bytes, const kin_monitor *monitor,
                           kin_error *err)
{
    kin_stream_options stream = kin_row_sample_stream(catalog, out->k, memory_bytes);
    kin_stream_queries queries = {.row = row, .count = count};
    if (count == 0)
        return 0;
    return kin_stream_run(catalog, &queries, &stream, kin_rows_sink(out), monitor, err);
}

int kin_row_sample_exact(row_sample *self, const kin_monitor *monitor, kin_error *err)
{
    forget(self, &self->exact);
    return kin_row_sample_compute(&self->exact, self->catalog, self->row, self->count,
                                  self->memory_bytes, monitor, err);
}

int kin_row_sample_recall(row_sample *self, kin_recall_mean *out, const kin_recall_values *values,
                          kin_error *err)
{
    for (size_t q = 0; q < self->count; q++)
        if (self->got.filled[q] == unwritten || self->exact.filled[q] == unwritten)
            return kin_fail(err, KIN_E_INTERNAL, "report this as a bug",
                            "row %d was drawn and never written", self->row[q]);
    return kin_recall_measure_rows(out, values, &self->got, &self->exact, self->row, err);
}
