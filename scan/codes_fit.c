/*
 * Learns from a sample of rows: mean, axes, how many of them lead, and the leading step.
 *
 * The number of leading dimensions is a matter of cost. A tile costs `lead` products a pair, and
 * every pair that it cannot exclude costs a refinement. Both are counted on a part of the sample:
 * the K-th best of n is about the (K s / n)-th best of s sampled rows. Where no small number of
 * dimensions excludes enough (isotropic rows), all of them lead and no tail is left. Counts
 * decide, not clocks: a catalog gets the same choice on every machine.
 */
#include "scan/codes_fit.h"
#include "core/gemm.h"
#include "core/memory.h"
#include "core/score.h"
#include "core/select.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum {
    SAMPLE_ROWS = 4096,
    SAMPLE_FLOATS = 1 << 24, /* 64 MiB */
    SAMPLE_LEAST = 256,      /* below, axes would be chance */
    COUNTED_ROWS = 512,      /* whose pairs are counted */
    STEP_ROWS = 1024,        /* whose largest leading coordinate sets the step */
    STEP_BLOCK = 128,
    LEAD_UNIT = 64,
    ORDER_AXES = 32,
};

/* A pair refined costs as much as this many products of a tile (measured with AVX-512 VNNI: some
 * 13 ns with all that follows, against 2.2e-12 s). */
static const double refine_products = 6000;

typedef struct sample {
    size_t rows, d;
    float *y;    /* [rows][d] centred */
    float *bias; /* [rows] <mean, u> - <mean, mean> / 2 */
    float *mean; /* [d] */
} sample;

static void sample_release(sample *self)
{
    free(self->y);
    free(self->bias);
    free(self->mean);
}

/* Every (codes->rows / rows)-th of the rows that are encoded. Their length is at most 1. */
static int read_sample(const kin_codes *codes, const kin_codes_options *options, sample *self,
                       kin_error *err)
{
    const kin_fused *fused = &codes->fused;
    size_t seen = 0, taken = 0;
    for (size_t i = 0; i < fused->catalog->n && taken < self->rows; i++) {
        if (!kin_codes_takes_part(fused->catalog, options, i))
            continue;
        if (seen++ * self->rows / codes->rows != taken)
            continue;
        float *y = self->y + taken++ * self->d;
        kin_fused_row(fused, i, y);
        if (!(kin_kernels_best()->dot[KIN_F32](y, y, self->d) <= 1.01))
            return kin_catalog_fail_row(fused->catalog, i, err);
    }
    self->rows = taken;
    return 0;
}

static void centre(sample *self)
{
    double *sum = kin_alloc_zero(self->d, sizeof *sum);
    for (size_t i = 0; i < self->rows && sum; i++)
        for (size_t k = 0; k < self->d; k++)
            sum[k] += self->y[i * self->d + k];
    for (size_t k = 0; k < self->d; k++) /* without memory the mean is 0: slower, not wrong */
        self->mean[k] = sum && self->rows > 0 ? (float)(sum[k] / (double)self->rows) : 0;
    free(sum);
    double half = 0.5 * kin_kernels_best()->dot[KIN_F32](self->mean, self->mean, self->d);
    for (size_t i = 0; i < self->rows; i++) {
        float *y = self->y + i * self->d;
        self->bias[i] = (float)(kin_kernels_best()->dot[KIN_F32](self->mean, y, self->d) - half);
        for (size_t k = 0; k < self->d; k++)
            y[k] -= self->mean[k];
    }
}

