/*
 * Random numbers by counter (see random.h).
 *
 * A 64-bit value is the splitmix64 finaliser (Steele, Lea, Flood 2014; constants by D. Stafford)
 * of key + counter * odd constant. Normals take a 32-bit hash with the multipliers of MurmurHash3
 * (A. Appleby) instead, because eight of them fit an AVX2 register and GCC vectorises the loop.
 * Leaves out: exact normal tails, jumps, streams of one's own choice of period.
 * Cost: a few multiplications a value, no memory.
 */
#include "core/random.h"

#include <assert.h>

static uint64_t mix64(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t kin_random_bits(uint64_t key, uint64_t counter)
{
    return mix64(key + (counter + 1) * 0x9e3779b97f4a7c15u);
}

uint64_t kin_random_key(uint64_t seed, uint64_t stream, uint64_t index)
{
    return kin_random_bits(kin_random_bits(mix64(seed), stream), index);
}

double kin_random_unit(uint64_t key, uint64_t counter)
{
    return (double)(kin_random_bits(key, counter) >> 11) * 0x1p-53;
}

/* Half of the key enters before the first multiplication and half after it: two keys never walk
 * the same sequence shifted, as they would if the key were only added to the counter. */
static inline uint32_t mix32(uint32_t before, uint32_t between, uint32_t counter)
{
    uint32_t x = before + counter * 0x9e3779b9u;

    x = (x ^ (x >> 16)) * 0x85ebca6bu ^ between;
    x = (x ^ (x >> 13)) * 0xc2b2ae35u;
    return x ^ (x >> 16);
}

void kin_random_normals(uint64_t key, size_t count, float *out)
{
    const float to_unit_variance = 2.6429051e-05f; /* sqrt(3) / 65536 */
    const uint32_t before = (uint32_t)key, between = (uint32_t)(key >> 32);

    assert(count < (size_t)1 << 31);
    for (uint32_t i = 0; i < (uint32_t)count; i++) {
        uint32_t a = mix32(before, between, 2 * i), b = mix32(before, between, 2 * i + 1);
        int32_t sum = (int32_t)((a & 0xffff) + (a >> 16) + (b & 0xffff) + (b >> 16));

        out[i] = (float)(sum - 2 * 0xffff) * to_unit_variance; /* the int is exact in a float */
    }
}

/* A Feistel network over 2 * half bits permutes the next power of four; stepping on until the value
 * is below n ("cycle walking") makes it a permutation of 0 .. n-1. Fewer than four steps on
 * average. */
size_t kin_random_place(uint64_t key, size_t n, size_t i)
{
    unsigned half = 1;
    uint64_t x = i;

    assert(i < n);
    while (half < 32 && ((uint64_t)1 << (2 * half)) < n)
        half++;
    const uint64_t mask = ((uint64_t)1 << half) - 1;
    do {
        uint64_t left = x >> half, right = x & mask;

        for (uint64_t round = 0; round < 4; round++) {
            uint64_t next = left ^ (kin_random_bits(key + round, right) & mask);

            left = right;
            right = next;
        }
        x = left << half | right;
    } while (x >= n);
    return (size_t)x;
}
