#ifndef KIN_CORE_PATH_H
#define KIN_CORE_PATH_H
/*
 * Paths cut and joined, and texts in new memory.
 */
#include "core/dir.h"

/* The part of `path` behind its last slash; points into `path`. */
const char *kin_path_base(const char *path);

/* The path of the folder that `path` lies in, without slashes at its end, in new memory (free): "."
 * for a bare name. NULL when memory is refused. */
char *kin_path_parent(const char *path);

/* `path` without the slashes at its end, as a shell completes them, in new memory (free); "/"
 * stays. NULL when memory is refused. */
char *kin_path_trim(const char *path);

/* "directory/name" in new memory (free), NULL when memory is refused. */
char *kin_path_join(const char *directory, const char *name);

/* The path of the file `name` of a folder (NULL: `name` is one) in new memory (free). */
char *kin_path_in(const kin_dir *dir, const char *name);

/* printf into new memory (free), NULL when memory is refused. */
char *kin_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
