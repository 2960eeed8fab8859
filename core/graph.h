#ifndef KIN_CORE_GRAPH_H
#define KIN_CORE_GRAPH_H
/*
 * A similarity graph on disk: the folder that `kin build` writes (docs/FORMATS.md).
 *
 * The CSR arrays indptr, indices and data: row i's neighbours are the entries indptr[i] ..
 * indptr[i + 1] - 1. They are members of graph.npz, which scipy.sparse.load_npz reads, stored and
 * aligned (core/zip_stored.h), so that they are mapped there; or files of their own beside it, as
 * with --arrays and in older folders. scores_<modality>.npy holds the cosines of the same entries
 * as float16.
 */
#include "core/hashed_file.h"
#include "core/rows.h"
#include <jansson.h>

/* How a row's entries lie in the files: names of kin_row_order (kin/kin.h), ended by NULL. */
extern const char *const kin_row_order_names[];

/* ---- writing --------------------------------------------------------------------------------- */

/* Keeps finished rows in a row log (core/rowlog.h), from any thread and in any order, and lays the
 * arrays out from it in the end, front to back. */
typedef struct kin_graph_writer kin_graph_writer;

typedef struct kin_graph_writer_options {
    const char *directory; /* an existing folder */
    size_t n, k;
    const kin_catalog *catalog; /* names and weights of modalities; outlives the writer */
    kin_row_order order;
    bool arrays;         /* indices, data and indptr as files of their own as well */
    size_t memory_bytes; /* for rows until they are laid out; what is needed is taken anyway */
} kin_graph_writer_options;

/* Creates the files and takes their room on the disk: KIN_E_IO where it has not that much, also for
 * the rows that memory does not hold. */
int kin_graph_writer_new(kin_graph_writer **out, const kin_graph_writer_options *options,
                         kin_error *err);

/* With all rows full: bytes of memory; of the files on the disk; and of rows that are there until
 * they are laid out. */
typedef struct kin_graph_writer_needs {
    size_t memory_bytes, file_bytes, log_bytes;
} kin_graph_writer_needs;
kin_graph_writer_needs kin_graph_writer_plan(const kin_graph_writer_options *options);

/* The sink that engines write to. Its queries are the graph's rows; they can be read back. */
kin_row_sink kin_graph_writer_sink(kin_graph_writer *self);

/* As new: for an engine that runs again, before anything is finished. */
void kin_graph_writer_restart(kin_graph_writer *self);

/* What a finished graph amounts to. */
typedef struct kin_graph_totals {
    size_t pairs;
    size_t items_with_neighbors;
} kin_graph_totals;

/* Lays the arrays out, and lists the files with their fingerprints in *written. Every row must have
 * been written. */
int kin_graph_writer_finish(kin_graph_writer *self, kin_graph_totals *totals, kin_written *written,
                            kin_error *err);

void kin_graph_writer_free(kin_graph_writer *self);

/* ---- reading --------------------------------------------------------------------------------- */

/* A graph: its arrays mapped, or in memory (compare/memory_graph.h, compare/import.h). Const after
 * opening. */
typedef struct kin_graph {
    size_t n;
    size_t pairs;
    size_t k; /* manifest's top_k, below n: no row is longer */
    kin_row_order order;
    int64_t *indptr;        /* [n + 1]; owned */
    const int32_t *indices; /* [pairs] */
    const float *data; /* [pairs] fused scores; NULL of an imported graph: entries are best first */
    size_t modality_count;
    char modality[KIN_MODALITIES_MAX][KIN_NAME_MAX];
    const uint16_t *cosine[KIN_MODALITIES_MAX]; /* [pairs] float16 bits; NULL where it has none */
    kin_lines ids;                              /* [n] */
    kin_table items;                            /* lines.count 0 where there is no items.tsv */
    bool names_borrowed; /* ids and items are another graph's, which outlives it */
    json_t *manifest;    /* owned; "engine" by its name of today (docs/FORMATS.md, Graph) */
    char *directory;     /* without slashes at its end; owned */
    kin_dir dir;         /* the folder itself; not open where the arrays lie in no file */
    char inside[16];     /* "graph.npz: " where the CSR arrays are its members, for messages */
    kin_file file[4 + KIN_MODALITIES_MAX];
    void *in_memory[2 + KIN_MODALITIES_MAX]; /* arrays that are not mapped; owned */
} kin_graph;

/* Opens a folder that kin build wrote; checks shapes, ranges (indices in [0, n), indptr
 * ascending) and that the arrays belong together, not the checksums (kin verify does). */
int kin_graph_open(kin_graph *self, const char *directory, kin_error *err);

/* The same of a folder whose other files are read too. */
int kin_graph_open_in(kin_graph *self, const kin_dir *dir, kin_error *err);
void kin_graph_close(kin_graph *self);

/* Refuses (KIN_E_DATA) scores that are NaN or infinite: they would be better or worse than any
 * other. Reads all of them. The graph has data. */
int kin_graph_check_scores(const kin_graph *self, kin_error *err);

/* Gives back the memory of the pages that hold these entries of mapped arrays: for who reads all of
 * them once, in order. */
void kin_graph_forget(const kin_graph *self, size_t first, size_t count);

/* One neighbour of a row. */
typedef struct kin_neighbor {
    int32_t row;
    float score;
    size_t entry; /* index into data and cosine */
} kin_neighbor;

/* The order of a row, for qsort: score descending, then row number. */
int kin_neighbor_best_first(const void *a, const void *b);

/* The neighbours of `row`, best first whatever the order on disk, into out[0 .. k); scores are NaN
 * where the graph has none. Returns their number. */
size_t kin_graph_row(const kin_graph *self, size_t row, kin_neighbor *out /* [k] */);

#endif
