/*
 * Strata by sorting the cells of a column (compare/strata.h).
 */
#include "compare/strata.h"
#include "core/memory.h"

#include <math.h>
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
static size_t number(kin_strata *self, const cell *all, size_t n)
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

int kin_strata_init(kin_strata *self, const kin_graph *graph, const char *column, kin_error *err)
{
    size_t n = graph->n;
    int at = graph->items.lines.count ? kin_table_column(&graph->items, column) : -1;
    *self = (kin_strata){0};
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
        kin_strata_release(self);
    } else {
        for (size_t i = 0; i < n; i++)
            all[i] = (cell){kin_table_cell(&graph->items, i, at), i};
        qsort(all, n, sizeof *all, by_text);
        self->count = number(self, all, n);
    }
    free(all);
    return rc;
}

void kin_strata_release(kin_strata *self)
{
    free(self->of);
    free(self->name);
    free(self->items);
    *self = (kin_strata){0};
}

/* The rows' recalls put in the order of their strata; those of stratum s end before next[s]. */
static void sort_values(double *value, size_t *next, const kin_strata *strata,
                        const kin_recall *recall, const kin_id_map *id_map)
{
    for (size_t i = 0; i < recall->evaluated; i++)
        next[strata->of[kin_id_map_back(id_map, recall->row[i])] + 1]++;
    for (size_t s = 0; s < strata->count; s++)
        next[s + 1] += next[s];
    for (size_t i = 0; i < recall->evaluated; i++)
        value[next[strata->of[kin_id_map_back(id_map, recall->row[i])]]++] = recall->value[i];
}

int kin_strata_measure(kin_stratum *out, const kin_strata *strata, const kin_recall *recall,
                       const kin_id_map *id_map, kin_error *err)
{
    double *value = kin_alloc(recall->evaluated, sizeof *value);
    size_t *next = kin_alloc_zero(strata->count + 1, sizeof *next);
    int rc = value && next
                 ? 0
                 : kin_fail_alloc(err, "strata", kin_size_mul(recall->evaluated, sizeof *value));
    if (rc == 0)
        sort_values(value, next, strata, recall, id_map);
    for (size_t s = 0, first = 0; s < strata->count && rc == 0; first = next[s++]) {
        size_t evaluated = next[s] - first;
        double sum = 0;
        for (size_t i = first; i < next[s]; i++)
            sum += value[i];
        double mean = evaluated ? sum / (double)evaluated : NAN;
        out[s] = (kin_stratum){.name = strata->name[s],
                               .items = strata->items[s],
                               .evaluated = evaluated,
                               .mean = mean,
                               .interval = {mean, mean, mean, mean}};
        if (!recall->exhaustive)
            rc = kin_interval_of(&out[s].interval, value + first, evaluated, 0, 1, err);
    }
    free(value);
    free(next);
    return rc;
}
