#ifndef KIN_SUPPORT_JOIN_KEPT_H
#define KIN_SUPPORT_JOIN_KEPT_H
/*
 * A join with what it keeps in a folder, for the programs that test ann/join_file.
 */
#include "join_run.h"
#include <jansson.h>

enum { KEPT_K = 12 };
extern const kin_join_options kept_asked; /* what joins are asked unless something else is said */

/* Two modalities with gaps, of which a quarter of the rows stands twice. */
sample_spec kept_spec(double weight);

/* A tuned join and what it keeps in a folder. */
typedef struct kept {
    sample s;
    kin_join *join;
    json_t *manifest;
    char *folder;
    size_t rows, clusters;
    int32_t *row, *start; /* [rows], [clusters + 1] as saved */
} kept;

/* Makes a sample, tunes a join for it and saves it in a folder of this name. */
void kept_make(kept *self, const sample_spec *spec, const char *name);
void kept_release(kept *self);

/* Saves once more; the manifest goes through its text, as a file would make it. */
void kept_save(kept *self);

/* A new join that loads what was kept; tells whether the effort served. The caller frees. */
kin_join *kept_load(const kept *self, const sample *s, const kin_join_options *options,
                    bool *tuned);

#endif
