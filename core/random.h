#ifndef KIN_CORE_RANDOM_H
#define KIN_CORE_RANDOM_H
/*
 * Random numbers by counter: every value is a pure function of (key, counter), there is no state.
 *
 * So work can be cut into blocks, done by any number of threads and in any order, and give the
 * same bytes. Make a key per purpose with kin_random_key, then ask for value number 0, 1, 2, ...
 * Only integer arithmetic, exact conversions and single multiplications are used: the values are
 * the same on every machine. Good for data and sampling; not for cryptography.
 */
#include <stddef.h>
#include <stdint.h>

/* A key for one use: `seed` is the user's, `stream` names the purpose (a constant of the caller),
 * `index` the object (a row, a cluster). Different triples give unrelated keys. */
uint64_t kin_random_key(uint64_t seed, uint64_t stream, uint64_t index);

/* 64 uniform bits: value number `counter` under `key`. */
uint64_t kin_random_bits(uint64_t key, uint64_t counter);

/* Uniform in [0, 1), a multiple of 2^-53. */
double kin_random_unit(uint64_t key, uint64_t counter);

/* Values 0 .. count-1 under `key`, close to the normal distribution with mean 0 and variance 1:
 * each is the sum of four uniform 16-bit numbers, scaled. Differs from the true normal where data
 * do not care: nothing lies beyond 3.47, the excess kurtosis is -0.3. About one nanosecond each.
 * out: [count], owned by the caller. */
void kin_random_normals(uint64_t key, size_t count, float *out);

/* Where item `i` of 0 .. n-1 goes in a random order of n items: a permutation of 0 .. n-1 chosen by
 * `key`, without a table. Needs i < n. */
size_t kin_random_place(uint64_t key, size_t n, size_t i);

#endif
