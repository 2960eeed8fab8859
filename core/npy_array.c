#include "core/npy_array.h"
#include "core/memory.h"
#include "core/npy.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char damaged[] = "the folder is damaged: build it again";

/* Whether the header is that of the array wanted, and the file as long as it says. */
static int check(const kin_npy_header *header, const unsigned char *data, size_t bytes,
                 const char *path, const char *descr, size_t dimensions, kin_error *err)
{
    if (strcmp(header->descr, descr) != 0 || header->dimensions != dimensions)
        return kin_fail(err, KIN_E_DATA, damaged, "%s holds %s in %zu dimensions, needs %s in %zu",
                        path, header->descr, header->dimensions, descr, dimensions);
    if (dimensions > 1 && header->fortran_order)
        return kin_fail(err, KIN_E_DATA, damaged, "%s is in Fortran order, needs C order", path);
    size_t item_bytes = (size_t)(descr[2] - '0');
    size_t values = kin_size_mul(header->shape[0], header->shape[1]);
    if (kin_size_add(kin_size_mul(values, item_bytes), header->data_offset) != bytes)
        return kin_fail(err, KIN_E_DATA, damaged, "%s: %zu values do not fill its %zu bytes", path,
                        values, bytes);
    if ((uintptr_t)(data + header->data_offset) % item_bytes != 0)
        return kin_fail(err, KIN_E_DATA, damaged, "%s: its values start at byte %zu, out of line",
                        path, header->data_offset);
    return 0;
}

int kin_npy_array_of(kin_npy_array *out, const unsigned char *data, size_t bytes, const char *path,
                     const char *descr, size_t dimensions, kin_error *err)
{
    kin_npy_header header;
    int rc = kin_npy_parse(&header, data, bytes, path, err);
    if (rc == 0)
        rc = check(&header, data, bytes, path, descr, dimensions, err);
    if (rc == 0)
        *out = (kin_npy_array){{header.shape[0], header.shape[1]}, data + header.data_offset};
    return rc;
}

int kin_npy_array_open(kin_npy_array *out, kin_file *file, const kin_dir *dir, const char *name,
                       const char *descr, size_t dimensions, kin_error *err)
{
    char *whole_name = kin_text("%s.npy", name);
    if (!whole_name)
        return kin_fail_alloc(err, "path", PATH_MAX);
    int rc = kin_file_open_in(file, dir, whole_name, err);
    if (rc == 0)
        rc = kin_npy_array_of(out, file->data, file->bytes, file->path, descr, dimensions, err);
    free(whole_name);
    return rc;
}
