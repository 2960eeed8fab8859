#include "core/npy_array.h"
#include "core/memory.h"
#include "core/npy.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char damaged[] = "the folder is damaged: build it again";

/* Whether the header is that of the array wanted, and the file as long as it says. */
static int check(const kin_npy_header *header, const kin_file *file, const char *descr,
                 size_t dimensions, kin_error *err)
{
    if (strcmp(header->descr, descr) != 0 || header->dimensions != dimensions)
        return kin_fail(err, KIN_E_DATA, damaged, "%s holds %s in %zu dimensions, needs %s in %zu",
                        file->path, header->descr, header->dimensions, descr, dimensions);
    if (dimensions > 1 && header->fortran_order)
        return kin_fail(err, KIN_E_DATA, damaged, "%s is in Fortran order, needs C order",
                        file->path);
    size_t item_bytes = (size_t)(descr[2] - '0');
    size_t values = kin_size_mul(header->shape[0], header->shape[1]);
    if (kin_size_add(kin_size_mul(values, item_bytes), header->data_offset) != file->bytes)
        return kin_fail(err, KIN_E_DATA, damaged, "%s: %zu values do not fill its %zu bytes",
                        file->path, values, file->bytes);
    if (header->data_offset % item_bytes != 0)
        return kin_fail(err, KIN_E_DATA, damaged, "%s: its values start at byte %zu, out of line",
                        file->path, header->data_offset);
    return 0;
}

int kin_npy_array_open(kin_npy_array *out, kin_file *file, const kin_dir *dir, const char *name,
                       const char *descr, size_t dimensions, kin_error *err)
{
    char *whole_name = kin_text("%s.npy", name);
    if (!whole_name)
        return kin_fail_alloc(err, "path", PATH_MAX);
    kin_npy_header header;
    int rc = kin_file_open_in(file, dir, whole_name, err);
    if (rc == 0)
        rc = kin_npy_parse(&header, file->data, file->bytes, file->path, err);
    if (rc == 0)
        rc = check(&header, file, descr, dimensions, err);
    if (rc == 0)
        *out = (kin_npy_array){{header.shape[0], header.shape[1]}, file->data + header.data_offset};
    free(whole_name);
    return rc;
}
