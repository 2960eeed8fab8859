#ifndef KIN_SCAN_PAIRSCAN_STATE_H
#define KIN_SCAN_PAIRSCAN_STATE_H
/*
 * Private to scan/pairscan*.c: the pair scan under way.
 *
 *   pairscan.c           which row panels are multiplied with which panels, and their hits refined
 *   pairscan_products.c  the low and tail products of the hits
 *   pairscan_collect.c   thresholds of tiles, and candidates into collectors
 */
#include "scan/pairscan.h"

#include <math.h>

enum { COLUMNS = KIN_CLUSTER_MAX };

/* The column side, an array for each term: a row is compared with many columns at a time. */
typedef struct columns {
    float tail_unit[COLUMNS], bias_unit[COLUMNS], margin[COLUMNS]; /* for tiles */
    float threshold[COLUMNS];                                      /* INFINITY: does not collect */
    float bias[COLUMNS], norm[COLUMNS], tail_norm[COLUMNS], step[COLUMNS]; /* kin_code_terms */
    float coarse[COLUMNS], fine[COLUMNS], tail_loss[COLUMNS], tolerance[COLUMNS];
} columns;

struct kin_pairscan {
    const kin_scan *scan;
    const kin_scan_kernels *kernels;
    kin_scan_counts counts;

    /* the pair scan under way */
    size_t first_row, first_column; /* of the clusters, in the order */
    size_t rows, column_count;
    bool rows_collect, columns_collect;
    float factor;
    /* approximate codes: the rows' own factor; the pair's is KIN_FACTOR_DOUBTFUL times that */
    float own_factor;
    bool doubtful;
    float coarse_most, norm_most; /* of the columns */
    columns column;
    /* the columns' terms: those above, or those of approximate codes (kin_code_columns), which are
     * not copied for each pair scan */
    const float *tail_unit, *bias_unit, *bias, *step;

    /* the row panel under way, by its rows */
    size_t row_panel_rows;         /* 1 .. KIN_PANEL_ROWS */
    size_t at[KIN_PANEL_ROWS];     /* in the order */
    size_t slot[KIN_PANEL_ROWS];   /* its collector, if rows collect */
    const uint8_t *row_panel_code; /* [lead / 4][KIN_PANEL_ROWS][4] */
    float row_panel_tail[KIN_PANEL_ROWS];
    float row_threshold[KIN_PANEL_ROWS], column_threshold[KIN_PANEL_ROWS];
    uint8_t *gathered_row_panel; /* [lead / 4][KIN_PANEL_ROWS][4] of rows of any clusters */
    bool dense_row_panel_ready;
    uint8_t *dense_row_panel; /* [stride / 4][KIN_PANEL_ROWS][4] high, low and tail */

    /* columns for dense tiles, made when the first one turns up */
    uint32_t dense_panel_ready; /* bit p: panel p is in dense_panel */
    int8_t *dense_panel;        /* [panels][stride / 4][KIN_PANEL_COLUMNS][4] low, high and tail */
    int32_t dense_lead_sum[COLUMNS], dense_tail_sum[COLUMNS];

    /* the tile under way, by row and column of the panel */
    kin_tile tile;
    int32_t cross[KIN_PANEL_ROWS][KIN_PANEL_COLUMNS], tail[KIN_PANEL_ROWS][KIN_PANEL_COLUMNS];
    /* one row of it */
    kin_pair_row pair_row[KIN_PANEL_COLUMNS];                            /* [hits] */
    int32_t pair_cross[KIN_PANEL_COLUMNS], pair_tail[KIN_PANEL_COLUMNS]; /* [hits] */
    kin_refined refined;

    /* canonical scores under way */
    kin_query query;
    int32_t *candidate; /* [capacity] */
    kin_rescore_workspace workspace;
    kin_rows best; /* one row */
};

/* The collector of a column, if columns collect. */
static inline size_t kin_pairscan_column_slot(const kin_pairscan *self, size_t column)
{
    return self->first_column + column - self->scan->first;
}

/* Copies a column's threshold from its collector; NaN margin, never reached, if columns do not
 * collect. */
void kin_pairscan_set_column_threshold(kin_pairscan *self, size_t column);

/* Sets row_threshold and column_threshold of row r of the row panel from its collector. */
void kin_pairscan_set_row_thresholds(kin_pairscan *self, size_t r);

/* The cross and tail products of a tile's hits, pair by pair ... */
void kin_pairscan_multiply_hits(kin_pairscan *self, size_t column);

/* ... and those of all pairs of a tile, the panel's number p. */
void kin_pairscan_multiply_tile(kin_pairscan *self, size_t p);

/* Collects the hits in `refined`, of row r with the panel's columns. */
void kin_pairscan_collect(kin_pairscan *self, size_t r, size_t column);

#endif
