/*
 * kin build: from vector files to a similarity graph on disk.
 *
 *     files -> catalog -> engine -> graph writer -> output folder
 *
 * The output folder is claimed first, so that what cannot be written is known before hours are
 * spent; it takes its name last, after the inputs were found unchanged.
 */
#include "core/graph.h"
#include "core/memory.h"
#include "core/outdir.h"
#include "core/threads.h"
#include "exact/exact.h"
#include "exact/stream.h"
#include "tools/build_options.h"
#include "tools/console.h"
#include "tools/provenance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One build under way. */
typedef struct build {
    build_options options; /* engine and counts resolved step by step */
    int engine_asked;
    kin_source source[KIN_MODALITIES_MAX];
    size_t source_count;
    kin_catalog catalog;
    kin_index *index;
    kin_outdir out;
    kin_graph_writer *writer;
    kin_graph_totals totals;
    kin_exact_plan exact_plan;     /* of --engine exact */
    kin_exact_report exact_report; /* and what its run did */
    console_watch progress;
    kin_watch watch;
    json_t *seconds; /* per stage */
    double start, stage_start;
} build;

/* Notes how long the stage that ends here took. */
static void stage_done(build *self, const char *name)
{
    double now = console_seconds();
    json_object_set_new(self->seconds, name, json_real(now - self->stage_start));
    self->stage_start = now;
}

static bool uses_index(const build_options *o)
{
    return o->engine == ENGINE_IVF || o->engine == ENGINE_HNSW;
}

/* ---- before the engine -------------------------------------------------------------------------- */

static int open_inputs(build *self, kin_error *err)
{
    const build_options *o = &self->options;
    kin_catalog_options from = {.source = self->source,
                                .source_count = self->source_count,
                                .ids = o->ids,
                                .items = o->items,
                                .missing = (kin_missing)o->missing};
    int rc = kin_catalog_open(&self->catalog, &from, err);
    if (rc != 0)
        return rc;
    size_t n = self->catalog.n;
    if ((size_t)o->top_k >= n)
        return kin_fail(err, KIN_E_DATA, "lower --top-k, or give more items",
                        "top-k %lld needs at least %lld items, the catalog has %zu",
                        (long long)o->top_k, (long long)o->top_k + 1, n);
    size_t incomplete = kin_catalog_incomplete(&self->catalog);
    if (incomplete > 0)
        console_info("%zu of %zu items lack a modality (--missing %s)", incomplete, n,
                     kin_missing_names[o->missing]);
    return 0;
}

/* `auto` by its rule (exact, or stream where rows are too wide for it), and an index's own type; refuses
 * what contradicts. */
static int resolve_engine(build *self, kin_error *err)
{
    build_options *o = &self->options;
    self->engine_asked = o->engine;
    bool wide = kin_catalog_dimensions(&self->catalog) > KIN_EXACT_DIMENSIONS_MAX;
    if (o->engine == ENGINE_AUTO)
        o->engine = o->index_dir || (int64_t)self->catalog.n >= o->auto_threshold ? ENGINE_IVF
                    : wide                                                        ? ENGINE_STREAM
                                                                                  : ENGINE_EXACT;
    if (o->index_dir && !uses_index(o))
        return kin_fail(err, KIN_E_USAGE, "leave --index out, or choose --engine ivf or hnsw",
                        "--engine %s uses no index", build_engine_names[o->engine]);
    o->index.type = o->engine == ENGINE_HNSW ? KIN_INDEX_HNSW : KIN_INDEX_IVF;
    o->index.memory_bytes = o->search.memory_bytes = o->memory;
    o->search.top_k = (size_t)o->top_k;
    if (o->engine == ENGINE_STREAM && o->micro_batch == 0) {
        kin_stream_options stream = {.top_k = (size_t)o->top_k};
        o->micro_batch = (int64_t)kin_stream_micro_batch(&stream, self->catalog.n, self->catalog.n);
    }
    return 0;
}

