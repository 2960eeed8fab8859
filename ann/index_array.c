#include "ann/index_array.h"
#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char kin_index_again[] = "build the index again with kin index";

int kin_index_array_write(const char *directory, const char *part, const char *what,
                          const char *descr, const void *data, size_t dimensions,
                          const size_t *shape, kin_error *err)
{
    unsigned char header[KIN_NPY_HEADER_BYTES];
    size_t count = shape[0] * (dimensions > 1 ? shape[1] : 1);
    char *path = kin_text("%s/%s.%s.npy", directory, part, what);
    FILE *file = path ? fopen(path, "we") : NULL;
    int status = 0;

    kin_npy_format(header, descr, dimensions, shape);
    bool written = file && fwrite(header, sizeof header, 1, file) == 1 &&
                   fwrite(data, 4, count, file) == count;
    if (file && fclose(file) != 0)
        written = false;
    if (!written)
        status = kin_fail_errno(err, KIN_E_IO, "is there space left?", "cannot write %s",
                                path ? path : what);
    free(path);
    return status;
}

int kin_index_array_read(void **out, char **path, const char *directory, const char *part,
                         const char *what, const char *descr, size_t rows, size_t columns,
                         kin_error *err)
{
    kin_file file;
    kin_npy_header header;
    size_t bytes = kin_size_mul(kin_size_mul(rows, columns), 4);

    *path = kin_text("%s/%s.%s.npy", directory, part, what);
    if (!*path)
        return kin_fail_alloc(err, "path", strlen(directory));
    int status = kin_file_open(&file, *path, err);
    if (status)
        return status;
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