static int draw_sample(sample *self, const kin_codes *codes, const kin_codes_options *options,
                       kin_error *err)
{
    size_t most = SAMPLE_FLOATS / codes->fused.d;
    most = most < SAMPLE_LEAST ? SAMPLE_LEAST : most < SAMPLE_ROWS ? most : SAMPLE_ROWS;
    *self = (sample){.rows = codes->rows < most ? codes->rows : most, .d = codes->fused.d};
    self->y = kin_alloc(kin_size_mul(self->rows, self->d), sizeof *self->y);
    self->bias = kin_alloc(self->rows, sizeof *self->bias);
    self->mean = kin_alloc(self->d, sizeof *self->mean);
    if (!self->y || !self->bias || !self->mean)
        return kin_fail_alloc(err, "a sample", kin_size_mul(self->rows * self->d, sizeof(float)));
    int rc = read_sample(codes, options, self, err);
    if (rc == 0)
        centre(self);
    return rc;
}

/* ---- how many dimensions lead --------------------------------------------------------------- */

/* Pairs of COUNTED_ROWS rows. */
typedef struct counted {
    size_t rows;
    float *dot;        /* [rows][rows] of the leading coordinates */
    float *threshold;  /* [rows] about the K-th best score */
    float *left;       /* [rows] square of what is not leading yet */
    float *all;        /* [rows] square of the whole */
    float *bias;       /* [rows] */
    float *coordinate; /* [rows][axes] */
    float *workspace;  /* [KIN_GEMM_WORKSPACE] */
} counted;

static void counted_release(counted *self)
{
    free(self->dot);
    free(self->threshold);
    free(self->left);
    free(self->all);
    free(self->bias);
    free(self->coordinate);
    free(self->workspace);
}

/* Sets the threshold of each counted row: about its K-th best score in the whole sample. */
static int find_thresholds(counted *self, const sample *from, size_t stride, size_t rank,
                           kin_error *err)
{
    size_t s = from->rows, d = from->d;
    float *score = kin_alloc(kin_size_mul(self->rows, s), sizeof *score);
    uint64_t *keys = kin_alloc(kin_size_mul((size_t)omp_get_max_threads(), s), sizeof *keys);
    if (!score || !keys) {
        free(score);
        free(keys);
        return kin_fail_alloc(err, "a sample", kin_size_mul(self->rows * s, sizeof *score));
    }
    kin_gemm(self->rows, s, d, (kin_gemm_side){from->y, d * stride, false},
             (kin_gemm_side){from->y, d, true}, KIN_GEMM_SET, score, s, self->workspace);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < self->rows; i++) {
        uint64_t *key = keys + (size_t)omp_get_thread_num() * s;
        for (size_t j = 0; j < s; j++) {
            float value = j == i * stride ? -2 : score[i * s + j] + from->bias[j];
            key[j] = (uint64_t)(~kin_score_order(value)) << 32 | (uint32_t)j;
        }
        size_t best = (uint32_t)kin_keys_nth(key, s, rank);
        self->threshold[i] = score[i * s + best] + from->bias[best] + self->bias[i];
        self->all[i] = self->left[i] = score[i * s + i * stride];
    }
    free(score);
    free(keys);
    return 0;
}

/* What the cost of a number of leading dimensions depends on. */
typedef struct lead_costs {
    double looked_at;    /* share of all pairs that tiles see */
    float tail_fraction; /* of the product of two tails' lengths, that a bound allows for */
    float slack;         /* it allows for: twice what the leading codes lose of a unit of energy */
} lead_costs;

static const lead_costs proven = {1, 1, 0.023f};

/* Estimates allow for what tails of near pairs nearly always stay below. Of the pairs, those are
 * looked at whose lists are probed: on the catalogs measured about 16 / sqrt(n) of them
 * (docs/JOIN.md). */
static lead_costs approximate_costs(size_t n)
{
    double looked_at = 16 / sqrt((double)n);
    return (lead_costs){looked_at < 1 ? looked_at : 1, 0.5f, 0};
}

/* The share of pairs that bounds by the leading coordinates cannot exclude. */
static double share_possible(const counted *self, const lead_costs *costs)
{
    size_t possible = 0;
    for (size_t i = 0; i < self->rows; i++)
        for (size_t j = 0; j < i; j++) {
            float tails = sqrtf(fmaxf(self->left[i], 0) * fmaxf(self->left[j], 0));
            float bound = self->dot[i * self->rows + j] + costs->tail_fraction * tails +
                          self->bias[i] + self->bias[j] +
                          costs->slack * sqrtf(self->all[i] * self->all[j]);
            possible += bound >= fminf(self->threshold[i], self->threshold[j]);
        }
    double pairs = 0.5 * (double)self->rows * (double)(self->rows - 1);
    return pairs > 0 ? (double)possible / pairs : 0;
}

