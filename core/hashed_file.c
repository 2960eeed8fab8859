/*
 * Files written by a thread of their own (core/hashed_file.h).
 */
#include "core/hashed_file.h"
#include "core/memory.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

/* Blocks that may wait beside those that are being filled: what a device of a gigabyte a second
 * writes while the next rows are computed, and a sixteenth of what is written where that is less.
 * ALIGNED: what O_DIRECT wants of memory, and more. */
enum { WAITING_LEAST = 2, WAITING_MOST = 16, WAITING_SHARE = 16 };
enum { ALIGNED = 4096, STACK_BYTES = 256 << 10 };

typedef struct filled_block {
    kin_hashed_file *file;
    unsigned char *block;
    size_t bytes;
} filled_block;

struct kin_block_writer {
    pthread_t thread;
    bool started;
    unsigned char *memory;
    size_t blocks;
    pthread_mutex_t lock; /* of what follows, and of the files' */
    pthread_cond_t more, done;
    unsigned char **free_block; /* [blocks] */
    size_t free_blocks;
    filled_block *filled; /* [blocks], a ring */
    size_t first, count;
    bool ends;
};

/* ---- the thread ------------------------------------------------------------------------------ */

/* Advice: not every file system can. */
static bool set_direct(const kin_hashed_file *file, bool direct)
{
    int flags = fcntl(file->fd, F_GETFL);
    flags = direct ? flags | O_DIRECT : flags & ~O_DIRECT;
    return fcntl(file->fd, F_SETFL, flags) == 0;
}

/* Past the page cache: the bytes that were taken. What is left of a block, or is less than one, and
 * all that comes later goes through it. */
static ssize_t write_direct(kin_hashed_file *file, const filled_block *filled)
{
    ssize_t wrote = 0;
    if (filled->bytes == KIN_BLOCK_BYTES) {
        wrote = KIN_RETRY(write(file->fd, filled->block, filled->bytes));
        if (wrote == KIN_BLOCK_BYTES || (wrote < 0 && errno != EINVAL))
            return wrote;
    }
    file->direct = false;
    set_direct(file, false);
    return wrote > 0 ? wrote : 0;
}

/* 0, or errno. */
static int write_block(const filled_block *filled)
{
    kin_hashed_file *file = filled->file;
    ssize_t done = file->direct ? write_direct(file, filled) : 0;
    if (done < 0)
        return errno;
    size_t rest = filled->bytes - (size_t)done;
    if (kin_write_all(file->fd, filled->block + done, rest) != 0)
        return errno;
    if (rest > 0) /* advice: syncing waits for less */
        (void)sync_file_range(file->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    return 0;
}

static void *write_blocks(void *writer)
{
    kin_block_writer *self = writer;
    pthread_mutex_lock(&self->lock);
    for (;;) {
        while (self->count == 0 && !self->ends)
            pthread_cond_wait(&self->more, &self->lock);
        if (self->count == 0)
            break;
        filled_block filled = self->filled[self->first];
        int failed = filled.file->failed;
        self->first = (self->first + 1) % self->blocks;
        self->count--;
        pthread_mutex_unlock(&self->lock);
        XXH3_128bits_update(filled.file->state, filled.block, filled.bytes);
        failed = failed ? failed : write_block(&filled);
        pthread_mutex_lock(&self->lock);
        filled.file->failed = failed;
        filled.file->waiting--;
        self->free_block[self->free_blocks++] = filled.block;
        pthread_cond_broadcast(&self->done);
    }
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

/* It takes no signals. */
static int start(kin_block_writer *self, kin_error *err)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    sigfillset(&all);
    int refusal = pthread_attr_init(&attributes);
    if (refusal == 0) {
        pthread_attr_setstacksize(&attributes, STACK_BYTES);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        refusal = pthread_create(&self->thread, &attributes, write_blocks, self);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
    }
    self->started = refusal == 0;
    return self->started
               ? 0
               : kin_fail(err, KIN_E_MEMORY, "raise the limits (ulimit -u, ulimit -v)",
                          "the thread that writes cannot be started: %s", strerror(refusal));
}

static size_t blocks_of(size_t files, size_t room)
{
    size_t waiting = room / WAITING_SHARE / KIN_BLOCK_BYTES;
    waiting = waiting > WAITING_LEAST ? waiting : WAITING_LEAST;
    return files + (waiting < WAITING_MOST ? waiting : WAITING_MOST);
}

size_t kin_block_writer_bytes(size_t files, size_t room)
{
    return kin_size_add(kin_size_mul(blocks_of(files, room), KIN_BLOCK_BYTES), ALIGNED);
}

int kin_block_writer_new(kin_block_writer **out, size_t files, size_t room, kin_error *err)
{
    kin_block_writer *self = calloc(1, sizeof *self);
    if (!self)
        return kin_fail_alloc(err, "block writer", sizeof *self);
    self->blocks = blocks_of(files, room);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->more, NULL);
    pthread_cond_init(&self->done, NULL);
    self->memory = kin_alloc(kin_block_writer_bytes(files, room), 1);
    self->free_block = kin_alloc(self->blocks, sizeof *self->free_block);
    self->filled = kin_alloc(self->blocks, sizeof *self->filled);
    int rc = self->memory && self->free_block && self->filled
                 ? 0
                 : kin_fail_alloc(err, "blocks to write", kin_block_writer_bytes(files, room));
    if (rc == 0) {
        size_t skip = (size_t)(-(uintptr_t)self->memory % ALIGNED);
        for (size_t b = 0; b < self->blocks; b++) /* the first on top */
            self->free_block[self->blocks - 1 - b] = self->memory + skip + b * KIN_BLOCK_BYTES;
        self->free_blocks = self->blocks;
        rc = start(self, err);
    }
    if (rc == 0)
        *out = self;
    else
        kin_block_writer_free(self);
    return rc;
}

