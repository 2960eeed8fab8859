/*
 * Many sets and how they are evaluated (declared in sets.h).
 */
#include "sets.h"
#include "test.h"

#include <math.h>

/* ---- sets ------------------------------------------------------------------------------------ */

static double draw_weight(size_t set, uint64_t *random)
{
    switch (set / SAMPLE_KINDS % 3) {
    case 0:
        return 1;
    case 1:
        return 0.05 + test_random_unit(random);
    default:
        return pow(10, 12 * test_random_unit(random) - 6);
    }
}

sample_spec set_draw(size_t set, const set_limits *limits, uint64_t *random)
{
    sample_spec spec = {.seed = test_random(random) | 1,
                        .kind = (sample_kind)(set % SAMPLE_KINDS),
                        .missing = (kin_missing)(set / SAMPLE_KINDS % 3)};
    size_t work = 0;
    spec.modality_count = 1 + test_random_below(random, set % 5 == 0 ? KIN_MODALITIES_MAX : 3);
    spec.missing_share = set / 2 % 2 ? 0.3 * test_random_unit(random) : 0;
    for (size_t m = 0; m < spec.modality_count; m++) {
        bool narrow = spec.kind == SAMPLE_OUTLIER || spec.kind == SAMPLE_TINY;
        spec.d[m] = limits->dimension[test_random_below(random, limits->dimensions)];
        spec.weight[m] = draw_weight(set / 3, random);
        if (test_random_below(random, 3) == 0)
            spec.dtype[m] = test_random_below(random, 2) || narrow ? KIN_F64 : KIN_F16;
        work += spec.d[m] + 50;
    }
    size_t most = (size_t)sqrt(limits->work / (double)work);
    most = most < limits->most ? most : limits->most;
    spec.n = limits->least;
    if (most > limits->least)
        spec.n += test_random_below(random, most - limits->least + 1);
    if (spec.kind == SAMPLE_NEGATIVE) /* a simplex wants a dimension per item */
        for (size_t m = 0; m < spec.modality_count; m++)
            if (spec.d[m] > 3 && spec.d[m] < spec.n && spec.d[m] >= limits->least)
                spec.n = spec.d[m];
    return spec;
}

size_t set_draw_k(size_t set, size_t n, uint64_t *random)
{
    return set % 4 == 0 ? n - 1 : 1 + test_random_below(random, n - 1);
}

/* ---- truth ----------------------------------------------------------------------------------- */

truth truth_make(const oracle *o, size_t k)
{
    truth out = {k, calloc(o->n, sizeof *out.count), calloc(o->n * k, sizeof *out.pair)};
    oracle_pair *all = calloc(o->n, sizeof *all);
    for (size_t i = 0; i < o->n; i++) {
        out.count[i] = oracle_row(o, i, NULL, 0, k, all);
        memcpy(out.pair + i * k, all, out.count[i] * sizeof *all);
    }
    free(all);
    return out;
}

void truth_free(truth *self)
{
    free(self->count);
    free(self->pair);
}

const oracle_pair *truth_row(const truth *self, size_t i)
{
    return self->pair + i * self->k;
}

/* ---- a strict sink --------------------------------------------------------------------------- */

void taker_init(taker *self, const sample *s, size_t k)
{
    kin_error err;
    *self = (taker){.n = s->oracle.n, .taken = calloc(s->oracle.n, sizeof *self->taken)};
    test_ok(kin_rows_init(&self->rows, self->n, k, s->oracle.modality_count, &err), &err);
}

void taker_release(taker *self)
{
    kin_rows_release(&self->rows);
    free(self->taken);
}

static int take_one(taker *to, size_t first, const kin_rows *rows, kin_error *err)
{
    kin_row_sink sink = kin_rows_sink(&to->rows);
    if (++to->calls == to->refuse_at)
        return kin_fail(err, KIN_E_IO, "hint", "disk full at call %zu", to->calls);
    if (rows->count > to->n || first > to->n - rows->count)
        fail_msg("rows %zu .. %zu of %zu", first, first + rows->count, to->n);
    for (size_t q = 0; q < rows->count; q++) {
        if (to->taken[first + q] != rows->sequence)
            fail_msg("row %zu comes as number %u after %u", first + q, rows->sequence,
                     to->taken[first + q]);
        to->taken[first + q]++;
    }
    to->taken_count += rows->sequence == 0 ? rows->count : 0;
    return sink.write(sink.self, first, rows, err);
}

/* Engines call from all their threads. */
static int take(void *self, size_t first, const kin_rows *rows, kin_error *err)
{
    int rc;
#pragma omp critical(taker)
    rc = take_one(self, first, rows, err);
    return rc;
}

static int give_back(void *self, size_t query, kin_rows *out, size_t slot, kin_error *err)
{
    taker *from = self;
    kin_row_sink sink = kin_rows_sink(&from->rows);
    if (query >= from->n || from->taken[query] == 0)
        fail_msg("row %zu is asked for before it came", query);
    return sink.read(sink.self, query, out, slot, err);
}

kin_row_sink taker_sink(taker *self)
{
    return (kin_row_sink){.self = self, .write = take, .read = give_back};
}
