/*
 * scan/codes and scan/fused: catalogs of every kind, encoded, against long double. Codes, sums,
 * norms, losses, panels and row panels are what the headers say, also for rows that no step fits.
 */
#include "support/coded.h"
#include "support/test.h"

#include <math.h>

/* ---- rows ------------------------------------------------------------------------------------ */

static int32_t sum_codes(const int8_t *code, size_t count)
{
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += code[i];
    return sum;
}

/* What codes stand for: code times step, and low codes at 1/254 of it. */
static long double decoded(const int8_t *code, const int8_t *low, size_t i, float step)
{
    return (long double)step * (code[i] + (low ? low[i] / 254.0L : 0));
}

/* How far codes are from z, or from the origin where z is NULL. */
static long double distance(const float *z, const int8_t *code, const int8_t *low, size_t count,
                            float step)
{
    long double square = 0;
    for (size_t i = 0; i < count; i++)
        square += powl((z ? z[i] : 0) - decoded(code, low, i, step), 2);
    return sqrtl(square);
}

/* Lengths and bias against codes and the true fused row. */
static void check_lengths(const coded *c, size_t at)
{
    const kin_codes *codes = &c->codes;
    const kin_code_terms *terms = &codes->terms[at];
    const int8_t *code = c->code + at * codes->stride;
    const long double *u = c->fused + (size_t)codes->clustering.row[at] * c->d;
    size_t lead = codes->rotation.lead, tail = codes->rotation.tail;
    long double bias = 0, square = 0;
    for (size_t k = 0; k < c->d; k++) {
        long double mean = codes->rotation.mean[k];
        bias += mean * (u[k] - mean / 2);
        square += (u[k] - mean) * (u[k] - mean);
    }
    long double tail_length = distance(NULL, code + 2 * lead, NULL, tail, terms->step);
    long double both = distance(NULL, code, code + lead, lead, codes->lead_step);
    assert_true(fabsl(terms->bias - bias) <= 0x1p-22L);
    assert_true(terms->norm < 4.5f && terms->norm >= sqrtl(square));
    assert_true(terms->norm >= sqrtl(both * both + tail_length * tail_length));
    assert_true(terms->norm >= distance(NULL, code, NULL, lead, codes->lead_step));
    assert_true(terms->tail_norm >= tail_length && terms->tail_norm <= terms->norm);
}

/* Losses against the row rotated once more. That may round differently than the encoder's block
 * did: both are within relative_error of the truth. */
static void check_losses(const coded *c, size_t at, float *y, float *z, float *space)
{
    const kin_codes *codes = &c->codes;
    const kin_rotation *r = &codes->rotation;
    const kin_code_terms *terms = &codes->terms[at];
    const int8_t *code = c->code + at * codes->stride;
    long double square = 0;
    kin_fused_row(&codes->fused, (size_t)codes->clustering.row[at], y);
    for (size_t k = 0; k < c->d; k++) {
        y[k] -= r->mean[k];
        square += (long double)y[k] * y[k];
    }
    long double rounding = 2 * r->relative_error * sqrtl(square);
    kin_rotation_apply(r, y, 1, z, space);
    assert_true(terms->coarse + rounding >= distance(z, code, NULL, r->lead, codes->lead_step));
    assert_true(terms->fine + rounding >=
                distance(z, code, code + r->lead, r->lead, codes->lead_step));
    assert_true(terms->tail_loss + rounding >=
                distance(z + r->lead, code + 2 * r->lead, NULL, r->tail, terms->step));
    assert_true(terms->coarse >= terms->fine && terms->fine > 0);
    assert_true(terms->tail_loss >= 0 && terms->step > 0);
    assert_true(terms->tolerance >= kin_codes_error(codes, terms, terms));
}

static void check_rows(const coded *c)
{
    const kin_codes *codes = &c->codes;
    size_t lead = codes->rotation.lead, tail = codes->rotation.tail;
    float *y = malloc(c->d * sizeof *y);
    float *z = malloc((lead + tail) * sizeof *z);
    float *space = malloc((lead + KIN_CODE_ALIGN) * sizeof *space);
    assert_int_equal(codes->stride, 2 * lead + tail);
    assert_true(codes->lead_step > 0);
    for (size_t at = 0; at < codes->clustering.count; at++) {
        const int8_t *code = c->code + at * codes->stride;
        for (size_t i = 0; i < codes->stride; i++)
            assert_true(code[i] >= -127);
        assert_int_equal(codes->terms[at].lead_sum, sum_codes(code, 2 * lead));
        assert_int_equal(codes->terms[at].tail_sum, sum_codes(code + 2 * lead, tail));
        check_lengths(c, at);
        check_losses(c, at, y, z, space);
    }
    free(y);
    free(z);
    free(space);
}