void kin_block_writer_free(kin_block_writer *self)
{
    if (!self)
        return;
    pthread_mutex_lock(&self->lock);
    self->ends = true;
    pthread_cond_signal(&self->more);
    pthread_mutex_unlock(&self->lock);
    if (self->started)
        pthread_join(self->thread, NULL);
    pthread_mutex_destroy(&self->lock);
    pthread_cond_destroy(&self->more);
    pthread_cond_destroy(&self->done);
    free(self->memory);
    free(self->free_block);
    free(self->filled);
    free(self);
}

/* ---- files ----------------------------------------------------------------------------------- */

static int cannot_write(const kin_hashed_file *self, int number, kin_error *err)
{
    errno = number;
    return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", self->path);
}

static int reserve(const kin_hashed_file *self, size_t room, kin_error *err)
{
    int failed = kin_reserve(self->fd, room);
    if (failed == 0)
        return 0;
    errno = failed;
    return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written with its %zu bytes",
                          self->path, room);
}

int kin_hashed_file_create(kin_hashed_file *self, kin_block_writer *writer, const char *directory,
                           const char *name, size_t room, kin_error *err)
{
    *self = (kin_hashed_file){.path = kin_path_join(directory, name), .fd = -1, .writer = writer};
    self->state = XXH3_createState();
    if (!self->path || !self->state)
        return kin_fail_alloc(err, "output file", strlen(directory));
    XXH3_128bits_reset(self->state);
    self->fd = KIN_RETRY(open(self->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (self->fd < 0)
        return kin_fail_errno(err, KIN_E_CANTOUT, kin_disk_hint, "%s cannot be created",
                              self->path);
    int rc = reserve(self, room, err);
    self->direct = rc == 0 && set_direct(self, true);
    return rc;
}

void kin_hashed_file_release(kin_hashed_file *self)
{
    if (self->path && self->fd >= 0)
        close(self->fd);
    XXH3_freeState(self->state);
    free(self->path);
    *self = (kin_hashed_file){0};
}

/* A block to fill, when one is free. The errno of what failed before. */
static int take_block(kin_hashed_file *self)
{
    kin_block_writer *writer = self->writer;
    pthread_mutex_lock(&writer->lock);
    while (writer->free_blocks == 0)
        pthread_cond_wait(&writer->done, &writer->lock);
    int failed = self->failed;
    if (failed == 0)
        self->block = writer->free_block[--writer->free_blocks];
    pthread_mutex_unlock(&writer->lock);
    return failed;
}

/* Hands the block over to the thread. */
static void submit(kin_hashed_file *self, size_t bytes)
{
    kin_block_writer *writer = self->writer;
    pthread_mutex_lock(&writer->lock);
    size_t last = (writer->first + writer->count++) % writer->blocks;
    writer->filled[last] = (filled_block){self, self->block, bytes};
    self->waiting++;
    self->block = NULL;
    pthread_cond_signal(&writer->more);
    pthread_mutex_unlock(&writer->lock);
}

int kin_hashed_file_add(kin_hashed_file *self, const void *data, size_t bytes, kin_error *err)
{
    const unsigned char *from = data;
    while (bytes > 0) {
        size_t at = self->bytes % KIN_BLOCK_BYTES, left = KIN_BLOCK_BYTES - at;
        size_t part = bytes < left ? bytes : left;
        int failed = self->block ? 0 : take_block(self);
        if (failed != 0)
            return cannot_write(self, failed, err);
        memcpy(self->block + at, from, part);
        from += part;
        bytes -= part;
        self->bytes += part;
        if (part == left)
            submit(self, KIN_BLOCK_BYTES);
    }
    return 0;
}

/* Until all of it is written. The errno of what failed. */
static int drain(kin_hashed_file *self)
{
    kin_block_writer *writer = self->writer;
    if (self->block)
        submit(self, self->bytes % KIN_BLOCK_BYTES);
    pthread_mutex_lock(&writer->lock);
    while (self->waiting > 0)
        pthread_cond_wait(&writer->done, &writer->lock);
    int failed = self->failed;
    pthread_mutex_unlock(&writer->lock);
    return failed;
}

int kin_hashed_file_finish(kin_hashed_file *self, kin_written *to, kin_error *err)
{
    int fd = self->fd, failed = drain(self);
    if (failed != 0)
        return cannot_write(self, failed, err);
    assert(to->count < KIN_WRITTEN_MAX);
    kin_written_file *written = &to->file[to->count++];
    *written = (kin_written_file){.bytes = self->bytes, .hash = kin_hash_state(self->state)};
    snprintf(written->name, sizeof written->name, "%s", kin_path_base(self->path));
    if (KIN_RETRY(ftruncate(fd, (off_t)self->bytes)) != 0)
        return cannot_write(self, errno, err);
    self->fd = -1;
    return close(fd) == 0 || errno == EINTR ? 0 : cannot_write(self, errno, err);
}
