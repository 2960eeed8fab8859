/*
 * scan/pairscan, some rows for their own sake: rows picked out of several clusters look at all
 * clusters, and what they collect is evaluated by all pairs in long double. With proven bounds
 * nothing that reaches a row's threshold may be missing; with estimates hardly anything. What a
 * row collects does not depend on who is asked beside it.
 */
#include "scan/pairscan.h"
#include "support/coded.h"
#include "support/test.h"

#include <math.h>

enum { PICKED = 50, SLOTS = PICKED + 7, K = 25 };

/* Rows of one modality mask, each with a slot that has nothing to do with its place. */
typedef struct picked {
    unsigned modality_mask;
    size_t count;
    size_t at[PICKED], slot[PICKED];
} picked;

/* Up to PICKED rows of this modality mask, from the first one of its first cluster to the last
 * of its last. */
static picked pick_rows(const coded *c, unsigned modality_mask)
{
    const kin_clustering *clustering = &c->codes.clustering;
    picked out = {.modality_mask = modality_mask};
    size_t rows = 0, seen = 0;
    for (size_t g = 0; g < clustering->clusters; g++)
        rows += clustering->modality_mask[g] == modality_mask
                    ? clustering->start[g + 1] - clustering->start[g]
                    : 0;
    size_t most = rows < PICKED ? rows : PICKED;
    for (size_t g = 0; g < clustering->clusters; g++)
        for (size_t at = clustering->start[g]; at < clustering->start[g + 1]; at++)
            if (clustering->modality_mask[g] == modality_mask &&
                seen++ * (most - 1) >= out.count * (rows - 1) && out.count < most) {
                out.slot[out.count] = (out.count * 20 + 5) % SLOTS;
                out.at[out.count++] = at;
            }
    return out;
}

/* Empty collectors, and a pair scan that fills them. */
typedef struct prober {
    kin_collectors collectors;
    kin_scan scan;
    kin_pairscan *pairscan;
} prober;

static void prober_init(prober *self, const coded *c)
{
    kin_error err;
    size_t capacity = kin_collectors_capacity_good(K);
    test_ok(kin_collectors_init(&self->collectors, SLOTS, K, capacity, &err), &err);
    self->scan = (kin_scan){&c->codes, &self->collectors, 0};
    test_ok(kin_pairscan_new(&self->pairscan, &self->scan, &err), &err);
}

static void prober_release(prober *self)
{
    kin_pairscan_free(self->pairscan);
    kin_collectors_release(&self->collectors);
}

/* Rows from .. from + count - 1 of those picked look at all clusters, the last one first. */
static void probe_all(prober *self, const coded *c, const picked *rows, size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++)
        self->collectors.tolerance[rows->slot[i]] = c->codes.terms[rows->at[i]].tolerance;
    for (size_t g = c->codes.clustering.clusters; g-- > 0;)
        kin_pairscan_probe(self->pairscan, rows->modality_mask, rows->at + from, rows->slot + from,
                           count, g);
    for (size_t i = from; i < from + count; i++)
        kin_collectors_prune(&self->collectors, rows->slot[i]);
}

/* ---- checking ------------------------------------------------------------------------------- */

/* What all rows picked have in common with the truth. */
typedef struct outcome {
    size_t reaching; /* pairs that reach what their row asks for */
    size_t missing;  /* of those, not collected */
    size_t kept;     /* candidates but for rows with the same vectors */
    size_t off;      /* of those, with an estimate that is further off than the tolerance */
    float tolerance_most;
    long double same_most; /* how far estimates of rows with the same vectors are off, at most */
} outcome;

/* The score in units of W that estimates are of; -INFINITY where there is no pair. */
static long double true_value(const coded *c, size_t row, size_t other)
{
    unsigned both = c->s.oracle.present[row] & c->s.oracle.present[other];
    float factor = c->codes.fused.factor[both];
    return factor > 0 ? factor * coded_product(c, row, other) : -(long double)INFINITY;
}

static int descending(const void *a, const void *b)
{
    long double x = *(const long double *)a, y = *(const long double *)b;
    return (x < y) - (x > y);
}

/* Where `row` is among the slot's candidates; count if it is not. None may be there twice. */
static size_t find_candidate(const kin_collectors *in, size_t slot, int32_t row)
{
    size_t count = in->count[slot], found = count;
    for (size_t i = 0; i < count; i++)
        if (in->candidate[slot * in->capacity + i] == row) {
            assert_int_equal(found, count);
            found = i;
        }
    return found;
}

/* An estimate against the true value. Tolerances are for pairs of the row's own modality mask:
 * another factor magnifies what an estimate is off by. What low codes leave of two equal rows
 * does not cancel out. */
static void evaluate_estimate(const coded *c, size_t row, size_t other, float tolerance,
                              long double difference, outcome *to)
{
    const oracle *o = &c->s.oracle;
    const float *factor = c->codes.fused.factor;
    if (o->present[row] == o->present[other] &&
        coded_product(c, row, other) >= coded_product(c, row, row) * 0.999999999L) {
        to->same_most = fmaxl(to->same_most, fabsl(difference));
        return;
    }
    float magnified = factor[o->present[row] & o->present[other]] / factor[o->present[row]];
    to->kept++;
    to->off += fabsl(difference) > tolerance * fmaxf(magnified, 1) + 1e-6f;
}

