/*
 * One pass over the rows, cut into a fixed number of runs whose results are added in order: the
 * same sums whatever the number of threads. Who opens a catalog as well has that pass bring the
 * rows.
 *
 * The mean cosine of all pairs needs no pairs: |sum of unit rows|^2 is the sum of all cosines, the
 * n of each row with itself included. Repeated rows are found by their 64-bit hashes (two of a
 * hundred million distinct rows share one with a chance of 3 in 10,000), sorted; the rows behind
 * the five largest groups are looked for afterwards.
 */
#include "job/health.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/score.h"
#include "core/select.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* What one run of rows adds. */
typedef struct part {
    health sums;      /* norm_mean holds the sum of norms */
    double *unit_sum; /* [d] */
} part;

struct health_scan {
    health *out; /* [modalities], and of the one under way: */
    const kin_matrix *matrix;
    part part[KIN_ROW_RUNS];
    double *unit_sum; /* [KIN_ROW_RUNS][d] */
    uint64_t *hash;   /* [2 n] of the rows, and room to sort them */
    kin_row_visitor visitor;
};

static const uint64_t no_hash = 0; /* of rows that do not count */

static uint64_t counted(uint64_t hash)
{
    return hash == no_hash ? 1 : hash;
}

static uint64_t hash_row(const kin_matrix *x, size_t row)
{
    return XXH3_64bits(kin_matrix_row(x, row), x->d * kin_dtype_bytes(x->dtype));
}

/* Counts the values that are not finite; true when there are any. */
static bool count_bad(health *sums, const float *value, size_t d, size_t row)
{
    size_t bad = 0;
    for (size_t j = 0; j < d; j++) {
        if (isfinite(value[j]))
            continue;
        if (sums->first_bad_row == SIZE_MAX) {
            sums->first_bad_row = row;
            sums->first_bad_column = j;
        }
        sums->nan_values += isnan(value[j]) != 0;
        bad++;
    }
    sums->infinite_values += bad; /* NaN among them, until finish() */
    return bad > 0;
}

static void note_range(health *sums, const float *value, size_t d)
{
    float least = value[0];
    float most = value[0];
#pragma omp simd reduction(min : least) reduction(max : most)
    for (size_t j = 0; j < d; j++) {
        least = value[j] < least ? value[j] : least;
        most = value[j] > most ? value[j] : most;
    }
    sums->value_min = fmin(sums->value_min, least);
    sums->value_max = fmax(sums->value_max, most);
}

static void take_row(void *scan, size_t run, size_t row, const float *value, double square,
                     uint64_t hash)
{
    health_scan *self = scan;
    part *p = &self->part[run];
    health *sums = &p->sums;
    size_t d = self->matrix->d;
    self->hash[row] = no_hash;
    if (!isfinite(square) && count_bad(sums, value, d, row)) {
        sums->bad_rows++;
        return;
    }
    note_range(sums, value, d);
    if (square == 0) {
        sums->zero_rows++;
        return;
    }
    double norm = sqrt(square);
    double inverse = 1 / norm;
    for (size_t j = 0; j < d; j++)
        p->unit_sum[j] += value[j] * inverse;
    sums->norm_min = norm < sums->norm_min ? norm : sums->norm_min;
    sums->norm_max = norm > sums->norm_max ? norm : sums->norm_max;
    sums->norm_mean += norm;
    sums->usable_rows++;
    self->hash[row] = counted(hash);
}

static const health nothing = {.first_bad_row = SIZE_MAX,
                               .norm_min = INFINITY,
                               .norm_max = -INFINITY,
                               .value_min = INFINITY,
                               .value_max = -INFINITY};

static void add_part(health *all, const health *sums)
{
    if (all->first_bad_row == SIZE_MAX) {
        all->first_bad_row = sums->first_bad_row;
        all->first_bad_column = sums->first_bad_column;
    }
    all->nan_values += sums->nan_values;
    all->infinite_values += sums->infinite_values;
    all->bad_rows += sums->bad_rows;
    all->zero_rows += sums->zero_rows;
    all->usable_rows += sums->usable_rows;
    all->norm_mean += sums->norm_mean;
    all->norm_min = fmin(all->norm_min, sums->norm_min);
    all->norm_max = fmax(all->norm_max, sums->norm_max);
    all->value_min = fmin(all->value_min, sums->value_min);
    all->value_max = fmax(all->value_max, sums->value_max);
}

/* Means from sums. `unit_sum` [KIN_ROW_RUNS][d]. */
static void take_means(health *self, const double *unit_sum, size_t d)
{
    double square = 0;
    double rows = (double)self->usable_rows;
    for (size_t j = 0; j < d; j++) {
        double sum = 0;
        for (size_t p = 0; p < KIN_ROW_RUNS; p++)
            sum += unit_sum[p * d + j];
        square += sum * sum;
    }
    self->mean_cosine = rows > 1 ? (square - rows) / (rows * (rows - 1)) : NAN;
    self->norm_mean = rows > 0 ? self->norm_mean / rows : NAN;
    self->infinite_values -= self->nan_values;
}

/* Keeps `group` among the largest; of equally large ones the smaller hash, for a fixed order. */
static void keep_group(health *self, health_shared group)
{
    size_t at = self->shared_count;
    while (at > 0 && self->shared[at - 1].items < group.items)
        at--;
    if (at == HEALTH_SHARED_MAX)
        return;
    size_t last =
        self->shared_count < HEALTH_SHARED_MAX ? self->shared_count++ : HEALTH_SHARED_MAX - 1;
    memmove(&self->shared[at + 1], &self->shared[at], (last - at) * sizeof group);
    self->shared[at] = group;
}

