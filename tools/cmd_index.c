/*
 * kin index: the nearest-neighbour indexes of a catalog alone, kept for `kin build --index` and
 * `kin query`. The folder holds FAISS files that any FAISS opens, the groups of equal rows, and a
 * manifest that says which files the vectors came from.
 */
#include "ann/faiss_build.h"
#include "ann/faiss_index_file.h"
#include "ann/join.h"
#include "core/counted.h"
#include "core/json.h"
#include "core/manifest.h"
#include "core/outdir.h"
#include "job/evaluation.h"
#include "job/facts.h"
#include "job/messages.h"
#include "job/provenance.h"
#include "job/sources.h"
#include "report/shell.h"
#include "tools/command.h"
#include "tools/console.h"
#include "tools/next_step.h"
#include "tools/shared_options.h"
#include "tools/signals.h"
#include <stdio.h>
#include <string.h>

/* What --type names: FAISS's types, and an order of the self-join alone. */
enum { TYPE_JOIN = KIN_INDEX_HNSW + 1 };
static const char *const type_names[] = {"ivf", "hnsw", "join", NULL};

typedef struct index_options {
    command_common common;
    kin_text_list modality;
    const char *out, *ids;
    int missing; /* kin_missing */
    kin_index_options index;
    int64_t top_k;        /* what the join is tuned for */
    double target_recall; /* and this */
    bool force;
} index_options;

static const index_options defaults = {
    .index = KIN_INDEX_OPTIONS_INIT, .top_k = 200, .target_recall = 0.97};

#define FIELD(name) offsetof(index_options, name)

static const kin_option options[] = {
    OPTION_MODALITY(FIELD(modality), NULL),
    {.name = "type",
     .type = KIN_OPTION_CHOICE,
     .offset = FIELD(index.type),
     .choices = type_names,
     .help = "ivf: inverted lists over clusters, and join; hnsw: a navigable graph; join: the "
             "order and effort of the self-join alone, for kin build"},
    OPTION_OUT(FIELD(out)),
    {.name = "ids",
     .type = KIN_OPTION_TEXT,
     .offset = FIELD(ids),
     .unit = "FILE",
     .default_text = "row numbers",
     .help = "an id a line"},
    OPTION_TOP_K(FIELD(top_k)),
    OPTION_TARGET_RECALL(FIELD(target_recall)),
    OPTION_MISSING(FIELD(missing)),
    OPTION_MEMORY(FIELD(index.memory_bytes)),
    OPTION_FORCE(FIELD(force)),
    KIN_OPTIONS_END,
};

static const kin_option_group groups[] = {
    {NULL, options, 0},
    {NULL, kin_index_lines, FIELD(index)},
    {NULL, command_common_lines, 0},
};

/* One run under way. */
typedef struct indexing {
    const index_options *options;
    kin_source source[KIN_MODALITIES_MAX];
    size_t source_count;
    kin_catalog catalog;
    kin_index *index;
    kin_outdir out;
    console_monitor progress;
    kin_monitor monitor;
    double start;
} indexing;

static json_t *make_manifest(const indexing *self)
{
    json_t *manifest = json_object();
    kin_json_set(&manifest, "kind", json_string("index"));
    kin_json_set(&manifest, "format", json_integer(KIN_MANIFEST_FORMAT));
    kin_json_set(&manifest, "options",
                 kin_options_json(command_index.options, self->options, false));
    provenance_describe(&manifest, &self->catalog);
    json_t *run = facts_run(self->start);
    provenance_locate(&run, &self->catalog);
    kin_json_set(&manifest, "run", run);
    return manifest;
}

static void suggest(const indexing *self)
{
    size_t others = self->catalog.n - 1;
    next_step next;
    FILE *out = others > 0 ? next_step_begin(&next, "kin query") : NULL;
    if (!out)
        return;
    shell_operand(out, " ", self->out.final);
    shell_option(out, " ", "item", kin_lines_at(&self->catalog.ids, 0));
    fprintf(out, " --top-k %zu", others < 10 ? others : 10);
    next_step_end(&next);
}

static void print_summary(const indexing *self, const json_t *manifest)
{
    const kin_index_options *o = &self->options->index;
    const json_t *run = json_object_get(manifest, "run");
    kin_monitor say = console_monitor_quiet();
    if (self->index)
        messages_index(self->index, &self->catalog, &say);
    console_info("Type %s, %s, %.1f s, peak memory %.0f MiB", type_names[o->type],
                 kin_count(self->catalog.n, "item").text,
                 json_number_value(json_object_get(run, "seconds_total")),
                 json_number_value(json_object_get(run, "peak_memory_bytes")) / 0x1p20);
    console_info("Index folder: %s", self->out.final);
    if (self->index)
        suggest(self);
}

