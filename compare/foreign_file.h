#ifndef KIN_COMPARE_FOREIGN_FILE_H
#define KIN_COMPARE_FOREIGN_FILE_H
/*
 * Neighbours as they lie in a file that something else wrote (for compare/foreign.c; docs/FORMATS.md has the bytes).
 *
 * Opening looks at sizes and learns where rows start; loading reads what may be compressed, and looks at every
 * entry. In between its owner plans the memory.
 */
#include "core/memory.h"
#include "core/zip.h"
#include <stdbool.h>
#include <string.h>

/* Members of an .npz that loading reads. */
enum { KIN_FOREIGN_INDICES, KIN_FOREIGN_DATA, KIN_FOREIGN_MEMBERS };

typedef struct kin_foreign_file kin_foreign_file;

struct kin_foreign_file {
    kin_file file;
    const char *format; /* "npz", "ivecs", "ibin" */
    size_t n;           /* rows, 1 .. INT32_MAX */
    size_t entries, longest;
    size_t top_k;   /* neighbours a row that the header claims; 0: none */
    int64_t *start; /* [n + 1] row i has the entries start[i] .. start[i + 1] - 1; owned */
    bool padded;    /* a row number of -1 stands for no neighbour */
    const unsigned char *neighbor; /* row numbers, kin_foreign_neighbor has the places */
    size_t width;                  /* bytes of one: 4 or 8 */
    size_t skip;                   /* bytes before each row's first one */
    const unsigned char *score;    /* [entries] the largest is a row's best; NULL: best first */
    size_t score_bytes;
    double (*score_value)(const unsigned char *score);
    kin_zip archive; /* of an .npz */
    kin_zip_entry member[KIN_FOREIGN_MEMBERS];
    size_t member_offset[KIN_FOREIGN_MEMBERS];           /* of the first value */
    unsigned char *member_data[KIN_FOREIGN_MEMBERS];     /* owned */
    int (*load)(kin_foreign_file *self, kin_error *err); /* of a format, or NULL */
};

/* Whether the name ends as that of a format. */
bool kin_foreign_file_is(const char *path);

/* Needs 8 bytes a row, and an .npz's indptr meanwhile: KIN_E_MEMORY where these are more than `memory_bytes`
 * (0: what the machine has). */
int kin_foreign_file_open(kin_foreign_file *self, const char *path, size_t memory_bytes,
                          kin_error *err);
void kin_foreign_file_close(kin_foreign_file *self);

/* Adds what an open file holds once it is loaded. */
void kin_foreign_file_plan(const kin_foreign_file *self, kin_memory_plan *plan);

/* KIN_E_DATA names the first entry, in the order of rows, that is no row number or has NaN for a score. */
int kin_foreign_file_load(kin_foreign_file *self, kin_error *err);

/* The row number in entry `entry`, which is of row `row`. */
static inline int64_t kin_foreign_neighbor(const kin_foreign_file *self, size_t row, size_t entry)
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

static inline double kin_foreign_score(const kin_foreign_file *self, size_t entry)
{
    return self->score_value(self->score + entry * self->score_bytes);
}

/* ---- what the formats share ------------------------------------------------------------------ */

/* Sets n, and makes room for the row starts beside `other_bytes` of something else. */
int kin_foreign_file_start(kin_foreign_file *self, size_t n, size_t other_bytes,
                           size_t memory_bytes, kin_error *err);

extern const char kin_foreign_cut_hint[];

/* Everything that opening has to do once the file is mapped. */
int kin_foreign_npz_open(kin_foreign_file *self, size_t memory_bytes, kin_error *err);
int kin_foreign_ibin_open(kin_foreign_file *self, size_t memory_bytes, kin_error *err);

#endif
