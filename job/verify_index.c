/*
 * What is held of an index folder (job/verify.h): groups of equal vectors, the projection, and
 * FAISS's own file of every part, which has to hold as many vectors of as many dimensions as the
 * manifest says.
 *
 * Memory: one index file at a time. Time: FAISS reads all of it.
 */
#include "job/verify_index.h"
#include "ann/faiss_api.h"
#include "core/catalog.h"
#include "core/counted.h"
#include "core/manifest.h"
#include "core/memory.h"
#include "core/npy_array.h"
#include "core/plain.h"

#include <stdio.h>
#include <string.h>

static const char damaged[] = "the folder is damaged: build it again";

/* One part of an index, as the manifest describes it. */
typedef struct index_part {
    const kin_dir *dir;
    const char *name;
    bool ivf;
    size_t items, groups;
    size_t d;      /* of the vectors in FAISS's file */
    size_t d_full; /* before projection */
    bool projected, centred;
} index_part;

/* ---- groups and projection ------------------------------------------------------------------- */

/* of[i] is the group of item i: -1, a group seen before, or the next new one. */
static int check_groups(const int32_t *of, const index_part *part, const char *path, kin_error *err)
{
    size_t next = 0;
    for (size_t i = 0; i < part->items; i++) {
        if (of[i] < -1 || (of[i] >= 0 && (size_t)of[i] > next))
            return kin_fail(err, KIN_E_DATA, damaged,
                            "%s: item %zu is in group %d, must be -1 to %zu", path, i, of[i], next);
        next += of[i] >= 0 && (size_t)of[i] == next;
    }
    if (next != part->groups)
        return kin_fail(err, KIN_E_DATA, damaged, "%s has %zu groups, the manifest says %zu", path,
                        next, part->groups);
    return 0;
}

/* Array NAME.WHAT.npy of the part, of the shape wanted. Its file is the caller's to close. */
static int open_array(kin_npy_array *out, kin_file *file, const index_part *part, const char *what,
                      const char *descr, size_t rows, size_t columns, kin_error *err)
{
    char name[KIN_NAME_MAX + 16];
    snprintf(name, sizeof name, "%s.%s", part->name, what);
    int rc = kin_npy_array_open(out, file, part->dir, name, descr, columns ? 2 : 1, err);
    if (rc == 0 && (out->shape[0] != rows || (columns && out->shape[1] != columns)))
        rc = kin_fail(err, KIN_E_DATA, damaged, "%s is %zu x %zu, needs %zu x %zu", file->path,
                      out->shape[0], out->shape[1], rows, columns ? columns : 1);
    return rc;
}

static int check_distinct(const index_part *part, kin_error *err)
{
    kin_npy_array of;
    kin_file file = {0};
    int rc = open_array(&of, &file, part, "distinct", "<i4", part->items, 0, err);
    if (rc == 0)
        rc = check_groups(of.values, part, file.path, err);
    kin_file_close(&file);
    return rc;
}

static int check_projection(const index_part *part, kin_error *err)
{
    kin_npy_array array;
    kin_file basis = {0}, mean = {0};
    int rc = 0;
    if (part->projected)
        rc = open_array(&array, &basis, part, "projection", "<f4", part->d_full, part->d, err);
    if (rc == 0 && part->centred)
        rc = open_array(&array, &mean, part, "mean", "<f4", part->d_full, 0, err);
    kin_file_close(&basis);
    kin_file_close(&mean);
    return rc;
}

/* ---- FAISS's file ---------------------------------------------------------------------------- */

static int open_here(const kin_index_file *file, kin_error *err)
{
    kin_faiss *faiss = NULL;
    int rc = kin_faiss_read(&faiss, file->dir, file->name, file->ivf, file->d, file->vectors, err);
    kin_faiss_free(faiss);
    return rc;
}

