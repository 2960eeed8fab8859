#include "core/zip.h"
#include "core/file.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

/* 1980-01-01 00:00 as MS-DOS writes dates: day 1, month 1, year 0. */
enum { DOS_DATE = 1 << 5 | 1, DOS_TIME = 0 };

static int fail_zip(zip_t *archive, const char *path, kin_error *err)
{
    return kin_fail(err, KIN_E_IO, "is the disk full?", "%s cannot be written: %s", path,
                    zip_strerror(archive));
}

static int add_member(zip_t *archive, const char *directory, const kin_zip_member *member,
                      const char *archive_path, kin_error *err)
{
    char *path = member->file ? kin_path_join(directory, member->file) : NULL;
    zip_source_t *source = member->file
                               ? zip_source_file(archive, path, 0, -1 /* to its end */)
                               : zip_source_buffer(archive, member->data, member->bytes, 0);
    free(path);
    if (!source)
        return fail_zip(archive, archive_path, err);
    zip_int64_t index = zip_file_add(archive, member->name, source, 0);
    if (index < 0) {
        zip_source_free(source);
        return fail_zip(archive, archive_path, err);
    }
    if (zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive, (zip_uint64_t)index, DOS_TIME, DOS_DATE, 0) != 0)
        return fail_zip(archive, archive_path, err);
    return 0;
}

int kin_zip_write(const char *directory, const char *name, const kin_zip_member *member,
                  size_t count, kin_error *err)
{
    int rc = 0;
    char *path = kin_path_join(directory, name);
    int code = 0;
    zip_t *archive = path ? zip_open(path, ZIP_CREATE | ZIP_EXCL, &code) : NULL;
    if (!archive) {
        rc = kin_fail(err, KIN_E_IO, "check the disk", "%s/%s cannot be created (libzip error %d)",
                      directory, name, code);
        goto done;
    }
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = add_member(archive, directory, &member[i], path, err);
    if (rc == 0 && zip_close(archive) != 0)
        rc = fail_zip(archive, path, err);
    if (rc != 0)
        zip_discard(archive);
done:
    free(path);
    return rc;
}
