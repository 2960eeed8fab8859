/*
 * One comparison from its options (job/compare.h).
 *
 * Exact rows of a sample come from `stream`, which has nothing in common with the engines that are
 * evaluated. They cost one pass over the vectors per 1,024 rows: 1,000 of a million items take
 * seconds, where an exact graph takes hours.
 */
#include "job/compare.h"
#include "compare/memory_graph.h"
#include "compare/sampling.h"
#include "core/counted.h"
#include "core/memory.h"
#include "core/random.h"
#include "job/compare_trace.h"
#include "job/graph_catalog.h"
#include "job/row_sample.h"
#include "job/sources.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A comparison under way. */
typedef struct comparing {
    const kin_compare_options *options;
    const kin_monitor *monitor;
    kin_comparison *out;
    bool has_catalog;
    kin_catalog catalog; /* the graph's vectors */
} comparing;

/* ---- what is asked for ----------------------------------------------------------------------- */

static bool is_import_path(const char *path)
{
    return path && kin_import_is_path(path);
}

static bool has_reference(const kin_compare_options *o)
{
    return o->reference || o->open_reference;
}

static int check_gates(const kin_compare_options *o, kin_error *err)
{
    bool truth = has_reference(o) || o->sample;
    if (!truth && (!isnan(o->gates.min_recall) || !isnan(o->gates.min_fill)))
        return kin_fail(err, KIN_E_USAGE, "add --reference GRAPH, or --sample 1000",
                        "--min-recall and --min-fill need something to compare with");
    if (!o->previous && (!isnan(o->gates.max_drift) || !isnan(o->gates.max_item_change)))
        return kin_fail(err, KIN_E_USAGE, "add --previous GRAPH",
                        "--max-drift and --max-item-change need last night's graph");
    return 0;
}

static int check_options(const kin_compare_options *o, kin_error *err)
{
    if (o->reference && o->open_reference)
        return kin_fail(err, KIN_E_USAGE, "choose one of them", "two references are given");
    if (has_reference(o) && o->sample)
        return kin_fail(err, KIN_E_USAGE, "choose one of them",
                        "--reference and --sample are both given");
    if (!has_reference(o) && !o->sample && !o->previous)
        return kin_fail(err, KIN_E_USAGE,
                        "add --reference GRAPH, or --sample 1000, or --previous GRAPH",
                        "nothing to compare with is given");
    if (o->other && !has_reference(o) && !o->sample)
        return kin_fail(err, KIN_E_USAGE, "add --reference GRAPH, or --sample 1000",
                        "two graphs are compared with the same reference, none is given");
    if (o->stratify && !has_reference(o) && !o->sample)
        return kin_fail(err, KIN_E_USAGE, "add --reference GRAPH, or --sample 1000",
                        "--stratify needs a recall to break down");
    if (o->sample && is_import_path(o->graph) && !o->modality.count)
        return kin_fail(err, KIN_E_USAGE,
                        "give --modality NAME=FILE:WEIGHT for each file of vectors",
                        "--sample computes exact rows, and %s names no vectors", o->graph);
    if (o->ids && !is_import_path(o->graph))
        return kin_fail(err, KIN_E_USAGE, "a graph of kin's has its ids", "--ids goes with a file");
    if (o->reference_ids && !is_import_path(o->reference))
        return kin_fail(err, KIN_E_USAGE, "a graph of kin's has its ids",
                        "--reference-ids goes with a file at --reference");
    if (o->missing != KIN_MISSING_RENORM && !is_import_path(o->graph))
        return kin_fail(err, KIN_E_USAGE, "leave --missing out: the graph's manifest has it",
                        "--missing goes with a file");
    return check_gates(o, err);
}

/* ---- opening --------------------------------------------------------------------------------- */

/* The vectors that the options name, for a GRAPH that names none itself. */
static int open_named_vectors(comparing *self, kin_error *err)
{
    const kin_compare_options *o = self->options;
    kin_source source[KIN_MODALITIES_MAX];
    size_t count = 0;
    int rc = kin_sources_parse(source, &count, &o->modality, err);
    if (rc != 0)
        return rc;
    kin_catalog_options from = {
        .source = source, .source_count = count, .missing = (kin_missing)o->missing};
    rc = kin_catalog_open(&self->catalog, &from, err);
    kin_sources_release(source, count);
    return rc;
}

/* GRAPH's vectors, for everything that is computed: with the weights, order and --missing of its
 * manifest, where it has one. */
static int open_vectors(comparing *self, kin_error *err)
{
    const kin_graph *graph = &self->out->graph.graph;
    const kin_catalog_options *inputs = self->options->inputs;
    if (self->has_catalog)
        return 0;
    int rc = inputs ? kin_graph_catalog_open_sources(&self->catalog, graph, inputs->source,
                                                     inputs->source_count, err)
             : self->out->graph.there && !kin_graph_is_imported(graph)
                 ? kin_graph_catalog_open(&self->catalog, graph, &self->options->modality, err)
                 : open_named_vectors(self, err);
    self->has_catalog = rc == 0;
    return rc;
}

