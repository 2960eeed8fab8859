/*
 * The oracle (declared in oracle.h). Cost: n^2 d for all rows; meant for some hundred items.
 */
#include "oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void oracle_release(oracle *self)
{
    for (size_t m = 0; m < KIN_MODALITIES_MAX; m++) {
        free(self->x[m]);
        free(self->inverse_norm[m]);
    }
    free(self->present);
    *self = (oracle){0};
}

double oracle_lane_dot(const float *x, const float *y, size_t d)
{
    double lane[32] = {0};
    for (size_t i = 0; i < d; i++)
        lane[i % 32] += (double)x[i] * (double)y[i];
    for (int half = 16; half >= 1; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] = lane[l] + lane[l + half];
    return lane[0];
}

long double oracle_dot(const float *x, const float *y, size_t d, long double *magnitude)
{
    long double sum = 0;
    long double size = 0;
    for (size_t i = 0; i < d; i++) {
        long double product = (long double)x[i] * y[i];
        sum += product;
        size += fabsl(product);
    }
    if (magnitude)
        *magnitude = size;
    return sum;
}

static const float *row_of(const oracle *self, size_t m, size_t i)
{
    return self->x[m] + i * self->d[m];
}

/* Which modalities item i counts with: a zero row is none, and drop leaves nothing of an item that
 * lacks one. */
static unsigned find_present(const oracle *self, size_t i)
{
    unsigned present = 0;
    for (size_t m = 0; m < self->modality_count; m++)
        for (size_t c = 0; c < self->d[m]; c++)
            if (row_of(self, m, i)[c] != 0)
                present |= 1u << m;
    bool complete = present == (1u << self->modality_count) - 1;
    return complete || self->missing != KIN_MISSING_DROP ? present : 0;
}

void oracle_prepare(oracle *self)
{
    self->present = malloc(self->n * sizeof *self->present);
    for (size_t i = 0; i < self->n; i++)
        self->present[i] = find_present(self, i);
    for (size_t m = 0; m < self->modality_count; m++) {
        self->inverse_norm[m] = malloc(self->n * sizeof(double));
        for (size_t i = 0; i < self->n; i++) {
            const float *x = row_of(self, m, i);
            self->inverse_norm[m][i] = 1.0 / sqrt(oracle_lane_dot(x, x, self->d[m]));
        }
    }
}

bool oracle_score(const oracle *self, size_t i, size_t j, oracle_pair *out)
{
    unsigned shared = self->present[i] & self->present[j];
    double sum = 0;
    double all_weights = 0;
    double shared_weights = 0;
    bool complete = true;
    if (shared == 0)
        return false;
    *out = (oracle_pair){.row = (int32_t)j};
    for (size_t m = 0; m < self->modality_count; m++) {
        const float *x = row_of(self, m, i);
        const float *y = row_of(self, m, j);
        size_t d = self->d[m];
        all_weights += self->weight[m];
        out->cosine[m] = NAN;
        if (!(shared & 1u << m)) {
            complete = false;
            continue;
        }
        shared_weights += self->weight[m];
        double inverse = self->inverse_norm[m][i] * self->inverse_norm[m][j];
        double cosine = oracle_lane_dot(x, y, d) * inverse;
        out->cosine[m] = (float)cosine;
        sum += self->weight[m] * cosine;
    }
    if (!complete && self->missing == KIN_MISSING_RENORM)
        sum = all_weights * sum / shared_weights;
    out->score = (float)sum;
    return true;
}

long double oracle_true_score(const oracle *self, size_t i, size_t j)
{
    unsigned shared = self->present[i] & self->present[j];
    long double sum = 0;
    long double all_weights = 0;
    long double shared_weights = 0;
    if (shared == 0)
        return NAN;
    for (size_t m = 0; m < self->modality_count; m++) {
        const float *x = row_of(self, m, i);
        const float *y = row_of(self, m, j);
        size_t d = self->d[m];
        all_weights += self->weight[m];
        if (!(shared & 1u << m))
            continue;
        shared_weights += self->weight[m];
        sum += self->weight[m] * (oracle_dot(x, y, d, NULL) / sqrtl(oracle_dot(x, x, d, NULL)) /
                                  sqrtl(oracle_dot(y, y, d, NULL)));
    }
    return self->missing == KIN_MISSING_RENORM ? all_weights * sum / shared_weights : sum;
}

static int by_score_then_row(const void *a, const void *b)
{
    const oracle_pair *x = a;
    const oracle_pair *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

size_t oracle_row(const oracle *self, size_t i, const int32_t *candidate, size_t count, size_t k,
                  oracle_pair *out)
{
    size_t found = 0;
    size_t tries = candidate ? count : self->n;
    for (size_t c = 0; c < tries; c++) {
        size_t j = candidate ? (size_t)candidate[c] : c;
        if (j != i && oracle_score(self, i, j, &out[found]))
            found++;
    }
    qsort(out, found, sizeof *out, by_score_then_row);
    return found < k ? found : k;
}
