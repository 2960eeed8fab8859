/*
 * Rows packed and unpacked (core/row_pack.h).
 *
 * A record is a header, the neighbours, the scores and, per modality, the cosines. Each of these
 * parts starts at a byte, so that a pass that wants neighbours alone reads no more. Floats and
 * float16 are handled as integers that order as they do, one to one, so that -0 and NaN survive.
 */
#include "core/row_pack.h"
#include "core/bits.h"
#include "core/memory.h"

#include <math.h>
#include <string.h>

/* Scores of a block share a width; a byte before the cosines of a modality says whether they are
 * predicted, whether some are lacking, and their width. */
enum { BLOCK = 16, PREDICTED = 0x80, LACKING = 0x40, WIDTH_BITS = 0x1f, COSINE_HEADER = 3 };

/* The float16 of a cosine that a pair lacks. */
static const uint16_t no_cosine = 0x7e00;

static unsigned bits_of(uint32_t value)
{
    return value ? 32 - (unsigned)__builtin_clz(value) : 0;
}

kin_row_format kin_row_format_of(const kin_catalog *catalog, size_t n, size_t k)
{
    kin_row_format out = {.n = n, .k = k, .modality_count = catalog->modality_count};
    out.row_bits = n > 1 ? bits_of((uint32_t)(n - 1)) : 0;
    out.renorm = catalog->missing == KIN_MISSING_RENORM;
    for (size_t m = 0; m < out.modality_count; m++) {
        out.weight[m] = (float)catalog->modality[m].weight;
        out.weight_sum += out.weight[m];
    }
    return out;
}

size_t kin_row_bytes_most(const kin_row_format *format)
{
    size_t blocks = format->k / BLOCK + 1;
    size_t entry = sizeof(int32_t) + sizeof(float) + format->modality_count * sizeof(uint16_t);
    size_t fixed = KIN_ROW_HEADER_BYTES + sizeof(float) + KIN_ROW_SLACK_BYTES +
                   format->modality_count * (COSINE_HEADER + 2 + format->k / 8);
    return kin_size_add(kin_size_mul(format->k, entry), kin_size_add(fixed, 2 * blocks));
}

/* ---- integers that order as the values do ---------------------------------------------------- */

static uint32_t order_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static float float_of_order(uint32_t order)
{
    float value;
    uint32_t bits = order & 0x80000000u ? order & 0x7fffffffu : ~order;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint16_t order_of_half(uint16_t half)
{
    return (uint16_t)(half & 0x8000 ? ~half : half | 0x8000);
}

static uint16_t half_of_order(uint16_t order)
{
    return (uint16_t)(order & 0x8000 ? order & 0x7fff : ~order);
}

/* ---- scores ---------------------------------------------------------------------------------- */

/* Modulo 2^32: scores that do not fall are as good, if wider. */
static unsigned char *put_scores(unsigned char *out, const float *score, size_t count)
{
    uint32_t fall[BLOCK], last = order_of_float(score[0]);
    memcpy(out, &last, sizeof last);
    out += sizeof last;
    for (size_t first = 1; first < count; first += BLOCK) {
        size_t size = count - first < BLOCK ? count - first : BLOCK;
        uint32_t all = 0;
        for (size_t i = 0; i < size; i++) {
            uint32_t order = order_of_float(score[first + i]);
            fall[i] = last - order;
            all |= fall[i];
            last = order;
        }
        *out = (unsigned char)bits_of(all);
        out = kin_bits_put(out + 1, fall, size, bits_of(all));
    }
    return out;
}

static const unsigned char *get_scores(const unsigned char *in, float *score, size_t count)
{
    uint32_t fall[BLOCK], last;
    memcpy(&last, in, sizeof last);
    in += sizeof last;
    score[0] = float_of_order(last);
    for (size_t first = 1; first < count; first += BLOCK) {
        size_t size = count - first < BLOCK ? count - first : BLOCK;
        in = kin_bits_get(in + 1, fall, size, *in);
        for (size_t i = 0; i < size; i++) {
            last -= fall[i];
            score[first + i] = float_of_order(last);
        }
    }
    return in;
}

/* ---- cosines --------------------------------------------------------------------------------- */

/* Takes from rest what a modality adds to the score, and from the weights that a pair has. */
static void subtract(float weight, const float *cosine, float *rest, float *weights, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool there = cosine[i] == cosine[i];
        rest[i] -= there ? weight * cosine[i] : 0;
        weights[i] -= there ? 0 : weight;
    }
}

/* What score and the other cosines say that the last modality's is, as far as they go: the others
 * are rounded. Two that cannot be known are 0, whatever the kind of NaN. */