/* Options that say how an index is built must not contradict one that is there already. */
static int check_index_options(const kin_index_options *asked, const kin_index_options *made,
                               kin_error *err)
{
    const kin_index_options unset = KIN_INDEX_OPTIONS_INIT;
    const struct {
        const char *name;
        int64_t asked, made, unset;
    } option[] = {
        {"index-space", asked->space, made->space, unset.space},
        {"project", asked->project, made->project, unset.project},
        {"project-centre", asked->project_centre, made->project_centre, unset.project_centre},
        {"lists", asked->lists, made->lists, unset.lists},
        {"links", asked->links, made->links, unset.links},
        {"ef-construction", asked->ef_construction, made->ef_construction, unset.ef_construction},
        {"seed", asked->seed, made->seed, unset.seed},
    };
    for (size_t i = 0; i < sizeof option / sizeof *option; i++)
        if (option[i].asked != option[i].unset && option[i].asked != option[i].made)
            return kin_fail(err, KIN_E_USAGE, "leave it out, or build another index with kin index",
                            "--%s is not what the index was built with", option[i].name);
    return 0;
}

/* An index from its folder; the engine is the one that it was made for. */
static int open_index(build *self, kin_error *err)
{
    build_options *o = &self->options;
    json_t *manifest = NULL;
    int rc = kin_manifest_read(&manifest, o->index_dir, "index", err);
    if (rc == 0)
        rc = kin_index_open(&self->index, o->index_dir, manifest, &self->catalog, err);
    json_decref(manifest);
    if (rc != 0)
        return rc;
    rc = check_index_options(&o->index, kin_index_resolved(self->index), err);
    if (rc != 0)
        return rc;
    bool hnsw = kin_index_resolved(self->index)->type == KIN_INDEX_HNSW;
    build_engine type = hnsw ? ENGINE_HNSW : ENGINE_IVF;
    if (self->engine_asked != ENGINE_AUTO && self->engine_asked != (int)type)
        return kin_fail(err, KIN_E_USAGE, "ask for the engine that the index was built for",
                        "%s holds an index of type %s, --engine is %s", o->index_dir,
                        build_engine_names[type], build_engine_names[self->engine_asked]);
    o->engine = (int)type;
    return 0;
}

static int prepare_index(build *self, kin_error *err)
{
    build_options *o = &self->options;
    int rc = o->index_dir
                 ? open_index(self, err)
                 : kin_index_build(&self->index, &self->catalog, &o->index, &self->watch, err);
    if (rc != 0)
        return rc;
    o->index = *kin_index_resolved(self->index);
    kin_search_resolve(&o->search, self->index);
    command_log_index(self->index, &self->catalog);
    stage_done(self, "index");
    return 0;
}

/* ---- the engine --------------------------------------------------------------------------------- */

static int run_stream(build *self, kin_row_sink sink, kin_error *err)
{
    const build_options *o = &self->options;
    kin_stream_options stream = {.top_k = (size_t)o->top_k,
                                 .micro_batch = (size_t)o->micro_batch,
                                 .memory_bytes = o->memory};
    console_info("Computing similarity in micro-batches (total=%zu, micro_batch_size=%lld, "
                 "top_k=%lld)",
                 self->catalog.n, (long long)o->micro_batch, (long long)o->top_k);
    return kin_stream_run(&self->catalog, NULL, &stream, sink, &self->watch, err);
}

static void log_exact_plan(const kin_exact_plan *plan)
{
    console_info("Plan: %zu of %zu dimensions lead, %zu %s; memory %.0f MiB (codes %.0f, "
                 "collectors %.0f, threads %.0f)",
                 plan->lead, plan->lead + plan->tail, plan->blocks,
                 plan->blocks == 1 ? "block: every pair serves both items" : "blocks of rows",
                 (double)plan->total_bytes / 0x1p20, (double)plan->codes_bytes / 0x1p20,
                 (double)plan->collectors_bytes / 0x1p20, (double)plan->work_bytes / 0x1p20);
}

