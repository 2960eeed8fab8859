/*
 * A row log's sizes, its memory and its file (core/rowlog.h).
 *
 * Everything is allocated here but the lists of a range's segments, some bytes for each. What
 * segments lie in is touched only as rows come.
 */
#include "core/file.h"
#include "core/memory.h"
#include "core/rowlog_state.h"
#include "core/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A range's arrays are so large at most, unless that were too many ranges: each has a segment
 * open. */
static const size_t range_bytes = (size_t)32 << 20, ranges_most = 256;

/* Large enough for the disk to write at its speed, and for a few dozen records. */
static const size_t segment_least = (size_t)128 << 10;

typedef struct sizes {
    size_t record, segment, range_rows, ranges, threads, slots, most;
} sizes;

static size_t rounded_up(size_t bytes, size_t step)
{
    return kin_size_add(bytes, step - 1) / step * step;
}

/* All but what records take at most is a matter of choice. */
static sizes measure(const kin_rowlog_options *options)
{
    kin_row_format format = kin_row_format_of(options->catalog, options->n, options->k);
    size_t entry = sizeof(float) + format.modality_count * sizeof(uint16_t);
    size_t row = kin_size_mul(options->k, entry);
    sizes out = {.record = kin_row_bytes_most(&format), .threads = (size_t)kin_threads_used()};
    size_t few = kin_size_add(kin_size_mul(4, out.record), KIN_SEGMENT_HEADER_BYTES);
    out.segment = rounded_up(few > segment_least ? few : segment_least, 4096);
    size_t by_bytes = range_bytes / row, by_count = (options->n + ranges_most - 1) / ranges_most;
    out.range_rows = by_bytes > by_count ? by_bytes : by_count;
    out.range_rows = out.range_rows < options->n ? out.range_rows : options->n;
    out.range_rows = out.range_rows > 0 ? out.range_rows : 1;
    out.ranges = (options->n + out.range_rows - 1) / out.range_rows;
    size_t records = (out.segment - KIN_SEGMENT_HEADER_BYTES) / out.record;
    out.most = kin_size_mul(out.ranges, out.range_rows / records + 1);
    size_t least = out.ranges + out.threads, wanted = options->memory_bytes / out.segment;
    out.slots = wanted < out.most + least ? wanted : out.most + least;
    out.slots = out.slots > least ? out.slots : least;
    return out;
}

static size_t workspace_bytes(const kin_rowlog_options *options, const sizes *size)
{
    size_t entry = 3 * sizeof(uint32_t) + sizeof(uint64_t) + sizeof(int32_t) + sizeof(float) +
                   options->catalog->modality_count * sizeof(uint16_t);
    return kin_size_add(kin_size_mul(options->k, entry), size->record);
}

/* Of what a row's arrays take, its record usually does: 5.3 to 6 bytes of 12 an entry. */
static size_t usual_bytes(const kin_rowlog_options *options)
{
    size_t entry =
        sizeof(int32_t) + sizeof(float) + options->catalog->modality_count * sizeof(uint16_t);
    return kin_size_mul(kin_size_mul(options->n, options->k), entry) / 2;
}

static size_t stay_of(const sizes *size)
{
    return size->slots - size->ranges - size->threads;
}

size_t kin_rowlog_bytes(const kin_rowlog_options *options)
{
    sizes size = measure(options);
    size_t rows = kin_size_mul(options->n, sizeof(rowlog_entry) + sizeof(uint32_t));
    size_t work = kin_size_mul(size.threads, workspace_bytes(options, &size));
    size_t most = kin_size_mul(size.slots, size.segment);
    size_t usual =
        kin_size_add(usual_bytes(options), kin_size_mul(size.ranges + size.threads, size.segment));
    return kin_size_add(most < usual ? most : usual, kin_size_add(rows, work));
}

/* Rows that come again, as the self-join's refinement sends them, add their records: half to three
 * quarters of the rows. */
size_t kin_rowlog_disk_bytes(const kin_rowlog_options *options)
{
    sizes size = measure(options);
    size_t stays = kin_size_mul(stay_of(&size), size.segment), usual = usual_bytes(options);
    usual = kin_size_add(usual, usual / 4 * 3);
    return usual > stays ? usual - stays : 0;
}

size_t kin_rowlog_range_rows(const kin_rowlog_options *options)
{
    return measure(options).range_rows;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool allocate_workspace(rowlog_workspace *work, const kin_rowlog *self)
{
    size_t k = self->format.k;
    work->record = kin_alloc(self->record_most, 1);
    work->space = kin_alloc(kin_size_mul(3, k), sizeof *work->space);
    work->key = kin_alloc(k, sizeof *work->key);
    work->neighbor = kin_alloc(k, sizeof *work->neighbor);
    work->score = kin_alloc(k, sizeof *work->score);
    bool refused = !work->record || !work->space || !work->key || !work->neighbor || !work->score;
    for (size_t m = 0; m < self->format.modality_count; m++) {
        work->half[m] = kin_alloc(k, sizeof *work->half[m]);
        refused = refused || !work->half[m];
    }
    return !refused;
}

static void release_workspace(rowlog_workspace *work)
{
    free(work->record);
    free(work->space);
    free(work->key);
    free(work->neighbor);
    free(work->score);
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++)
        free(work->half[m]);
}

