#ifndef KIN_CORE_ZIP_STORED_H
#define KIN_CORE_ZIP_STORED_H
/*
 * Zip archives whose members are stored and aligned: an .npz that is mapped, not read.
 *
 * The bytes of a member start at a multiple of 64; the gap is an extra field of its local header
 * (0xd935, which Android's zipalign made known). Member times are 1980-01-01, so an archive's bytes
 * depend on its members alone. Zip64 where a size or a place needs it (APPNOTE.TXT, 6.3.3).
 *
 * Written here are headers only: a member's size and checksum are known before its bytes, which
 * the caller writes, in order. Archives of other tools are core/zip.h's.
 */
#include "core/file.h"

enum {
    KIN_STORED_ALIGNMENT = 64,
    KIN_STORED_NAME_MAX = 48,
    KIN_STORED_MEMBERS_MAX = 12,
    KIN_STORED_HEADER_MOST = 256,     /* of a local header */
    KIN_STORED_DIRECTORY_MOST = 2048, /* of all that follows the members */
};

typedef struct kin_stored_member {
    const char *name; /* up to KIN_STORED_NAME_MAX characters */
    uint64_t bytes;
    uint32_t crc;                /* CRC-32 of the bytes */
    uint64_t header_at, data_at; /* from the start of the archive */
} kin_stored_member;

/* Sets the members' places, one behind the other. Returns where the directory begins. */
uint64_t kin_stored_place(kin_stored_member *member, size_t count);

/* The local header of a member that has its place: its data_at - header_at bytes. */
size_t kin_stored_header(unsigned char out[KIN_STORED_HEADER_MOST],
                         const kin_stored_member *member);

/* The directory and the archive's end; its bytes. */
size_t kin_stored_directory(unsigned char out[KIN_STORED_DIRECTORY_MOST],
                            const kin_stored_member *member, size_t count);

/* The bytes of a member in a mapped archive. KIN_E_DATA where the file is none, is damaged, has no
 * member of that name, or has it compressed or encrypted. The checksum is not looked at. */
int kin_stored_find(const kin_file *file, const char *name, const unsigned char **data,
                    size_t *bytes, kin_error *err);

#endif
