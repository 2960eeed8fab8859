#ifndef KIN_CORE_HASHED_FILE_H
#define KIN_CORE_HASHED_FILE_H
/*
 * Files that are written front to back, once, with their fingerprints taken on the way: nothing is
 * read again. Their room on the disk is taken first, so that a disk too small is found out before
 * the work and not after it.
 *
 * What is added is collected in blocks, which a thread of its own hashes and writes: who adds goes
 * on computing while the device writes, until all blocks wait. Whole blocks go past the page cache
 * (O_DIRECT) where the file system can. Through it each byte is copied once more, into pages that
 * have to be found and cleared for it, to be written back from there: for files of gigabytes that
 * takes the processor longer than the device, and drives the inputs' pages out.
 */
#include "core/file.h"
#include <stdbool.h>

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

/* The thread, and the blocks of all files that it writes. */
typedef struct kin_block_writer kin_block_writer;

enum { KIN_BLOCK_BYTES = 1 << 20 };

/* For up to `files` files at a time, of `room` bytes together. KIN_E_MEMORY, also where no thread
 * can be started. */
int kin_block_writer_new(kin_block_writer **out, size_t files, size_t room, kin_error *err);

/* Writes what is waiting, and ends the thread. Its files are released afterwards. */
void kin_block_writer_free(kin_block_writer *self);

/* Bytes of memory. */
size_t kin_block_writer_bytes(size_t files, size_t room);

/* Zeroed: none. */
typedef struct kin_hashed_file {
    char *path; /* owned */
    int fd;
    size_t bytes;               /* added so far */
    struct XXH3_state_s *state; /* owned */
    kin_block_writer *writer;
    unsigned char *block; /* the writer's, that is being filled; NULL: none */
    /* of the writer's lock: */
    size_t waiting; /* blocks that are not written yet */
    int failed;     /* errno of the first block that cannot be written */
    bool direct;    /* past the page cache; the thread's alone */
} kin_hashed_file;

/* Creates directory/name and takes `room` bytes of the disk for it. KIN_E_CANTOUT where it cannot
 * be created, KIN_E_IO where there is not so much room. To be released, whatever comes of it. */
int kin_hashed_file_create(kin_hashed_file *self, kin_block_writer *writer, const char *directory,
                           const char *name, size_t room, kin_error *err);
void kin_hashed_file_release(kin_hashed_file *self);

/* Appends bytes. From one thread at a time; other files' may be added to meanwhile. KIN_E_IO where
 * some of those before could not be written. */
int kin_hashed_file_add(kin_hashed_file *self, const void *data, size_t bytes, kin_error *err);

/* Waits until all is written, gives back the room that was not needed, closes the file and adds it
 * to the list, which has room. */
int kin_hashed_file_finish(kin_hashed_file *self, kin_written *to, kin_error *err);

#endif
