#ifndef KIN_TOOLS_GEN_GEN_FROM_H
#define KIN_TOOLS_GEN_GEN_FROM_H
/*
 * Which files of a folder are the catalog that `kin gen --from DIR` enlarges.
 */
#include "core/catalog.h"
#include "job/options.h"

/* The sources in DIR: those that `list` names (NAME or NAME=FILE, files in DIR), else what DIR's
 * manifest of kind "catalog" names, else every file of vectors that has as many rows as the
 * largest of them, by name. *out has room for KIN_MODALITIES_MAX. */
int gen_from_sources(kin_source *out, size_t *count, const kin_dir *dir, const kin_text_list *list,
                     kin_error *err);

#endif