/* Every row with a modality stands once, in a cluster of its modality mask. */
static void check_order(const coded *c)
{
    const oracle *o = &c->s.oracle;
    const kin_clustering *clustering = &c->codes.clustering;
    size_t present = 0;
    bool *seen = calloc(o->n, sizeof *seen);
    for (size_t i = 0; i < o->n; i++)
        present += o->present[i] != 0;
    assert_int_equal(clustering->count, present);
    for (size_t g = 0; g < clustering->clusters; g++)
        for (size_t at = clustering->start[g]; at < clustering->start[g + 1]; at++) {
            size_t row = (size_t)clustering->row[at];
            assert_false(seen[row]);
            assert_int_equal(o->present[row], clustering->modality_mask[g]);
            seen[row] = true;
        }
    free(seen);
}

/* ---- panels and row panels ------------------------------------------------------------------- */

/* Row i of a cluster: its leading codes stand in a panel and a row panel as they do in the row. */
static void check_places(const coded *c, size_t cluster, size_t i)
{
    const kin_codes *codes = &c->codes;
    const int8_t *code = c->code + (codes->clustering.start[cluster] + i) * codes->stride;
    size_t lead = codes->rotation.lead;
    size_t panel = codes->panel_start[cluster] + i / KIN_PANEL_COLUMNS;
    size_t row_panel = codes->row_panel_start[cluster] + i / KIN_PANEL_ROWS;
    size_t column = i % KIN_PANEL_COLUMNS, row = i % KIN_PANEL_ROWS;
    assert_int_equal(codes->panel_sum[panel * KIN_PANEL_COLUMNS + column], sum_codes(code, lead));
    for (size_t k = 0; k < lead; k++) {
        size_t column_quad = (panel * lead / 4 + k / 4) * KIN_PANEL_COLUMNS + column;
        size_t row_quad = (row_panel * lead / 4 + k / 4) * KIN_PANEL_ROWS + row;
        uint8_t lifted = (uint8_t)code[k] ^ codes->row_bias;
        assert_true(codes->panel[4 * column_quad + k % 4] == code[k]);
        assert_true(codes->row_panel[4 * row_quad + k % 4] == lifted);
    }
}

static void check_panels(const coded *c)
{
    const kin_codes *codes = &c->codes;
    const size_t *start = codes->clustering.start;
    assert_true(codes->panel_start[0] == 0 && codes->row_panel_start[0] == 0);
    for (size_t g = 0; g < codes->clustering.clusters; g++) {
        size_t rows = start[g + 1] - start[g];
        size_t panels = codes->panel_start[g + 1] - codes->panel_start[g];
        size_t row_panels = codes->row_panel_start[g + 1] - codes->row_panel_start[g];
        assert_int_equal(panels, (rows + KIN_PANEL_COLUMNS - 1) / KIN_PANEL_COLUMNS);
        assert_int_equal(row_panels, (rows + KIN_PANEL_ROWS - 1) / KIN_PANEL_ROWS);
        for (size_t i = 0; i < rows; i++)
            check_places(c, g, i);
    }
}

static void check_bytes(const coded *c)
{
    const kin_codes *codes = &c->codes;
    const kin_clustering *clustering = &codes->clustering;
    size_t lead = codes->rotation.lead, panels = codes->panel_start[clustering->clusters];
    size_t held =
        clustering->count * (codes->stride + sizeof *codes->terms + sizeof *clustering->row);
    held += panels * KIN_PANEL_COLUMNS * (lead + sizeof *codes->panel_sum);
    held += codes->row_panel_start[clustering->clusters] * KIN_PANEL_ROWS * lead;
    held += (clustering->clusters + 1) *
            (3 * sizeof *clustering->start + sizeof *clustering->modality_mask);
    assert_true(kin_codes_bytes(codes) >= held);
}

/* ---- fused rows ------------------------------------------------------------------------------ */

