/*
 * Duplicates left out, and rows expanded to all items that are the same (scan/duplicates.h).
 *
 * Cost: finding them as in scan/distinct.h; a row whose neighbours are all unique is copied, any
 * other sorts the items of each run of equal scores.
 */
#include "scan/duplicates.h"
#include "core/select.h"

#include <stdlib.h>
#include <string.h>

int kin_duplicates_find(kin_duplicates *self, const kin_catalog *catalog, size_t memory_bytes,
                        const char *hint, kin_error *err)
{
    *self = (kin_duplicates){0};
    kin_memory_plan plan = {.hint = hint};
    kin_memory_plan_add(&plan, "finding items that are the same",
                        kin_distinct_work_bytes(catalog->n), 1);
    int rc = kin_memory_plan_check(&plan, memory_bytes, err);
    if (rc == 0)
        rc = kin_distinct_make(&self->distinct, catalog, (1u << catalog->modality_count) - 1, err);
    if (rc != 0)
        return rc;
    self->leave_out = kin_alloc(catalog->n, 1);
    self->unique = kin_alloc_zero(catalog->n / 8 + 1, 1);
    if (!self->leave_out || !self->unique) {
        kin_duplicates_release(self);
        return kin_fail_alloc(err, "items that are the same", catalog->n);
    }
    const kin_distinct *distinct = &self->distinct;
    for (size_t i = 0; i < catalog->n; i++) {
        int32_t group = distinct->of[i];
        self->leave_out[i] = group >= 0 && distinct->item[distinct->start[group]] != (int32_t)i;
        size_t same = group < 0 ? 0 : distinct->start[group + 1] - distinct->start[group];
        self->unique[i / 8] |= (uint8_t)((same == 1) << i % 8);
    }
    return 0;
}

void kin_duplicates_release(kin_duplicates *self)
{
    kin_distinct_release(&self->distinct);
    free(self->leave_out);
    free(self->unique);
    *self = (kin_duplicates){0};
}

size_t kin_duplicates_bytes(size_t n)
{
    return kin_size_add(kin_distinct_bytes(n), n + n / 8 + 1);
}

/* ---- rows expanded --------------------------------------------------------------------------- */

int kin_expander_init(kin_expander *self, const kin_duplicates *duplicates, size_t k,
                      size_t modality_count, kin_error *err)
{
    *self = (kin_expander){.duplicates = duplicates};
    self->member = kin_alloc(2 * (k + 1), sizeof *self->member);
    int rc = self->member ? 0 : kin_fail_alloc(err, "a thread", 16 * (k + 1));
    if (rc == 0)
        rc = kin_rows_init(&self->expanded, 1, k + 1, modality_count, err);
    if (rc == 0)
        rc = kin_rows_init(&self->one, 1, k, modality_count, err);
    return rc;
}

void kin_expander_release(kin_expander *self)
{
    kin_rows_release(&self->expanded);
    kin_rows_release(&self->one);
    free(self->member);
    *self = (kin_expander){0};
}

size_t kin_expander_bytes(size_t k, size_t modality_count)
{
    return kin_size_add(2 * kin_rows_bytes(1, k + 1, modality_count),
                        kin_size_mul(2 * (k + 1), sizeof(uint64_t)));
}

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
static void expand_run(kin_expander *self, const kin_rows *best, size_t slot, size_t from,
                       size_t to)
{
    const kin_distinct *distinct = &self->duplicates->distinct;
    kin_rows *out = &self->expanded;
    size_t left = out->k - out->filled[0], count = 0;
    for (size_t e = from; e < to; e++) {
        size_t entry = slot * best->k + e, kept = count;
        int32_t group = distinct->of[best->neighbor[entry]];
        size_t first = distinct->start[group], last = distinct->start[group + 1];
        for (size_t i = first; i < last && i - first < left; i++)
            self->member[kept++] = (uint64_t)(uint32_t)distinct->item[i] << 32 | e;
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

static bool is_unique(const kin_duplicates *duplicates, int32_t item)
{
    return duplicates->unique[item / 8] >> item % 8 & 1;
}

/* Whether all neighbours, the row itself among them, are unique. */
static bool all_unique(const kin_duplicates *duplicates, const kin_rows *best, size_t slot)
{
    const int32_t *item = best->neighbor + slot * best->k;
    bool unique = true;
    for (size_t e = 0; e < best->filled[slot]; e++)
        unique &= is_unique(duplicates, item[e]);
    return unique;
}

int kin_expander_emit(kin_expander *self, int32_t row, const kin_rows *best, size_t slot,
                      kin_row_sink sink, kin_error *err)
{
    const kin_distinct *distinct = &self->duplicates->distinct;
    int32_t group = distinct->of[row];
    self->expanded.filled[0] = 0;
    if (all_unique(self->duplicates, best, slot) &&
        distinct->start[group + 1] - distinct->start[group] == 1) {
        kin_rows part = kin_rows_part(best, slot, 1);
        leave_out(&part, row, &self->one);
        return sink.write(sink.self, (size_t)row, &self->one, err);
    }
    for (size_t from = 0, to; from < best->filled[slot] && self->expanded.filled[0] < best->k;
         from = to) {
        size_t entry = slot * best->k + from;
        to = run_end(best, slot, from);
        if (to == from + 1 && is_unique(self->duplicates, best->neighbor[entry]))
            append(&self->expanded, best->neighbor[entry], best, entry);
        else
            expand_run(self, best, slot, from, to);
    }
    int rc = 0;
    for (size_t i = distinct->start[group]; i < distinct->start[group + 1] && rc == 0; i++) {
        leave_out(&self->expanded, distinct->item[i], &self->one);
        rc = sink.write(sink.self, (size_t)distinct->item[i], &self->one, err);
    }
    return rc;
}
