/*
 * One row's neighbours become those of all items that are the same.
 *
 * The join knows distinct rows. A neighbour stands for all items with its bytes, which score the
 * same to the bit; of equal scores the smaller items come first. An item's row is that cluster
 * without the item.
 */
#include "ann/join_state.h"
#include "core/select.h"

#include <string.h>

/* The end of the run of equal scores that starts at entry `from`. */
static size_t run_end(const kin_rows *best, size_t slot, size_t from)
{
    const float *score = best->score + slot * best->k;
    size_t to = from + 1;
    while (to < best->filled[slot] && score[to] == score[from])
        to++;
    return to;
}

/* Appends an item with the scores of entry `from`. */
static void append(kin_rows *out, int32_t item, const kin_rows *best, size_t from)
{
    size_t to = out->filled[0]++;
    out->neighbor[to] = item;
    out->score[to] = best->score[from];
    for (size_t m = 0; m < best->modality_count; m++)
        out->cosine[m][to] = best->cosine[m][from];
}

/* Items of entries from .. to - 1, ascending; no more than fit. */
static void expand_run(kin_join_worker *self, const kin_rows *best, size_t slot, size_t from,
                       size_t to)
{
    const kin_distinct *duplicates = &self->join->duplicates;
    kin_rows *out = &self->expanded;
    size_t left = out->k - out->filled[0], count = 0;
    for (size_t e = from; e < to; e++) {
        size_t entry = slot * best->k + e, kept = count;
        int32_t group = duplicates->of[best->neighbor[entry]];
        size_t first = duplicates->start[group], last = duplicates->start[group + 1];
        for (size_t i = first; i < last && i - first < left; i++)
            self->member[kept++] = (uint64_t)(uint32_t)duplicates->item[i] << 32 | e;
        count = kept < left ? kept : left;
        if (e > from || kept > left)
            kin_keys_select(self->member, kept, count);
    }
    for (size_t i = 0; i < count; i++)
        append(out, (int32_t)(self->member[i] >> 32), best,
               slot * best->k + (uint32_t)self->member[i]);
}

/* Copies entries first .. first + count - 1 behind those that `out` has. */
static void copy(kin_rows *out, const kin_rows *from, size_t first, size_t count)
{
    size_t to = out->filled[0];
    memcpy(out->neighbor + to, from->neighbor + first, count * sizeof *out->neighbor);
    memcpy(out->score + to, from->score + first, count * sizeof *out->score);
    for (size_t m = 0; m < out->modality_count; m++)
        memcpy(out->cosine[m] + to, from->cosine[m] + first, count * sizeof(float));
    out->filled[0] += (uint32_t)count;
}

/* The expanded row without the item, at most K. */
static void leave_out(const kin_rows *all, int32_t item, kin_rows *out)
{
    size_t count = all->filled[0], own = 0;
    while (own < count && all->neighbor[own] != item)
        own++;
    out->count = 1;
    out->filled[0] = 0;
    copy(out, all, 0, own < out->k ? own : out->k);
    if (own < count)
        copy(out, all, own + 1, count - own - 1);
}

/* Whether all neighbours, the row itself among them, are unique. */
static bool all_unique(const kin_join *join, const kin_rows *best, size_t slot)
{
    const int32_t *item = best->neighbor + slot * best->k;
    unsigned unique = 1;
    for (size_t e = 0; e < best->filled[slot]; e++)
        unique &= join->unique[item[e] / 8] >> item[e] % 8;
    return unique & 1;
}

int kin_join_emit(kin_join_worker *self, int32_t row, const kin_rows *best, size_t slot,
                  kin_row_sink sink, kin_error *err)
{
    const kin_distinct *duplicates = &self->join->duplicates;
    int32_t group = duplicates->of[row];
    self->expanded.filled[0] = 0;
    if (all_unique(self->join, best, slot) &&
        duplicates->start[group + 1] - duplicates->start[group] == 1) {
        kin_rows part = kin_rows_part(best, slot, 1);
        leave_out(&part, row, &self->one);
        return sink.write(sink.self, (size_t)row, &self->one, err);
    }
    for (size_t from = 0, to; from < best->filled[slot] && self->expanded.filled[0] < best->k;
         from = to) {
        to = run_end(best, slot, from);
        expand_run(self, best, slot, from, to);
    }
    int rc = 0;
    for (size_t i = duplicates->start[group]; i < duplicates->start[group + 1] && rc == 0; i++) {
        leave_out(&self->expanded, duplicates->item[i], &self->one);
        rc = sink.write(sink.self, (size_t)duplicates->item[i], &self->one, err);
    }
    return rc;
}
