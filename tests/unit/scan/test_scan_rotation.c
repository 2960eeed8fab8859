/*
 * scan/rotation: axes and rotations of many shapes against long double. What the rotation says of
 * its own errors, `skew` and `relative_error`, holds and is small; leading coordinates hold the
 * variance they were made for; and clouds of no rank, few rows or equal rows are rotated like any
 * other.
 */
#include "scan/kernels.h"
#include "scan/rotation.h"
#include "support/test.h"

#include <math.h>

/* ---- clouds ---------------------------------------------------------------------------------- */

typedef enum cloud_kind {
    FALLING, /* variance falls from direction to direction */
    ROUND,   /* the same in all directions */
    FLAT,    /* three directions and nothing else */
    COPIES,  /* every row the same */
    ZERO,
    MINUTE, /* rows of length 1e-20: their squares leave float's range */
    CLOUD_KINDS,
} cloud_kind;

typedef struct cloud {
    size_t rows, d;
    float *y; /* [rows][d] */
} cloud;

static void cloud_make(cloud *self, size_t rows, size_t d, cloud_kind kind, uint64_t seed)
{
    uint64_t random = seed;
    float *mirror = malloc(d * sizeof *mirror);
    *self = (cloud){rows, d, malloc(rows * d * sizeof *self->y)};
    for (size_t k = 0; k < d; k++)
        mirror[k] = (float)(test_random_normal(&random) / sqrt((double)d));
    for (size_t i = 0; i < rows; i++) {
        float *y = self->y + i * d, along = 0;
        for (size_t k = 0; k < d; k++) {
            float spread = kind == FALLING ? 1 / sqrtf(1 + (float)k) : kind != FLAT || k < 3;
            float own = (kind == MINUTE ? 1e-20f : 1) * spread * (float)test_random_normal(&random);
            y[k] = kind == ZERO ? 0 : kind == COPIES && i > 0 ? self->y[k] : own;
            along += kind == COPIES && i > 0 ? 0 : 2 * mirror[k] * y[k];
        }
        /* a mirror turns the directions away from the coordinates */
        for (size_t k = 0; k < d; k++)
            y[k] -= along * mirror[k];
    }
    free(mirror);
}

static void cloud_release(cloud *self)
{
    free(self->y);
}

static long double inner(const float *x, const float *y, size_t d)
{
    long double sum = 0;
    for (size_t k = 0; k < d; k++)
        sum += (long double)x[k] * y[k];
    return sum;
}

/* ---- axes ------------------------------------------------------------------------------------ */

static void check_axes(const cloud *c, const kin_axes *axes)
{
    long double most = 0;
    for (size_t i = 0; i < c->rows; i++)
        most = fmaxl(most, inner(c->y + i * c->d, c->y + i * c->d, c->d));
    for (size_t a = 0; a < axes->count; a++) {
        const float *x = axes->axis + a * c->d;
        for (size_t b = 0; b <= a; b++)
            assert_true(fabsl(inner(x, axes->axis + b * c->d, c->d) - (a == b)) < 1e-5L);
        long double square = 0;
        for (size_t i = 0; i < c->rows; i++)
            square += powl(inner(c->y + i * c->d, x, c->d), 2) / (long double)c->rows;
        assert_true(fabsl(axes->energy[a] - square) <= 1e-5L * most);
        assert_true(a == 0 || axes->energy[a] <= axes->energy[a - 1]);
    }
}

static size_t axes_for(size_t rows, size_t d)
{
    size_t count = KIN_LEAD_MAX + KIN_LEAD_SPARE;
    count = count < d ? count : d;
    return count < rows ? count : rows;
}

static void test_axes(void **state)
{
    (void)state;
    static const size_t shapes[][2] = {{300, 1},  {5, 40},    {64, 64},  {300, 65},
                                       {40, 300}, {300, 130}, {260, 400}};
    for (size_t s = 0; s < TEST_COUNT(shapes); s++)
        for (int kind = 0; kind < CLOUD_KINDS; kind++) {
            cloud c;
            kin_axes axes;
            kin_error err;
            size_t rows = shapes[s][0], d = shapes[s][1];
            cloud_make(&c, rows, d, (cloud_kind)kind, 10 + s);
            test_ok(kin_axes_fit(&axes, c.y, rows, d, axes_for(rows, d), &err), &err);
            assert_true(axes.d == d && axes.count == axes_for(rows, d));
            check_axes(&c, &axes);
            kin_axes_release(&axes);
            cloud_release(&c);
        }
}

/* Where variance falls off, the first axes hold nearly all that any as many directions could. */
static void test_axes_hold_the_variance(void **state)
{
    (void)state;
    enum { ROWS = 400, D = 500, FEW = 64 };
    cloud c;
    kin_axes axes;
    kin_error err;
    long double held = 0, whole = 0, best = 0;
    cloud_make(&c, ROWS, D, FALLING, 3);
    test_ok(kin_axes_fit(&axes, c.y, ROWS, D, axes_for(ROWS, D), &err), &err);
    for (size_t i = 0; i < ROWS; i++)
        whole += inner(c.y + i * D, c.y + i * D, D) / ROWS;
    for (size_t a = 0; a < FEW; a++) {
        held += axes.energy[a];
        best += 1 / (1 + (long double)a); /* as the cloud was drawn */
    }
    assert_true(held > 0.95L * best && held < whole);
    kin_axes_release(&axes);
    cloud_release(&c);
}

