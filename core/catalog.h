#ifndef KIN_CORE_CATALOG_H
#define KIN_CORE_CATALOG_H
/*
 * The catalog: n items, each with one vector per modality, an id, and perhaps a line of a table.
 *
 * Opening reads every value once: it refuses NaN and Inf by file, row and column, takes the norms,
 * notes which items lack a modality (a zero row), hashes rows, and fingerprints the files. Who has
 * to look at all rows as well does it then (kin_row_visitor). Vectors stay in their mapped files;
 * what is held is 8 bytes an item and modality and 9 bytes an item, beside the ids. Afterwards the
 * catalog is const.
 */
#include "core/matrix.h"
#include "core/source.h"
#include "core/table.h"
#include <stdint.h>

/* What becomes of pairs where an item lacks a modality; S are the modalities both items have and
 * W is the sum of all weights. No policy gives a score to a pair with an empty S. */
typedef enum kin_missing {
    KIN_MISSING_RENORM, /* W * sum_S w cos / sum_S w */
    KIN_MISSING_ZERO,   /* sum_S w cos */
    KIN_MISSING_DROP,   /* an item that lacks one has no neighbours and is in no row */
    KIN_MISSING_ERROR,  /* opening the catalog fails */
} kin_missing;

typedef struct kin_modality {
    char name[KIN_NAME_MAX];
    double weight;
    kin_matrix matrix;
    double *inverse_norm; /* [n] 1 / |x|, 0 for a zero row; owned */
    size_t missing;       /* zero rows */
    kin_hash fingerprint; /* of the whole file (kin_matrix_fingerprint) */
} kin_modality;

typedef struct kin_catalog {
    size_t n;
    size_t modality_count; /* 1 .. KIN_MODALITIES_MAX */
    kin_modality modality[KIN_MODALITIES_MAX];
    kin_missing missing;
    uint8_t *present;   /* [n] bit m: the item has modality m; 0: takes part in no pair; owned */
    uint64_t *row_hash; /* [n] of the bytes of the modalities that the item has; owned, or NULL */
    kin_lines ids;      /* [n], unique, from --ids, else the table's id column, else row numbers */
    char *ids_path;     /* of --ids, for messages; NULL for row numbers or table ids; owned */
    kin_span ids_text;  /* where ids were given in memory: the caller's; text NULL: a file */
    kin_hash ids_fingerprint; /* of what ids_path names */
    bool ids_lacking;         /* there is a table, but neither a column of ids nor a file */
    kin_table items;          /* lines.count 0 where there is none */
    kin_hash items_fingerprint;
} kin_catalog;

/* Runs of rows that opening takes side by side: as many for any number of threads, so that what is
 * summed up by run and then over the runs has the same bits. */
enum { KIN_ROW_RUNS = 64 };

/* What looks at rows while they are read. The rows of a run come in order, on one thread. */
typedef struct kin_row_visitor {
    void *self;
    /* Before the rows of modality m, and after them if each of them can be used. */
    int (*begin)(void *self, size_t m, const kin_matrix *matrix, kin_error *err);
    int (*end)(void *self, size_t m, kin_error *err);
    /* A row's values, the sum of their squares, and XXH3 of its bytes. */
    void (*row)(void *self, size_t run, size_t row, const float *value, double square,
                uint64_t hash);
} kin_row_visitor;

/* What a catalog is opened from. The strings are the caller's. */
typedef struct kin_catalog_options {
    const kin_source *source; /* [source_count] */
    size_t source_count;
    const char *ids;        /* file or NULL */
    const kin_dir *ids_dir; /* NULL, or the folder that `ids` is the name of a file in */
    kin_span ids_text;      /* or ids in memory, an id a line; text NULL: none */
    const char *items;      /* file or NULL */
    const char *id_column;  /* of items; NULL: "id", if there is one */
    kin_missing missing;
    const kin_row_visitor *visitor; /* or NULL */
} kin_catalog_options;

/* Whether options that a caller filled can be opened at all: 1 to KIN_MODALITIES_MAX sources, each
 * as kin_source_check wants it. KIN_E_USAGE. The command's own are parsed and need no check. */
int kin_catalog_options_check(const kin_catalog_options *self, kin_error *err);

/* Opens and checks everything. On failure *self is closed. */
int kin_catalog_open(kin_catalog *self, const kin_catalog_options *options, kin_error *err);
void kin_catalog_close(kin_catalog *self);

/* Fingerprints every input file again: KIN_E_AGAIN when one has changed since the catalog was
 * opened. Reads with read(2), so that a file that shrank is an answer and not a signal. */
int kin_catalog_unchanged(const kin_catalog *self, kin_error *err);

/* Vectors stay in their mapped files, so who writes over a file in place changes what an engine
 * reads. What opening has excluded (a value that is not finite, a row of another length) is then
 * met all the same. This is what an engine makes of it: KIN_E_AGAIN when an input file has changed,
 * else KIN_E_INTERNAL, naming the row. */
int kin_catalog_fail_row(const kin_catalog *self, size_t row, kin_error *err);

/* The outcome `rc` of work on the catalog, or KIN_E_AGAIN in its place when it is KIN_E_INTERNAL
 * and an input file has changed: libraries fail in ways of their own on values that cannot be. */
int kin_catalog_settle(const kin_catalog *self, int rc, kin_error *err);

/* KIN_E_DATA where rows of K neighbours need more than `n` items; a catalog of one item has none
 * for any K. */
int kin_top_k_check(size_t top_k, size_t n, kin_error *err);

/* The number of items that lack at least one modality. */
size_t kin_catalog_incomplete(const kin_catalog *self);

/* The sum of all weights, W. */
double kin_catalog_weight_sum(const kin_catalog *self);

/* The sum of all modalities' dimensions. */
size_t kin_catalog_dimensions(const kin_catalog *self);

/* The names of the policies, in the order of kin_missing, ended by NULL. */
extern const char *const kin_missing_names[];

#endif
