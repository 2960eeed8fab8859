#ifndef KIN_CORE_FILE_H
#define KIN_CORE_FILE_H
/*
 * Files as the stages see them: mapped read-only, and known by a fingerprint of their bytes.
 */
#include "core/dir.h"
#include "core/error.h"
#include "core/path.h"
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A whole file mapped read-only. */
typedef struct kin_file {
    char *path;                /* as given; owned */
    const unsigned char *data; /* [bytes]; NULL for an empty file */
    size_t bytes;
} kin_file;

enum { KIN_HASH_TEXT = 33 };

/* XXH3-128 of a file's bytes as 32 hexadecimal digits and a NUL. Not cryptographic: it notices
 * change, not malice. */
typedef struct kin_hash {
    char text[KIN_HASH_TEXT];
} kin_hash;

/* Maps `path`. KIN_E_NOINPUT when it is missing, unreadable or not a regular file. */
int kin_file_open(kin_file *self, const char *path, kin_error *err);

/* Maps the file `name` of a folder (NULL: `name` is a path). Its path is the folder's and the name.
 * KIN_E_AGAIN when it is missing and the folder was replaced. */
int kin_file_open_in(kin_file *self, const kin_dir *dir, const char *name, kin_error *err);
void kin_file_close(kin_file *self);

/* The fingerprint of mapped bytes. Reads all of them: memory speed. */
kin_hash kin_hash_bytes(const void *data, size_t bytes);

/* The fingerprint of what a state of XXH3's 128 bits has seen. */
struct XXH3_state_s;
kin_hash kin_hash_state(const struct XXH3_state_s *state);

/* The fingerprint of the file at `path`, read with read(2): no signal when it shrinks meanwhile. */
int kin_hash_file(kin_hash *out, size_t *bytes /* may be NULL */, const char *path, kin_error *err);

/* The value of a system call, made again as long as a signal interrupts it. Not for close(2) and
 * not for rename(2), which may have done their work. */
#define KIN_RETRY(call)                                                                            \
    __extension__({                                                                                \
        __typeof__(call) kin_result;                                                               \
        do                                                                                         \
            kin_result = (call);                                                                   \
        while (kin_result == -1 && errno == EINTR);                                                \
        kin_result;                                                                                \
    })

/* All of `data` to a descriptor. -1 and errno where it cannot. */
int kin_write_all(int fd, const void *data, size_t bytes);

/* The same to a place in the file, whose own place stays. */
int kin_write_all_at(int fd, const void *data, size_t bytes, uint64_t at);

/* Takes `bytes` of the disk for the file, from its start on: 0, or the errno. The C library may do
 * it by writing. */
int kin_reserve(int fd, size_t bytes);

/* Whether an address lies in the mapped file. */
bool kin_file_holds(const kin_file *self, const void *at);

/* Gives the memory of a range back, which lies in the file: its pages are mapped again when they
 * are read. For who reads a large file once. */
void kin_file_forget(const kin_file *self, const void *from, size_t bytes);

/* A stream over a descriptor ("r" or "w"), which goes on after a signal came into a call;
 * fopen(3)'s would fail. fclose closes both. It has no fileno(3). NULL and errno, and the
 * descriptor stays open. */
FILE *kin_file_stream(int fd, const char *mode);

/* Such a stream into a file that is made new, or emptied: NULL and errno. For files in an output
 * folder under way. */
FILE *kin_file_create(const char *path);

/* A new file with the modes that the umask leaves. KIN_E_CANTOUT where it cannot be created, also
 * as there is one; KIN_E_IO where it cannot be written, then nothing stays of it. It may be half
 * there after a kill: for files in an output folder under way; elsewhere kin_outfile_write. */
int kin_file_write(const char *path, const void *data, size_t bytes, kin_error *err);

/* Copies `from` byte for byte to `directory`/`name` in the same way. */
int kin_file_copy(const char *from, const char *directory, const char *name, kin_error *err);

/* The fingerprint of the file `name` of a folder, as kin_file_open_in finds it. */
int kin_hash_file_in(kin_hash *out, size_t *bytes /* may be NULL */, const kin_dir *dir,
                     const char *name, kin_error *err);

/* A descriptor of the file `name` of a folder (NULL: `name` is a path), or a negative code, as of
 * kin_file_open_in. */
int kin_file_descriptor(const kin_dir *dir, const char *name, kin_error *err);

#endif
