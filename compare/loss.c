/*
 * The loss split (declared in compare/loss.h).
 *
 * Row after row: which neighbours of the reference are lost, and for each of them the questions of
 * the header in their order. Where a neighbour stands in a source is its place on the source's
 * ladder, the exact neighbours by which the source ranks: those by one modality, or of an index
 * over the fused space the reference itself. Time: a few lookups an entry and source; memory: 32
 * bytes an entry of one row of each ladder, and 4 bytes an entry of the traced rows.
 */
#include "compare/loss.h"
#include "compare/compatible.h"
#include "compare/loss_advice.h"
#include "compare/recall.h"
#include "compare/row.h"
#include "core/memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

const char *const kin_loss_reason_names[] = {"ranked_out",    "depth",    "search",
                                             "not_looked_at", "estimate", NULL};

/* How a source ranks the row at hand. */
typedef struct ladder {
    const kin_graph *graph; /* exact neighbours by what the source ranks by */
    kin_id_set seen;
    float own;      /* the score of the row with its own vector */
    uint32_t *rank; /* [graph->k] by place: 1 + the number of distinct larger scores; owned */
} ladder;

static const uint32_t no_rank = UINT32_MAX; /* further down than the ladder goes */

typedef struct split {
    const kin_graph *graph, *reference;
    const kin_trace *trace;
    kin_neighbor *got;    /* [graph->k]; owned, as the rest */
    kin_neighbor *wanted; /* [reference->k] */
    kin_neighbor *near;   /* [longest ladder] */
    kin_id_set got_seen, wanted_seen;
    ladder ladder[KIN_MODALITIES_MAX]; /* by source; none of a join */
    kin_loss_needs needs;
} split;

/* ---- memory ---------------------------------------------------------------------------------- */

static void split_release(split *self)
{
    free(self->got);
    free(self->wanted);
    free(self->near);
    kin_id_set_release(&self->got_seen);
    kin_id_set_release(&self->wanted_seen);
    for (size_t s = 0; s < self->trace->source_count; s++) {
        kin_id_set_release(&self->ladder[s].seen);
        free(self->ladder[s].rank);
    }
    free(self->needs.value);
}

/* The ladders' graphs, and the entries of the longest. */
static size_t set_ladders(split *self, const kin_graph *const nearest[])
{
    size_t longest = 0;
    for (size_t s = 0; s < self->trace->source_count && self->trace->clusters == 0; s++) {
        int m = self->trace->source[s].modality;
        const kin_graph *graph = m >= 0 ? nearest[m] : self->reference;
        assert(graph);
        self->ladder[s].graph = graph;
        self->ladder[s].own = m >= 0 ? 1 : (float)kin_graph_weight_sum(graph);
        longest = graph->k > longest ? graph->k : longest;
    }
    return longest;
}

static int split_init(split *self, const kin_graph *const nearest[], kin_error *err)
{
    size_t k = self->graph->k;
    size_t entries = kin_size_mul(self->trace->rows, k);
    size_t longest = set_ladders(self, nearest);
    self->got = kin_alloc(k, sizeof *self->got);
    self->wanted = kin_alloc(self->reference->k, sizeof *self->wanted);
    self->near = kin_alloc(longest, sizeof *self->near);
    self->needs.value = kin_alloc(entries, sizeof *self->needs.value);
    if (!self->got || !self->wanted || !self->near || !self->needs.value)
        return kin_fail_alloc(err, "lost neighbours",
                              kin_size_mul(entries, sizeof *self->needs.value));
    int rc = kin_id_set_init(&self->got_seen, k, err);
    if (rc == 0)
        rc = kin_id_set_init(&self->wanted_seen, self->reference->k, err);
    for (size_t s = 0; s < self->trace->source_count && rc == 0; s++) {
        ladder *it = &self->ladder[s];
        if (!it->graph)
            continue;
        it->rank = kin_alloc(it->graph->k, sizeof *it->rank);
        rc = it->rank ? kin_id_set_init(&it->seen, it->graph->k, err)
                      : kin_fail_alloc(err, "ranks", it->graph->k * sizeof *it->rank);
    }
    return rc;
}

/* ---- one lost neighbour ---------------------------------------------------------------------- */

static void load_ranks(split *self, size_t row)
{
    for (size_t s = 0; s < self->trace->source_count; s++) {
        ladder *it = &self->ladder[s];
        if (!it->graph)
            continue;
        size_t count = kin_row_distinct(it->graph, row, self->near, &it->seen);
        for (size_t p = 0; p < count; p++) {
            float before = p == 0 ? it->own : self->near[p - 1].score;
            it->rank[p] = (p == 0 ? 1 : it->rank[p - 1]) + (self->near[p].score < before);
        }
    }
}

