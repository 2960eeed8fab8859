#include "support/bunches.h"
#include "support/test.h"

#include <stdlib.h>

float *test_bunches(size_t count, size_t d, size_t centers, uint64_t seed)
{
    float *x = malloc(count * d * sizeof *x);
    float *center = calloc(centers, d * sizeof *center);
    for (size_t i = 0; i < centers * d; i++)
        center[i] = (float)test_random_normal(&seed);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = center[i % centers * d + j] + .1f * (float)test_random_normal(&seed);
    free(center);
    return x;
}
