#ifndef KIN_CORE_SOURCE_H
#define KIN_CORE_SOURCE_H
/*
 * The source of a modality, NAME=FILE[:WEIGHT]: its name, the file of its vectors and its weight.
 */
#include "core/dir.h"
#include "core/error.h"

enum { KIN_MODALITIES_MAX = 8, KIN_NAME_MAX = 32 };

/* Weights outside this range would leave single precision no digits for the lighter modality. */
#define KIN_WEIGHT_MIN 1e-6
#define KIN_WEIGHT_MAX 1e6

/* Where a modality comes from, as the command line says it: NAME=FILE[:WEIGHT]. */
typedef struct kin_source {
    char name[KIN_NAME_MAX];       /* 1..31 of A-Z a-z 0-9 _ -, as it becomes part of file names */
    char *path;                    /* owned */
    const kin_dir *dir;            /* NULL, or the folder that `path` is the name of a file in */
    const struct kin_array *array; /* NULL, or the vectors, in no file (core/matrix.h); borrowed */
    double weight;                 /* KIN_WEIGHT_MIN .. KIN_WEIGHT_MAX, 15 digits; 1 if not given */
} kin_source;

/* Parses "text=text.npy:0.6", "text.npy" (name from the stem), ... KIN_E_USAGE names the fault. */
int kin_source_parse(kin_source *out, const char *text, kin_error *err);
void kin_source_release(kin_source *self);

/* The weight with 15 digits, which a manifest holds exactly. */
double kin_weight_round(double weight);

/* Whether a source that a caller filled keeps to what its fields may be: KIN_E_USAGE names the
 * modality and the field. */
int kin_source_check(const kin_source *self, kin_error *err);

#endif
