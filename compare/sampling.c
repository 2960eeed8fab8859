#include "compare/sampling.h"
#include "core/memory.h"
#include "core/random.h"

#include <stdlib.h>

static bool may_be_drawn(const kin_population *from, int32_t row)
{
    if (from->present && !from->present[row])
        return false;
    return from->without_count == 0 ||
           !bsearch(&row, from->without, from->without_count, sizeof row, kin_row_ascending);
}

size_t kin_sample_draw(int32_t *row, size_t count, const kin_population *from, uint64_t key)
{
    size_t drawn = 0;
    for (size_t i = 0; i < from->n && drawn < count; i++) {
        int32_t next = (int32_t)kin_random_place(key, from->n, i);
        if (may_be_drawn(from, next))
            row[drawn++] = next;
    }
    qsort(row, drawn, sizeof *row, kin_row_ascending);
    return drawn;
}

/* ---- by strata ------------------------------------------------------------------------------- */

/* A row, its stratum, and its place in a random order. */
typedef struct lot {
    int32_t stratum, row;
    size_t place;
} lot;

static int by_stratum(const void *a, const void *b)
{
    const lot *x = a;
    const lot *y = b;
    if (x->stratum != y->stratum)
        return x->stratum < y->stratum ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

enum { STREAM_STRATA = 0x737472 };

int kin_sample_draw_strata(int32_t *row, size_t count, const kin_strata *strata, size_t n,
                           uint64_t seed, kin_error *err)
{
    kin_memory_plan plan = {.hint = "--stratify"};
    kin_memory_plan_add(&plan, "rows to draw from", n, sizeof(lot));
    int rc = kin_memory_plan_check(&plan, 0, err);
    lot *all = rc == 0 ? kin_alloc(n, sizeof *all) : NULL;
    if (!all)
        return rc != 0 ? rc : kin_fail_alloc(err, "rows to draw from", plan.total_bytes);
    uint64_t key = kin_random_key(seed, STREAM_STRATA, 0);
    for (size_t i = 0; i < n; i++)
        all[i] = (lot){strata->of[i], (int32_t)i, kin_random_place(key, n, i)};
    qsort(all, n, sizeof *all, by_stratum);
    /* In whole numbers: rounding would draw a row twice. */
    size_t start = kin_random_place(kin_random_key(seed, STREAM_STRATA, 1), n, 0);
    for (size_t i = 0; i < count; i++)
        row[i] = all[(i * n + start) / count].row;
    free(all);
    qsort(row, count, sizeof *row, kin_row_ascending);
    return 0;
}
