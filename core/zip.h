#ifndef KIN_CORE_ZIP_H
#define KIN_CORE_ZIP_H
/*
 * Uncompressed zip archives (.npz) whose bytes depend on nothing but their members: member times
 * are fixed at 1980-01-01. Zip64 where a size needs it. Through libzip.
 */
#include "core/error.h"
#include <stddef.h>

/* A member: a file of the archive's folder, or bytes in memory. */
typedef struct kin_zip_member {
    const char *name; /* in the archive */
    const char *file; /* in the folder; NULL: data */
    const void *data; /* [bytes]; the caller's until kin_zip_write returns */
    size_t bytes;
} kin_zip_member;

/* Writes `directory`/`name`. */
int kin_zip_write(const char *directory, const char *name, const kin_zip_member *member,
                  size_t count, kin_error *err);

#endif
