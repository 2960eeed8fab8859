#ifndef KIN_ANN_JOIN_NEAR_H
#define KIN_ANN_JOIN_NEAR_H
/*
 * Private to ann/join*.c: what a finished pass leaves behind for the refinement
 * (ann/join_refine.h): each row's nearest rows, and who names a row among its own.
 */
#include "scan/codes.h"
#include "scan/duplicates.h"

enum { KIN_NEAR_ROWS = 24 };

/* Rows are numbered by their place in the clustering's order. */
typedef struct kin_join_near {
    size_t count;
    const int32_t *position; /* [n] the place of each catalog row; the join's */
    int32_t *nearest;        /* [count][KIN_NEAR_ROWS] best first, -1 behind the last; owned */
    size_t *start;           /* [count + 1] into naming; owned */
    int32_t *naming;   /* [start[count]] rows that have the row among their nearest, ascending;
                         * owned */
    int32_t *high_sum; /* [count] of the high codes; owned */
} kin_join_near;

/* Empty lists for the rows of the codes. */
int kin_join_near_init(kin_join_near *self, const kin_codes *codes,
                       const int32_t *position /* [n] */, kin_error *err);
void kin_join_near_release(kin_join_near *self);
size_t kin_join_near_bytes(size_t rows);

/* Keeps the nearest of a finished row, of catalog row `row`: `best` are distinct rows, itself among
 * them. From any thread, each row once. */
void kin_join_near_keep(kin_join_near *self, int32_t row, const kin_rows *best, size_t slot);

/* Fills start and naming, when all rows are kept. */
void kin_join_near_turn(kin_join_near *self);

#endif
