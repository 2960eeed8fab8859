#include "ann/faiss_array.h"
#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/npy_writer.h"

#include <stdlib.h>
#include <string.h>

const char kin_index_again[] = "build the index again with kin index";

int kin_index_array_write(const char *directory, const char *part, const char *what,
                          const char *descr, const void *data, size_t dimensions,
                          const size_t *shape, kin_error *err)
{
    kin_npy_writer writer = {0};
    char *name = kin_text("%s.%s.npy", part, what);
    int status = name ? 0 : kin_fail_alloc(err, "path", strlen(part));
    if (status == 0)
        status = kin_npy_writer_open(&writer, directory, name, descr,
                                     dimensions > 1 ? &shape[1] : NULL, err);
    if (status == 0)
        status = kin_npy_writer_add(&writer, data, shape[0], err);
    if (status == 0)
        status = kin_npy_writer_finish(&writer, err);
    kin_npy_writer_release(&writer);
    free(name);
    return status;
}

int kin_index_array_read(void **out, char **path, const kin_dir *dir, const char *part,
                         const char *what, const char *descr, size_t rows, size_t columns,
                         kin_error *err)
{
    kin_file file;
    kin_npy_header header;
    size_t bytes = kin_size_mul(kin_size_mul(rows, columns), 4);

    *path = NULL;
    char *name = kin_text("%s.%s.npy", part, what);
    int status =
        name ? kin_file_open_in(&file, dir, name, err) : kin_fail_alloc(err, "path", strlen(part));
    free(name);
    if (status)
        return status;
    *path = strdup(file.path);
    if (!*path) {
        status = kin_fail_alloc(err, "path", strlen(file.path));
        goto exit;
    }
    status = kin_npy_parse(&header, file.data, file.bytes, *path, err);
    if (status)
        goto exit;
    if (strcmp(header.descr, descr) != 0 || header.fortran_order || header.shape[0] != rows ||
        header.shape[1] != columns || file.bytes - header.data_offset != bytes) {
        status = kin_fail(err, KIN_E_DATA, kin_index_again,
                          "%s: is (%zu, %zu) of %s, expected (%zu, %zu) of %s", *path,
                          header.shape[0], header.shape[1], header.descr, rows, columns, descr);
        goto exit;
    }
    *out = kin_alloc(bytes, 1);
    if (*out)
        memcpy(*out, file.data + header.data_offset, bytes);
    else
        status = kin_fail_alloc(err, what, bytes);
exit:
    kin_file_close(&file);
    return status;
}
