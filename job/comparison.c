/*
 * One comparison: graphs and vectors are opened, then everything is measured that they allow.
 *
 * A graph is judged by another one or by exact rows computed now; from there on both are the same, a graph whose
 * rows are the truth.
 */
#include "job/comparison.h"
#include "compare/why.h"
#include "core/memory.h"
#include "job/compare_trace.h"
#include "job/show_catalog.h"
#include "tools/console.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char hint_foreign[] = "a foreign file has row numbers: name its ids with --ids or "
                                   "--reference-ids";

void comparison_warn(comparison *self, const char *format, ...)
{
    va_list arguments;
    char *text = self->warning[self->warning_count];
    if (self->warning_count == COMPARE_WARNINGS_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(text, KIN_MESSAGE_MAX, format, arguments);
    va_end(arguments);
    self->warning_count++;
    console_warn("%s", text);
}

/* ---- what is asked for --------------------------------------------------------------------------- */

static bool foreign_path(const char *path)
{
    return path && kin_foreign_is(path);
}

static int check_gates(const compare_options *o, kin_error *err)
{
    bool truth = o->reference || o->sample;
    if (!truth && (!isnan(o->min_recall) || !isnan(o->min_fill)))
        return kin_fail(err, KIN_E_USAGE, "add --reference GRAPH, or --sample 1000",
                        "--min-recall and --min-fill need something to compare with");
    if (!o->previous && (!isnan(o->max_drift) || !isnan(o->max_item_change)))
        return kin_fail(err, KIN_E_USAGE, "add --previous GRAPH",
                        "--max-drift and --max-item-change need last night's graph");
    return 0;
}

static int check_options(const compare_options *o, const kin_operands *operands, kin_error *err)
{
    if (o->reference && o->sample)
        return kin_fail(err, KIN_E_USAGE, "choose one of them",
                        "--reference and --sample are both given");
    if (!o->reference && !o->sample && !o->previous)
        return kin_fail(err, KIN_E_USAGE,
                        "add --reference GRAPH, or --sample 1000, or --previous GRAPH",
                        "nothing to compare with is given");
    if (operands->count > 1 && !o->reference && !o->sample)
        return kin_fail(err, KIN_E_USAGE, "add --reference GRAPH, or --sample 1000",
                        "two graphs are judged by the same reference, none is given");
    if (o->stratify && !o->reference && !o->sample)
        return kin_fail(err, KIN_E_USAGE, "add --reference GRAPH, or --sample 1000",
                        "--stratify needs a recall to break down");
    if (o->sample && foreign_path(operands->item[0]) && !o->modality.count)
        return kin_fail(err, KIN_E_USAGE,
                        "give --modality NAME=FILE:WEIGHT for each file of vectors",
                        "--sample computes exact rows, and %s names no vectors", operands->item[0]);
    if (o->ids && !foreign_path(operands->item[0]))
        return kin_fail(err, KIN_E_USAGE, "a graph of kin's has its ids", "--ids goes with a file");
    if (o->reference_ids && !foreign_path(o->reference))
        return kin_fail(err, KIN_E_USAGE, "a graph of kin's has its ids",
                        "--reference-ids goes with a file at --reference");
    if (o->missing != KIN_MISSING_RENORM && !foreign_path(operands->item[0]))
        return kin_fail(err, KIN_E_USAGE, "leave --missing out: the graph's manifest has it",
                        "--missing goes with a file");
    return check_gates(o, err);
}

/* ---- opening ------------------------------------------------------------------------------------- */

/* The vectors that the options name, for a GRAPH that names none itself. */
static int open_named_vectors(comparison *self, kin_error *err)
{
    const compare_options *o = self->options;
    kin_source source[KIN_MODALITIES_MAX];
    size_t count = 0;
    int rc = command_sources(source, &count, &o->modality, err);
    if (rc != 0)
        return rc;
    kin_catalog_options from = {
        .source = source, .source_count = count, .missing = (kin_missing)o->missing};
    rc = kin_catalog_open(&self->catalog, &from, err);
    command_sources_release(source, count);
    return rc;
}

/* GRAPH's vectors, for everything that is computed: with the weights, order and --missing of its manifest, where it
 * has one. */
static int open_vectors(comparison *self, kin_error *err)
{
    const kin_graph *graph = &self->graph.graph;
    if (self->has_catalog)
        return 0;
    int rc = self->graph.there && !kin_graph_is_foreign(graph)
                 ? show_catalog_open(&self->catalog, graph, &self->options->modality, err)
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

static int open_side(comparison *self, compare_side *side, const char *path, const char *ids,
                     kin_error *err)
{
    const compare_options *o = self->options;
    int rc = 0;
    if (!foreign_path(path)) {
        rc = open_graph(&side->graph, path, err);
        side->there = rc == 0;
        if (rc == 0)
            rc = kin_graph_check_scores(&side->graph, err);
    } else {
        if (o->modality.count)
            rc = open_vectors(self, err);
        if (rc == 0)
            rc = kin_foreign_open(&side->graph, &side->foreign, path, ids,
                                  self->has_catalog ? &self->catalog : NULL, o->memory, err);
        side->there = rc == 0;
    }
    side->named = rc == 0 && (ids || !kin_graph_is_foreign(&side->graph));
    return rc;
}

/* On the first night there is none: that is no fault of a path's. */
static int open_previous(comparison *self, kin_error *err)
{
    kin_error fault = {0};
    int rc = open_side(self, &self->previous, self->options->previous, NULL, &fault);
    if (rc == KIN_E_NOINPUT && access(self->options->previous, F_OK) != 0)
        snprintf(fault.hint, sizeof fault.hint,
                 "check the path; without a graph of the night before leave --previous away");
    if (rc != 0 && err)
        *err = fault;
    return rc;
}

static int open_sides(comparison *self, const kin_operands *operands, kin_error *err)
{
    const compare_options *o = self->options;
    int rc = open_side(self, &self->graph, operands->item[0], o->ids, err);
    if (rc == 0 && operands->count > 1)
        rc = open_side(self, &self->other, operands->item[1], NULL, err);
    if (rc == 0 && o->reference)
        rc = open_side(self, &self->reference, o->reference, o->reference_ids, err);
    if (rc == 0 && o->previous)
        rc = open_previous(self, err);
    if (rc == 0 && o->sample)
        rc = open_vectors(self, err);
    return rc;
}

/* Ids and table of `from` for a file of the same items, which has none. */
static void lend_names(compare_side *to, const compare_side *from)
{
    if (!to->graph.names_borrowed)
        kin_lines_close(&to->graph.ids);
    to->graph.ids = from->graph.ids;
    to->graph.items = from->graph.items;
    to->graph.names_borrowed = true;
    to->named = from->named;
}

/* Rows of a file without ids are taken for those of a graph with as many, whose names it has from then on. */
static int pair(kin_pairing *out, compare_side *a, compare_side *b, kin_error *err)
{
    const kin_graph *graph = &a->graph, *other = &b->graph;
    if (graph->n == other->n && (!a->named || !b->named)) {
        if (a->named != b->named)
            lend_names(a->named ? b : a, a->named ? a : b);
        *out = (kin_pairing){.n = graph->n, .other_n = graph->n, .common = graph->n};
        return 0;
    }
    if (a->named != b->named) /* a row number that is somebody's id would be a match */
        return kin_fail(
            err, KIN_E_DATA, hint_foreign, "%s has %zu rows without ids, %s has %zu items",
            a->named ? other->directory : graph->directory, a->named ? other->n : graph->n,
            a->named ? graph->directory : other->directory, a->named ? graph->n : other->n);
    int rc =
        kin_pairing_init(out, &graph->ids, graph->directory, &other->ids, other->directory, err);
    if (rc == 0 && out->common == 0) {
        kin_pairing_release(out);
        rc = kin_fail(err, KIN_E_DATA, hint_foreign, "%s and %s have no item in common",
                      graph->directory, other->directory);
    }
    return rc;
}

/* What makes a comparison mean less: refused, or with --force noted. */
static int check_comparable(comparison *self, const kin_graph *graph, const kin_pairing *pairing,
                            kin_error *err)
{
    const kin_graph *reference = &self->reference.graph;
    kin_mismatches found;
    int rc = kin_graph_comparable(&found, graph, reference, (size_t)self->options->top_k, err);
    if (rc == 0 && (pairing->common < graph->n || pairing->common < reference->n)) {
        size_t larger = graph->n > reference->n ? graph->n : reference->n;
        snprintf(found.text[found.count++], KIN_MESSAGE_MAX,
                 "%s and %s have %zu of %zu items in common", graph->directory,
                 reference->directory, pairing->common, larger);
        rc = kin_fail(err, KIN_E_DATA, "go on all the same with --force", "%s", found.text[0]);
    }
    if (rc != 0 && !self->options->force)
        return rc;
    for (size_t i = 0; i < found.count; i++)
        comparison_warn(self, "the reference does not fit: %s", found.text[i]);
    self->forced = self->forced || found.count > 0;
    return 0;
}

/* An approximate reference is no truth: what both miss is missed by neither. Of a file nobody knows. */
static void check_truth(comparison *self)
{
    const kin_graph *reference = &self->reference.graph;
    const char *engine = json_string_value(json_object_get(reference->manifest, "engine"));
    if (!self->computed && !kin_graph_is_foreign(reference) && !why_is_exact(reference))
        comparison_warn(self,
                        "%s is by engine %s: recall says how far the two agree, not what is missed",
                        reference->directory, engine ? engine : "unknown");
}

static int pair_up(comparison *self, kin_error *err)
{
    int rc = 0;
    if (self->reference.there) {
        rc = pair(&self->to_reference, &self->graph, &self->reference, err);
        if (rc == 0 && !self->computed)
            rc = check_comparable(self, &self->graph.graph, &self->to_reference, err);
    }
    if (rc == 0 && self->other.there) {
        rc = pair(&self->other_to_reference, &self->other, &self->reference, err);
        if (rc == 0)
            rc = check_comparable(self, &self->other.graph, &self->other_to_reference, err);
        if (rc == 0 && self->reference.named && !self->graph.named)
            lend_names(&self->graph,
                       &self->reference); /* which has them from the other: the same rows */
    }
    if (rc == 0 && self->reference.there)
        check_truth(self);
    if (rc == 0 && self->previous.there)
        rc = pair(&self->to_previous, &self->graph, &self->previous, err);
    if (rc == 0 && self->computed) /* the graph's own, which may have been lent meanwhile */
        lend_names(&self->reference, &self->graph);
    return rc;
}

/* ---- measuring ----------------------------------------------------------------------------------- */

/* The recall of each stratum's rows. */
static int measure_strata(comparison *self, kin_error *err)
{
    const kin_recall *recall = &self->recall;
    const strata *groups = &self->strata;
    double *value = kin_alloc(recall->judged, sizeof *value);
    size_t *next = kin_alloc_zero(groups->count + 1, sizeof *next);
    self->stratum = kin_alloc(groups->count, sizeof *self->stratum);
    int rc = value && next && self->stratum
                 ? 0
                 : kin_fail_alloc(err, "strata", recall->judged * sizeof *value);
    for (size_t i = 0; i < recall->judged && rc == 0; i++)
        next[groups->of[kin_pairing_back(&self->to_reference, recall->row[i])] + 1]++;
    for (size_t s = 0; s < groups->count && rc == 0; s++)
        next[s + 1] += next[s];
    for (size_t i = 0; i < recall->judged && rc == 0; i++)
        value[next[groups->of[kin_pairing_back(&self->to_reference, recall->row[i])]]++] =
            recall->value[i];
    for (size_t s = 0, first = 0; s < groups->count && rc == 0; first = next[s++]) {
        size_t judged = next[s] - first;
        double sum = 0;
        for (size_t i = first; i < next[s]; i++)
            sum += value[i];
        double mean = judged ? sum / (double)judged : NAN;
        self->stratum[s] = (compare_stratum){.name = groups->name[s],
                                             .items = groups->items[s],
                                             .judged = judged,
                                             .mean = mean,
                                             .interval = {mean, mean, mean, mean}};
        if (!recall->census)
            rc = kin_interval_of(&self->stratum[s].interval, value + first, judged, 0, 1, err);
    }
    free(value);
    free(next);
    return rc;
}

static int measure_recall(comparison *self, kin_error *err)
{
    const kin_graph *reference = &self->reference.graph;
    double weights = kin_graph_weight_sum(self->computed ? &self->graph.graph : reference);
    size_t k = comparison_top_k(self);
    int rc = kin_recall_judge(&self->recall, &self->graph.graph, reference, &self->to_reference, k,
                              weights, self->row, self->row_count, err);
    self->has_recall = rc == 0;
    if (rc == 0 && self->other.there) {
        rc = kin_recall_judge(&self->other_recall, &self->other.graph, reference,
                              &self->other_to_reference, k, weights, self->row, self->row_count,
                              err);
        if (rc == 0)
            rc = kin_recall_subtract(&self->difference, &self->recall, &self->other_recall, err);
        self->has_difference = rc == 0;
    }
    if (rc == 0)
        comparison_check_truth_rows(self);
    if (rc == 0 && self->strata.count > 0)
        rc = measure_strata(self, err);
    return rc;
}

/* The loss split, where the build kept a trace; it needs the vectors, which may be gone. */
static int measure_loss(comparison *self, const kin_monitor *monitor, kin_error *err)
{
    const kin_graph *graph = &self->graph.graph;
    const compare_options *o = self->options;
    kin_error fault = {0};
    if (kin_graph_is_foreign(graph) || !json_object_get(graph->manifest, "trace"))
        return 0;
    int rc = open_vectors(self, &fault);
    if (rc == KIN_E_NOINPUT || rc == KIN_E_DATA) {
        comparison_warn(self, "no loss split, which needs the vectors: %s", fault.message);
        return 0;
    }
    if (rc != 0) {
        if (err)
            *err = fault;
        return rc;
    }
    bool whole = !self->computed && !self->forced && !self->to_reference.other &&
                 self->reference.graph.data != NULL && self->reference.graph.k == graph->k;
    return compare_trace_split(&self->loss, &self->has_loss, graph, &self->catalog,
                               whole ? &self->reference.graph : NULL, o->memory, monitor, err);
}

static int measure(comparison *self, const kin_monitor *monitor, kin_error *err)
{
    int rc = self->reference.there ? measure_recall(self, err) : 0;
    if (rc == 0 && self->reference.there)
        rc = measure_loss(self, monitor, err);
    if (rc == 0)
        rc = kin_monitor_check(monitor, err);
    if (rc == 0)
        rc = kin_structure_measure(&self->structure, &self->graph.graph, monitor, err);
    if (rc == 0 && self->previous.there) {
        rc = kin_drift_measure(&self->drift, &self->graph.graph, &self->previous.graph,
                               &self->to_previous, comparison_drift_top_k(self), err);
        self->has_drift = rc == 0;
    }
    if (!self->has_catalog)
        return rc;
    return rc == 0 ? kin_catalog_unchanged(&self->catalog, err)
                   : kin_catalog_settle(&self->catalog, rc, err);
}

int comparison_run(comparison *self, const compare_options *options, const kin_operands *operands,
                   kin_error *err)
{
    *self = (comparison){.options = options, .start_seconds = kin_clock_seconds()};
    int rc = check_options(options, operands, err);
    if (rc == 0)
        rc = open_sides(self, operands, err);
    if (rc != 0)
        return rc;
    console_monitor progress;
    kin_monitor monitor = console_monitor_start(&progress, (size_t)options->sample);
    if (options->sample && options->stratify)
        rc = strata_init(&self->strata, &self->graph.graph, options->stratify, err);
    if (rc == 0 && options->sample)
        rc = comparison_sample(self, &monitor, err);
    console_monitor_end(&progress);
    kin_monitor quiet = {.self = monitor.self, .stopped = monitor.stopped};
    if (rc == 0)
        rc = pair_up(self, err);
    if (rc == 0 && options->stratify &&
        !options->sample) /* by a table that a file may have been lent */
        rc = strata_init(&self->strata, &self->graph.graph, options->stratify, err);
    if (rc == 0)
        rc = comparison_check_top_k(self, err);
    if (rc == 0)
        rc = measure(self, &quiet, err);
    if (rc == 0)
        comparison_judge_gates(self);
    return rc;
}

static void close_side(compare_side *self)
{
    if (self->there)
        kin_graph_close(&self->graph);
}

void comparison_release(comparison *self)
{
    kin_recall_release(&self->recall);
    kin_recall_release(&self->other_recall);
    kin_pairing_release(&self->to_reference);
    kin_pairing_release(&self->other_to_reference);
    kin_pairing_release(&self->to_previous);
    strata_release(&self->strata);
    free(self->stratum);
    free(self->row);
    close_side(&self->reference); /* may borrow from the graph */
    close_side(&self->other);
    close_side(&self->previous);
    close_side(&self->graph);
    if (self->has_catalog)
        kin_catalog_close(&self->catalog);
}
