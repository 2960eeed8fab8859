#ifndef KIN_TOOLS_GEN_GEN_FROM_H
#define KIN_TOOLS_GEN_GEN_FROM_H
/*
 * Which files of a folder are the catalog that `kin gen --from DIR` enlarges.
 */
#include "core/catalog.h"

/* The sources in DIR: those that `name` lists (NAME or NAME=FILE, files in DIR), else what DIR's
 * manifest of kind "catalog" names, else every file of vectors that has as many rows as the
 * largest of them, by name. *out has room for KIN_MODALITIES_MAX; the caller releases each of them
 * (kin_source_release). On failure *count is 0. */
int gen_from_sources(kin_source *out, size_t *count, const kin_dir *dir,
                     const char *const *name /* [names] */, size_t names, kin_error *err);

#endif