/* Groups of equal hashes. Sorts `hash`; `space` has as many. */
static void find_shared(health *self, size_t n, uint64_t *hash, uint64_t *space)
{
    kin_keys_sort(hash, space, n, 0, 64);
    size_t end;
    for (size_t i = 0; i < n; i = end) {
        end = i + 1;
        while (end < n && hash[end] == hash[i])
            end++;
        if (hash[i] == no_hash)
            continue;
        self->distinct_rows++;
        if (end - i > 1)
            keep_group(self, (health_shared){hash[i], end - i, SIZE_MAX});
    }
}

/* The first row of each of the largest groups. */
static void find_first_rows(health *self, const kin_matrix *x)
{
    size_t missing = self->shared_count;
    for (size_t row = 0; row < x->n && missing > 0; row++) {
        uint64_t here = counted(hash_row(x, row));
        for (size_t s = 0; s < self->shared_count; s++)
            if (self->shared[s].hash == here && self->shared[s].first_row == SIZE_MAX) {
                self->shared[s].first_row = row;
                missing--;
            }
    }
}

/* ---- a scan ---------------------------------------------------------------------------------- */

static void forget(health_scan *self)
{
    free(self->unit_sum);
    free(self->hash);
    self->unit_sum = NULL;
    self->hash = NULL;
}

static int begin(void *scan, size_t m, const kin_matrix *x, kin_error *err)
{
    (void)m;
    health_scan *self = scan;
    kin_memory_plan plan = KIN_MEMORY_PLAN_INIT;
    kin_memory_plan_add(&plan, "row hashes", x->n, 2 * sizeof(uint64_t));
    kin_memory_plan_add(&plan, "sums of unit rows", KIN_ROW_RUNS, x->d * sizeof(double));
    int rc = kin_memory_plan_check(&plan, 0, err);
    if (rc != 0)
        return rc;
    self->matrix = x;
    self->hash = kin_alloc(x->n, 2 * sizeof *self->hash);
    self->unit_sum = kin_alloc_zero(KIN_ROW_RUNS, x->d * sizeof *self->unit_sum);
    if (!self->hash || !self->unit_sum)
        return kin_fail_alloc(err, "health of vectors", plan.total_bytes);
    for (size_t run = 0; run < KIN_ROW_RUNS; run++)
        self->part[run] = (part){nothing, self->unit_sum + run * x->d};
    return 0;
}

static int end(void *scan, size_t m, kin_error *err)
{
    (void)err;
    health_scan *self = scan;
    health *out = &self->out[m];
    *out = nothing;
    for (size_t run = 0; run < KIN_ROW_RUNS; run++)
        add_part(out, &self->part[run].sums);
    take_means(out, self->unit_sum, self->matrix->d);
    find_shared(out, self->matrix->n, self->hash, self->hash + self->matrix->n);
    forget(self);
    return 0;
}

int kin_health_scan_new(health_scan **out, health *into, kin_error *err)
{
    health_scan *self = kin_alloc_zero(1, sizeof *self);
    if (!self)
        return kin_fail_alloc(err, "health of vectors", sizeof *self);
    self->out = into;
    self->visitor = (kin_row_visitor){self, begin, end, take_row};
    *out = self;
    return 0;
}

const kin_row_visitor *kin_health_scan_visitor(const health_scan *self)
{
    return &self->visitor;
}

void kin_health_scan_free(health_scan *self)
{
    if (self)
        forget(self);
    free(self);
}

/* All rows of a matrix that no catalog is opened with: any value may be in it. */
static int scan_rows(health_scan *self, const kin_matrix *x, kin_error *err)
{
    const kin_kernels *kernels = kin_kernels_best();
    bool refused = false;
#pragma omp parallel for schedule(dynamic) reduction(|| : refused)
    for (size_t run = 0; run < KIN_ROW_RUNS; run++) {
        float *value = kin_alloc(x->d, sizeof *value);
        refused = refused || !value;
        for (size_t row = x->n * run / KIN_ROW_RUNS; value && row < x->n * (run + 1) / KIN_ROW_RUNS;
             row++) {
            kernels->widen[x->dtype](value, kin_matrix_row(x, row), x->d);
            take_row(self, run, row, value, kernels->dot[KIN_F32](value, value, x->d),
                     hash_row(x, row));
        }
        free(value);
    }
    return refused ? kin_fail_alloc(err, "row buffer", x->d * sizeof(float)) : 0;
}

int kin_health_scan_matrix(health *out, const kin_matrix *x, kin_error *err)
{
    health_scan *self;
    int rc = kin_health_scan_new(&self, out, err);
    if (rc != 0)
        return rc;
    rc = begin(self, 0, x, err);
    if (rc == 0)
        rc = scan_rows(self, x, err);
    if (rc == 0)
        rc = end(self, 0, err);
    if (rc == 0)
        find_first_rows(out, x);
    kin_health_scan_free(self);
    return rc;
}

json_t *kin_health_vectors_json(const health *self)
{
    return json_pack("{s:o, s:o, s:I}", "norm_mean", kin_json_real(self->norm_mean), "mean_cosine",
                     kin_json_real(self->mean_cosine), "repeated_rows",
                     (json_int_t)(self->usable_rows - self->distinct_rows));
}
