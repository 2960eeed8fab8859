/*
 * Categories as numbers, given in the order in which they first come up, by a table of the rows where
 * they do. It starts small and doubles: catalogs have thousands of categories, not millions.
 */
#include "compare/structure_parts.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

/* The rows that first have each category, by open addressing. */
typedef struct firsts {
    const kin_table *items;
    int column;
    size_t slots;   /* a power of two, at least twice `count` */
    uint32_t *slot; /* [slots] row + 1, 0 is free; owned */
    size_t count;
} firsts;

/* The slot of the row that first has this category, or the free one where it belongs. */
static size_t probe(const firsts *self, kin_span text)
{
    size_t mask = self->slots - 1;
    size_t at = (size_t)XXH3_64bits(text.text, text.length) & mask;
    while (self->slot[at] != 0 &&
           !kin_span_equal(kin_table_cell(self->items, self->slot[at] - 1, self->column), text))
        at = (at + 1) & mask;
    return at;
}

static int grow(firsts *self, kin_error *err)
{
    firsts larger = *self;
    larger.slots = self->slots ? 2 * self->slots : 1024;
    larger.slot = kin_alloc_zero(larger.slots, sizeof *larger.slot);
    if (!larger.slot)
        return kin_fail_alloc(err, "categories", kin_size_mul(larger.slots, sizeof *larger.slot));
    for (size_t s = 0; s < self->slots; s++)
        if (self->slot[s] != 0)
            larger.slot[probe(&larger, kin_table_cell(self->items, self->slot[s] - 1,
                                                      self->column))] = self->slot[s];
    free(self->slot);
    *self = larger;
    return 0;
}

static int number(int32_t *of, firsts *known, size_t n, kin_error *err)
{
    for (size_t row = 0; row < n; row++) {
        if (2 * (known->count + 1) > known->slots) {
            int rc = grow(known, err);
            if (rc != 0)
                return rc;
        }
        kin_span text = kin_table_cell(known->items, row, known->column);
        size_t at = text.length > 0 ? probe(known, text) : 0;
        if (text.length == 0) {
            of[row] = -1;
        } else if (known->slot[at] != 0) {
            of[row] = of[known->slot[at] - 1];
        } else {
            of[row] = (int32_t)known->count++;
            known->slot[at] = (uint32_t)row + 1;
        }
    }
    return 0;
}

/* Of two different items that have a category, drawn at random: how likely they have the same. */
static int match_by_chance(kin_categories *self, size_t n, kin_error *err)
{
    uint64_t *items = kin_alloc_zero(self->count, sizeof *items);
    if (!items)
        return kin_fail_alloc(err, "categories", kin_size_mul(self->count, sizeof *items));
    double all = 0;
    double same = 0;
    for (size_t row = 0; row < n; row++)
        if (self->of[row] >= 0)
            items[self->of[row]]++;
    for (size_t c = 0; c < self->count; c++) {
        all += (double)items[c];
        same += (double)items[c] * (double)(items[c] - 1);
    }
    self->by_chance = all > 1 ? same / (all * (all - 1)) : NAN;
    free(items);
    return 0;
}

int kin_categories_init(kin_categories *self, const kin_graph *graph, kin_error *err)
{
    *self = (kin_categories){.by_chance = NAN};
    firsts known = {.items = &graph->items, .column = kin_table_column(&graph->items, "category")};
    if (known.column < 0)
        return 0;
    self->of = kin_alloc(graph->n, sizeof *self->of);
    int rc = self->of ? number(self->of, &known, graph->n, err)
                      : kin_fail_alloc(err, "categories", kin_size_mul(graph->n, sizeof *self->of));
    self->count = known.count;
    free(known.slot);
    if (rc == 0)
        rc = match_by_chance(self, graph->n, err);
    if (rc != 0 || self->count == 0)
        kin_categories_release(self);
    return rc;
}

void kin_categories_release(kin_categories *self)
{
    free(self->of);
    *self = (kin_categories){.by_chance = NAN};
}
