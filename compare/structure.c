/*
 * The health of a graph by itself (formulas in the header). One pass over the rows counts
 * everything that a pair says alone; what needs the other direction has a pass of its own in
 * structure_parts.c.
 *
 * Rows are cut into parts of a fixed length whose sums are added in order: real numbers come out
 * the same for any number of threads.
 */
#include "compare/structure.h"
#include "compare/structure_parts.h"
#include "core/kernels.h"
#include "core/memory.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

enum { PARTS = 64, PART_ROWS = 1024, REVERSE_PAIRS = (128 << 20) / sizeof(int32_t) };

/* What the rows of a part add up to. */
typedef struct tally {
    size_t pairs, repeated, to_self, empty_rows, full_rows;
    size_t categorised, within;        /* pairs whose items both have a category; the same one */
    double cosine[KIN_MODALITIES_MAX]; /* sums */
} tally;

typedef struct measure {
    const kin_graph *graph;
    size_t threads;
    kin_row_workspace *space; /* [threads] */
    kin_degrees degrees;
    kin_categories categories;
} measure;

static int measure_init(measure *self, const kin_graph *graph, kin_error *err)
{
    *self = (measure){.graph = graph, .threads = (size_t)omp_get_max_threads()};
    self->space = calloc(self->threads, sizeof *self->space);
    self->degrees.in = kin_alloc_zero(graph->n, sizeof *self->degrees.in);
    bool refused = !self->space || !self->degrees.in;
    for (size_t t = 0; t < self->threads && !refused; t++) {
        kin_row_workspace *w = &self->space[t];
        w->place = kin_alloc(graph->k, sizeof *w->place);
        w->cosine = kin_alloc(graph->k, sizeof *w->cosine);
        refused = !w->place || !w->cosine || kin_id_set_init(&w->seen, graph->k, NULL) != 0;
    }
    return refused ? kin_fail_alloc(err, "in-degrees", kin_size_mul(graph->n, 4)) : 0;
}

static void measure_release(measure *self)
{
    for (size_t t = 0; t < self->threads && self->space; t++) {
        kin_id_set_release(&self->space[t].seen);
        free(self->space[t].place);
        free(self->space[t].cosine);
    }
    free(self->space);
    free(self->degrees.in);
    kin_categories_release(&self->categories);
}

/* ---- all pairs ------------------------------------------------------------------------------- */

/* The entries of a row that are pairs, into w->place; returns how many. */
static size_t select_pairs(tally *sum, const kin_graph *g, size_t row, kin_row_workspace *w)
{
    const int32_t *id = g->indices + g->indptr[row];
    size_t count = (size_t)(g->indptr[row + 1] - g->indptr[row]);
    size_t kept = 0;
    kin_id_set_clear(&w->seen);
    for (size_t e = 0; e < count; e++) {
        if (id[e] == (int32_t)row)
            sum->to_self++;
        else if (kin_id_set_add(&w->seen, id[e]))
            w->place[kept++] = (uint32_t)e;
        else
            sum->repeated++;
    }
    sum->pairs += kept;
    sum->empty_rows += kept == 0;
    sum->full_rows += kept == g->k;
    return kept;
}

static void add_cosines(tally *sum, const kin_graph *g, size_t row, size_t kept,
                        kin_row_workspace *w)
{
    size_t first = (size_t)g->indptr[row];
    size_t count = (size_t)g->indptr[row + 1] - first;
    for (size_t m = 0; m < g->modality_count; m++) {
        double here = 0;
        if (!g->cosine[m])
            continue;
        kin_kernels_best()->widen[KIN_F16](w->cosine, g->cosine[m] + first, count);
        for (size_t p = 0; p < kept; p++) {
            double cosine = (double)w->cosine[w->place[p]];
            here += isnan(cosine) ? 0 : cosine;
        }
        sum->cosine[m] += here;
    }
}

