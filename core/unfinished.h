#ifndef KIN_CORE_UNFINISHED_H
#define KIN_CORE_UNFINISHED_H
/*
 * The folder in which an output is written, beside its final name, and what killed writers left.
 *
 * The folder of the output NAME is called ".NAME.kin-" and six characters of mkdtemp(3)'s alphabet.
 * Its writer holds a flock(2) on it and first of all writes a mark into it, a small file that holds
 * the folder's own name. A leftover is a folder, no link to one, of such a name, of this user,
 * which no writer has locked and which has its mark: nothing else is ever removed, whatever it is
 * called. A copy of a leftover under another name is none, as its mark holds the old one.
 *
 * Two moments have no mark: after the folder was made, and before it is removed. Then it is empty
 * (or holds a mark that is half written) and has the sticky bit, which means nothing on a folder of
 * one's own: such a folder is a leftover too. So a writer may be killed at any time.
 *
 * Everything is opened and removed by descriptor, links are not followed, and only plain files of
 * this user are removed. Folders and files of others in a leftover stay, and the leftover with
 * them, without its mark: it is theirs from then on.
 */
#include "core/error.h"
#include <dirent.h>
#include <jansson.h>
#include <stdbool.h>

extern const char kin_mark_name[]; /* ".kin-unfinished" */

/* What the mark in a folder says. */
typedef enum kin_mark {
    KIN_MARK_NONE,       /* no mark, or one of another folder */
    KIN_MARK_UNFINISHED, /* all plain files inside are an unfinished output's */
    KIN_MARK_REPLACED,   /* an old output that was exchanged: its manifest says what is kin's */
} kin_mark;

/* Zeroed: none. */
typedef struct kin_unfinished {
    char *path;       /* "PARENT/.NAME.kin-XXXXXX", to write into; owned */
    const char *name; /* its last part; points into `path` */
    int parent;       /* descriptor of PARENT, good for names below it only; owned */
    DIR *folder; /* the folder, locked. Opened once so that emptying it needs no memory; owned */
} kin_unfinished;

/* Makes and locks a folder for the output `final`, with the modes that the umask leaves.
 * KIN_E_CANTOUT.
 */
int kin_unfinished_open(kin_unfinished *self, const char *final, kin_error *err);

/* Removes the leftovers of other writers of the same name. *living is whether one of them lives. */
int kin_unfinished_clear(const kin_unfinished *self, bool *living, kin_error *err);

/* Whether the folder still has its name: it may have been moved away, or another put in its
 * place. */
bool kin_unfinished_is_there(const kin_unfinished *self);

/* Empties and removes the folder where it still has its name, and closes it. */
void kin_unfinished_discard(kin_unfinished *self);

/* For a folder that has its final name now: takes the mark away and closes it. False, and errno,
 * where the mark could not be removed: it means nothing under the final name. */
bool kin_unfinished_publish(kin_unfinished *self);

/* Marks `folder` as what is about to come under this folder's name. False, and errno. */
bool kin_unfinished_mark(const kin_unfinished *self, int folder, kin_mark mark);

/* Takes the mark out of `folder`, which is known to be kin's; true where there is none. */
bool kin_unfinished_unmark(int folder);

/* Whether the entry of `folder` called `name` is a mark, of this folder or from another name that
 * it had. */
bool kin_unfinished_is_mark(int folder, const char *name);

/* What stays of a folder after it was emptied. Zeroed: nothing. */
typedef struct kin_remains {
    int error;      /* errno of something that is kin's and could not be removed; 0: none */
    bool strange;   /* something is not kin's */
    char name[256]; /* of one of these things */
} kin_remains;

/* Whether `manifest` speaks of the entry `name` of `folder`: a plain file that it lists, or
 * itself. */
bool kin_unfinished_is_listed(int folder, const char *name, const json_t *manifest);

/* Removes what `manifest` lists from `old`, then the manifest, the mark, and the folder itself,
 * which is called `name` in `parent`. */
kin_remains kin_unfinished_empty(int parent, const char *name, DIR *old, const json_t *manifest);

#endif
