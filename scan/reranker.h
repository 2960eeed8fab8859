#ifndef KIN_SCAN_RERANKER_H
#define KIN_SCAN_RERANKER_H
/*
 * The reranker: the candidates that similar rows have collected, scored canonically
 * (core/score.h), and the K best of each row. This is what makes a candidate exact.
 *
 * Similar rows have candidates in common. So pairs are scored a few candidates at a time, for all
 * rows that request them: each candidate is read from memory and converted once, and a row is read
 * from the second-level cache once for all of the few. Scores have the same bits either way,
 * because the canonical score of x and y is that of y and x.
 */
#include "core/score.h"
#include "scan/collector.h"

/* The workspace of one thread, for up to `rows` rows at a time. The catalog has to outlive it. */
typedef struct kin_reranker kin_reranker;
int kin_reranker_new(kin_reranker **out, const kin_catalog *catalog, size_t k, size_t capacity,
                     size_t rows, kin_error *err);
void kin_reranker_free(kin_reranker *self);

/* The number of rows that fits the cache, and the bytes of a workspace for `rows`. */
size_t kin_reranker_rows_good(const kin_catalog *catalog, size_t capacity);
size_t kin_reranker_bytes(const kin_catalog *catalog, size_t k, size_t capacity, size_t rows);

/* Reranks `count` rows, at most as many as it was made for: collectors first .. first + count -
 * 1, of the catalog's rows row[0 .. count). The block is the reranker's until its next run. Adds
 * the number of pairs scored to *pairs. */
const kin_rows *kin_reranker_run(kin_reranker *self, kin_collectors *collectors, size_t first,
                                 const int32_t *row, size_t count, uint64_t *pairs);

#endif
