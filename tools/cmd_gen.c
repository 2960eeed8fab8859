/*
 * `kin gen`: a synthetic catalog, or a real one enlarged, as a folder of <modality>.npy, ids.txt
 * and manifest.json. The model is tools/gen/gen.h's; here are its options, the files, and their
 * manifest. The same bytes for any number of threads; memory does not grow with the items.
 */
#include "core/json.h"
#include "core/manifest.h"
#include "core/memory.h"
#include "core/outdir.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/gen/gen.h"
#include "tools/gen/gen_from.h"
#include "tools/gen/gen_write.h"
#include "tools/shared_options.h"
#include "tools/shell.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const dtype_names[] = {"float32", "float16", NULL};
static const kin_dtype dtypes[] = {KIN_F32, KIN_F16};

typedef struct gen_options {
    command_common common;
    int64_t items;
    kin_text_list modality;
    const char *out;
    bool force;
    const char *from;
    int dtype;
    int64_t seed;
    int64_t clusters;
    kin_gen_options model;
    kin_mix_options mix;
    int64_t reach;
} gen_options;

static const gen_options gen_defaults = {
    .seed = 1, .model = KIN_GEN_OPTIONS_INIT, .mix = KIN_MIX_OPTIONS_INIT, .reach = 8};

#define FIELD(name) offsetof(gen_options, name)

static const kin_option gen_option[] = {
    {.name = "items",
     .type = KIN_OPTION_INT,
     .offset = FIELD(items),
     .min = 1,
     .max = 2147483647,
     .unit = "N",
     .default_text = "none, it must be given",
     .help = "items of the catalog"},
    {.name = "modality",
     .type = KIN_OPTION_LIST,
     .offset = FIELD(modality),
     .unit = "NAME=D",
     .help = "a modality and its dimensions; with --from: NAME or NAME=FILE in "
             "that folder"},
    OPTION_OUT(FIELD(out)),
    OPTION_FORCE(FIELD(force)),
    {.name = "from",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(from),
     .unit = "DIR",
     .run_only = true,
     .help = "enlarge the catalog of this folder instead: its rows first, then mixes of near ones"},
    {.name = "dtype",
     .type = KIN_OPTION_CHOICE,
     .offset = FIELD(dtype),
     .choices = dtype_names,
     .help = "of the values"},
    {.name = "seed",
     .type = KIN_OPTION_INT,
     .offset = FIELD(seed),
     .min = 0,
     .max = 0x1p63,
     .unit = "S",
     .help = "of everything random"},
    {.name = "clusters",
     .type = KIN_OPTION_INT,
     .offset = FIELD(clusters),
     .min = 0,
     .max = 1000000,
     .unit = "N",
     .default_text = "1.5 sqrt(items)",
     .help = "number of clusters; fewer is easier for inverted lists"},
    {.name = "zipf",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(model.zipf),
     .min = 0,
     .max = 4,
     .unit = "X",
     .help = "the k-th largest cluster has a share of k^-X"},
    {.name = "heredity",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(model.heredity),
     .min = 0,
     .max = 1,
     .unit = "X",
     .help = "share of a cluster centre that comes from its parent"},
    {.name = "agreement",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(model.agreement),
     .min = 0,
     .max = 1,
     .unit = "X",
     .help = "chance that a later modality has the first one's cluster"},
    {.name = "shared",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(model.shared),
     .min = 0,
     .max = 1,
     .unit = "X",
     .help = "correlation between modalities inside a cluster"},
    {.name = "missing-share",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(model.missing_share),
     .min = 0,
     .max = 0.1,
     .unit = "X",
     .help = "share of items without each modality after the first"},
    {.name = "duplicate-share",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(model.duplicate_share),
     .min = 0,
     .max = 0.9,
     .unit = "X",
     .help = "share of items whose first modality repeats another item's"},
    {.name = "noise",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(mix.noise),
     .min = 0,
     .max = 2,
     .unit = "X",
     .help = "--from: length of the noise, in distances between the mixed items"},
    {.name = "repeat-share",
     .type = KIN_OPTION_REAL,
     .offset = FIELD(mix.repeat_share),
     .min = 0,
     .max = 1,
     .unit = "X",
     .help = "--from: share of new rows that repeat a real one"},
    {.name = "reach",
     .type = KIN_OPTION_INT,
     .offset = FIELD(reach),
     .min = 1,
     .max = 1024,
     .unit = "N",
     .help = "--from: how far apart in the order of likeness mixed items may be"},
    KIN_OPTIONS_END,
};

/* One run: where rows come from, and what the folder will hold. */
typedef struct generator {
    gen_options options;
    size_t count; /* modalities */
    char name[KIN_MODALITIES_MAX][KIN_NAME_MAX];
    size_t dims[KIN_MODALITIES_MAX];
    kin_gen *model;      /* without --from */
    kin_mix *mix;        /* with it */
    kin_catalog catalog; /* with it */
    kin_outdir out;
} generator;

