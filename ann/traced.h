#ifndef KIN_ANN_TRACED_H
#define KIN_ANN_TRACED_H
/*
 * Traced rows: of some rows, the candidates that each source of an engine proposed, so that kin
 * why and kin compare can say why a neighbour was lost (docs/FORMATS.md, Graph).
 *
 * A row is a function of the item, the index and the effort. So it is made once more to be traced,
 * and a run without tracing does nothing for it.
 */
#include "core/rows.h"

/* One row and one source. The arrays are the engine's and are reused after the call. */
typedef struct kin_traced {
    size_t source;
    size_t query; /* number of the row among those asked for */
    const int32_t
        *item; /* [count] candidates, ascending, without repeats and without the item itself */
    size_t count;
    const float *probe_sigmas; /* [clusters] with the first source of a join, else NULL */
} kin_traced;

/* Takes them one call at a time, each source's rows in the order asked for. */
typedef struct kin_traced_sink {
    void *self;
    int (*write)(void *self, const kin_traced *traced, kin_error *err);
} kin_traced_sink;

#endif
