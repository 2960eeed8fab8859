/*
 * Arrays of an index folder, and whether its manifest fits a catalog (see index_folder.h).
 *
 * An array is read whole, as it is held while the index serves; its shape is known beforehand and
 * compared. The manifest's checksums are compared elsewhere (core/manifest.h).
 */
#include "ann/index_folder.h"
#include "core/error.h"
#include "core/file.h"
#include "core/manifest.h"
#include "core/memory.h"
#include "core/npy_writer.h"

#include <stdlib.h>
#include <string.h>

const char kin_index_again[] = "build the index again with kin index";

int kin_index_array_write(const char *directory, const char *part, const char *what,
                          const char *descr, const void *data, size_t dimensions,
                          const size_t *shape, kin_error *err)
{
    kin_npy_writer writer = {0};
    char *name = kin_text("%s.%s.npy", part, what);
    int status = name ? 0 : kin_fail_alloc(err, "path", strlen(part));
    if (status == 0)
        status = kin_npy_writer_open(&writer, directory, name, descr,
                                     dimensions > 1 ? &shape[1] : NULL, err);
    if (status == 0)
        status = kin_npy_writer_add(&writer, data, shape[0], err);
    if (status == 0)
        status = kin_npy_writer_finish(&writer, err);
    kin_npy_writer_release(&writer);
    free(name);
    return status;
}

int kin_index_array_read(void **out, char **path, const kin_dir *dir, const char *part,
                         const char *what, const char *descr, size_t rows, size_t columns,
                         kin_error *err)
{
    kin_file file;
    kin_npy_header header;
    size_t bytes = kin_size_mul(kin_size_mul(rows, columns), 4);

    *path = NULL;
    char *name = kin_text("%s.%s.npy", part, what);
    int status =
        name ? kin_file_open_in(&file, dir, name, err) : kin_fail_alloc(err, "path", strlen(part));
    free(name);
    if (status)
        return status;
    *path = strdup(file.path);
    if (!*path) {
        status = kin_fail_alloc(err, "path", strlen(file.path));
        goto exit;
    }
    status = kin_npy_parse(&header, file.data, file.bytes, *path, err);
    if (status)
        goto exit;
    if (strcmp(header.descr, descr) != 0 || header.fortran_order || header.shape[0] != rows ||
        header.shape[1] != columns || file.bytes - header.data_offset != bytes) {
        status = kin_fail(err, KIN_E_DATA, kin_index_again,
                          "%s: is (%zu, %zu) of %s, expected (%zu, %zu) of %s", *path,
                          header.shape[0], header.shape[1], header.descr, rows, columns, descr);
        goto exit;
    }
    *out = kin_alloc(bytes, 1);
    if (*out)
        memcpy(*out, file.data + header.data_offset, bytes);
    else
        status = kin_fail_alloc(err, what, bytes);
exit:
    kin_file_close(&file);
    return status;
}

int kin_index_choice(const json_t *object, const char *key, const char *const *names)
{
    const char *text = json_string_value(json_object_get(object, key));
    for (int i = 0; text && names[i]; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    return -1;
}

static int check_modality(const json_t *entry, const kin_modality *modality, bool fused,
                          const char *directory, kin_error *err)
{
    const char *name = json_string_value(json_object_get(entry, "name"));
    const char *hash = json_string_value(json_object_get(entry, "xxh3_128"));
    double weight = json_number_value(json_object_get(entry, "weight"));

    if (!name || strcmp(name, modality->name) != 0)
        return kin_fail(err, KIN_E_DATA, "give the same --modality names in the same order",
                        "%s has modality %s where the catalog has %s", directory,
                        name ? name : "(none)", modality->name);
    if (!hash || strcmp(hash, modality->fingerprint.text) != 0)
        return kin_fail(err, KIN_E_DATA, kin_index_again,
                        "%s was made from another %s: %s has changed", directory, name,
                        modality->matrix.file.path);
    if (fused && weight != modality->weight)
        return kin_fail(err, KIN_E_DATA,
                        "weights are part of a fused index: build it again, or use the modality "
                        "space",
                        "%s has weight %g for %s, asked for %g", directory, weight, name,
                        modality->weight);
    return 0;
}

int kin_index_check_catalog(const json_t *manifest, const kin_catalog *catalog, bool fused,
                            const char *directory, kin_error *err)
{
    const json_t *modalities = json_object_get(manifest, "modalities");
    int missing =
        kin_index_choice(json_object_get(manifest, "index"), "missing", kin_missing_names);

    if (json_array_size(modalities) != catalog->modality_count)
        return kin_fail(err, KIN_E_DATA, "give the same --modality options",
                        "%s has %zu "
                        "modalities, the catalog %zu",
                        directory, json_array_size(modalities), catalog->modality_count);
    for (size_t m = 0; m < catalog->modality_count; m++) {
        int status = check_modality(json_array_get(modalities, m), &catalog->modality[m], fused,
                                    directory, err);
        if (status)
            return status;
    }
    /* Where every item is complete the policy changes nothing. */
    if (missing != (int)catalog->missing && kin_catalog_incomplete(catalog) > 0)
        return kin_fail(err, KIN_E_DATA, "give the same --missing, or build the index again",
                        "%s was made with --missing %s, asked for %s", directory,
                        missing < 0 ? "(none)" : kin_missing_names[missing],
                        kin_missing_names[catalog->missing]);
    return 0;
}

int kin_index_check(const kin_dir *dir, const json_t *manifest, const kin_catalog *catalog,
                    kin_error *err)
{
    int status = kin_index_check_catalog(manifest, catalog, false, dir->path, err);
    return status ? status : kin_manifest_verify(manifest, dir, err);
}
