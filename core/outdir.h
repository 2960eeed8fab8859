#ifndef KIN_CORE_OUTDIR_H
#define KIN_CORE_OUTDIR_H
/*
 * Output that is there whole or not at all.
 *
 * A folder is written under a temporary name beside its final one (".NAME.kin-XXXXXX", locked
 * with flock(2) while its writer lives), its files and itself are synced, and it takes its final
 * name in one rename; an existing folder is exchanged in one renameat2(2). What a killed writer
 * left behind is removed by the next one for the same name. Files go the same way.
 */
#include "core/file.h"
#include <jansson.h>
#include <stdbool.h>

typedef struct kin_outdir {
    char *final;     /* the name asked for, without a trailing slash; owned */
    char *temporary; /* where to write meanwhile; owned */
    int lock;        /* descriptor that holds the lock, -1 none */
    bool replace;    /* exchange with what is there */
} kin_outdir;

/* Refuses (KIN_E_CANTOUT) a `path` that exists, unless `force` and it is a folder that kin wrote of
 * the same `kind` ("graph", "index", "catalog") and holds nothing else: what is read is never
 * replaced by what is written, and nobody's notes are deleted. Refuses one whose parent is missing
 * or not writable, and (KIN_E_AGAIN) one that another process is writing now. Then makes the
 * temporary folder. */
int kin_outdir_open(kin_outdir *self, const char *path, const char *kind, bool force,
                    kin_error *err);

/* Adds "files": {name: {"bytes", "xxh3_128"}} for every other file and "checksum" (of the manifest
 * without itself and "run") to *manifest, writes it as
 * manifest.json (keys in the order they were set, two blanks of indent), syncs and renames. KIN_E_MEMORY
 * when *manifest is NULL: something was refused while it was built (core/json.h). */
int kin_outdir_commit(kin_outdir *self, json_t **manifest, kin_error *err);

/* Removes the temporary folder unless it was committed. */
void kin_outdir_release(kin_outdir *self);

/* Refuses (KIN_E_CANTOUT) what kin_outfile_write would refuse, before work is spent on it: a path that
 * exists, unless `force` and it is a file, and one whose parent is missing or not writable. */
int kin_outfile_check(const char *path, bool force, kin_error *err);

/* One file written the same way: bytes to a temporary name, synced, renamed. An existing file is
 * refused unless `force`. */
int kin_outfile_write(const char *path, const void *data, size_t bytes, bool force, kin_error *err);

/* Copies `from` byte for byte to `directory`/`name`. */
int kin_file_copy(const char *from, const char *directory, const char *name, kin_error *err);

/* Every manifest has "kind" ("graph", "index", "catalog") and "format", which is this number. */
enum { KIN_MANIFEST_FORMAT = 1, KIN_MANIFEST_DIGITS = 15 };

/* Reads and checks DIR/manifest.json: format, and `kind` unless NULL. The caller owns *out
 * (json_decref). */
int kin_manifest_read(json_t **out, const char *directory, const char *kind, kin_error *err);

/* The checksum of a manifest itself, without its "checksum" and "run": XXH3-128 of its compact
 * JSON with sorted keys. */
int kin_manifest_hash(kin_hash *out, const json_t *manifest, kin_error *err);

/* Compares the manifest's own checksum, and every file that it lists with its checksum. KIN_E_DATA names the first that
 * is missing or differs. */
int kin_manifest_verify(const json_t *manifest, const char *directory, kin_error *err);

#endif
