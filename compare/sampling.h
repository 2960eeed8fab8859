#ifndef KIN_COMPARE_SAMPLING_H
#define KIN_COMPARE_SAMPLING_H
/*
 * Rows drawn at random, without replacement and by counter (core/random.h): the same rows for any
 * number of threads.
 */
#include "compare/strata.h"

/* Rows that may be drawn, of 0 .. n - 1. */
typedef struct kin_population {
    size_t n;
    const uint8_t *present; /* [n] 0: not to be drawn; NULL: all may be */
    const int32_t *without; /* [without_count] ascending: not to be drawn either */
    size_t without_count;
} kin_population;

/* Up to `count` different rows, ascending: the first of all in a random order that `key` chooses.
 * Returns how many there are. Time: O(n) where few rows may be drawn. */
size_t kin_sample_draw(int32_t *row /* [count] */, size_t count, const kin_population *from,
                       uint64_t key);

/* `count` of n rows, different and ascending, in proportion to their strata: every (n / count)-th
 * of the rows by stratum and, in one stratum, in random order. So each row is drawn with the same
 * probability, and each stratum in proportion, to within one row. Memory: 16 bytes a row. */
int kin_sample_draw_strata(int32_t *row /* [count] */, size_t count, const kin_strata *strata,
                           size_t n, uint64_t seed, kin_error *err);

#endif