/* ---- rotations against long double ----------------------------------------------------------- */

/* What reflectors make of y without rounding: (I - V (V T)^T) y. */
static void reflect(const kin_rotation *r, const float *y, long double *out)
{
    size_t l = r->reflectors;
    long double *along = calloc(l + 1, sizeof *along);
    for (size_t i = 0; i < r->d; i++)
        for (size_t j = 0; j < l; j++)
            along[j] += (long double)r->vt[i * l + j] * y[i];
    for (size_t i = 0; i < r->d; i++) {
        out[i] = y[i];
        for (size_t j = 0; j < l; j++)
            out[i] -= r->v[j * r->d + i] * along[j];
    }
    free(along);
}

/* A row before and after. */
typedef struct turned {
    const float *y;
    const float *z;
    const long double *exact; /* reflected, not mixed */
    long double length;       /* of y */
} turned;

/* Inner products of two rows, all of it and the leading part, before and after. Mixing is
 * orthogonal within the leading coordinates and within the others, so neither part's products may
 * change. */
static void check_products(const kin_rotation *r, const turned *a, const turned *b)
{
    long double lead_exact = 0, sizes = a->length * b->length;
    long double rounding = r->relative_error * (2 + 2 * r->skew + r->relative_error);
    size_t out = r->lead + r->tail;
    for (size_t k = 0; k < r->lead && k < r->d; k++)
        lead_exact += a->exact[k] * b->exact[k];
    long double lead = inner(a->z, b->z, r->lead), whole = inner(a->z, b->z, out);
    long double wanted = inner(a->y, b->y, r->d);
    if (!(fabsl(whole - wanted) <= (r->skew + rounding) * sizes))
        fail_msg("d %zu, lead %zu: %.12Lg became %.12Lg, skew %g", r->d, r->lead, wanted, whole,
                 r->skew);
    if (!(fabsl(lead - lead_exact) <= rounding * sizes))
        fail_msg("d %zu, lead %zu: leading part %.12Lg, wanted %.12Lg", r->d, r->lead, lead,
                 lead_exact);
}

/* Rotates a cloud's first rows, some at a time, and checks all pairs of them. */
static void check_rows(const kin_rotation *r, const cloud *c)
{
    enum { SOME = 24, AT_A_TIME = 9 };
    size_t d = c->d, out = r->lead + r->tail, rows = c->rows < SOME ? c->rows : SOME;
    float *y = malloc(rows * d * sizeof *y);
    float *z = malloc(rows * out * sizeof *z);
    float *space = malloc(AT_A_TIME * (r->lead + KIN_CODE_ALIGN) * sizeof *space);
    long double *exact = malloc(rows * d * sizeof *exact);
    turned all[SOME];
    memcpy(y, c->y, rows * d * sizeof *y);
    for (size_t first = 0; first < rows; first += AT_A_TIME) {
        size_t count = rows - first < AT_A_TIME ? rows - first : AT_A_TIME;
        kin_rotation_apply(r, y + first * d, count, z + first * out, space);
    }
    for (size_t i = 0; i < rows; i++) {
        const float *before = c->y + i * d;
        reflect(r, before, exact + i * d);
        all[i] = (turned){before, z + i * out, exact + i * d, sqrtl(inner(before, before, d))};
        for (size_t j = 0; j <= i; j++)
            check_products(r, &all[i], &all[j]);
    }
    free(y);
    free(z);
    free(space);
    free(exact);
}

/* `skew` is not below what reflectors do to the unit vectors, all of them together. */
static void check_skew(const kin_rotation *r)
{
    size_t d = r->d;
    long double *q = malloc(d * d * sizeof *q); /* row i: unit vector i, reflected */
    float *unit = calloc(d, sizeof *unit);
    long double square = 0;
    for (size_t i = 0; i < d; i++) {
        unit[i] = 1;
        reflect(r, unit, q + i * d);
        unit[i] = 0;
    }
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++) {
            long double product = -(long double)(i == j);
            for (size_t k = 0; k < d; k++)
                product += q[i * d + k] * q[j * d + k];
            square += product * product;
        }
    if (!(sqrtl(square) <= r->skew))
        fail_msg("d %zu, lead %zu: skew %g, truly %Lg", d, r->lead, r->skew, sqrtl(square));
    free(q);
    free(unit);
}

