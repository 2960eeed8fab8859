#include "job/tune.h"
#include "ann/faiss_search.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS_MAX = 1000, CANDIDATES_MIN = 64 };

/* C in quarters of K, ended by 0. */
static const int64_t ladder[] = {4, 6, 8, 12, 16, 24, 32, 0};
static const int64_t ladder_fused[] = {4, 5, 6, 8, 12, 16, 0};

/* One choice under way. */
typedef struct tuner {
    const kin_index *index;
    tune_options options;
    row_sample sample;
    size_t evaluated_rows; /* that the build will be evaluated on */
    size_t population;     /* all that take part */
    double *value;         /* [sample.count] recalls; owned */
    double *as_evaluated;  /* [evaluated_rows] owned */
} tuner;

/* Whether other rows like these would pass: their bound, were there as many as will be evaluated,
 * less the standard error of the difference between two such samples. Where all are evaluated, or
 * all are here, nothing is left to chance on that side. */
static bool promises(const tuner *self, const kin_recall_mean *recall)
{
    size_t s = recall->evaluated;
    if (s == 0)
        return true;
    double bound = recall->tie_aware;
    double variance = 0;
    for (size_t i = 0; i < s && self->sample.count < self->population; i++)
        variance += (self->value[i] - bound) * (self->value[i] - bound) / (double)s;
    if (self->evaluated_rows < self->population) {
        for (size_t i = 0; i < self->evaluated_rows; i++)
            self->as_evaluated[i] = self->value[i % s];
        bound = kin_lower_bound(self->as_evaluated, self->evaluated_rows, kin_evaluation_alpha(1));
    }
    double error = sqrt(variance / (double)s + variance / (double)self->evaluated_rows);
    return bound - error >= self->options.target;
}

static int try_step(tuner *self, const kin_search_options *search, const kin_monitor *monitor,
                    tuning *out, kin_error *err)
{
    kin_recall_mean recall;
    int rc = kin_search_rows(self->index, search, self->sample.row, self->sample.count,
                             kin_row_sample_sink(&self->sample), monitor, err);
    if (rc == 0)
        rc = kin_row_sample_recall(&self->sample, &recall,
                                   &(kin_recall_values){.at_k = self->value}, err);
    if (rc != 0)
        return rc;
    out->steps++;
    out->candidates = search->candidates;
    out->mean = recall.tie_aware;
    out->likely = promises(self, &recall);
    return 0;
}

/* Up until a step promises to pass, or there is nothing deeper. */
static int climb(tuner *self, kin_search_options *search, const kin_catalog *catalog,
                 const kin_monitor *monitor, tuning *out, kin_error *err)
{
    bool fused = kin_index_resolved(self->index)->space == KIN_SPACE_FUSED;
    int rc = 0;
    for (const int64_t *step = fused ? ladder_fused : ladder; rc == 0 && *step != 0; step++) {
        int64_t c = (int64_t)search->top_k * *step / 4;
        c = c > CANDIDATES_MIN ? c : CANDIDATES_MIN;
        if (out->likely || c == search->candidates || search->candidates >= (int64_t)catalog->n)
            continue;
        kin_search_set_depth(search, self->index, c);
        rc = try_step(self, search, monitor, out, err);
    }
    return rc == 0 && !out->likely ? kin_catalog_unchanged(catalog, err) : rc;
}

static int prepare(tuner *self, const kin_catalog *catalog, size_t k, const kin_monitor *monitor,
                   kin_error *err)
{
    self->population = kin_row_sample_population(catalog);
    self->evaluated_rows = kin_evaluation_rows(self->population, self->options.target);
    row_sample_options sample = {.k = k,
                                 .count = self->evaluated_rows < ROWS_MAX ? self->evaluated_rows
                                                                          : ROWS_MAX,
                                 .seed = self->options.seed,
                                 .purpose = ROW_SAMPLE_TUNE,
                                 .memory_bytes = self->options.memory_bytes};
    int rc = kin_row_sample_init(&self->sample, catalog, &sample, err);
    if (rc != 0)
        return rc;
    self->value = kin_alloc(self->sample.count, sizeof *self->value);
    self->as_evaluated = kin_alloc(self->evaluated_rows, sizeof *self->as_evaluated);
    if (!self->value || !self->as_evaluated)
        return kin_fail_alloc(err, "recall", self->evaluated_rows * sizeof *self->value);
    return kin_row_sample_exact(&self->sample, monitor, err);
}

int kin_tune_search(tuning *out, kin_search_options *search, const kin_index *index,
                    const kin_catalog *catalog, const tune_options *options,
                    const kin_monitor *monitor, kin_error *err)
{
    tuner self = {.index = index, .options = *options};
    *out = (tuning){0};
    int rc = prepare(&self, catalog, search->top_k, monitor, err);
    if (rc == 0)
        rc = climb(&self, search, catalog, monitor, out, err);
    if (rc == 0) {
        out->row = self.sample.row;
        out->rows = self.sample.count;
        self.sample.row = NULL;
    }
    kin_row_sample_release(&self.sample);
    free(self.value);
    free(self.as_evaluated);
    return rc;
}

void kin_tuning_release(tuning *self)
{
    free(self->row);
    *self = (tuning){0};
}