/* All pairs of a row. Where it overflowed, the K best are asked for, else all that reach its
 * threshold. */
static void evaluate_row(const coded *c, const prober *p, size_t at, size_t slot, outcome *to)
{
    const long double rounding = 1e-6L;
    const kin_collectors *in = &p->collectors;
    size_t n = c->s.oracle.n, row = (size_t)c->codes.clustering.row[at];
    long double *value = calloc(2 * n, sizeof *value), *sorted = value + n;
    for (size_t other = 0; other < n; other++)
        sorted[other] = value[other] = true_value(c, row, other);
    qsort(sorted, n, sizeof *sorted, descending);
    bool enough = isfinite(sorted[K - 1]),
         reranked = kin_pairscan_counts(p->pairscan)->reranked > 0;
    assert_true(isfinite(in->threshold[slot]) == enough);
    long double asked = reranked && enough ? sorted[K - 1] : in->threshold[slot];
    for (size_t other = 0; other < n; other++) {
        size_t found = find_candidate(in, slot, (int32_t)other);
        bool collected = found < in->count[slot], reaches = value[other] >= asked + rounding;
        assert_true(!collected || isfinite(value[other]));
        to->reaching += reaches && isfinite(value[other]);
        to->missing += reaches && isfinite(value[other]) && !collected;
        if (collected)
            evaluate_estimate(c, row, other, in->tolerance[slot],
                              in->estimate[slot * in->capacity + found] - value[other], to);
    }
    if (!enough || value[row] > sorted[K - 1] + rounding) /* it was compared with itself */
        assert_true(find_candidate(in, slot, (int32_t)row) < in->count[slot]);
    to->tolerance_most = fmaxf(to->tolerance_most, in->tolerance[slot]);
    free(value);
}

/* Who was not asked has nothing. */
static void check_others(const kin_collectors *in, const picked *rows)
{
    bool asked[SLOTS] = {false};
    for (size_t i = 0; i < rows->count; i++)
        asked[rows->slot[i]] = true;
    for (size_t slot = 0; slot < SLOTS; slot++)
        assert_true(asked[slot] || (in->count[slot] == 0 && isinf(in->threshold[slot])));
}

/* Pairs are those of rows and clusters that have a modality in common. */
static void check_counts(const coded *c, const picked *rows, const kin_scan_counts *counts)
{
    const kin_clustering *clustering = &c->codes.clustering;
    size_t pairs = 0;
    for (size_t g = 0; g < clustering->clusters; g++)
        if (rows->modality_mask & clustering->modality_mask[g])
            pairs += rows->count * (clustering->start[g + 1] - clustering->start[g]);
    assert_int_equal(counts->pairs, pairs);
    assert_true(counts->refined <= counts->pairs && counts->tiles_left <= counts->tiles);
    assert_true(counts->collected <= counts->refined);
}

static void evaluate_mask(const coded *c, unsigned modality_mask, outcome *to)
{
    prober p;
    picked rows = pick_rows(c, modality_mask);
    prober_init(&p, c);
    probe_all(&p, c, &rows, 0, rows.count);
    for (size_t i = 0; i < rows.count; i++)
        evaluate_row(c, &p, rows.at[i], rows.slot[i], to);
    check_others(&p.collectors, &rows);
    check_counts(c, &rows, kin_pairscan_counts(p.pairscan));
    prober_release(&p);
}

/* Rows of every modality mask that a cluster has. */
static void evaluate(const coded *c, outcome *to)
{
    const kin_clustering *clustering = &c->codes.clustering;
    for (size_t g = 0; g < clustering->clusters; g++)
        if (g == 0 || clustering->modality_mask[g] != clustering->modality_mask[g - 1])
            evaluate_mask(c, clustering->modality_mask[g], to);
}

/* ---- sets ----------------------------------------------------------------------------------- */

/* All dimensions may lead, or only some. */
static const size_t leads[] = {0, 64};
enum { KINDS = 5, SETS = 6 * KINDS, STEP = 1 + 6 * SANITIZED };

/* One modality, then three with gaps under each policy. */
static sample_spec spec_of(size_t set)
{
    static const sample_kind kinds[KINDS] = {SAMPLE_NORMAL, SAMPLE_MIXTURE, SAMPLE_DUPLICATES,
                                             SAMPLE_CLUSTERS, SAMPLE_AXES};
    bool several = set / KINDS % 2;
    sample_spec spec = {.seed = 90 + set,
                        .n = 1300,
                        .modality_count = several ? 3 : 1,
                        .d = {several ? 90 : 150, 40, 9},
                        .weight = {1, 0.5, 0.3},
                        .kind = kinds[set % KINDS],
                        .missing_share = several ? 0.25 : 0,
                        .missing = (kin_missing)(set / KINDS / 2)};
    return spec;
}

