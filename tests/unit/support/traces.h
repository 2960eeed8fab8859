#ifndef KIN_SUPPORT_TRACES_H
#define KIN_SUPPORT_TRACES_H
/*
 * A strict sink of traced rows (ann/traced.h): keeps what it is told, and fails the test where it
 * comes in another order than it has to.
 */
#include "ann/traced.h"

enum { TRACES_SOURCES_MAX = 4 };

/* All that was told; of each source, row after row. */
typedef struct traces {
    size_t rows, clusters;
    size_t calls, refuse_at; /* that call, from 1, is refused; 0: none */
    size_t next[TRACES_SOURCES_MAX];
    size_t *first, *last; /* [TRACES_SOURCES_MAX][rows] of item */
    int32_t *item;
    size_t items, room;
    float *probe_sigmas; /* [rows][clusters] */
} traces;

void traces_init(traces *self, size_t rows, size_t clusters);
void traces_release(traces *self);
kin_traced_sink traces_sink(traces *self);
void traces_assert_same(const traces *a, const traces *b);

#endif
