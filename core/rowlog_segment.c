/*
 * Segments of the row log as bytes (core/rowlog.h; docs/FORMATS.md, Row log).
 */
#include "core/rowlog.h"

#include <string.h>
#include <xxhash.h>

static const char magic[8] = {'k', 'i', 'n', 'r', 'o', 'w', 's', '\n'};
static const char damaged[] = "the row log is damaged: build the graph again";

/* The checksum covers the head, but itself, and the records. */
enum { VERSION_AT = 8, RANGE_AT = 12, ROWS_AT = 16, BYTES_AT = 20, SUM_AT = 24 };

static uint64_t sum_of(const unsigned char *segment, size_t bytes)
{
    uint64_t head = XXH3_64bits(segment, SUM_AT);
    return XXH3_64bits_withSeed(segment + KIN_SEGMENT_HEADER_BYTES, bytes, head);
}

void kin_segment_seal(unsigned char *segment, const kin_segment *head)
{
    const uint32_t version = KIN_SEGMENT_VERSION;
    memcpy(segment, magic, sizeof magic);
    memcpy(segment + VERSION_AT, &version, sizeof version);
    memcpy(segment + RANGE_AT, &head->range, sizeof head->range);
    memcpy(segment + ROWS_AT, &head->rows, sizeof head->rows);
    memcpy(segment + BYTES_AT, &head->bytes, sizeof head->bytes);
    uint64_t sum = sum_of(segment, head->bytes);
    memcpy(segment + SUM_AT, &sum, sizeof sum);
}

/* Records as many as the head says, which fill it. */
static bool are_possible(const unsigned char *record, const kin_segment *head,
                         const kin_row_format *format)
{
    size_t at = 0;
    for (uint32_t r = 0; r < head->rows; r++) {
        size_t bytes;
        if (!kin_row_is_possible(format, record + at, head->bytes - at))
            return false;
        kin_row_peek(record + at, &bytes);
        at += bytes;
    }
    return at == head->bytes;
}

int kin_segment_check(const unsigned char *segment, size_t bytes, const kin_row_format *format,
                      kin_segment *out, kin_error *err)
{
    uint32_t version;
    uint64_t sum;
    if (bytes < KIN_SEGMENT_HEADER_BYTES || memcmp(segment, magic, sizeof magic) != 0)
        return kin_fail(err, KIN_E_DATA, damaged, "%zu bytes are no segment of a row log", bytes);
    memcpy(&version, segment + VERSION_AT, sizeof version);
    if (version != KIN_SEGMENT_VERSION)
        return kin_fail(err, KIN_E_DATA, "use the kin that wrote it",
                        "a segment of a row log has version %u, this kin reads %d", version,
                        KIN_SEGMENT_VERSION);
    memcpy(&out->range, segment + RANGE_AT, sizeof out->range);
    memcpy(&out->rows, segment + ROWS_AT, sizeof out->rows);
    memcpy(&out->bytes, segment + BYTES_AT, sizeof out->bytes);
    memcpy(&sum, segment + SUM_AT, sizeof sum);
    if (out->bytes > bytes - KIN_SEGMENT_HEADER_BYTES)
        return kin_fail(err, KIN_E_DATA, damaged,
                        "a segment of a row log claims %u bytes of records, there are %zu",
                        out->bytes, bytes - KIN_SEGMENT_HEADER_BYTES);
    if (sum != sum_of(segment, out->bytes))
        return kin_fail(err, KIN_E_DATA, damaged, "a segment of a row log has another checksum");
    if (!are_possible(segment + KIN_SEGMENT_HEADER_BYTES, out, format))
        return kin_fail(err, KIN_E_DATA, damaged,
                        "a segment of a row log has a record that cannot "
                        "be");
    return 0;
}
