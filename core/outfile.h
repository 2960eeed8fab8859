#ifndef KIN_CORE_OUTFILE_H
#define KIN_CORE_OUTFILE_H
/*
 * One output file, written whole or not at all.
 */
#include "core/unfinished.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Refuses (KIN_E_CANTOUT) what kin_outfile_write would refuse, before work is spent on it: a path
 * that exists, unless `force` and it is a file, and one whose parent is missing or not writable. A
 * file that kin reads is refused with `force` too: one with an ending of vectors or neighbours, and
 * one of a folder that kin wrote. */
int kin_outfile_check(const char *path, bool force, kin_error *err);

/* One file written the same way: in a folder of its own beside it, synced, renamed. An existing
 * file is refused unless `force`, and what is no plain file always. Two writers of one name may
 * meet: the last one's file stays. */
int kin_outfile_write(const char *path, const void *data, size_t bytes, bool force, kin_error *err);

/* Whether an existing file with an ending of vectors or neighbours is one that `force` may replace
 * all the same: a result of the same kind. An error where that cannot be told. */
typedef int kin_outfile_owner(bool *own, const char *path, kin_error *err);

/* The same piece by piece. Zeroed: none. */
typedef struct kin_outfile {
    const char *path; /* its name in the end; the caller's, outlives it */
    bool force;
    kin_outfile_owner *is_own; /* NULL: none is */
    int fd;                    /* to write to, at any place */
    kin_unfinished beside;
} kin_outfile;

/* Refuses what kin_outfile_check refuses but what is_own allows, and creates the file under another
 * name. To be released, whatever comes of it. */
int kin_outfile_open(kin_outfile *self, const char *path, bool force, kin_outfile_owner *is_own,
                     kin_error *err);

/* A stream into the file from its start on (fclose it before the commit). NULL and errno. */
FILE *kin_outfile_stream(const kin_outfile *self);

/* Syncs the file and gives it its name. */
int kin_outfile_commit(kin_outfile *self, kin_error *err);

/* Removes it unless it was committed. */
void kin_outfile_release(kin_outfile *self);

#endif
