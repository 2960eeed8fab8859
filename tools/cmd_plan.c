/*
 * kin plan: what kin build would take with these very arguments, before it runs.
 *
 * The inputs are opened and the engine is resolved by kin build's own code, so bad input is refused with
 * the same words. Then every engine is planned and rehearsed (job/predict.h). Nothing is written, and
 * nothing that is found out here has an influence on a build.
 */
#include "core/memory.h"
#include "core/npy.h"
#include "job/build_parts.h"
#include "job/engine_choice.h"
#include "job/sources.h"
#include "report/plan_report.h"
#include "tools/build_options.h"
#include "tools/console.h"
#include "tools/outputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* The sample is a sixteenth of the items within these numbers: the pairs of its rows are a 256th of all pairs, of which
 * a rehearsal looks at each some ten times. So a plan takes less than the build that it predicts. */
enum { SAMPLE_SHARE = 16, SAMPLE_ROWS_LEAST = 256, SAMPLE_ROWS = 8192, SAMPLE_BYTES = 64 << 20 };

static const build_engine engines[PREDICT_ENGINES] = {ENGINE_EXACT, ENGINE_STREAM, ENGINE_JOIN,
                                                      ENGINE_HNSW};

/* ---- sizes ---------------------------------------------------------------------------------------- */

/* The graph's files (docs/FORMATS.md), as if no row were short. Manifest and headers are
 * next to nothing; traced rows are left out. */
static void measure_files(predict_input *in)
{
    const kin_catalog *catalog = in->catalog;
    size_t pairs = kin_size_mul(catalog->n, (size_t)in->options->top_k);
    size_t start = pairs > INT32_MAX ? sizeof(int64_t) : sizeof(int32_t);
    size_t csr = kin_size_add(kin_size_mul(pairs, sizeof(int32_t) + sizeof(float)),
                              kin_size_mul(catalog->n + 1, start));
    size_t cosines = kin_size_mul(pairs, catalog->modality_count * sizeof(uint16_t));
    size_t names = catalog->ids.start[catalog->ids.count] + catalog->items.lines.file.bytes;
    in->array_bytes = kin_size_add(csr, cosines);
    in->graph_bytes = kin_size_add(kin_size_add(csr, in->array_bytes), names);
    for (size_t m = 0; m < catalog->modality_count; m++)
        in->input_bytes = kin_size_add(in->input_bytes, catalog->modality[m].matrix.file.bytes);
}

/* Free bytes where --out is to be, and warnings of what kin build is going to refuse there. */
static void look_at_disk(plan_disk *disk, const kin_build_options *o, const char *parent)
{
    struct statvfs room;
    struct stat status;
    disk->free_bytes = SIZE_MAX;
    if (!o->out)
        return;
    if (!parent || stat(parent, &status) != 0 || !S_ISDIR(status.st_mode)) {
        console_warn("--out %s: its parent folder is missing", o->out);
        return;
    }
    if (stat(o->out, &status) == 0 && !o->force)
        console_warn("--out %s is there already: kin build replaces it only with --force", o->out);
    if (statvfs(parent, &room) != 0 || room.f_blocks == 0)
        return;
    disk->free_bytes = kin_size_mul(room.f_bavail, room.f_frsize);
    if (disk->free_bytes < disk->graph_bytes)
        console_warn("the graph needs %zu bytes, the disk of --out has %zu left", disk->graph_bytes,
                     disk->free_bytes);
}

/* ---- the plan ------------------------------------------------------------------------------------- */

/* Why an engine is not looked at. Where auto is stream for its time (job/engine_choice.h), learning the axes of exact
 * and join alone, which their plans of memory need, would take longer than the build. */
