#ifndef KIN_CORE_ROW_PACK_H
#define KIN_CORE_ROW_PACK_H
/*
 * A finished row in few bytes, without loss: the records of the row log (docs/FORMATS.md, Row log).
 *
 * Neighbours take ceil(log2 n) bits each. Scores fall along a row, so what is stored is how much
 * the integers that order as they do fall from one to the next, in blocks of 16 with a width each.
 * Cosines are the float16 that the graph's files hold, less the row's smallest one, and a bit says
 * which a pair lacks. The last modality's follows from the score and the others but for their
 * rounding: its distance from that takes two bits. A row of 200 neighbours among a million takes
 * about 5.7 bytes an entry where its arrays take 12.
 *
 * Cost: about 5 ns an entry each way.
 */
#include "core/rows.h"

enum {
    KIN_ROW_HEADER_BYTES = 16, /* row, length, sequence, bytes of the record: u32 each */
    KIN_ROW_SLACK_BYTES = 8,   /* may be read behind a record: has to be there, with any content */
};

/* What records are packed by: the same to pack and to unpack. */
typedef struct kin_row_format {
    size_t n, k;       /* rows below n, lengths up to k */
    unsigned row_bits; /* of a neighbour */
    size_t modality_count;
    float weight[KIN_MODALITIES_MAX]; /* for the prediction alone: any will do, here and below */
    float weight_sum;
    bool renorm; /* scores of pairs that lack a modality are scaled: --missing renorm */
} kin_row_format;

/* The format for rows of this catalog, of which names and weights are used. */
kin_row_format kin_row_format_of(const kin_catalog *catalog, size_t n, size_t k);

/* The most bytes that a record of k entries takes, slack included. */
size_t kin_row_bytes_most(const kin_row_format *format);

/* One row, best first. Of NaN cosines the bits are kept. */
typedef struct kin_packed_row {
    uint32_t row, length, sequence;
    int32_t *neighbor;                    /* [length] */
    float *score;                         /* [length] */
    uint16_t *cosine[KIN_MODALITIES_MAX]; /* [length] float16 bits */
} kin_packed_row;

/* Writes the record to `out`, which has room for kin_row_bytes_most, and returns its bytes without
 * slack. `space` holds 3 * k numbers, here and below. */
size_t kin_row_pack(const kin_row_format *format, const kin_packed_row *row, unsigned char *out,
                    uint32_t *space);

/* The header of a record; its bytes in *bytes. */
kin_packed_row kin_row_peek(const unsigned char *record, size_t *bytes);

/* Fills the neighbours of a row that was peeked at. */
void kin_row_unpack_neighbors(const kin_row_format *format, const unsigned char *record,
                              const kin_packed_row *row);

/* Fills its scores and cosines. */
void kin_row_unpack_scores(const kin_row_format *format, const unsigned char *record,
                           const kin_packed_row *row, uint32_t *space);

/* Whether the `available` bytes at `record` begin with a record whose header and widths are
 * possible: then unpacking it stays inside. */
bool kin_row_is_possible(const kin_row_format *format, const unsigned char *record,
                         size_t available);

#endif
