/*
 * Recursive bisection (scan/order.h). A node's direction is that of a power iteration on up to
 * SAMPLE of its rows; its rows are parted at the median projection by selection.
 * Time: log2(n / 512) passes over n x d values and selections of n keys. Memory: a key a row.
 */
#include "scan/order.h"
#include "core/memory.h"
#include "core/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SAMPLE = 256,
    ITERATIONS = 4,
    TASK_ROWS = 8192,
    ROUND = 32,
    PATTERNS = 1 << KIN_MODALITIES_MAX
};

typedef struct tree {
    kin_order *order;
    const float *coordinate; /* [n][d] */
    size_t d;
    uint64_t *key; /* [count] */
} tree;

static const float *row_at(const tree *self, size_t at)
{
    return self->coordinate + (size_t)self->order->row[at] * self->d;
}

static float inner(const float *x, const float *y, size_t d)
{
    float lane[16] = {0};
    size_t i = 0;
    for (; i + 16 <= d; i += 16)
        for (size_t l = 0; l < 16; l++)
            lane[l] += x[i + l] * y[i + l];
    float sum = 0;
    for (; i < d; i++)
        sum += x[i] * y[i];
    for (size_t l = 0; l < 16; l++)
        sum += lane[l];
    return sum;
}

/* The direction in which rows first .. first + count spread most, roughly, into v[d]. */
static void find_direction(const tree *self, size_t first, size_t count, float *v, float *mean,
                           float *next)
{
    size_t d = self->d;
    size_t step = count > SAMPLE ? count / SAMPLE : 1;
    size_t taken = count / step;
    memset(mean, 0, d * sizeof *mean);
    for (size_t s = 0; s < taken; s++)
        for (size_t i = 0; i < d; i++)
            mean[i] += row_at(self, first + s * step)[i] / (float)taken;
    for (size_t i = 0; i < d; i++) /* a start that no data is orthogonal to by design */
        v[i] = row_at(self, first)[i] - mean[i] + 1e-3f / (float)(i + 1);
    for (int iteration = 0; iteration < ITERATIONS; iteration++) {
        float shift = inner(mean, v, d);
        memset(next, 0, d * sizeof *next);
        for (size_t s = 0; s < taken; s++) {
            const float *x = row_at(self, first + s * step);
            float along = inner(x, v, d) - shift;
            for (size_t i = 0; i < d; i++)
                next[i] += along * (x[i] - mean[i]);
        }
        float length = sqrtf(inner(next, next, d));
        for (size_t i = 0; i < d && length > 0; i++)
            v[i] = next[i] / length;
    }
}

/* Parts the rows into the `left` with the smallest projections and the rest. */
static void part(const tree *self, size_t first, size_t count, size_t left, const float *v)
{
    uint64_t *key = self->key + first;
    int32_t *row = self->order->row + first;
    for (size_t i = 0; i < count; i++) {
        float along = inner(row_at(self, first + i), v, self->d);
        key[i] = (uint64_t)kin_score_order(along) << 32 | (uint32_t)row[i];
    }
    if (left < count)
        kin_keys_nth(key, count, left);
    for (size_t i = 0; i < count; i++)
        row[i] = (int32_t)(uint32_t)key[i];
}

/* Splits rows first .. first + count into 2^levels groups from number `group` on. */
static void split(const tree *self, size_t first, size_t count, size_t levels, size_t group)
{
    if (levels == 0) {
        self->order->start[group] = first;
        return;
    }
    size_t left = (count / 2 + ROUND / 2) / ROUND * ROUND; /* whole panels */
    left = left < count ? left : count / 2;
    float *space = count > 1 ? malloc(3 * self->d * sizeof *space) : NULL;
    if (space) { /* without memory the halves are as they come: slower, not wrong */
        find_direction(self, first, count, space, space + self->d, space + 2 * self->d);
        part(self, first, count, left, space);
        free(space);
    }
#pragma omp task if (count > TASK_ROWS)
    split(self, first, left, levels - 1, group);
#pragma omp task if (count > TASK_ROWS)
    split(self, first + left, count - left, levels - 1, group + ((size_t)1 << (levels - 1)));
#pragma omp taskwait
}

static size_t levels_for(size_t count)
{
    size_t levels = 0;
    while ((count - 1) >> levels >= KIN_GROUP_TARGET)
        levels++;
    return levels;
}

/* Lists the rows by pattern, patterns of more groups first; returns the number of groups. */
static size_t list_rows(kin_order *self, const kin_catalog *catalog, size_t size[PATTERNS],
                        unsigned sequence[PATTERNS], size_t *patterns)
{
    memset(size, 0, PATTERNS * sizeof *size);
    for (size_t i = 0; i < catalog->n; i++)
        size[catalog->present[i]]++;
    size_t at[PATTERNS], groups = 0;
    *patterns = 0;
    for (size_t levels = 32; levels-- > 0;)
        for (unsigned p = 1; p < PATTERNS; p++)
            if (size[p] > 0 && levels_for(size[p]) == levels) {
                at[p] = self->count;
                self->count += size[p];
                groups += (size_t)1 << levels;
                sequence[(*patterns)++] = p;
            }
    for (size_t i = 0; i < catalog->n; i++)
        if (catalog->present[i])
            self->row[at[catalog->present[i]]++] = (int32_t)i;
    return groups;
}

int kin_order_init(kin_order *self, const kin_catalog *catalog, const float *coordinate, size_t d,
                   kin_error *err)
{
    size_t size[PATTERNS], patterns;
    unsigned sequence[PATTERNS];
    *self = (kin_order){0};
    self->row = kin_alloc(catalog->n, sizeof *self->row);
    uint64_t *key = kin_alloc(catalog->n, sizeof *key);
    if (self->row && key) {
        self->groups = list_rows(self, catalog, size, sequence, &patterns);
        self->start = kin_alloc(self->groups + 1, sizeof *self->start);
        self->pattern = kin_alloc(self->groups, 1);
    }
    if (!self->row || !key || !self->start || !self->pattern) {
        free(key);
        kin_order_release(self);
        return kin_fail_alloc(err, "the order of rows", kin_order_work_bytes(catalog->n));
    }
    tree job = {.order = self, .coordinate = coordinate, .d = d, .key = key};
    size_t first = 0, group = 0;
    for (size_t p = 0; p < patterns; p++) {
        size_t count = size[sequence[p]], levels = levels_for(count);
        memset(self->pattern + group, (int)sequence[p], (size_t)1 << levels);
#pragma omp parallel
#pragma omp single
        split(&job, first, count, levels, group);
        first += count;
        group += (size_t)1 << levels;
    }
    self->start[self->groups] = self->count;
    free(key);
    return 0;
}

void kin_order_release(kin_order *self)
{
    free(self->row);
    free(self->start);
    free(self->pattern);
    *self = (kin_order){0};
}

size_t kin_order_bytes(size_t n)
{
    return kin_size_add(kin_size_mul(n, sizeof(int32_t)), 32 * (n / KIN_GROUP_TARGET + 512));
}

size_t kin_order_work_bytes(size_t n)
{
    return kin_size_mul(n, sizeof(uint64_t));
}
