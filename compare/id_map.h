#ifndef KIN_COMPARE_ID_MAP_H
#define KIN_COMPARE_ID_MAP_H
/*
 * Which rows of two graphs are the same item: by id.
 *
 * Two graphs of the same items in the same order need no table, which is the usual case. Others are
 * matched line by line, as between two nights.
 */
#include "core/lines.h"

typedef struct kin_id_map {
    size_t n, other_n;
    int32_t *other; /* [n] the other graph's row of an item, -1: none; NULL: the same row; owned */
    int32_t *back;  /* [other_n] the way back; owned. NULL with `other` */
    size_t common;  /* items that both have */
} kin_id_map;

/* Ids must be unique on either side (KIN_E_DATA names two lines of the side's `name`). Memory:
 * nothing for equal ids in equal order, else 4 bytes an item of both and an index while it runs. */
int kin_id_map_init(kin_id_map *self, const kin_lines *ids, const char *name,
                    const kin_lines *other_ids, const char *other_name, kin_error *err);
void kin_id_map_release(kin_id_map *self);

/* The other graph's row of item `row`, or -1. */
static inline int32_t kin_id_map_other(const kin_id_map *self, int32_t row)
{
    return self->other ? self->other[row] : row;
}

/* The row of the other graph's item `row`, or -1. */
static inline int32_t kin_id_map_back(const kin_id_map *self, int32_t row)
{
    return self->back ? self->back[row] : row;
}

#endif
