/*
 * What changed between two nights (formulas in the header).
 *
 * A neighbour that both rows have at places p and q is shared from k = max(p, q) + 1 on, so one
 * look-up per neighbour serves every k. Parts of a fixed length are added in order: the same
 * numbers for any number of threads. Time: the pairs of common items; memory: 12 bytes a common
 * item, and 8 more to sort.
 */
#include "compare/drift.h"
#include "compare/row.h"
#include "core/memory.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS = 64, PART_ROWS = 1024 };

/* A thread's working memory. */
typedef struct worker {
    kin_neighbor *now, *then;       /* [k] of either graph; owned */
    kin_id_set seen_now, seen_then; /* for as many ids */
} worker;

/* What the rows of a part add up to. */
typedef struct tally {
    double jaccard[KIN_CUTS_MAX]; /* sums */
    size_t changed, reordered, nearest_changed;
} tally;

typedef struct nights {
    const kin_graph *graph, *previous;
    const kin_id_map *id_map;
    size_t cuts;
    const size_t *cut; /* [cuts] ascending */
    size_t threads;
    worker *worker; /* [threads] */
    int32_t *row;   /* [common] rows of the new graph */
    double *value;  /* [common] their Jaccard@K */
} nights;

/* ---- one item -------------------------------------------------------------------------------- */

static void compare_rows(tally *sum, const nights *self, size_t item, worker *w)
{
    size_t row = (size_t)self->row[item];
    size_t other = (size_t)kin_id_map_other(self->id_map, self->row[item]);
    size_t now = kin_row_distinct(self->graph, row, w->now, &w->seen_now);
    size_t then = kin_row_distinct(self->previous, other, w->then, &w->seen_then);
    size_t k = self->cut[self->cuts - 1];
    size_t shared[KIN_CUTS_MAX] = {0};
    bool moved = false;
    for (size_t q = 0; q < then && q < k; q++) {
        int32_t id = kin_id_map_back(self->id_map, w->then[q].row);
        size_t p = id >= 0 ? kin_id_set_find(&w->seen_now, id) : k; /* UINT32_MAX: not there */
        size_t place = p > q ? p : q;
        moved = moved || p != q;
        for (size_t c = 0; c < self->cuts; c++)
            shared[c] += place < self->cut[c];
    }
    double jaccard = 1;
    for (size_t c = 0; c < self->cuts; c++) {
        size_t cut = self->cut[c];
        size_t both = (now < cut ? now : cut) + (then < cut ? then : cut) - shared[c];
        jaccard = both > 0 ? (double)shared[c] / (double)both : 1;
        sum->jaccard[c] += jaccard;
        sum->nearest_changed += cut == 1 && jaccard < 1;
    }
    self->value[item] = jaccard;
    sum->changed += jaccard < 1;
    sum->reordered += jaccard == 1 && moved;
}

/* ---- all items ------------------------------------------------------------------------------- */

static int nights_init(nights *self, kin_error *err)
{
    size_t common = self->id_map->common;
    size_t now = self->graph->k;
    size_t then = self->previous->k;
    self->threads = (size_t)omp_get_max_threads();
    kin_memory_plan plan = KIN_MEMORY_PLAN_INIT;
    kin_memory_plan_add(&plan, "overlaps of items", common, 20);
    kin_memory_plan_add(&plan, "rows under way", kin_size_mul(self->threads, now + then),
                        sizeof(kin_neighbor) + KIN_ID_SET_BYTES);
    int rc = kin_memory_plan_check(&plan, 0, err);
    if (rc != 0)
        return rc;
    self->row = kin_alloc(common, sizeof *self->row);
    self->value = kin_alloc(common, sizeof *self->value);
    self->worker = calloc(self->threads, sizeof *self->worker);
    bool refused = !self->row || !self->value || !self->worker;
    for (size_t t = 0; t < self->threads && !refused; t++) {
        worker *w = &self->worker[t];
        w->now = kin_alloc(now, sizeof *w->now);
        w->then = kin_alloc(then, sizeof *w->then);
        refused = !w->now || !w->then || kin_id_set_init(&w->seen_now, now, NULL) != 0 ||
                  kin_id_set_init(&w->seen_then, then, NULL) != 0;
    }
    return refused ? kin_fail_alloc(err, "overlaps of items", plan.total_bytes) : 0;
}

static void nights_release(nights *self)
{
    for (size_t t = 0; t < self->threads && self->worker; t++) {
        free(self->worker[t].now);
        free(self->worker[t].then);
        kin_id_set_release(&self->worker[t].seen_now);
        kin_id_set_release(&self->worker[t].seen_then);
    }
    free(self->worker);
    free(self->row);
    free(self->value);
}

/* Which items both nights have, and the first of those that only one has. */
static void list_items(kin_drift *out, nights *self)
{
    const size_t capacity = sizeof out->example_new / sizeof *out->example_new;
    size_t common = 0;
    for (size_t i = 0; i < out->items; i++) {
        if (kin_id_map_other(self->id_map, (int32_t)i) >= 0)
            self->row[common++] = (int32_t)i;
        else if (out->example_new_count < capacity)
            out->example_new[out->example_new_count++] = (int32_t)i;
    }
    for (size_t i = 0; i < out->previous_items && out->example_gone_count < capacity; i++)
        if (kin_id_map_back(self->id_map, (int32_t)i) < 0)
            out->example_gone[out->example_gone_count++] = (int32_t)i;
}

