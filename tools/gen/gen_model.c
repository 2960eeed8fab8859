/*
 * Draws the model of a synthetic catalog (what it is for: gen.h): sizes and tree of the clusters,
 * and per modality an orthogonal basis, centres, widths and reflections.
 *
 * Why a basis of 64 axes and one reflection per cluster: 64 axes carry 96 % of the variance, a row
 * costs 64 x d multiplications instead of d x d, and a reflection turns a cluster's axes for 64
 * multiplications where a rotation would need 4,096.
 * Leaves out: curvature within clusters, and a tail of the spectrum as long as a real one's.
 * Time: 64^2 d per modality for the basis, 64 per cluster and modality. Memory: see kin_gen_new.
 *
 * What comes out at 44,072 x (512 + 512), K = 200, weights .6/.4, seeds 1 to 5, beside the real
 * catalog of that shape (tests/long/gen_hardness.py asserts the first two):
 *                                                  synthetic       real
 *   fused top-200 in the union of top-C lists
 *     C = 200                                      .62 to .66      .67
 *     C = 800                                      .96 to .98      .98
 *   recall of IVF256, 16 probes, fused space       .95 to .976     .980
 *   largest of the 256 lists / mean                2.3 to 3.2      3.2
 *   median cosine at rank 200: text, image, fused  .91 .90 .87     .90 .90 .87
 *   mean cosine of all pairs: text, image          .68 .58         .65 .58
 *   correlation of text and image cosines          .11 to .21      .17
 *   overlap of text and image top-200              .08 to .09      .09
 *   local intrinsic dimension: text, image, fused  11 13 14        8 13 12
 *   variance / mean of k-occurrences (hubs), fused 7 to 8          6
 *   variance in 8, 64 directions: text             .59 .95         .49 .89
 *                                 image            .70 .96         .65 .90
 */
#include "tools/gen/gen_model.h"

#include "core/memory.h"
#include "core/random.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static const gen_shape text_shape = {.mean = 0.78,
                                     .between = 0.45,
                                     .noise = 0.04,
                                     .centre_decay = 1.0,
                                     .centre_start = 1.0,
                                     .width_decay = 1.7,
                                     .width_luck = 1.4,
                                     .size_luck = 0.2,
                                     .crispness = 0.12,
                                     .norm = 1.0,
                                     .norm_luck = 0.05};

static const gen_shape image_shape = {.mean = 0.72,
                                      .between = 0.5,
                                      .noise = 0.04,
                                      .centre_decay = 1.4,
                                      .centre_start = 0.5,
                                      .width_decay = 1.6,
                                      .width_luck = 1.0,
                                      .size_luck = 0.2,
                                      .crispness = 0.12,
                                      .norm = 20.0,
                                      .norm_luck = 0.35};

double gen_exp(double x)
{
    double power = 1 + x * 0x1p-20;

    for (int i = 0; i < 20; i++)
        power *= power;
    return power;
}

/* ln x for x > 0, by the series of the inverse hyperbolic tangent. */
static double natural_log(double x)
{
    int exponent;
    double fraction = frexp(x, &exponent), s = (fraction - 1) / (fraction + 1);
    double term = s, sum = 0;

    for (int i = 1; i < 40; i += 2, term *= s * s)
        sum += term / i;
    return exponent * 0.69314718055994531 + 2 * sum;
}

static double power_law(double x, double decay)
{
    return gen_exp(-decay * natural_log(x));
}

/* out[k] = (k + 1 + start)^-decay, scaled so that all add up to 1. out: [count] */
static void decaying_shares(double *out, size_t count, double start, double decay)
{
    double sum = 0;

    for (size_t k = 0; k < count; k++)
        sum += out[k] = power_law((double)k + 1 + start, decay);
    for (size_t k = 0; k < count; k++)
        out[k] /= sum;
}

static double dot(const float *x, const float *y, size_t count)
{
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += (double)x[i] * y[i];
    return sum;
}

/* Scales x to length `to`; a zero vector stays. */
static void set_length(float *x, size_t count, double to)
{
    double square = dot(x, x, count);
    double factor = square > 0 ? to / sqrt(square) : 0;

    for (size_t i = 0; i < count; i++)
        x[i] = (float)(x[i] * factor);
}

