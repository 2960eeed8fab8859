/*
 * scan/kernels, what comes behind the tiles: estimates and errors of a row's pairs against the
 * same in double, and every table's against the portable ones bit for bit; who wants which pairs
 * against comparisons written down here, with thresholds and tolerances that are met exactly,
 * missed by one bit or infinite; and lists that are appended to, cut down and counted against
 * plain loops.
 */
#include "scan/kernels.h"
#include "support/test.h"

#include <math.h>

enum { COLUMNS = KIN_PANEL_COLUMNS };

/* By way of double, as in tests/unit/scan/test_scan_kernels.c: rounded once. */
static float add(float a, float b)
{
    return (float)((double)a + (double)b);
}

/* Unlike ==, with the signs of zeros. */
static bool same_bits(const void *a, const void *b, size_t bytes)
{
    return memcmp(a, b, bytes) == 0;
}

static const kin_scan_kernels *portable(void)
{
    const kin_scan_kernels *const *table = kin_scan_kernels_all();
    while (table[1])
        table++;
    return *table;
}

static float uniform(float low, float high, uint64_t *random)
{
    return low + (high - low) * (float)test_random_unit(random);
}

/* ---- masks ---------------------------------------------------------------------------------- */

enum { MASKS = 32 + 16 };

/* Single bits, and then none, all, halves of all sorts and what comes. */
static uint32_t draw_mask(size_t number, uint64_t *random)
{
    static const uint32_t masks[] = {0,          UINT32_MAX, 0xffff,     0xffff0000, 0x55555555,
                                     0xaaaaaaaa, 0x00ffff00, 0x80000001, 0x7fffffff, 0xfffffffe};
    if (number < 32)
        return 1u << number;
    number -= 32;
    return number < TEST_COUNT(masks) ? masks[number] : (uint32_t)(test_random(random) >> 32);
}

/* ---- refining ------------------------------------------------------------------------------- */

typedef enum pair_kind {
    UNIT,    /* as rows of length 1 give them */
    LONGEST, /* products as large as they get: their floats are rounded */
    SPARSE,  /* zeros among them: rows without a tail, losses that are nothing */
    PAIR_KINDS,
} pair_kind;

typedef enum threshold_kind {
    ORDINARY, /* some are reached, some are not */
    SPECIAL,  /* infinite ones of both signs among them */
    TIES,     /* what a column has, or the next float above or below it */
    THRESHOLD_KINDS,
} threshold_kind;

/* A row and the columns of a panel, whose arrays begin one number into their memory: no table
 * gets more alignment than it may expect. */
typedef struct pairs {
    kin_refine_row row;
    float bias[1 + COLUMNS], norm[1 + COLUMNS], tail_norm[1 + COLUMNS], step[1 + COLUMNS];
    float coarse[1 + COLUMNS], fine[1 + COLUMNS], tail_loss[1 + COLUMNS];
    float threshold[1 + COLUMNS], tolerance[1 + COLUMNS];
    int32_t lead[1 + COLUMNS], cross[1 + COLUMNS], tail[1 + COLUMNS];
} pairs;

static float draw_part(pair_kind kind, float low, float high, uint64_t *random)
{
    bool zero = kind == SPARSE && test_random_below(random, 3) == 0;
    return zero ? 0 : uniform(low, high, random);
}

static int32_t draw_product(pair_kind kind, double most, uint64_t *random)
{
    if (kind == SPARSE && test_random_below(random, 3) == 0)
        return 0;
    if (kind == LONGEST)
        most = 65536.0 * 127 * 127;
    return (int32_t)(most * (2 * test_random_unit(random) - 1));
}

