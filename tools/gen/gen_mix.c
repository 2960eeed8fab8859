/*
 * Enlarges a real catalog by mixing near items (the formula and its reasons: gen_mix.h).
 *
 * The order of the real items is that of a k-d tree's leaves over 16 random projections: one pass
 * over the rows, then sorting of small sketches. Nearest-neighbour search would give nearer
 * partners, but it is what the catalogs are made to measure.
 * Leaves out: growth beyond the region that the real items cover, new clusters.
 * Cost: gen_mix.h. A mixed row reads two or three real ones.
 */
#include "tools/gen/gen_mix.h"
#include "core/memory.h"
#include "core/random.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SKETCH = 16, LEAF = 16 };

enum mix_stream { MIX_DIRECTION = 300, MIX_ITEM, MIX_REPEAT, MIX_NOISE = 310 /* + modality */ };

struct kin_mix {
    kin_mix_source source;
    kin_mix_options options;
    size_t *order; /* [n_real] near items stand near */
    size_t *place; /* [n_real] where an item stands in it */
};

/* What a new item is made of; the same in all its modalities. */
typedef struct recipe {
    size_t parent[3]; /* x0, x1, x2 */
    double weight[3]; /* add up to 1, the first at least 1/2 */
} recipe;

static double length_of(const float *x, size_t d)
{
    double square = 0;

    for (size_t j = 0; j < d; j++)
        square += (double)x[j] * x[j];
    return sqrt(square);
}

/* sketch[i] += projections of the item's unit row in this modality, in float sums of fixed order.
 * directions: [d][SKETCH], so that the inner loop is one vector. */
static void sketch_modality(const kin_mix *self, size_t m, const float *directions, float *x,
                            float *sketch)
{
    const size_t d = self->source.dims[m];

    for (size_t i = 0; i < self->source.items; i++) {
        float sum[SKETCH] = {0};

        self->source.row(self->source.self, m, i, x);
        const double length = length_of(x, d);

        for (size_t j = 0; j < d; j++)
            for (size_t s = 0; s < SKETCH; s++)
                sum[s] += x[j] * directions[j * SKETCH + s];
        for (size_t s = 0; s < SKETCH && length > 0; s++)
            sketch[i * SKETCH + s] += (float)(sum[s] / length);
    }
}

/* The projection in which these items spread widest. */
static size_t widest(const float *sketch, const size_t *item, size_t count)
{
    size_t best = 0;
    float best_width = -1;

    for (size_t s = 0; s < SKETCH; s++) {
        float low = sketch[item[0] * SKETCH + s], high = low;

        for (size_t i = 1; i < count; i++) {
            float x = sketch[item[i] * SKETCH + s];

            low = x < low ? x : low;
            high = x > high ? x : high;
        }
        if (high - low > best_width) {
            best_width = high - low;
            best = s;
        }
    }
    return best;
}

/* Ties by row number: the order is total, so the result does not depend on the algorithm. */
static bool before(const float *sketch, size_t s, size_t a, size_t b)
{
    float x = sketch[a * SKETCH + s], y = sketch[b * SKETCH + s];

    return x < y || (x == y && a < b);
}

/* Quickselect: the `middle` smallest in projection s come first. The pivot is the middle one, which
 * is good for sorted input and, ties being parted by row number, for equal values. */
static void part_at(const float *sketch, size_t s, size_t *item, size_t count, size_t middle)
{
    size_t low = 0, high = count - 1;

    while (low < high) {
        const size_t pivot = item[low + (high - low) / 2];
        size_t i = low, j = high;

        for (;;) {
            while (before(sketch, s, item[i], pivot))
                i++;
            while (before(sketch, s, pivot, item[j]))
                j--;
            if (i >= j)
                break;
            size_t swap = item[i];
            item[i++] = item[j];
            item[j--] = swap;
        }
        if (middle <= j)
            high = j;
        else
            low = j + 1;
    }
}

/* Halves until LEAF are left. Recursion is log2(n) deep. */
static void order_items(const float *sketch, size_t *item, size_t count)
{
    if (count <= LEAF)
        return;
    const size_t middle = count / 2;

    part_at(sketch, widest(sketch, item, count), item, count, middle);
    order_items(sketch, item, middle);
    order_items(sketch, item + middle, count - middle);
}

