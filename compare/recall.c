/*
 * Recall over all rows (formulas in the header, one row in compare/recall_row.c).
 *
 * Rows are evaluated side by side, in blocks whose sums are added in their order, so that the
 * number of threads is not to be seen in the result. What stays per row is its recall, for the
 * distribution and the bounds.
 */
#include "compare/recall.h"
#include "compare/recall_row.h"
#include "core/memory.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1024 };

/* One thread's rows under way. */
typedef struct worker {
    kin_neighbor *got, *wanted;
    kin_id_set seen, place; /* of got, of wanted */
} worker;

/* A comparison under way. */
typedef struct evaluation {
    const kin_graph *graph, *reference;
    const kin_id_map *id_map;
    const int32_t *row; /* [count] or NULL */
    size_t count;
    bool all; /* every row of both: no bounds */
    kin_recall_rule rule;
    double *tie_aware, *strict; /* [count] NaN: not evaluated; owned, as the next two */
    kin_recall_row *sum;        /* [blocks] */
    worker *worker;             /* [threads] */
    size_t threads;
} evaluation;

static int worker_init(worker *self, size_t got, size_t wanted, kin_error *err)
{
    *self = (worker){.got = kin_alloc(got, sizeof *self->got),
                     .wanted = kin_alloc(wanted, sizeof *self->wanted)};
    int rc = self->got && self->wanted ? 0 : kin_fail_alloc(err, "rows to evaluate", got + wanted);
    if (rc == 0)
        rc = kin_id_set_init(&self->seen, got, err);
    if (rc == 0)
        rc = kin_id_set_init(&self->place, wanted, err);
    return rc;
}

static void worker_release(worker *self)
{
    free(self->got);
    free(self->wanted);
    kin_id_set_release(&self->seen);
    kin_id_set_release(&self->place);
}

static size_t blocks_of(size_t rows)
{
    return (rows + BLOCK - 1) / BLOCK;
}

static int evaluation_init(evaluation *self, kin_error *err)
{
    self->threads = (size_t)omp_get_max_threads();
    kin_memory_plan plan = {.hint = "compare a sample of the rows: --sample"};
    kin_memory_plan_add(&plan, "recall of rows", self->count, 2 * sizeof(double) + sizeof(int32_t));
    kin_memory_plan_add(&plan, "the same in order", self->count,
                        (self->all ? 1 : 4) * sizeof(double));
    kin_memory_plan_add(&plan, "sums", blocks_of(self->count), sizeof *self->sum);
    kin_memory_plan_add(&plan, "rows under way",
                        kin_size_mul(self->threads, self->graph->k + self->reference->k),
                        sizeof(kin_neighbor) + KIN_ID_SET_BYTES);
    int rc = kin_memory_plan_check(&plan, 0, err);
    if (rc != 0)
        return rc;
    self->tie_aware = kin_alloc(self->count, sizeof *self->tie_aware);
    self->strict = kin_alloc(self->count, sizeof *self->strict);
    self->sum = kin_alloc_zero(blocks_of(self->count), sizeof *self->sum);
    self->worker = kin_alloc_zero(self->threads, sizeof *self->worker);
    if (!self->tie_aware || !self->strict || !self->sum || !self->worker)
        return kin_fail_alloc(err, "recall of rows", plan.total_bytes);
    for (size_t t = 0; t < self->threads && rc == 0; t++)
        rc = worker_init(&self->worker[t], self->graph->k, self->reference->k, err);
    return rc;
}

static void evaluation_release(evaluation *self)
{
    for (size_t t = 0; self->worker && t < self->threads; t++)
        worker_release(&self->worker[t]);
    free(self->worker);
    free(self->sum);
    free(self->tie_aware);
    free(self->strict);
}

/* Evaluates row number q; nothing where the graph does not have its item. */
static void evaluate_row(evaluation *self, worker *w, size_t q)
{
    int32_t row = self->row ? self->row[q] : (int32_t)q;
    int32_t own = kin_id_map_back(self->id_map, row);
    self->tie_aware[q] = self->strict[q] = NAN;
    if (own < 0)
        return;
    size_t wanted = kin_row_distinct(self->reference, (size_t)row, w->wanted, &w->place);
    size_t got = kin_row_distinct(self->graph, (size_t)own, w->got, &w->seen);
    for (size_t i = 0; i < got; i++)
        w->got[i].row = kin_id_map_other(self->id_map, w->got[i].row);
    kin_recall_row one = kin_recall_row_of(&self->rule, w->got, got, w->wanted, wanted, &w->place);
    kin_recall_row_add(&self->sum[q / BLOCK], &one);
    if (one.evaluated) {
        self->tie_aware[q] = one.tie_aware[self->rule.cuts - 1];
        self->strict[q] = one.strict[self->rule.cuts - 1];
    }
}

