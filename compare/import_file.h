#ifndef KIN_COMPARE_IMPORT_FILE_H
#define KIN_COMPARE_IMPORT_FILE_H
/*
 * Neighbours as they lie in an imported file (for compare/import.c; docs/FORMATS.md has the bytes).
 *
 * Opening checks sizes and finds where rows start; loading reads what may be compressed, and checks
 * every entry. In between its owner plans the memory.
 */
#include "core/memory.h"
#include "core/zip.h"
#include <stdbool.h>
#include <string.h>

/* Members of an .npz that loading reads. */
enum { KIN_IMPORT_INDICES, KIN_IMPORT_DATA, KIN_IMPORT_MEMBERS };

typedef struct kin_import_file kin_import_file;

struct kin_import_file {
    kin_file file;
    const char *format; /* "npz", "ivecs", "ibin" */
    size_t n;           /* rows, 1 .. INT32_MAX */
    size_t entries, longest;
    size_t top_k;   /* neighbours a row that the header claims; 0: none */
    int64_t *start; /* [n + 1] row i has the entries start[i] .. start[i + 1] - 1; owned */
    bool padded;    /* a row number of -1 stands for no neighbour */
    const unsigned char *neighbor; /* row numbers, kin_import_neighbor has the places */
    size_t width;                  /* bytes of one: 4 or 8 */
    size_t skip;                   /* bytes before each row's first one */
    const unsigned char *score;    /* [entries] the largest is a row's best; NULL: best first */
    size_t score_bytes;
    double (*score_value)(const unsigned char *score);
    kin_zip archive; /* of an .npz */
    kin_zip_entry member[KIN_IMPORT_MEMBERS];
    size_t member_offset[KIN_IMPORT_MEMBERS];           /* of the first value */
    unsigned char *member_data[KIN_IMPORT_MEMBERS];     /* owned */
    int (*load)(kin_import_file *self, kin_error *err); /* of a format, or NULL */
};

void kin_import_file_close(kin_import_file *self);

/* Adds what an open file holds once it is loaded. */
void kin_import_file_plan(const kin_import_file *self, kin_memory_plan *plan);

/* KIN_E_DATA names the first entry, in the order of rows, that is no row number or has NaN for a
 * score. */
int kin_import_file_load(kin_import_file *self, kin_error *err);

/* The row number in entry `entry`, which is of row `row`. */
static inline int64_t kin_import_neighbor(const kin_import_file *self, size_t row, size_t entry)
{
    const unsigned char *place = self->neighbor + entry * self->width + row * self->skip;
    int64_t wide;
    int32_t narrow;
    if (self->width == sizeof wide) {
        memcpy(&wide, place, sizeof wide);
        return wide;
    }
    memcpy(&narrow, place, sizeof narrow);
    return narrow;
}

static inline double kin_import_score(const kin_import_file *self, size_t entry)
{
    return self->score_value(self->score + entry * self->score_bytes);
}

/* ---- what the formats share ------------------------------------------------------------------ */

/* Sets n, and allocates the row starts beside `other_bytes` of something else. */
int kin_import_file_start(kin_import_file *self, size_t n, size_t other_bytes, size_t memory_bytes,
                          kin_error *err);

extern const char kin_import_cut_hint[];

/* Everything that opening has to do once self->file is mapped. */
int kin_import_ivecs_open(kin_import_file *self, size_t memory_bytes, kin_error *err);
int kin_import_npz_open(kin_import_file *self, size_t memory_bytes, kin_error *err);
int kin_import_ibin_open(kin_import_file *self, size_t memory_bytes, kin_error *err);

#endif
