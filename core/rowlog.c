/*
 * Rows appended to a row log and read from it (core/rowlog.h).
 *
 * A thread packs a row in a workspace of its own, then locks the row's range for as long as the
 * record is copied. Who finds the range's open segment full takes it away, so that others go on
 * with a new one, seals it, and writes it where memory has no room for it to stay; until it is
 * written its bytes serve readers.
 */
#include "core/crc32.h"
#include "core/file.h"
#include "core/kernels.h"
#include "core/memory.h"
#include "core/rowlog_state.h"
#include "core/select.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the pool -------------------------------------------------------------------------------- */

rowlog_workspace *kin_rowlog_take(kin_rowlog *self)
{
    pthread_mutex_lock(&self->pool_lock);
    while (self->free_workspaces == 0)
        pthread_cond_wait(&self->pool_more, &self->pool_lock);
    rowlog_workspace *taken = self->free_workspace[--self->free_workspaces];
    pthread_mutex_unlock(&self->pool_lock);
    return taken;
}

void kin_rowlog_give(kin_rowlog *self, rowlog_workspace *workspace)
{
    pthread_mutex_lock(&self->pool_lock);
    self->free_workspace[self->free_workspaces++] = workspace;
    pthread_cond_signal(&self->pool_more);
    pthread_mutex_unlock(&self->pool_lock);
}

uint32_t kin_rowlog_take_slot(kin_rowlog *self)
{
    pthread_mutex_lock(&self->pool_lock);
    assert(self->free_slots > 0);
    uint32_t taken = self->free_slot[--self->free_slots];
    pthread_mutex_unlock(&self->pool_lock);
    return taken;
}

void kin_rowlog_give_slot(kin_rowlog *self, uint32_t slot)
{
    pthread_mutex_lock(&self->pool_lock);
    self->free_slot[self->free_slots++] = slot;
    pthread_mutex_unlock(&self->pool_lock);
}

/* Whether a full segment stays in memory; else *at is its place in the file. */
static bool stays(kin_rowlog *self, uint32_t *at)
{
    pthread_mutex_lock(&self->pool_lock);
    bool room = self->stay < self->stay_most;
    self->stay += room;
    *at = (uint32_t)self->in_file;
    self->in_file += !room;
    pthread_mutex_unlock(&self->pool_lock);
    return room;
}

/* ---- segments -------------------------------------------------------------------------------- */

static off_t place(const kin_rowlog *self, size_t at)
{
    return (off_t)(ROWLOG_HEAD_BYTES + at * self->segment_bytes);
}

static int cannot_write(const kin_rowlog *self, int number, kin_error *err)
{
    errno = number;
    return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be written", self->path);
}

/* Where the file failed once nothing more is taken: segments that could not be written keep their
 * slots. */
static int check_file(kin_rowlog *self, kin_error *err)
{
    pthread_mutex_lock(&self->pool_lock);
    int number = self->failed;
    pthread_mutex_unlock(&self->pool_lock);
    return number ? cannot_write(self, number, err) : 0;
}

static int fail_file(kin_rowlog *self, int number, kin_error *err)
{
    pthread_mutex_lock(&self->pool_lock);
    self->failed = number;
    pthread_mutex_unlock(&self->pool_lock);
    return cannot_write(self, number, err);
}

static int write_segment(kin_rowlog *self, const rowlog_segment *segment, uint32_t at,
                         kin_error *err)
{
    const unsigned char *data = kin_rowlog_slot(self, segment->slot);
    size_t bytes = self->segment_bytes, done = 0;
    while (done < bytes) {
        ssize_t wrote =
            KIN_RETRY(pwrite(self->fd, data + done, bytes - done, place(self, at) + (off_t)done));
        if (wrote < 0)
            return fail_file(self, errno, err);
        done += (size_t)wrote;
    }
    return 0;
}

int kin_rowlog_pread(const kin_rowlog *self, void *out, size_t bytes, size_t at, size_t offset,
                     kin_error *err)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t got = KIN_RETRY(pread(self->fd, (char *)out + done, bytes - done,
                                      place(self, at) + (off_t)(offset + done)));
        if (got < 0)
            return kin_fail_errno(err, KIN_E_IO, kin_disk_hint, "%s cannot be read", self->path);
        if (got == 0)
            return kin_fail(err, KIN_E_IO, kin_disk_hint, "%s has become shorter", self->path);
        done += (size_t)got;
    }
    return 0;
}

