#ifndef KIN_ANN_FAISS_INDEX_PARTS_H
#define KIN_ANN_FAISS_INDEX_PARTS_H
/*
 * Private to ann/: what an index is made of. One part a modality, or one for the fused space.
 */
#include "ann/faiss_api.h"
#include "ann/faiss_index.h"
#include "ann/faiss_space.h"
#include "core/memory.h"
#include "scan/distinct.h"

typedef struct kin_index_part {
    char name[KIN_NAME_MAX]; /* the modality's, or "fused": the stem of its files */
    kin_space space;
    kin_distinct distinct;
    kin_faiss *faiss; /* the distinct vectors, in order; NULL when no item has the modality */
} kin_index_part;

struct kin_index {
    const kin_catalog *catalog;
    kin_index_options options;
    size_t part_count;
    kin_index_part part[KIN_MODALITIES_MAX];
};

/* An index without FAISS objects and distinct vectors: options copied, names and spaces set. */
int kin_index_new(kin_index **out, const kin_catalog *catalog, const kin_index_options *options,
                  kin_error *err);

/* KIN_E_USAGE where a part's vectors have fewer dimensions than --project. */
int kin_index_check_options(const kin_index *self, kin_error *err);

/* KIN_E_USAGE where an IVF has fewer distinct vectors in part p, which are told apart, than
 * --lists; none is an empty part. */
int kin_index_check_lists(const kin_index *self, size_t p, kin_error *err);

#endif