static void count_row(tally *sum, const measure *self, size_t row)
{
    const kin_graph *g = self->graph;
    kin_row_workspace *w = &self->space[omp_get_thread_num()];
    const int32_t *id = g->indices + g->indptr[row];
    const int32_t *category = self->categories.of;
    size_t kept = select_pairs(sum, g, row, w);
    for (size_t p = 0; p < kept; p++) {
#pragma omp atomic
        self->degrees.in[id[w->place[p]]]++;
    }
    for (size_t p = 0; p < kept && category && category[row] >= 0; p++) {
        int32_t other = category[id[w->place[p]]];
        sum->categorised += other >= 0;
        sum->within += other == category[row];
    }
    add_cosines(sum, g, row, kept, w);
}

static void add_tally(tally *all, const tally *part)
{
    all->pairs += part->pairs;
    all->repeated += part->repeated;
    all->to_self += part->to_self;
    all->empty_rows += part->empty_rows;
    all->full_rows += part->full_rows;
    all->categorised += part->categorised;
    all->within += part->within;
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++)
        all->cosine[m] += part->cosine[m];
}

static int count_pairs(tally *all, const measure *self, const kin_monitor *monitor, kin_error *err)
{
    size_t n = self->graph->n;
    tally part[PARTS];
    *all = (tally){0};
    for (size_t first = 0; first < n; first += PARTS * PART_ROWS) {
        int rc = kin_monitor_check(monitor, err);
        if (rc != 0)
            return rc;
#pragma omp parallel for schedule(dynamic)
        for (size_t p = 0; p < PARTS; p++) {
            size_t row = first + p * PART_ROWS;
            size_t end = row + PART_ROWS < n ? row + PART_ROWS : n;
            part[p] = (tally){0};
            for (; row < end; row++)
                count_row(&part[p], self, row);
        }
        for (size_t p = 0; p < PARTS; p++)
            add_tally(all, &part[p]);
    }
    return 0;
}

static double ratio(double part, double all)
{
    return all != 0 ? part / all : NAN;
}

/* 1 where the manifest says nothing, as for all: what counts are shares. */
static double weight_of(const kin_graph *g, size_t m)
{
    const json_t *modalities = json_object_get(g->manifest, "modalities");
    const json_t *weight = json_object_get(json_array_get(modalities, m), "weight");
    return json_is_number(weight) ? json_number_value(weight) : 1;
}

static void share_out(kin_structure *out, const kin_graph *g, const tally *all)
{
    double sum = 0;
    out->pairs = all->pairs;
    out->repeated = all->repeated;
    out->to_self = all->to_self;
    out->empty_rows = all->empty_rows;
    out->full_rows = all->full_rows;
    out->within_category = ratio((double)all->within, (double)all->categorised);
    for (size_t m = 0; m < g->modality_count; m++)
        sum += weight_of(g, m) * all->cosine[m];
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++)
        out->contribution[m] = m < g->modality_count && g->cosine[m]
                                   ? ratio(weight_of(g, m) * all->cosine[m], sum)
                                   : NAN;
}

/* ---- in-degrees ------------------------------------------------------------------------------ */

static void find_hubs(kin_structure *out, const uint32_t *in_degree, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        kin_hub it = {(int32_t)i, in_degree[i]};
        bool full = out->hub_count == KIN_HUBS_MAX;
        if (it.in_degree == 0 || (full && out->hub[KIN_HUBS_MAX - 1].in_degree >= it.in_degree))
            continue;
        size_t at = full ? KIN_HUBS_MAX - 1 : out->hub_count++;
        for (; at > 0 && out->hub[at - 1].in_degree < it.in_degree; at--)
            out->hub[at] = out->hub[at - 1];
        out->hub[at] = it;
    }
}

/* The in-degree at place ceil(percent / 100 n), from 1. */
static size_t percentile(const uint32_t *items, size_t n, size_t percent)
{
    size_t place = (n * percent + 99) / 100;
    size_t degree = 0;
    for (size_t below = items[0]; below < place; below += items[degree])
        degree++;
    return degree;
}