static void draw_clusters(kin_gen *self)
{
    const size_t clusters = self->options.clusters;
    uint64_t key = kin_random_key(self->options.seed, GEN_PARENT, 0);
    double sum = 0;

    decaying_shares(self->cumulative, clusters, 0, self->options.zipf);
    for (size_t c = 0; c < clusters; c++) {
        self->cumulative[c] = sum += self->cumulative[c];
        /* A parent is an older, hence larger, cluster. */
        self->parent[c] = c < GEN_DEPARTMENTS ? c : (size_t)(kin_random_unit(key, c) * (double)c);
    }
    self->cumulative[clusters - 1] = 1;
}

/* Orthogonal rows by Gram and Schmidt, each of length `length`. */
static void draw_basis(gen_modality *self, uint64_t seed, uint64_t stream, double length)
{
    const size_t d = self->dim;

    for (size_t k = 0; k < self->axes; k++) {
        float *row = self->basis + k * d;

        kin_random_normals(kin_random_key(seed, stream, k), d, row);
        for (size_t earlier = 0; earlier < k; earlier++) {
            const float *other = self->basis + earlier * d;
            double along = dot(row, other, d);

            for (size_t j = 0; j < d; j++)
                row[j] = (float)(row[j] - along * other[j]);
        }
        set_length(row, d, 1);
    }
    for (size_t i = 0; i < self->axes * d; i++)
        self->basis[i] = (float)(self->basis[i] * length);
}

static void draw_mean_and_noise(gen_modality *self, uint64_t seed, size_t m, double beside_mean)
{
    const size_t d = self->dim;
    double square = 0;

    kin_random_normals(kin_random_key(seed, GEN_MEAN + m, 0), d, self->mean);
    set_length(self->mean, d, self->shape->mean);
    for (size_t j = 0; j < d; j++) {
        self->noise[j] = (float)(60 / (60 + (double)j)); /* a decaying tail, not a constant */
        square += (double)self->noise[j] * self->noise[j];
    }
    for (size_t j = 0; j < d; j++)
        self->noise[j] = (float)(self->noise[j] * beside_mean * sqrt(self->shape->noise / square));
}

/* Centre c = sqrt(heredity) * parent's + sqrt(1 - heredity) * its own: the variance is the same at
 * every depth of the tree. */
static void draw_centres(const kin_gen *self, gen_modality *out, size_t m)
{
    const double inherited = sqrt(self->options.heredity);
    const double fresh = sqrt(1 - self->options.heredity);
    double share[GEN_AXES];

    decaying_shares(share, out->axes, out->shape->centre_start, out->shape->centre_decay);
    for (size_t c = 0; c < self->options.clusters; c++) {
        float *centre = out->centre + c * out->axes;
        const float *parent = out->centre + self->parent[c] * out->axes;
        const bool root = self->parent[c] == c;

        kin_random_normals(kin_random_key(self->options.seed, GEN_CENTRE + m, c), out->axes,
                           centre);
        for (size_t k = 0; k < out->axes; k++) {
            double own = centre[k] * sqrt(out->shape->between * share[k]);

            centre[k] = (float)(root ? own : inherited * parent[k] + fresh * own);
        }
    }
}

static void draw_widths(const kin_gen *self, gen_modality *out, size_t m)
{
    const gen_shape *shape = out->shape;
    const uint64_t seed = self->options.seed;
    double share[GEN_AXES];
    float luck[GEN_AXES + 1];

    decaying_shares(share, out->axes, shape->centre_start, shape->width_decay);
    for (size_t c = 0; c < self->options.clusters; c++) {
        float *width = out->width + c * out->axes, *mirror = out->mirror + c * out->axes;

        kin_random_normals(kin_random_key(seed, GEN_WIDTH + m, c), out->axes + 1, luck);
        for (size_t k = 0; k < out->axes; k++)
            width[k] = (float)(sqrt(share[k]) * gen_exp(shape->width_luck * luck[k]));
        set_length(width, out->axes,
                   sqrt(1 - shape->between) *
                       gen_exp(shape->size_luck * (luck[out->axes] - shape->size_luck)));
        kin_random_normals(kin_random_key(seed, GEN_MIRROR + m, c), out->axes, mirror);
        set_length(mirror, out->axes, 1);
    }
}

