/*
 * The folder of a generated catalog (declared in tools/gen/gen_catalog.h): where its rows come
 * from, its files, and its manifest. Cost: a pass over the rows (gen.h, gen_mix.h) and the disk.
 */
#include "tools/gen/gen_catalog.h"
#include "core/json.h"
#include "core/text.h"
#include "tools/gen/gen_from.h"
#include "tools/gen/gen_write.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows ------------------------------------------------------------------------------------ */

static int model_rows(void *self, size_t modality, size_t first, size_t count, float *out,
                      kin_error *err)
{
    (void)err;
    kin_gen_rows(((kin_gen_catalog *)self)->model, modality, first, count, out);
    return 0;
}

static int mix_rows(void *self, size_t modality, size_t first, size_t count, float *out,
                    kin_error *err)
{
    return kin_gen_mix_rows(((kin_gen_catalog *)self)->mix, modality, first, count, out, err);
}

static void real_row(void *self, size_t modality, size_t row, float *out)
{
    kin_matrix_widen(&((kin_catalog *)self)->modality[modality].matrix, row, 1, out);
}

/* "text=384" into the next modality. */
static int add_modality(kin_gen_catalog *self, const char *text, kin_error *err)
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
    const char *number = strchr(text, '=');
    bool plain = number && number[1 + strspn(number + 1, "0123456789")] == '\0';
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

static int start_model(kin_gen_catalog *self, kin_error *err)
{
    const kin_gen_catalog_options *o = self->options;
    kin_gen_options model = o->model;
    int rc = 0;
    if (o->modality_count == 0)
        return kin_fail(err, KIN_E_USAGE, "for example --modality text=384 --modality image=512",
                        "--modality is missing");
    for (size_t i = 0; i < o->modality_count && rc == 0; i++)
        rc = add_modality(self, o->modality[i], err);
    if (rc != 0)
        return rc;
    model.items = o->items;
    model.modality_count = self->count;
    memcpy(model.dims, self->dims, sizeof self->dims);
    return kin_gen_new(&self->model, &model, err);
}

/* The catalog in `from`: all its files out of one folder, also where it is replaced meanwhile. */
static int open_real(kin_gen_catalog *self, size_t *count, kin_error *err)
{
    const kin_gen_catalog_options *o = self->options;
    kin_source source[KIN_MODALITIES_MAX];
    kin_dir dir;
    int rc = kin_dir_open(&dir, o->from, err);
    if (rc != 0)
        return rc;
    rc = gen_from_sources(source, count, &dir, o->modality, o->modality_count, err);
    if (rc == 0) {
        kin_catalog_options from = {.source = source, .source_count = *count};
        rc = kin_catalog_open(&self->real, &from, err);
        for (size_t i = 0; i < *count; i++)
            kin_source_release(&source[i]);
    }
    rc = kin_dir_settle(&dir, rc, err);
    kin_dir_close(&dir);
    return rc;
}

static int start_mix(kin_gen_catalog *self, const kin_monitor *monitor, kin_error *err)
{
    size_t count;
    int rc = open_real(self, &count, err);
    if (rc != 0)
        return rc;
    kin_mix_options mix = self->options->mix;
    kin_mix_source real = {&self->real, real_row, self->real.n, count, {0}};
    mix.items = self->options->items;
    self->count = count;
    for (size_t m = 0; m < count; m++) {
        const kin_modality *modality = &self->real.modality[m];
        memcpy(self->name[m], modality->name, KIN_NAME_MAX);
        self->dims[m] = real.dims[m] = modality->matrix.d;
        kin_monitor_message(monitor, KIN_LEVEL_INFO, "Modality %s: %s (%zu x %zu)", self->name[m],
                            modality->matrix.file.path, self->real.n, self->dims[m]);
    }
    return kin_mix_new(&self->mix, &real, &mix, err);
}

/* ---- the folder ------------------------------------------------------------------------------ */

/* Whether both paths lead to one place. */
static bool same_place(const char *a, const char *b)
{
    char real_a[PATH_MAX];
    char real_b[PATH_MAX];
    return realpath(a, real_a) && realpath(b, real_b) && strcmp(real_a, real_b) == 0;
}

int kin_gen_catalog_open(kin_gen_catalog *self, const kin_gen_catalog_options *options,
                         const kin_monitor *monitor, kin_error *err)
{
    const kin_gen_catalog_options *o = options;
    *self = (kin_gen_catalog){.options = o};
    if (o->from && same_place(o->from, o->out))
        return kin_fail(err, KIN_E_CANTOUT, "choose another --out",
                        "--out %s is the catalog that --from reads", o->out);
    int rc = kin_outdir_open(&self->out, o->out, "catalog", o->force, err);
    if (rc == 0)
        rc = o->from ? start_mix(self, monitor, err) : start_model(self, err);
    return rc;
}

int kin_gen_catalog_write(kin_gen_catalog *self, const kin_monitor *monitor, kin_error *err)
{
    const kin_gen_catalog_options *o = self->options;
    gen_rows source = {self, o->from ? mix_rows : model_rows};
    size_t n = o->items;
    int rc = 0;
    for (size_t m = 0; m < self->count && rc == 0; m++) {
        char *path = kin_text("%s/%s.npy", self->out.temporary, self->name[m]);
        rc = path ? gen_write_matrix(path, source, m, n, self->dims[m], o->dtype, monitor, n * m,
                                     n * self->count, err)
                  : kin_fail_alloc(err, "path", 0);
        free(path);
    }
    if (rc == 0)
        rc = gen_write_ids(self->out.temporary, n, err);
    /* a value that does not fit may be of another file */
    if (o->from && (rc == 0 || rc == KIN_E_DATA)) {
        int changed = kin_catalog_unchanged(&self->real, err);
        rc = changed ? changed : rc;
    }
    return rc;
}

json_t *kin_gen_catalog_manifest(const kin_gen_catalog *self)
{
    const kin_gen_catalog_options *o = self->options;
    json_t *modalities = json_array();
    for (size_t m = 0; m < self->count; m++) {
        char file[KIN_NAME_MAX + 8];
        snprintf(file, sizeof file, "%s.npy", self->name[m]);
        json_t *entry =
            json_pack("{s:s, s:s, s:I, s:s}", "name", self->name[m], "file", file, "dimensions",
                      (json_int_t)self->dims[m], "dtype", kin_dtype_name(o->dtype));
        if (o->from)
            kin_json_set(&entry, "from_xxh3_128",
                         json_string(self->real.modality[m].fingerprint.text));
        kin_json_append(&modalities, entry);
    }
    json_t *manifest = json_object();
    kin_json_set(&manifest, "kind", json_string("catalog"));
    kin_json_set(&manifest, "format", json_integer(KIN_MANIFEST_FORMAT));
    kin_json_set(&manifest, "items", json_integer((json_int_t)o->items));
    if (o->from)
        kin_json_set(&manifest, "real_items", json_integer((json_int_t)self->real.n));
    kin_json_set(&manifest, "modalities", modalities);
    return manifest;
}

void kin_gen_catalog_release(kin_gen_catalog *self)
{
    kin_mix_free(self->mix);
    kin_gen_free(self->model);
    kin_catalog_close(&self->real);
    kin_outdir_release(&self->out);
}
