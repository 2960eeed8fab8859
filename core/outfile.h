#ifndef KIN_CORE_OUTFILE_H
#define KIN_CORE_OUTFILE_H
/*
 * One output file, written whole or not at all.
 */
#include "core/error.h"
#include <stdbool.h>
#include <stddef.h>

/* Refuses (KIN_E_CANTOUT) what kin_outfile_write would refuse, before work is spent on it: a path
 * that exists, unless `force` and it is a file, and one whose parent is missing or not writable. A
 * file that kin reads is refused with `force` too: one with an ending of vectors or neighbours, and
 * one of a folder that kin wrote. */
int kin_outfile_check(const char *path, bool force, kin_error *err);

/* One file written the same way: in a folder of its own beside it, synced, renamed. An existing
 * file is refused unless `force`, and what is no plain file always. Two writers of one name may
 * meet: the last one's file stays. */
int kin_outfile_write(const char *path, const void *data, size_t bytes, bool force, kin_error *err);

#endif
