#include "tools/provenance.h"
#include "core/memory.h"
#include "core/outdir.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A path as JSON: bytes that are no UTF-8 cannot be written, so such a path becomes null. */
static json_t *path_json(const char *path)
{
    json_t *text = path ? json_string(path) : NULL;
    return text ? text : json_null();
}

static json_t *file_json(const char *path, const kin_hash *fingerprint)
{
    json_t *entry = json_object();
    json_object_set_new(entry, "file", path_json(path));
    json_object_set_new(entry, "xxh3_128", json_string(fingerprint->text));
    return entry;
}

void provenance_describe(json_t *manifest, const kin_catalog *catalog)
{
    json_object_set_new(manifest, "items", json_integer((json_int_t)catalog->n));
    json_t *modalities = json_array();
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const kin_modality *modality = &catalog->modality[m];
        json_t *entry = json_object();
        json_object_set_new(entry, "name", json_string(modality->name));
        json_object_set_new(entry, "file", path_json(modality->matrix.file.path));
        json_object_set_new(entry, "weight", json_real(modality->weight));
        json_object_set_new(entry, "dimensions", json_integer((json_int_t)modality->matrix.d));
        json_object_set_new(entry, "dtype", json_string(kin_dtype_name(modality->matrix.dtype)));
        json_object_set_new(entry, "missing", json_integer((json_int_t)modality->missing));
        json_object_set_new(entry, "xxh3_128", json_string(modality->fingerprint.text));
        json_array_append_new(modalities, entry);
    }
    json_object_set_new(manifest, "modalities", modalities);
    if (catalog->ids_path)
        json_object_set_new(manifest, "ids",
                            file_json(catalog->ids_path, &catalog->ids_fingerprint));
    if (catalog->items.lines.file.path)
        json_object_set_new(manifest, "items_table",
                            file_json(catalog->items.lines.file.path, &catalog->items_fingerprint));
}

void provenance_locate(json_t *run, const kin_catalog *catalog)
{
    char absolute[PATH_MAX];
    json_t *sources = json_object();
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const kin_modality *modality = &catalog->modality[m];
        json_object_set_new(sources, modality->name,
                            path_json(realpath(modality->matrix.file.path, absolute)));
    }
    json_object_set_new(run, "sources", sources);
    const char *items = catalog->items.lines.file.path;
    if (items && realpath(items, absolute)) {
        char *slash = strrchr(absolute, '/');
        slash[slash == absolute] = '\0';
        json_object_set_new(run, "items_source", path_json(absolute));
    }
}

/* ids.txt: one id a line, "\n" at each end, whatever the line ends of the source. */
static int write_ids(const kin_catalog *catalog, const char *path, kin_error *err)
{
    const kin_lines *ids = &catalog->ids;
    size_t room = kin_size_add(ids->start[ids->count] - ids->start[0], ids->count);
    char *text = kin_alloc(room, 1);
    if (!text)
        return kin_fail_alloc(err, "ids", room);
    size_t used = 0;
    for (size_t i = 0; i < ids->count; i++) {
        kin_span id = kin_lines_at(ids, i);
        memcpy(text + used, id.text, id.length);
        used += id.length;
        text[used++] = '\n';
    }
    int rc = kin_outfile_write(path, text, used, false, err);
    free(text);
    return rc;
}

int provenance_write_names(const kin_catalog *catalog, const char *directory, kin_error *err)
{
    char *path = kin_path_join(directory, "ids.txt");
    int rc = path ? write_ids(catalog, path, err) : kin_fail_alloc(err, "path", PATH_MAX);
    const char *items = catalog->items.lines.file.path;
    if (rc == 0 && items)
        rc = kin_file_copy(items, directory, "items.tsv", err);
    free(path);
    return rc;
}