static int open_graph(kin_graph *out, const char *path, kin_error *err)
{
    kin_error fault = {0};
    struct stat status;
    int rc = kin_graph_open(out, path, &fault);
    if (rc == KIN_E_NOINPUT && stat(path, &status) == 0 && !S_ISDIR(status.st_mode))
        snprintf(fault.hint, sizeof fault.hint,
                 "name a folder of kin build's, or neighbours in a file: .npz, .ivecs or .ibin");
    if (rc != 0 && err)
        *err = fault;
    return rc;
}

static int open_side(comparing *self, kin_comparison_side *side, const char *path, const char *ids,
                     kin_error *err)
{
    const kin_compare_options *o = self->options;
    int rc = 0;
    if (!is_import_path(path)) {
        rc = open_graph(&side->graph, path, err);
        side->there = rc == 0;
        if (rc == 0)
            rc = kin_graph_check_scores(&side->graph, err);
    } else {
        if (o->modality.count)
            rc = open_vectors(self, err);
        if (rc == 0)
            rc = kin_import_open(&side->graph, &side->import, path, ids,
                                 self->has_catalog ? &self->catalog : NULL, o->memory, err);
        side->there = rc == 0;
    }
    side->named = rc == 0 && (ids || !kin_graph_is_imported(&side->graph));
    return rc;
}

/* A graph that the caller has open, and keeps. */
static int lend_side(kin_comparison_side *side, const kin_graph *graph, kin_error *err)
{
    side->graph = *graph;
    side->there = side->named = side->lent = true;
    return kin_graph_check_scores(graph, err);
}

/* On the first night there is none: that is no fault of a path's. */
static int open_previous(comparing *self, kin_error *err)
{
    kin_error fault = {0};
    int rc = open_side(self, &self->out->previous, self->options->previous, NULL, &fault);
    if (rc == KIN_E_NOINPUT && access(self->options->previous, F_OK) != 0)
        snprintf(fault.hint, sizeof fault.hint,
                 "check the path; without a graph of the night before leave --previous away");
    if (rc != 0 && err)
        *err = fault;
    return rc;
}

static int open_sides(comparing *self, kin_error *err)
{
    const kin_compare_options *o = self->options;
    int rc = o->open_graph ? lend_side(&self->out->graph, o->open_graph, err)
                           : open_side(self, &self->out->graph, o->graph, o->ids, err);
    if (rc == 0 && o->other)
        rc = open_side(self, &self->out->other, o->other, NULL, err);
    if (rc == 0 && o->open_reference)
        rc = lend_side(&self->out->reference, o->open_reference, err);
    else if (rc == 0 && o->reference)
        rc = open_side(self, &self->out->reference, o->reference, o->reference_ids, err);
    if (rc == 0 && o->previous)
        rc = open_previous(self, err);
    if (rc == 0 && o->sample)
        rc = open_vectors(self, err);
    return rc;
}

/* ---- exact rows of a sample ------------------------------------------------------------------ */

enum { SAMPLE_COMPARE = 0x636d70 }; /* this use of the seed */

static int draw(comparing *self, kin_error *err)
{
    kin_comparison *out = self->out;
    const kin_graph *graph = &out->graph.graph;
    size_t count = (size_t)self->options->sample;
    if (count > graph->n)
        return kin_fail(err, KIN_E_USAGE, "a sample of all items compares every row",
                        "--sample %zu, %s has %s", count, graph->directory,
                        kin_count(graph->n, "item").text);
    out->row = kin_alloc(count, sizeof *out->row);
    if (!out->row)
        return kin_fail_alloc(err, "sampled rows", kin_size_mul(count, sizeof *out->row));
    out->row_count = count;
    if (out->strata.count > 0)
        return kin_sample_draw_strata(out->row, count, &out->strata, graph->n, out->seed, err);
    uint64_t key = kin_random_key(out->seed, SAMPLE_COMPARE, 0);
    kin_sample_draw(out->row, count, &(kin_population){.n = graph->n}, key);
    return 0;
}