static kin_refine_row draw_row(pair_kind kind, uint64_t *random)
{
    float step = uniform(0.002f, 0.004f, random); /* of leading codes */
    return (kin_refine_row){.lead = step * step,
                            .low = step * step / 254,
                            .factor = uniform(0.5f, 2, random),
                            .rounding = draw_part(kind, 1e-6f, 4e-6f, random),
                            .bias = draw_part(kind, -0.2f, 0.2f, random),
                            .norm = uniform(0.5f, 1, random),
                            .tail_norm = draw_part(kind, 0.1f, 0.5f, random),
                            .step = draw_part(kind, 0.0005f, 0.002f, random),
                            .coarse = draw_part(kind, 0.005f, 0.02f, random),
                            .fine = draw_part(kind, 2e-5f, 1e-4f, random),
                            .tail_loss = draw_part(kind, 0.001f, 0.004f, random),
                            .threshold = uniform(-0.6f, 0.6f, random),
                            .tolerance = uniform(0.0005f, 0.004f, random)};
}

static void draw_pairs(pairs *self, pair_kind kind, uint64_t *random)
{
    self->row = draw_row(kind, random);
    for (size_t c = 0; c <= COLUMNS; c++) {
        kin_refine_row other = draw_row(kind, random);
        self->bias[c] = other.bias;
        self->norm[c] = other.norm;
        self->tail_norm[c] = other.tail_norm;
        self->step[c] = other.step;
        self->coarse[c] = other.coarse;
        self->fine[c] = other.fine;
        self->tail_loss[c] = other.tail_loss;
        self->threshold[c] = other.threshold;
        self->tolerance[c] = other.tolerance;
        self->lead[c] = draw_product(kind, 7e4, random);
        self->cross[c] = draw_product(kind, 2e6, random);
        self->tail[c] = draw_product(kind, 1e5, random);
    }
}

static void run(const kin_scan_kernels *table, const pairs *p, uint32_t mask, kin_refined *out)
{
    kin_refine_columns columns = {.bias = p->bias + 1,
                                  .norm = p->norm + 1,
                                  .tail_norm = p->tail_norm + 1,
                                  .step = p->step + 1,
                                  .coarse = p->coarse + 1,
                                  .fine = p->fine + 1,
                                  .tail_loss = p->tail_loss + 1,
                                  .threshold = p->threshold + 1,
                                  .tolerance = p->tolerance + 1};
    kin_products products = {.lead = p->lead + 1, .cross = p->cross + 1, .tail = p->tail + 1};
    memset(out, 0x55, sizeof *out);
    table->refine(&p->row, &columns, &products, mask, out);
}

static void check_near(const char *what, size_t c, float found, double wanted, double magnitude)
{
    if (!(fabs((double)found - wanted) <= 1e-6 * magnitude))
        fail_msg("%s of column %zu: %.9g, wanted %.9g", what, c, (double)found, wanted);
}

/* scan/codes.h, in double: the estimate and how far it may be off. Estimates cancel, so what
 * they may be wrong by is relative to their parts. */
static void check_approximate(const pairs *p, const kin_refined *found)
{
    const kin_refine_row *x = &p->row;
    for (size_t c = 0; c < COLUMNS; c++) {
        size_t i = c + 1;
        double part[] = {(double)x->lead * p->lead[i], (double)x->low * p->cross[i],
                         (double)x->step * (double)p->step[i] * p->tail[i], (double)x->bias,
                         (double)p->bias[i]};
        double value = 0, magnitude = 0;
        for (size_t k = 0; k < TEST_COUNT(part); k++) {
            value += part[k];
            magnitude += fabs(part[k]);
        }
        double fine = (double)x->fine * (double)p->norm[i] + (double)p->fine[i] * (double)x->norm;
        double tail = (double)x->tail_loss * (double)p->tail_norm[i] +
                      (double)p->tail_loss[i] * (double)x->tail_norm;
        double low =
            ((double)x->coarse + (double)x->fine) * ((double)p->coarse[i] + (double)p->fine[i]);
        double error = fine + tail + low + (double)x->rounding;
        double factor = (double)x->factor;
        check_near("estimate", c, found->estimate[c], factor * value, factor * magnitude);
        check_near("error", c, found->error[c], factor * error, factor * error);
    }
}

