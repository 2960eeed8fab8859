/*
 * kin_index_run, from vector files to an index on disk (job/index.h).
 *
 * The folder holds FAISS files that any FAISS opens, the groups of equal rows, the order of the
 * self-join, and a manifest that says which files the vectors came from. It is claimed first, so
 * that what cannot be written is known before hours are spent.
 */
#include "job/index.h"
#include "ann/faiss_build.h"
#include "ann/faiss_index_file.h"
#include "ann/join.h"
#include "core/json.h"
#include "core/manifest.h"
#include "core/outdir.h"
#include "job/evaluation.h"
#include "job/facts.h"
#include "job/messages.h"
#include "job/provenance.h"
#include "job/sources.h"

#include <stdlib.h>
#include <string.h>

/* One run under way. */
typedef struct indexing {
    const kin_index_run_options *options;
    const kin_monitor *monitor; /* the caller's, may be NULL */
    kin_source source[KIN_MODALITIES_MAX];
    size_t source_count;
    kin_catalog catalog;
    kin_index *index; /* NULL: of type join */
    kin_outdir out;
    double start; /* kin_clock_seconds() */
} indexing;

/* Options that FAISS's indexes alone have. */
static int check_join_options(const kin_index_run_options *o, kin_error *err)
{
    const kin_index_options unset = KIN_INDEX_OPTIONS_INIT, *asked = &o->index;
    const struct {
        const char *name;
        bool given;
    } option[] = {
        {"index-space", asked->space != unset.space},
        {"project", asked->project != unset.project},
        {"project-centre", asked->project_centre != unset.project_centre},
        {"lists", asked->lists != unset.lists},
        {"links", asked->links != unset.links},
        {"ef-construction", asked->ef_construction != unset.ef_construction},
    };
    for (size_t i = 0; i < sizeof option / sizeof *option; i++)
        if (option[i].given)
            return kin_fail(
                err, KIN_E_USAGE, "leave it out: FAISS's indexes have it, of --type ivf or hnsw",
                "--%s is nothing to --type join, which joins items in fused space", option[i].name);
    return 0;
}

static int open_all(indexing *self, kin_error *err)
{
    const kin_index_run_options *o = self->options;
    kin_catalog_options from = {.ids = o->ids, .missing = (kin_missing)o->missing};
    int rc = o->inputs ? kin_catalog_options_check(o->inputs, err)
                       : kin_sources_parse(self->source, &self->source_count, &o->modality, err);
    if (rc == 0)
        rc = kin_outdir_open(&self->out, o->out, "index", o->force, err);
    if (rc != 0)
        return rc;
    from.source = o->inputs ? o->inputs->source : self->source;
    from.source_count = o->inputs ? o->inputs->source_count : self->source_count;
    if (o->inputs)
        from.ids_text = o->inputs->ids_text;
    return kin_catalog_open(&self->catalog, &from, err);
}

static int build_indexes(indexing *self, kin_error *err)
{
    const kin_index_run_options *o = self->options;
    kin_index_options index = o->index;
    bool join = o->type == KIN_INDEX_JOIN;
    kin_messages_modalities(&self->catalog, self->monitor);
    kin_monitor_message(self->monitor, KIN_LEVEL_INFO,
                        "Building the index (type=%s%s%s, total=%zu)", kin_index_run_types[o->type],
                        join ? "" : ", space=", join ? "" : kin_index_space_names[index.space],
                        self->catalog.n);
    if (join)
        return 0;
    index.type = o->type;
    index.memory_bytes = o->memory;
    return kin_index_build(&self->index, &self->catalog, &index, self->monitor, err);
}

/* ---- the folder ------------------------------------------------------------------------------ */

static json_t *make_manifest(const indexing *self)
{
    json_t *manifest = json_object();
    kin_json_set(&manifest, "kind", json_string("index"));
    kin_json_set(&manifest, "format", json_integer(KIN_MANIFEST_FORMAT));
    const kin_catalog_options *inputs = self->options->inputs;
    json_t *options = kin_options_json(&kin_index_run_table, self->options, false);
    if (inputs)
        kin_json_set(&options, "modality", kin_sources_json(inputs->source, inputs->source_count));
    kin_json_set(&manifest, "options", options);
    kin_provenance_describe(&manifest, &self->catalog);
    json_t *run = kin_facts_run(self->start);
    kin_provenance_locate(&run, &self->catalog);
    kin_json_set(&manifest, "run", run);
    return manifest;
}

