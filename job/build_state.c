#include "core/json.h"
#include "job/build_parts.h"
#include "job/usage.h"

void kin_build_begin(build *self, const kin_catalog_options *inputs,
                     const kin_build_options *options, const kin_monitor *monitor)
{
    *self = (build){.inputs = inputs,
                    .options = *options,
                    .monitor = monitor,
                    .seconds = json_object(),
                    .start = kin_clock_seconds()};
    self->stage_start = self->start;
    if (monitor)
        self->quiet = *monitor;
    self->quiet.progress = NULL;
    self->quiet.stage = NULL;
}

void kin_build_end(build *self)
{
    kin_graph_writer_free(self->writer);
    kin_tuning_release(&self->tuning);
    kin_outdir_release(&self->out);
    kin_index_free(self->index);
    kin_join_free(self->join);
    kin_catalog_close(&self->catalog);
    json_decref(self->index_manifest);
    kin_dir_close(&self->index_dir);
    json_decref(self->trace);
    json_decref(self->seconds);
}

void kin_build_stage_done(build *self, const char *name)
{
    double now = kin_clock_seconds();
    double before = json_number_value(json_object_get(self->seconds, name));
    kin_json_set(&self->seconds, name, json_real(before + now - self->stage_start));
    self->stage_start = now;
    kin_usage_sample();
}

bool kin_build_uses_faiss(const kin_build_options *o)
{
    return o->engine == KIN_ENGINE_HNSW || o->engine == KIN_ENGINE_IVF;
}

bool kin_build_is_approximate(const kin_build_options *o)
{
    return o->engine == KIN_ENGINE_JOIN || kin_build_uses_faiss(o);
}
