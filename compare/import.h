#ifndef KIN_COMPARE_IMPORT_H
#define KIN_COMPARE_IMPORT_H
/*
 * Graphs that another program wrote, read so that they are measured like kin's: FAISS's, hnswlib's,
 * the old Python job's.
 *
 *     .npz     what scipy.sparse.save_npz writes of a CSR matrix, n x n: int32 or int64 indptr and
 *              indices, float32 or float64 data, compressed or not; a row's best is the largest
 *     .ivecs   n times: i32 k, k i32 row numbers, best first
 *     .ibin    u32 n, u32 k, n * k i32 row numbers, best first; scores or distances may follow
 *              and are not read
 *
 * Row i is item i. A row number of -1 is padding. The item itself, repeated neighbours and pairs
 * that have no score are left out and counted. The graph's k is what the file has capacity for, not
 * what is left: rows from which something was left out are short.
 */
#include "core/catalog.h"
#include "core/graph.h"

typedef struct kin_import_report {
    size_t entries;                             /* in the file */
    size_t padding, to_self, repeated, no_pair; /* of these, left out */
    size_t top_k; /* neighbours a row by the header (.ibin); 0: it has none */
} kin_import_report;

/* Whether the name ends as one of these files. */
bool kin_import_is_path(const char *path);

/* Reads `path`. `ids` (a file of one id a line, NULL: row numbers). With a catalog, whose rows are
 * the file's, scores and cosines are computed canonically (core/score.h) and order the rows;
 * without one the graph has no scores. The manifest is {"kind": "graph", "engine": "imported",
 * "options": {"top_k": graph's k}, "modalities": [...]}, the latter as the catalog has them.
 * KIN_E_DATA names file, row and value of what is wrong; KIN_E_MEMORY before more is taken than
 * `memory_bytes` (0: what the machine has). */
int kin_import_open(kin_graph *out, kin_import_report *report, const char *path, const char *ids,
                    const kin_catalog *catalog, size_t memory_bytes, kin_error *err);

#endif