/* Takes axes from .. from + LEAD_UNIT - 1 in. */
static void lead_on(counted *self, size_t from, size_t axes)
{
    const float *x = self->coordinate + from;
    kin_gemm(self->rows, self->rows, LEAD_UNIT, (kin_gemm_side){x, axes, false},
             (kin_gemm_side){x, axes, true}, KIN_GEMM_ADD, self->dot, self->rows, self->workspace);
    for (size_t i = 0; i < self->rows; i++)
        for (size_t k = 0; k < LEAD_UNIT; k++)
            self->left[i] -= x[i * axes + k] * x[i * axes + k];
}

static int counted_init(counted *self, const sample *from, const kin_axes *axes, size_t rank,
                        kin_error *err)
{
    size_t rows = from->rows < COUNTED_ROWS ? from->rows : COUNTED_ROWS;
    assert(rows > 0);
    size_t stride = from->rows / rows, d = from->d;
    *self = (counted){.rows = rows};
    self->dot = kin_alloc_zero(rows * rows, sizeof *self->dot);
    self->threshold = kin_alloc(rows, sizeof *self->threshold);
    self->left = kin_alloc(rows, sizeof *self->left);
    self->all = kin_alloc(rows, sizeof *self->all);
    self->bias = kin_alloc(rows, sizeof *self->bias);
    self->coordinate = kin_alloc(rows * axes->count, sizeof *self->coordinate);
    self->workspace = kin_alloc(KIN_GEMM_WORKSPACE, sizeof *self->workspace);
    if (!self->dot || !self->threshold || !self->left || !self->all || !self->bias ||
        !self->coordinate || !self->workspace)
        return kin_fail_alloc(err, "a sample", rows * rows * sizeof(float));
    for (size_t i = 0; i < rows; i++)
        self->bias[i] = from->bias[i * stride];
    kin_gemm(rows, axes->count, d, (kin_gemm_side){from->y, d * stride, false},
             (kin_gemm_side){axes->axis, d, true}, KIN_GEMM_SET, self->coordinate, axes->count,
             self->workspace);
    return find_thresholds(self, from, stride, rank, err);
}

/* The cheapest number of leading dimensions; 0: all. */
static int choose_lead(size_t *lead, const sample *from, const kin_axes *axes, size_t n,
                       const kin_codes_options *options, kin_error *err)
{
    counted pairs;
    const size_t top_k = options->top_k;
    const lead_costs costs = options->approximate ? approximate_costs(n) : proven;
    size_t rank = (size_t)((double)top_k * (double)from->rows / (double)n);
    rank = rank >= from->rows ? from->rows - 1 : rank;
    int rc = counted_init(&pairs, from, axes, rank > 0 ? rank - 1 : 0, err);
    double least = INFINITY;
    *lead = 0;
    for (size_t l = LEAD_UNIT; rc == 0 && l <= KIN_LEAD_MAX && l <= axes->count && l < from->d;
         l += LEAD_UNIT) {
        lead_on(&pairs, l - LEAD_UNIT, axes->count);
        double cost =
            costs.looked_at * (double)l + refine_products * share_possible(&pairs, &costs);
        if (cost < least) {
            least = cost;
            *lead = l;
        }
    }
    /* with all dimensions no tail is left to bound, so that hardly more than the K best remain */
    if (costs.looked_at * (double)from->d + refine_products * 3 * (double)top_k / (double)n < least)
        *lead = 0;
    counted_release(&pairs);
    return rc;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* The step that holds the sample's largest leading coordinate. Few other rows have a larger one;
 * those are clipped, which their measured losses tell. */
static int set_step(kin_codes *self, const sample *from, kin_error *err)
{
    const kin_rotation *r = &self->rotation;
    size_t rows = from->rows < STEP_ROWS ? from->rows : STEP_ROWS, out = r->lead + r->tail;
    float *z = kin_alloc(kin_size_mul(rows, out), sizeof *z);
    size_t width = r->lead + LEAD_UNIT;
    float *workspace = kin_alloc(kin_size_mul(rows, width), sizeof *workspace);
    float most = 0;
    bool allocated = z && workspace;
#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < (allocated ? rows : 0); i += STEP_BLOCK) {
        size_t count = rows - i < STEP_BLOCK ? rows - i : STEP_BLOCK;
        kin_rotation_apply(r, from->y + i * from->d, count, z + i * out, workspace + i * width);
    }
    for (size_t i = 0; i < (allocated ? rows : 0); i++)
        for (size_t k = 0; k < r->lead; k++)
            most = fmaxf(most, fabsf(z[i * out + k]));
    self->lead_step = fmaxf(1.02f * most, 1e-4f) / 127;
    free(z);
    free(workspace);
    return allocated ? 0 : kin_fail_alloc(err, "a sample", kin_size_mul(rows, out * sizeof(float)));
}

