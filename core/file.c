#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

/* A descriptor of a regular file, or a negative code; `path` is for messages. A pipe without a
 * writer is refused, not waited for. */
static int open_regular(const kin_dir *dir, const char *name, const char *path, struct stat *status,
                        kin_error *err)
{
    int fd = KIN_RETRY(openat(dir ? dir->fd : AT_FDCWD, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (fd < 0) {
        int rc = kin_fail_errno(err, KIN_E_NOINPUT, "check the path", "%s", path);
        return dir ? kin_dir_settle(dir, rc, err) : rc;
    }
    int rc = 0;
    if (fstat(fd, status) != 0)
        rc = kin_fail_errno(err, KIN_E_IO, "check the path", "%s", path);
    else if (!S_ISREG(status->st_mode))
        rc = kin_fail(err, KIN_E_NOINPUT, "give a regular file: pipes and folders cannot be mapped",
                      "%s: not a regular file", path);
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

int kin_file_descriptor(const kin_dir *dir, const char *name, kin_error *err)
{
    struct stat status;
    char *path = kin_path_in(dir, name);
    int fd = path ? open_regular(dir, name, path, &status, err)
                  : kin_fail_alloc(err, "path", strlen(name));
    free(path);
    return fd;
}

int kin_file_open(kin_file *self, const char *path, kin_error *err)
{
    return kin_file_open_in(self, NULL, path, err);
}

int kin_file_open_in(kin_file *self, const kin_dir *dir, const char *name, kin_error *err)
{
    int rc = 0;
    struct stat status;
    char *path = kin_path_in(dir, name);
    *self = (kin_file){.path = path};
    if (!path)
        return kin_fail_alloc(err, "path", strlen(name));
    int fd = open_regular(dir, name, path, &status, err);
    if (fd < 0) {
        kin_file_close(self);
        return fd;
    }
    if (status.st_size > 0) {
        void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (data == MAP_FAILED) {
            rc = errno == ENOMEM
                     ? kin_fail(err, KIN_E_MEMORY, "raise the limit of address space: ulimit -v",
                                "%s: %lld bytes cannot be mapped", path, (long long)status.st_size)
                     : kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s: cannot be mapped", path);
            goto done;
        }
        self->data = data;
        self->bytes = (size_t)status.st_size;
    }
done:
    close(fd);
    if (rc != 0)
        kin_file_close(self);
    return rc;
}

void kin_file_close(kin_file *self)
{
    if (self->data)
        munmap((void *)(uintptr_t)self->data, self->bytes);
    free(self->path);
    *self = (kin_file){0};
}

static kin_hash hash_text(XXH128_hash_t hash)
{
    kin_hash out;
    snprintf(out.text, sizeof out.text, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
    return out;
}

kin_hash kin_hash_state(const struct XXH3_state_s *state)
{
    return hash_text(XXH3_128bits_digest(state));
}

kin_hash kin_hash_bytes(const void *data, size_t bytes)
{
    return hash_text(XXH3_128bits(data, bytes));
}

int kin_hash_file(kin_hash *out, size_t *bytes, const char *path, kin_error *err)
{
    return kin_hash_file_in(out, bytes, NULL, path, err);
}

/* The hash of all that can be read from a descriptor. */
static int hash_descriptor(kin_hash *out, size_t *bytes, int fd, const char *path, kin_error *err)
{
    enum { BLOCK = 1 << 16 }; /* stays in the cache between reading and hashing */
    int rc = 0;
    size_t total = 0;
    XXH3_state_t *state = XXH3_createState();
    unsigned char *block = malloc(BLOCK);
    if (!state || !block) {
        rc = kin_fail_alloc(err, "file hash", BLOCK);
        goto done;
    }
    XXH3_128bits_reset(state);
    for (;;) {
        ssize_t got = KIN_RETRY(read(fd, block, BLOCK));
        if (got < 0) {
            rc = kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s: cannot be read", path);
            goto done;
        }
        if (got == 0)
            break;
        XXH3_128bits_update(state, block, (size_t)got);
        total += (size_t)got;
    }
    *out = hash_text(XXH3_128bits_digest(state));
    if (bytes)
        *bytes = total;
done:
    free(block);
    XXH3_freeState(state);
    return rc;
}

int kin_hash_file_in(kin_hash *out, size_t *bytes, const kin_dir *dir, const char *name,
                     kin_error *err)
{
    struct stat status;
    char *path = kin_path_in(dir, name);
    if (!path)
        return kin_fail_alloc(err, "path", strlen(name));
    int fd = open_regular(dir, name, path, &status, err);
    int rc = fd < 0 ? fd : hash_descriptor(out, bytes, fd, path, err);
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

int kin_write_all(int fd, const void *data, size_t bytes)
{
    const char *at = data;
    while (bytes > 0) {
        ssize_t wrote = KIN_RETRY(write(fd, at, bytes));
        if (wrote < 0)
            return -1;
        at += wrote;
        bytes -= (size_t)wrote;
    }
    return 0;
}

int kin_write_all_at(int fd, const void *data, size_t bytes, uint64_t at)
{
    const char *from = data;
    while (bytes > 0) {
        ssize_t wrote = KIN_RETRY(pwrite(fd, from, bytes, (off_t)at));
        if (wrote < 0)
            return -1;
        from += wrote;
        at += (uint64_t)wrote;
        bytes -= (size_t)wrote;
    }
    return 0;
}

int kin_reserve(int fd, size_t bytes)
{
    int failed;
    do
        failed = bytes > 0 ? posix_fallocate(fd, 0, (off_t)bytes) : 0;
    while (failed == EINTR);
    return failed;
}

bool kin_file_holds(const kin_file *self, const void *at)
{
    uintptr_t data = (uintptr_t)self->data, address = (uintptr_t)at;
    return self->data && address >= data && address - data < self->bytes;
}

void kin_file_forget(const kin_file *self, const void *from, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t offset = (size_t)((const unsigned char *)from - self->data);
    size_t first = (offset + page - 1) / page * page, end = (offset + bytes) / page * page;
    if (end > first) /* advice: it may be refused */
        (void)madvise((void *)(uintptr_t)(self->data + first), end - first, MADV_DONTNEED);
}

static ssize_t stream_read(void *fd, char *data, size_t bytes)
{
    return KIN_RETRY(read((int)(intptr_t)fd, data, bytes));
}

/* stdio wants 0 for a failure, and errno. */
static ssize_t stream_write(void *fd, const char *data, size_t bytes)
{
    return kin_write_all((int)(intptr_t)fd, data, bytes) == 0 ? (ssize_t)bytes : 0;
}

static int stream_seek(void *fd, off64_t *offset, int whence)
{
    off64_t at = lseek((int)(intptr_t)fd, *offset, whence);
    if (at < 0)
        return -1;
    *offset = at;
    return 0;
}

static int stream_close(void *fd)
{
    return close((int)(intptr_t)fd) == 0 || errno == EINTR ? 0 : -1;
}

FILE *kin_file_stream(int fd, const char *mode)
{
    return fopencookie(
        (void *)(intptr_t)fd, mode,
        (cookie_io_functions_t){stream_read, stream_write, stream_seek, stream_close});
}

FILE *kin_file_create(const char *path)
{
    int fd = KIN_RETRY(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    FILE *stream = fd >= 0 ? kin_file_stream(fd, "w") : NULL;
    if (fd >= 0 && !stream) {
        int saved = errno;
        close(fd);
        errno = saved;
    }
    return stream;
}

int kin_file_write(const char *path, const void *data, size_t bytes, kin_error *err)
{
    int fd = KIN_RETRY(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (fd < 0)
        return kin_fail_errno(err, KIN_E_CANTOUT, "check the folder it lies in",
                              "%s cannot be created", path);
    int rc = 0;
    if (kin_write_all(fd, data, bytes) != 0)
        rc = kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", path);
    if (close(fd) != 0 && errno != EINTR && rc == 0)
        rc = kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", path);
    if (rc != 0)
        unlink(path);
    return rc;
}

int kin_file_copy(const char *from, const char *directory, const char *name, kin_error *err)
{
    kin_file source;
    int rc = kin_file_open(&source, from, err);
    if (rc != 0)
        return rc;
    char *path = kin_path_join(directory, name);
    rc = path ? kin_file_write(path, source.data, source.bytes, err)
              : kin_fail_alloc(err, "path", strlen(directory));
    free(path);
    kin_file_close(&source);
    return rc;
}
