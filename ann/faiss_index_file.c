/*
 * Indexes on disk: a folder of <part>.faiss, <part>.distinct.npy and, under projection,
 * <part>.projection.npy and <part>.mean.npy; a part is a modality or "fused" (docs/FORMATS.md).
 *
 * Opening trusts nothing until the manifest's checksums hold: FAISS reads what it is given without
 * looking at sizes. Then shapes and counts are compared with the catalog, whose files must be the
 * ones that the index was made from.
 * Leaves out: mapping the vectors (the C API's mmap flag reads lists lazily, HNSW not at all).
 * Memory: the files' bytes. Time: two readings of the files, one for the checksums.
 */
#include "ann/faiss_index_file.h"
#include "ann/faiss_index_parts.h"
#include "ann/index_folder.h"
#include "core/json.h"
#include "core/manifest.h"
#include "core/memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing -------------------------------------------------------------------------------- */

static int write_part(const kin_index_part *part, const char *directory, kin_error *err)
{
    const kin_pca *pca = &part->space.pca;
    const size_t basis[] = {pca->d, pca->kept};
    int status = kin_index_array_write(directory, part->name, "distinct", "<i4", part->distinct.of,
                                       1, &part->distinct.n, err);
    if (status == 0 && pca->kept)
        status = kin_index_array_write(directory, part->name, "projection", "<f4", pca->basis, 2,
                                       basis, err);
    if (status == 0 && pca->mean)
        status =
            kin_index_array_write(directory, part->name, "mean", "<f4", pca->mean, 1, &pca->d, err);
    if (status || !part->faiss)
        return status;
    char *path = kin_text("%s/%s.faiss", directory, part->name);
    if (!path)
        return kin_fail_alloc(err, "path", strlen(directory));
    status = kin_faiss_write(part->faiss, path, err);
    free(path);
    return status;
}