/* Fused rows in float32, and what turns their products into scores. */
static void check_fused(const coded *c, uint64_t *random)
{
    const oracle *o = &c->s.oracle;
    const kin_fused *fused = &c->codes.fused;
    float *row = malloc(c->d * sizeof *row);
    assert_int_equal(fused->d, c->d);
    for (size_t i = 0; i < o->n; i++) {
        kin_fused_row(fused, i, row);
        for (size_t k = 0; k < c->d; k++) {
            long double wanted = c->fused[i * c->d + k];
            /* below the smallest normal float there are fewer digits */
            long double most = 0x1p-23L * fabsl(wanted) + 0x1p-149L;
            assert_true(fabsl(row[k] - wanted) <= most);
        }
    }
    free(row);
    for (size_t t = 0; t < 100; t++) {
        size_t i = test_random_below(random, o->n), j = test_random_below(random, o->n);
        float factor = fused->factor[o->present[i] & o->present[j]];
        long double wanted = oracle_true_score(o, i, j);
        long double score = factor * c->weight_sum * coded_product(c, i, j);
        if (isnan(wanted)) /* no pair */
            assert_true(factor == 0);
        else
            assert_true(fabsl(score - wanted) <= 1e-7L * fabsl(wanted) + 1e-17L * c->weight_sum);
    }
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void check_all(const coded *c, uint64_t *random)
{
    check_order(c);
    check_rows(c);
    check_panels(c);
    check_bytes(c);
    check_fused(c, random);
}

static void test_sets(void **state)
{
    (void)state;
    uint64_t random = 76;
    for (size_t set = 0; set < CODED_SETS; set++) {
        coded c;
        size_t lead;
        sample_spec spec = coded_draw(set, &lead, &random);
        coded_make(&c, &spec, lead, 1);
        check_all(&c, &random);
        coded_release(&c);
    }
}

/* The leading step is learnt from the first rows. Later ones that lie far from them are clipped,
 * and their losses say so. */
static void test_clipped_rows(void **state)
{
    (void)state;
    enum { N = 1500, ALIKE = 1100, D = 70 };
    uint64_t random = 4;
    coded c;
    float *x = malloc(N * D * sizeof *x);
    size_t clipped = 0;
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < D; k++)
            x[i * D + k] =
                (float)test_random_normal(&random) * (i < ALIKE ? 0.05f : 1) + (i < ALIKE ? 1 : 0);
    for (size_t lead = 0; lead <= 64; lead += 64) {
        coded_make_rows(&c, x, N, D, lead);
        check_all(&c, &random);
        for (size_t at = 0; at < N; at++)
            clipped += c.codes.terms[at].fine > 0.05f;
        coded_release(&c);
    }
    assert_true(clipped > N / 4);
    free(x);
}

/* Tails of next to nothing, some of whose coordinates are zero: a step whose inverse is infinite
 * would make codes of NaN. */
static void test_minute_tails(void **state)
{
    (void)state;
    enum { N = 400, D = 256 };
    static const float sizes[] = {1e-30f, 1e-36f, 1e-37f, 1e-38f, 1e-40f, 0x1p-149f};
    uint64_t random = 7;
    for (size_t t = 0; t < TEST_COUNT(sizes); t++) {
        coded c;
        float *x = calloc(N * D, sizeof *x);
        for (size_t i = 0; i < N; i++) {
            for (size_t k = 0; k < 64; k++)
                x[i * D + k] = (float)test_random_normal(&random);
            x[i * D + 64] = i % 2 ? sizes[t] : 0; /* one Hadamard block of three */
        }
        coded_make_rows(&c, x, N, D, 64);
        check_all(&c, &random);
        coded_release(&c);
        free(x);
    }
}

/* All weight on few rows or values: nothing here may divide by zero. */
static void test_narrow_catalogs(void **state)
{
    (void)state;
    uint64_t random = 5;
    for (size_t n = 2; n <= 300; n += 298)
        for (size_t d = 1; d <= 100; d += 33) {
            coded c;
            float *x = calloc(n * d, sizeof *x);
            x[0] = x[(n - 1) * d] = 1; /* all others are missing */
            coded_make_rows(&c, x, n, d, 0);
            check_all(&c, &random);
            coded_release(&c);
            for (size_t i = 0; i < n; i++)
                x[i * d] = i % 2 ? 1 : -1; /* two opposite directions */
            coded_make_rows(&c, x, n, d, 64);
            check_all(&c, &random);
            coded_release(&c);
            free(x);
        }
}

/* No item has all modalities, and `drop` wants all. */
static void test_no_rows(void **state)
{
    (void)state;
    coded c;
    uint64_t random = 6;
    sample_spec spec = {.seed = 8,
                        .n = 40,
                        .modality_count = 3,
                        .d = {70, 3, 5},
                        .weight = {1, 2, 3},
                        .missing_share = 0.95,
                        .missing = KIN_MISSING_DROP};
    coded_make(&c, &spec, 0, 1);
    assert_int_equal(c.codes.clustering.count, 0);
    check_all(&c, &random);
    coded_release(&c);
}

static bool stop(void *self)
{
    return ++*(int *)self > 1;
}

/* At the first look at the monitor, and at the second. */
static void test_stopped(void **state)
{
    (void)state;
    for (int looks = 0; looks <= 1; looks++) {
        sample s;
        kin_codes codes;
        kin_error err = {0};
        int count = looks;
        kin_monitor monitor = {.self = &count, .stopped = stop};
        kin_codes_options options = {.top_k = 5, .slack = 1};
        sample_spec spec = {.seed = 9, .n = 300, .modality_count = 1, .d = {80}, .weight = {1}};
        sample_make(&s, &spec);
        test_ok(kin_codes_init(&codes, &s.catalog, &options, &err), &err);
        test_refused(kin_codes_encode(&codes, &options, &monitor, &err), &err, KIN_E_STOPPED,
                     "stop");
        kin_codes_release(&codes);
        assert_null(codes.row);
        sample_release(&s);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_clipped_rows),
        cmocka_unit_test(test_narrow_catalogs),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_minute_tails),
        cmocka_unit_test(test_stopped),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
