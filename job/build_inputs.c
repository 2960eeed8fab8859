/*
 * What a build starts from: the catalog, the engine that it gets, and what the vectors are like.
 */
#include "exact/stream.h"
#include "job/build_parts.h"
#include "job/engine_choice.h"
#include "job/messages.h"

/* What the vectors are like is worked out on the way: the manifest keeps it, and the next night's
 * are held against it. */
static int open_catalog(build *self, kin_error *err)
{
    health_scan *scan;
    kin_catalog_options inputs = *self->inputs;
    int rc = kin_health_scan_new(&scan, self->vectors, err);
    if (rc != 0)
        return rc;
    inputs.visitor = kin_health_scan_visitor(scan);
    rc = kin_catalog_open(&self->catalog, &inputs, err);
    kin_health_scan_free(scan);
    return rc == 0 ? kin_monitor_check(self->monitor, err) : rc;
}

int kin_build_open_inputs(build *self, kin_error *err)
{
    int rc = open_catalog(self, err);
    if (rc != 0)
        return rc;
    size_t n = self->catalog.n;
    kin_messages_modalities(&self->catalog, self->monitor);
    kin_messages_ids(&self->catalog, self->monitor);
    rc = kin_top_k_check((size_t)self->options.top_k, n, err);
    if (rc != 0)
        return rc;
    size_t incomplete = kin_catalog_incomplete(&self->catalog);
    if (incomplete > 0)
        build_info(self, "%zu of %zu items %s a modality (--missing %s)", incomplete, n,
                   incomplete == 1 ? "lacks" : "lack", kin_missing_names[self->catalog.missing]);
    return 0;
}

int kin_build_resolve_engine(build *self, kin_error *err)
{
    kin_build_options *o = &self->options;
    bool asked = o->engine != KIN_ENGINE_AUTO;
    int rc = o->index_dir ? kin_build_read_index(self, err) : 0;
    if (rc != 0)
        return rc;
    if (o->engine == KIN_ENGINE_AUTO)
        o->engine = kin_engine_choice(self->catalog.n, kin_catalog_dimensions(&self->catalog),
                                      (size_t)o->top_k, (size_t)o->auto_threshold);
    o->index.type = o->engine == KIN_ENGINE_HNSW ? KIN_INDEX_HNSW : KIN_INDEX_IVF;
    o->index.memory_bytes = o->search.memory_bytes = o->memory;
    o->search.top_k = (size_t)o->top_k;
    if (o->engine == KIN_ENGINE_STREAM && o->micro_batch == 0) {
        kin_stream_options stream = {.top_k = (size_t)o->top_k};
        o->micro_batch = (int64_t)kin_stream_micro_batch(&stream, self->catalog.n);
    }
    rc = kin_build_check_trace(self, asked, err);
    if (rc == 0 && o->engine == KIN_ENGINE_JOIN)
        rc = kin_build_check_join_options(o, err);
    if (rc == 0 && o->engine == KIN_ENGINE_IVF)
        rc = kin_build_check_ivf_options(o, err);
    return rc;
}