/* The axes by which rows are clustered. */
static int pack_axes(kin_codes *self, kin_error *err)
{
    size_t d = self->fused.d, count = kin_codes_fit_coordinates(self);
    self->packed_axes = kin_alloc(kin_gemm_packed_floats(d, count), sizeof *self->packed_axes);
    if (!self->packed_axes)
        return kin_fail_alloc(err, "axes", kin_size_mul(d, ORDER_AXES * sizeof(float)));
    kin_gemm_pack(d, count, (kin_gemm_side){self->axes.axis, d, true}, self->packed_axes);
    return 0;
}

int kin_codes_fit_learn(kin_codes *self, const kin_codes_options *options, kin_error *err)
{
    sample from;
    size_t lead = options->lead, d = self->fused.d, n = self->rows;
    int rc = draw_sample(&from, self, options, err);
    if (rc == 0 && d > LEAD_UNIT && from.rows >= SAMPLE_LEAST) {
        size_t count = KIN_LEAD_MAX + KIN_LEAD_SPARE;
        count = count < d ? count : d;
        count = count < from.rows ? count : from.rows;
        rc = kin_axes_fit(&self->axes, from.y, from.rows, d, count, err);
    }
    if (rc == 0 && self->axes.count > 0)
        rc = pack_axes(self, err);
    if (rc == 0 && self->axes.count > 0 && lead == 0)
        rc = choose_lead(&lead, &from, &self->axes, n, options, err);
    if (lead > self->axes.count || lead >= d)
        lead = 0;
    if (rc == 0)
        rc = kin_rotation_init(&self->rotation, from.mean, d, &self->axes, lead, err);
    if (rc == 0)
        rc = set_step(self, &from, err);
    sample_release(&from);
    return rc;
}

size_t kin_codes_fit_coordinates(const kin_codes *self)
{
    size_t count = self->axes.count > 0 ? self->axes.count : self->fused.d;
    return count < ORDER_AXES ? count : ORDER_AXES;
}

void kin_codes_fit_project(const kin_codes *self, const float *y, size_t count, float *out)
{
    size_t d = self->fused.d, coordinates = kin_codes_fit_coordinates(self);
    if (self->axes.count > 0)
        kin_gemm_packed(count, coordinates, d, (kin_gemm_side){y, d, false}, self->packed_axes,
                        KIN_GEMM_SET, out, coordinates);
    else
        for (size_t i = 0; i < count; i++)
            memcpy(out + i * coordinates, y + i * d, coordinates * sizeof *out);
}

void kin_codes_fit_forget(kin_codes *self)
{
    kin_axes_release(&self->axes);
    free(self->packed_axes);
    self->packed_axes = NULL;
}
