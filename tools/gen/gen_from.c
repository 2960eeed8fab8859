/*
 * The folder that --from names: nothing is read but names, headers and a manifest. A stray array
 * beside the vectors (another number of rows) is passed over.
 */
#include "tools/gen/gen_from.h"
#include "core/manifest.h"
#include "core/outdir.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a modality may be called: its name becomes a file's. */
static bool is_name(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t length = strlen(name);
    return length > 0 && length < KIN_NAME_MAX && strspn(name, allowed) == length;
}

/* Adds DIR/file under `name`. */
static int add_source(kin_source *out, size_t *count, const kin_dir *dir, const char *name,
                      const char *file, kin_error *err)
{
    if (*count == KIN_MODALITIES_MAX)
        return kin_fail(err, KIN_E_USAGE, "name the ones you mean: --modality NAME=FILE",
                        "%s: more than %d modalities", dir->path, KIN_MODALITIES_MAX);
    if (!is_name(name))
        return kin_fail(err, KIN_E_DATA, "name it yourself: --modality NAME=FILE",
                        "%s: '%s' cannot name a modality (1 to %d of A-Z a-z 0-9 _ -)", dir->path,
                        file, KIN_NAME_MAX - 1);
    kin_source *source = &out[*count];
    *source = (kin_source){.weight = 1, .dir = file[0] == '/' ? NULL : dir, .path = strdup(file)};
    if (!source->path)
        return kin_fail_alloc(err, "path", strlen(file));
    snprintf(source->name, sizeof source->name, "%s", name);
    ++*count;
    return 0;
}

/* "text" is text.npy, "text=a.fbin" is a.fbin. */
static int named_source(kin_source *out, size_t *count, const kin_dir *dir, const char *text,
                        kin_error *err)
{
    kin_source parsed;
    int rc = kin_source_parse(&parsed, text, err);
    if (rc != 0)
        return rc;
    char *file = strchr(text, '=') || strchr(text, '.') ? strdup(parsed.path)
                                                        : kin_text("%s.npy", parsed.path);
    rc = file ? add_source(out, count, dir, parsed.name, file, err)
              : kin_fail_alloc(err, "path", strlen(text));
    free(file);
    kin_source_release(&parsed);
    return rc;
}

static int manifest_sources(kin_source *out, size_t *count, const kin_dir *dir, kin_error *err)
{
    json_t *manifest;
    int rc = kin_manifest_read_in(&manifest, dir, "catalog", err);
    if (rc != 0)
        return rc;
    size_t i;
    const json_t *entry;
    json_array_foreach(json_object_get(manifest, "modalities"), i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "name"));
        const char *file = json_string_value(json_object_get(entry, "file"));
        if (rc == 0 && name && file)
            rc = add_source(out, count, dir, name, file, err);
    }
    json_decref(manifest);
    return rc;
}

/* The rows of DIR/file, 0 when it is no file of vectors. */
static int rows_of(size_t *rows, const kin_dir *dir, const char *file, kin_error *err)
{
    kin_matrix matrix;
    kin_error fault = {0};
    *rows = 0;
    int rc = kin_matrix_open_in(&matrix, dir, file, &fault);
    if (rc == 0) {
        *rows = matrix.n;
        kin_matrix_close(&matrix);
    }
    if (rc == 0 || rc == KIN_E_DATA || rc == KIN_E_NOINPUT)
        return 0;
    if (err)
        *err = fault; /* what it is cannot be told: memory, descriptors or the disk failed */
    return rc;
}

static int found_sources(kin_source *out, size_t *count, const kin_dir *dir, kin_error *err)
{
    struct dirent **entry = NULL;
    size_t most = 0, n;
    int rc = 0;
    int files = scandirat(dir->fd, ".", &entry, NULL, alphasort);
    if (files < 0)
        return kin_fail_errno(err, KIN_E_NOINPUT, "check the path", "%s", dir->path);
    for (int i = 0; i < files && rc == 0; i++) {
        rc = rows_of(&n, dir, entry[i]->d_name, err);
        most = n > most ? n : most;
    }
    for (int i = 0; i < files; i++) {
        char name[256];
        const char *file = entry[i]->d_name;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(file, "."), file);
        if (rc == 0)
            rc = rows_of(&n, dir, file, err);
        if (rc == 0 && most > 0 && n == most)
            rc = add_source(out, count, dir, name, file, err);
        free(entry[i]);
    }
    free(entry);
    return rc;
}

int gen_from_sources(kin_source *out, size_t *count, const kin_dir *dir, const char *const *name,
                     size_t names, kin_error *err)
{
    int rc = 0;
    *count = 0;
    if (names > 0)
        for (size_t i = 0; i < names && rc == 0; i++)
            rc = named_source(out, count, dir, name[i], err);
    else if (faccessat(dir->fd, "manifest.json", F_OK, 0) == 0)
        rc = manifest_sources(out, count, dir, err);
    else
        rc = found_sources(out, count, dir, err);
    if (rc == 0 && *count == 0)
        rc = kin_fail(err, KIN_E_NOINPUT, "give a folder with text.npy, image.npy or the like",
                      "%s: holds no file of vectors", dir->path);
    for (; rc != 0 && *count > 0; --*count)
        kin_source_release(&out[*count - 1]);
    return rc;
}
