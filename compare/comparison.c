/*
 * What is measured of a comparison (compare/comparison.h), and at which K.
 *
 * K is never what a file happens to hold: a file of five neighbours a row is whole at K = 5, though
 * ten were asked for. The manifest of a graph of kin's, the header of an .ibin, the reference and
 * the user claim a K.
 */
#include "compare/comparison.h"
#include "core/counted.h"
#include "core/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char hint_imported[] = "an imported file has row numbers: name its ids with --ids or "
                                    "--reference-ids";

void kin_comparison_warn(kin_comparison *self, const kin_monitor *monitor, const char *format, ...)
{
    va_list arguments;
    char *text = self->warning[self->warning_count];
    if (self->warning_count == KIN_COMPARISON_WARNINGS_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(text, KIN_MESSAGE_MAX, format, arguments);
    va_end(arguments);
    self->warning_count++;
    kin_monitor_message(monitor, KIN_LEVEL_WARNING, "%s", text);
}

static void close_side(kin_comparison_side *self)
{
    if (self->there && !self->lent)
        kin_graph_close(&self->graph);
}

void kin_comparison_release(kin_comparison *self)
{
    kin_recall_release(&self->recall);
    kin_recall_release(&self->other_recall);
    kin_id_map_release(&self->to_reference);
    kin_id_map_release(&self->other_to_reference);
    kin_id_map_release(&self->to_previous);
    kin_strata_release(&self->strata);
    free(self->stratum);
    free(self->row);
    close_side(&self->reference); /* may borrow from the graph */
    close_side(&self->other);
    close_side(&self->previous);
    close_side(&self->graph);
}

/* ---- items ----------------------------------------------------------------------------------- */

/* Ids and table of `from` for a file of the same items, which has none. */
static void lend_names(kin_comparison_side *to, const kin_comparison_side *from)
{
    if (!to->graph.names_borrowed)
        kin_lines_close(&to->graph.ids);
    to->graph.ids = from->graph.ids;
    to->graph.items = from->graph.items;
    to->graph.names_borrowed = true;
    to->named = from->named;
}

/* Rows of a file without ids are taken for those of a graph with as many, whose names it has from
 * then on. */
static int map_ids(kin_id_map *out, kin_comparison_side *a, kin_comparison_side *b, kin_error *err)
{
    const kin_graph *graph = &a->graph, *other = &b->graph;
    if (graph->n == other->n && (!a->named || !b->named)) {
        if (a->named != b->named)
            lend_names(a->named ? b : a, a->named ? a : b);
        *out = (kin_id_map){.n = graph->n, .other_n = graph->n, .common = graph->n};
        return 0;
    }
    if (a->named != b->named) /* a row number that is also an id would match */
        return kin_fail(
            err, KIN_E_DATA, hint_imported, "%s has %zu rows without ids, %s has %zu items",
            a->named ? other->directory : graph->directory, a->named ? other->n : graph->n,
            a->named ? graph->directory : other->directory, a->named ? graph->n : other->n);
    int rc =
        kin_id_map_init(out, &graph->ids, graph->directory, &other->ids, other->directory, err);
    if (rc == 0 && out->common == 0) {
        kin_id_map_release(out);
        rc = kin_fail(err, KIN_E_DATA, hint_imported, "%s and %s have no item in common",
                      graph->directory, other->directory);
    }
    return rc;
}

/* What makes a comparison mean less: refused, or with --force reported. */
static int check_compatible(kin_comparison *self, const kin_graph *graph, const kin_id_map *id_map,
                            const kin_monitor *monitor, kin_error *err)
{
    const kin_graph *reference = &self->reference.graph;
    kin_mismatches found;
    int rc = kin_graph_check_compatible(&found, graph, reference, self->top_k, err);
    if (rc == 0 && (id_map->common < graph->n || id_map->common < reference->n)) {
        size_t larger = graph->n > reference->n ? graph->n : reference->n;
        snprintf(found.text[found.count++], KIN_MESSAGE_MAX,
                 "%s and %s have %zu of %zu items in common", graph->directory,
                 reference->directory, id_map->common, larger);
        rc = kin_fail(err, KIN_E_DATA, "go on all the same with --force", "%s", found.text[0]);
    }
    if (rc != 0 && !self->force)
        return rc;
    for (size_t i = 0; i < found.count; i++)
        kin_comparison_warn(self, monitor, "the reference does not fit: %s", found.text[i]);
    self->forced = self->forced || found.count > 0;
    return 0;
}

/* An approximate reference is no truth: what both miss counts for neither. Of a file it is not
 * known how it was computed. */
static void check_truth(kin_comparison *self, const kin_monitor *monitor)
{
    const kin_graph *reference = &self->reference.graph;
    const char *engine = json_string_value(json_object_get(reference->manifest, "engine"));
    if (!self->computed && !kin_graph_is_imported(reference) && !kin_graph_is_exact(reference))
        kin_comparison_warn(
            self, monitor,
            "%s is by engine %s: recall says how far the two agree, not what is missed",
            reference->directory, engine ? engine : "unknown");
}

int kin_comparison_match(kin_comparison *self, const kin_monitor *monitor, kin_error *err)
{
    int rc = 0;
    if (self->reference.there) {
        rc = map_ids(&self->to_reference, &self->graph, &self->reference, err);
        if (rc == 0 && !self->computed)
            rc = check_compatible(self, &self->graph.graph, &self->to_reference, monitor, err);
    }
    if (rc == 0 && self->other.there) {
        rc = map_ids(&self->other_to_reference, &self->other, &self->reference, err);
        if (rc == 0)
            rc =
                check_compatible(self, &self->other.graph, &self->other_to_reference, monitor, err);
        if (rc == 0 && self->reference.named && !self->graph.named)
            lend_names(&self->graph,
                       &self->reference); /* which has them from the other: the same rows */
    }
    if (rc == 0 && self->reference.there)
        check_truth(self, monitor);
    if (rc == 0 && self->previous.there)
        rc = map_ids(&self->to_previous, &self->graph, &self->previous, err);
    if (rc == 0 && self->computed) /* the graph's own, which may have been lent meanwhile */
        lend_names(&self->reference, &self->graph);
    return rc;
}

/* ---- K --------------------------------------------------------------------------------------- */

/* The K that a graph claims to have; 0: none. */
static size_t claimed(const kin_comparison_side *side)
{
    return kin_graph_is_imported(&side->graph) ? side->import.top_k : side->graph.k;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t kin_comparison_top_k(const kin_comparison *self)
{
    size_t k = self->reference.graph.k;
    if (self->top_k)
        return self->top_k;
    if (self->reference.there && claimed(&self->graph))
        k = least(k, claimed(&self->graph));
    if (self->other.there && claimed(&self->other))
        k = least(k, claimed(&self->other));
    return k;
}

size_t kin_comparison_sample_top_k(const kin_comparison *self)
{
    const kin_graph *graph = &self->graph.graph;
    size_t k = self->top_k ? self->top_k : graph->k;
    return least(k, graph->n - 1); /* no row has more neighbours */
}

static size_t drift_top_k(const kin_comparison *self)
{
    size_t now = self->graph.graph.k, previous = self->previous.graph.k;
    if (self->top_k) /* beyond what both hold there is nothing to tell apart */
        return least(self->top_k, now > previous ? now : previous);
    return claimed(&self->graph) ? least(claimed(&self->graph), previous) : previous;
}

/* Rows of a file that cannot hold K lose the rest: it may be what was meant, and is told. */
static void warn_of_short(kin_comparison *self, const kin_comparison_side *side, size_t k,
                          const kin_monitor *monitor)
{
    const kin_graph *graph = &side->graph;
    if (side->there && graph->k < k)
        kin_comparison_warn(self, monitor,
                            "%s has at most %s a row and is compared at %zu: the others are "
                            "missing (--top-k %zu compares the first %zu)",
                            graph->directory, kin_count(graph->k, "neighbour").text, k, graph->k,
                            graph->k);
}

/* Searches return the item itself: in a file of K + 1 places a row, K neighbours are all that there
 * is. */
static void warn_of_itself(kin_comparison *self, const kin_comparison_side *side, size_t k,
                           const kin_monitor *monitor)
{
    const kin_graph *graph = &side->graph;
    if (side->there && !self->top_k && k == graph->k && k > 1 &&
        side->import.to_self > graph->n / 2)
        kin_comparison_warn(
            self, monitor,
            "%s holds the item itself in most rows, which is no neighbour and one of "
            "%zu places (--top-k %zu compares the others)",
            graph->directory, k, k - 1);
}

static void check_truth_rows(kin_comparison *self, const kin_monitor *monitor)
{
    const kin_recall *recall = &self->recall;
    if (kin_graph_is_imported(&self->reference.graph) && !self->computed && recall->truth_short > 0)
        kin_comparison_warn(self, monitor,
                            "%s has fewer than %s in %zu of %zu rows: what it lacks is "
                            "missed by none",
                            self->reference.graph.directory, kin_count(recall->k, "neighbour").text,
                            recall->truth_short, recall->rows);
}

int kin_comparison_check_top_k(kin_comparison *self, const kin_monitor *monitor, kin_error *err)
{
    const kin_graph *reference = &self->reference.graph;
    size_t k = kin_comparison_top_k(self);
    if (!self->reference.there)
        return 0;
    if (self->top_k && k > reference->k) {
        char hint[KIN_HINT_MAX];
        snprintf(hint, sizeof hint, "--top-k %zu, or a reference of more neighbours", reference->k);
        return kin_fail(err, KIN_E_USAGE, hint,
                        "--top-k %zu is more than the reference has: %s a row", k,
                        kin_count(reference->k, "neighbour").text);
    }
    warn_of_short(self, &self->graph, k, monitor);
    warn_of_short(self, &self->other, k, monitor);
    warn_of_itself(self, &self->graph, k, monitor);
    warn_of_itself(self, &self->other, k, monitor);
    return 0;
}

/* ---- measuring ------------------------------------------------------------------------------- */

static int measure_strata(kin_comparison *self, kin_error *err)
{
    const kin_strata *strata = &self->strata;
    if (strata->count == 0)
        return 0;
    self->stratum = kin_alloc(strata->count, sizeof *self->stratum);
    if (!self->stratum)
        return kin_fail_alloc(err, "strata", kin_size_mul(strata->count, sizeof *self->stratum));
    return kin_strata_measure(self->stratum, strata, &self->recall, &self->to_reference, err);
}

int kin_comparison_measure_recall(kin_comparison *self, const kin_monitor *monitor, kin_error *err)
{
    const kin_graph *reference = &self->reference.graph;
    if (!self->reference.there)
        return 0;
    double weights = kin_graph_weight_sum(self->computed ? &self->graph.graph : reference);
    size_t k = kin_comparison_top_k(self);
    int rc = kin_recall_measure(&self->recall, &self->graph.graph, reference, &self->to_reference,
                                k, weights, self->row, self->row_count, err);
    self->has_recall = rc == 0;
    if (rc == 0 && self->other.there) {
        rc = kin_recall_measure(&self->other_recall, &self->other.graph, reference,
                                &self->other_to_reference, k, weights, self->row, self->row_count,
                                err);
        if (rc == 0)
            rc = kin_recall_subtract(&self->difference, &self->recall, &self->other_recall, err);
        self->has_difference = rc == 0;
    }
    if (rc == 0)
        check_truth_rows(self, monitor);
    return rc == 0 ? measure_strata(self, err) : rc;
}

int kin_comparison_measure_graph(kin_comparison *self, const kin_monitor *monitor, kin_error *err)
{
    int rc = kin_structure_measure(&self->structure, &self->graph.graph, monitor, err);
    if (rc != 0 || !self->previous.there)
        return rc;
    rc = kin_drift_measure(&self->drift, &self->graph.graph, &self->previous.graph,
                           &self->to_previous, drift_top_k(self), err);
    self->has_drift = rc == 0;
    return rc;
}

void kin_comparison_check_gates(kin_comparison *self, const kin_gate_limits *limits)
{
    const kin_gate_facts facts = {.recall = self->has_recall ? &self->recall : NULL,
                                  .structure = &self->structure,
                                  .drift = self->has_drift ? &self->drift : NULL,
                                  .incompatible = self->forced};
    self->gate_count = kin_gates_check(self->gate, limits, &facts);
}

int kin_comparison_gates_error(const kin_comparison *self, kin_error *err)
{
    return kin_gates_error(self->gate, self->gate_count, self->forced, err);
}