/* The bits that comparing what was found gives; adds up how many there are. */
static void check_bits(const pairs *p, uint32_t mask, const kin_refined *found, size_t bits[3])
{
    uint32_t row_hits = 0, column_hits = 0, too_coarse = 0;
    for (size_t c = 0; c < COLUMNS; c++) {
        float error = found->error[c];
        float reach = add(found->estimate[c], error);
        if (!(mask >> c & 1))
            continue;
        if (reach >= p->row.threshold) {
            row_hits |= 1u << c;
            too_coarse |= (uint32_t)(error > p->row.tolerance) << c;
        }
        if (reach >= p->threshold[1 + c]) {
            column_hits |= 1u << c;
            too_coarse |= (uint32_t)(error > p->tolerance[1 + c]) << c;
        }
    }
    assert_int_equal(found->row_hits, row_hits);
    assert_int_equal(found->column_hits, column_hits);
    assert_int_equal(found->too_coarse, too_coarse);
    bits[0] += (size_t)__builtin_popcount(row_hits);
    bits[1] += (size_t)__builtin_popcount(column_hits);
    bits[2] += (size_t)__builtin_popcount(too_coarse);
}

/* The portable table is evaluated by what is written down here, the others by it. */
static void check_refine(const pairs *p, uint32_t mask, size_t bits[3])
{
    kin_refined wanted;
    run(portable(), p, mask, &wanted);
    check_approximate(p, &wanted);
    check_bits(p, mask, &wanted, bits);
    for (const kin_scan_kernels *const *table = kin_scan_kernels_all(); *table; table++) {
        kin_refined found;
        run(*table, p, mask, &found);
        if (!same_bits(&found, &wanted, sizeof wanted))
            fail_msg("%s, mask %08x: differs; wants %08x and %08x, too coarse %08x, wanted %08x, "
                     "%08x and %08x",
                     (*table)->name, mask, found.row_hits, found.column_hits, found.too_coarse,
                     wanted.row_hits, wanted.column_hits, wanted.too_coarse);
    }
}

/* `value`, or a neighbour of it. */
static float near(float value, uint64_t *random)
{
    size_t which = test_random_below(random, 3);
    return which == 0 ? value : nextafterf(value, which == 1 ? INFINITY : -INFINITY);
}

/* Thresholds and tolerances; estimates do not depend on them. */
static void draw_thresholds(pairs *p, threshold_kind kind, uint64_t *random)
{
    kin_refined found;
    size_t chosen = test_random_below(random, COLUMNS);
    run(portable(), p, UINT32_MAX, &found);
    if (kind == TIES) {
        p->row.threshold = near(add(found.estimate[chosen], found.error[chosen]), random);
        p->row.tolerance = near(found.error[chosen], random);
    } else if (kind == SPECIAL) {
        p->row.threshold = test_random_below(random, 2) ? INFINITY : -INFINITY;
        p->row.tolerance = test_random_below(random, 2) ? INFINITY : 0;
    }
    for (size_t c = 0; c < COLUMNS; c++)
        if (kind == TIES) {
            p->threshold[1 + c] = near(add(found.estimate[c], found.error[c]), random);
            p->tolerance[1 + c] = near(found.error[c], random);
        } else if (kind == SPECIAL && test_random_below(random, 2)) {
            p->threshold[1 + c] = test_random_below(random, 2) ? INFINITY : -INFINITY;
            p->tolerance[1 + c] = test_random_below(random, 2) ? INFINITY : 0;
        }
}

static void test_refine(void **state)
{
    (void)state;
    uint64_t random = 61;
    for (int kind = 0; kind < PAIR_KINDS; kind++)
        for (int thresholds = 0; thresholds < THRESHOLD_KINDS; thresholds++) {
            size_t bits[3] = {0}, asked = 0;
            for (size_t i = 0; i < 8 * MASKS; i++) {
                pairs p;
                uint32_t mask = draw_mask(i % MASKS, &random);
                draw_pairs(&p, (pair_kind)kind, &random);
                draw_thresholds(&p, (threshold_kind)thresholds, &random);
                check_refine(&p, mask, bits);
                asked += (size_t)__builtin_popcount(mask);
            }
            /* bits that are always or never set would test nothing */
            for (size_t b = 0; b < TEST_COUNT(bits); b++)
                assert_in_range(bits[b], asked / 16, asked * 15 / 16);
        }
}

