#include "core/dir.h"
#include "core/file.h"
#include "core/path.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int kin_dir_open(kin_dir *self, const char *path, kin_error *err)
{
    *self = (kin_dir){.path = kin_path_trim(path)};
    if (!self->path)
        return kin_fail_alloc(err, "path", strlen(path));
    self->fd = KIN_RETRY(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (self->fd >= 0)
        return 0;
    int rc = errno == ENOTDIR ? kin_fail(err, KIN_E_NOINPUT, "name a folder that kin wrote",
                                         "%s: not a folder", path)
                              : kin_fail_errno(err, KIN_E_NOINPUT, "check the path", "%s", path);
    free(self->path);
    *self = (kin_dir){0};
    return rc;
}

int kin_dir_copy(kin_dir *self, const kin_dir *from, kin_error *err)
{
    *self = (kin_dir){.path = strdup(from->path)};
    if (!self->path)
        return kin_fail_alloc(err, "path", strlen(from->path));
    self->fd = fcntl(from->fd, F_DUPFD_CLOEXEC, 0);
    if (self->fd >= 0)
        return 0;
    free(self->path);
    *self = (kin_dir){0};
    return kin_fail_errno(err, KIN_E_IO, "close other files", "%s", from->path);
}

void kin_dir_close(kin_dir *self)
{
    if (self->path)
        close(self->fd);
    free(self->path);
    *self = (kin_dir){0};
}

bool kin_dir_is_replaced(const kin_dir *self)
{
    struct stat held, named;
    if (fstat(self->fd, &held) != 0)
        return false;
    if (stat(self->path, &named) != 0)
        return errno == ENOENT || errno == ENOTDIR;
    return held.st_dev != named.st_dev || held.st_ino != named.st_ino;
}

int kin_dir_settle(const kin_dir *self, int rc, kin_error *err)
{
    if ((rc != KIN_E_DATA && rc != KIN_E_NOINPUT) || !kin_dir_is_replaced(self))
        return rc;
    return kin_fail(err, KIN_E_AGAIN, "run it again: it reads the new folder then",
                    "%s: the folder was replaced while it was read", self->path);
}
