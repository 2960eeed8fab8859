/*
 * Which items `kin show` shows (declared in job/show.h): a sample that a person can trust
 * not to be picked by hand, and that shows the breadth of the catalog. No randomness: the same
 * graph gives the same page.
 */
#include "core/memory.h"
#include "job/show.h"

#include <stdlib.h>
#include <string.h>

/* A row that may be shown, and its category. */
typedef struct choice {
    kin_span category;
    size_t row;
} choice;

static int by_category(const void *a, const void *b)
{
    const choice *x = a;
    const choice *y = b;
    size_t shorter =
        x->category.length < y->category.length ? x->category.length : y->category.length;
    int order = memcmp(x->category.text, y->category.text, shorter);
    if (order != 0)
        return order;
    if (x->category.length != y->category.length)
        return x->category.length < y->category.length ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* A run of choices of one category. */
typedef struct group {
    size_t first, count, quota;
} group;

static int by_size(const void *a, const void *b)
{
    const group *x = a;
    const group *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return (x->first > y->first) - (x->first < y->first);
}

/* The rows with neighbours, or all where none has any, with their categories. */
static size_t list_choices(choice *out, const kin_graph *graph)
{
    int column = graph->items.lines.count ? kin_table_column(&graph->items, "category") : -1;
    bool any = graph->pairs > 0;
    size_t count = 0;
    for (size_t i = 0; i < graph->n; i++) {
        if (any && graph->indptr[i] == graph->indptr[i + 1])
            continue;
        out[count++] = (choice){.category = column >= 0 ? kin_table_cell(&graph->items, i, column)
                                                        : (kin_span){"", 0},
                                .row = i};
    }
    return count;
}

/* Gives out `wanted` places, one category after the other, until all are given. */
static void share_out(group *groups, size_t count, size_t wanted)
{
    while (wanted > 0)
        for (size_t g = 0; g < count && wanted > 0; g++)
            if (groups[g].quota < groups[g].count) {
                groups[g].quota++;
                wanted--;
            }
}

static int by_number(const void *a, const void *b)
{
    size_t x = *(const size_t *)a;
    size_t y = *(const size_t *)b;
    return (x > y) - (x < y);
}

int kin_show_choose(size_t *row, size_t *count, size_t wanted, const kin_graph *graph,
                    kin_error *err)
{
    choice *all = kin_alloc(graph->n, sizeof *all);
    group *groups = kin_alloc_zero(graph->n, sizeof *groups);
    size_t group_count = 0;
    int rc = 0;
    *count = 0;
    if (!all || !groups) {
        rc = kin_fail_alloc(err, "items to choose from", kin_size_mul(graph->n, sizeof *all));
        goto done;
    }
    size_t choices = list_choices(all, graph);
    qsort(all, choices, sizeof *all, by_category);
    for (size_t i = 0; i < choices; i++) {
        if (i == 0 || !kin_span_equal(all[i - 1].category, all[i].category))
            groups[group_count++].first = i;
        groups[group_count - 1].count++;
    }
    qsort(groups, group_count, sizeof *groups, by_size);
    share_out(groups, group_count, wanted < choices ? wanted : choices);
    for (size_t g = 0; g < group_count; g++)
        for (size_t j = 0; j < groups[g].quota; j++) /* the middles of equal parts */
            row[(*count)++] =
                all[groups[g].first + (2 * j + 1) * groups[g].count / (2 * groups[g].quota)].row;
    qsort(row, *count, sizeof *row, by_number);
done:
    free(all);
    free(groups);
    return rc;
}

int kin_show_find(size_t *row, const char *const *id, size_t count, const kin_graph *graph,
                  kin_error *err)
{
    kin_line_index index;
    int rc = kin_line_index_init(&index, &graph->ids, "ids.txt", 0, err);
    if (rc != 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++) {
        int64_t found = kin_line_index_find(&index, (kin_span){id[i], strlen(id[i])});
        if (found < 0)
            rc = kin_fail(err, KIN_E_DATA, "ids are the lines of the graph's ids.txt",
                          "%s has no item '%s'", graph->directory, id[i]);
        else
            row[i] = (size_t)found;
    }
    kin_line_index_release(&index);
    return rc;
}