static size_t widest_dim(const kin_mix_source *source)
{
    size_t most = 0;

    for (size_t m = 0; m < source->modality_count; m++)
        most = source->dims[m] > most ? source->dims[m] : most;
    return most;
}

static int find_order(kin_mix *self, kin_error *err)
{
    const size_t n = self->source.items, d = widest_dim(&self->source);
    float *sketch = kin_alloc_zero(kin_size_mul(n, SKETCH), sizeof *sketch);
    float *directions = kin_alloc(d * SKETCH, sizeof *directions);
    float *x = kin_alloc(d, sizeof *x);
    int rc = 0;

    if (!sketch || !directions || !x) {
        rc = kin_fail_alloc(err, "sketches of the real items", n * SKETCH * sizeof *sketch);
        goto exit;
    }
    for (size_t m = 0; m < self->source.modality_count; m++) {
        kin_random_normals(kin_random_key(self->options.seed, MIX_DIRECTION, m),
                           self->source.dims[m] * SKETCH, directions);
        sketch_modality(self, m, directions, x, sketch);
    }
    for (size_t i = 0; i < n; i++)
        self->order[i] = i;
    order_items(sketch, self->order, n);
    for (size_t i = 0; i < n; i++)
        self->place[self->order[i]] = i;
exit:
    free(x);
    free(directions);
    free(sketch);
    return rc;
}

static int check_options(const kin_mix_source *source, const kin_mix_options *options,
                         kin_error *err)
{
    const char *hint = "see kin gen --help for the ranges";

    if (source->items < 1 || options->items < source->items)
        return kin_fail(err, KIN_E_USAGE, "ask for at least as many items as the catalog has",
                        "generator: items is %zu, the catalog to enlarge has %zu", options->items,
                        source->items);
    if (options->items > (size_t)1 << 32)
        return kin_fail(err, KIN_E_USAGE, hint, "generator: items is %zu, must be at most %zu",
                        options->items, (size_t)1 << 32);
    if (source->modality_count < 1 || source->modality_count > KIN_GEN_MODALITIES_MAX)
        return kin_fail(err, KIN_E_USAGE, hint, "generator: %zu modalities, must be 1 to %d",
                        source->modality_count, KIN_GEN_MODALITIES_MAX);
    if (!(options->noise >= 0 && options->noise <= 2))
        return kin_fail(err, KIN_E_USAGE, hint, "generator: noise is %g, must be 0 to 2",
                        options->noise);
    if (!(options->repeat_share >= 0 && options->repeat_share <= 1))
        return kin_fail(err, KIN_E_USAGE, hint, "generator: repeat-share is %g, must be 0 to 1",
                        options->repeat_share);
    if (options->reach < 1 || options->reach > 1024)
        return kin_fail(err, KIN_E_USAGE, hint, "generator: reach is %zu, must be 1 to 1024",
                        options->reach);
    return 0;
}

int kin_mix_new(kin_mix **out, const kin_mix_source *source, const kin_mix_options *options,
                kin_error *err)
{
    kin_mix *self = NULL;
    int rc = check_options(source, options, err);

    if (rc)
        goto exit;
    self = calloc(1, sizeof *self);
    if (!self) {
        rc = kin_fail_alloc(err, "the generator", sizeof *self);
        goto exit;
    }
    self->source = *source;
    self->options = *options;
    self->order = kin_alloc(source->items, sizeof *self->order);
    self->place = kin_alloc(source->items, sizeof *self->place);
    if (!self->order || !self->place) {
        rc = kin_fail_alloc(err, "the order of the real items",
                            kin_size_mul(source->items, 2 * sizeof *self->order));
        goto exit;
    }
    rc = find_order(self, err);
    if (rc)
        goto exit;
    *out = self;
    self = NULL;
exit:
    kin_mix_free(self);
    return rc;
}

void kin_mix_free(kin_mix *self)
{
    if (!self)
        return;
    free(self->order);
    free(self->place);
    free(self);
}