/* By hand, in numbers that floats hold exactly: every part counts once and in its place. */
static void test_refine_by_hand(void **state)
{
    (void)state;
    pairs p = {.row = {.lead = 0.5f,
                       .low = 0.25f,
                       .factor = 2,
                       .rounding = 0.0625f,
                       .bias = 8,
                       .norm = 2,
                       .tail_norm = 3,
                       .step = 0.5f,
                       .coarse = 1,
                       .fine = 0.5f,
                       .tail_loss = 0.25f,
                       .threshold = 100,
                       .tolerance = 19.625f}};
    for (size_t i = 1; i <= COLUMNS; i++) {
        p.lead[i] = 10;
        p.cross[i] = -12;
        p.tail[i] = 16;
        p.bias[i] = -1;
        p.norm[i] = 4;
        p.tail_norm[i] = 5;
        p.step[i] = 0.25f;
        p.coarse[i] = (float)(i - 1);
        p.fine[i] = 0.125f;
        p.tail_loss[i] = 1;
        p.threshold[i] = -INFINITY;
        p.tolerance[i] = INFINITY;
    }
    /* value 5 - 3 + 2 + 8 - 1; loss 2 + 1/4 + 5/4 + 3 + 3/2 (c + 1/8) + 1/16, both times 2 */
    for (const kin_scan_kernels *const *table = kin_scan_kernels_all(); *table; table++) {
        kin_refined found;
        run(*table, &p, 0x7fffffff, &found);
        for (size_t c = 0; c < COLUMNS; c++) {
            assert_true(found.estimate[c] == 22);
            assert_true(found.error[c] == 13.5f + 3 * (float)c);
        }
        /* 35.5 + 3 c reaches 100 from column 22 on */
        assert_int_equal(found.row_hits, 0x7fffffff & UINT32_MAX << 22);
        assert_int_equal(found.column_hits, 0x7fffffff);
        assert_int_equal(found.too_coarse, found.row_hits);
    }
}

/* ---- lists ---------------------------------------------------------------------------------- */

/* Behind what a kernel may write: a value and a row that nothing here draws. */
static const float no_value = -12345.5f;
static const int32_t no_id = -7;

enum { LIST_MOST = 320, BEHIND = 40 };

typedef struct list {
    float value[LIST_MOST + BEHIND];
    int32_t id[LIST_MOST + BEHIND];
} list;

static void list_clear(list *self)
{
    for (size_t i = 0; i < LIST_MOST + BEHIND; i++) {
        self->value[i] = no_value;
        self->id[i] = no_id;
    }
}

/* Values from `from` on are the same bit for bit. */
static void check_list(const char *table, const list *found, const list *wanted, size_t from,
                       size_t to)
{
    size_t count = to - from;
    if (!same_bits(found->value + from, wanted->value + from, count * sizeof *found->value) ||
        !same_bits(found->id + from, wanted->id + from, count * sizeof *found->id))
        fail_msg("%s: places %zu .. %zu are not as wanted", table, from, to);
}

static void check_append(const kin_scan_kernels *table, const float *value, const int32_t *id,
                         uint32_t mask)
{
    enum { START = 3 };
    list found, wanted;
    size_t count = START;
    list_clear(&found);
    list_clear(&wanted);
    for (size_t c = 0; c < COLUMNS; c++)
        if (mask >> c & 1) {
            wanted.value[count] = value[c];
            wanted.id[count++] = id[c];
        }
    table->append(value, id, mask, found.value + START, found.id + START);
    check_list(table->name, &found, &wanted, 0, LIST_MOST + BEHIND);
}