/* Bounds: not one pair is missing, not one estimate is off. */
static void test_bounds(void **state)
{
    (void)state;
    for (size_t set = 0; set < SETS; set += STEP)
        for (size_t l = 0; l < TEST_COUNT(leads); l++) {
            coded c;
            outcome v = {0};
            sample_spec spec = spec_of(set);
            coded_make(&c, &spec, leads[l], 1);
            evaluate(&c, &v);
            if (v.missing > 0 || v.off > 0 || v.same_most > v.tolerance_most)
                fail_msg("set %zu, lead %zu: %zu of %zu pairs are missing, %zu of %zu are off", set,
                         c.codes.rotation.lead, v.missing, v.reaching, v.off, v.kept);
            assert_true(v.reaching > 100);
            coded_release(&c);
        }
}

/* Estimates: one pair of a thousand may be missing, and three of a hundred may be off by more
 * than their tolerance, which is small: scores that it covers are hardly different. Six where
 * rows have gaps, whose losses then point in fewer directions than are counted, and twenty of
 * rows that are equal in parts. */
static void test_approximate(void **state)
{
    (void)state;
    const float tolerance_most = 0.004f, same_most = 0.02f;
    for (size_t set = 0; set < SETS; set += STEP)
        for (size_t l = 0; l < TEST_COUNT(leads); l++) {
            coded c;
            outcome v = {0};
            sample_spec spec = spec_of(set);
            size_t percent = spec.missing_share == 0 ? 3 : spec.kind == SAMPLE_AXES ? 20 : 6;
            coded_make_approximate(&c, &spec, leads[l]);
            evaluate(&c, &v);
            if (v.missing > v.reaching / 1000 + 1 || v.off > v.kept * percent / 100 + 1 ||
                v.tolerance_most > tolerance_most || v.same_most > same_most)
                fail_msg("set %zu, lead %zu: %zu of %zu pairs are missing, %zu of %zu are off, the "
                         "tolerance is %g, equal rows are off by %Lg",
                         set, c.codes.rotation.lead, v.missing, v.reaching, v.off, v.kept,
                         (double)v.tolerance_most, v.same_most);
            coded_release(&c);
        }
}

/* ---- company -------------------------------------------------------------------------------- */

/* What a row collects when it is asked alone is the same, byte for byte. */
static void check_alone(const coded *c, const picked *rows, const prober *together, size_t i)
{
    prober p;
    size_t slot = rows->slot[i], first = slot * together->collectors.capacity;
    prober_init(&p, c);
    probe_all(&p, c, rows, i, 1);
    const kin_collectors *a = &p.collectors, *b = &together->collectors;
    assert_int_equal(a->count[slot], b->count[slot]);
    assert_memory_equal(a->threshold + slot, b->threshold + slot, sizeof(float));
    assert_memory_equal(a->candidate + first, b->candidate + first,
                        a->count[slot] * sizeof(int32_t));
    assert_memory_equal(a->estimate + first, b->estimate + first, a->count[slot] * sizeof(float));
    prober_release(&p);
}

static void test_alone(void **state)
{
    (void)state;
    for (size_t set = 0; set < 2 * KINDS; set++) {
        coded c;
        prober p;
        sample_spec spec = spec_of(set);
        coded_make_approximate(&c, &spec, 64);
        picked rows =
            pick_rows(&c, c.codes.clustering.modality_mask[c.codes.clustering.clusters - 1]);
        prober_init(&p, &c);
        probe_all(&p, &c, &rows, 0, rows.count);
        for (size_t i = 0; i < rows.count; i += 1 + 6 * SANITIZED)
            check_alone(&c, &rows, &p, i);
        prober_release(&p);
        coded_release(&c);
    }
}

/* ---- tails ---------------------------------------------------------------------------------- */

static uint64_t count_refined(coded *c, const picked *rows, float tail_fraction)
{
    prober p;
    kin_codes_set_tail_fraction(&c->codes, tail_fraction);
    prober_init(&p, c);
    probe_all(&p, c, rows, 0, rows->count);
    uint64_t refined = kin_pairscan_counts(p.pairscan)->refined;
    for (size_t i = 0; i < rows->count; i++) /* every row still finds the row itself */
        assert_true(
            find_candidate(&p.collectors, rows->slot[i], c->codes.clustering.row[rows->at[i]]) <
            p.collectors.count[rows->slot[i]]);
    prober_release(&p);
    return refined;
}

/* A smaller share of the tails leaves fewer pairs to look at. */
static void test_tail_fraction(void **state)
{
    (void)state;
    coded c;
    sample_spec spec = spec_of(0);
    coded_make_approximate(&c, &spec, 64);
    assert_true(c.codes.rotation.tail > 0);
    picked rows = pick_rows(&c, 1);
    uint64_t all = count_refined(&c, &rows, 1), half = count_refined(&c, &rows, 0.5f);
    uint64_t hardly = count_refined(&c, &rows, 0.1f);
    assert_true(hardly < half && half < all);
    assert_int_equal(count_refined(&c, &rows, 1), all);
    coded_release(&c);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_approximate),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_tail_fraction),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