static int model_rows(void *self, size_t modality, size_t first, size_t count, float *out,
                      kin_error *err)
{
    (void)err;
    kin_gen_rows(((generator *)self)->model, modality, first, count, out);
    return 0;
}

static int mix_rows(void *self, size_t modality, size_t first, size_t count, float *out,
                    kin_error *err)
{
    return kin_gen_mix_rows(((generator *)self)->mix, modality, first, count, out, err);
}

static void real_row(void *self, size_t modality, size_t row, float *out)
{
    kin_matrix_widen(&((kin_catalog *)self)->modality[modality].matrix, row, 1, out);
}

/* "text=384" into the next modality. */
static int add_modality(generator *self, const char *text, kin_error *err)
{
    static const char hint[] = "write --modality NAME=DIMENSIONS, for example text=384";
    kin_source source;
    if (self->count == KIN_MODALITIES_MAX)
        return kin_fail(err, KIN_E_USAGE, hint, "more than %d modalities", KIN_MODALITIES_MAX);
    int rc = kin_source_parse(&source, text, err);
    if (rc != 0)
        return rc;
    char *end;
    long d = strtol(source.path, &end, 10);
    bool plain = strchr(text, '=') &&
                 strchr(text, '=')[1 + strspn(strchr(text, '=') + 1, "0123456789")] == '\0';
    if (!plain || d < 1 || d > KIN_DIMENSIONS_MAX)
        rc = kin_fail(err, KIN_E_USAGE, hint, "--modality %s: dimensions must be 1 to %d", text,
                      KIN_DIMENSIONS_MAX);
    for (size_t m = 0; m < self->count && rc == 0; m++)
        if (strcmp(self->name[m], source.name) == 0)
            rc = kin_fail(err, KIN_E_USAGE, hint, "two modalities are named '%s'", source.name);
    if (rc == 0) {
        memcpy(self->name[self->count], source.name, sizeof source.name);
        self->dims[self->count++] = (size_t)d;
    }
    kin_source_release(&source);
    return rc;
}

static int start_model(generator *self, kin_error *err)
{
    const gen_options *o = &self->options;
    kin_gen_options model = o->model;
    int rc = 0;
    if (o->modality.count == 0)
        return kin_fail(err, KIN_E_USAGE, "for example --modality text=384 --modality image=512",
                        "--modality is missing");
    for (size_t i = 0; i < o->modality.count && rc == 0; i++)
        rc = add_modality(self, o->modality.item[i], err);
    if (rc != 0)
        return rc;
    model.items = (size_t)o->items;
    model.seed = (uint64_t)o->seed;
    model.clusters = (size_t)o->clusters;
    model.modality_count = self->count;
    memcpy(model.dims, self->dims, sizeof self->dims);
    return kin_gen_new(&self->model, &model, err);
}

/* The catalog in --from: all its files out of one folder, also where it is replaced meanwhile. */
static int open_real(generator *self, size_t *count, kin_error *err)
{
    const gen_options *o = &self->options;
    kin_source source[KIN_MODALITIES_MAX];
    kin_dir dir;
    int rc = kin_dir_open(&dir, o->from, err);
    if (rc != 0)
        return rc;
    rc = gen_from_sources(source, count, &dir, &o->modality, err);
    if (rc == 0) {
        kin_catalog_options from = {.source = source, .source_count = *count};
        rc = kin_catalog_open(&self->catalog, &from, err);
        command_sources_release(source, *count);
    }
    rc = kin_dir_settle(&dir, rc, err);
    kin_dir_close(&dir);
    return rc;
}

static int start_mix(generator *self, kin_error *err)
{
    const gen_options *o = &self->options;
    size_t count;
    int rc = open_real(self, &count, err);
    if (rc != 0)
        return rc;
    kin_mix_options mix = o->mix;
    mix.items = (size_t)o->items;
    mix.seed = (uint64_t)o->seed;
    mix.reach = (size_t)o->reach;
    kin_mix_source real = {&self->catalog, real_row, self->catalog.n, count, {0}};
    self->count = count;
    for (size_t m = 0; m < count; m++) {
        memcpy(self->name[m], self->catalog.modality[m].name, KIN_NAME_MAX);
        self->dims[m] = real.dims[m] = self->catalog.modality[m].matrix.d;
        console_info("Modality %s: %s (%zu x %zu)", self->name[m],
                     self->catalog.modality[m].matrix.file.path, self->catalog.n, self->dims[m]);
    }
    return kin_mix_new(&self->mix, &real, &mix, err);
}

static int write_files(generator *self, kin_error *err)
{
    const gen_options *o = &self->options;
    gen_rows source = {self, o->from ? mix_rows : model_rows};
    size_t n = (size_t)o->items;
    console_monitor progress;
    kin_monitor monitor = console_monitor_start(&progress, n * self->count);
    int rc = 0;
    for (size_t m = 0; m < self->count && rc == 0; m++) {
        char *path = kin_text("%s/%s.npy", self->out.temporary, self->name[m]);
        rc = path ? gen_write_matrix(path, source, m, n, self->dims[m], dtypes[o->dtype], &monitor,
                                     n * m, n * self->count, err)
                  : kin_fail_alloc(err, "path", 0);
        free(path);
    }
    console_monitor_end(&progress);
    if (rc == 0)
        rc = gen_write_ids(self->out.temporary, n, err);
    /* a value that does not fit may be of another file */
    if (o->from && (rc == 0 || rc == KIN_E_DATA)) {
        int changed = kin_catalog_unchanged(&self->catalog, err);
        rc = changed ? changed : rc;
    }
    return rc;
}

