/*
 * Pairs of a graph in its order (job/pairs.h).
 *
 * The sample is selection sampling: Algorithm S of Knuth, The Art of Computer Programming, vol. 2,
 * 3.4.2 (Fan, Muller, Rezucha, 1962). Of the t-th of N pairs, when m of n have been taken, the
 * chance is (n - m) / (N - t). It is decided in integers, by a random number that is a function of
 * seed and t: the same pairs on every machine, and no memory. A chance is off by 2^-64 at most.
 * Skipping ahead (Vitter's Algorithm D) would save drawing N numbers, a second for 10^9 pairs, at
 * the price of floating-point logarithms.
 */
#include "job/pairs.h"
#include "compare/compatible.h"
#include "core/memory.h"
#include "core/random.h"

#include <math.h>
#include <stdlib.h>

#define FIELD(name) offsetof(kin_pairs_options, name)

const kin_option kin_pairs_lines[] = {
    {.name = "max-rows",
     .type = KIN_OPTION_INT,
     .offset = FIELD(max_rows),
     .min = 0,
     .max = 1e15,
     .unit = "N",
     .similarity = "MAX_RANKING_SAMPLES",
     .help = "a uniform sample of N pairs, without replacement; 0 is no limit"},
    {.name = "seed",
     .type = KIN_OPTION_INT,
     .offset = FIELD(seed),
     .min = 0,
     .max = 1e15,
     .unit = "S",
     .help = "of the sample"},
    KIN_OPTIONS_END,
};

static const kin_pairs_options defaults = KIN_PAIRS_OPTIONS_INIT;

const kin_option_table kin_pairs_table = {
    .group = (const kin_option_group[]){{NULL, kin_pairs_lines, 0}},
    .count = 1,
    .defaults = &defaults,
    .bytes = sizeof defaults,
};

enum { STREAM_PAIRS = 0x70616972, BLOCK = 1 << 16, ITEMS_AT_A_TIME = 4096 };

/* One run. */
typedef struct run {
    const kin_graph *graph;
    const kin_pair_sink *sink;
    double weight_sum;
    kin_neighbor *found;             /* [k] */
    int32_t *chosen;                 /* [k] places in a row, ascending */
    size_t count;                    /* rows in the block */
    int32_t *item, *neighbor, *rank; /* [BLOCK] */
    float *score, *cosine[KIN_MODALITIES_MAX];
    uint64_t key, seen, left, wanted; /* pairs: seen, not seen yet, still to be taken */
} run;

static int run_init(run *self, const kin_graph *graph, kin_error *err)
{
    self->found = kin_alloc(graph->k, sizeof *self->found);
    self->chosen = kin_alloc(graph->k, sizeof *self->chosen);
    self->item = kin_alloc(BLOCK, sizeof *self->item);
    self->neighbor = kin_alloc(BLOCK, sizeof *self->neighbor);
    self->rank = kin_alloc(BLOCK, sizeof *self->rank);
    self->score = kin_alloc(BLOCK, sizeof *self->score);
    bool all =
        self->found && self->chosen && self->item && self->neighbor && self->rank && self->score;
    for (size_t m = 0; m < graph->modality_count; m++) {
        self->cosine[m] = kin_alloc(BLOCK, sizeof *self->cosine[m]);
        all = all && self->cosine[m];
    }
    return all ? 0 : kin_fail_alloc(err, "rows of pairs", BLOCK * sizeof *self->score);
}

static void run_release(run *self)
{
    free(self->found);
    free(self->chosen);
    free(self->item);
    free(self->neighbor);
    free(self->rank);
    free(self->score);
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++)
        free(self->cosine[m]);
}

/* Whether the next pair is taken. */
static bool take_next(run *self)
{
    uint64_t bits = kin_random_bits(self->key, self->seen++);
    bool taken = (uint64_t)(((unsigned __int128)bits * self->left) >> 64) < self->wanted;
    self->left--;
    self->wanted -= taken;
    return taken;
}

/* The places of a row that are taken, into `chosen`. */
static size_t choose(run *self, size_t length)
{
    size_t count = 0;
    for (size_t place = 0; place < length; place++)
        if (take_next(self))
            self->chosen[count++] = (int32_t)place;
    return count;
}

static int emit(run *self, kin_error *err)
{
    kin_pair_rows rows = {self->count, self->item, self->neighbor, self->rank, self->score, {0}};
    for (size_t m = 0; m < self->graph->modality_count; m++)
        rows.cosine[m] = self->cosine[m];
    self->count = 0;
    return rows.count > 0 ? self->sink->write(self->sink->self, &rows, err) : 0;
}

static int add(run *self, size_t item, int32_t place, kin_error *err)
{
    const kin_neighbor *found = &self->found[place];
    size_t at = self->count++;
    self->item[at] = (int32_t)item;
    self->neighbor[at] = found->row;
    self->rank[at] = place + 1;
    self->score[at] = found->score;
    for (size_t m = 0; m < self->graph->modality_count; m++)
        self->cosine[m][at] = kin_graph_cosine(self->graph, self->weight_sum, m, found->entry);
    if (!isfinite(found->score))
        return kin_fail(err, KIN_E_DATA, "the folder is damaged: build it again",
                        "%s: neighbour %d of item %zu has score %g", self->graph->directory,
                        place + 1, item, (double)found->score);
    return self->count == BLOCK ? emit(self, err) : 0;
}

static int add_item(run *self, size_t item, kin_error *err)
{
    const int64_t *indptr = self->graph->indptr;
    size_t count = choose(self, (size_t)(indptr[item + 1] - indptr[item]));
    int rc = 0;
    if (count > 0)
        kin_graph_row(self->graph, item, self->found);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = add(self, item, self->chosen[i], err);
    return rc;
}

static int add_items(run *self, const kin_monitor *monitor, kin_error *err)
{
    const kin_graph *graph = self->graph;
    int rc = 0;
    for (size_t first = 0; first < graph->n && rc == 0; first += ITEMS_AT_A_TIME) {
        size_t left = graph->n - first;
        size_t end = first + (left < ITEMS_AT_A_TIME ? left : ITEMS_AT_A_TIME);
        rc = kin_monitor_check(monitor, err);
        for (size_t item = first; item < end && rc == 0; item++)
            rc = add_item(self, item, err);
        kin_graph_forget(graph, (size_t)graph->indptr[first],
                         (size_t)(graph->indptr[end] - graph->indptr[first]));
        kin_monitor_progress(monitor, end, graph->n);
    }
    return rc == 0 ? emit(self, err) : rc;
}

size_t kin_pairs_count(const kin_graph *graph, const kin_pairs_options *options)
{
    bool limited = options->max_rows > 0 && (uint64_t)options->max_rows < graph->pairs;
    return limited ? (size_t)options->max_rows : graph->pairs;
}

int kin_pairs_run(const kin_graph *graph, const kin_pairs_options *options,
                  const kin_pair_sink *sink, const kin_monitor *monitor, kin_error *err)
{
    run self = {.graph = graph, .sink = sink};
    int rc = kin_options_check(&kin_pairs_table, options, err);
    if (rc != 0)
        return rc;
    self.weight_sum = kin_graph_weight_sum(graph);
    self.key = kin_random_key((uint64_t)options->seed, STREAM_PAIRS, 0);
    self.left = graph->pairs;
    self.wanted = kin_pairs_count(graph, options);
    rc = run_init(&self, graph, err);
    if (rc == 0)
        rc = add_items(&self, monitor, err);
    run_release(&self);
    return rc;
}
