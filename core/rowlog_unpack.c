/*
 * A row log read range by range (core/rowlog.h): each segment by one thread, each record that
 * counts to its place in the range's arrays.
 */
#include "core/crc32.h"
#include "core/rowlog_state.h"

#include <string.h>

const uint32_t *kin_rowlog_lengths(const kin_rowlog *self)
{
    return self->length;
}

size_t kin_rowlog_ranges(const kin_rowlog *self)
{
    return self->ranges;
}

size_t kin_rowlog_range_start(const kin_rowlog *self, size_t range)
{
    size_t first = range * self->range_rows;
    return first < self->format.n ? first : self->format.n;
}

kin_rowlog_sums kin_rowlog_sum(const kin_rowlog *self)
{
    kin_rowlog_sums sum = {0};
    uint32_t length = 0, shift = kin_crc32_length(0);
    for (size_t i = 0; i < self->format.n; i++) {
        if (self->length[i] != length) { /* most rows have K entries */
            length = self->length[i];
            shift = kin_crc32_length(length * sizeof(int32_t));
        }
        sum.indices = kin_crc32_join(sum.indices, self->entry[i].crc_indices, shift);
        sum.data = kin_crc32_join(sum.data, self->entry[i].crc_data, shift);
    }
    return sum;
}

/* ---- one record ------------------------------------------------------------------------------ */

/* The row at its place in the arrays, best first. */
static void unpack_row(const kin_rowlog *self, const unsigned char *record, kin_packed_row row,
                       size_t at, const kin_rowlog_arrays *to, rowlog_workspace *work)
{
    if (to->indices) {
        row.neighbor = to->indices + at;
        kin_row_unpack_neighbors(&self->format, record, &row);
    }
    if (to->data) {
        row.score = to->data + at;
        for (size_t m = 0; m < self->format.modality_count; m++)
            row.cosine[m] = to->cosine[m] + at;
        kin_row_unpack_scores(&self->format, record, &row, work->space);
    }
}

/* The same in the order of its columns. */
static void unpack_by_column(const kin_rowlog *self, const unsigned char *record,
                             kin_packed_row row, size_t at, const kin_rowlog_arrays *to,
                             rowlog_workspace *work)
{
    row.neighbor = work->neighbor;
    row.score = work->score;
    memcpy(row.cosine, work->half, sizeof row.cosine);
    kin_row_unpack_neighbors(&self->format, record, &row);
    kin_rowlog_by_column(row.neighbor, row.length, work->key);
    for (size_t e = 0; e < row.length && to->indices; e++)
        to->indices[at + e] = (int32_t)(work->key[e] >> 32);
    if (!to->data)
        return;
    kin_row_unpack_scores(&self->format, record, &row, work->space);
    for (size_t e = 0; e < row.length; e++) {
        uint32_t entry = (uint32_t)work->key[e];
        to->data[at + e] = row.score[entry];
        for (size_t m = 0; m < self->format.modality_count; m++)
            to->cosine[m][at + e] = row.cosine[m][entry];
    }
}

/* ---- segments -------------------------------------------------------------------------------- */

static void unpack_records(const kin_rowlog *self, size_t range, uint32_t s,
                           const unsigned char *data, const kin_rowlog_arrays *to,
                           rowlog_workspace *work)
{
    size_t first = kin_rowlog_range_start(self, range);
    const kin_segment *head = &self->range[range].segment[s].head;
    size_t at = KIN_SEGMENT_HEADER_BYTES, bytes;
    for (uint32_t r = 0; r < head->rows; r++, at += bytes) {
        const unsigned char *record = data + at;
        kin_packed_row row = kin_row_peek(record, &bytes);
        const rowlog_entry *entry = &self->entry[row.row];
        if (entry->segment != s || entry->offset != at)
            continue; /* a later one counts */
        size_t place = (size_t)(to->start[row.row] - to->start[first]);
        (self->by_column ? unpack_by_column : unpack_row)(self, record, row, place, to, work);
    }
}

/* Reads a segment from the file, and sees that it is what was written. */
static int read_segment(kin_rowlog *self, const rowlog_segment *segment, unsigned char *data,
                        kin_error *err)
{
    kin_segment head;
    int rc = kin_rowlog_pread(self, data, self->segment_bytes, segment->at, 0, err);
    if (rc != 0)
        return rc;
    bool same = kin_segment_check(data, self->segment_bytes - KIN_ROW_SLACK_BYTES, &self->format,
                                  &head, NULL) == 0 &&
                memcmp(&head, &segment->head, sizeof head) == 0;
    if (!same)
        return kin_fail(err, KIN_E_IO, "look at the disk and its log",
                        "%s: segment %u is not what was written", self->path, segment->at);
    return 0;
}

static int unpack_segment(kin_rowlog *self, size_t range, uint32_t s, const kin_rowlog_arrays *to,
                          rowlog_workspace *work, kin_error *err)
{
    int rc = 0;
    const rowlog_segment *segment = &self->range[range].segment[s];
    bool in_file = segment->slot == ROWLOG_NOWHERE;
    uint32_t slot = in_file ? kin_rowlog_take_slot(self) : segment->slot;
    unsigned char *data = kin_rowlog_slot(self, slot);
    if (in_file)
        rc = read_segment(self, segment, data, err);
    if (rc == 0)
        unpack_records(self, range, s, data, to, work);
    if (in_file)
        kin_rowlog_give_slot(self, slot);
    return rc;
}

int kin_rowlog_unpack(kin_rowlog *self, size_t range, const kin_rowlog_arrays *to, kin_error *err)
{
    int rc = 0;
#pragma omp parallel
    {
        kin_error mine;
        int failed = 0;
        rowlog_workspace *work = kin_rowlog_take(self);
#pragma omp for schedule(dynamic)
        for (size_t s = 0; s < self->range[range].count; s++)
            if (failed == 0)
                failed = unpack_segment(self, range, (uint32_t)s, to, work, &mine);
        kin_rowlog_give(self, work);
#pragma omp critical(kin_rowlog_unpack)
        if (failed != 0 && rc == 0) {
            rc = failed;
            if (err)
                *err = mine;
        }
    }
    return rc;
}