static bool allocate(kin_rowlog *self)
{
    self->entry = kin_alloc(self->format.n, sizeof *self->entry);
    self->length = kin_alloc(self->format.n, sizeof *self->length);
    self->range = kin_alloc_zero(self->ranges, sizeof *self->range);
    self->memory = kin_alloc(self->slots, self->segment_bytes);
    self->free_slot = kin_alloc(self->slots, sizeof *self->free_slot);
    self->workspace = kin_alloc_zero(self->workspaces, sizeof *self->workspace);
    self->free_workspace = kin_alloc(self->workspaces, sizeof(rowlog_workspace *));
    bool refused = !self->entry || !self->length || !self->range || !self->memory ||
                   !self->free_slot || !self->workspace || !self->free_workspace;
    for (size_t w = 0; w < self->workspaces && !refused; w++)
        refused = !allocate_workspace(&self->workspace[w], self);
    return !refused;
}

void kin_rowlog_clear(kin_rowlog *self)
{
    memset(self->length, 0xff, self->format.n * sizeof *self->length); /* KIN_ROWLOG_NONE */
    for (size_t r = 0; r < self->ranges; r++) {
        self->range[r].count = 0;
        self->range[r].open = ROWLOG_NOWHERE;
    }
    for (size_t s = 0; s < self->slots; s++) /* the first on top */
        self->free_slot[s] = (uint32_t)(self->slots - 1 - s);
    for (size_t w = 0; w < self->workspaces; w++)
        self->free_workspace[w] = &self->workspace[w];
    self->free_slots = self->slots;
    self->free_workspaces = self->workspaces;
    self->stay = self->in_file = 0;
    self->failed = 0;
    if (self->fd >= 0 && ftruncate(self->fd, ROWLOG_HEAD_BYTES) != 0)
        errno = 0; /* then it is written over: what is gone by now need not reach the disk */
}

/* ---- the file -------------------------------------------------------------------------------- */

/* A page that says what the records are: enough to read the file without the process. */
static int write_head(const kin_rowlog *self, kin_error *err)
{
    unsigned char head[ROWLOG_HEAD_BYTES] = {'k', 'i', 'n', 'l', 'o', 'g', ' ', '\n'};
    const uint64_t number[] = {KIN_SEGMENT_VERSION, self->format.n,   self->format.k,
                               self->segment_bytes, self->range_rows, self->format.modality_count,
                               self->format.renorm};
    memcpy(head + 8, number, sizeof number);
    memcpy(head + 8 + sizeof number, self->format.weight, sizeof self->format.weight);
    if (kin_write_all(self->fd, head, sizeof head) == 0)
        return 0;
    return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", self->path);
}

/* It loses its name at once: what a killed run leaves of it is gone. */
static int create_file(kin_rowlog *self, const char *directory, kin_error *err)
{
    self->path = kin_path_join(directory, "rows.log");
    if (!self->path)
        return kin_fail_alloc(err, "path", strlen(directory));
    self->fd = KIN_RETRY(open(self->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (self->fd < 0)
        return kin_fail_errno(err, KIN_E_CANTOUT, kin_disk_hint, "%s cannot be created",
                              self->path);
    unlink(self->path);
    return write_head(self, err);
}

int kin_rowlog_new(kin_rowlog **out, const kin_rowlog_options *options, kin_error *err)
{
    int rc = 0;
    sizes size = measure(options);
    kin_rowlog *self = calloc(1, sizeof *self);
    if (!self)
        return kin_fail_alloc(err, "row log", sizeof *self);
    *self = (kin_rowlog){.format = kin_row_format_of(options->catalog, options->n, options->k),
                         .by_column = options->by_column,
                         .record_most = size.record,
                         .segment_bytes = size.segment,
                         .range_rows = size.range_rows,
                         .ranges = size.ranges,
                         .slots = size.slots,
                         .stay_most = stay_of(&size),
                         .workspaces = size.threads,
                         .fd = -1};
    pthread_mutex_init(&self->pool_lock, NULL);
    pthread_cond_init(&self->pool_more, NULL);
    if (!allocate(self)) {
        rc = kin_fail_alloc(err, "row log", kin_rowlog_bytes(options));
        goto done;
    }
    for (size_t r = 0; r < self->ranges; r++)
        pthread_mutex_init(&self->range[r].lock, NULL);
    kin_rowlog_clear(self);
    if (size.most > self->stay_most)
        rc = create_file(self, options->directory, err);
done:
    if (rc == 0)
        *out = self;
    else
        kin_rowlog_free(self);
    return rc;
}

void kin_rowlog_free(kin_rowlog *self)
{
    if (!self)
        return;
    for (size_t r = 0; self->range && r < self->ranges; r++) {
        pthread_mutex_destroy(&self->range[r].lock);
        free(self->range[r].segment);
    }
    for (size_t w = 0; self->workspace && w < self->workspaces; w++)
        release_workspace(&self->workspace[w]);
    if (self->fd >= 0)
        close(self->fd);
    pthread_mutex_destroy(&self->pool_lock);
    pthread_cond_destroy(&self->pool_more);
    free(self->path);
    free(self->entry);
    free(self->length);
    free(self->range);
    free(self->memory);
    free(self->free_slot);
    free(self->workspace);
    free(self->free_workspace);
    free(self);
}
