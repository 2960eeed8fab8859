/*
 * kin_build_run, from vector files to a similarity graph on disk (job/build.h).
 *
 * The output folder is claimed first, so that what cannot be written is known before hours are
 * spent; it takes its name last, after the inputs were found unchanged.
 */
#include "job/build.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/threads.h"
#include "job/build_options.h"
#include "job/build_parts.h"
#include "job/messages.h"
#include "job/provenance.h"

static int open_all(build *self, kin_error *err)
{
    int rc = kin_outdir_open(&self->out, self->options.out, "graph", self->options.force, err);
    return rc == 0 ? kin_build_open_inputs(self, err) : rc;
}

/* What the engine needs before it runs; stream and exact prepare themselves. */
static int prepare(build *self, kin_error *err)
{
    if (self->options.engine == KIN_ENGINE_JOIN)
        return kin_build_prepare_join(self, err);
    return kin_build_uses_faiss(&self->options) ? kin_build_prepare_index(self, err) : 0;
}

/* Everything that must hold before the graph takes its name. */
static int complete(build *self, kin_error *err)
{
    if (self->join)
        kin_join_finish(self->join);
    kin_memory_trim(); /* arrays are laid out in what the engine held */
    int rc = kin_graph_writer_finish(self->writer, &self->totals, &self->out.written, err);
    if (rc == 0)
        rc = kin_provenance_write_names(&self->catalog, self->out.temporary, err);
    if (rc == 0)
        rc = kin_monitor_check(self->monitor, err);
    if (rc == 0)
        rc = kin_catalog_unchanged(&self->catalog, err);
    if (rc == 0) /* of inputs that changed no gate says anything */
        rc = kin_build_check_empty(self, err);
    kin_build_stage_done(self, "write");
    return rc;
}

static void fill(kin_build_report *report, const build *self, const json_t *manifest)
{
    const json_t *run = json_object_get(manifest, "run");
    *report = (kin_build_report){
        .engine = (kin_engine)self->options.engine,
        .items = self->catalog.n,
        .items_with_neighbors = self->totals.items_with_neighbors,
        .pairs = self->totals.pairs,
        .result = self->result,
        .threads = kin_threads_used(),
        .seconds = json_number_value(json_object_get(run, "seconds_total")),
        .peak_memory_bytes = (size_t)json_integer_value(json_object_get(run, "peak_memory_bytes")),
        .peak_rss_bytes = (size_t)json_integer_value(json_object_get(run, "peak_rss_bytes"))};
}

static int publish(build *self, kin_build_report *report, kin_error *err)
{
    json_t *manifest = kin_build_manifest(self);
    int rc = kin_outdir_commit(&self->out, &manifest, err);
    if (rc == 0)
        kin_messages_output(&self->out, self->monitor);
    if (rc == 0 && report)
        fill(report, self, manifest);
    json_decref(manifest);
    return rc;
}

static int run(build *self, kin_build_report *report, kin_error *err)
{
    int rc = open_all(self, err);
    if (rc == 0)
        rc = kin_build_resolve_engine(self, err);
    if (rc != 0)
        return rc;
    kin_build_stage_done(self, "read");
    rc = prepare(self, err);
    if (rc == 0)
        rc = kin_build_attempts(self, err);
    if (rc == 0)
        rc = kin_build_trace(self, err);
    if (rc == 0)
        rc = complete(self, err);
    return rc == 0 ? publish(self, report, err) : rc;
}

int kin_build_check(const kin_build_options *options, kin_error *err)
{
    if (!options->out)
        return kin_fail(err, KIN_E_USAGE, "add --out DIR", "--out is missing");
    return kin_options_check(&kin_build_table, options, err);
}

int kin_build_run(const kin_catalog_options *catalog, const kin_build_options *options,
                  const kin_monitor *monitor, kin_build_report *report, kin_error *err)
{
    build self;
    int rc = kin_build_check(options, err);
    if (rc == 0)
        rc = kin_options_check(&kin_catalog_table, catalog, err);
    if (rc == 0)
        rc = kin_catalog_options_check(catalog, err);
    if (rc != 0)
        return rc;
    kin_build_begin(&self, catalog, options, monitor);
    rc = run(&self, report, err);
    kin_build_end(&self);
    return rc;
}
