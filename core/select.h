#ifndef KIN_CORE_SELECT_H
#define KIN_CORE_SELECT_H
/*
 * Selection and sorting of 64-bit keys, and the unsigned number that orders as a float does.
 *
 * A key is a score's order in the upper half and a row number in the lower one, so that one
 * comparison of integers decides by score, then by row. Selection is Hoare's (quickselect, CACM 4,
 * 1961, Algorithm 65), sorting is by radix.
 */
#include <stddef.h>
#include <stdint.h>

/* A float's bits as an unsigned that orders as the floats do: larger float, larger number.
 * -0 and +0 are one. Not for NaN. */
uint32_t kin_score_order(float score);

/* The float that has this order; 0 for what was -0. */
float kin_score_from_order(uint32_t order);

/* The key that would stand at `nth` (from 0) if the `count` distinct keys were sorted; smaller ones
 * are moved before it, larger ones behind it. Expected time O(count). */
uint64_t kin_keys_nth(uint64_t *keys, size_t count, size_t nth);

/* Sorts by bits first_bit .. last_bit - 1, ascending; keys equal there keep their order. `space`
 * holds as many keys. Time O(count) for each byte in which keys differ. */
void kin_keys_sort(uint64_t *keys, uint64_t *space, size_t count, unsigned first_bit,
                   unsigned last_bit);

/* The `k` smallest of keys[0 .. count), sorted ascending, at the front; k <= count. Expected time
 * O(count + k log k). */
void kin_keys_select(uint64_t *keys, size_t count, size_t k);

#endif
