#ifndef KIN_TOOLS_GEN_GEN_CATALOG_H
#define KIN_TOOLS_GEN_GEN_CATALOG_H
/*
 * A generated catalog as a folder: NAME.npy for each modality, ids.txt, manifest.json.
 *
 * Rows come from the model (tools/gen/gen.h) or from a real catalog (tools/gen/gen_mix.h). The
 * bytes of the vectors are the same for any number of threads; memory does not grow with the items.
 * Use: open, write, commit with a manifest, release.
 */
#include "core/catalog.h"
#include "core/manifest.h"
#include "core/monitor.h"
#include "core/outdir.h"
#include "tools/gen/gen.h"
#include "tools/gen/gen_mix.h"

typedef struct kin_gen_catalog_options {
    size_t items; /* n, 1 .. 2^31 - 1 */
    const char *const
        *modality;         /* [modality_count] "NAME=DIMENSIONS"; with `from` NAME or NAME=FILE */
    size_t modality_count; /* 0: with `from` all that it holds */
    const char *from;      /* a folder whose catalog is enlarged; NULL: rows of the model */
    const char *out;       /* the new folder */
    bool force;            /* whether an existing catalog there is replaced */
    kin_dtype dtype;       /* KIN_F32 or KIN_F16 */
    kin_gen_options model; /* without `from`; items, modality_count and dims are filled in */
    kin_mix_options mix;   /* with `from`; items is filled in */
} kin_gen_catalog_options;

typedef struct kin_gen_catalog {
    const kin_gen_catalog_options *options; /* the caller's, until release */
    size_t count;                           /* modalities */
    char name[KIN_MODALITIES_MAX][KIN_NAME_MAX];
    size_t dims[KIN_MODALITIES_MAX]; /* d */
    kin_gen *model;                  /* without `from`; owned */
    kin_mix *mix;                    /* with it; owned */
    kin_catalog real;                /* with it */
    kin_outdir out;                  /* unfinished until it is committed */
} kin_gen_catalog;

/* Begins the folder, and draws the model or orders the real items. KIN_E_USAGE for modalities that
 * are missing, doubled or out of range; KIN_E_CANTOUT where `out` is `from`. Release it in any
 * case. */
int kin_gen_catalog_open(kin_gen_catalog *self, const kin_gen_catalog_options *options,
                         const kin_monitor *monitor, kin_error *err);

/* Writes the vectors and the ids. KIN_E_AGAIN where the real catalog changed meanwhile. */
int kin_gen_catalog_write(kin_gen_catalog *self, const kin_monitor *monitor, kin_error *err);

/* What the manifest says of the catalog: kind, format, items, real_items, modalities. New
 * reference. */
json_t *kin_gen_catalog_manifest(const kin_gen_catalog *self);

void kin_gen_catalog_release(kin_gen_catalog *self);

#endif