static int save_index(const indexing *self, json_t **manifest, kin_error *err)
{
    if (self->index)
        return kin_index_save(self->index, self->out.temporary, manifest, err);
    kin_json_set(manifest, "index",
                 json_pack("{s:s, s:s, s:I}", "type", kin_index_run_types[KIN_INDEX_JOIN],
                           "missing", kin_missing_names[self->catalog.missing], "seed",
                           (json_int_t)self->options->index.seed));
    return 0;
}

/* The order and the effort of the self-join. */
static int save_join(const indexing *self, json_t **manifest, kin_error *err)
{
    const kin_index_run_options *o = self->options;
    kin_join *join = NULL;
    size_t n = self->catalog.n, k = (size_t)o->top_k < n ? (size_t)o->top_k : n - 1;
    kin_join_options asked = {.top_k = k,
                              .target = o->target_recall,
                              .evaluated = kin_evaluation_rows(
                                  kin_row_sample_population(&self->catalog), o->target_recall),
                              .seed = o->index.seed,
                              .memory_bytes = o->memory};
    if (o->type == KIN_INDEX_HNSW || (o->type == KIN_INDEX_IVF && n < 2))
        return 0;
    if (n < 2)
        return kin_fail(err, KIN_E_DATA, "a join needs two items",
                        "one item has no neighbours to order");
    int rc = kin_join_new(&join, &self->catalog, &asked, err);
    if (rc == 0)
        rc = kin_join_encode(join, self->monitor, err);
    if (rc == 0)
        rc = kin_join_tune(join, self->monitor, err);
    if (rc == 0)
        rc = kin_join_save(join, self->out.temporary, manifest, err);
    kin_join_free(join);
    return rc;
}

static void fill(kin_index_report *report, const indexing *self, const json_t *manifest)
{
    const json_t *run = json_object_get(manifest, "run");
    kin_span id = kin_lines_at(&self->catalog.ids, 0);
    *report = (kin_index_report){
        .items = self->catalog.n,
        .first_id = strndup(id.text, id.length),
        .seconds = json_number_value(json_object_get(run, "seconds_total")),
        .peak_memory_bytes = (size_t)json_integer_value(json_object_get(run, "peak_memory_bytes")),
        .peak_rss_bytes = (size_t)json_integer_value(json_object_get(run, "peak_rss_bytes"))};
}

static int store(indexing *self, kin_index_report *report, kin_error *err)
{
    json_t *manifest = make_manifest(self);
    int rc = save_index(self, &manifest, err);
    if (rc == 0)
        rc = save_join(self, &manifest, err);
    if (rc == 0)
        rc = kin_provenance_write_names(&self->catalog, self->out.temporary, err);
    if (rc == 0)
        rc = kin_monitor_check(self->monitor, err);
    if (rc == 0)
        rc = kin_catalog_unchanged(&self->catalog, err);
    if (rc == 0)
        rc = kin_outdir_commit(&self->out, &manifest, err);
    if (rc == 0)
        kin_messages_output(&self->out, self->monitor);
    if (rc == 0 && self->index)
        kin_messages_index(self->index, &self->catalog, self->monitor);
    if (rc == 0 && report)
        fill(report, self, manifest);
    json_decref(manifest);
    return rc;
}

/* ---- the call -------------------------------------------------------------------------------- */

int kin_index_run(const kin_index_run_options *options, const kin_monitor *monitor,
                  kin_index_report *report, kin_error *err)
{
    indexing self = {.options = options, .monitor = monitor, .start = kin_clock_seconds()};
    if (!options->out)
        return kin_fail(err, KIN_E_USAGE, "add --out DIR", "--out is missing");
    int rc = kin_options_check(&kin_index_run_table, options, err);
    if (rc == 0 && options->type == KIN_INDEX_JOIN)
        rc = check_join_options(options, err);
    if (rc == 0)
        rc = open_all(&self, err);
    if (rc == 0)
        rc = build_indexes(&self, err);
    if (rc == 0)
        rc = store(&self, report, err);
    kin_outdir_release(&self.out);
    kin_index_free(self.index);
    kin_catalog_close(&self.catalog);
    kin_sources_release(self.source, self.source_count);
    return rc;
}

void kin_index_report_release(kin_index_report *self)
{
    free(self->first_id);
    self->first_id = NULL;
}