static void test_append(void **state)
{
    (void)state;
    uint64_t random = 62;
    for (size_t i = 0; i < 4 * MASKS; i++) {
        float value[1 + COLUMNS];
        int32_t id[1 + COLUMNS];
        uint32_t mask = draw_mask(i % MASKS, &random);
        for (size_t c = 0; c <= COLUMNS; c++) {
            value[c] = (float)test_random_normal(&random);
            id[c] = (int32_t)test_random_below(&random, INT32_MAX);
        }
        value[1 + test_random_below(&random, COLUMNS)] = -0.0f;
        for (const kin_scan_kernels *const *table = kin_scan_kernels_all(); *table; table++)
            check_append(*table, value + 1, id + 1, mask);
    }
}

typedef enum value_kind {
    SPREAD,
    STEPS, /* six values, zeros of both signs among them: ties are the rule */
    ENDS,  /* infinite ones of both signs among them */
    VALUE_KINDS,
} value_kind;

static float draw_value(value_kind kind, uint64_t *random)
{
    static const float steps[] = {-1, -0.5f, -0.0f, 0.0f, 0.5f, 1};
    if (kind == STEPS)
        return steps[test_random_below(random, TEST_COUNT(steps))];
    if (kind == ENDS && test_random_below(random, 3) == 0)
        return test_random_below(random, 2) ? INFINITY : -INFINITY;
    return (float)test_random_normal(random);
}

static void draw_list(list *self, value_kind kind, size_t count, uint64_t *random)
{
    list_clear(self);
    for (size_t i = 0; i < count; i++) {
        self->value[i] = draw_value(kind, random);
        self->id[i] = (int32_t)test_random_below(random, INT32_MAX);
    }
}

/* compact and reaching of every table on one list; returns how many there are. */
static size_t check_least(const list *all, size_t count, float least)
{
    list wanted;
    size_t kept = 0;
    list_clear(&wanted);
    for (size_t i = 0; i < count; i++)
        if (all->value[i] >= least) {
            wanted.value[kept] = all->value[i];
            wanted.id[kept++] = all->id[i];
        }
    for (const kin_scan_kernels *const *table = kin_scan_kernels_all(); *table; table++) {
        list found = *all;
        size_t reaching = (*table)->reaching(found.value, count, least);
        check_list((*table)->name, &found, all, 0, LIST_MOST + BEHIND);
        size_t found_kept = (*table)->compact(found.value, found.id, count, least);
        if (reaching != kept || found_kept != kept)
            fail_msg("%s, %zu values, least %.9g: %zu reach it, %zu are kept, wanted %zu",
                     (*table)->name, count, (double)least, reaching, found_kept, kept);
        check_list((*table)->name, &found, &wanted, 0, kept);
        check_list((*table)->name, &found, all, count, LIST_MOST + BEHIND); /* not the list's */
    }
    return kept;
}

static void check_lists(value_kind kind, size_t count, uint64_t *random)
{
    list all;
    draw_list(&all, kind, count, random);
    assert_int_equal(check_least(&all, count, -INFINITY), count);
    check_least(&all, count, INFINITY);
    check_least(&all, count, 0.0f);
    check_least(&all, count, -0.0f);
    check_least(&all, count, uniform(-1, 1, random));
    for (int i = 0; i < 3 && count > 0; i++) {
        float tie = all.value[test_random_below(random, count)];
        size_t kept = check_least(&all, count, tie);
        assert_true(kept > 0);
        size_t above = check_least(&all, count, nextafterf(tie, INFINITY));
        assert_true(above < kept || tie == INFINITY);
    }
}

static void test_lists(void **state)
{
    (void)state;
    uint64_t random = 63;
    for (int kind = 0; kind < VALUE_KINDS; kind++) {
        for (size_t count = 0; count <= 70; count++)
            for (int again = 0; again < 4; again++)
                check_lists((value_kind)kind, count, &random);
        for (size_t count = LIST_MOST - 17; count <= LIST_MOST; count++)
            check_lists((value_kind)kind, count, &random);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refine),
        cmocka_unit_test(test_refine_by_hand),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
