/*
 * What is known of a pair of items, and what follows from it (compare/why.h).
 *
 * Ranks come from the canonical scores of all items, kept in one array per modality and one for the
 * fused score, and counted: no order of the rest is needed. Only values above the pair's are
 * sorted, to count distinct ones. Cost: two passes over the vectors; 4 bytes an item and modality,
 * and 8 bytes an item.
 */
#include "compare/why.h"
#include "compare/compatible.h"
#include "compare/recall.h"
#include "core/memory.h"
#include "core/score.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const kin_why_code_names[] = {
    "same_item", "stored",     "disagree",   "no_pair", "not_among_exact",
    "as_good",   "ranked_out", "depth",      "search",  "not_looked_at",
    "estimate",  "not_traced", "no_vectors", NULL};

/* ---- from the graph -------------------------------------------------------------------------- */

static const json_t *manifest_modality(const kin_graph *graph, size_t m)
{
    return json_array_get(json_object_get(graph->manifest, "modalities"), m);
}

/* `to` in the row of `from`; the entry is left in *found where it is there. */
static int look_up(kin_why_side *out, kin_neighbor *found, const kin_graph *graph, size_t from,
                   size_t to, kin_error *err)
{
    kin_neighbor *row = kin_alloc(graph->k, sizeof *row);
    if (!row)
        return kin_fail_alloc(err, "a row", kin_size_mul(graph->k, sizeof *row));
    out->stored = kin_graph_row(graph, from, row);
    out->last = out->stored > 0 ? row[out->stored - 1].score : NAN;
    for (size_t i = 0; i < out->stored && out->place == 0; i++)
        if ((size_t)row[i].row == to) {
            out->place = i + 1;
            *found = row[i];
        }
    free(row);
    return 0;
}

/* Score and cosines as stored, the latter to three digits; that of an only modality follows from
 * the score. */
static void read_stored(kin_why *self, const kin_neighbor *found)
{
    self->pair = true;
    self->score = found->score;
    double weight_sum = kin_graph_weight_sum(self->graph);
    for (size_t m = 0; m < self->graph->modality_count; m++)
        self->cosine[m] = kin_graph_cosine(self->graph, weight_sum, m, found->entry);
}

/* w cos, where only some modalities count rescaled as --missing says (core/score.h). */
static void contribute(kin_why *self)
{
    const json_t *options = json_object_get(self->graph->manifest, "options");
    const char *missing = json_string_value(json_object_get(options, "missing"));
    double all = 0, shared = 0;
    for (size_t m = 0; m < self->graph->modality_count; m++) {
        all += self->weight[m];
        shared += isnan(self->cosine[m]) ? 0 : self->weight[m];
    }
    bool renorm = !missing || strcmp(missing, kin_missing_names[KIN_MISSING_ZERO]) != 0;
    double scale = renorm && shared > 0 ? all / shared : 1;
    for (size_t m = 0; m < self->graph->modality_count; m++)
        self->contribution[m] = scale * self->weight[m] * (double)self->cosine[m];
}

/* ---- from the vectors ------------------------------------------------------------------------ */

/* The values of one item with all others; NaN where there is none. */
typedef struct values {
    size_t n, modality_count;
    float *score;  /* [n]; owned, as the rest */
    float *cosine; /* [modality_count][n] */
    float *above;  /* [n] work */
} values;

static int values_init(values *self, const kin_catalog *catalog, kin_error *err)
{
    size_t n = catalog->n;
    kin_memory_plan plan = KIN_MEMORY_PLAN_INIT;
    *self = (values){.n = n, .modality_count = catalog->modality_count};
    kin_memory_plan_add(&plan, "scores of all items", n, 2 * sizeof(float));
    kin_memory_plan_add(&plan, "cosines of all items", n, self->modality_count * sizeof(float));
    int rc = kin_memory_plan_check(&plan, 0, err);
    if (rc != 0)
        return rc;
    self->score = kin_alloc(n, sizeof *self->score);
    self->above = kin_alloc(n, sizeof *self->above);
    self->cosine = kin_alloc(kin_size_mul(n, self->modality_count), sizeof *self->cosine);
    if (self->score && self->above && self->cosine)
        return 0;
    return kin_fail_alloc(err, "scores of all items", plan.total_bytes);
}

static void values_release(values *self)
{
    free(self->score);
    free(self->cosine);
    free(self->above);
}

