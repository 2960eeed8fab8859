/*
 * One pass over the rows, cut into a fixed number of parts whose results are added in order: the
 * same sums whatever the number of threads.
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

enum { PARTS = 64 };

/* What one part of the rows adds. */
typedef struct part {
    health sums;      /* norm_mean holds the sum of norms */
    double *unit_sum; /* [d] */
} part;

static const uint64_t no_hash = 0; /* of rows that do not count */

static uint64_t hash_row(const kin_matrix *x, size_t row)
{
    uint64_t hash = XXH3_64bits(kin_matrix_row(x, row), x->d * kin_dtype_bytes(x->dtype));
    return hash == no_hash ? 1 : hash;
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

static void scan_row(part *p, const kin_matrix *x, size_t row, float *value, uint64_t *hash)
{
    const kin_kernels *kernels = kin_kernels_best();
    health *sums = &p->sums;
    *hash = no_hash;
    kernels->widen[x->dtype](value, kin_matrix_row(x, row), x->d);
    double square = kernels->dot[KIN_F32](value, value, x->d);
    if (!isfinite(square) && count_bad(sums, value, x->d, row)) {
        sums->bad_rows++;
        return;
    }
    note_range(sums, value, x->d);
    if (square == 0) {
        sums->zero_rows++;
        return;
    }
    double norm = sqrt(square);
    double inverse = 1 / norm;
    for (size_t j = 0; j < x->d; j++)
        p->unit_sum[j] += value[j] * inverse;
    sums->norm_min = norm < sums->norm_min ? norm : sums->norm_min;
    sums->norm_max = norm > sums->norm_max ? norm : sums->norm_max;
    sums->norm_mean += norm;
    sums->usable_rows++;
    *hash = hash_row(x, row);
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

/* Means from sums. `unit_sum` [PARTS][d]. */
static void finish(health *self, double *unit_sum, size_t d)
{
    double square = 0;
    double rows = (double)self->usable_rows;
    for (size_t j = 0; j < d; j++) {
        double sum = 0;
        for (size_t p = 0; p < PARTS; p++)
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

/* Groups of equal hashes, and the first row of each of the largest. Sorts `hash`; `space` has as
 * many. */
static void find_shared(health *self, const kin_matrix *x, uint64_t *hash, uint64_t *space)
{
    kin_keys_sort(hash, space, x->n, 0, 64);
    size_t end;
    for (size_t i = 0; i < x->n; i = end) {
        end = i + 1;
        while (end < x->n && hash[end] == hash[i])
            end++;
        if (hash[i] == no_hash)
            continue;
        self->distinct_rows++;
        if (end - i > 1)
            keep_group(self, (health_shared){hash[i], end - i, SIZE_MAX});
    }
    size_t missing = self->shared_count;
    for (size_t row = 0; row < x->n && missing > 0; row++) {
        uint64_t here = hash_row(x, row);
        for (size_t s = 0; s < self->shared_count; s++)
            if (self->shared[s].hash == here && self->shared[s].first_row == SIZE_MAX) {
                self->shared[s].first_row = row;
                missing--;
            }
    }
}

/* All rows into `parts` and `hash`; -1 when a row buffer was refused. */
static int scan_rows(part parts[PARTS], double *unit_sum, const kin_matrix *x, uint64_t *hash)
{
    bool refused = false;
#pragma omp parallel for schedule(dynamic) reduction(|| : refused)
    for (size_t p = 0; p < PARTS; p++) {
        float *value = kin_alloc(x->d, sizeof *value);
        parts[p] = (part){nothing, unit_sum + p * x->d};
        refused = refused || !value;
        for (size_t row = x->n * p / PARTS; value && row < x->n * (p + 1) / PARTS; row++)
            scan_row(&parts[p], x, row, value, &hash[row]);
        free(value);
    }
    return refused ? -1 : 0;
}

int kin_health_scan(health *out, const kin_matrix *x, kin_error *err)
{
    *out = nothing;
    part parts[PARTS];
    kin_memory_plan plan = KIN_MEMORY_PLAN_INIT;
    kin_memory_plan_add(&plan, "row hashes", x->n, 2 * sizeof(uint64_t));
    kin_memory_plan_add(&plan, "sums of unit rows", PARTS, x->d * sizeof(double));
    int rc = kin_memory_plan_check(&plan, 0, err);
    if (rc != 0)
        return rc;
    uint64_t *hash = kin_alloc(x->n, 2 * sizeof *hash); /* and room to sort them */
    double *unit_sum = kin_alloc_zero(PARTS, x->d * sizeof *unit_sum);
    if (!hash || !unit_sum || scan_rows(parts, unit_sum, x, hash) != 0) {
        rc = kin_fail_alloc(err, "health of vectors", plan.total_bytes);
        goto done;
    }
    for (size_t p = 0; p < PARTS; p++)
        add_part(out, &parts[p].sums);
    finish(out, unit_sum, x->d);
    find_shared(out, x, hash, hash + x->n);
done:
    free(unit_sum);
    free(hash);
    return rc;
}

json_t *kin_health_vectors_json(const health *self)
{
    return json_pack("{s:o, s:o, s:I}", "norm_mean", kin_json_real(self->norm_mean), "mean_cosine",
                     kin_json_real(self->mean_cosine), "repeated_rows",
                     (json_int_t)(self->usable_rows - self->distinct_rows));
}