/* Segment s of the range takes no more records: it is sealed, and written unless it stays. */
static int retire(kin_rowlog *self, rowlog_range *range, uint32_t s, kin_error *err)
{
    uint32_t at;
    pthread_mutex_lock(&range->lock); /* the list may move */
    rowlog_segment segment = range->segment[s];
    pthread_mutex_unlock(&range->lock);
    kin_segment_seal(kin_rowlog_slot(self, segment.slot), &segment.head);
    if (stays(self, &at))
        return 0;
    int rc = write_segment(self, &segment, at, err);
    if (rc != 0)
        return rc;
    pthread_mutex_lock(&range->lock);
    range->segment[s].slot = ROWLOG_NOWHERE;
    range->segment[s].at = at;
    pthread_mutex_unlock(&range->lock);
    kin_rowlog_give_slot(self, segment.slot);
    return 0;
}

/* A new open segment for a range that is locked and has none. False where the list cannot grow. */
static bool open_segment(kin_rowlog *self, rowlog_range *range, uint32_t slot)
{
    if (range->count == range->capacity) {
        size_t capacity = range->capacity ? 2 * range->capacity : 16;
        rowlog_segment *more = realloc(range->segment, capacity * sizeof *more);
        if (!more)
            return false;
        range->segment = more;
        range->capacity = capacity;
    }
    range->open = (uint32_t)range->count++;
    range->segment[range->open] =
        (rowlog_segment){.slot = slot, .head.range = (uint32_t)(range - self->range)};
    return true;
}

/* Whether `bytes` and the slack fit the open segment of a locked range. */
static bool has_room(const kin_rowlog *self, const rowlog_range *range, size_t bytes)
{
    return range->open != ROWLOG_NOWHERE && KIN_SEGMENT_HEADER_BYTES +
                                                    range->segment[range->open].head.bytes + bytes +
                                                    KIN_ROW_SLACK_BYTES <=
                                                self->segment_bytes;
}

