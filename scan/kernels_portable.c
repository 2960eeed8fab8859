/*
 * The portable kernels: the reference that every other table equals bit for bit. A table without a
 * faster function of its own uses the one from here.
 */
#include "scan/kernels_cpu.h"

#include <stdbool.h>
#include <string.h>

/* Whether row r of the row panel and column c of the panel are a hit. */
static bool reaches(const kin_row_panel *row_panel, const kin_panel *panel, int r, int c,
                    int32_t dot)
{
    float v = (float)dot + row_panel->tail[r] * panel->tail[c];
    return v + panel->bias[c] >= row_panel->row_threshold[r] ||
           v + panel->margin[c] >= row_panel->column_threshold[r];
}

static void dots(const uint8_t *row_code, const int8_t *panel_code, const int32_t *panel_sum,
                 size_t quads, int32_t out[KIN_PANEL_ROWS][KIN_PANEL_COLUMNS])
{
    const int8_t *row = (const int8_t *)row_code;
    (void)panel_sum; /* rows are not lifted */
    memset(out, 0, KIN_PANEL_ROWS * sizeof *out);
    for (size_t q = 0; q < quads; q++)
        for (int r = 0; r < KIN_PANEL_ROWS; r++)
            for (int c = 0; c < KIN_PANEL_COLUMNS; c++) {
                const int8_t *a = row + (q * KIN_PANEL_ROWS + (size_t)r) * 4;
                const int8_t *b = panel_code + (q * KIN_PANEL_COLUMNS + (size_t)c) * 4;
                out[r][c] += a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
            }
}

static size_t tile(const kin_row_panel *row_panel, const kin_panel *panel, size_t quads,
                   kin_tile *out)
{
    dots(row_panel->code, panel->code, panel->sum, quads, out->dot);
    for (int r = 0; r < KIN_PANEL_ROWS; r++) {
        out->mask[r] = 0;
        for (int c = 0; c < KIN_PANEL_COLUMNS; c++)
            out->mask[r] |= (uint32_t)reaches(row_panel, panel, r, c, out->dot[r][c]) << c;
    }
    return kin_tile_hits(out);
}

static int32_t dot(const int8_t *x, const int8_t *y, size_t d)
{
    int32_t sum = 0;
    for (size_t i = 0; i < d; i++)
        sum += x[i] * y[i];
    return sum;
}

static void pairs(const uint8_t *row, const kin_pair_row *y, size_t count, size_t lead, size_t tail,
                  int32_t *cross, int32_t *tail_dot)
{
    const int8_t *x = (const int8_t *)row;
    for (size_t i = 0; i < count; i++) {
        const int8_t *code = (const int8_t *)y[i].code;
        cross[i] = dot(x, code + lead, lead) + dot(x + lead, code, lead);
        tail_dot[i] = dot(x + 2 * lead, code + 2 * lead, tail);
    }
}

void kin_refine_bits(const kin_refine_row *row, const kin_refine_columns *columns, uint32_t mask,
                     kin_refined *out)
{
    out->row_hits = out->column_hits = out->too_coarse = 0;
    for (uint32_t left = mask; left != 0; left &= left - 1) {
        int c = __builtin_ctz(left);
        float error = out->error[c], reach = out->estimate[c] + error;
        bool own = reach >= row->threshold, other = reach >= columns->threshold[c];
        bool coarse = (own && error > row->tolerance) || (other && error > columns->tolerance[c]);
        out->row_hits |= (uint32_t)own << c;
        out->column_hits |= (uint32_t)other << c;
        out->too_coarse |= (uint32_t)coarse << c;
    }
}

void kin_append(const float *value, const int32_t *id, uint32_t mask, float *values, int32_t *ids)
{
    for (; mask != 0; mask &= mask - 1) {
        int c = __builtin_ctz(mask);
        *values++ = value[c];
        *ids++ = id[c];
    }
}

size_t kin_compact(float *value, int32_t *id, size_t count, float least)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        float v = value[i];
        value[kept] = v;
        id[kept] = id[i];
        kept += v >= least;
    }
    return kept;
}

size_t kin_reaching(const float *value, size_t count, float least)
{
    uint32_t reaching = 0;
    for (size_t i = 0; i < count; i++)
        reaching += value[i] >= least;
    return reaching;
}

static void refine(const kin_refine_row *row, const kin_refine_columns *columns,
                   const kin_products *product, uint32_t mask, kin_refined *out)
{
    kin_refine_approximate(row, columns, product, out->estimate, out->error);
    kin_refine_bits(row, columns, mask, out);
}

const kin_scan_kernels kin_scan_portable = {.name = "portable",
                                            .row_bias = 0,
                                            .tile = tile,
                                            .dots = dots,
                                            .pairs = pairs,
                                            .refine = refine,
                                            .append = kin_append,
                                            .compact = kin_compact,
                                            .reaching = kin_reaching};