/* An item at most `reach` places from `place`, reflected at the ends of the order. */
static size_t partner(const kin_mix *self, size_t place, double u)
{
    const size_t n = self->source.items, reach = self->options.reach;
    size_t step = 1 + (size_t)(u * 2 * (double)reach); /* 1 .. 2 reach; even steps go back */
    size_t distance = (step + 1) / 2;

    if (n == 1)
        return self->order[0];
    if (distance > n - 1)
        distance = 1 + distance % (n - 1);
    if (step % 2 == 0)
        return self->order[place >= distance ? place - distance : distance - place];
    return self->order[place + distance < n ? place + distance : 2 * (n - 1) - (place + distance)];
}

/* Half of the new items have two partners, half have one. */
static recipe recipe_of(const kin_mix *self, size_t row)
{
    const uint64_t key = kin_random_key(self->options.seed, MIX_ITEM, row);
    const size_t base = (size_t)(kin_random_unit(key, 0) * (double)self->source.items);
    const size_t place = self->place[base];
    const double others = kin_random_unit(key, 3) / 2;
    const double second = kin_random_unit(key, 4) < 0.5 ? others * kin_random_unit(key, 5) : 0;

    return (recipe){.parent = {base, partner(self, place, kin_random_unit(key, 1)),
                               partner(self, place, kin_random_unit(key, 2))},
                    .weight = {1 - others, others - second, second}};
}

static void read_real(const kin_mix *self, size_t modality, size_t row, float *out)
{
    self->source.row(self->source.self, modality, row, out);
}

/* out += weight (x - x0); returns |x - x0|. All [d]. */
static double move_towards(float *out, const float *x0, const float *x, float weight, size_t d)
{
    double square = 0;

    for (size_t j = 0; j < d; j++) {
        float step = x[j] - x0[j];

        square += (double)step * step;
        out[j] += weight * step;
    }
    return sqrt(square);
}

/* Adds noise of length `noise` to out and gives it the length `norm`. scratch: [d] */
static void finish_row(float *out, size_t d, uint64_t key, double noise, double norm,
                       float *scratch)
{
    const float scale = (float)(noise / sqrt((double)d));

    kin_random_normals(key, d, scratch);
    for (size_t j = 0; j < d; j++)
        out[j] += scale * scratch[j];
    const double length = length_of(out, d);
    if (length > 0)
        for (size_t j = 0; j < d; j++)
            out[j] = (float)(out[j] * (norm / length));
}

/* The recipe's rows mixed. Where none differs from x0 the row is left exactly so: duplicates stay
 * so. x0, x: scratch, [d]. */
static void mix_row(const kin_mix *self, size_t modality, size_t row, float *out, float *x0,
                    float *x)
{
    const size_t d = self->source.dims[modality];
    const recipe r = recipe_of(self, row);
    const uint64_t repeat_key = kin_random_key(self->options.seed, MIX_REPEAT, row);
    const uint64_t noise_key = kin_random_key(self->options.seed, MIX_NOISE + modality, row);
    double apart[3] = {0};

    read_real(self, modality, r.parent[0], out);
    const double length = length_of(out, d);
    double norm = length;

    if (length == 0 || kin_random_unit(repeat_key, modality) < self->options.repeat_share)
        return;
    memcpy(x0, out, d * sizeof *x0);
    for (size_t p = 1; p < 3 && r.weight[p] > 0; p++) {
        read_real(self, modality, r.parent[p], x);
        const double partner_length = length_of(x, d);

        if (partner_length == 0)
            continue;
        apart[p] = move_towards(out, x0, x, (float)r.weight[p], d);
        norm += r.weight[p] * (partner_length - length);
    }
    if (apart[1] > 0 || apart[2] > 0)
        finish_row(out, d, noise_key, self->options.noise * apart[1], norm, x);
}

int kin_gen_mix_rows(const kin_mix *self, size_t modality, size_t first, size_t count, float *out,
                     kin_error *err)
{
    assert(modality < self->source.modality_count);
    assert(first <= self->options.items && count <= self->options.items - first);
    const size_t d = self->source.dims[modality];
    float *scratch = kin_alloc(2 * d, sizeof *scratch);

    if (!scratch)
        return kin_fail_alloc(err, "rows to mix", 2 * d * sizeof *scratch);
    for (size_t i = 0; i < count; i++) {
        float *row = out + i * d;

        if (first + i < self->source.items)
            read_real(self, modality, first + i, row);
        else
            mix_row(self, modality, first + i, row, scratch, scratch + d);
    }
    free(scratch);
    return 0;
}
