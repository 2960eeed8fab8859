#ifndef KIN_CORE_ROWLOG_H
#define KIN_CORE_ROWLOG_H
/*
 * The row log: finished rows in the order in which they come, packed (core/row_pack.h), until the
 * graph's arrays are laid out from them in the catalog's order.
 *
 * Records go into segments of a fixed size (docs/FORMATS.md, Row log), each of the rows of one
 * range: so a range is read again front to back, a few megabytes at a time. Segments stay in memory
 * as far as their share of it goes; from then on each that is full is written, once, to the end of
 * one file that has no name. Rows are packed outside of any lock; a range is locked while the bytes
 * of its records are copied.
 *
 * A row may come again: the record of the highest sequence number counts, which is the caller's and
 * no clock's. Of two with the same number, which the caller does not send, one counts.
 *
 * Cost: 16 bytes a row and 24 an item beside the segments; per entry, that of packing and, for the
 * checksums of the arrays (core/crc32.h), 4 ns.
 */
#include "core/row_pack.h"

typedef struct kin_rowlog kin_rowlog;

typedef struct kin_rowlog_options {
    size_t n, k;
    const kin_catalog *catalog; /* modality_count and weights are used */
    const char *directory;      /* where what memory does not hold is written */
    size_t memory_bytes;        /* for segments; what they need at least is taken anyway */
    bool by_column;             /* the arrays' rows are in the order of their columns */
} kin_rowlog_options;

/* KIN_E_MEMORY; KIN_E_CANTOUT where it may need a file and none can be made. */
int kin_rowlog_new(kin_rowlog **out, const kin_rowlog_options *options, kin_error *err);
void kin_rowlog_free(kin_rowlog *self);

/* Bytes of memory that it usually takes with all rows full. */
size_t kin_rowlog_bytes(const kin_rowlog_options *options);

/* Rows of a range. */
size_t kin_rowlog_range_rows(const kin_rowlog_options *options);

/* Bytes that rows which are all full usually put on the disk. */
size_t kin_rowlog_disk_bytes(const kin_rowlog_options *options);

/* Forgets all rows. No other thread uses it meanwhile. */
void kin_rowlog_clear(kin_rowlog *self);

/* Appends rows first .. first + rows->count - 1 with rows->sequence. From any thread. KIN_E_IO
 * where a segment cannot be written. */
int kin_rowlog_append(kin_rowlog *self, size_t first, const kin_rows *rows, kin_error *err);

/* The finished record of `row` as query `slot` of the block, best first, cosines as the float16
 * hold them. From any thread, while others append as well. KIN_E_INTERNAL where the row was never
 * appended. */
int kin_rowlog_read(kin_rowlog *self, size_t row, kin_rows *out, size_t slot, kin_error *err);

/* ---- layout: when all rows are there, from one thread ---------------------------------------- */

/* Entries of each row, or KIN_ROWLOG_NONE where it was never appended. */
#define KIN_ROWLOG_NONE UINT32_MAX
const uint32_t *kin_rowlog_lengths(const kin_rowlog *self);

/* CRC-32 of the rows' neighbours and of their scores, as the arrays hold them, one after the
 * other. */
typedef struct kin_rowlog_sums {
    uint32_t indices, data;
} kin_rowlog_sums;
kin_rowlog_sums kin_rowlog_sum(const kin_rowlog *self);

/* Ranges of rows: how many, and the first row of each; that behind the last is n. */
size_t kin_rowlog_ranges(const kin_rowlog *self);
size_t kin_rowlog_range_start(const kin_rowlog *self, size_t range);

/* Where the entries of a range go: those of row r from start[r] - start[first row] on. */
typedef struct kin_rowlog_arrays {
    const int64_t *start; /* [n + 1] */
    int32_t *indices;     /* NULL: not wanted, unless the order is by column */
    float *data;          /* NULL, with all cosines: not wanted */
    uint16_t *cosine[KIN_MODALITIES_MAX];
} kin_rowlog_arrays;

/* Unpacks a range, by all threads. KIN_E_IO where the file cannot be read, or holds something else
 * than was written. */
int kin_rowlog_unpack(kin_rowlog *self, size_t range, const kin_rowlog_arrays *to, kin_error *err);

/* ---- segments -------------------------------------------------------------------------------- */

/* The head of a segment. */
typedef struct kin_segment {
    uint32_t range; /* of its rows */
    uint32_t rows;
    uint32_t bytes; /* of its records, behind the head */
} kin_segment;

enum { KIN_SEGMENT_HEADER_BYTES = 32, KIN_SEGMENT_VERSION = 1 };

/* Completes the head of a segment with `head` and the checksum of the records behind it. */
void kin_segment_seal(unsigned char *segment, const kin_segment *head);

/* KIN_E_DATA where the bytes are no segment of this version, or damaged: its checksum, or a record
 * that is not possible. */
int kin_segment_check(const unsigned char *segment, size_t bytes, const kin_row_format *format,
                      kin_segment *out, kin_error *err);

#endif
