#ifndef KIN_ANN_FAISS_INDEX_PARTS_H
#define KIN_ANN_FAISS_INDEX_PARTS_H
/*
 * Private to ann/: what an index is made of. One part a modality, or one for the fused space.
 */
#include "ann/faiss_api.h"
#include "ann/faiss_distinct.h"
#include "ann/faiss_index.h"
#include "ann/faiss_space.h"
#include "core/memory.h"

typedef struct kin_index_part {
    char name[KIN_NAME_MAX]; /* the modality's, or "fused": the stem of its files */
    kin_space space;
    kin_distinct distinct;
    kin_faiss *faiss; /* vector g is that of group g; NULL when no item has the modality */
} kin_index_part;

struct kin_index {
    const kin_catalog *catalog;
    kin_index_options options;
    size_t part_count;
    kin_index_part part[KIN_MODALITIES_MAX];
};

/* An index without FAISS objects and groups: options copied, names and spaces set. */
int kin_index_new(kin_index **out, const kin_catalog *catalog, const kin_index_options *options,
                  kin_error *err);

/* What searching for all items is going to hold, beside the index where no budget is set. Asks for the
 * number of vectors of each part alone. */
int kin_search_make_plan(kin_memory_plan *out, const kin_index *index,
                         const kin_search_options *options, kin_error *err);

/* The first item of every group, kin_alloc'd: whose row is the group's vector. */
int32_t *kin_index_part_firsts(const kin_index_part *part);

#endif