int kin_index_save(const kin_index *self, const char *directory, json_t **manifest, kin_error *err)
{
    const kin_index_options *options = &self->options;
    for (size_t p = 0; p < self->part_count; p++) {
        int status = write_part(&self->part[p], directory, err);
        if (status)
            return status;
    }
    json_t *index = json_pack(
        "{s:s, s:s, s:s, s:I, s:b, s:I, s:I, s:I, s:I, s:o}", "type",
        kin_index_type_names[options->type], "space", kin_index_space_names[options->space],
        "missing", kin_missing_names[self->catalog->missing], "project",
        (json_int_t)options->project, "project_centre", (int)options->project_centre, "lists",
        (json_int_t)options->lists, "links", (json_int_t)options->links, "ef_construction",
        (json_int_t)options->ef_construction, "seed", (json_int_t)options->seed, "parts",
        kin_index_facts(self));
    kin_json_set(manifest, "index", index);
    return 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

int kin_index_read_options(kin_index_options *out, const kin_dir *dir, const json_t *manifest,
                           kin_error *err)
{
    const json_t *index = json_object_get(manifest, "index");
    *out = (kin_index_options){
        .type = kin_index_choice(index, "type", kin_index_type_names),
        .space = kin_index_choice(index, "space", kin_index_space_names),
        .project = json_integer_value(json_object_get(index, "project")),
        .project_centre = json_is_true(json_object_get(index, "project_centre")),
        .lists = json_integer_value(json_object_get(index, "lists")),
        .links = json_integer_value(json_object_get(index, "links")),
        .ef_construction = json_integer_value(json_object_get(index, "ef_construction")),
        .seed = json_integer_value(json_object_get(index, "seed")),
    };
    if (out->type < 0 || out->space < 0 || out->project < 0)
        return kin_fail(err, KIN_E_DATA, kin_index_again,
                        "%s/manifest.json describes no index that this kin knows", dir->path);
    return 0;
}

static int read_projection(kin_index_part *part, const kin_index_options *options,
                           const json_t *facts, const kin_dir *dir, kin_error *err)
{
    kin_pca *pca = &part->space.pca;
    size_t d = part->space.d_full, kept = (size_t)options->project;
    char *path = NULL;
    void *values = NULL;

    if (kept > d)
        return kin_fail(err, KIN_E_DATA, kin_index_again,
                        "%s: projects %s from %zu to %zu dimensions", dir->path, part->name, d,
                        kept);
    int status =
        kin_index_array_read(&values, &path, dir, part->name, "projection", "<f4", d, kept, err);
    free(path);
    if (status)
        return status;
    pca->basis = values;
    if (options->project_centre) {
        status = kin_index_array_read(&values, &path, dir, part->name, "mean", "<f4", d, 1, err);
        free(path);
        if (status)
            return status;
        pca->mean = values;
    }
    pca->d = d;
    pca->kept = part->space.d = kept;
    pca->retained = json_number_value(json_object_get(facts, "retained_energy"));
    return 0;
}

/* Every file of the part must be among those whose checksums were compared. */
static int check_listed(const json_t *manifest, const kin_index_part *part,
                        const kin_index_options *options, const char *directory, kin_error *err)
{
    const bool wanted[] = {true, true, options->project > 0, options->project_centre};
    const char *const suffix[] = {"distinct.npy", "faiss", "projection.npy", "mean.npy"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        char name[KIN_NAME_MAX + 32];
        if (!wanted[i] || (i > 0 && part->distinct.count == 0))
            continue;
        snprintf(name, sizeof name, "%s.%s", part->name, suffix[i]);
        if (!json_object_get(json_object_get(manifest, "files"), name))
            return kin_fail(err, KIN_E_DATA, kin_index_again, "%s/manifest.json does not list %s",
                            directory, name);
    }
    return 0;
}

static int read_part(kin_index *self, kin_index_part *part, const json_t *manifest,
                     const kin_dir *dir, kin_error *err)
{
    const json_t *parts = json_object_get(json_object_get(manifest, "index"), "parts");
    const json_t *facts = json_object_get(parts, part->name);
    bool ivf = self->options.type == KIN_INDEX_IVF;
    char *path = NULL;
    void *of = NULL;
    int status = kin_index_array_read(&of, &path, dir, part->name, "distinct", "<i4",
                                      self->catalog->n, 1, err);
    if (status == 0)
        status = kin_distinct_adopt(&part->distinct, of, self->catalog->n, path, err);
    free(path);
    if (status == 0)
        status = check_listed(manifest, part, &self->options, dir->path, err);
    if (status || part->distinct.count == 0)
        return status;
    if (self->options.project > 0)
        status = read_projection(part, &self->options, facts, dir, err);
    if (status)
        return status;
    char name[KIN_NAME_MAX + 8];
    snprintf(name, sizeof name, "%s.faiss", part->name);
    return kin_faiss_read(&part->faiss, dir, name, ivf, part->space.d, part->distinct.count, err);
}

/* The index will be as large as its files. */
static int check_memory(const json_t *manifest, kin_error *err)
{
    kin_memory_plan plan = KIN_MEMORY_PLAN_INIT;
    const char *name;
    json_t *entry;
    json_object_foreach(json_object_get(manifest, "files"), name, entry) kin_memory_plan_add(
        &plan, "an index file", (size_t)json_integer_value(json_object_get(entry, "bytes")), 1);
    return kin_memory_plan_check(&plan, 0, err);
}

int kin_index_open(kin_index **out, const kin_dir *dir, const json_t *manifest,
                   const kin_catalog *catalog, kin_error *err)
{
    kin_index *self = NULL;
    kin_index_options options;
    int status = kin_index_read_options(&options, dir, manifest, err);

    if (status == 0)
        status = kin_index_check_catalog(manifest, catalog, options.space == KIN_SPACE_FUSED,
                                         dir->path, err);
    if (status == 0)
        status = check_memory(manifest, err);
    if (status == 0)
        status = kin_manifest_verify(manifest, dir, err);
    if (status == 0)
        status = kin_index_new(&self, catalog, &options, err);
    for (size_t p = 0; status == 0 && p < self->part_count; p++)
        status = read_part(self, &self->part[p], manifest, dir, err);
    if (status)
        kin_index_free(self);
    else
        *out = self;
    return status;
}
