/*
 * Rows of a synthetic catalog (what the model means: gen.h; how it is drawn: gen_model.c).
 *
 * A row goes: row number -> rank (a random order, so that neither duplicates nor anything else
 * depends on the position in the file) -> whose vector it repeats, if any -> cluster -> coordinates
 * -> vector. Every step asks the counter-based generator, so no step remembers anything.
 *
 * Duplicates: an item repeats one of a lower rank, chosen with a preference for the lowest (rank *
 * u^2.5), and with it becomes a variant of the same product: same cluster and shared coordinates.
 * Following such links downwards ends after O(log n) steps and makes group sizes fall as
 * size^-2.7, near what titles of a real catalog do.
 *
 * Cost: 64 x d multiplications and 2 d hashes a row; no memory beside the output.
 */
#include "core/random.h"
#include "tools/gen/gen_model.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Whether the item of this rank repeats another one's vector in a modality. Rank 0 cannot. */
static bool repeats(const kin_gen *self, size_t rank, size_t modality)
{
    uint64_t key = kin_random_key(self->options.seed, GEN_COPY, rank);
    double share = self->options.duplicate_share / (modality == 0 ? 1 : 16);

    return rank > 0 && kin_random_unit(key, 1 + modality) < share;
}

/* The item that it repeats, if it does: always of a lower rank. */
static size_t model_of(const kin_gen *self, size_t rank)
{
    uint64_t key = kin_random_key(self->options.seed, GEN_COPY, rank);
    double u = kin_random_unit(key, 0);

    return (size_t)((double)rank * (u * u * sqrt(u)));
}

/* The item whose vector this one has in a modality. */
static size_t source_of(const kin_gen *self, size_t rank, size_t modality)
{
    while (repeats(self, rank, modality))
        rank = model_of(self, rank);
    return rank;
}

/* The item that this one is a variant of: it repeats that one in some modality, or through
 * others. */
static size_t product_of(const kin_gen *self, size_t rank)
{
    for (;;) {
        bool variant = false;

        for (size_t m = 0; m < self->options.modality_count; m++)
            variant = variant || repeats(self, rank, m);
        if (!variant)
            return rank;
        rank = model_of(self, rank);
    }
}

/* One draw decides which modality is missing, so an item never misses two. */
static bool is_missing(const kin_gen *self, size_t rank, size_t modality)
{
    const double share = self->options.missing_share;
    double u = kin_random_unit(kin_random_key(self->options.seed, GEN_MISSING, rank), 0);

    if (self->options.modality_count == 1)
        return false;
    if (modality == 0)
        return u < share / 4;
    return u >= share * ((double)modality - 0.75) && u < share * ((double)modality + 0.25);
}

