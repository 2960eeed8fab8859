#include "compare/row.h"
#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

int kin_id_set_init(kin_id_set *self, size_t ids, kin_error *err)
{
    size_t slots = 16;
    unsigned bits = 4;
    *self = (kin_id_set){0};
    for (; bits <= 32 && slots < kin_size_mul(4, ids); bits++)
        slots *= 2;
    if (bits > 32)
        return kin_fail_alloc(err, "the ids of a row", kin_size_mul(ids, KIN_ID_SET_BYTES));
    *self = (kin_id_set){.slots = slots, .shift = 32 - bits, .generation = 1};
    self->key = kin_alloc_zero(slots, sizeof *self->key);
    self->place = kin_alloc(slots, sizeof *self->place);
    if (self->key && self->place)
        return 0;
    kin_id_set_release(self);
    return kin_fail_alloc(err, "the ids of a row", kin_size_mul(ids, KIN_ID_SET_BYTES));
}

void kin_id_set_release(kin_id_set *self)
{
    free(self->key);
    free(self->place);
    *self = (kin_id_set){0};
}

void kin_id_set_clear(kin_id_set *self)
{
    self->count = 0;
    if (++self->generation == 0) { /* four thousand million rows later */
        memset(self->key, 0, self->slots * sizeof *self->key);
        self->generation = 1;
    }
}

static bool in_order(const kin_neighbor *entry, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (!(entry[i - 1].score > entry[i].score) &&
            kin_neighbor_best_first(&entry[i - 1], &entry[i]) > 0)
            return false;
    return true;
}

/* Entries in order: the first of each id stays. */
static size_t select_first(kin_neighbor *entry, size_t count, int32_t self_row, kin_id_set *seen)
{
    size_t kept = 0;
    kin_id_set_clear(seen);
    for (size_t i = 0; i < count; i++)
        if (entry[i].row != self_row && kin_id_set_add(seen, entry[i].row))
            entry[kept++] = entry[i];
    return kept;
}

size_t kin_entries_distinct(kin_neighbor *entry, size_t count, int32_t self_row, kin_id_set *seen)
{
    if (!in_order(entry, count))
        qsort(entry, count, sizeof *entry, kin_neighbor_best_first);
    return select_first(entry, count, self_row, seen);
}

size_t kin_row_distinct(const kin_graph *graph, size_t row, kin_neighbor *out, kin_id_set *seen)
{
    size_t count = kin_graph_row(graph, row, out);
    return graph->data ? kin_entries_distinct(out, count, (int32_t)row, seen)
                       : select_first(out, count, (int32_t)row, seen);
}
