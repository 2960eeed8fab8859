/*
 * The verdict of `kin why` (declared in compare/why.h): the first of these that holds. The questions about the
 * trace are those of compare/loss.h, in their order.
 */
#include "compare/recall.h"
#include "compare/why.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const why_code_names[] = {
    "same_item", "stored",     "disagree",   "no_pair", "not_among_exact",
    "as_good",   "ranked_out", "depth",      "search",  "not_looked_at",
    "estimate",  "not_traced", "no_vectors", NULL};

#define conclude(self, reason, ...)                                                                \
    ((self)->code = (reason), (void)snprintf((self)->verdict, sizeof(self)->verdict, __VA_ARGS__))

/* ---- without the trace ------------------------------------------------------------------------ */

static const char *letters(bool a, bool b)
{
    return a && b ? "both A and B" : a ? "A" : "B";
}

static void judge_no_pair(why_facts *self)
{
    bool none_a = self->has_a == 0, none_b = self->has_b == 0;
    if (none_a || none_b)
        conclude(self, WHY_NO_PAIR, "no pair: no modality has a vector for %s",
                 letters(none_a, none_b));
    else if (self->dropped_a || self->dropped_b)
        conclude(self, WHY_NO_PAIR,
                 "no pair: --missing drop left %s out, for want of a vector in some modality",
                 letters(self->dropped_a, self->dropped_b));
    else
        conclude(self, WHY_NO_PAIR, "no pair: A lacks every modality that B has");
}

static void judge_beyond(why_facts *self, size_t wanted)
{
    const why_rank *rank = &self->there.fused;
    if (rank->above < wanted)
        conclude(self, WHY_NOT_AMONG_EXACT,
                 "not among the exact %zu: rank %zu, behind smaller row numbers of the same score",
                 wanted, rank->place);
    else
        conclude(self, WHY_NOT_AMONG_EXACT, "not among the exact %zu: rank %zu", wanted,
                 rank->place);
}

bool why_is_exact(const kin_graph *graph)
{
    const char *engine = json_string_value(json_object_get(graph->manifest, "engine"));
    return engine && (strcmp(engine, "exact") == 0 || strcmp(engine, "stream") == 0);
}

/* ---- with the trace --------------------------------------------------------------------------- */

static void judge_join(why_facts *self)
{
    const why_trace *trace = &self->trace;
    if (trace->reach == -INFINITY)
        conclude(self, WHY_ESTIMATE,
                 "lost: its list was looked at, but the estimate of its score was too low to be "
                 "kept: --engine exact");
    else if (isinf(trace->reach))
        conclude(
            self, WHY_NOT_LOOKED_AT,
            "lost: its list was not looked at, and no reach would have let it: --engine exact");
    else
        conclude(self, WHY_NOT_LOOKED_AT,
                 "lost: its list was not looked at (needs reach %.2f, used %.2f): --target-recall",
                 (double)trace->reach, trace->reach_used);
}

/* B's rank as the source counts: 0 where it has none. */
static size_t rank_in(const why_facts *self, const why_source *source)
{
    return source->modality >= 0 ? self->there.by[source->modality].distinct
                                 : self->there.fused.distinct;
}

static void judge_indexes(why_facts *self)
{
    const why_trace *trace = &self->trace;
    const why_source *best = NULL;
    bool within = false;
    for (size_t s = 0; s < trace->source_count; s++) {
        const why_source *source = &trace->source[s];
        size_t rank = rank_in(self, source);
        bool deep = rank > 0 && (source->asked == 0 || rank <= source->asked);
        if (rank == 0 || deep < within || (best && deep == within && rank >= rank_in(self, best)))
            continue;
        within = deep;
        best = source;
    }
    if (!best)
        conclude(self, WHY_DEPTH, "lost: no index ranks it: --engine exact");
    else if (within)
        conclude(self, WHY_SEARCH,
                 "lost by search in %s, whose index did not come across it (rank %zu of the %zu "
                 "that were asked for): --ef-search",
                 best->name, rank_in(self, best), best->asked);
    else
        conclude(self, WHY_DEPTH,
                 "lost: no %s ranks it within the %zu candidates that were asked for (best: %s, "
                 "rank %zu): --candidates",
                 best->modality >= 0 ? "modality" : "index", best->asked, best->name,
                 rank_in(self, best));
}

static void judge_trace(why_facts *self)
{
    const why_trace *trace = &self->trace;
    const char *proposer = NULL;
    for (size_t s = 0; s < trace->source_count && !proposer; s++)
        proposer = trace->source[s].proposed ? trace->source[s].name : NULL;
    size_t rank = self->there.fused.place;
    if (trace->rows == 0)
        conclude(
            self, WHY_NOT_TRACED,
            "lost: its exact rank is %zu of %zu; a build with --trace-rows notes where such are "
            "lost",
            rank, self->graph->k);
    else if (!trace->traced)
        conclude(
            self, WHY_NOT_TRACED,
            "lost: its exact rank is %zu of %zu; A is not among the %zu items that were traced: "
            "more --trace-rows",
            rank, self->graph->k, trace->rows);
    else if (proposer)
        conclude(self, WHY_RANKED_OUT,
                 "lost: %s proposed it, and a rule or the last selection dropped it", proposer);
    else if (trace->join)
        judge_join(self);
    else
        judge_indexes(self);
}

/* ---- all of it -------------------------------------------------------------------------------- */

void why_judge(why_facts *self)
{
    const why_side *there = &self->there;
    size_t k = self->graph->k;
    size_t wanted = there->others < k ? there->others : k;
    bool belongs = there->fused.place > 0 && there->fused.place <= wanted;
    if (self->a == self->b)
        conclude(self, WHY_SAME_ITEM, "A is B, and no item is its own neighbour");
    else if (self->vectors && why_is_exact(self->graph) && belongs != (there->place > 0))
        conclude(self, WHY_DISAGREE,
                 "the graph and the vectors disagree: B's exact rank is %zu of %zu, and it is %s",
                 there->fused.place, k, there->place > 0 ? "stored" : "not stored");
    else if (there->place > 0)
        conclude(self, WHY_STORED, "stored at place %zu", there->place);
    else if (!self->vectors)
        conclude(self, WHY_NO_VECTORS,
                 "not stored; whether it belongs there only the vectors can tell: --modality");
    else if (there->fused.place == 0)
        judge_no_pair(self);
    else if (!belongs)
        judge_beyond(self, wanted);
    else if (there->stored >= wanted && (double)there->last >= (double)self->score - KIN_RECALL_TIE)
        conclude(self, WHY_AS_GOOD, "nothing is lost: all %zu that are stored are as good",
                 there->stored);
    else
        judge_trace(self);
}
