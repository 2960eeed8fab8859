#ifndef KIN_SCAN_DUPLICATES_H
#define KIN_SCAN_DUPLICATES_H
/*
 * Duplicates: items of the same bytes are one row for an engine, and its neighbours become those
 * of all of them.
 *
 * The first item of each group is scanned, the others are left out. A row then has K + 1 distinct
 * rows as candidates, itself among them; a neighbour stands for all items with its bytes, which
 * score the same to the bit; of equal scores the smaller items come first. An item's row is that
 * list without the item. With fewer than K + 1 distinct rows in all, the list holds them all.
 * Memory: 9 to 17 bytes an item and a bit; of a thread, two rows and 16 bytes a neighbour.
 */
#include "core/memory.h"
#include "core/rows.h"
#include "scan/distinct.h"

typedef struct kin_duplicates {
    kin_distinct distinct; /* by all modalities; its count is that of the rows to scan */
    uint8_t *leave_out;    /* [n] items that another one stands for; owned */
    uint8_t *unique;       /* [(n + 7) / 8] bit i: no other item is the same as item i; owned */
} kin_duplicates;

/* Which items another one stands for: the first of those that are the same. KIN_E_MEMORY where
 * the workspace is above `memory_bytes` (0: what the machine has); `hint` says what to change. */
int kin_duplicates_find(kin_duplicates *self, const kin_catalog *catalog, size_t memory_bytes,
                        const char *hint, kin_error *err);
void kin_duplicates_release(kin_duplicates *self);
size_t kin_duplicates_bytes(size_t n);

/* The workspace of one thread. */
typedef struct kin_expander {
    const kin_duplicates *duplicates;
    kin_rows expanded; /* one row of K + 1, and one of K */
    kin_rows one;
    uint64_t *member; /* [2 * (K + 1)]; owned */
} kin_expander;

/* For rows of K neighbours; the duplicates have to outlive it. */
int kin_expander_init(kin_expander *self, const kin_duplicates *duplicates, size_t k,
                      size_t modality_count, kin_error *err);
void kin_expander_release(kin_expander *self);
size_t kin_expander_bytes(size_t k, size_t modality_count);

/* The best K + 1 distinct rows of a row, its own among them, become the rows of all items that are
 * the same; to the sink, one by one. */
int kin_expander_emit(kin_expander *self, int32_t row, const kin_rows *best, size_t slot,
                      kin_row_sink sink, kin_error *err);

#endif