static kin_recall_row evaluate_rows(evaluation *self)
{
    kin_recall_row all = {0};
    size_t blocks = blocks_of(self->count);
#pragma omp parallel for schedule(dynamic) num_threads((int)self->threads)
    for (size_t b = 0; b < blocks; b++) {
        size_t end = (b + 1) * BLOCK < self->count ? (b + 1) * BLOCK : self->count;
        for (size_t q = b * BLOCK; q < end; q++)
            evaluate_row(self, &self->worker[omp_get_thread_num()], q);
    }
    for (size_t b = 0; b < blocks; b++)
        kin_recall_row_add(&all, &self->sum[b]);
    return all;
}

/* ---- summing up ------------------------------------------------------------------------------ */

static void store_means(kin_recall *out, const kin_recall_rule *rule, const kin_recall_row *sum)
{
    double scale = sum->evaluated ? 1 / (double)sum->evaluated : NAN;
    double scored = rule->scored ? scale : NAN;
    out->cuts = rule->cuts;
    for (size_t c = 0; c < rule->cuts; c++) {
        out->cut[c] = rule->cut[c];
        out->strict_at[c] = sum->strict[c] * scale;
        out->nearest_found_at[c] = sum->nearest_found[c] * scale;
        out->nearest_true_at[c] = sum->nearest_true[c] * scale;
        out->tie_aware_at[c] = sum->tie_aware[c] * scored;
    }
    for (size_t e = 0; e < KIN_EPSILONS; e++)
        out->epsilon[e] = sum->epsilon[e] * scored;
    out->score_ratio = sum->with_ratio ? sum->score_ratio / (double)sum->with_ratio : NAN;
    out->score_loss = sum->with_loss ? sum->score_loss / (double)sum->with_loss : NAN;
    out->evaluated = sum->evaluated;
    out->rows = sum->evaluated + sum->empty_by_rule;
    out->fill = sum->entries ? (double)sum->filled / (double)sum->entries : NAN;
    out->short_rows = sum->short_rows;
    out->short_by_rule = sum->short_by_rule;
    out->empty_rows = sum->empty_rows;
    out->empty_by_rule = sum->empty_by_rule;
    out->truth_short = sum->truth_short;
}

/* Moves the evaluated rows to the front. */
static void compact(evaluation *self, int32_t *row)
{
    size_t kept = 0;
    for (size_t q = 0; q < self->count; q++)
        if (!isnan(self->strict[q])) {
            self->strict[kept] = self->strict[q];
            self->tie_aware[kept] = self->tie_aware[q];
            row[kept++] = self->row ? self->row[q] : (int32_t)q;
        }
}

static int bound(kin_interval *out, const double *value, const kin_recall *of, double mean,
                 kin_error *err)
{
    if (!of->exhaustive)
        return kin_interval_of(out, value, of->evaluated, 0, 1, err);
    *out = (kin_interval){mean, mean, mean, mean};
    return 0;
}

static int read_distribution(kin_recall *out, evaluation *self, kin_error *err)
{
    size_t s = out->evaluated;
    out->row = kin_alloc(s, sizeof *out->row);
    if (!out->row)
        return kin_fail_alloc(err, "evaluated rows", s * sizeof *out->row);
    compact(self, out->row);
    int rc = kin_summary_of(&out->strict, self->strict, s, err);
    if (rc == 0)
        rc = bound(&out->strict_interval, self->strict, out, out->strict.mean, err);
    if (rc == 0 && out->scored)
        rc = kin_summary_of(&out->tie_aware, self->tie_aware, s, err);
    if (rc == 0 && out->scored)
        rc = bound(&out->tie_aware_interval, self->tie_aware, out, out->tie_aware.mean, err);
    if (rc != 0)
        return rc;
    double **kept = out->scored ? &self->tie_aware : &self->strict;
    out->value = *kept;
    *kept = NULL;
    out->worst_count = kin_worst_of(out->worst, out->value, out->row, s);
    return out->exhaustive ? 0 : kin_interval_halved(&out->rows_for_half, out->value, s, err);
}