static void predict(const kin_row_format *format, const kin_packed_row *row, uint16_t *out)
{
    enum { PART = 64 };
    const kin_kernels *kernels = kin_kernels_best();
    size_t last = format->modality_count - 1;
    float rest[PART], weights[PART], cosine[PART];
    for (size_t first = 0; first < row->length; first += PART) {
        size_t count = row->length - first < PART ? row->length - first : PART;
        for (size_t i = 0; i < count; i++) {
            rest[i] = 0;
            weights[i] = format->weight_sum;
        }
        for (size_t m = 0; m < last; m++) {
            kernels->widen[KIN_F16](cosine, row->cosine[m] + first, count);
            subtract(format->weight[m], cosine, rest, weights, count);
        }
        for (size_t i = 0; i < count; i++) {
            float scale = format->renorm ? weights[i] / format->weight_sum : 1;
            rest[i] = (row->score[first + i] * scale + rest[i]) / format->weight[last];
            rest[i] = fabsf(rest[i]) <= 2 ? rest[i] : 0;
        }
        kernels->narrow(out + first, rest, count);
    }
}

/* The smallest of some numbers of 16 bits, which it is taken from, and the width of the rest. */
static unsigned lower(uint32_t *value, size_t count, uint16_t *least)
{
    uint32_t low = UINT32_MAX, high = 0;
    for (size_t i = 0; i < count; i++) {
        low = value[i] < low ? value[i] : low;
        high = value[i] > high ? value[i] : high;
    }
    for (size_t i = 0; i < count; i++)
        value[i] -= low;
    *least = (uint16_t)low;
    return bits_of(high - low);
}

/* Distances are moved by half of their range, so that small ones of both signs are neighbours. */
static uint16_t distance(uint16_t half, uint16_t predicted)
{
    return (uint16_t)(order_of_half(half) - order_of_half(predicted) + 0x8000);
}

static uint16_t at_distance(uint32_t moved, uint16_t predicted)
{
    return half_of_order((uint16_t)(order_of_half(predicted) + moved - 0x8000));
}

/* A bit for each cosine that is there. Returns their number; nothing is put where it is all. */
static size_t put_present(const uint16_t *half, size_t count, unsigned char *out)
{
    uint32_t present = 0; /* as narrow as vectors can have it */
    for (size_t i = 0; i < count; i++)
        present += half[i] != no_cosine;
    if (present == count)
        return present;
    memset(out, 0, kin_bits_bytes(count, 1));
    for (size_t i = 0; i < count; i++)
        out[i / 8] |= (unsigned char)((half[i] != no_cosine) << i % 8);
    return present;
}

/* The `present` cosines that are there, side by side. */
static void gather(const uint16_t *half, size_t count, size_t present, uint32_t *plain)
{
    size_t at = 0;
    if (present == count) { /* nearly always, and by vectors */
        for (size_t i = 0; i < count; i++)
            plain[i] = order_of_half(half[i]);
        return;
    }
    for (size_t i = 0; i < count; i++) { /* without a branch, which none would foresee */
        plain[at] = order_of_half(half[i]);
        at += half[i] != no_cosine;
    }
}

/* And by their distance from what is predicted. */
static void gather_near(const uint16_t *half, const uint16_t *predicted, size_t count,
                        size_t present, uint32_t *near)
{
    size_t at = 0;
    if (present == count) { /* nearly always, and by vectors */
        for (size_t i = 0; i < count; i++)
            near[i] = distance(half[i], predicted[i]);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        near[at] = distance(half[i], predicted[i]);
        at += half[i] != no_cosine;
    }
}

static unsigned char *put_cosines(const kin_row_format *format, const kin_packed_row *row, size_t m,
                                  unsigned char *out, uint32_t *space)
{
    size_t count = row->length;
    uint32_t *plain = space, *near = space + format->k;
    uint16_t *predicted = (uint16_t *)(void *)(near + format->k);
    uint16_t least, least_near = 0;
    unsigned width_near = WIDTH_BITS;
    bool last = m + 1 == format->modality_count;
    size_t present = put_present(row->cosine[m], count, out + COSINE_HEADER);
    if (last) {
        predict(format, row, predicted);
        gather_near(row->cosine[m], predicted, count, present, near);
        width_near = lower(near, present, &least_near);
    }
    gather(row->cosine[m], count, present, plain);
    unsigned width = lower(plain, present, &least);
    bool nearer = width_near < width;
    width = nearer ? width_near : width;
    least = nearer ? least_near : least;
    out[0] = (unsigned char)(width | (nearer ? PREDICTED : 0) | (present < count ? LACKING : 0));
    memcpy(out + 1, &least, sizeof least);
    return kin_bits_put(out + COSINE_HEADER + (present < count ? kin_bits_bytes(count, 1) : 0),
                        nearer ? near : plain, present, width);
}

static size_t count_present(const unsigned char *bits, size_t count)
{
    size_t present = 0;
    for (size_t b = 0; b < kin_bits_bytes(count, 1); b++)
        present += (size_t)__builtin_popcount(bits[b]);
    return present;
}

/* Values that are there, to their places among `count`; others are 0. */
static void spread(const unsigned char *bits, const uint32_t *value, size_t count, uint32_t *out)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        out[i] = value[at];
        at += bits[i / 8] >> i % 8 & 1;
    }
}

static void mark_lacking(const unsigned char *bits, size_t count, uint16_t *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = bits[i / 8] >> i % 8 & 1 ? out[i] : no_cosine;
}

