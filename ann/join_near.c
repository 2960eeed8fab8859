/*
 * Nearest rows and their reverse (ann/join_near.h).
 *
 * Cost: 8 KIN_NEAR_ROWS + 12 bytes a row; two passes over the lists to turn them.
 */
#include "ann/join_near.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

size_t kin_join_near_bytes(size_t rows)
{
    size_t row = (2 * KIN_NEAR_ROWS + 1) * sizeof(int32_t) + sizeof(size_t);
    return kin_size_mul(rows, row);
}

/* The sum of each row's high codes, which undoes the bias of the other side of a product. */
static void sum_codes(kin_join_near *self, const kin_codes *codes)
{
#pragma omp parallel for schedule(static)
    for (size_t at = 0; at < self->count; at++) {
        const uint8_t *code = codes->row + at * codes->stride;
        int32_t sum = 0;
        for (size_t k = 0; k < codes->rotation.lead; k++)
            sum += (int8_t)(code[k] ^ codes->row_bias);
        self->high_sum[at] = sum;
    }
}

int kin_join_near_init(kin_join_near *self, const kin_codes *codes, const int32_t *position,
                       kin_error *err)
{
    size_t count = codes->clustering.count;
    *self = (kin_join_near){.count = count, .position = position};
    self->nearest = kin_alloc(kin_size_mul(count, KIN_NEAR_ROWS), sizeof *self->nearest);
    self->start = kin_alloc(count + 1, sizeof *self->start);
    self->naming = kin_alloc(kin_size_mul(count, KIN_NEAR_ROWS), sizeof *self->naming);
    self->high_sum = kin_alloc(count, sizeof *self->high_sum);
    if (!self->nearest || !self->start || !self->naming || !self->high_sum) {
        kin_join_near_release(self);
        return kin_fail_alloc(err, "nearest rows", kin_join_near_bytes(count));
    }
    sum_codes(self, codes);
    return 0;
}

void kin_join_near_release(kin_join_near *self)
{
    free(self->nearest);
    free(self->start);
    free(self->naming);
    free(self->high_sum);
    *self = (kin_join_near){0};
}

void kin_join_near_keep(kin_join_near *self, int32_t row, const kin_rows *best, size_t slot)
{
    size_t at = (size_t)self->position[row], kept = 0;
    int32_t *nearest = self->nearest + at * KIN_NEAR_ROWS;
    for (size_t e = 0; e < best->filled[slot] && kept < KIN_NEAR_ROWS; e++) {
        int32_t other = best->neighbor[slot * best->k + e];
        if (other != row)
            nearest[kept++] = self->position[other];
    }
    memset(nearest + kept, 0xff, (KIN_NEAR_ROWS - kept) * sizeof *nearest); /* -1 */
}

void kin_join_near_turn(kin_join_near *self)
{
    size_t entries = self->count * KIN_NEAR_ROWS;
    memset(self->start, 0, (self->count + 1) * sizeof *self->start);
    for (size_t e = 0; e < entries; e++)
        if (self->nearest[e] >= 0)
            self->start[self->nearest[e] + 1]++;
    for (size_t at = 0; at < self->count; at++)
        self->start[at + 1] += self->start[at];
    for (size_t e = 0; e < entries; e++)
        if (self->nearest[e] >= 0)
            self->naming[self->start[self->nearest[e]]++] = (int32_t)(e / KIN_NEAR_ROWS);
    for (size_t at = self->count; at > 0; at--) /* each start has become the next one's */
        self->start[at] = self->start[at - 1];
    self->start[0] = 0;
}
