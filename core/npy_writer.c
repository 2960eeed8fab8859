#include "core/npy_writer.h"
#include "core/file.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

static int cannot_write(const kin_npy_writer *self, kin_error *err)
{
    return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "cannot write %s", self->path);
}

/* The header for the rows there are, at the file's place. */
static bool put_header(kin_npy_writer *self)
{
    unsigned char header[KIN_NPY_HEADER_BYTES];
    size_t shape[2] = {self->rows, self->columns};
    kin_npy_format(header, self->descr, self->dimensions, shape);
    return fwrite(header, sizeof header, 1, self->file) == 1;
}

int kin_npy_writer_open(kin_npy_writer *self, const char *directory, const char *name,
                        const char *descr, const size_t *columns, kin_error *err)
{
    *self = (kin_npy_writer){.dimensions = columns ? 2 : 1, .columns = columns ? *columns : 1};
    snprintf(self->descr, sizeof self->descr, "%s", descr);
    self->row_bytes = kin_size_mul(self->columns, strtoul(descr + 2, NULL, 10)); /* "<f4" */
    self->path = kin_path_join(directory, name);
    if (!self->path)
        return kin_fail_alloc(err, "path", strlen(directory));
    self->file = kin_file_create(self->path);
    return self->file && put_header(self) ? 0 : cannot_write(self, err);
}

int kin_npy_writer_add(kin_npy_writer *self, const void *rows, size_t count, kin_error *err)
{
    size_t bytes = kin_size_mul(count, self->row_bytes);
    self->rows += count;
    return fwrite(rows, 1, bytes, self->file) == bytes ? 0 : cannot_write(self, err);
}

int kin_npy_writer_finish(kin_npy_writer *self, kin_error *err)
{
    bool written = fseek(self->file, 0, SEEK_SET) == 0 && put_header(self);
    written = fclose(self->file) == 0 && written;
    self->file = NULL;
    return written ? 0 : cannot_write(self, err);
}

void kin_npy_writer_release(kin_npy_writer *self)
{
    if (self->file)
        fclose(self->file);
    free(self->path);
    *self = (kin_npy_writer){0};
}
