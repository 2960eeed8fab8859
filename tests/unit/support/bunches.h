#ifndef KIN_TEST_BUNCHES_H
#define KIN_TEST_BUNCHES_H
#include <stddef.h>
#include <stdint.h>

/* Rows around `centers` random directions, [count][d]; the caller frees. */
float *test_bunches(size_t count, size_t d, size_t centers, uint64_t seed);

#endif