static json_t *make_manifest(const generator *self, double start)
{
    const gen_options *o = &self->options;
    json_t *modalities = json_array();
    for (size_t m = 0; m < self->count; m++) {
        char file[KIN_NAME_MAX + 8];
        snprintf(file, sizeof file, "%s.npy", self->name[m]);
        json_t *entry =
            json_pack("{s:s, s:s, s:I, s:s}", "name", self->name[m], "file", file, "dimensions",
                      (json_int_t)self->dims[m], "dtype", dtype_names[o->dtype]);
        if (o->from)
            kin_json_set(&entry, "from_xxh3_128",
                         json_string(self->catalog.modality[m].fingerprint.text));
        kin_json_append(&modalities, entry);
    }
    json_t *manifest = json_object();
    kin_json_set(&manifest, "kind", json_string("catalog"));
    kin_json_set(&manifest, "format", json_integer(KIN_MANIFEST_FORMAT));
    kin_json_set(&manifest, "items", json_integer(o->items));
    if (o->from)
        kin_json_set(&manifest, "real_items", json_integer((json_int_t)self->catalog.n));
    kin_json_set(&manifest, "modalities", modalities);
    kin_json_set(&manifest, "options", kin_options_json(&command_gen.options, o, false));
    kin_json_set(&manifest, "run", command_run_facts(start));
    return manifest;
}

/* Whether both paths lead to one place. */
static bool same_place(const char *a, const char *b)
{
    char real_a[PATH_MAX];
    char real_b[PATH_MAX];
    return realpath(a, real_a) && realpath(b, real_b) && strcmp(real_a, real_b) == 0;
}

/* What makes a graph of it. */
static void suggest(const generator *self)
{
    shell_next next;
    FILE *out = shell_next_begin(&next, "kin build");
    if (!out)
        return;
    for (size_t m = 0; m < self->count; m++) {
        char *file = kin_text("%s=%s/%s.npy", self->name[m], self->out.final, self->name[m]);
        if (file)
            shell_option(out, " ", "modality", (kin_span){file, strlen(file)});
        free(file);
    }
    char *ids = kin_path_join(self->out.final, "ids.txt");
    if (ids)
        shell_option(out, " ", "ids", (kin_span){ids, strlen(ids)});
    free(ids);
    fputs(" --out graph", out);
    shell_next_end(&next);
}

static int generate(generator *self, kin_error *err)
{
    const gen_options *o = &self->options;
    double start = kin_clock_seconds();
    if (o->from && same_place(o->from, o->out))
        return kin_fail(err, KIN_E_CANTOUT, "choose another --out",
                        "--out %s is the catalog that --from reads", o->out);
    int rc = kin_outdir_open(&self->out, o->out, "catalog", o->force, err);
    if (rc == 0)
        rc = o->from ? start_mix(self, err) : start_model(self, err);
    if (rc != 0)
        return rc;
    console_info("Generating a catalog (items=%lld, modalities=%zu, seed=%lld)",
                 (long long)o->items, self->count, (long long)o->seed);
    rc = write_files(self, err);
    if (rc != 0)
        return rc;
    json_t *manifest = make_manifest(self, start);
    rc = kin_outdir_commit(&self->out, &manifest, err);
    json_decref(manifest);
    if (rc != 0)
        return rc;
    command_warn_output(&self->out);
    console_info("Catalog: %s, %.1f s", self->out.final, kin_clock_seconds() - start);
    suggest(self);
    return 0;
}

static int gen_run(const void *values, const kin_operands *operands, kin_error *err)
{
    (void)operands;
    generator self = {.options = *(const gen_options *)values};
    if (self.options.items == 0)
        return kin_fail(err, KIN_E_USAGE, "for example --items 100000", "--items is missing");
    if (!self.options.out)
        return kin_fail(err, KIN_E_USAGE, "add --out DIR", "--out is missing");
    console_catch_signals();
    int rc = generate(&self, err);
    kin_mix_free(self.mix);
    kin_gen_free(self.model);
    kin_catalog_close(&self.catalog);
    kin_outdir_release(&self.out);
    return rc;
}

const kin_command command_gen = {
    .name = "gen",
    .summary = "a synthetic catalog, or a real one enlarged",
    .operands = "",
    .operands_min = 0,
    .operands_max = 0,
    .example = "  kin gen --items 100000 --modality text=384 --modality image=512 --out catalog\n"
               "  kin gen --from catalog --items 1000000 --out larger\n",
    .options = COMMAND_OPTIONS(gen_option, gen_defaults),
    .run = gen_run,
};