static void fill_items(values *self, const kin_query *query, size_t first, size_t end)
{
#pragma omp parallel for schedule(static)
    for (size_t i = first; i < end; i++) {
        float cosine[KIN_MODALITIES_MAX];
        bool pair = (int64_t)i != query->row && kin_query_score(query, i, &self->score[i], cosine);
        if (!pair)
            self->score[i] = NAN;
        for (size_t m = 0; m < self->modality_count; m++)
            self->cosine[m * self->n + i] = pair ? cosine[m] : NAN;
    }
}

static int values_fill(values *self, const kin_query *query, const kin_monitor *monitor,
                       kin_error *err)
{
    enum { BETWEEN_LOOKS = 1 << 16 }; /* items: some ten milliseconds */
    int rc = kin_monitor_check(monitor, err);
    for (size_t first = 0; first < self->n && rc == 0; first += BETWEEN_LOOKS) {
        size_t left = self->n - first;
        fill_items(self, query, first, first + (left < BETWEEN_LOOKS ? left : BETWEEN_LOOKS));
        rc = kin_monitor_check(monitor, err);
    }
    return rc;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

/* `own` is the value of the item's own vector; `above` is work. */
static kin_why_rank rank_of(const float *value, size_t n, size_t item, float own, float *above)
{
    kin_why_rank out = {0};
    size_t level = 0;
    if (isnan(value[item]))
        return out;
    for (size_t i = 0; i < n; i++) {
        if (value[i] > value[item])
            above[out.above++] = value[i];
        level += value[i] == value[item] && i < item;
    }
    out.place = out.above + level + 1;
    qsort(above, out.above, sizeof *above, by_value);
    float most = out.above > 0 ? above[out.above - 1] : value[item];
    out.distinct = most < own ? 2 : 1;
    for (size_t i = 0; i < out.above; i++)
        out.distinct += i == 0 || above[i] != above[i - 1];
    return out;
}

/* `weight_sum` is the fused score of an item with its own vectors. */
static void rank_side(kin_why_side *out, const values *all, size_t to, double weight_sum)
{
    for (size_t i = 0; i < all->n; i++)
        out->others += !isnan(all->score[i]);
    out->fused = rank_of(all->score, all->n, to, (float)weight_sum, all->above);
    for (size_t m = 0; m < all->modality_count; m++)
        out->by[m] = rank_of(all->cosine + m * all->n, all->n, to, 1, all->above);
}

/* Bit m where the item has a vector in modality m, whatever becomes of it. */
static unsigned vectors_of(const kin_catalog *catalog, size_t row)
{
    unsigned has = 0;
    for (size_t m = 0; m < catalog->modality_count; m++)
        has |= (unsigned)(catalog->modality[m].inverse_norm[row] > 0) << m;
    return has;
}

static int read_vectors(kin_why *self, const kin_catalog *catalog, const kin_monitor *monitor,
                        kin_error *err)
{
    kin_query query;
    values all = {0};
    double weight_sum = kin_graph_weight_sum(self->graph);
    self->vectors = true;
    self->has_a = vectors_of(catalog, self->a);
    self->has_b = vectors_of(catalog, self->b);
    self->dropped_a = self->has_a && !catalog->present[self->a];
    self->dropped_b = self->has_b && !catalog->present[self->b];
    int rc = kin_query_init(&query, catalog, err);
    if (rc != 0)
        return rc;
    rc = values_init(&all, catalog, err);
    if (rc == 0) {
        kin_query_set_row(&query, self->a);
        self->pair = kin_query_score(&query, self->b, &self->score, self->cosine);
        rc = values_fill(&all, &query, monitor, err);
    }
    if (rc == 0) {
        rank_side(&self->there, &all, self->b, weight_sum);
        kin_query_set_row(&query, self->b);
        rc = values_fill(&all, &query, monitor, err);
    }
    if (rc == 0)
        rank_side(&self->back, &all, self->a, weight_sum);
    values_release(&all);
    kin_query_release(&query);
    return rc;
}

/* ---- from the trace -------------------------------------------------------------------------- */

static void read_row(kin_why_trace *out, const kin_trace *trace, size_t t, int32_t item)
{
    out->source_count = trace->source_count;
    for (size_t s = 0; s < trace->source_count; s++) {
        const kin_trace_source *from = &trace->source[s];
        kin_why_source *to = &out->source[s];
        memcpy(to->name, from->name, sizeof to->name);
        to->modality = from->modality;
        to->asked = from->asked;
        to->proposed = kin_trace_proposed(trace, s, t, item);
    }
    out->join = trace->clusters > 0;
    if (!out->join)
        return;
    int32_t cluster = trace->cluster[item];
    out->probe_sigmas =
        cluster >= 0 ? trace->probe_sigmas[t * trace->clusters + (size_t)cluster] : INFINITY;
    out->sigmas_used = trace->sigmas_used;
}

static int read_trace(kin_why *self, kin_error *err)
{
    kin_trace trace;
    bool there;
    int rc = kin_trace_open(&trace, &there, self->graph, err);
    if (rc != 0 || !there)
        return rc;
    size_t t = kin_trace_find(&trace, (int32_t)self->a);
    self->trace.rows = trace.rows;
    self->trace.traced = t != SIZE_MAX;
    if (self->trace.traced)
        read_row(&self->trace, &trace, t, (int32_t)self->b);
    kin_trace_close(&trace);
    return 0;
}

#define conclude(self, reason, ...)                                                                \
    ((self)->code = (reason), (void)snprintf((self)->result, sizeof(self)->result, __VA_ARGS__))

/* ---- the result, without the trace ----------------------------------------------------------- */

static const char *letters(bool a, bool b)
{
    return a && b ? "both A and B" : a ? "A" : "B";
}

static void conclude_no_pair(kin_why *self)
{
    bool none_a = self->has_a == 0, none_b = self->has_b == 0;
    if (none_a || none_b)
        conclude(self, KIN_WHY_NO_PAIR, "no pair: no modality has a vector for %s",
                 letters(none_a, none_b));
    else if (self->dropped_a || self->dropped_b)
        conclude(self, KIN_WHY_NO_PAIR,
                 "no pair: --missing drop left %s out, for want of a vector in some modality",
                 letters(self->dropped_a, self->dropped_b));
    else
        conclude(self, KIN_WHY_NO_PAIR, "no pair: A lacks every modality that B has");
}

static void conclude_beyond(kin_why *self, size_t wanted)
{
    const kin_why_rank *rank = &self->there.fused;
    if (rank->above < wanted)
        conclude(self, KIN_WHY_NOT_AMONG_EXACT,
                 "not among the exact %zu: rank %zu, behind smaller row numbers of the same score",
                 wanted, rank->place);
    else
        conclude(self, KIN_WHY_NOT_AMONG_EXACT, "not among the exact %zu: rank %zu", wanted,
                 rank->place);
}

/* ---- the result, with the trace -------------------------------------------------------------- */

static void conclude_join(kin_why *self)
{
    const kin_why_trace *trace = &self->trace;
    if (trace->probe_sigmas == -INFINITY)
        conclude(self, KIN_WHY_ESTIMATE,
                 "lost: its cluster was looked at, but the estimate of its score was too low to be "
                 "kept: --engine exact");
    else if (isinf(trace->probe_sigmas))
        conclude(
            self, KIN_WHY_NOT_LOOKED_AT,
            "lost: its cluster was not looked at, and no effort would have let it: --engine exact");
    else
        conclude(self, KIN_WHY_NOT_LOOKED_AT,
                 "lost: its cluster was not looked at (needs %.2f sigmas, %.2f were used): "
                 "--target-recall",
                 (double)trace->probe_sigmas, trace->sigmas_used);
}

/* B's rank as the source counts: 0 where it has none. */
static size_t rank_in(const kin_why *self, const kin_why_source *source)
{
    return source->modality >= 0 ? self->there.by[source->modality].distinct
                                 : self->there.fused.distinct;
}

static void conclude_indexes(kin_why *self)
{
    const kin_why_trace *trace = &self->trace;
    const char *engine = json_string_value(json_object_get(self->graph->manifest, "engine"));
    bool ivf = engine && strcmp(engine, "ivf") == 0;
    const kin_why_source *best = NULL;
    bool within = false;
    for (size_t s = 0; s < trace->source_count; s++) {
        const kin_why_source *source = &trace->source[s];
        size_t rank = rank_in(self, source);
        bool deep = rank > 0 && (source->asked == 0 || rank <= source->asked);
        if (rank == 0 || deep < within || (best && deep == within && rank >= rank_in(self, best)))
            continue;
        within = deep;
        best = source;
    }
    if (!best)
        conclude(self, KIN_WHY_DEPTH, "lost: no index ranks it: --engine exact");
    else if (within)
        conclude(self, KIN_WHY_SEARCH,
                 "lost by search in %s, whose index did not come across it (rank %zu of the %zu "
                 "that were asked for): %s",
                 best->name, rank_in(self, best), best->asked, ivf ? "--probes" : "--ef-search");
    else
        conclude(self, KIN_WHY_DEPTH,
                 "lost: no %s ranks it within the %zu candidates that were asked for (best: %s, "
                 "rank %zu): --candidates",
                 best->modality >= 0 ? "modality" : "index", best->asked, best->name,
                 rank_in(self, best));
}

static void conclude_trace(kin_why *self)
{
    const kin_why_trace *trace = &self->trace;
    const char *proposer = NULL;
    for (size_t s = 0; s < trace->source_count && !proposer; s++)
        proposer = trace->source[s].proposed ? trace->source[s].name : NULL;
    size_t rank = self->there.fused.place;
    if (trace->rows == 0)
        conclude(
            self, KIN_WHY_NOT_TRACED,
            "lost: its exact rank is %zu of %zu; a build with --trace-rows records where such are "
            "lost",
            rank, self->graph->k);
    else if (!trace->traced)
        conclude(
            self, KIN_WHY_NOT_TRACED,
            "lost: its exact rank is %zu of %zu; A is not among the %zu items that were traced: "
            "more --trace-rows",
            rank, self->graph->k, trace->rows);
    else if (proposer)
        conclude(self, KIN_WHY_RANKED_OUT,
                 "lost: %s proposed it, and a rule or the last selection dropped it", proposer);
    else if (trace->join)
        conclude_join(self);
    else
        conclude_indexes(self);
}

/* Fills code and result from the rest: the first that holds. The questions about the trace are
 * those of compare/loss.h, in their order. */
static void find_result(kin_why *self)
{
    const kin_why_side *there = &self->there;
    size_t k = self->graph->k;
    size_t wanted = there->others < k ? there->others : k;
    bool belongs = there->fused.place > 0 && there->fused.place <= wanted;
    if (self->a == self->b)
        conclude(self, KIN_WHY_SAME_ITEM, "A is B, and no item is its own neighbour");
    else if (self->vectors && kin_graph_is_exact(self->graph) && belongs != (there->place > 0))
        conclude(self, KIN_WHY_DISAGREE,
                 "the graph and the vectors disagree: B's exact rank is %zu of %zu, and it is %s",
                 there->fused.place, k, there->place > 0 ? "stored" : "not stored");
    else if (there->place > 0)
        conclude(self, KIN_WHY_STORED, "stored at place %zu", there->place);
    else if (!self->vectors)
        conclude(self, KIN_WHY_NO_VECTORS,
                 "not stored; whether it belongs there only the vectors can tell: --modality");
    else if (there->fused.place == 0)
        conclude_no_pair(self);
    else if (!belongs)
        conclude_beyond(self, wanted);
    else if (there->stored >= wanted && (double)there->last >= (double)self->score - KIN_RECALL_TIE)
        conclude(self, KIN_WHY_AS_GOOD, "nothing is lost: all %zu that are stored are as good",
                 there->stored);
    else
        conclude_trace(self);
}

/* ---- all of it ------------------------------------------------------------------------------- */

int kin_why_find(kin_why *out, const kin_graph *graph, const kin_catalog *catalog, size_t a,
                 size_t b, const kin_monitor *monitor, kin_error *err)
{
    kin_neighbor found = {0}, found_back = {0};
    *out = (kin_why){.graph = graph, .a = a, .b = b, .score = NAN};
    for (size_t m = 0; m < graph->modality_count; m++) {
        out->cosine[m] = NAN;
        out->weight[m] = json_number_value(json_object_get(manifest_modality(graph, m), "weight"));
    }
    int rc = look_up(&out->there, &found, graph, a, b, err);
    if (rc == 0)
        rc = look_up(&out->back, &found_back, graph, b, a, err);
    if (rc == 0 && out->there.place > 0)
        read_stored(out, &found);
    if (rc == 0 && catalog && a != b)
        rc = read_vectors(out, catalog, monitor, err);
    if (rc == 0)
        rc = read_trace(out, err);
    if (rc != 0)
        return rc;
    contribute(out);
    find_result(out);
    return 0;
}