static void add_tally(tally *all, const tally *part)
{
    for (size_t c = 0; c < KIN_CUTS_MAX; c++)
        all->jaccard[c] += part->jaccard[c];
    all->changed += part->changed;
    all->reordered += part->reordered;
    all->nearest_changed += part->nearest_changed;
}

static void compare_all(tally *all, const nights *self)
{
    size_t common = self->id_map->common;
    tally part[PARTS];
    *all = (tally){0};
    for (size_t first = 0; first < common; first += PARTS * PART_ROWS) {
#pragma omp parallel for schedule(dynamic)
        for (size_t p = 0; p < PARTS; p++) {
            worker *w = &self->worker[omp_get_thread_num()];
            size_t item = first + p * PART_ROWS;
            size_t end = item + PART_ROWS < common ? item + PART_ROWS : common;
            part[p] = (tally){0};
            for (; item < end; item++)
                compare_rows(&part[p], self, item, w);
        }
        for (size_t p = 0; p < PARTS; p++)
            add_tally(all, &part[p]);
    }
}

/* ---- inputs ---------------------------------------------------------------------------------- */

static const json_t *find_modality(const kin_graph *g, const char *name)
{
    size_t m;
    const json_t *entry;
    json_array_foreach(json_object_get(g->manifest, "modalities"), m, entry)
    {
        const char *here = json_string_value(json_object_get(entry, "name"));
        if (here && strcmp(here, name) == 0)
            return entry;
    }
    return NULL;
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* One night's side of a modality. */
typedef struct vectors {
    double weight, missing_share, repeated_share, mean_cosine, norm_mean;
    const char *fingerprint; /* NULL: not known */
} vectors;

static vectors read_vectors(const kin_graph *g, const char *name)
{
    const json_t *entry = find_modality(g, name);
    const json_t *facts = json_object_get(entry, "vectors");
    double missing = number(entry, "missing");
    double used = (double)g->n - missing;
    return (vectors){
        .weight = number(entry, "weight"),
        .missing_share = missing / (double)g->n,
        .repeated_share = used > 0 ? number(facts, "repeated_rows") / used : NAN,
        .mean_cosine = number(facts, "mean_cosine"),
        .norm_mean = number(facts, "norm_mean"),
        .fingerprint = json_string_value(json_object_get(entry, "xxh3_128")),
    };
}

static void add_input(kin_drift *out, const kin_graph *graph, const kin_graph *previous,
                      const char *name)
{
    kin_input_drift *input = &out->input[out->input_count++];
    vectors now = read_vectors(graph, name);
    vectors then = read_vectors(previous, name);
    *input = (kin_input_drift){
        .same_file =
            now.fingerprint && then.fingerprint && strcmp(now.fingerprint, then.fingerprint) == 0,
        .weight = {now.weight, then.weight},
        .missing_share = {now.missing_share, then.missing_share},
        .repeated_share = {now.repeated_share, then.repeated_share},
        .mean_cosine = {now.mean_cosine, then.mean_cosine},
        .norm_mean = {now.norm_mean, then.norm_mean},
    };
    memcpy(input->name, name, strlen(name) + 1);
}

static bool has_modality(const kin_graph *g, const char *name)
{
    for (size_t m = 0; m < g->modality_count; m++)
        if (strcmp(g->modality[m], name) == 0)
            return true;
    return false;
}

static void compare_inputs(kin_drift *out, const kin_graph *graph, const kin_graph *previous)
{
    for (size_t m = 0; m < graph->modality_count; m++)
        add_input(out, graph, previous, graph->modality[m]);
    for (size_t m = 0; m < previous->modality_count; m++)
        if (!has_modality(graph, previous->modality[m]))
            add_input(out, graph, previous, previous->modality[m]);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int sum_up(kin_drift *out, const nights *self, const tally *all, kin_error *err)
{
    size_t common = out->common;
    int rc = kin_summary_of(&out->jaccard, self->value, common, err);
    for (size_t c = 0; c < out->cuts; c++)
        out->jaccard_at[c] = common > 0 ? all->jaccard[c] / (double)common : NAN;
    if (common > 0) /* the same sum in another order */
        out->jaccard_at[out->cuts - 1] = out->jaccard.mean;
    out->drift = 1 - out->jaccard_at[out->cuts - 1];
    out->changed = all->changed;
    out->reordered = all->reordered;
    out->nearest_changed = all->nearest_changed;
    out->worst_count = kin_worst_of(out->worst, self->value, self->row, common);
    return rc;
}

int kin_drift_measure(kin_drift *out, const kin_graph *graph, const kin_graph *previous,
                      const kin_id_map *id_map, size_t k, kin_error *err)
{
    size_t least = graph->k < previous->k ? graph->k : previous->k;
    size_t common = id_map->common;
    kin_drift made = {.items = graph->n,
                      .previous_items = previous->n,
                      .common = common,
                      .new_items = graph->n - common,
                      .gone_items = previous->n - common,
                      .k = k ? k : least};
    made.item_change =
        (double)(made.new_items + made.gone_items) / (double)(graph->n + previous->n - common);
    made.cuts = kin_cuts(made.cut, made.k);
    nights both = {
        .graph = graph, .previous = previous, .id_map = id_map, .cuts = made.cuts, .cut = made.cut};
    tally all;
    int rc = nights_init(&both, err);
    if (rc == 0) {
        list_items(&made, &both);
        compare_all(&all, &both);
        rc = sum_up(&made, &both, &all, err);
    }
    nights_release(&both);
    if (rc != 0)
        return rc;
    compare_inputs(&made, graph, previous);
    *out = made;
    return 0;
}
