/*
 * Low and tail products, pair by pair or tile by tile (scan/pairscan_state.h).
 */
#include "scan/pairscan_state.h"

enum { LINE_BYTES = 64 };

/* The cross and tail products of row r's hits, pair by pair. */
static void multiply_pairs(kin_pairscan *self, size_t r, size_t column)
{
    const kin_codes *codes = self->scan->codes;
    size_t count = 0;
    for (uint32_t left = self->tile.mask[r]; left != 0; left &= left - 1) {
        size_t at = self->first_column + column + (size_t)__builtin_ctz(left);
        const kin_code_terms *terms = &codes->terms[at];
        self->pair_row[count++] =
            (kin_pair_row){codes->row + at * codes->stride, terms->lead_sum, terms->tail_sum};
    }
    self->kernels->pairs(codes->row + self->at[r] * codes->stride, self->pair_row, count,
                         codes->rotation.lead, codes->rotation.tail, self->pair_cross,
                         self->pair_tail);
    count = 0;
    for (uint32_t left = self->tile.mask[r]; left != 0; left &= left - 1, count++) {
        int c = __builtin_ctz(left);
        self->cross[r][c] = self->pair_cross[count];
        self->tail[r][c] = self->pair_tail[count];
    }
}

/* The columns' codes are asked for first: a cluster's do not fit the first-level cache. */
void kin_pairscan_multiply_hits(kin_pairscan *self, size_t column)
{
    const kin_codes *codes = self->scan->codes;
    uint32_t any = 0;
    for (size_t r = 0; r < KIN_PANEL_ROWS; r++)
        any |= self->tile.mask[r];
    for (uint32_t left = any; left != 0; left &= left - 1) {
        size_t at = self->first_column + column + (size_t)__builtin_ctz(left);
        for (size_t k = 0; k < codes->stride; k += LINE_BYTES)
            __builtin_prefetch(codes->row + at * codes->stride + k, 0, 2);
    }
    for (size_t r = 0; r < KIN_PANEL_ROWS; r++)
        if (self->tile.mask[r] != 0)
            multiply_pairs(self, r, column);
}

static void make_dense_row_panel(kin_pairscan *self)
{
    const kin_codes *codes = self->scan->codes;
    for (size_t r = 0; r < self->row_panel_rows; r++)
        kin_interleave(codes->row + self->at[r] * codes->stride, codes->stride, 0, KIN_PANEL_ROWS,
                       r, self->dense_row_panel);
    self->dense_row_panel_ready = true;
}

static void make_dense_panel(kin_pairscan *self, size_t p)
{
    const kin_codes *codes = self->scan->codes;
    size_t lead = codes->rotation.lead, stride = codes->stride;
    int8_t *to = self->dense_panel + p * KIN_PANEL_COLUMNS * stride;
    for (size_t i = 0; i < KIN_PANEL_COLUMNS; i++) {
        size_t c = p * KIN_PANEL_COLUMNS + i;
        if (c >= self->column_count)
            break;
        const uint8_t *code = codes->row + (self->first_column + c) * stride;
        kin_interleave(code + lead, lead, codes->row_bias, KIN_PANEL_COLUMNS, i, to);
        kin_interleave(code, lead, codes->row_bias, KIN_PANEL_COLUMNS, i,
                       to + lead * KIN_PANEL_COLUMNS);
        kin_interleave(code + 2 * lead, codes->rotation.tail, codes->row_bias, KIN_PANEL_COLUMNS, i,
                       to + 2 * lead * KIN_PANEL_COLUMNS);
        self->dense_lead_sum[c] = codes->terms[self->first_column + c].lead_sum;
        self->dense_tail_sum[c] = codes->terms[self->first_column + c].tail_sum;
    }
    self->dense_panel_ready |= 1u << p;
}

void kin_pairscan_multiply_tile(kin_pairscan *self, size_t p)
{
    const kin_codes *codes = self->scan->codes;
    size_t lead = codes->rotation.lead, tail = codes->rotation.tail;
    if (!self->dense_row_panel_ready)
        make_dense_row_panel(self);
    if (!(self->dense_panel_ready >> p & 1))
        make_dense_panel(self, p);
    const int8_t *panel = self->dense_panel + p * KIN_PANEL_COLUMNS * codes->stride;
    size_t column = p * KIN_PANEL_COLUMNS;
    self->kernels->dots(self->dense_row_panel, panel, self->dense_lead_sum + column, lead / 2,
                        self->cross);
    self->kernels->dots(self->dense_row_panel + 2 * lead * KIN_PANEL_ROWS,
                        panel + 2 * lead * KIN_PANEL_COLUMNS, self->dense_tail_sum + column,
                        tail / 4, self->tail);
}
