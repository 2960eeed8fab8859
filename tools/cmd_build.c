/*
 * kin build: from vector files to a similarity graph on disk.
 *
 *     files -> catalog -> engine -> graph writer -> output folder
 *                           ^ judged on fresh rows, run again with more effort (build_attempts.c)
 *
 * The output folder is claimed first, so that what cannot be written is known before hours are
 * spent; it takes its name last, after the inputs were found unchanged.
 */
#include "core/json.h"
#include "exact/stream.h"
#include "job/build.h"
#include "job/engine_choice.h"
#include "job/messages.h"
#include "job/provenance.h"
#include "job/sources.h"
#include "tools/signals.h"

void build_stage_done(build *self, const char *name)
{
    double now = kin_clock_seconds();
    double before = json_number_value(json_object_get(self->seconds, name));
    kin_json_set(&self->seconds, name, json_real(before + now - self->stage_start));
    self->stage_start = now;
}

kin_monitor build_quiet_monitor(const build *self)
{
    return (kin_monitor){.self = self->monitor.self, .stopped = self->monitor.stopped};
}

bool build_is_approximate(const build_options *o)
{
    return o->engine == ENGINE_JOIN || o->engine == ENGINE_HNSW;
}

/* ---- before the engine -------------------------------------------------------------------------- */

int build_open_inputs(build *self, kin_error *err)
{
    const build_options *o = &self->options;
    kin_catalog_options from = {.source = self->source,
                                .source_count = self->source_count,
                                .ids = o->ids,
                                .items = o->items,
                                .id_column = o->id_column,
                                .missing = (kin_missing)o->missing};
    int rc = kin_catalog_open(&self->catalog, &from, err);
    if (rc != 0)
        return rc;
    size_t n = self->catalog.n;
    kin_monitor say = console_monitor_quiet();
    messages_modalities(&self->catalog, &say);
    messages_ids(&self->catalog, &say);
    rc = kin_top_k_check((size_t)o->top_k, n, err);
    if (rc != 0)
        return rc;
    size_t incomplete = kin_catalog_incomplete(&self->catalog);
    if (incomplete > 0)
        console_info("%zu of %zu items %s a modality (--missing %s)", incomplete, n,
                     incomplete == 1 ? "lacks" : "lack", kin_missing_names[o->missing]);
    return 0;
}

int build_resolve_engine(build *self, kin_error *err)
{
    build_options *o = &self->options;
    bool asked = o->engine != ENGINE_AUTO;
    int rc = o->index_dir ? build_read_index(self, err) : 0;
    if (rc != 0)
        return rc;
    if (o->engine == ENGINE_AUTO)
        o->engine = engine_choice(self->catalog.n, kin_catalog_dimensions(&self->catalog),
                                  (size_t)o->top_k, (size_t)o->auto_threshold);
    o->index.type = o->engine == ENGINE_HNSW ? KIN_INDEX_HNSW : KIN_INDEX_IVF;
    o->index.memory_bytes = o->search.memory_bytes = o->memory;
    o->search.top_k = (size_t)o->top_k;
    if (o->engine == ENGINE_STREAM && o->micro_batch == 0) {
        kin_stream_options stream = {.top_k = (size_t)o->top_k};
        o->micro_batch = (int64_t)kin_stream_micro_batch(&stream, self->catalog.n, self->catalog.n);
    }
    rc = build_check_trace(o, asked, err);
    return rc == 0 && o->engine == ENGINE_JOIN ? build_check_join_options(o, err) : rc;
}

/* What the vectors are like, for the manifest: the next night's are held against it. */
static int look_at_vectors(build *self, kin_error *err)
{
    const kin_catalog *catalog = &self->catalog;
    int rc = 0;
    for (size_t m = 0; m < catalog->modality_count && rc == 0; m++) {
        rc = health_scan(&self->vectors[m], &catalog->modality[m].matrix, err);
        if (rc == 0)
            rc = kin_monitor_check(&self->monitor, err);
    }
    build_stage_done(self, "vectors");
    return rc;
}

/* ---- after the engine -------------------------------------------------------------------------- */

static int finish(build *self, kin_error *err)
{
    int rc = kin_graph_writer_finish(self->writer, &self->totals, err);
    if (rc == 0)
        rc = provenance_write_names(&self->catalog, self->out.temporary, err);
    if (rc == 0)
        rc = kin_monitor_check(&self->monitor, err);
    if (rc == 0)
        rc = kin_catalog_unchanged(&self->catalog, err);
    if (rc == 0) /* of inputs that changed no gate says anything */
        rc = build_check_empty(self, err);
    if (rc != 0)
        return rc;
    build_stage_done(self, "write");
    json_t *manifest = build_manifest(self);
    rc = kin_outdir_commit(&self->out, &manifest, err);
    if (rc == 0) {
        messages_output(&self->out, &self->monitor);
        build_print_summary(self, manifest);
    }
    json_decref(manifest);
    return rc;
}

static int print_config(const build_options *o, kin_error *err)
{
    json_t *config = kin_options_json(&command_build.options, o, true);
    int rc = command_write_json("-", config, err);
    json_decref(config);
    return rc;
}

static int build_graph(build *self, kin_error *err)
{
    int rc = kin_outdir_open(&self->out, self->options.out, "graph", self->options.force, err);
    if (rc == 0)
        rc = build_open_inputs(self, err);
    if (rc == 0)
        rc = build_resolve_engine(self, err);
    if (rc != 0)
        return rc;
    build_stage_done(self, "read");
    self->monitor = console_monitor_start(&self->progress, self->catalog.n);
    rc = look_at_vectors(self, err);
    if (rc == 0 && self->options.engine == ENGINE_JOIN)
        rc = build_prepare_join(self, err);
    else if (rc == 0 && self->options.engine == ENGINE_HNSW)
        rc = build_prepare_index(self, err);
    if (rc == 0)
        rc = build_attempts(self, err);
    if (rc == 0)
        rc = build_trace(self, err);
    if (rc == 0)
        rc = finish(self, err);
    return rc;
}

int build_run(const void *values, const kin_operands *operands, kin_error *err)
{
    (void)operands;
    build self = {.options = *(const build_options *)values};
    if (self.options.print_config)
        return print_config(&self.options, err);
    if (!self.options.out)
        return kin_fail(err, KIN_E_USAGE, "add --out DIR", "--out is missing");
    int rc = kin_sources_parse(self.source, &self.source_count, &self.options.modality, err);
    if (rc != 0)
        return rc;
    self.seconds = json_object();
    self.start = self.stage_start = kin_clock_seconds();
    signals_catch();
    rc = build_graph(&self, err);
    kin_graph_writer_free(self.writer);
    tuning_release(&self.tuning);
    kin_outdir_release(&self.out);
    kin_index_free(self.index);
    kin_join_free(self.join);
    kin_catalog_close(&self.catalog);
    kin_sources_release(self.source, self.source_count);
    json_decref(self.index_manifest);
    kin_dir_close(&self.index_dir);
    json_decref(self.trace);
    json_decref(self.seconds);
    return rc;
}