/* The cluster whose part of [0, 1) holds u. */
static size_t cluster_at(const kin_gen *self, double u)
{
    size_t low = 0, high = self->options.clusters - 1;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (u < self->cumulative[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* The first modality has the product's cluster. A later one has it too, or its parent in seven of
 * ten other cases, or any. `item_key` draws 0 and 1 are used. */
static size_t cluster_of(const kin_gen *self, size_t product, size_t modality, uint64_t item_key)
{
    const double agreement = self->options.agreement;
    uint64_t product_key = kin_random_key(self->options.seed, GEN_CLUSTER, product);
    size_t cluster = cluster_at(self, kin_random_unit(product_key, 0));
    double u = kin_random_unit(item_key, 0);

    if (modality == 0 || u < agreement)
        return cluster;
    if (u < agreement + (1 - agreement) * 0.7)
        return self->parent[cluster];
    return cluster_at(self, kin_random_unit(item_key, 1));
}

/* Coordinates z within the cluster: shared ones blended with private ones, the correlation dying
 * away from axis to axis, then bent to stay within 1.6: a cluster with an edge, as real ones have,
 * draws fewer hubs into its middle than a normal cloud. z: [axes] */
static void draw_coordinates(const kin_gen *self, size_t modality, size_t item, size_t product,
                             float *z)
{
    const uint64_t seed = self->options.seed;
    const size_t axes = self->modality[modality].axes;
    float own[GEN_AXES];
    double correlation = self->options.shared;

    kin_random_normals(kin_random_key(seed, GEN_SHARED, product), axes, z);
    kin_random_normals(kin_random_key(seed, GEN_PRIVATE + modality, item), axes, own);
    for (size_t k = 0; k < axes; k++) {
        double x = sqrt(correlation) * z[k] + sqrt(1 - correlation) * own[k];

        z[k] = (float)(1.28 * x / sqrt(1 + 0.64 * x * x));
        correlation *= 0.8825; /* e^(-1/8) */
    }
}

/* y = centre + crispness * (widths * z, mirrored); y and z: [axes], may not overlap. */
static void place_in_cluster(const gen_modality *shape, size_t cluster, double crispness,
                             const float *z, float *y)
{
    const float *centre = shape->centre + cluster * shape->axes;
    const float *width = shape->width + cluster * shape->axes;
    const float *mirror = shape->mirror + cluster * shape->axes;
    float along = 0;

    for (size_t k = 0; k < shape->axes; k++)
        along += mirror[k] * width[k] * z[k];
    for (size_t k = 0; k < shape->axes; k++)
        y[k] = centre[k] + (float)crispness * (width[k] * z[k] - 2 * along * mirror[k]);
}

/* out += basis^T y, four axes at a time: the sums keep their order, the loop over d vectorises. */
static void add_basis(const gen_modality *shape, const float *y, float *out)
{
    const size_t d = shape->dim;
    size_t k = 0;

    for (; k + 4 <= shape->axes; k += 4) {
        const float *b0 = shape->basis + k * d, *b1 = b0 + d, *b2 = b1 + d, *b3 = b2 + d;
        const float y0 = y[k], y1 = y[k + 1], y2 = y[k + 2], y3 = y[k + 3];

        for (size_t j = 0; j < d; j++)
            out[j] += (y0 * b0[j] + y1 * b1[j]) + (y2 * b2[j] + y3 * b3[j]);
    }
    for (; k < shape->axes; k++)
        for (size_t j = 0; j < d; j++)
            out[j] += y[k] * shape->basis[k * d + j];
}

/* Scales x to length `norm`. What cancelled to nothing (possible where d is 1 or 2) becomes the
 * mean direction, or the first axis should even that be zero: a generated row is never zero. */
static void set_norm(const float *mean, size_t d, double norm, float *x)
{
    double square = 0;

    for (size_t j = 0; j < d; j++)
        square += (double)x[j] * x[j];
    if (square < 1e-20) {
        square = 0;
        for (size_t j = 0; j < d; j++) {
            x[j] = mean[j];
            square += (double)x[j] * x[j];
        }
    }
    if (square < 1e-20) {
        x[0] = 1;
        square = 1;
    }
    const float factor = (float)(norm / sqrt(square));
    for (size_t j = 0; j < d; j++)
        x[j] *= factor;
}

static void make_row(const kin_gen *self, size_t modality, size_t row, float *out)
{
    const gen_modality *shape = &self->modality[modality];
    const uint64_t seed = self->options.seed;
    const size_t rank =
        kin_random_place(kin_random_key(seed, GEN_PLACE, 0), self->options.items, row);
    float z[GEN_AXES], y[GEN_AXES], luck[2];

    if (is_missing(self, rank, modality)) {
        memset(out, 0, shape->dim * sizeof *out);
        return;
    }
    const size_t item = source_of(self, rank, modality), product = product_of(self, item);
    const uint64_t item_key = kin_random_key(seed, GEN_ITEM + modality, item);

    kin_random_normals(item_key, 2, luck);
    const double crispness = gen_exp(shape->shape->crispness * (luck[0] - shape->shape->crispness));
    draw_coordinates(self, modality, item, product, z);
    place_in_cluster(shape, cluster_of(self, product, modality, item_key), crispness, z, y);
    kin_random_normals(kin_random_key(seed, GEN_NOISE + modality, item), shape->dim, out);
    for (size_t j = 0; j < shape->dim; j++)
        out[j] = shape->mean[j] + (float)crispness * shape->noise[j] * out[j];
    add_basis(shape, y, out);
    set_norm(shape->mean, shape->dim,
             shape->shape->norm * gen_exp(shape->shape->norm_luck * luck[1]), out);
}

void kin_gen_rows(const kin_gen *self, size_t modality, size_t first, size_t count, float *out)
{
    assert(modality < self->options.modality_count);
    assert(first <= self->options.items && count <= self->options.items - first);
    for (size_t i = 0; i < count; i++)
        make_row(self, modality, first + i, out + i * self->modality[modality].dim);
}
