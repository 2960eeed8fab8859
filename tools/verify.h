#ifndef KIN_TOOLS_VERIFY_H
#define KIN_TOOLS_VERIFY_H
/*
 * What `kin verify` holds of one kind of folder, for tools/cmd_verify.c. Each prints a line a check that held;
 * KIN_E_DATA names the first violation.
 */
#include "core/dir.h"
#include <jansson.h>

/* Whether the manifest lists the file `name`: one that it does not list has no checksum. */
int verify_listed(const json_t *manifest, const char *directory, const char *name, kin_error *err);

/* The parts of an index folder whose checksums held. */
int verify_index(const kin_dir *dir, const json_t *manifest, kin_error *err);

#endif
