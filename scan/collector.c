/*
 * Collectors (scan/collector.h).
 *
 * Pruning looks for a value that at least k estimates reach by halving an interval: a few passes of
 * comparisons without a branch. Selecting the very k-th estimate costs several times as much.
 * Cost: amortised, some ten comparisons a candidate; 8 bytes a place and 12 a row.
 */
#include "scan/collector.h"
#include "core/memory.h"
#include "scan/kernels.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int kin_collectors_init(kin_collectors *self, size_t rows, size_t k, size_t capacity,
                        kin_error *err)
{
    assert(capacity >= kin_collectors_capacity_least(k));
    size_t places = kin_size_mul(rows, capacity);
    *self = (kin_collectors){.rows = rows, .k = k, .capacity = capacity};
    self->estimate = kin_alloc(places, sizeof *self->estimate);
    self->candidate = kin_alloc(places, sizeof *self->candidate);
    self->count = kin_alloc_zero(rows, sizeof *self->count);
    self->threshold = kin_alloc(rows, sizeof *self->threshold);
    self->tolerance = kin_alloc_zero(rows, sizeof *self->tolerance);
    if (!self->estimate || !self->candidate || !self->count || !self->threshold ||
        !self->tolerance) {
        kin_collectors_release(self);
        return kin_fail_alloc(err, "collectors",
                              kin_size_mul(rows, kin_collectors_row_bytes(capacity)));
    }
    for (size_t i = 0; i < rows; i++)
        self->threshold[i] = -INFINITY;
    return 0;
}

void kin_collectors_release(kin_collectors *self)
{
    free(self->estimate);
    free(self->candidate);
    free(self->count);
    free(self->threshold);
    free(self->tolerance);
    *self = (kin_collectors){0};
}

size_t kin_collectors_capacity_least(size_t k)
{
    return k + 32;
}

size_t kin_collectors_capacity_good(size_t k)
{
    return k + (5 * k / 8 > 64 ? 5 * k / 8 : 64);
}

size_t kin_collectors_row_bytes(size_t capacity)
{
    return capacity * (sizeof(float) + sizeof(int32_t)) + sizeof(uint32_t) + 2 * sizeof(float);
}

/* By halving the interval that holds it, which is a few passes of comparisons without a branch;
 * selecting the very k-th takes several times as long and is worth no more. */
float kin_value_reached(const float *x, size_t count, size_t k, float close)
{
    float low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    for (int halving = 0; halving < 40 && high - low > close; halving++) {
        float middle = low + (high - low) / 2;
        size_t reaching = kin_scan_kernels_best()->reaching(x, count, middle);
        if (reaching >= k)
            low = middle;
        else
            high = middle;
        if (reaching == k)
            break;
    }
    return low;
}

bool kin_collectors_prune(kin_collectors *self, size_t row)
{
    float *estimate = self->estimate + row * self->capacity;
    int32_t *candidate = self->candidate + row * self->capacity;
    size_t count = self->count[row];
    if (count < self->k)
        return false;
    float tolerance = self->tolerance[row];
    float threshold = kin_value_reached(estimate, count, self->k, tolerance / 16) - tolerance;
    threshold = nextafterf(threshold, -INFINITY); /* for the rounding of the difference */
    self->threshold[row] = threshold > self->threshold[row] ? threshold : self->threshold[row];
    float least = nextafterf(self->threshold[row] - tolerance, -INFINITY);
    size_t kept = kin_scan_kernels_best()->compact(estimate, candidate, count, least);
    self->count[row] = (uint32_t)kept;
    return self->capacity - kept < (self->capacity - self->k + 7) / 8;
}

void kin_collectors_replace(kin_collectors *self, size_t row, const int32_t *candidate,
                            const float *estimate, size_t count)
{
    size_t first = row * self->capacity;
    assert(count <= self->k);
    memcpy(self->estimate + first, estimate, count * sizeof *estimate);
    memcpy(self->candidate + first, candidate, count * sizeof *candidate);
    self->count[row] = (uint32_t)count;
    if (count == self->k && count > 0)
        self->threshold[row] = nextafterf(estimate[count - 1] - self->tolerance[row], -INFINITY);
}

bool kin_collectors_prove(const kin_collectors *self, size_t row, float threshold)
{
    const float *estimate = self->estimate + row * self->capacity;
    float least = nextafterf(threshold + self->tolerance[row], INFINITY);
    return kin_scan_kernels_best()->reaching(estimate, self->count[row], least) >= self->k;
}

void kin_collectors_restart(kin_collectors *self, size_t row)
{
    const float *estimate = self->estimate + row * self->capacity;
    size_t count = self->count[row];
    float tolerance = self->tolerance[row], proven = -INFINITY;
    if (count >= self->k)
        proven = kin_value_reached(estimate, count, self->k, tolerance / 16) - tolerance;
    self->threshold[row] = nextafterf(proven, -INFINITY);
    self->count[row] = 0;
}

static int ascending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

size_t kin_collectors_list(const kin_collectors *self, size_t row, int32_t *out)
{
    size_t count = self->count[row];
    memcpy(out, self->candidate + row * self->capacity, count * sizeof *out);
    qsort(out, count, sizeof *out, ascending);
    return count;
}
