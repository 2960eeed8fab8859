#include "compare/id_map.h"
#include "core/memory.h"

#include <stdlib.h>

static bool same_ids(const kin_lines *ids, const kin_lines *other)
{
    bool same = ids->count == other->count;
    for (size_t i = 0; same && i < ids->count; i++)
        same = kin_span_equal(kin_lines_at(ids, i), kin_lines_at(other, i));
    return same;
}

/* Both tables, from an index of the other side's ids. */
static void match(kin_id_map *self, const kin_lines *ids, const kin_line_index *index)
{
    for (size_t i = 0; i < self->other_n; i++)
        self->back[i] = -1;
    for (size_t i = 0; i < self->n; i++) {
        int64_t found = kin_line_index_find(index, kin_lines_at(ids, i));
        self->other[i] = (int32_t)found;
        if (found < 0)
            continue;
        self->back[found] = (int32_t)i;
        self->common++;
    }
}

int kin_id_map_init(kin_id_map *self, const kin_lines *ids, const char *name,
                    const kin_lines *other_ids, const char *other_name, kin_error *err)
{
    kin_line_index index;
    *self = (kin_id_map){.n = ids->count, .other_n = other_ids->count};
    if (same_ids(ids, other_ids)) {
        self->common = self->n;
        return 0;
    }
    int rc = kin_line_index_init(&index, ids, name, 1, err); /* only to refuse repeated ids */
    if (rc != 0)
        return rc;
    kin_line_index_release(&index);
    rc = kin_line_index_init(&index, other_ids, other_name, 1, err);
    if (rc != 0)
        return rc;
    self->other = kin_alloc(self->n, sizeof *self->other);
    self->back = kin_alloc(self->other_n, sizeof *self->back);
    if (self->other && self->back) {
        match(self, ids, &index);
    } else {
        kin_id_map_release(self);
        rc = kin_fail_alloc(err, "items of two graphs",
                            kin_size_mul(ids->count + other_ids->count, sizeof *self->other));
    }
    kin_line_index_release(&index);
    return rc;
}

void kin_id_map_release(kin_id_map *self)
{
    free(self->other);
    free(self->back);
    *self = (kin_id_map){0};
}
