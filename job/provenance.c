#include "job/provenance.h"
#include "core/json.h"
#include "core/outdir.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static json_t *file_json(const char *path, const kin_hash *fingerprint)
{
    json_t *entry = json_object();
    kin_json_set(&entry, "file", kin_json_path(path));
    kin_json_set(&entry, "xxh3_128", json_string(fingerprint->text));
    return entry;
}

void kin_provenance_describe(json_t **manifest, const kin_catalog *catalog)
{
    kin_json_set(manifest, "items", json_integer((json_int_t)catalog->n));
    json_t *modalities = json_array();
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const kin_modality *modality = &catalog->modality[m];
        json_t *entry = json_object();
        kin_json_set(&entry, "name", json_string(modality->name));
        const kin_matrix *matrix = &modality->matrix;
        kin_json_set(&entry, "file",
                     matrix->in_memory ? json_null() : kin_json_path(matrix->file.path));
        kin_json_set(&entry, "weight", json_real(modality->weight));
        kin_json_set(&entry, "dimensions", json_integer((json_int_t)modality->matrix.d));
        kin_json_set(&entry, "dtype", json_string(kin_dtype_name(modality->matrix.dtype)));
        kin_json_set(&entry, "missing", json_integer((json_int_t)modality->missing));
        kin_json_set(&entry, "xxh3_128", json_string(modality->fingerprint.text));
        kin_json_append(&modalities, entry);
    }
    kin_json_set(manifest, "modalities", modalities);
    if (catalog->ids_path)
        kin_json_set(manifest, "ids",
                     file_json(catalog->ids_text.text ? NULL : catalog->ids_path,
                               &catalog->ids_fingerprint));
    if (catalog->items.lines.file.path)
        kin_json_set(manifest, "items_table",
                     file_json(catalog->items.lines.file.path, &catalog->items_fingerprint));
}

void kin_provenance_locate(json_t **run, const kin_catalog *catalog)
{
    char absolute[PATH_MAX];
    json_t *sources = json_object();
    for (size_t m = 0; m < catalog->modality_count; m++) {
        const kin_modality *modality = &catalog->modality[m];
        if (!modality->matrix.in_memory)
            kin_json_set(&sources, modality->name,
                         kin_json_path(realpath(modality->matrix.file.path, absolute)));
    }
    kin_json_set(run, "sources", sources);
    const char *items = catalog->items.lines.file.path;
    if (items && realpath(items, absolute)) {
        char *slash = strrchr(absolute, '/');
        slash[slash == absolute] = '\0';
        kin_json_set(run, "items_source", kin_json_path(absolute));
    }
}

/* ids.txt: one id a line, "\n" at each end, whatever the line ends of the source. */
static int write_ids(const kin_catalog *catalog, const char *path, kin_error *err)
{
    char *text;
    size_t bytes;
    int rc = kin_lines_text(&catalog->ids, &text, &bytes, err);
    if (rc != 0)
        return rc;
    rc = kin_file_write(path, text, bytes, err);
    free(text);
    return rc;
}

int kin_provenance_write_names(const kin_catalog *catalog, const char *directory, kin_error *err)
{
    char *path = kin_path_join(directory, "ids.txt");
    int rc = path ? write_ids(catalog, path, err) : kin_fail_alloc(err, "path", PATH_MAX);
    const char *items = catalog->items.lines.file.path;
    if (rc == 0 && items)
        rc = kin_file_copy(items, directory, "items.tsv", err);
    free(path);
    return rc;
}
