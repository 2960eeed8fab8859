#ifndef KIN_ANN_FAISS_WORKER_H
#define KIN_ANN_FAISS_WORKER_H
/*
 * Private to ann/: what one thread needs to search and rescore.
 */
#include "ann/faiss_effort.h"
#include "ann/faiss_index_parts.h"
#include "scan/distinct.h"

typedef struct kin_worker {
    const kin_index *index;
    kin_query query; /* reads the index's catalog */
    kin_rescore_workspace rescore;
    kin_candidates candidates;
    float *x;     /* [KIN_FAISS_QUERIES_MAX][largest d] */
    float *wide;  /* [KIN_FAISS_QUERIES_MAX][largest d_full] */
    float *score; /* [KIN_FAISS_QUERIES_MAX][C] */
    int64_t *id;  /* [KIN_FAISS_QUERIES_MAX][C] */
    int status;   /* the first failure of this thread, in err */
    kin_error err;
} kin_worker;

/* Allocates for at most `c` candidates a part and `most` items a query and part. */
int kin_worker_init(kin_worker *self, const kin_index *index, size_t c, size_t most,
                    kin_error *err);
void kin_worker_release(kin_worker *self);
size_t kin_worker_bytes(const kin_index *index, size_t c, size_t most);

/* The c distinct vectors of `part` nearest to self->x[0 .. count), best first, -1 where there are
 * fewer. */
int kin_worker_ask(kin_worker *self, const kin_index_part *part, size_t count, size_t c,
                   int32_t *found /* [count][c] */, kin_error *err);

/* How deep a search goes. */
typedef struct kin_depth {
    size_t part[KIN_MODALITIES_MAX]; /* vectors that each part is asked for: no more than it has */
    size_t vectors;                  /* the most of these */
    size_t items;                    /* candidates of an item from one part, at most */
} kin_depth;

/* Begins a search: resolves the options, computes the depth and sets the effort of the parts. */
int kin_search_begin(kin_depth *out, kin_search_options *options, const kin_index *index,
                     kin_error *err);

#endif