static int run_exact(build *self, kin_row_sink sink, kin_error *err)
{
    const build_options *o = &self->options;
    kin_exact_options options = KIN_EXACT_OPTIONS_INIT;
    kin_exact *engine = NULL;
    options.top_k = (size_t)o->top_k;
    options.memory_bytes = o->memory;
    console_info("Computing similarity (engine=%s, total=%zu, top_k=%lld)",
                 build_engine_names[o->engine], self->catalog.n, (long long)o->top_k);
    int rc = kin_exact_new(&engine, &self->catalog, &options, err);
    if (rc != 0)
        return rc;
    self->exact_plan = *kin_exact_get_plan(engine);
    log_exact_plan(&self->exact_plan);
    stage_done(self, "plan");
    rc = kin_exact_run(engine, sink, &self->watch, err);
    self->exact_report = *kin_exact_get_report(engine);
    kin_exact_free(engine);
    return rc;
}

static int run_search(build *self, kin_row_sink sink, kin_error *err)
{
    const build_options *o = &self->options;
    console_info("Computing similarity (engine=%s, total=%zu, top_k=%lld)",
                 build_engine_names[o->engine], self->catalog.n, (long long)o->top_k);
    return kin_search_all(self->index, &o->search, sink, &self->watch, err);
}

static int run_engine(build *self, kin_error *err)
{
    const build_options *o = &self->options;
    int rc =
        kin_graph_writer_new(&self->writer, self->out.temporary, self->catalog.n, (size_t)o->top_k,
                             &self->catalog, (kin_row_order)o->row_order, err);
    if (rc != 0)
        return rc;
    kin_row_sink sink = kin_graph_writer_sink(self->writer);
    rc = uses_index(o)               ? run_search(self, sink, err)
         : o->engine == ENGINE_EXACT ? run_exact(self, sink, err)
                                     : run_stream(self, sink, err);
    console_watch_end(&self->progress);
    stage_done(self, "neighbors");
    return rc;
}

/* ---- after the engine --------------------------------------------------------------------------- */

/* What the certified engine planned and did. Part of `run`: the choice of leading dimensions and
 * the blocks follow the sample's products in float32 and the memory there was. */
static json_t *exact_facts(const build *self)
{
    const kin_exact_plan *plan = &self->exact_plan;
    const kin_exact_report *report = &self->exact_report;
    double rows = report->rows > 0 ? (double)report->rows : 1;
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:I}",
        "lead_dimensions", (json_int_t)plan->lead, "tail_dimensions", (json_int_t)plan->tail,
        "groups", (json_int_t)report->groups, "blocks", (json_int_t)plan->blocks, "pairs",
        (json_int_t)report->pairs, "tiles", (json_int_t)report->tiles, "tiles_abandoned",
        (json_int_t)(report->tiles - report->tiles_left), "pairs_refined",
        (json_int_t)report->refined, "candidates_collected", (json_int_t)report->collected,
        "pairs_too_coarse", (json_int_t)report->too_coarse, "rows_redone",
        (json_int_t)report->redone, "pairs_redone", (json_int_t)report->redone_pairs,
        "candidates_scored_in_full", (json_int_t)report->full, "refined_per_row",
        2 * (double)report->refined / rows, "scored_in_full_per_row", (double)report->full / rows,
        "plan_bytes", (json_int_t)plan->total_bytes);
}