static int check_faiss(const index_part *part, const json_t *manifest,
                       const kin_verify_options *options, kin_error *err)
{
    char name[KIN_NAME_MAX + 16];
    kin_memory_plan plan = KIN_MEMORY_PLAN_INIT;
    snprintf(name, sizeof name, "%s.faiss", part->name);
    int rc = kin_manifest_check_listed(manifest, part->dir->path, name, err);
    if (rc != 0)
        return rc;
    const json_t *entry = json_object_get(json_object_get(manifest, "files"), name);
    size_t bytes = (size_t)json_integer_value(json_object_get(entry, "bytes"));
    kin_memory_plan_add(&plan, name, bytes, 1);
    rc = kin_memory_plan_check(&plan, 0, err);
    if (rc != 0)
        return rc;
    const kin_index_file file = {part->dir, name, bytes, part->ivf, part->d, part->groups};
    return options->open_index ? options->open_index(options->self, &file, err)
                               : open_here(&file, err);
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* The dimensions of the modality `name`, of all of them together where it is the fused space. */
static size_t dimensions_of(const json_t *manifest, const char *name, bool fused)
{
    size_t total = 0, m;
    const json_t *entry;
    json_array_foreach(json_object_get(manifest, "modalities"), m, entry)
    {
        const char *own = json_string_value(json_object_get(entry, "name"));
        if (fused || (own && strcmp(own, name) == 0))
            total += (size_t)json_integer_value(json_object_get(entry, "dimensions"));
    }
    return total;
}

/* The part as the manifest has it; KIN_E_DATA where its numbers cannot be true. */
static int read_part(index_part *out, const kin_dir *dir, const json_t *manifest, const char *name,
                     const json_t *facts, kin_error *err)
{
    const json_t *index = json_object_get(manifest, "index");
    const char *type = json_string_value(json_object_get(index, "type"));
    const char *space = json_string_value(json_object_get(index, "space"));
    json_int_t groups = json_integer_value(json_object_get(facts, "distinct"));
    json_int_t d = json_integer_value(json_object_get(facts, "dimensions"));
    json_int_t items = json_integer_value(json_object_get(manifest, "items"));
    size_t d_full = dimensions_of(manifest, name, space && strcmp(space, "fused") == 0);
    bool projected = json_integer_value(json_object_get(index, "project")) > 0 && groups > 0;
    bool known = type && space && (strcmp(type, "ivf") == 0 || strcmp(type, "hnsw") == 0);
    if (!known || items < 1 || groups < 0 || groups > items || strlen(name) >= KIN_NAME_MAX ||
        strchr(name, '/') || d < 1 || (size_t)d > d_full || (!projected && (size_t)d != d_full))
        return kin_fail(err, KIN_E_DATA, damaged,
                        "%s/manifest.json: the index of %.60s is damaged: %lld vectors of %lld "
                        "dimensions, for %lld items of %zu",
                        dir->path, name, (long long)groups, (long long)d, (long long)items, d_full);
    *out = (index_part){
        .dir = dir,
        .name = name,
        .ivf = strcmp(type, "ivf") == 0,
        .items = (size_t)items,
        .groups = (size_t)groups,
        .d = (size_t)d,
        .d_full = d_full,
        .projected = projected,
        .centred = projected && json_is_true(json_object_get(index, "project_centre")),
    };
    return 0;
}

int kin_verify_index(const kin_dir *dir, const json_t *manifest, const kin_verify_options *options,
                     const kin_monitor *monitor, kin_error *err)
{
    const json_t *index = json_object_get(manifest, "index");
    json_t *parts = json_object_get(index, "parts");
    const char *name;
    json_t *facts;
    const char *type = json_string_value(json_object_get(index, "type"));
    if (type && strcmp(type, "join") == 0) /* no FAISS files: its checksums are all */
        return 0;
    if (json_object_size(parts) == 0)
        return kin_fail(err, KIN_E_DATA, damaged, "%s/manifest.json describes no index", dir->path);
    json_object_foreach(parts, name, facts)
    {
        index_part part;
        int rc = read_part(&part, dir, manifest, name, facts, err);
        if (rc == 0)
            rc = check_distinct(&part, err);
        if (rc == 0)
            rc = check_projection(&part, err);
        if (rc == 0 && part.groups > 0)
            rc = check_faiss(&part, manifest, options, err);
        if (rc != 0)
            return rc;
        kin_monitor_message(monitor, KIN_LEVEL_INFO, "%s: %s in %s of equal vectors",
                            kin_plain(name).text, kin_count(part.items, "item").text,
                            kin_count(part.groups, "group").text);
        if (part.groups > 0)
            kin_monitor_message(monitor, KIN_LEVEL_INFO, "%s: FAISS opens %s of %s",
                                kin_plain(name).text, kin_count(part.groups, "vector").text,
                                kin_count(part.d, "dimension").text);
    }
    return 0;
}
