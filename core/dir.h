#ifndef KIN_CORE_DIR_H
#define KIN_CORE_DIR_H
/*
 * A folder that is read, held by one descriptor.
 *
 * A writer exchanges a folder's name in one rename and deletes the old folder's files. Who opens
 * one file after another by path can so get files of both. Through the descriptor every file is the
 * old folder's or is missing; and a file that is missing because the name was given to another
 * folder is no damage: the answer is KIN_E_AGAIN. Mapped files stay what they are after they are
 * deleted, so a reader that has everything open goes on with the old folder, whole.
 */
#include "core/error.h"
#include <stdbool.h>

/* Zeroed: none. */
typedef struct kin_dir {
    char *path; /* as given, without slashes at its end; NULL: not open; owned */
    int fd;     /* O_PATH: for the *at functions */
} kin_dir;

/* KIN_E_NOINPUT when it is missing or no folder. */
int kin_dir_open(kin_dir *self, const char *path, kin_error *err);

/* Another descriptor of the same folder. */
int kin_dir_copy(kin_dir *self, const kin_dir *from, kin_error *err);

void kin_dir_close(kin_dir *self);

/* Whether its path leads to another folder by now, or to nothing. */
bool kin_dir_is_replaced(const kin_dir *self);

/* The outcome `rc` of reading files of the folder, or KIN_E_AGAIN in its place when it says that
 * one is missing or damaged and the folder was replaced meanwhile. */
int kin_dir_settle(const kin_dir *self, int rc, kin_error *err);

#endif