static int run_exact(kin_rows *exact, const comparing *self, kin_error *err)
{
    const kin_catalog *catalog = &self->catalog;
    size_t count = self->out->row_count, k = kin_comparison_sample_top_k(self->out);
    size_t memory = self->options->memory;
    kin_stream_options stream = kin_row_sample_stream(catalog, k, memory);
    kin_memory_plan plan;
    kin_stream_make_plan(&plan, catalog, count, &stream);
    plan.hint = "--sample or --threads";
    kin_memory_plan_add(&plan, "exact rows", kin_rows_bytes(count, k, 0), 1);
    int rc = kin_memory_plan_check(&plan, memory, err);
    if (rc == 0)
        rc = kin_rows_init(exact, count, k, 0, err);
    if (rc != 0)
        return rc;
    kin_monitor_message(self->monitor, KIN_LEVEL_INFO,
                        "Computing exact rows (rows=%zu, total=%zu, top_k=%zu)", count, catalog->n,
                        k);
    return kin_row_sample_compute(exact, catalog, self->out->row, count, memory, self->monitor,
                                  err);
}

/* The reference of --sample. */
static int compute_reference(comparing *self, kin_error *err)
{
    kin_comparison *out = self->out;
    kin_rows exact = {0};
    int rc = draw(self, err);
    if (rc == 0)
        rc = run_exact(&exact, self, err);
    if (rc == 0)
        rc = kin_memory_graph_init(&out->reference.graph, &exact, out->row, &out->graph.graph, err);
    out->reference.there = out->computed = rc == 0;
    out->reference.named = out->graph.named;
    kin_rows_release(&exact);
    return rc;
}

/* ---- measuring ------------------------------------------------------------------------------- */

/* The loss split, where the build kept a trace; it needs the vectors, which may be gone. */
static int measure_loss(comparing *self, const kin_monitor *quiet, kin_error *err)
{
    kin_comparison *out = self->out;
    const kin_graph *graph = &out->graph.graph, *reference = &out->reference.graph;
    kin_error fault = {0};
    if (!out->reference.there || kin_graph_is_imported(graph) ||
        !json_object_get(graph->manifest, "trace"))
        return 0;
    int rc = open_vectors(self, &fault);
    if (rc == KIN_E_NOINPUT || rc == KIN_E_DATA) {
        kin_comparison_warn(out, self->monitor, "no loss split, which needs the vectors: %s",
                            fault.message);
        return 0;
    }
    if (rc != 0) {
        if (err)
            *err = fault;
        return rc;
    }
    bool whole = !out->computed && !out->forced && !out->to_reference.other &&
                 reference->data != NULL && reference->k == graph->k;
    return kin_loss_of_trace(&out->loss, &out->has_loss, graph, &self->catalog,
                             whole ? reference : NULL, self->options->memory, quiet, err);
}

static int measure(comparing *self, kin_error *err)
{
    kin_comparison *out = self->out;
    kin_monitor quiet = {0}; /* what follows has no progress */
    if (self->monitor)
        quiet = (kin_monitor){.self = self->monitor->self,
                              .stopped = self->monitor->stopped,
                              .message = self->monitor->message};
    int rc = kin_comparison_measure_recall(out, &quiet, err);
    if (rc == 0)
        rc = measure_loss(self, &quiet, err);
    if (rc == 0)
        rc = kin_monitor_check(&quiet, err);
    if (rc == 0)
        rc = kin_comparison_measure_graph(out, &quiet, err);
    if (!self->has_catalog)
        return rc;
    return rc == 0 ? kin_catalog_unchanged(&self->catalog, err)
                   : kin_catalog_settle(&self->catalog, rc, err);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int compare(comparing *self, kin_error *err)
{
    const kin_compare_options *o = self->options;
    kin_comparison *out = self->out;
    const kin_graph *graph = &out->graph.graph;
    int rc = open_sides(self, err);
    if (rc == 0 && o->sample && o->stratify)
        rc = kin_strata_init(&out->strata, graph, o->stratify, err);
    if (rc == 0 && o->sample)
        rc = compute_reference(self, err);
    if (rc == 0)
        rc = kin_comparison_match(out, self->monitor, err);
    if (rc == 0 && o->stratify && !o->sample) /* by a table that a file may have been lent */
        rc = kin_strata_init(&out->strata, graph, o->stratify, err);
    if (rc == 0)
        rc = kin_comparison_check_top_k(out, self->monitor, err);
    if (rc == 0)
        rc = measure(self, err);
    if (rc == 0)
        kin_comparison_check_gates(out, &o->gates);
    return rc;
}

int kin_compare_run(kin_comparison *out, const kin_compare_options *options,
                    const kin_monitor *monitor, kin_error *err)
{
    comparing self = {.options = options, .monitor = monitor, .out = out};
    *out = (kin_comparison){.top_k = (size_t)options->top_k,
                            .force = options->force,
                            .seed = (uint64_t)options->seed,
                            .stratify = options->stratify,
                            .start_seconds = kin_clock_seconds()};
    int rc = kin_options_check(&kin_compare_table, options, err);
    if (rc == 0)
        rc = check_options(options, err);
    if (rc == 0)
        rc = compare(&self, err);
    if (self.has_catalog)
        kin_catalog_close(&self.catalog);
    if (rc != 0)
        kin_comparison_release(out);
    return rc;
}
