#ifndef KIN_CORE_OUTDIR_H
#define KIN_CORE_OUTDIR_H
/*
 * Output that is there whole or not at all, and nothing of others' that is lost for it.
 *
 * A folder is written under a temporary name beside its final one (core/unfinished.h), its files
 * and itself are synced, and it takes its final name in one rename; an existing folder is exchanged
 * in one renameat2(2). What a killed writer left behind is removed by the next one for the same
 * name. Files go the same way.
 *
 * What is to be replaced is looked at three times: when the output is opened, so that no work is
 * wasted; when it is complete; and after the exchange, when its name leads to the new one. Where
 * something that kin did not write turns up it is given back, in a second exchange, and the output
 * is refused (KIN_E_CANTOUT) as it would have been at the start: a folder with a user's notes stays
 * where it was, and the new output can be made again. Only what the old manifest lists is
 * removed. Where the old folder has gone meanwhile the new one takes the name.
 */
#include "core/hashed_file.h"
#include "core/unfinished.h"
#include <jansson.h>
#include <stdbool.h>

/* Zeroed: none. It stays at its address while it is open. */
typedef struct kin_outdir {
    char *final;     /* the name asked for, without a trailing slash; owned */
    char *temporary; /* where to write meanwhile: unfinished.path, NULL before and after */
    const char *kind;
    bool force;
    kin_unfinished unfinished;
    kin_error note; /* after kin_outdir_commit had 0: a message that the user should see, or none
                     * (code 0), of what does not make the output worse */
    kin_written written; /* files whose fingerprints the caller knows: they are not read again */
    struct kin_outdir *next; /* of those that are open */
} kin_outdir;

/* Refuses (KIN_E_CANTOUT) a `path` that exists, unless `force` and it is a folder that kin wrote of
 * the same `kind` ("graph", "index", "catalog"; a text that stays) and holds nothing else: what is
 * read is never replaced by what is written, and no user's notes are deleted. Refuses one whose
 * parent is missing or not writable, or on a file system without locks, and (KIN_E_AGAIN) one that
 * another process is writing now. Then makes the temporary folder. */
int kin_outdir_open(kin_outdir *self, const char *path, const char *kind, bool force,
                    kin_error *err);

/* Adds "files": {name: {"bytes", "xxh3_128"}} for every other file and "checksum" (of the manifest
 * without itself and "run") to *manifest, writes it as
 * manifest.json (keys in the order they were set, two blanks of indent), syncs and renames.
 * KIN_E_MEMORY when *manifest is NULL: something was refused while it was built (core/json.h). 0
 * says that the output is in place; what failed after that is a note: its name may not be on the
 * disk yet, or something of the old folder could not be removed and lies under the name that the
 * note tells. */
int kin_outdir_commit(kin_outdir *self, json_t **manifest, kin_error *err);

/* Removes the temporary folder unless it was committed. */
void kin_outdir_release(kin_outdir *self);

/* Removes the temporary folders of all that are open, from any thread: for a process that is about
 * to end where nothing can be unwound. */
void kin_outdir_discard_all(void);

/* In a child that was just forked: those that are open are its parent's. */
void kin_outdir_forget_all(void);

#endif
