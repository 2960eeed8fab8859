/*
 * A plan from the catalog to the predictions (declared in job/plan.h).
 */
#include "job/plan.h"
#include "core/memory.h"
#include "core/threads.h"
#include "exact/exact.h"
#include "job/build_parts.h"
#include "job/engine_choice.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* The sample is a sixteenth of the items within these numbers: the pairs of its rows are a 256th of
 * all pairs, and a calibration looks at each some ten times. So a plan takes less than its
 * build. */
enum { SAMPLE_SHARE = 16, SAMPLE_ROWS_LEAST = 256, SAMPLE_ROWS = 8192, SAMPLE_BYTES = 64 << 20 };

static const kin_engine engines[PREDICT_ENGINES] = {
    KIN_ENGINE_EXACT, KIN_ENGINE_STREAM, KIN_ENGINE_JOIN, KIN_ENGINE_HNSW, KIN_ENGINE_IVF};

/* ---- sizes ----------------------------------------------------------------------------------- */

/* The graph's files (docs/FORMATS.md) with all rows full, without manifest and traced rows, and
 * what finished rows take until they are in them. */
static void measure_files(predict_input *in)
{
    const kin_catalog *catalog = in->catalog;
    const kin_graph_writer_options writer = kin_build_writer(catalog, in->options, 0);
    kin_graph_writer_needs needs = kin_graph_writer_plan(&writer);
    size_t names = catalog->ids.start[catalog->ids.count] + catalog->items.lines.file.bytes;
    in->graph_bytes = kin_size_add(needs.file_bytes, names);
    in->log_bytes = needs.log_bytes;
    in->writer_bytes = needs.memory_bytes;
    for (size_t m = 0; m < catalog->modality_count; m++)
        in->input_bytes =
            kin_size_add(in->input_bytes, kin_matrix_bytes(&catalog->modality[m].matrix));
}

/* Free bytes where the graph is to be, and warnings of what the build will refuse there. */
static size_t look_at_disk(const build *self, const char *parent, size_t graph_bytes)
{
    const kin_build_options *o = &self->options;
    struct statvfs disk;
    struct stat status;
    if (!o->out)
        return SIZE_MAX;
    if (!parent || stat(parent, &status) != 0 || !S_ISDIR(status.st_mode)) {
        build_warn(self, "--out %s: its parent folder is missing", o->out);
        return SIZE_MAX;
    }
    if (stat(o->out, &status) == 0 && !o->force)
        build_warn(self, "--out %s is there already: kin build replaces it only with --force",
                   o->out);
    if (statvfs(parent, &disk) != 0 || disk.f_blocks == 0)
        return SIZE_MAX;
    size_t free_bytes = kin_size_mul(disk.f_bavail, disk.f_frsize);
    if (free_bytes < graph_bytes)
        build_warn(self, "the graph needs %zu bytes, the disk of --out has %zu left", graph_bytes,
                   free_bytes);
    return free_bytes;
}

static size_t sample_rows(size_t items)
{
    size_t rows = items / SAMPLE_SHARE;
    rows = rows > SAMPLE_ROWS_LEAST ? rows : SAMPLE_ROWS_LEAST;
    return rows < SAMPLE_ROWS ? rows : SAMPLE_ROWS;
}

/* ---- engines --------------------------------------------------------------------------------- */

/* Why an engine is not predicted. Where auto is stream for its time (job/engine_choice.h), learning
 * the axes of exact and join alone, which their plans of memory need, would take longer than the
 * build. */
static const char *reason_to_skip(const predict_input *in, kin_engine engine)
{
    const kin_build_options *o = in->options;
    size_t d = kin_catalog_dimensions(in->catalog);
    bool learns = engine == KIN_ENGINE_EXACT || engine == KIN_ENGINE_JOIN;
    if (!learns || (kin_engine)o->engine == engine || d > KIN_SCAN_DIMENSIONS_MAX ||
        kin_engine_choice(in->catalog->n, d, (size_t)o->top_k, SIZE_MAX) != KIN_ENGINE_STREAM)
        return NULL;
    return "slower here, by a rule of sizes";
}

static int predict_all(predict_input *in, prediction row[PREDICT_ENGINES],
                       const kin_monitor *monitor, kin_error *err)
{
    int rc = 0;
    for (size_t i = 0; i < PREDICT_ENGINES && rc == 0; i++) {
        rc = kin_monitor_check(monitor, err);
        const char *reason = reason_to_skip(in, engines[i]);
        if (reason)
            row[i] = (prediction){.engine = engines[i], .skipped = reason};
        else if (rc == 0)
            rc = kin_predict(&row[i], in, engines[i], err);
    }
    return rc;
}

static void store(kin_plan_report *out, const build *self, const predict_input *in)
{
    out->items = self->catalog.n;
    out->dimensions = kin_catalog_dimensions(&self->catalog);
    out->top_k = (size_t)self->options.top_k;
    out->target_recall = self->options.target_recall;
    out->threads = kin_threads_used();
    out->chosen = (kin_engine)self->options.engine;
    out->graph_bytes = in->graph_bytes;
    out->sample_rows = in->sample.catalog.n;
    out->scan = in->scan;
    out->stream = in->stream;
    out->files = in->files;
    out->seconds = kin_clock_seconds() - self->start;
}

static int plan_engines(build *self, kin_plan_report *out, kin_error *err)
{
    const kin_catalog *catalog = &self->catalog;
    predict_input in = {.catalog = catalog,
                        .options = &self->options,
                        .read_seconds = kin_clock_seconds() - self->start,
                        .base_bytes = kin_memory_resident()};
    char *parent = self->options.out ? kin_path_parent(self->options.out) : NULL;
    measure_files(&in);
    out->free_bytes = look_at_disk(self, parent, kin_size_add(in.graph_bytes, in.log_bytes));
    int rc = kin_calibrate_files(&in.files, parent, in.graph_bytes, err);
    if (rc == 0)
        rc = kin_plan_sample_init(&in.sample, catalog, sample_rows(catalog->n), SAMPLE_BYTES, err);
    if (rc == 0)
        rc = predict_all(&in, out->row, self->monitor, err);
    if (rc == 0)
        store(out, self, &in);
    kin_plan_sample_release(&in.sample);
    free(parent);
    return rc;
}

int kin_plan_run(const kin_catalog_options *catalog, const kin_build_options *options,
                 const kin_monitor *monitor, kin_plan_report *report, kin_error *err)
{
    build self;
    int rc = kin_catalog_options_check(catalog, err);
    if (rc != 0)
        return rc;
    kin_build_begin(&self, catalog, options, monitor);
    rc = kin_build_open_inputs(&self, err);
    if (rc == 0)
        rc = kin_build_resolve_engine(&self, err);
    if (rc == 0)
        rc = kin_catalog_settle(&self.catalog, plan_engines(&self, report, err), err);
    kin_build_end(&self);
    return rc;
}

const prediction *kin_plan_chosen(const kin_plan_report *self)
{
    for (size_t i = 0; i < PREDICT_ENGINES; i++)
        if (self->row[i].engine == self->chosen)
            return &self->row[i];
    return NULL;
}

int kin_plan_refused(const kin_plan_report *self, kin_error *err)
{
    const kin_error *refused = &kin_plan_chosen(self)->refused;
    if (refused->code && err)
        *err = *refused;
    return (int)refused->code;
}
