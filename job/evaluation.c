#include "job/evaluation.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>

enum { ITEMS_PER_ROW = 40, ROWS_MIN = 200, ROWS_MAX = 1000, TIMES_PROVEN = 2 };

double kin_evaluation_alpha(size_t attempt)
{
    size_t halvings = attempt < EVALUATION_ATTEMPTS ? attempt : EVALUATION_ATTEMPTS - 1;
    return ldexp(EVALUATION_ERROR, -(int)halvings);
}

size_t kin_evaluation_rows(size_t items, double target)
{
    size_t rows = items / ITEMS_PER_ROW;
    rows = rows < ROWS_MIN ? ROWS_MIN : rows > ROWS_MAX ? ROWS_MAX : rows;
    double proof =
        ceil(TIMES_PROVEN * -log(kin_evaluation_alpha(EVALUATION_ATTEMPTS)) / (1 - target));
    if (proof >= (double)items)
        return items;
    rows = rows > (size_t)proof ? rows : (size_t)proof;
    return 2 * rows >= items ? items : rows;
}

int kin_evaluation_init(kin_evaluation *self, const kin_catalog *catalog,
                        const kin_evaluation_options *o, size_t attempt, kin_error *err)
{
    size_t population = kin_row_sample_population(catalog);
    size_t rows = kin_evaluation_rows(population, o->target);
    bool exhaustive = rows + o->tuned_count >= population;
    row_sample_options sample = {.k = o->k,
                                 .count = exhaustive ? population : rows,
                                 .seed = o->seed,
                                 .purpose = ROW_SAMPLE_EVALUATION,
                                 .round = attempt,
                                 .without = o->tuned,
                                 .without_count = exhaustive ? 0 : o->tuned_count,
                                 .memory_bytes = o->memory_bytes};
    *self = (kin_evaluation){.options = *o};
    self->result = (kin_evaluation_result){.target = o->target,
                                           .alpha = kin_evaluation_alpha(attempt),
                                           .attempt = attempt,
                                           .exhaustive = exhaustive};
    return kin_row_sample_init(&self->sample, catalog, &sample, err);
}

void kin_evaluation_release(kin_evaluation *self)
{
    kin_row_sample_release(&self->sample);
}

kin_row_sink kin_evaluation_sink(kin_evaluation *self, kin_row_sink next)
{
    return kin_row_sample_tee(&self->sample, next);
}

/* Of `rows` evaluated ones. Nothing to find is found, and a sample of nothing proves nothing. */
static kin_evaluation_mean mean_of(const kin_evaluation_result *v, const double *value)
{
    kin_evaluation_mean out = {.mean = 1};
    double sum = 0;
    for (size_t i = 0; i < v->rows; i++)
        sum += value[i];
    if (v->rows > 0)
        out.mean = sum / (double)v->rows;
    out.lower_bound = v->exhaustive ? out.mean
                      : v->rows > 0 ? kin_lower_bound(value, v->rows, v->alpha)
                                    : 0;
    return out;
}

/* Overwrites the values. */
static void conclude(kin_evaluation_result *v, const kin_recall_values *values)
{
    v->at_1 = mean_of(v, values->at_1);
    v->at_10 = mean_of(v, values->at_10);
    v->at_k = mean_of(v, values->at_k);
    for (size_t i = 0; i < v->rows; i++)
        values->at_k[i] = values->at_k[i] >= 0.9;
    v->at_least_90 = mean_of(v, values->at_k);
    v->met = v->at_k.lower_bound >= v->target;
}

int kin_evaluation_finish(kin_evaluation *self, const kin_monitor *monitor, kin_error *err)
{
    kin_recall_mean recall;
    size_t count = self->sample.count;
    double *value = kin_alloc(kin_size_mul(3, count), sizeof *value);
    if (!value)
        return kin_fail_alloc(err, "recall", kin_size_mul(count, 3 * sizeof *value));
    kin_recall_values values = {.at_k = value, .at_1 = value + count, .at_10 = value + 2 * count};
    int rc = kin_row_sample_exact(&self->sample, monitor, err);
    if (rc == 0)
        rc = kin_row_sample_recall(&self->sample, &recall, &values, err);
    if (rc == 0) {
        self->result.rows = recall.evaluated;
        conclude(&self->result, &values);
    }
    free(value);
    return rc;
}