static void check_shape(const kin_rotation *r, const float *mean, size_t d, size_t lead)
{
    size_t whole = (d + KIN_CODE_ALIGN - 1) / KIN_CODE_ALIGN * KIN_CODE_ALIGN;
    assert_int_equal(r->d, d);
    assert_int_equal(r->lead, lead ? lead : whole);
    assert_int_equal(r->lead + r->tail, whole);
    assert_int_equal(r->reflectors, r->tail ? lead : 0);
    assert_memory_equal(r->mean, mean, d * sizeof *mean);
    assert_ptr_not_equal(r->mean, mean);
    assert_true(r->skew >= 0 && r->skew < 1e-4);
    assert_true(r->relative_error > 0 && r->relative_error < 2e-3);
    size_t held = 2 * r->reflectors * d + d + whole;
    assert_true(kin_rotation_bytes(d, r->reflectors) >= held * sizeof(float));
}

/* The leading part holds what the leading axes hold. */
static void check_variance(const kin_rotation *r, const kin_axes *axes, const cloud *c)
{
    long double held = 0, wanted = 0, *exact = malloc(c->d * sizeof *exact);
    for (size_t a = 0; a < r->lead; a++)
        wanted += axes->energy[a];
    for (size_t i = 0; i < c->rows; i++) {
        reflect(r, c->y + i * c->d, exact);
        for (size_t k = 0; k < r->lead; k++)
            held += exact[k] * exact[k] / (long double)c->rows;
    }
    assert_true(fabsl(held - wanted) <= 1e-4L * wanted);
    free(exact);
}

/* A rotation made of a cloud; lead 0: all dimensions lead. */
static void check_rotation(size_t rows, size_t d, size_t lead, cloud_kind kind, uint64_t seed)
{
    cloud c;
    kin_axes axes = {0};
    kin_rotation r;
    kin_error err;
    cloud_make(&c, rows, d, kind, seed);
    if (lead > 0)
        test_ok(kin_axes_fit(&axes, c.y, rows, d, axes_for(rows, d), &err), &err);
    test_ok(kin_rotation_init(&r, c.y, d, lead ? &axes : NULL, lead, &err), &err);
    check_shape(&r, c.y, d, lead);
    check_rows(&r, &c);
    if (d <= 130) /* both take d^3 operations, or nearly so */
        check_skew(&r);
    if (d <= 200 && r.reflectors > 0)
        check_variance(&r, &axes, &c);
    kin_rotation_release(&r);
    assert_null(r.mean);
    kin_axes_release(&axes);
    cloud_release(&c);
}

/* ---- tests of rotations ---------------------------------------------------------------------- */

static void test_all_dimensions_lead(void **state)
{
    (void)state;
    static const size_t dimensions[] = {1, 2, 3, 63, 64, 65, 100, 128, 129, 192, 300, 512, 600};
    for (size_t i = 0; i < TEST_COUNT(dimensions); i++)
        for (int kind = 0; kind < CLOUD_KINDS; kind++)
            check_rotation(20, dimensions[i], 0, (cloud_kind)kind, 20 + i);
}

static void test_some_dimensions_lead(void **state)
{
    (void)state;
    static const size_t shapes[][2] = {{65, 64},   {100, 64},  {129, 128}, {130, 64},
                                       {200, 192}, {300, 256}, {600, 64},  {600, 256}};
    for (size_t s = 0; s < TEST_COUNT(shapes); s++)
        for (int kind = 0; kind < CLOUD_KINDS; kind++)
            check_rotation(s % 2 ? 300 : 270, shapes[s][0], shapes[s][1], (cloud_kind)kind, 40 + s);
}

/* Nothing stands out, not even a row that points along one axis or one coordinate. */
static void test_mixing_spreads(void **state)
{
    (void)state;
    enum { D = 300, LEAD = 128, ROWS = 280 };
    cloud c;
    kin_axes axes;
    kin_error err;
    float y[D], z[320], space[320];
    cloud_make(&c, ROWS, D, FALLING, 5);
    test_ok(kin_axes_fit(&axes, c.y, ROWS, D, axes_for(ROWS, D), &err), &err);
    for (size_t lead = 0; lead <= LEAD; lead += LEAD) {
        kin_rotation r;
        test_ok(kin_rotation_init(&r, c.y, D, &axes, lead, &err), &err);
        for (size_t a = 0; a < LEAD; a += 7) {
            float most = 0;
            memset(y, 0, sizeof y);
            y[a] = 1;
            if (lead > 0)
                memcpy(y, axes.axis + a * D, sizeof y);
            kin_rotation_apply(&r, y, 1, z, space);
            for (size_t k = 0; k < r.lead + r.tail; k++)
                most = fmaxf(most, fabsf(z[k]));
            assert_true(most < 0.13f); /* one over the root of the shortest block, 64 */
        }
        kin_rotation_release(&r);
    }
    kin_axes_release(&axes);
    cloud_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_axes),
        cmocka_unit_test(test_axes_hold_the_variance),
        cmocka_unit_test(test_all_dimensions_lead),
        cmocka_unit_test(test_some_dimensions_lead),
        cmocka_unit_test(test_mixing_spreads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