static const char *reason_to_skip(const predict_input *in, build_engine engine)
{
    const kin_build_options *o = in->options;
    size_t d = kin_catalog_dimensions(in->catalog);
    bool learns = engine == ENGINE_EXACT || engine == ENGINE_JOIN;
    if (!learns || (build_engine)o->engine == engine || d > KIN_EXACT_DIMENSIONS_MAX ||
        engine_choice(in->catalog->n, d, (size_t)o->top_k, SIZE_MAX) != ENGINE_STREAM)
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
            rc = predict(&row[i], in, engines[i], err);
    }
    return rc;
}

/* The table, or with --json - the document in its place. */
static int report(const plan_report *self, const char *json, kin_error *err)
{
    if (!json || strcmp(json, "-") != 0)
        plan_report_print(self);
    json_t *document = json ? plan_report_json(self) : NULL;
    int rc = command_write_json(json, document, err);
    json_decref(document);
    return rc == 0 ? command_flush_stdout(err) : rc;
}

/* What kin build would say to the engine that it takes. */
static int verdict(const plan_report *self, kin_error *err)
{
    for (size_t i = 0; i < PREDICT_ENGINES; i++)
        if (self->row[i].engine == self->chosen && self->row[i].refused.code) {
            if (err)
                *err = self->row[i].refused;
            return (int)self->row[i].refused.code;
        }
    return 0;
}

static size_t sample_rows(size_t items)
{
    size_t rows = items / SAMPLE_SHARE;
    rows = rows > SAMPLE_ROWS_LEAST ? rows : SAMPLE_ROWS_LEAST;
    return rows < SAMPLE_ROWS ? rows : SAMPLE_ROWS;
}

static int plan_engines(build *self, const char *json, kin_error *err)
{
    prediction row[PREDICT_ENGINES];
    predict_input in = {.catalog = &self->catalog,
                        .options = &self->options,
                        .read_seconds = kin_clock_seconds() - self->start,
                        .base_bytes = kin_memory_resident()};
    plan_report out = {.input = &in, .row = row, .chosen = (build_engine)self->options.engine};
    char *parent = self->options.out ? kin_path_parent(self->options.out) : NULL;
    measure_files(&in);
    out.disk.graph_bytes = in.graph_bytes;
    look_at_disk(&out.disk, &self->options, parent);
    int rc = calibrate_files(&in.files, parent, in.graph_bytes, err);
    if (rc == 0)
        rc = plan_sample_init(&in.sample, &self->catalog, sample_rows(self->catalog.n),
                              SAMPLE_BYTES, err);
    if (rc == 0)
        rc = predict_all(&in, row, self->monitor, err);
    out.seconds = kin_clock_seconds() - self->start;
    if (rc == 0)
        rc = report(&out, json, err);
    if (rc == 0)
        rc = verdict(&out, err);
    plan_sample_release(&in.sample);
    free(parent);
    return rc;
}

static int print_config(const plan_options *o, kin_error *err)
{
    json_t *config = kin_options_json(&command_plan.options, o, true);
    int rc = command_write_json("-", config, err);
    json_decref(config);
    return rc;
}

int plan_run(const void *values, const kin_operands *operands, kin_error *err)
{
    (void)operands;
    const plan_options *options = values;
    build self;
    kin_source source[KIN_MODALITIES_MAX];
    kin_catalog_options inputs = options->build.catalog;
    const kin_monitor monitor = console_monitor_quiet();
    if (options->build.print_config)
        return print_config(options, err);
    int rc =
        outputs_check(&(outputs){.json = options->json, .input = {inputs.ids, inputs.items}}, err);
    if (rc == 0)
        rc = kin_sources_parse(source, &inputs.source_count, &options->build.modality, err);
    if (rc != 0)
        return rc;
    inputs.source = source;
    build_begin(&self, &inputs, &options->build.build, &monitor);
    rc = build_open_inputs(&self, err);
    if (rc == 0)
        rc = build_resolve_engine(&self, err);
    if (rc == 0)
        rc = kin_catalog_settle(&self.catalog, plan_engines(&self, options->json, err), err);
    build_end(&self);
    kin_sources_release(source, inputs.source_count);
    return rc;
}