/* The order and the effort of the self-join, which `kin build` reads. */
static int add_join(indexing *self, json_t **manifest, kin_error *err)
{
    const index_options *o = self->options;
    kin_join *join = NULL;
    size_t n = self->catalog.n, k = (size_t)o->top_k < n ? (size_t)o->top_k : n - 1;
    kin_join_options asked = {
        .top_k = k,
        .target = o->target_recall,
        .evaluated = kin_evaluation_rows(row_sample_population(&self->catalog), o->target_recall),
        .seed = o->index.seed,
        .memory_bytes = o->index.memory_bytes};
    if (o->index.type == KIN_INDEX_HNSW || (o->index.type == KIN_INDEX_IVF && n < 2))
        return 0;
    if (n < 2)
        return kin_fail(err, KIN_E_DATA, "a join needs two items",
                        "one item has no neighbours to order");
    int rc = kin_join_new(&join, &self->catalog, &asked, err);
    if (rc == 0)
        rc = kin_join_encode(join, &self->monitor, err);
    if (rc == 0)
        rc = kin_join_tune(join, &self->monitor, err);
    if (rc == 0)
        rc = kin_join_save(join, self->out.temporary, manifest, err);
    kin_join_free(join);
    return rc;
}

static int save_index(const indexing *self, json_t **manifest, kin_error *err)
{
    if (self->index)
        return kin_index_save(self->index, self->out.temporary, manifest, err);
    kin_json_set(manifest, "index",
                 json_pack("{s:s, s:s, s:I}", "type", type_names[TYPE_JOIN], "missing",
                           kin_missing_names[self->catalog.missing], "seed",
                           (json_int_t)self->options->index.seed));
    return 0;
}

static int write_folder(indexing *self, kin_error *err)
{
    json_t *manifest = make_manifest(self);
    int rc = save_index(self, &manifest, err);
    if (rc == 0)
        rc = add_join(self, &manifest, err);
    if (rc == 0)
        rc = provenance_write_names(&self->catalog, self->out.temporary, err);
    if (rc == 0)
        rc = kin_monitor_check(&self->monitor, err);
    if (rc == 0)
        rc = kin_catalog_unchanged(&self->catalog, err);
    if (rc == 0)
        rc = kin_outdir_commit(&self->out, &manifest, err);
    if (rc == 0) {
        messages_output(&self->out, &self->monitor);
        print_summary(self, manifest);
    }
    json_decref(manifest);
    return rc;
}

static int make_index(indexing *self, kin_error *err)
{
    const index_options *o = self->options;
    kin_catalog_options from = {.source = self->source,
                                .source_count = self->source_count,
                                .ids = o->ids,
                                .missing = (kin_missing)o->missing};
    int rc = kin_outdir_open(&self->out, o->out, "index", o->force, err);
    if (rc == 0)
        rc = kin_catalog_open(&self->catalog, &from, err);
    if (rc != 0)
        return rc;
    self->monitor = console_monitor_quiet();
    messages_modalities(&self->catalog, &self->monitor);
    console_info("Building the index (type=%s, space=%s, total=%zu)", type_names[o->index.type],
                 kin_index_space_names[o->index.space], self->catalog.n);
    self->monitor = console_monitor_start(&self->progress, self->catalog.n);
    if (o->index.type != TYPE_JOIN)
        rc = kin_index_build(&self->index, &self->catalog, &o->index, &self->monitor, err);
    console_monitor_end(&self->progress);
    return rc ? rc : write_folder(self, err);
}

static int run(const void *values, const kin_operands *operands, kin_error *err)
{
    indexing self = {.options = values};
    (void)operands;
    if (!self.options->out)
        return kin_fail(err, KIN_E_USAGE, "add --out DIR", "--out is missing");
    int rc = kin_sources_parse(self.source, &self.source_count, &self.options->modality, err);
    if (rc != 0)
        return rc;
    self.start = kin_clock_seconds();
    signals_catch();
    rc = make_index(&self, err);
    kin_outdir_release(&self.out);
    kin_index_free(self.index);
    kin_catalog_close(&self.catalog);
    kin_sources_release(self.source, self.source_count);
    return rc;
}

const kin_command command_index = {
    .name = "index",
    .summary = "build nearest-neighbour indexes, to be kept",
    .operands = "",
    .example = "kin index --modality text=text.npy:0.6 --modality image=image.npy:0.4 "
               "--type hnsw --out index",
    .options = COMMAND_GROUPS(groups, defaults),
    .uses_blas = true,
    .run = run,
};
