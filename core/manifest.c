/*
 * Reading manifest.json and holding a folder against it (declared in core/outdir.h).
 */
#include "core/manifest.h"
#include "core/file.h"
#include "core/json.h"

#include <stdlib.h>
#include <string.h>

/* What a folder's manifest must say to be read: its kind, and a version this kin knows. */
static int check_manifest(const json_t *manifest, const char *directory, const char *kind,
                          kin_error *err)
{
    const char *found = json_string_value(json_object_get(manifest, "kind"));
    json_int_t format = json_integer_value(json_object_get(manifest, "format"));
    if (!found)
        return kin_fail(err, KIN_E_DATA, "name a folder that kin wrote",
                        "%s/manifest.json names no \"kind\": not a folder of kin's", directory);
    if (format != KIN_MANIFEST_FORMAT)
        return kin_fail(err, KIN_E_DATA, "use the kin that wrote it, or build it again",
                        "%s has format %lld, this kin reads %d", directory, (long long)format,
                        KIN_MANIFEST_FORMAT);
    if (kind && strcmp(found, kind) != 0)
        return kin_fail(err, KIN_E_DATA,
                        "graphs come from kin build, indexes from kin index, catalogs from kin gen",
                        "%s is a folder of kind \"%s\", needs \"%s\"", directory, found, kind);
    return 0;
}

int kin_manifest_read_in(json_t **out, const kin_dir *dir, const char *kind, kin_error *err)
{
    *out = NULL;
    kin_file file;
    json_t *manifest = NULL;
    int rc = kin_file_open_in(&file, dir, "manifest.json", err);
    if (rc != 0)
        return rc;
    rc = kin_json_load(&manifest, file.data, file.bytes, file.path,
                       "the folder is damaged: build it again", err);
    if (rc == 0)
        rc = check_manifest(manifest, dir->path, kind, err);
    kin_file_close(&file);
    if (rc == 0)
        *out = manifest;
    else
        json_decref(manifest);
    return rc;
}

int kin_manifest_read(json_t **out, const char *directory, const char *kind, kin_error *err)
{
    kin_dir dir;
    *out = NULL;
    int rc = kin_dir_open(&dir, directory, err);
    if (rc == 0)
        rc = kin_manifest_read_in(out, &dir, kind, err);
    kin_dir_close(&dir);
    return rc;
}

/* One listed file against its size and checksum. */
static int verify_file(const kin_dir *dir, const char *name, const json_t *entry, kin_error *err)
{
    static const char hint[] = "the folder is damaged: build it again";
    const char *wanted = json_string_value(json_object_get(entry, "xxh3_128"));
    json_int_t wanted_bytes = json_integer_value(json_object_get(entry, "bytes"));
    kin_hash hash;
    size_t bytes;
    if (!wanted || strchr(name, '/'))
        return kin_fail(err, KIN_E_DATA, hint, "%s/manifest.json: the entry of '%s' is damaged",
                        dir->path, name);
    char *path = kin_path_in(dir, name);
    if (!path)
        return kin_fail_alloc(err, "path", strlen(name));
    int rc = kin_hash_file_in(&hash, &bytes, dir, name, err);
    if (rc == KIN_E_NOINPUT && errno != EACCES && errno != EPERM)
        rc = kin_fail(err, KIN_E_DATA, hint, "%s is missing", path);
    else if (rc == 0 && bytes != (size_t)wanted_bytes)
        rc = kin_fail(err, KIN_E_DATA, hint, "%s has %zu bytes, the manifest says %lld", path,
                      bytes, (long long)wanted_bytes);
    else if (rc == 0 && strcmp(hash.text, wanted) != 0)
        rc = kin_fail(err, KIN_E_DATA, hint, "%s has checksum %s, the manifest says %s", path,
                      hash.text, wanted);
    free(path);
    return rc;
}

int kin_manifest_hash(kin_hash *out, const json_t *manifest, kin_error *err)
{
    json_t *rest = kin_json_without(manifest, "checksum", "run");
    char *text = kin_json_dump(rest, JSON_COMPACT | JSON_SORT_KEYS |
                                         JSON_REAL_PRECISION(KIN_MANIFEST_DIGITS));
    json_decref(rest);
    if (!text)
        return kin_fail_alloc(err, "manifest", 0);
    *out = kin_hash_bytes(text, strlen(text));
    free(text);
    return 0;
}

/* The manifest against its own checksum. */
static int verify_manifest(const json_t *manifest, const char *directory, kin_error *err)
{
    kin_hash hash;
    const char *wanted = json_string_value(json_object_get(manifest, "checksum"));
    int rc = kin_manifest_hash(&hash, manifest, err);
    if (rc == 0 && (!wanted || strcmp(hash.text, wanted) != 0))
        rc = kin_fail(err, KIN_E_DATA, "the folder is damaged: build it again",
                      "%s/manifest.json has checksum %s, it says %s", directory, hash.text,
                      wanted ? wanted : "nothing");
    return rc;
}

int kin_manifest_verify(const json_t *manifest, const kin_dir *dir, kin_error *err)
{
    json_t *files = json_object_get(manifest, "files");
    if (!json_is_object(files))
        return kin_fail(err, KIN_E_DATA, "the folder is damaged: build it again",
                        "%s/manifest.json lists no files", dir->path);
    const char *name;
    json_t *entry;
    int rc = verify_manifest(manifest, dir->path, err);
    json_object_foreach(files, name, entry)
    {
        if (rc == 0)
            rc = verify_file(dir, name, entry, err);
    }
    return rc;
}

int kin_manifest_check_listed(const json_t *manifest, const char *directory, const char *name,
                              kin_error *err)
{
    if (json_object_get(json_object_get(manifest, "files"), name))
        return 0;
    return kin_fail(err, KIN_E_DATA, "the folder is damaged: build it again",
                    "%s/manifest.json does not list %s", directory, name);
}