static size_t bin_of(size_t degree)
{
    size_t bin = 0;
    for (; degree > 0; degree >>= 1)
        bin++;
    return bin;
}

/* The third moment of the in-degrees in units of their deviation. */
static double skewness(const uint32_t *items, size_t most, double mean, size_t n)
{
    double square = 0;
    double cube = 0;
    for (size_t d = 0; d <= most; d++) {
        double off = (double)d - mean;
        square += items[d] * off * off;
        cube += items[d] * off * off * off;
    }
    double variance = square / (double)n;
    return items[most] == n ? 0 : cube / (double)n / (variance * sqrt(variance));
}

/* From how many items have which in-degree: no sum depends on the items' order. */
static int sum_up_degrees(kin_structure *out, const kin_degrees *degrees, kin_error *err)
{
    size_t n = out->items;
    size_t most = degrees->most;
    uint32_t *items = kin_alloc_zero(most + 1, sizeof *items);
    if (!items)
        return kin_fail_alloc(err, "in-degrees", kin_size_mul(most + 1, sizeof *items));
    for (size_t i = 0; i < n; i++)
        items[degrees->in[i]]++;
    for (size_t d = 0; d <= most; d++)
        out->degree_bin[bin_of(d)] += items[d];
    out->never = items[0];
    out->in_degree_max = most;
    out->in_degree_p50 = percentile(items, n, 50);
    out->in_degree_p99 = percentile(items, n, 99);
    out->in_degree_mean = (double)out->pairs / (double)n;
    out->in_degree_skewness = skewness(items, most, out->in_degree_mean, n);
    find_hubs(out, degrees->in, n);
    free(items);
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* Memory at the widest stage: in-degrees, and what the reverse of some items takes. */
static int check_memory(const kin_graph *g, kin_error *err)
{
    kin_memory_plan plan = KIN_MEMORY_PLAN_INIT;
    kin_memory_plan_add(&plan, "counts of items", g->n, 12);
    kin_memory_plan_add(&plan, "the graph reversed",
                        g->pairs < REVERSE_PAIRS ? g->pairs : REVERSE_PAIRS, sizeof(int32_t));
    kin_memory_plan_add(&plan, "rows under way", kin_size_mul((size_t)omp_get_max_threads(), g->k),
                        8 + KIN_ID_SET_BYTES);
    return kin_memory_plan_check(&plan, 0, err);
}

static int run(kin_structure *out, measure *self, const kin_monitor *monitor, kin_error *err)
{
    const kin_graph *g = self->graph;
    tally all;
    size_t mutual = 0;
    int rc = kin_categories_init(&self->categories, g, err);
    if (rc == 0)
        rc = count_pairs(&all, self, monitor, err);
    if (rc != 0)
        return rc;
    share_out(out, g, &all);
    out->categories = self->categories.count;
    out->within_by_chance = self->categories.by_chance;
    kin_categories_release(&self->categories);
    self->degrees.repeats = all.repeated > 0;
    for (size_t i = 0; i < g->n; i++)
        if (self->degrees.in[i] > self->degrees.most)
            self->degrees.most = self->degrees.in[i];
    rc = sum_up_degrees(out, &self->degrees, err);
    if (rc == 0)
        rc = kin_mutual_pairs(&mutual, g, &self->degrees, self->space, REVERSE_PAIRS, monitor, err);
    out->reciprocity = ratio(2 * (double)mutual, (double)out->pairs);
    if (rc == 0)
        rc = kin_components(&out->components, &out->largest_component, g, monitor, err);
    return rc;
}

int kin_structure_measure(kin_structure *out, const kin_graph *graph, const kin_monitor *monitor,
                          kin_error *err)
{
    kin_structure made = {.items = graph->n};
    measure self = {0};
    int rc = check_memory(graph, err);
    if (rc == 0)
        rc = measure_init(&self, graph, err);
    if (rc == 0)
        rc = run(&made, &self, monitor, err);
    measure_release(&self);
    if (rc == 0)
        *out = made;
    return rc;
}