int kin_recall_measure(kin_recall *out, const kin_graph *graph, const kin_graph *reference,
                       const kin_id_map *id_map, size_t k, double weight_sum, const int32_t *row,
                       size_t count, kin_error *err)
{
    bool scored = graph->data && reference->data;
    evaluation self = {.graph = graph,
                       .reference = reference,
                       .id_map = id_map,
                       .row = row,
                       .count = row ? count : reference->n,
                       .rule = kin_recall_rule_make(k ? k : reference->k, scored, weight_sum)};
    self.all = self.count == reference->n && id_map->common == graph->n && graph->n == reference->n;
    *out = (kin_recall){.k = self.rule.k, .scored = scored, .exhaustive = self.all};
    int rc = evaluation_init(&self, err);
    if (rc == 0) {
        kin_recall_row sum = evaluate_rows(&self);
        store_means(out, &self.rule, &sum);
        rc = read_distribution(out, &self, err);
    }
    evaluation_release(&self);
    if (rc != 0)
        kin_recall_release(out);
    return rc;
}

void kin_recall_release(kin_recall *self)
{
    free(self->value);
    free(self->row);
    *self = (kin_recall){0};
}

/* ---- rows in memory -------------------------------------------------------------------------- */

/* Entries of row q into `entry`, distinct; returns how many. */
static size_t copy_row(kin_neighbor *entry, const kin_rows *rows, size_t q, int32_t item,
                       kin_id_set *seen)
{
    for (size_t i = 0; i < rows->filled[q]; i++)
        entry[i] = (kin_neighbor){.row = rows->neighbor[q * rows->k + i],
                                  .score = rows->score[q * rows->k + i]};
    return kin_entries_distinct(entry, rows->filled[q], item, seen);
}

/* Row number q of those that are evaluated. */
static void store_values(const kin_recall_values *out, size_t q, const kin_recall_rule *rule,
                         const kin_recall_row *one)
{
    size_t last = rule->cuts - 1, ten = 0;
    while (ten < last && rule->cut[ten] < 10)
        ten++;
    out->at_k[q] = one->tie_aware[last];
    if (out->at_1)
        out->at_1[q] = one->tie_aware[0];
    if (out->at_10)
        out->at_10[q] = one->tie_aware[ten];
}

int kin_recall_measure_rows(kin_recall_mean *out, const kin_recall_values *values,
                            const kin_rows *got, const kin_rows *exact, const int32_t *item,
                            kin_error *err)
{
    worker w;
    kin_recall_rule rule = kin_recall_rule_make(exact->k, true, 1);
    double sum = 0;
    *out = (kin_recall_mean){.tie_aware = 1};
    int rc = worker_init(&w, got->k, exact->k, err);
    for (size_t q = 0; rc == 0 && q < exact->count; q++) {
        size_t wanted = copy_row(w.wanted, exact, q, item[q], &w.place);
        size_t found = copy_row(w.got, got, q, item[q], &w.seen);
        kin_recall_row one = kin_recall_row_of(&rule, w.got, found, w.wanted, wanted, &w.place);
        if (!one.evaluated)
            continue;
        store_values(values, out->evaluated++, &rule, &one);
        sum += one.tie_aware[rule.cuts - 1];
    }
    if (out->evaluated > 0)
        out->tie_aware = sum / (double)out->evaluated;
    worker_release(&w);
    return rc;
}

/* ---- two graphs ------------------------------------------------------------------------------ */

int kin_recall_subtract(kin_recall_difference *out, const kin_recall *a, const kin_recall *b,
                        kin_error *err)
{
    size_t most = a->evaluated < b->evaluated ? a->evaluated : b->evaluated;
    double *value = kin_alloc(most, sizeof *value);
    *out = (kin_recall_difference){.exhaustive = a->exhaustive && b->exhaustive};
    if (!value)
        return kin_fail_alloc(err, "differences of rows", most * sizeof *value);
    for (size_t i = 0, j = 0; i < a->evaluated && j < b->evaluated;) {
        int32_t x = a->row[i], y = b->row[j];
        if (x == y) {
            double difference = a->value[i] - b->value[j];
            out->mean += difference;
            out->better += difference > 0;
            out->worse += difference < 0;
            value[out->rows++] = difference;
        }
        i += x <= y;
        j += y <= x;
    }
    out->mean /= (double)out->rows;
    out->interval = (kin_interval){out->mean, out->mean, out->mean, out->mean};
    int rc = out->exhaustive ? 0 : kin_interval_of(&out->interval, value, out->rows, -1, 2, err);
    free(value);
    return rc;
}
