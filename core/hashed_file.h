#ifndef KIN_CORE_HASHED_FILE_H
#define KIN_CORE_HASHED_FILE_H
/*
 * A file that is written front to back, once, with its fingerprint taken on the way: nothing is
 * read again. Its room on the disk is taken first, so that a disk too small is found out before the
 * work and not after it.
 */
#include "core/file.h"

/* A file as it was written. */
typedef struct kin_written_file {
    char name[64]; /* in its folder */
    size_t bytes;
    kin_hash hash;
} kin_written_file;

/* Files of a folder whose fingerprints are known. */
enum { KIN_WRITTEN_MAX = 16 };
typedef struct kin_written {
    size_t count;
    kin_written_file file[KIN_WRITTEN_MAX];
} kin_written;

/* Zeroed: none. */
typedef struct kin_hashed_file {
    char *path; /* owned */
    int fd;
    size_t bytes;               /* written so far */
    struct XXH3_state_s *state; /* owned */
} kin_hashed_file;

/* Creates directory/name and takes `room` bytes of the disk for it. KIN_E_CANTOUT where it cannot
 * be created, KIN_E_IO where there is not so much room. To be released, whatever comes of it. */
int kin_hashed_file_create(kin_hashed_file *self, const char *directory, const char *name,
                           size_t room, kin_error *err);
void kin_hashed_file_release(kin_hashed_file *self);

/* Writing and hashing are two halves that two threads may do: each wants all blocks in order. The
 * disk is told to begin with what was written. */
int kin_hashed_file_write(kin_hashed_file *self, const void *data, size_t bytes, kin_error *err);
void kin_hashed_file_hash(kin_hashed_file *self, const void *data, size_t bytes);

/* Both. */
int kin_hashed_file_add(kin_hashed_file *self, const void *data, size_t bytes, kin_error *err);

/* Gives back the room that was not needed, closes the file and adds it to the list, which has
 * room. */
int kin_hashed_file_finish(kin_hashed_file *self, kin_written *to, kin_error *err);

#endif
