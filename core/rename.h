#ifndef KIN_CORE_RENAME_H
#define KIN_CORE_RENAME_H
/*
 * A rename that never replaces anything.
 */

/* Gives the file or folder `from` in the open folder `from_folder` the name `to` in `folder`, where
 * nothing has that name. 0, or -1 with errno: EEXIST (of a folder also ENOTEMPTY) where something
 * has. Paths without slashes. */
int kin_rename_new(int from_folder, const char *from, int folder, const char *to);

#endif