static uint32_t rank_of(const ladder *self, int32_t item)
{
    uint32_t place = kin_id_set_find(&self->seen, item);
    return place == UINT32_MAX ? no_rank : self->rank[place];
}

static bool proposed(const kin_trace *trace, size_t t, int32_t item)
{
    for (size_t s = 0; s < trace->source_count; s++)
        if (kin_trace_proposed(trace, s, t, item))
            return true;
    return false;
}

static void store_need(split *self, float value)
{
    self->needs.value[self->needs.count++] = value;
}

/* No index came across it: was it within what one of them was asked for? */
static kin_loss_reason find_reason_in_indexes(split *self, kin_loss *out, int32_t item)
{
    const kin_trace *trace = self->trace;
    int modality = trace->source[0].modality;
    uint32_t best = no_rank;
    bool within = false;
    for (size_t s = 0; s < trace->source_count; s++) {
        const kin_trace_source *source = &trace->source[s];
        uint32_t rank = rank_of(&self->ladder[s], item);
        bool deep = rank != no_rank && (source->asked == 0 || rank <= source->asked);
        if (deep < within || (deep == within && rank >= best))
            continue;
        within = deep;
        best = rank;
        modality = source->modality;
    }
    if (!within)
        store_need(self, best == no_rank ? INFINITY : (float)best);
    if (modality >= 0)
        (within ? out->search_by : out->depth_by)[modality]++;
    return within ? KIN_LOSS_SEARCH : KIN_LOSS_DEPTH;
}

static kin_loss_reason find_reason_in_join(split *self, size_t t, int32_t item)
{
    const kin_trace *trace = self->trace;
    int32_t cluster = trace->cluster[item];
    float probe_sigmas =
        cluster >= 0 ? trace->probe_sigmas[t * trace->clusters + (size_t)cluster] : INFINITY;
    if (probe_sigmas == -INFINITY)
        return KIN_LOSS_ESTIMATE;
    store_need(self, probe_sigmas);
    return KIN_LOSS_NOT_LOOKED_AT;
}

static void book(split *self, kin_loss *out, size_t t, int32_t item)
{
    kin_loss_reason reason = KIN_LOSS_RANKED_OUT;
    if (!proposed(self->trace, t, item))
        reason = self->trace->clusters > 0 ? find_reason_in_join(self, t, item)
                                           : find_reason_in_indexes(self, out, item);
    out->reason[reason]++;
    out->lost++;
}

/* ---- all rows -------------------------------------------------------------------------------- */

/* How many of the row's `wanted` neighbours no tie makes up for. */
static size_t count_lost(const split *self, size_t got, size_t wanted)
{
    double least = (double)self->wanted[wanted - 1].score - KIN_RECALL_TIE;
    size_t good = 0;
    for (size_t i = 0; i < got; i++)
        good += (double)self->got[i].score >= least;
    return good < wanted ? wanted - good : 0;
}

static void split_row(split *self, kin_loss *out, size_t t)
{
    size_t row = (size_t)self->trace->row[t];
    size_t got = kin_row_distinct(self->graph, row, self->got, &self->got_seen);
    size_t wanted = kin_row_distinct(self->reference, row, self->wanted, &self->wanted_seen);
    wanted = wanted < self->graph->k ? wanted : self->graph->k;
    if (wanted == 0)
        return;
    out->rows++;
    out->entries += wanted;
    size_t lost = count_lost(self, got, wanted);
    if (lost > 0)
        load_ranks(self, row);
    for (size_t i = 0; i < wanted && lost > 0; i++) {
        int32_t item = self->wanted[i].row;
        if (kin_id_set_find(&self->got_seen, item) != UINT32_MAX)
            continue;
        book(self, out, t, item);
        lost--;
    }
}

int kin_loss_split(kin_loss *out, const kin_graph *graph, const kin_graph *reference,
                   const kin_trace *trace, const kin_graph *const nearest[KIN_MODALITIES_MAX],
                   kin_error *err)
{
    split self = {.graph = graph, .reference = reference, .trace = trace};
    assert(trace->n == graph->n && reference->n == graph->n);
    *out = (kin_loss){.modality_count = graph->modality_count};
    int rc = split_init(&self, nearest, err);
    for (size_t t = 0; t < trace->rows && rc == 0; t++)
        split_row(&self, out, t);
    if (rc == 0)
        rc = kin_loss_advise(out, &self.needs, graph, trace, err);
    split_release(&self);
    return rc;
}
