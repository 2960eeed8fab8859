#include "core/npz_writer.h"
#include "core/crc32.h"
#include "core/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int cannot_write(const kin_npz_writer *self, kin_error *err)
{
    return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", self->path);
}

int kin_npz_writer_init(kin_npz_writer *self, int fd, const char *path,
                        const kin_npz_column *column, size_t count, size_t rows, kin_error *err)
{
    unsigned char directory[KIN_STORED_DIRECTORY_MOST];
    *self = (kin_npz_writer){.fd = fd, .path = path, .count = count, .rows = rows};
    assert(count > 0 && count <= KIN_STORED_MEMBERS_MAX);
    for (size_t c = 0; c < count; c++) {
        unsigned char header[KIN_NPY_HEADER_BYTES];
        snprintf(self->name[c], sizeof self->name[c], "%s.npy", column[c].name);
        snprintf(self->descr[c], sizeof self->descr[c], "%s", column[c].descr);
        self->item_bytes[c] = strtoul(column[c].descr + 2, NULL, 10);
        kin_npy_format(header, self->descr[c], 1, &rows);
        self->member[c] = (kin_stored_member){
            .name = self->name[c],
            .bytes = kin_size_add(sizeof header, kin_size_mul(rows, self->item_bytes[c])),
            .crc = kin_crc32(0, header, sizeof header)};
    }
    uint64_t end = kin_stored_place(self->member, count);
    size_t bytes = kin_size_add(end, kin_stored_directory(directory, self->member, count));
    int failed = kin_reserve(fd, bytes);
    if (failed == 0)
        return 0;
    errno = failed;
    return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written with its %zu bytes",
                          path, bytes);
}

int kin_npz_writer_add(kin_npz_writer *self, const void *const *values, size_t rows, kin_error *err)
{
    assert(rows <= self->rows - self->written);
    for (size_t c = 0; c < self->count; c++) {
        kin_stored_member *member = &self->member[c];
        uint64_t before = KIN_NPY_HEADER_BYTES + self->written * self->item_bytes[c];
        size_t bytes = rows * self->item_bytes[c];
        member->crc = kin_crc32(member->crc, values[c], bytes);
        if (kin_write_all_at(self->fd, values[c], bytes, member->data_at + before) != 0)
            return cannot_write(self, err);
    }
    self->written += rows;
    return 0;
}

/* The headers of a member and of its array. */
static int write_headers(const kin_npz_writer *self, size_t c)
{
    unsigned char header[KIN_STORED_HEADER_MOST], npy[KIN_NPY_HEADER_BYTES];
    const kin_stored_member *member = &self->member[c];
    size_t bytes = kin_stored_header(header, member);
    kin_npy_format(npy, self->descr[c], 1, &self->rows);
    return kin_write_all_at(self->fd, header, bytes, member->header_at) != 0 ||
           kin_write_all_at(self->fd, npy, sizeof npy, member->data_at) != 0;
}

int kin_npz_writer_finish(kin_npz_writer *self, kin_error *err)
{
    unsigned char directory[KIN_STORED_DIRECTORY_MOST];
    size_t bytes = kin_stored_directory(directory, self->member, self->count);
    const kin_stored_member *last = &self->member[self->count - 1];
    assert(self->written == self->rows);
    for (size_t c = 0; c < self->count; c++)
        if (write_headers(self, c) != 0)
            return cannot_write(self, err);
    return kin_write_all_at(self->fd, directory, bytes, last->data_at + last->bytes) == 0
               ? 0
               : cannot_write(self, err);
}
