#ifndef KIN_SCAN_ORDER_H
#define KIN_SCAN_ORDER_H
/*
 * The order in which rows are compared: similar rows side by side, in groups of some hundred.
 *
 * Rows are first parted by presence pattern (which modalities an item has), so that all pairs of two
 * groups share one factor. Each pattern's rows are clustered by spherical k-means (scan/kmeans.h), and
 * a cluster that is too large is halved, again and again, along the direction in which it spreads most.
 */
#include "core/catalog.h"

/* Target size of a group, and what rounding to whole panels may add to it. */
enum { KIN_GROUP_TARGET = 512, KIN_GROUP_MAX = KIN_GROUP_TARGET + 32 };

typedef struct kin_order {
    size_t count;     /* rows that take part: those with any modality that are not left out */
    int32_t *row;     /* [count] catalog rows in their new order; owned */
    size_t groups;    /* of 1 .. KIN_GROUP_MAX rows */
    size_t *start;    /* [groups + 1] into row; owned */
    uint8_t *pattern; /* [groups] presence pattern of the group's rows; owned */
} kin_order;

/* Orders the rows of a catalog by their coordinates, but for those that `leave_out` marks. Same result for
 * any number of threads. */
int kin_order_init(kin_order *self, const kin_catalog *catalog,
                   const uint8_t *leave_out /* [n] or NULL */, const float *coordinate /* [n][d] */,
                   size_t d, kin_error *err);
void kin_order_release(kin_order *self);

/* The group that holds place `at` of the order; at < count. */
size_t kin_order_group(const kin_order *self, size_t at);

/* No more groups than this come of n rows. */
size_t kin_order_groups_most(size_t n);

/* Bytes of the order itself, and those that kin_order_init takes meanwhile. */
size_t kin_order_bytes(size_t n);
size_t kin_order_work_bytes(size_t n, size_t d);

#endif
