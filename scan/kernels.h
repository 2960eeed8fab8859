#ifndef KIN_SCAN_KERNELS_H
#define KIN_SCAN_KERNELS_H
/*
 * The kernels of the scan: leading codes tile against tile, single pairs in full, estimates with
 * their errors, and lists of candidates.
 *
 * Products are sums of products of int8 codes in [-127, 127], exact in int32 for the 32,768
 * dimensions that engines allow (scan/engine.h). The comparisons around them are single float
 * operations in a fixed order. So every table gives the same bits, and tests hold each to the
 * portable one.
 *
 * Layout. 32 columns make a panel [quads][32][4]: four dimensions of one column, then those of the
 * next. 12 rows make a row panel [quads][12][4] the same way. For pairs, a row is [lead high][lead
 * low][tail], each part a multiple of 64 bytes.
 *
 * Instructions that multiply unsigned by signed bytes (VPDPBUSD) need one side lifted by 128: then
 * sum (a + 128) b - 128 sum b  is the product. `row_bias` of a table says whether row panels and
 * rows for pairs are lifted; panels are plain.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    KIN_PANEL_ROWS = 12,    /* rows of a tile: 12 x 2 accumulators of 16 fill AVX-512's registers */
    KIN_PANEL_COLUMNS = 32, /* columns of a tile */
    KIN_CODE_ALIGN = 64,    /* every part of a row of codes is a multiple of this many dimensions */
};

/* The row side of a tile. A threshold that is NaN is never reached. */
typedef struct kin_row_panel {
    const uint8_t *code;           /* [quads][KIN_PANEL_ROWS][4] codes ^ row_bias */
    const float *tail;             /* [KIN_PANEL_ROWS] norm of what the leading codes leave out */
    const float *row_threshold;    /* [KIN_PANEL_ROWS] a hit for the row: v + bias reaches it */
    const float *column_threshold; /* [KIN_PANEL_ROWS] for the column: v + margin reaches it */
} kin_row_panel;

/* The column side. A bias or margin that is NaN reaches nothing. */
typedef struct kin_panel {
    const int8_t *code;  /* [quads][KIN_PANEL_COLUMNS][4] */
    const int32_t *sum;  /* [KIN_PANEL_COLUMNS] of each column's codes */
    const float *tail;   /* [KIN_PANEL_COLUMNS] */
    const float *bias;   /* [KIN_PANEL_COLUMNS] */
    const float *margin; /* [KIN_PANEL_COLUMNS] bias less the column's own threshold */
} kin_panel;

/* The hits of a tile: the pairs that the coarse bound cannot exclude. */
typedef struct kin_tile {
    uint32_t
        mask[KIN_PANEL_ROWS]; /* bit c of mask[r]: the bound cannot exclude row r and column c */
    int32_t dot[KIN_PANEL_ROWS]
               [KIN_PANEL_COLUMNS]; /* of the leading codes; written if any bit is set */
} kin_tile;

/* The codes of a row on the column side, with the sums that undo the row side's bias. */
typedef struct kin_pair_row {
    const uint8_t *code; /* [2 lead + tail] codes ^ row_bias */
    int32_t lead_sum;    /* of the high and low codes together */
    int32_t tail_sum;
} kin_pair_row;

/* The terms of a row in the estimates of its pairs (scan/codes.h) ... */
typedef struct kin_refine_row {
    float lead, low;        /* units of the leading and of the cross products */
    float factor, rounding; /* of the two clusters' masks; of the arithmetic */
    float bias, norm, tail_norm, step, coarse, fine, tail_loss;
    float threshold, tolerance;
} kin_refine_row;

/* ... and those of a panel's columns, [KIN_PANEL_COLUMNS] each. */
typedef struct kin_refine_columns {
    const float *bias, *norm, *tail_norm, *step, *coarse, *fine, *tail_loss;
    const float *threshold, *tolerance;
} kin_refine_columns;

/* Integer products of one row with a panel's columns, [KIN_PANEL_COLUMNS] each. */
typedef struct kin_products {
    const int32_t *lead, *cross, *tail;
} kin_products;

/* A refined row of a tile. Bit c of a mask is column c. */
typedef struct kin_refined {
    float estimate[KIN_PANEL_COLUMNS], error[KIN_PANEL_COLUMNS];
    uint32_t row_hits;    /* estimate + error reaches the row's threshold ... */
    uint32_t column_hits; /* ... the column's */
    uint32_t too_coarse;  /* and the error is above the tolerance of the side that it reaches */
} kin_refined;

typedef struct kin_scan_kernels {
    const char *name; /* "portable", "avx2", "avxvnni", "avx512vnni", "neon" */
    uint8_t row_bias; /* 0x80 or 0: what codes of row panels and rows are XORed with */

    /* Finds the hits of a tile; returns their number. out->mask is set if there are any.
     *     v = (float)dot + row tail * column tail
     *     hit: v + bias >= row_threshold  or  v + margin >= column_threshold */
    size_t (*tile)(const kin_row_panel *row_panel, const kin_panel *panel, size_t quads,
                   kin_tile *out);

    /* out[r][c] = the product of row r and panel column c, without bounds. `code` and `sum` as in
     * kin_row_panel and kin_panel. */
    void (*dots)(const uint8_t *row_code, const int8_t *panel_code, const int32_t *panel_sum,
                 size_t quads, int32_t out[KIN_PANEL_ROWS][KIN_PANEL_COLUMNS]);

    /* The row x (its codes ^ row_bias) with each of y[0 .. count):
     *     cross[i] = high(x) low(y[i]) + low(x) high(y[i]),  tail_dot[i] = tail(x) tail(y[i])
     * lead and tail are multiples of KIN_CODE_ALIGN, tail may be 0. */
    void (*pairs)(const uint8_t *x, const kin_pair_row *y, size_t count, size_t lead, size_t tail,
                  int32_t *cross, int32_t *tail_dot);

    /* Estimates and errors of all columns; hits among those in `mask`. */
    void (*refine)(const kin_refine_row *row, const kin_refine_columns *columns,
                   const kin_products *product, uint32_t mask, kin_refined *out);

    /* Copies value[c] and id[c] of the columns in `mask`, ascending, to the front of `values`
     * and `ids`, and writes nothing behind them. */
    void (*append)(const float *value, const int32_t *id, uint32_t mask, float *values,
                   int32_t *ids);

    /* Moves the values that are at least `least` to the front, in their order, with their ids;
     * returns their number. The places behind them are undefined. */
    size_t (*compact)(float *value, int32_t *id, size_t count, float least);

    /* The number of values that are at least `least`. */
    size_t (*reaching)(const float *value, size_t count, float least);
} kin_scan_kernels;

/* Copies a row of codes into place `place` of the `places` of a row panel or panel, XORed with
 * `bias`. */
static inline void kin_interleave(const void *code /* [count] */, size_t count, uint8_t bias,
                                  size_t places, size_t place, void *out)
{
    const char *from = code;
    char *to = out;
    for (size_t i = 0; i < count; i += 4) {
        uint32_t quad;
        memcpy(&quad, from + i, sizeof quad);
        quad ^= bias * 0x01010101u;
        memcpy(to + i * places + 4 * place, &quad, sizeof quad);
    }
}

/* The best table for this CPU, chosen at the first call. */
const kin_scan_kernels *kin_scan_kernels_best(void);

/* The tables this CPU can run, best first, ended by NULL. The last one is always "portable". */
const kin_scan_kernels *const *kin_scan_kernels_all(void);

#endif