static const unsigned char *get_cosines(const kin_row_format *format, const kin_packed_row *row,
                                        size_t m, const unsigned char *in, uint32_t *space)
{
    size_t count = row->length, present = count;
    uint32_t *value = space;
    uint16_t least, *out = row->cosine[m];
    bool nearer = in[0] & PREDICTED, lacking = in[0] & LACKING;
    unsigned width = in[0] & WIDTH_BITS;
    memcpy(&least, in + 1, sizeof least);
    const unsigned char *bits = in += COSINE_HEADER;
    if (lacking) {
        present = count_present(bits, count);
        in += kin_bits_bytes(count, 1);
    }
    in = kin_bits_get(in, space, present, width);
    if (lacking) {
        value = space + format->k;
        space[present] = 0; /* read behind the last one */
        spread(bits, space, count, value);
    }
    if (nearer)
        predict(format, row, out);
    for (size_t i = 0; i < count; i++)
        out[i] = nearer ? at_distance(value[i] + least, out[i])
                        : half_of_order((uint16_t)(value[i] + least));
    if (lacking)
        mark_lacking(bits, count, out);
    return in;
}

/* ---- records --------------------------------------------------------------------------------- */

size_t kin_row_pack(const kin_row_format *format, const kin_packed_row *row, unsigned char *out,
                    uint32_t *space)
{
    unsigned char *at = out + KIN_ROW_HEADER_BYTES;
    if (row->length > 0) {
        at = kin_bits_put(at, (const uint32_t *)row->neighbor, row->length, format->row_bits);
        at = put_scores(at, row->score, row->length);
        for (size_t m = 0; m < format->modality_count; m++)
            at = put_cosines(format, row, m, at, space);
    }
    uint32_t header[4] = {row->row, row->length, row->sequence, (uint32_t)(at - out)};
    memcpy(out, header, sizeof header);
    return header[3];
}

kin_packed_row kin_row_peek(const unsigned char *record, size_t *bytes)
{
    uint32_t header[4];
    memcpy(header, record, sizeof header);
    *bytes = header[3];
    return (kin_packed_row){.row = header[0], .length = header[1], .sequence = header[2]};
}

void kin_row_unpack_neighbors(const kin_row_format *format, const unsigned char *record,
                              const kin_packed_row *row)
{
    kin_bits_get(record + KIN_ROW_HEADER_BYTES, (uint32_t *)row->neighbor, row->length,
                 format->row_bits);
}

void kin_row_unpack_scores(const kin_row_format *format, const unsigned char *record,
                           const kin_packed_row *row, uint32_t *space)
{
    if (row->length == 0)
        return;
    const unsigned char *at =
        record + KIN_ROW_HEADER_BYTES + kin_bits_bytes(row->length, format->row_bits);
    at = get_scores(at, row->score, row->length);
    for (size_t m = 0; m < format->modality_count; m++)
        at = get_cosines(format, row, m, at, space);
}

/* Bytes of the scores, or SIZE_MAX where they do not fit. */
static size_t measure_scores(const unsigned char *in, size_t available, size_t count)
{
    size_t used = sizeof(uint32_t);
    for (size_t first = 1; first < count && used < available; first += BLOCK) {
        size_t size = count - first < BLOCK ? count - first : BLOCK;
        if (in[used] > 32)
            return SIZE_MAX;
        used += 1 + kin_bits_bytes(size, in[used]);
    }
    return used <= available ? used : SIZE_MAX;
}

/* Bytes of a modality's cosines, or SIZE_MAX where they do not fit. */
static size_t measure_cosines(const unsigned char *in, size_t available, size_t count)
{
    size_t used = COSINE_HEADER, present = count, bits = kin_bits_bytes(count, 1);
    if (available < used || (in[0] & WIDTH_BITS) > 16)
        return SIZE_MAX;
    if (in[0] & LACKING) {
        if (available - used < bits || (count % 8 != 0 && in[used + bits - 1] >> count % 8 != 0))
            return SIZE_MAX;
        present = count_present(in + used, count);
        used += bits;
    }
    return used + kin_bits_bytes(present, in[0] & WIDTH_BITS);
}

bool kin_row_is_possible(const kin_row_format *format, const unsigned char *record,
                         size_t available)
{
    size_t bytes;
    if (available < KIN_ROW_HEADER_BYTES)
        return false;
    kin_packed_row row = kin_row_peek(record, &bytes);
    if (bytes > available || row.row >= format->n || row.length > format->k)
        return false;
    size_t used = KIN_ROW_HEADER_BYTES + kin_bits_bytes(row.length, format->row_bits);
    if (row.length > 0) {
        size_t scores =
            used < bytes ? measure_scores(record + used, bytes - used, row.length) : SIZE_MAX;
        used = kin_size_add(used, scores);
    }
    for (size_t m = 0; m < format->modality_count && row.length > 0 && used <= bytes; m++)
        used = kin_size_add(used, measure_cosines(record + used, bytes - used, row.length));
    return used == bytes;
}
