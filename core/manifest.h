#ifndef KIN_CORE_MANIFEST_H
#define KIN_CORE_MANIFEST_H
/*
 * manifest.json, which describes a folder that kin wrote, and the folder held against it.
 */
#include "core/dir.h"
#include "core/file.h"
#include <jansson.h>

/* Every manifest has "kind" ("graph", "index", "catalog") and "format", which is this number. */
enum { KIN_MANIFEST_FORMAT = 1, KIN_MANIFEST_DIGITS = 15 };

/* Reads and checks DIR/manifest.json: format, and `kind` unless NULL. The caller owns *out
 * (json_decref). */
int kin_manifest_read(json_t **out, const char *directory, const char *kind, kin_error *err);

/* The same of a folder whose other files are read too: one after another, from the same folder. */
int kin_manifest_read_in(json_t **out, const kin_dir *dir, const char *kind, kin_error *err);

/* The checksum of a manifest itself, without its "checksum" and "run": XXH3-128 of its compact
 * JSON with sorted keys. */
int kin_manifest_hash(kin_hash *out, const json_t *manifest, kin_error *err);

/* Compares the manifest's own checksum, and every file that it lists with its checksum. KIN_E_DATA
 * names the first that is missing or differs. */
int kin_manifest_verify(const json_t *manifest, const kin_dir *dir, kin_error *err);

/* KIN_E_DATA where the manifest of `directory` does not list the file `name`, which then has no
 * checksum. */
int kin_manifest_check_listed(const json_t *manifest, const char *directory, const char *name,
                              kin_error *err);

#endif
