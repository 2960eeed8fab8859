/*
 * Samples with their codes (declared in coded.h).
 */
#include "coded.h"
#include "test.h"

#include <math.h>

static void fuse_row(coded *self, size_t i)
{
    const oracle *o = &self->s.oracle;
    long double *out = self->fused + i * self->d;
    for (size_t m = 0; m < o->modality_count; m++) {
        const float *x = o->x[m] + i * o->d[m];
        long double scale = 0;
        if (o->present[i] >> m & 1)
            scale = sqrtl(o->weight[m] / self->weight_sum / oracle_dot(x, x, o->d[m], NULL));
        for (size_t k = 0; k < o->d[m]; k++)
            *out++ = scale * x[k];
    }
}

/* Fuses and encodes self->s. */
static void encode(coded *self, size_t lead, float slack, bool approximate)
{
    const oracle *o = &self->s.oracle;
    kin_codes_options options = {
        .top_k = 1 + o->n / 20, .lead = lead, .slack = slack, .approximate = approximate};
    kin_error err;
    self->d = 0;
    self->weight_sum = 0;
    for (size_t m = 0; m < o->modality_count; m++) {
        self->d += o->d[m];
        self->weight_sum += o->weight[m];
    }
    self->fused = calloc(o->n * self->d + 1, sizeof *self->fused);
    assert_non_null(self->fused);
    for (size_t i = 0; i < o->n; i++)
        fuse_row(self, i);
    test_ok(kin_codes_init(&self->codes, &self->s.catalog, &options, &err), &err);
    test_ok(kin_codes_encode(&self->codes, &options, NULL, &err), &err);
    size_t bytes = self->codes.clustering.count * self->codes.stride;
    self->code = malloc(bytes + 1);
    assert_non_null(self->code);
    for (size_t i = 0; i < bytes; i++)
        self->code[i] = (int8_t)(self->codes.row[i] ^ self->codes.row_bias);
}

void coded_make(coded *self, const sample_spec *spec, size_t lead, float slack)
{
    sample_make(&self->s, spec);
    encode(self, lead, slack, false);
}

void coded_make_approximate(coded *self, const sample_spec *spec, size_t lead)
{
    sample_make(&self->s, spec);
    encode(self, lead, 1, true);
}

void coded_make_rows(coded *self, const float *x, size_t n, size_t d, size_t lead)
{
    kin_error err;
    oracle *o = &self->s.oracle;
    *o = (oracle){.n = n, .modality_count = 1, .d = {d}, .weight = {1}};
    o->x[0] = malloc(n * d * sizeof *x);
    assert_non_null(o->x[0]);
    memcpy(o->x[0], x, n * d * sizeof *x);
    oracle_prepare(o);
    const char *path = test_path("rows.npy");
    test_write_npy(path, KIN_F32, n, d, x);
    kin_source source = {.name = "m", .path = strdup(path), .weight = 1};
    kin_catalog_options options = {.source = &source, .source_count = 1};
    test_ok(kin_catalog_open(&self->s.catalog, &options, &err), &err);
    remove(path); /* it stays mapped */
    free(source.path);
    encode(self, lead, 1, false);
}

void coded_release(coded *self)
{
    kin_codes_release(&self->codes);
    sample_release(&self->s);
    free(self->fused);
    free(self->code);
}

/* ---- sets ------------------------------------------------------------------------------------ */

static double draw_weight(size_t set, uint64_t *random)
{
    double unit = test_random_unit(random);
    return set % 3 == 0 ? 1 : set % 3 == 1 ? 0.05 + unit : pow(10, 12 * unit - 6);
}

sample_spec coded_draw(size_t set, size_t *lead, uint64_t *random)
{
    static const size_t several[] = {1, 2, 3, 17, 63, 64, 65, 100, 128, 150, 199, 200};
    static const size_t alone[] = {1, 5, 64, 65, 130, 257, 300, 384, 600};
    static const size_t leads[] = {0, 64, 128, 256};
    sample_spec spec = {.seed = test_random(random) | 1,
                        .modality_count = 1 + test_random_below(random, 3),
                        .kind = (sample_kind)(set % SAMPLE_KINDS),
                        .missing = (kin_missing)(set / SAMPLE_KINDS % 3)};
    bool many = set % 2;
    spec.n = many ? 256 + test_random_below(random, 345) : 2 + test_random_below(random, 300);
    spec.missing_share = set / 2 % 2 ? 0.4 * test_random_unit(random) : 0;
    for (size_t m = 0; m < spec.modality_count; m++) {
        spec.d[m] = spec.modality_count == 1 ? alone[test_random_below(random, TEST_COUNT(alone))]
                                             : several[test_random_below(random, 12)];
        spec.weight[m] = draw_weight(set / 4, random);
        spec.dtype[m] = test_random_below(random, 3) ? KIN_F32 : KIN_F64;
    }
    *lead = leads[set / 2 % TEST_COUNT(leads)];
    return spec;
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

long double coded_product(const coded *self, size_t i, size_t j)
{
    const long double *x = self->fused + i * self->d, *y = self->fused + j * self->d;
    long double sum = 0;
    for (size_t k = 0; k < self->d; k++)
        sum += x[k] * y[k];
    return sum;
}

int32_t coded_dot(const int8_t *x, const int8_t *y, size_t d)
{
    int32_t sum = 0;
    for (size_t i = 0; i < d; i++)
        sum += x[i] * y[i];
    return sum;
}
