/*
 * renameat2(2) with RENAME_NOREPLACE, also where the file system has none (declared in
 * core/rename.h).
 *
 * A folder then takes the name of an empty one made for it: mkdir fails where the name is taken,
 * and rename replaces an empty folder alone. A file takes it as a second link, which never replaces
 * anything; FAT has no links either, and there a moment is left in which another program could take
 * the name.
 */
#include "core/rename.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int rename_folder(int from_folder, const char *from, int folder, const char *to)
{
    if (mkdirat(folder, to, 0700) != 0)
        return -1;
    int failed = renameat(from_folder, from, folder, to);
    int saved = errno;
    if (failed)
        unlinkat(folder, to, AT_REMOVEDIR);
    errno = saved;
    return failed;
}

static int rename_file(int from_folder, const char *from, int folder, const char *to)
{
    struct stat status;
    if (linkat(from_folder, from, folder, to, 0) == 0) {
        unlinkat(from_folder, from, 0);
        return 0;
    }
    if (errno == EEXIST || fstatat(folder, to, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return -1;
    }
    return renameat(from_folder, from, folder, to);
}

int kin_rename_new(int from_folder, const char *from, int folder, const char *to)
{
    struct stat status;
    if (renameat2(from_folder, from, folder, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (fstatat(from_folder, from, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    return S_ISDIR(status.st_mode) ? rename_folder(from_folder, from, folder, to)
                                   : rename_file(from_folder, from, folder, to);
}
