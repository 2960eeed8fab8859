/*
 * How many neighbours of a row are judged (declared in job/comparison.h).
 *
 * Never as many as a file happens to hold: a file of five neighbours a row is whole at K = 5, though ten were asked
 * for. A K is claimed by the manifest of kin's graphs, by the header of an .ibin, by the reference, and by the user.
 */
#include "core/counted.h"
#include "job/comparison.h"
#include "tools/console.h"

/* The K that a graph claims to have; 0: none. */
static size_t claimed(const compare_side *side)
{
    return kin_graph_is_foreign(&side->graph) ? side->foreign.top_k : side->graph.k;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t comparison_top_k(const comparison *self)
{
    size_t k = self->reference.graph.k;
    if (self->options->top_k)
        return (size_t)self->options->top_k;
    if (self->reference.there && claimed(&self->graph))
        k = least(k, claimed(&self->graph));
    if (self->other.there && claimed(&self->other))
        k = least(k, claimed(&self->other));
    return k;
}

size_t comparison_sample_top_k(const comparison *self)
{
    const kin_graph *graph = &self->graph.graph;
    size_t k = self->options->top_k ? (size_t)self->options->top_k : graph->k;
    return least(k, graph->n - 1); /* no row has more neighbours */
}

size_t comparison_drift_top_k(const comparison *self)
{
    size_t now = self->graph.graph.k, previous = self->previous.graph.k;
    if (self->options->top_k) /* beyond what both hold there is nothing to tell apart */
        return least((size_t)self->options->top_k, now > previous ? now : previous);
    return claimed(&self->graph) ? least(claimed(&self->graph), previous) : previous;
}

/* Rows of a file that cannot hold K lose the rest: it may be what was meant, and is told. */
static void warn_of_short(comparison *self, const compare_side *side, size_t k)
{
    const kin_graph *graph = &side->graph;
    if (side->there && graph->k < k)
        comparison_warn(self,
                        "%s has at most %s a row and is judged by %zu: the others are "
                        "missing (--top-k %zu judges the first %zu)",
                        graph->directory, kin_count(graph->k, "neighbour").text, k, graph->k,
                        graph->k);
}

/* Searches return the item itself: in a file of K + 1 places a row, K neighbours are all that there is. */
static void warn_of_itself(comparison *self, const compare_side *side, size_t k)
{
    const kin_graph *graph = &side->graph;
    if (side->there && !self->options->top_k && k == graph->k && k > 1 &&
        side->foreign.to_self > graph->n / 2)
        comparison_warn(self,
                        "%s holds the item itself in most rows, which is no neighbour and one of "
                        "%zu places (--top-k %zu judges the others)",
                        graph->directory, k, k - 1);
}

void comparison_check_truth_rows(comparison *self)
{
    const kin_recall *recall = &self->recall;
    if (kin_graph_is_foreign(&self->reference.graph) && !self->computed && recall->truth_short > 0)
        comparison_warn(self,
                        "%s has fewer than %s in %zu of %zu rows: what it lacks is "
                        "missed by none",
                        self->reference.graph.directory, kin_count(recall->k, "neighbour").text,
                        recall->truth_short, recall->rows);
}

int comparison_check_top_k(comparison *self, kin_error *err)
{
    const compare_options *o = self->options;
    const kin_graph *reference = &self->reference.graph;
    size_t k = comparison_top_k(self);
    if (!self->reference.there)
        return 0;
    if (o->top_k && k > reference->k) {
        char hint[KIN_HINT_MAX];
        snprintf(hint, sizeof hint, "--top-k %zu, or a reference of more neighbours", reference->k);
        return kin_fail(err, KIN_E_USAGE, hint,
                        "--top-k %zu is more than the reference has: %s a row", k,
                        kin_count(reference->k, "neighbour").text);
    }
    warn_of_short(self, &self->graph, k);
    warn_of_short(self, &self->other, k);
    warn_of_itself(self, &self->graph, k);
    warn_of_itself(self, &self->other, k);
    return 0;
}
