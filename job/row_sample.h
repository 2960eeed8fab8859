#ifndef KIN_JOB_ROW_SAMPLE_H
#define KIN_JOB_ROW_SAMPLE_H
/*
 * Random items, their exact rows, and the rows that an engine found for them: what effort is chosen
 * by and what a build is evaluated by.
 *
 * Items that take part in no pair are never drawn: their rows are empty by definition. Drawing is
 * without replacement, by counter: the same seed, purpose and round give the same items whatever
 * the threads. Exact rows come from `stream`, which has nothing in common with the engines that it
 * evaluates. Memory: 16 K bytes an item drawn, and what stream takes for its micro-batch.
 */
#include "compare/recall.h"
#include "exact/stream.h"

/* Uses of the seed. Samples of different purposes or rounds are independent of each other. */
enum {
    ROW_SAMPLE_TUNE = 0x74756e,
    ROW_SAMPLE_EVALUATION = 0x6a7564,
    ROW_SAMPLE_TRACE = 0x747263,
    ROW_SAMPLE_SWEEP = 0x737765,
};

typedef struct row_sample {
    const kin_catalog *catalog;
    size_t k, count;
    size_t memory_bytes; /* budget, 0: what the machine has */
    int32_t *row;        /* [count] ascending; owned */
    kin_rows got;        /* [count] row numbers and scores alone, as the engine gave them */
    kin_rows exact;      /* [count] the same of the exact rows */
    kin_row_sink next;   /* where row_sample_tee passes blocks */
} row_sample;

typedef struct row_sample_options {
    size_t k;
    size_t count; /* items wanted, at most those that row_sample_population counts less `without` */
    uint64_t seed, purpose, round;
    const int32_t *without; /* [without_count] ascending: items not to draw */
    size_t without_count;
    size_t memory_bytes;
} row_sample_options;

/* How many items take part in pairs. */
size_t kin_row_sample_population(const kin_catalog *catalog);

/* The items alone, ascending: returns how many. */
size_t kin_row_sample_draw(int32_t *row /* [options->count] */, const kin_catalog *catalog,
                           const row_sample_options *options);

/* Draws; the catalog must outlive the sample. On failure *self is released. */
int kin_row_sample_init(row_sample *self, const kin_catalog *catalog,
                        const row_sample_options *options, kin_error *err);
void kin_row_sample_release(row_sample *self);

/* A sink for all rows of the catalog: passes every block to `next` and keeps the drawn items' rows.
 * As any sink it takes blocks in any order and from several threads. What was kept before is
 * forgotten. Where `next` cannot be read, the drawn items' rows can, without cosines. */
kin_row_sink kin_row_sample_tee(row_sample *self, kin_row_sink next);

/* A sink for the drawn items' rows alone: query q is row[q]. */
kin_row_sink kin_row_sample_sink(row_sample *self);

/* How `stream` is asked for exact rows: with its own micro-batch, or with one that takes at most an
 * eighth of the budget. */
kin_stream_options kin_row_sample_stream(const kin_catalog *catalog, size_t k, size_t memory_bytes);

/* What a sample of `count` items holds with its exact rows under way, for memory plans. */
void kin_row_sample_make_plan(kin_memory_plan *out, const kin_catalog *catalog, size_t k,
                              size_t count, size_t memory_bytes);

/* The exact rows of items row[0 .. count), out->k neighbours each, into *out, which has room for
 * them: what every comparison with the truth is made of. */
int kin_row_sample_compute(kin_rows *out, const kin_catalog *catalog,
                           const int32_t *row /* [count] */, size_t count, size_t memory_bytes,
                           const kin_monitor *monitor, kin_error *err);

/* Fills self->exact. */
int kin_row_sample_exact(row_sample *self, const kin_monitor *monitor, kin_error *err);

/* The recall of `got` against `exact`; `values` have room for `count` and receive those of the
 * out->evaluated rows. KIN_E_INTERNAL where the engine left a row out. */
int kin_row_sample_recall(row_sample *self, kin_recall_mean *out, const kin_recall_values *values,
                          kin_error *err);

#endif
