#include "core/select.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

uint32_t kin_score_order(float score)
{
    uint32_t bits;
    score += 0.0f; /* -0 becomes +0 */
    memcpy(&bits, &score, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

float kin_score_from_order(uint32_t order)
{
    uint32_t bits = order & 0x80000000u ? order & 0x7fffffffu : ~order;
    float score;
    memcpy(&score, &bits, sizeof score);
    return score;
}

static void swap_keys(uint64_t *a, uint64_t *b)
{
    uint64_t kept = *a;
    *a = *b;
    *b = kept;
}

static void sort_few(uint64_t *keys, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint64_t key = keys[i];
        size_t at = i;
        for (; at > 0 && keys[at - 1] > key; at--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

/* Hoare's partition around a median of three of keys[low .. high), more than two of them; keys are
 * distinct, so two ways suffice. Returns the split: all before it are smaller than all behind. */
static size_t split_keys(uint64_t *keys, size_t low, size_t high)
{
    uint64_t *first = keys + low;
    uint64_t *last = keys + high - 1;
    uint64_t *middle = keys + low + (high - low) / 2;
    if (*middle < *first)
        swap_keys(middle, first);
    if (*last < *first)
        swap_keys(last, first);
    if (*last < *middle)
        swap_keys(last, middle);
    uint64_t pivot = *middle;
    size_t i = low;
    size_t j = high - 1;
    for (;;) {
        while (keys[i] < pivot)
            i++;
        while (keys[j] > pivot)
            j--;
        if (i >= j)
            return j + 1;
        swap_keys(keys + i++, keys + j--);
    }
}

enum { FEW_KEYS = 16 };

uint64_t kin_keys_nth(uint64_t *keys, size_t count, size_t nth)
{
    assert(nth < count);
    size_t low = 0;
    size_t high = count;
    while (high - low > FEW_KEYS) {
        size_t split = split_keys(keys, low, high);
        if (nth < split)
            high = split;
        else
            low = split;
    }
    sort_few(keys + low, high - low);
    return keys[nth];
}

/* Quicksort of what selection left; the smaller part first, so that log2(count) calls are open. */
static void sort_keys(uint64_t *keys, size_t count)
{
    while (count > FEW_KEYS) {
        size_t split = split_keys(keys, 0, count);
        bool left_smaller = split < count - split;
        sort_keys(left_smaller ? keys : keys + split, left_smaller ? split : count - split);
        keys += left_smaller ? split : 0;
        count = left_smaller ? count - split : split;
    }
    sort_few(keys, count);
}

void kin_keys_select(uint64_t *keys, size_t count, size_t k)
{
    assert(k <= count);
    if (k < count)
        kin_keys_nth(keys, count, k);
    sort_keys(keys, k);
}

void kin_keys_sort(uint64_t *keys, uint64_t *space, size_t count, unsigned first_bit,
                   unsigned last_bit)
{
    uint64_t differ = 0;
    uint64_t *from = keys, *to = space;
    for (size_t i = 1; i < count; i++)
        differ |= keys[i] ^ keys[0];
    for (unsigned shift = first_bit; shift < last_bit; shift += 8) {
        uint64_t mask = last_bit - shift < 8 ? (1u << (last_bit - shift)) - 1 : 255;
        uint32_t start[256] = {0};
        uint32_t sum = 0;
        if (!(differ >> shift & mask))
            continue;
        for (size_t i = 0; i < count; i++)
            start[from[i] >> shift & mask]++;
        for (size_t b = 0; b < 256; b++) {
            uint32_t here = start[b];
            start[b] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++)
            to[start[from[i] >> shift & mask]++] = from[i];
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != keys)
        memcpy(keys, from, count * sizeof *keys);
}
