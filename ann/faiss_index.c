/*
 * The indexes of a catalog as an object: one part a modality, or one for the fused space.
 */
#include "ann/faiss_index.h"
#include "ann/faiss_index_parts.h"
#include "core/json.h"
#include <stdlib.h>
#include <string.h>

const char *const kin_index_type_names[] = {"ivf", "hnsw", NULL};
const char *const kin_index_space_names[] = {"modality", "fused", NULL};

int kin_index_new(kin_index **out, const kin_catalog *catalog, const kin_index_options *options,
                  kin_error *err)
{
    kin_index *self = calloc(1, sizeof *self);
    bool fused = options->space == KIN_SPACE_FUSED;
    if (!self)
        return kin_fail_alloc(err, "index", sizeof *self);
    self->catalog = catalog;
    self->options = *options;
    self->part_count = fused ? 1 : catalog->modality_count;
    for (size_t p = 0; p < self->part_count; p++) {
        kin_index_part *part = &self->part[p];
        strcpy(part->name, fused ? "fused" : catalog->modality[p].name);
        kin_space_init(&part->space, catalog, fused ? catalog->modality_count : p);
        /* not for HNSW: by inner product a longer vector draws all links to itself */
        part->space.stretch = fused && options->type == KIN_INDEX_IVF;
    }
    *out = self;
    return 0;
}

void kin_index_free(kin_index *self)
{
    for (size_t p = 0; self && p < self->part_count; p++) {
        kin_faiss_free(self->part[p].faiss);
        kin_distinct_release(&self->part[p].distinct);
        kin_space_release(&self->part[p].space);
    }
    free(self);
}

const kin_index_options *kin_index_resolved(const kin_index *self)
{
    return &self->options;
}

int kin_index_check_options(const kin_index *self, kin_error *err)
{
    for (size_t p = 0; p < self->part_count; p++) {
        const kin_index_part *part = &self->part[p];
        if (self->options.project > (int64_t)part->space.d_full)
            return kin_fail(err, KIN_E_USAGE, "give --project at most the dimensions there are",
                            "--project %lld, but %s has %zu dimensions",
                            (long long)self->options.project, part->name, part->space.d_full);
    }
    return 0;
}

int kin_index_check_lists(const kin_index *self, size_t p, kin_error *err)
{
    const kin_index_part *part = &self->part[p];
    size_t vectors = part->distinct.count;
    if (self->options.type != KIN_INDEX_IVF || vectors == 0 ||
        self->options.lists <= (int64_t)vectors)
        return 0;
    return kin_fail(err, KIN_E_USAGE, "give --lists at most the distinct vectors there are",
                    "--lists %lld, but %s has %zu distinct vectors", (long long)self->options.lists,
                    part->name, vectors);
}

json_t *kin_index_facts(const kin_index *self)
{
    json_t *facts = json_object();
    for (size_t p = 0; p < self->part_count; p++) {
        const kin_index_part *part = &self->part[p];
        json_t *entry = json_pack("{s:I, s:I}", "distinct", (json_int_t)part->distinct.count,
                                  "dimensions", (json_int_t)part->space.d);
        if (part->faiss && self->options.type == KIN_INDEX_IVF)
            kin_json_set(&entry, "lists", json_integer((json_int_t)kin_faiss_lists(part->faiss)));
        if (part->space.pca.kept)
            kin_json_set(&entry, "retained_energy", json_real(part->space.pca.retained));
        kin_json_set(&facts, part->name, entry);
    }
    return facts;
}