/* Locks the range, its open segment having room. Unlocked after a failure. */
static int lock_with_room(kin_rowlog *self, rowlog_range *range, size_t bytes, kin_error *err)
{
    pthread_mutex_lock(&range->lock);
    while (!has_room(self, range, bytes)) {
        uint32_t full = range->open;
        range->open = ROWLOG_NOWHERE;
        pthread_mutex_unlock(&range->lock);
        int rc = full != ROWLOG_NOWHERE ? retire(self, range, full, err) : 0;
        if (rc != 0)
            return rc;
        uint32_t slot = kin_rowlog_take_slot(self);
        pthread_mutex_lock(&range->lock);
        bool refused = range->open == ROWLOG_NOWHERE && !open_segment(self, range, slot);
        bool used = !refused && range->segment[range->open].slot == slot;
        if (used)
            continue;
        kin_rowlog_give_slot(self, slot); /* another thread was here first, or memory is short */
        if (refused) {
            pthread_mutex_unlock(&range->lock);
            return kin_fail_alloc(err, "row log", range->capacity * sizeof(rowlog_segment));
        }
    }
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The record, `bytes` of it in the workspace, into the range's open segment. It counts unless one
 * of a higher sequence number is there. */
static int store(kin_rowlog *self, const rowlog_workspace *work, size_t bytes, rowlog_entry entry,
                 kin_error *err)
{
    size_t ignored;
    kin_packed_row row = kin_row_peek(work->record, &ignored);
    rowlog_range *range = &self->range[row.row / self->range_rows];
    int rc = check_file(self, err);
    if (rc == 0)
        rc = lock_with_room(self, range, bytes, err);
    if (rc != 0)
        return rc;
    rowlog_segment *segment = &range->segment[range->open];
    entry.segment = range->open;
    entry.offset = KIN_SEGMENT_HEADER_BYTES + segment->head.bytes;
    entry.sequence = row.sequence;
    memcpy(kin_rowlog_slot(self, segment->slot) + entry.offset, work->record, bytes);
    segment->head.bytes += (uint32_t)bytes;
    segment->head.rows++;
    if (self->length[row.row] == KIN_ROWLOG_NONE || self->entry[row.row].sequence <= row.sequence) {
        self->entry[row.row] = entry;
        self->length[row.row] = row.length;
    }
    pthread_mutex_unlock(&range->lock);
    return 0;
}

void kin_rowlog_by_column(const int32_t *neighbor, size_t count, uint64_t *key)
{
    for (size_t e = 0; e < count; e++)
        key[e] = (uint64_t)neighbor[e] << 32 | e;
    kin_keys_select(key, count, count);
}

/* The checksums of a row as the arrays will hold it. */
static rowlog_entry sum_row(const kin_rowlog *self, const kin_packed_row *row,
                            rowlog_workspace *work)
{
    const int32_t *neighbor = row->neighbor;
    const float *score = row->score;
    if (self->by_column) {
        kin_rowlog_by_column(neighbor, row->length, work->key);
        for (size_t e = 0; e < row->length; e++) {
            work->neighbor[e] = (int32_t)(work->key[e] >> 32);
            work->score[e] = score[(uint32_t)work->key[e]];
        }
        neighbor = work->neighbor;
        score = work->score;
    }
    return (rowlog_entry){.crc_indices = kin_crc32(0, neighbor, row->length * sizeof *neighbor),
                          .crc_data = kin_crc32(0, score, row->length * sizeof *score)};
}

static int append_row(kin_rowlog *self, size_t i, const kin_rows *rows, size_t q,
                      rowlog_workspace *work, kin_error *err)
{
    size_t from = q * rows->k;
    kin_packed_row row = {.row = (uint32_t)i,
                          .length = rows->filled[q],
                          .sequence = rows->sequence,
                          .neighbor = rows->neighbor + from,
                          .score = rows->score + from};
    for (size_t m = 0; m < self->format.modality_count; m++) {
        row.cosine[m] = work->half[m];
        kin_kernels_best()->narrow(work->half[m], rows->cosine[m] + from, row.length);
    }
    rowlog_entry entry = sum_row(self, &row, work);
    size_t bytes = kin_row_pack(&self->format, &row, work->record, work->space);
    return store(self, work, bytes, entry, err);
}

int kin_rowlog_append(kin_rowlog *self, size_t first, const kin_rows *rows, kin_error *err)
{
    int rc = 0;
    assert(rows->k == self->format.k && first + rows->count <= self->format.n);
#pragma omp parallel if (rows->count * rows->k > 65536)
    {
        kin_error mine;
        int failed = 0;
        rowlog_workspace *work = kin_rowlog_take(self);
#pragma omp for schedule(static)
        for (size_t q = 0; q < rows->count; q++)
            if (failed == 0)
                failed = append_row(self, first + q, rows, q, work, &mine);
        kin_rowlog_give(self, work);
#pragma omp critical(kin_rowlog_append)
        if (failed != 0 && rc == 0) {
            rc = failed;
            if (err)
                *err = mine;
        }
    }
    return rc;
}

/* A copy of the record that counts, in the workspace. */
static int copy_record(kin_rowlog *self, size_t i, rowlog_workspace *work, kin_error *err)
{
    rowlog_range *range = &self->range[i / self->range_rows];
    rowlog_segment segment = {0};
    rowlog_entry entry = {0};
    size_t bytes = 0;
    pthread_mutex_lock(&range->lock);
    bool there = self->length[i] != KIN_ROWLOG_NONE;
    if (there) {
        entry = self->entry[i];
        segment = range->segment[entry.segment];
        bytes = self->segment_bytes - entry.offset;
        bytes = bytes < self->record_most ? bytes : self->record_most;
    }
    if (there && segment.slot != ROWLOG_NOWHERE)
        memcpy(work->record, kin_rowlog_slot(self, segment.slot) + entry.offset, bytes);
    pthread_mutex_unlock(&range->lock);
    if (!there)
        return kin_fail(err, KIN_E_INTERNAL, "report this as a bug",
                        "row %zu of the graph was never written", i);
    return segment.slot != ROWLOG_NOWHERE
               ? 0
               : kin_rowlog_pread(self, work->record, bytes, segment.at, entry.offset, err);
}

int kin_rowlog_read(kin_rowlog *self, size_t i, kin_rows *out, size_t slot, kin_error *err)
{
    size_t bytes, to = slot * out->k;
    rowlog_workspace *work = kin_rowlog_take(self);
    int rc = copy_record(self, i, work, err);
    if (rc == 0 && (!kin_row_is_possible(&self->format, work->record, self->record_most) ||
                    kin_row_peek(work->record, &bytes).row != i))
        rc = kin_fail(err, KIN_E_IO, kin_disk_hint, "%s: row %zu is damaged",
                      self->path ? self->path : "the row log", i);
    if (rc == 0) {
        kin_packed_row row = kin_row_peek(work->record, &bytes);
        row.neighbor = out->neighbor + to;
        row.score = out->score + to;
        memcpy(row.cosine, work->half, sizeof row.cosine);
        kin_row_unpack_neighbors(&self->format, work->record, &row);
        kin_row_unpack_scores(&self->format, work->record, &row, work->space);
        for (size_t m = 0; m < out->modality_count; m++)
            kin_kernels_best()->widen[KIN_F16](out->cosine[m] + to, work->half[m], row.length);
        out->filled[slot] = row.length;
    }
    kin_rowlog_give(self, work);
    return rc;
}
