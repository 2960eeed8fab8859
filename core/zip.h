#ifndef KIN_CORE_ZIP_H
#define KIN_CORE_ZIP_H
/*
 * Zip archives (.npz) of other tools: members stored, or deflated, which zlib unpacks. kin's own
 * are core/zip_stored.h's.
 */
#include "core/error.h"
#include "core/zip_directory.h"

/* An archive in a mapped file. */
typedef struct kin_zip {
    const kin_file *file; /* the caller's; outlives it */
} kin_zip;

/* KIN_E_DATA where the file is no zip archive, or a damaged one. Nothing is to be closed. */
int kin_zip_open(kin_zip *self, const kin_file *file, kin_error *err);

/* A member as the archive describes it. */
typedef struct kin_zip_entry {
    const char *name; /* the caller's */
    size_t bytes;     /* uncompressed: never more than its compressed bytes can become */
    kin_zip_member member;
} kin_zip_entry;

/* Finds a member. KIN_E_DATA where there is none of that name, where it is encrypted or compressed
 * by anything but deflate, and where it claims a size that it cannot have. */
int kin_zip_find(const kin_zip *self, kin_zip_entry *out, const char *name, kin_error *err);

/* The first `bytes` bytes of a member, at most entry->bytes, in new memory of that size (free). All
 * of them are held against the member's checksum. KIN_E_DATA where there are fewer, or more than
 * entry->bytes. */
int kin_zip_read(const kin_zip *self, const kin_zip_entry *entry, size_t bytes, unsigned char **out,
                 kin_error *err);

#endif
