#include "support/traces.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

void traces_init(traces *self, size_t rows, size_t clusters)
{
    *self = (traces){.rows = rows, .clusters = clusters};
    self->first = calloc(TRACES_SOURCES_MAX * rows + 1, sizeof *self->first);
    self->last = calloc(TRACES_SOURCES_MAX * rows + 1, sizeof *self->last);
    self->probe_sigmas = malloc((rows * clusters + 1) * sizeof *self->probe_sigmas);
}

void traces_release(traces *self)
{
    free(self->first);
    free(self->last);
    free(self->item);
    free(self->probe_sigmas);
}

static int take(void *to, const kin_traced *traced, kin_error *e)
{
    traces *self = to;
    if (++self->calls == self->refuse_at)
        return kin_fail(e, KIN_E_IO, "wait", "disk full at call %zu", self->calls);
    assert_true(traced->source < TRACES_SOURCES_MAX);
    assert_int_equal(traced->query, self->next[traced->source]++);
    size_t slot = traced->source * self->rows + traced->query, first = self->items;
    self->items += traced->count;
    if (self->items >= self->room) {
        self->room = 2 * self->items + 1000;
        self->item = realloc(self->item, self->room * sizeof *self->item);
    }
    memcpy(self->item + first, traced->item, traced->count * sizeof *self->item);
    self->first[slot] = first;
    self->last[slot] = self->items;
    assert_true((traced->probe_sigmas != NULL) == (self->clusters > 0 && traced->source == 0));
    if (traced->probe_sigmas)
        memcpy(self->probe_sigmas + traced->query * self->clusters, traced->probe_sigmas,
               self->clusters * sizeof(float));
    return 0;
}

kin_traced_sink traces_sink(traces *self)
{
    return (kin_traced_sink){.self = self, .write = take};
}

void traces_assert_same(const traces *a, const traces *b)
{
    assert_int_equal(a->calls, b->calls);
    assert_int_equal(a->items, b->items);
    assert_memory_equal(a->first, b->first, TRACES_SOURCES_MAX * a->rows * sizeof *a->first);
    assert_memory_equal(a->last, b->last, TRACES_SOURCES_MAX * a->rows * sizeof *a->last);
    assert_memory_equal(a->item, b->item, a->items * sizeof *a->item);
    assert_memory_equal(a->probe_sigmas, b->probe_sigmas,
                        a->rows * a->clusters * sizeof *a->probe_sigmas);
}
