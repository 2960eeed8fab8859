#ifndef KIN_CORE_ZIP_DIRECTORY_H
#define KIN_CORE_ZIP_DIRECTORY_H
/*
 * The directory of a zip archive in a mapped file: where a member's bytes are, and how they are
 * packed (APPNOTE.TXT 6.3.3, with zip64).
 *
 * Nothing in an archive is believed: every place and size is held against the file before it is
 * used. Where there are several members of a name the first one is found.
 */
#include "core/file.h"
#include <stdbool.h>

/* Signatures, the bytes of each record without names and extras, the extra field of large ones. */
enum {
    KIN_ZIP_LOCAL = 0x04034b50,
    KIN_ZIP_CENTRAL = 0x02014b50,
    KIN_ZIP_END64 = 0x06064b50,
    KIN_ZIP_LOCATOR = 0x07064b50,
    KIN_ZIP_END = 0x06054b50,
    KIN_ZIP_LOCAL_BYTES = 30,
    KIN_ZIP_CENTRAL_BYTES = 46,
    KIN_ZIP_END64_BYTES = 56,
    KIN_ZIP_LOCATOR_BYTES = 20,
    KIN_ZIP_END_BYTES = 22,
    KIN_ZIP_ZIP64 = 0x0001,
};

/* How members are packed. */
enum { KIN_ZIP_STORED = 0, KIN_ZIP_DEFLATED = 8 };

typedef struct kin_zip_member {
    const unsigned char *data; /* [packed] in the file */
    size_t packed, bytes;      /* bytes: what it claims to have, unpacked */
    unsigned method;
    bool encrypted;
    uint32_t crc; /* CRC-32 of the unpacked bytes */
} kin_zip_member;

/* KIN_E_DATA where the file is no archive, is damaged, or has no member of this name. */
int kin_zip_member_find(const kin_file *file, const char *name, kin_zip_member *out,
                        kin_error *err);

/* KIN_E_DATA where the file is no archive. */
int kin_zip_check(const kin_file *file, kin_error *err);

#endif