static json_t *make_manifest(build *self)
{
    const build_options *o = &self->options;
    json_t *manifest = json_object();
    json_object_set_new(manifest, "kind", json_string("graph"));
    json_object_set_new(manifest, "format", json_integer(KIN_MANIFEST_FORMAT));
    json_object_set_new(manifest, "engine", json_string(build_engine_names[o->engine]));
    json_object_set_new(manifest, "options", kin_options_json(&command_build.options, o, false));
    provenance_describe(manifest, &self->catalog);
    json_object_set_new(manifest, "incomplete_items",
                        json_integer((json_int_t)kin_catalog_incomplete(&self->catalog)));
    json_object_set_new(manifest, "items_with_neighbors",
                        json_integer((json_int_t)self->totals.items_with_neighbors));
    json_object_set_new(manifest, "pairs", json_integer((json_int_t)self->totals.pairs));
    if (self->index)
        json_object_set_new(manifest, "index", kin_index_facts(self->index));
    json_t *run = command_run_facts(self->start);
    provenance_locate(run, &self->catalog);
    if (o->engine == ENGINE_EXACT) {
        json_object_set_new(manifest, "certified", json_true());
        json_object_set_new(run, "exact", exact_facts(self));
    }
    json_object_set(run, "seconds", self->seconds);
    json_object_set_new(manifest, "run", run);
    return manifest;
}

/* Six lines: what there is now, what it took, and what to type next. */
static void print_summary(const build *self, const json_t *manifest)
{
    const kin_catalog *catalog = &self->catalog;
    const json_t *run = json_object_get(manifest, "run");
    double n = (double)catalog->n;
    double pairs = (double)self->totals.pairs;
    double peak = json_number_value(json_object_get(run, "peak_memory_bytes"));
    console_info("Total items with neighbors: %zu", self->totals.items_with_neighbors);
    console_info("Pairs: %zu, %.1f per row, sparsity %.4f%%", self->totals.pairs, pairs / n,
                 100.0 * (1.0 - pairs / n / n));
    console_info("Engine %s, %d threads, %.1f s, %.0f items/s",
                 build_engine_names[self->options.engine], kin_threads_used(),
                 json_number_value(json_object_get(run, "seconds_total")),
                 n / json_number_value(json_object_get(run, "seconds_total")));
    console_info("Memory: peak %.0f MiB, and inputs and graph as mapped pages", peak / 0x1p20);
    console_info("Graph: %s", self->out.final);
    console_info("Next: %s %s %s", uses_index(&self->options) ? "kin compare" : "kin show",
                 self->out.final,
                 uses_index(&self->options) ? "--sample 1000" : "--out similar.html");
}

static int finish(build *self, kin_error *err)
{
    int rc = kin_graph_writer_finish(self->writer, &self->totals, err);
    if (rc == 0)
        rc = provenance_write_names(&self->catalog, self->out.temporary, err);
    if (rc == 0)
        rc = kin_watch_check(&self->watch, err);
    if (rc == 0)
        rc = kin_catalog_unchanged(&self->catalog, err);
    if (rc != 0)
        return rc;
    stage_done(self, "write");
    json_t *manifest = make_manifest(self);
    rc = kin_outdir_commit(&self->out, manifest, err);
    if (rc == 0)
        print_summary(self, manifest);
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
        rc = open_inputs(self, err);
    if (rc == 0)
        rc = resolve_engine(self, err);
    if (rc != 0)
        return rc;
    stage_done(self, "read");
    self->watch = console_watch_start(&self->progress, self->catalog.n);
    if (uses_index(&self->options))
        rc = prepare_index(self, err);
    if (rc == 0)
        rc = run_engine(self, err);
    if (rc == 0)
        rc = finish(self, err);
    return rc;
}

int build_run(const void *values, const kin_operands *operands, kin_error *err)
{
    (void)operands;
    build self = {.options = *(const build_options *)values, .out = {.lock = -1}};
    if (self.options.print_config)
        return print_config(&self.options, err);
    if (!self.options.out)
        return kin_fail(err, KIN_E_USAGE, "add --out DIR", "--out is missing");
    int rc = command_sources(self.source, &self.source_count, &self.options.modality, err);
    if (rc != 0)
        return rc;
    self.seconds = json_object();
    self.start = self.stage_start = console_seconds();
    console_catch_signals();
    rc = build_graph(&self, err);
    kin_graph_writer_free(self.writer);
    kin_outdir_release(&self.out);
    kin_index_free(self.index);
    kin_catalog_close(&self.catalog);
    command_sources_release(self.source, self.source_count);
    json_decref(self.seconds);
    return rc;
}