static int allocate(kin_gen *self, kin_error *err)
{
    const size_t clusters = self->options.clusters;
    bool whole = true;
    size_t bytes = clusters * (sizeof *self->cumulative + sizeof *self->parent);

    self->cumulative = kin_alloc(clusters, sizeof *self->cumulative);
    self->parent = kin_alloc(clusters, sizeof *self->parent);
    for (size_t m = 0; m < self->options.modality_count; m++) {
        gen_modality *part = &self->modality[m];
        size_t table = clusters * part->axes;

        part->mean = kin_alloc(part->dim, sizeof *part->mean);
        part->noise = kin_alloc(part->dim, sizeof *part->noise);
        part->basis = kin_alloc(part->axes * part->dim, sizeof *part->basis);
        part->centre = kin_alloc(table, sizeof *part->centre);
        part->width = kin_alloc(table, sizeof *part->width);
        part->mirror = kin_alloc(table, sizeof *part->mirror);
        whole = whole && part->mean && part->noise && part->basis && part->centre && part->width &&
                part->mirror;
        bytes += (part->dim * (part->axes + 2) + 3 * table) * sizeof(float);
    }
    if (!whole || !self->cumulative || !self->parent)
        return kin_fail_alloc(err, "the generator's model", bytes);
    return 0;
}

static int check_number(const char *name, double value, double min, double max, kin_error *err)
{
    if (value >= min && value <= max) /* false for NaN */
        return 0;
    return kin_fail(err, KIN_E_USAGE, "see kin gen --help for the ranges",
                    "generator: %s is %.17g, must be %.10g to %.10g", name, value, min, max);
}

static int check_options(const kin_gen_options *options, kin_error *err)
{
    const struct {
        const char *name;
        double value, min, max;
    } check[] = {
        {"items", (double)options->items, 1, 0x1p32},
        {"the number of modalities", (double)options->modality_count, 1, KIN_GEN_MODALITIES_MAX},
        {"clusters", (double)options->clusters, 0, 1e6},
        {"zipf", options->zipf, 0, 4},
        {"heredity", options->heredity, 0, 1},
        {"agreement", options->agreement, 0, 1},
        {"shared", options->shared, 0, 1},
        {"missing-share", options->missing_share, 0, 0.1},
        {"duplicate-share", options->duplicate_share, 0, 0.9},
    };
    int rc = 0;

    for (size_t i = 0; !rc && i < sizeof check / sizeof *check; i++)
        rc = check_number(check[i].name, check[i].value, check[i].min, check[i].max, err);
    for (size_t m = 0; !rc && m < options->modality_count; m++)
        rc = check_number("a modality's dimension", (double)options->dims[m], 1, 65536, err);
    return rc;
}

int kin_gen_new(kin_gen **out, const kin_gen_options *options, kin_error *err)
{
    kin_gen *self = NULL;
    int rc = check_options(options, err);

    if (rc)
        goto exit;
    self = calloc(1, sizeof *self);
    if (!self) {
        rc = kin_fail_alloc(err, "the generator", sizeof *self);
        goto exit;
    }
    self->options = *options;
    if (!self->options.clusters)
        self->options.clusters = (size_t)ceil(1.5 * sqrt((double)options->items));
    for (size_t m = 0; m < options->modality_count; m++) {
        gen_modality *part = &self->modality[m];

        part->shape = m == 0 ? &text_shape : &image_shape;
        part->dim = options->dims[m];
        part->axes = part->dim < GEN_AXES ? part->dim : GEN_AXES;
    }
    rc = allocate(self, err);
    if (rc)
        goto exit;
    draw_clusters(self);
    for (size_t m = 0; m < options->modality_count; m++) {
        gen_modality *part = &self->modality[m];
        double beside_mean = sqrt(1 - part->shape->mean * part->shape->mean);

        draw_mean_and_noise(part, options->seed, m, beside_mean);
        draw_basis(part, options->seed, GEN_BASIS + m, beside_mean * sqrt(1 - part->shape->noise));
        draw_centres(self, part, m);
        draw_widths(self, part, m);
    }
    *out = self;
    self = NULL;
exit:
    kin_gen_free(self);
    return rc;
}

void kin_gen_free(kin_gen *self)
{
    if (!self)
        return;
    for (size_t m = 0; m < self->options.modality_count; m++) {
        gen_modality *part = &self->modality[m];

        free(part->mean);
        free(part->noise);
        free(part->basis);
        free(part->centre);
        free(part->width);
        free(part->mirror);
    }
    free(self->cumulative);
    free(self->parent);
    free(self);
}
