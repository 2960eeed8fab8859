/*
 * Catalogs from a seed (declared in sample.h).
 */
#include "sample.h"
#include "test.h"

#include <math.h>

/* ---- rows ------------------------------------------------------------------------------------ */

static void normal_row(float *x, size_t d, double scale, uint64_t *random)
{
    for (size_t c = 0; c < d; c++)
        x[c] = (float)(scale * test_random_normal(random));
}

/* A row near one that was made before: `share` of its values move by one unit in the last place. */
static void nudge_row(float *x, const float *near, size_t d, double share, uint64_t *random)
{
    for (size_t c = 0; c < d; c++) {
        bool move = test_random_unit(random) < share;
        float towards = test_random(random) >> 63 ? INFINITY : -INFINITY;
        x[c] = move ? nextafterf(near[c], towards) : near[c];
    }
}

static void make_row(float *all, size_t i, size_t n, size_t d, sample_kind kind, uint64_t *random)
{
    float *x = all + i * d;
    size_t earlier = i ? test_random_below(random, i) : 0;
    normal_row(x, d, kind == SAMPLE_TINY ? 1e-30 : 1, random);
    if (i > 0 && (kind == SAMPLE_EQUAL || (kind == SAMPLE_TWINS && i % 4 != 3)))
        memcpy(x, all, d * sizeof *x);
    else if (kind == SAMPLE_OUTLIER && i == n / 2)
        normal_row(x, d, 1e30, random);
    else if (kind == SAMPLE_DUPLICATES && i > 0 && test_random_unit(random) < 0.25)
        memcpy(x, all + earlier * d, d * sizeof *x);
    else if (kind == SAMPLE_NEAR && i > 0)
        nudge_row(x, all + earlier * d, d, 0.1, random);
    else if (kind == SAMPLE_FAMILIES && i >= 8)
        nudge_row(x, all + earlier % 8 * d, d, 0.5, random);
    else if (kind == SAMPLE_CLUSTERS && i >= 4)
        for (size_t c = 0; c < d; c++)
            x[c] = all[earlier % 4 * d + c] + 0.1f * x[c];
    else if (kind == SAMPLE_MIXTURE && i >= 128)
        for (size_t c = 0; c < d; c++)
            x[c] = all[earlier % 128 * d + c] + 0.7f * x[c];
    else if (kind == SAMPLE_STRANGERS && i > 0 && i < n / 2)
        for (size_t c = 0; c < d; c++)
            x[c] = all[c] + 1e-3f * x[c];
    else if (kind == SAMPLE_NEGATIVE)
        for (size_t c = 0; c < d; c++)
            x[c] = (c == i) - 1.0f / (float)n - 1e-4f * fabsf(x[c]);
    else if (kind == SAMPLE_AXES)
        for (size_t c = 0, axis = test_random_below(random, d); c < d; c++)
            x[c] = c != axis ? 0.0f : test_random(random) >> 63 ? 3.0f : -2.0f;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* As .i8bin, forty steps to a unit, as no .npy file of int8 is read. */
static void write_small(const char *path, size_t n, size_t d, float *x)
{
    const uint32_t shape[2] = {(uint32_t)n, (uint32_t)d};
    unsigned char *file = malloc(sizeof shape + n * d);
    assert_non_null(file);
    memcpy(file, shape, sizeof shape);
    for (size_t i = 0; i < n * d; i++) {
        x[i] = rintf(fmaxf(-128, fminf(127, 40 * x[i])));
        file[sizeof shape + i] = (unsigned char)(signed char)x[i];
    }
    test_write(path, file, sizeof shape + n * d);
    free(file);
}

/* The file of modality m, named for how it is read. */
static const char *path_of(size_t m, kin_dtype type)
{
    return test_path("m%zu.%s", m, type == KIN_I8 ? "i8bin" : "npy");
}

/* Writes the values in the file's type, and puts what the file then holds back as floats. A
 * float64 file gets digits that no float has. */
static void write_values(const char *path, kin_dtype type, size_t n, size_t d, float *x)
{
    size_t count = n * d;
    if (type == KIN_I8) {
        write_small(path, n, d, x);
    } else if (type == KIN_F16) {
        uint16_t *half = malloc(count * sizeof *half);
        for (size_t i = 0; i < count; i++) {
            half[i] = test_half_bits((double)x[i]);
            x[i] = (float)test_half_value(half[i]);
        }
        test_write_npy(path, type, n, d, half);
        free(half);
    } else if (type == KIN_F64) {
        double *wide = malloc(count * sizeof *wide);
        for (size_t i = 0; i < count; i++)
            wide[i] = (double)x[i] * (1 + 0x1p-30);
        test_write_npy(path, type, n, d, wide);
        free(wide);
    } else {
        test_write_npy(path, type, n, d, x);
    }
}

static void make_modality(oracle *self, size_t m, const sample_spec *spec, uint64_t *random)
{
    size_t n = spec->n;
    size_t d = spec->d[m];
    self->d[m] = d;
    self->weight[m] = spec->weight[m];
    self->x[m] = malloc(n * d * sizeof(float));
    assert_non_null(self->x[m]);
    for (size_t i = 0; i < n; i++)
        make_row(self->x[m], i, n, d, spec->kind, random);
    for (size_t i = 0; i < n; i++)
        if (test_random_unit(random) < spec->missing_share)
            memset(self->x[m] + i * d, 0, d * sizeof(float));
    write_values(path_of(m, spec->dtype[m]), spec->dtype[m], n, d, self->x[m]);
}

void sample_make(sample *self, const sample_spec *spec)
{
    uint64_t random = spec->seed;
    kin_source source[KIN_MODALITIES_MAX];
    *self = (sample){
        .oracle = {.n = spec->n, .modality_count = spec->modality_count, .missing = spec->missing}};
    for (size_t m = 0; m < spec->modality_count; m++) {
        make_modality(&self->oracle, m, spec, &random);
        source[m] =
            (kin_source){.weight = spec->weight[m], .path = strdup(path_of(m, spec->dtype[m]))};
        snprintf(source[m].name, sizeof source[m].name, "m%zu", m);
    }
    oracle_prepare(&self->oracle);
    kin_catalog_options options = {
        .source = source, .source_count = spec->modality_count, .missing = spec->missing};
    kin_error err;
    test_ok(kin_catalog_open(&self->catalog, &options, &err), &err);
    for (size_t m = 0; m < spec->modality_count; m++) {
        /* the next sample writes other files, this one's stay mapped */
        remove(source[m].path);
        free(source[m].path);
    }
}

void sample_release(sample *self)
{
    kin_catalog_close(&self->catalog);
    oracle_release(&self->oracle);
}

/* ---- checking -------------------------------------------------------------------------------- */

/* Equal floats have equal bits, but for -0 and +0, which are one score. */
static bool same_score(float a, float b)
{
    return a == b || (isnan(a) && isnan(b));
}

void sample_assert_row(const kin_rows *rows, size_t slot, const oracle_pair *wanted, size_t count,
                       const char *where)
{
    if (rows->filled[slot] != count)
        fail_msg("%s: %u neighbours, wanted %zu", where, rows->filled[slot], count);
    for (size_t i = 0; i < count; i++) {
        size_t at = slot * rows->k + i;
        bool same =
            rows->neighbor[at] == wanted[i].row && same_score(rows->score[at], wanted[i].score);
        for (size_t m = 0; m < rows->modality_count; m++)
            same = same && same_score(rows->cosine[m][at], wanted[i].cosine[m]);
        if (!same)
            fail_msg("%s: neighbour %zu is %d with %.9g, wanted %d with %.9g", where, i,
                     rows->neighbor[at], (double)rows->score[at], wanted[i].row,
                     (double)wanted[i].score);
    }
}
