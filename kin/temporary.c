#include "kin/temporary.h"
#include "core/path.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

int kin_temporary_make(kin_temporary *self, const char *directory, kin_error *err)
{
    *self = (kin_temporary){.folder = kin_path_join(directory, "kin-XXXXXX")};
    if (!self->folder)
        return kin_fail_alloc(err, "path", 0);
    if (!mkdtemp(self->folder)) {
        int rc = kin_fail_errno(err, KIN_E_CANTOUT,
                                "name a folder for files that are gone afterwards, or give out=DIR",
                                "no folder can be made in %s", directory);
        free(self->folder);
        self->folder = NULL;
        return rc;
    }
    self->path = kin_path_join(self->folder, "graph");
    if (self->path)
        return 0;
    kin_temporary_remove(self);
    return kin_fail_alloc(err, "path", 0);
}

/* All that a result's folder holds are plain files. */
static void empty(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder)) != NULL)
        if (entry->d_type != DT_DIR)
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
}

void kin_temporary_remove(kin_temporary *self)
{
    if (self->path) {
        empty(self->path);
        rmdir(self->path);
    }
    if (self->folder)
        rmdir(self->folder);
    free(self->path);
    free(self->folder);
    *self = (kin_temporary){0};
}
