#ifndef KIN_CORE_BITS_H
#define KIN_CORE_BITS_H
/*
 * Integers of any width side by side, from the lowest bit of each byte on (core/row_pack.c).
 *
 * Two or four narrow ones are made one number first, so that a word is read or written for all of
 * them. Up to 8 bytes behind the values may be written, and are read.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline size_t kin_bits_bytes(size_t count, unsigned width)
{
    return (count * width + 7) / 8;
}

/* So many bits fit one word wherever in a byte they start: several values are one number. */
enum { KIN_BITS_OF_FOUR = 56 / 4, KIN_BITS_OF_TWO = 56 / 2 };

typedef struct kin_bit_sink {
    unsigned char *at;
    uint64_t held; /* bits of the byte at `at` */
    unsigned bits; /* their number, below 8 */
} kin_bit_sink;

/* Writes a whole word, into the slack in the end. */
static inline void kin_bits_push(kin_bit_sink *to, uint64_t value, unsigned width)
{
    to->held |= value << to->bits;
    memcpy(to->at, &to->held, sizeof to->held);
    to->bits += width;
    to->at += to->bits / 8;
    to->held >>= to->bits / 8 * 8;
    to->bits %= 8;
}

/* The low `width` bits, 0 to 32, of each value, from the lowest bit of each byte on. Returns the
 * place behind them. */
static inline unsigned char *kin_bits_put(unsigned char *out, const uint32_t *value, size_t count,
                                          unsigned width)
{
    kin_bit_sink to = {.at = out};
    size_t i = 0;
    if (width == 0)
        return out;
    for (; width <= KIN_BITS_OF_FOUR && i + 4 <= count; i += 4)
        kin_bits_push(&to,
                      value[i] | (uint64_t)value[i + 1] << width |
                          (uint64_t)value[i + 2] << 2 * width | (uint64_t)value[i + 3] << 3 * width,
                      4 * width);
    for (; width <= KIN_BITS_OF_TWO && i + 2 <= count; i += 2)
        kin_bits_push(&to, value[i] | (uint64_t)value[i + 1] << width, 2 * width);
    for (; i < count; i++)
        kin_bits_push(&to, value[i], width);
    return to.at + (to.bits > 0);
}

/* The word that begins with bit `bit`, but for its upper 7 bits at most. */
static inline uint64_t kin_bits_word(const unsigned char *in, size_t bit)
{
    uint64_t word;
    memcpy(&word, in + bit / 8, sizeof word);
    return word >> bit % 8;
}

static inline const unsigned char *kin_bits_get(const unsigned char *in, uint32_t *value,
                                                size_t count, unsigned width)
{
    uint32_t mask = (uint32_t)((UINT64_C(1) << width) - 1);
    size_t i = 0;
    for (; width <= KIN_BITS_OF_FOUR && i + 4 <= count; i += 4) {
        uint64_t four = kin_bits_word(in, i * width);
        value[i] = (uint32_t)four & mask;
        value[i + 1] = (uint32_t)(four >> width) & mask;
        value[i + 2] = (uint32_t)(four >> 2 * width) & mask;
        value[i + 3] = (uint32_t)(four >> 3 * width) & mask;
    }
    for (; width <= KIN_BITS_OF_TWO && i + 2 <= count; i += 2) {
        uint64_t two = kin_bits_word(in, i * width);
        value[i] = (uint32_t)two & mask;
        value[i + 1] = (uint32_t)(two >> width) & mask;
    }
    for (; i < count; i++)
        value[i] = (uint32_t)kin_bits_word(in, i * width) & mask;
    return in + kin_bits_bytes(count, width);
}

#endif
