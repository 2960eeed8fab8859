#ifndef KIN_CORE_ROWS_H
#define KIN_CORE_ROWS_H
/*
 * Finished rows: what every engine produces, block by block, and where they go.
 *
 * An engine fills a kin_rows with the neighbours of some consecutive queries and hands it to a
 * sink; it never knows whether that is a file, an array or a network.
 */
#include "core/catalog.h"
#include "core/monitor.h"

/* The neighbours of `count` queries, at most k each, best first: score descending, then row
 * number ascending. Query q of the block has its entries at q * k .. q * k + filled[q] - 1. */
typedef struct kin_rows {
    size_t count;
    size_t capacity; /* queries that fit */
    size_t k;
    size_t modality_count;
    uint32_t sequence; /* which pass made them, from 0: where rows are kept, a later one's rows
                        * replace an earlier one's */
    uint32_t *filled;  /* [capacity] neighbours found, 0 .. k */
    int32_t *neighbor; /* [capacity][k] row numbers of the catalog */
    float *score;      /* [capacity][k] canonical fused scores */
    float *cosine[KIN_MODALITIES_MAX]; /* [capacity][k] per modality; NaN where one lacks it */
} kin_rows;

/* Room for `capacity` queries. */
int kin_rows_init(kin_rows *self, size_t capacity, size_t k, size_t modality_count, kin_error *err);
void kin_rows_release(kin_rows *self);

/* Bytes that kin_rows_init takes. */
size_t kin_rows_bytes(size_t capacity, size_t k, size_t modality_count);

/* KIN_E_INTERNAL when a score is not finite. Scores are made of vectors in mapped files: the caller
 * asks kin_catalog_settle. */
int kin_rows_check(const kin_rows *self, kin_error *err);

/* `count` of the rows from `first` on, as a block of their own that owns nothing. */
kin_rows kin_rows_part(const kin_rows *self, size_t first, size_t count);

/* Orders row numbers (int32_t), for qsort and bsearch. */
int kin_row_ascending(const void *a, const void *b);

/* Takes the rows of queries first .. first + rows->count - 1, in the engine's numbering of its
 * queries. Blocks may come in any order and from several threads at a time, each query once for
 * each sequence number. The rows are the engine's and are reused after the call. */
enum { KIN_ROW_NOT_KEPT = 1 };
typedef struct kin_row_sink {
    void *self;
    int (*write)(void *self, size_t first, const kin_rows *rows, kin_error *err);
    /* The row of `query` as it was written last, into query `slot` of the block; cosines may be
     * rounded to float16. KIN_ROW_NOT_KEPT: the sink has no use for that row. From any thread.
     * NULL: rows cannot be read back. */
    int (*read)(void *self, size_t query, kin_rows *out, size_t slot, kin_error *err);
} kin_row_sink;

/* A sink that keeps everything in memory, for a few rows: writes block `first` to the same place
 * of `all`, a kin_rows with room for all queries. Cosines only where `all` was made for them. */
kin_row_sink kin_rows_sink(kin_rows *all);

#endif
