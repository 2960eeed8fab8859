#include "compare/strata.h"
#include "core/memory.h"
#include "core/random.h"

#include <stdlib.h>
#include <string.h>

/* A row and its cell. */
typedef struct cell {
    kin_span text;
    size_t row;
} cell;

static int by_text(const void *a, const void *b)
{
    const cell *x = a;
    const cell *y = b;
    size_t shorter = x->text.length < y->text.length ? x->text.length : y->text.length;
    int order = memcmp(x->text.text, y->text.text, shorter);
    if (order != 0)
        return order;
    if (x->text.length != y->text.length)
        return x->text.length < y->text.length ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Numbers the values of sorted cells; returns how many. */
static size_t number(strata *self, const cell *all, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !kin_span_equal(all[i - 1].text, all[i].text)) {
            self->name[count] = all[i].text;
            self->items[count++] = 0;
        }
        self->items[count - 1]++;
        self->of[all[i].row] = (int32_t)count - 1;
    }
    return count;
}

int strata_init(strata *self, const kin_graph *graph, const char *column, kin_error *err)
{
    size_t n = graph->n;
    int at = graph->items.lines.count ? kin_table_column(&graph->items, column) : -1;
    *self = (strata){0};
    if (at < 0)
        return kin_fail(err, KIN_E_DATA, "columns are those of the --items table it was built with",
                        "%s has no items.tsv with a column '%s'", graph->directory, column);
    kin_memory_plan plan = {.hint = "--stratify"};
    kin_memory_plan_add(&plan, "a column's cells", n, sizeof(cell) + sizeof *self->of);
    kin_memory_plan_add(&plan, "different values", n, sizeof *self->name + sizeof *self->items);
    int rc = kin_memory_plan_check(&plan, 0, err);
    if (rc != 0)
        return rc;
    cell *all = kin_alloc(n, sizeof *all);
    self->of = kin_alloc(n, sizeof *self->of);
    self->name = kin_alloc(n, sizeof *self->name);
    self->items = kin_alloc(n, sizeof *self->items);
    if (!all || !self->of || !self->name || !self->items) {
        rc = kin_fail_alloc(err, "strata", plan.total_bytes);
        strata_release(self);
    } else {
        for (size_t i = 0; i < n; i++)
            all[i] = (cell){kin_table_cell(&graph->items, i, at), i};
        qsort(all, n, sizeof *all, by_text);
        self->count = number(self, all, n);
    }
    free(all);
    return rc;
}

void strata_release(strata *self)
{
    free(self->of);
    free(self->name);
    free(self->items);
    *self = (strata){0};
}

/* ---- drawing ------------------------------------------------------------------------------------- */

/* A row, its stratum, and its place in an order by chance. */
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

int strata_draw(const strata *self, int32_t *row, size_t count, size_t n, uint64_t seed,
                kin_error *err)
{
    kin_memory_plan plan = {.hint = "--stratify"};
    kin_memory_plan_add(&plan, "rows to draw from", n, sizeof(lot));
    int rc = kin_memory_plan_check(&plan, 0, err);
    lot *all = rc == 0 ? kin_alloc(n, sizeof *all) : NULL;
    if (!all)
        return rc != 0 ? rc : kin_fail_alloc(err, "rows to draw from", plan.total_bytes);
    uint64_t key = kin_random_key(seed, STREAM_STRATA, 0);
    for (size_t i = 0; i < n; i++)
        all[i] = (lot){self->of[i], (int32_t)i, kin_random_place(key, n, i)};
    qsort(all, n, sizeof *all, by_stratum);
    /* In whole numbers: rounding would draw a row twice. */
    size_t start = kin_random_place(kin_random_key(seed, STREAM_STRATA, 1), n, 0);
    for (size_t i = 0; i < count; i++)
        row[i] = all[(i * n + start) / count].row;
    free(all);
    qsort(row, count, sizeof *row, kin_row_ascending);
    return 0;
}
