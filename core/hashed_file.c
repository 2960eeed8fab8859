#include "core/hashed_file.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

static int cannot_write(const kin_hashed_file *self, kin_error *err)
{
    return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", self->path);
}

static int reserve(const kin_hashed_file *self, size_t room, kin_error *err)
{
    int failed;
    do
        failed = room > 0 ? posix_fallocate(self->fd, 0, (off_t)room) : 0;
    while (failed == EINTR);
    if (failed == 0)
        return 0;
    errno = failed;
    return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written with its %zu bytes",
                          self->path, room);
}

int kin_hashed_file_create(kin_hashed_file *self, const char *directory, const char *name,
                           size_t room, kin_error *err)
{
    *self = (kin_hashed_file){.path = kin_path_join(directory, name), .fd = -1};
    self->state = XXH3_createState();
    if (!self->path || !self->state)
        return kin_fail_alloc(err, "output file", strlen(directory));
    XXH3_128bits_reset(self->state);
    self->fd = KIN_RETRY(open(self->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (self->fd < 0)
        return kin_fail_errno(err, KIN_E_CANTOUT, kin_disk_hint, "%s cannot be created",
                              self->path);
    return reserve(self, room, err);
}

void kin_hashed_file_release(kin_hashed_file *self)
{
    if (self->path && self->fd >= 0)
        close(self->fd);
    XXH3_freeState(self->state);
    free(self->path);
    *self = (kin_hashed_file){0};
}

int kin_hashed_file_write(kin_hashed_file *self, const void *data, size_t bytes, kin_error *err)
{
    if (kin_write_all(self->fd, data, bytes) != 0)
        return cannot_write(self, err);
    if (bytes >= (size_t)1 << 20) /* advice: syncing waits for less */
        (void)sync_file_range(self->fd, (off_t)self->bytes, (off_t)bytes, SYNC_FILE_RANGE_WRITE);
    self->bytes += bytes;
    return 0;
}

void kin_hashed_file_hash(kin_hashed_file *self, const void *data, size_t bytes)
{
    XXH3_128bits_update(self->state, data, bytes);
}

int kin_hashed_file_add(kin_hashed_file *self, const void *data, size_t bytes, kin_error *err)
{
    kin_hashed_file_hash(self, data, bytes);
    return kin_hashed_file_write(self, data, bytes, err);
}

int kin_hashed_file_finish(kin_hashed_file *self, kin_written *to, kin_error *err)
{
    int fd = self->fd;
    assert(to->count < KIN_WRITTEN_MAX);
    kin_written_file *written = &to->file[to->count++];
    *written = (kin_written_file){.bytes = self->bytes, .hash = kin_hash_state(self->state)};
    snprintf(written->name, sizeof written->name, "%s", kin_path_base(self->path));
    if (KIN_RETRY(ftruncate(fd, (off_t)self->bytes)) != 0)
        return cannot_write(self, err);
    self->fd = -1;
    return close(fd) == 0 || errno == EINTR ? 0 : cannot_write(self, err);
}
