/*
 * scan/kernels: every table against sums in int64 and comparisons written down here, bit for bit:
 * random codes and those that would saturate or overflow a careless product, all lengths up to 1200
 * dimensions and the longest there are, thresholds that are hit exactly, infinite ones and NaN.
 */
#include "scan/kernels.h"
#include "support/test.h"

#include <math.h>

enum {
    ROWS = KIN_PANEL_ROWS,
    COLUMNS = KIN_PANEL_COLUMNS,
    PLACES = ROWS * COLUMNS,
    QUADS_MOST = 65536 / 4, /* as many dimensions as sums are promised to be exact for */
};

typedef enum code_kind {
    RANDOM,
    SAME,      /* all 127: the largest sums */
    OPPOSITE,  /* 127 against -127: the smallest */
    ALTERNATE, /* 127, -127, 127, ... on both sides: lifted by 128, neighbours differ most */
    EDGES,     /* 127 or -127 by chance */
    CODE_KINDS,
} code_kind;

/* Code i of the row side (0) or the column side (1). */
static int8_t draw_code(code_kind kind, int side, size_t i, uint64_t *random)
{
    switch (kind) {
    case SAME:
        return 127;
    case OPPOSITE:
        return side ? -127 : 127;
    case ALTERNATE:
        return i % 2 ? -127 : 127;
    case EDGES:
        return test_random(random) >> 63 ? 127 : -127;
    default:
        return (int8_t)((int)test_random_below(random, 255) - 127);
    }
}

static int32_t plain_dot(const int8_t *x, const int8_t *y, size_t d)
{
    int64_t sum = 0;
    for (size_t i = 0; i < d; i++)
        sum += (int64_t)x[i] * y[i];
    assert_true(sum >= INT32_MIN && sum <= INT32_MAX);
    return (int32_t)sum;
}

static int32_t plain_sum(const int8_t *x, size_t d)
{
    int32_t sum = 0;
    for (size_t i = 0; i < d; i++)
        sum += x[i];
    return sum;
}

/* Float operations by way of double, which holds sums and products of two floats well enough that
 * the second rounding changes nothing: 53 bits are more than twice 24. */
static float add(float a, float b)
{
    return (float)((double)a + (double)b);
}

static float multiply(float a, float b)
{
    return (float)((double)a * (double)b);
}

/* ---- tiles ----------------------------------------------------------------------------------- */

/* A tile in the plain, and packed as a table wants it. */
typedef struct tile {
    size_t quads;
    int8_t *row;    /* [ROWS][4 quads] */
    int8_t *column; /* [COLUMNS][4 quads] */
    int32_t dot[ROWS][COLUMNS];
    int32_t sum[COLUMNS];
    float row_tail[ROWS], row_threshold[ROWS], column_threshold[ROWS];
    float tail[COLUMNS], bias[COLUMNS], margin[COLUMNS];
    uint8_t *row_panel; /* packed: at an odd address, and no byte more than needed behind it */
    int8_t *panel;
} tile;

static void tile_make(tile *self, size_t quads, code_kind kind, uint64_t *random)
{
    size_t d = 4 * quads;
    self->quads = quads;
    self->row = malloc(ROWS * d + 1);
    self->column = malloc(COLUMNS * d + 1);
    self->row_panel = malloc(ROWS * d + 1);
    self->panel = malloc(COLUMNS * d + 1);
    for (size_t i = 0; i < ROWS * d; i++)
        self->row[i] = draw_code(kind, 0, i, random);
    for (size_t i = 0; i < COLUMNS * d; i++)
        self->column[i] = draw_code(kind, 1, i, random);
    for (size_t c = 0; c < COLUMNS; c++) {
        self->sum[c] = plain_sum(self->column + c * d, d);
        for (size_t r = 0; r < ROWS; r++)
            self->dot[r][c] = plain_dot(self->row + r * d, self->column + c * d, d);
    }
}

static void tile_release(tile *self)
{
    free(self->row);
    free(self->column);
    free(self->row_panel);
    free(self->panel);
}

static void tile_pack(const tile *self, uint8_t row_bias)
{
    size_t d = 4 * self->quads;
    for (size_t i = 0; i < d; i++) {
        for (size_t r = 0; r < ROWS; r++)
            self->row_panel[1 + (i / 4 * ROWS + r) * 4 + i % 4] =
                (uint8_t)self->row[r * d + i] ^ row_bias;
        for (size_t c = 0; c < COLUMNS; c++)
            self->panel[1 + (i / 4 * COLUMNS + c) * 4 + i % 4] = self->column[c * d + i];
    }
}

static float value_at(const tile *self, size_t r, size_t c)
{
    return add((float)self->dot[r][c], multiply(self->row_tail[r], self->tail[c]));
}

static size_t plain_hits(const tile *self, kin_tile *out)
{
    size_t count = 0;
    memset(out, 0, sizeof *out);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < COLUMNS; c++) {
            float v = value_at(self, r, c);
            bool hit = add(v, self->bias[c]) >= self->row_threshold[r] ||
                       add(v, self->margin[c]) >= self->column_threshold[r];
            out->mask[r] |= (uint32_t)hit << c;
            out->dot[r][c] = self->dot[r][c];
            count += hit;
        }
    return count;
}

/* Every table finds exactly the plain hits; returns how many. */
static size_t check_hits(const tile *self)
{
    kin_tile wanted;
    size_t count = plain_hits(self, &wanted);
    kin_row_panel row_panel = {self->row_panel + 1, self->row_tail, self->row_threshold,
                               self->column_threshold};
    kin_panel panel = {self->panel + 1, self->sum, self->tail, self->bias, self->margin};
    for (const kin_scan_kernels *const *table = kin_scan_kernels_all(); *table; table++) {
        kin_tile *found_tile = malloc(sizeof *found_tile);
        tile_pack(self, (*table)->row_bias);
        size_t found = (*table)->tile(&row_panel, &panel, self->quads, found_tile);
        if (found != count)
            fail_msg("%s, quads %zu: %zu hits, wanted %zu", (*table)->name, self->quads, found,
                     count);
        if (count > 0)
            assert_memory_equal(found_tile, &wanted, sizeof wanted);
        free(found_tile);
    }
    return count;
}

static void check_dots(const tile *self)
{
    for (const kin_scan_kernels *const *table = kin_scan_kernels_all(); *table; table++) {
        int32_t out[ROWS][COLUMNS];
        memset(out, 0x55, sizeof out);
        tile_pack(self, (*table)->row_bias);
        (*table)->dots(self->row_panel + 1, self->panel + 1, self->sum, self->quads, out);
        for (size_t r = 0; r < ROWS; r++)
            for (size_t c = 0; c < COLUMNS; c++)
                if (out[r][c] != self->dot[r][c])
                    fail_msg("%s, quads %zu, row %zu, column %zu: %d, wanted %d", (*table)->name,
                             self->quads, r, c, out[r][c], self->dot[r][c]);
    }
}

/* ---- what tiles are compared with ----------------------------------------------------------- */

typedef enum threshold_kind {
    ORDINARY, /* some hit, some do not */
    SPECIAL,  /* infinities, NaN and zeros among them */
    TIES,     /* each row's thresholds are what one column has, or the next float above it */
    THRESHOLD_KINDS,
} threshold_kind;

static float draw_float(threshold_kind kind, float scale, uint64_t *random)
{
    static const float special[] = {INFINITY, -INFINITY, NAN, 0.0f, -0.0f};
    if (kind == SPECIAL && test_random_below(random, 3) == 0)
        return special[test_random_below(random, TEST_COUNT(special))];
    return scale * (float)test_random_normal(random);
}

static void draw_thresholds(tile *self, threshold_kind kind, uint64_t *random)
{
    float scale = 1;
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < COLUMNS; c++)
            scale = fmaxf(scale, fabsf((float)self->dot[r][c]));
    for (size_t c = 0; c < COLUMNS; c++) {
        self->tail[c] = fabsf(draw_float(kind, sqrtf(scale), random));
        self->bias[c] = draw_float(kind, scale, random);
        self->margin[c] = draw_float(kind, scale, random);
    }
    for (size_t r = 0; r < ROWS; r++) {
        self->row_tail[r] = fabsf(draw_float(kind, sqrtf(scale), random));
        self->row_threshold[r] = draw_float(kind, 4 * scale, random);
        self->column_threshold[r] = draw_float(kind, 4 * scale, random);
    }
    for (size_t r = 0; r < ROWS && kind == TIES; r++) {
        size_t c = test_random_below(random, COLUMNS);
        float row_value = add(value_at(self, r, c), self->bias[c]);
        float column_value = add(value_at(self, r, c), self->margin[c]);
        self->row_threshold[r] = r & 1 ? row_value : nextafterf(row_value, INFINITY);
        self->column_threshold[r] = r & 2 ? column_value : nextafterf(column_value, INFINITY);
    }
}

/* Returns the hits between ordinary thresholds. */
static size_t check_tile(size_t quads, code_kind kind, uint64_t *random)
{
    size_t hits[THRESHOLD_KINDS];
    tile t = {0};
    tile_make(&t, quads, kind, random);
    check_dots(&t);
    for (int thresholds = 0; thresholds < THRESHOLD_KINDS; thresholds++) {
        draw_thresholds(&t, (threshold_kind)thresholds, random);
        hits[thresholds] = check_hits(&t);
    }
    tile_release(&t);
    return hits[ORDINARY];
}

static void test_tiles(void **state)
{
    (void)state;
    uint64_t random = 41;
    size_t tiles = 0, hits = 0;
    for (size_t quads = 1; quads <= 300; quads++)
        for (int kind = 0; kind < CODE_KINDS; kind++)
            if (quads <= 20 || quads % 64 == 0 || quads % CODE_KINDS == (size_t)kind) {
                hits += check_tile(quads, (code_kind)kind, &random);
                tiles++;
            }
    /* thresholds that all or none reach would test nothing */
    assert_true(hits > tiles * PLACES / 8 && hits < tiles * PLACES * 7 / 8);
}

/* As many dimensions as there may be; and their high and low codes side by side, which is how a
 * tile with many hits multiplies them. */
static void test_longest_tiles(void **state)
{
    (void)state;
    uint64_t random = 42;
    for (int kind = 0; kind < CODE_KINDS; kind++)
        check_tile(QUADS_MOST, (code_kind)kind, &random);
    for (int kind = SAME; kind <= OPPOSITE; kind++) {
        tile t = {0};
        tile_make(&t, 2 * QUADS_MOST, (code_kind)kind, &random);
        check_dots(&t);
        tile_release(&t);
    }
}

/* The product's way to fill row panels and panels is that of the header's picture. */
static void test_interleave(void **state)
{
    (void)state;
    enum { D = 64 };
    uint64_t random = 40;
    tile t = {0};
    tile_make(&t, D / 4, RANDOM, &random);
    for (int bias = 0; bias <= 0x80; bias += 0x80) {
        uint8_t row_panel[ROWS * D], panel[COLUMNS * D];
        for (size_t r = 0; r < ROWS; r++)
            kin_interleave(t.row + r * D, D, (uint8_t)bias, ROWS, r, row_panel);
        for (size_t c = 0; c < COLUMNS; c++)
            kin_interleave(t.column + c * D, D, 0, COLUMNS, c, panel);
        tile_pack(&t, (uint8_t)bias);
        assert_memory_equal(row_panel, t.row_panel + 1, sizeof row_panel);
        assert_memory_equal(panel, t.panel + 1, sizeof panel);
    }
    tile_release(&t);
}

/* A row of codes may have no tail. */
static void test_no_quads(void **state)
{
    (void)state;
    uint64_t random = 1;
    tile t = {0};
    tile_make(&t, 0, RANDOM, &random);
    check_dots(&t);
    tile_release(&t);
}

/* What the header says of NaN and infinity, one at a time, on a tile of zeros. */
static void test_thresholds(void **state)
{
    (void)state;
    static const struct {
        float row_threshold, column_threshold, bias, margin;
        size_t hits;
    } cases[] = {
        {NAN, NAN, 0, 0, 0},
        {NAN, NAN, INFINITY, INFINITY, 0},
        {-INFINITY, -INFINITY, NAN, NAN, 0},
        {-INFINITY, NAN, 0, 0, PLACES},
        {NAN, -INFINITY, 0, 0, PLACES},
        {-INFINITY, NAN, NAN, 0, 0},
        {NAN, -INFINITY, 0, NAN, 0},
        {-INFINITY, NAN, 0, NAN, PLACES},
        {NAN, 1e30f, 0, INFINITY,
         PLACES}, /* a column without a threshold: its margin is infinite */
        {INFINITY, INFINITY, 1e30f, 1e30f, 0},
        {0.0f, NAN, -0.0f, 0, PLACES},
        {-0.0f, NAN, 0.0f, 0, PLACES},
        {0x1p-149f, 0x1p-149f, 0, 0, 0},
        {1, 1, 1, NAN, PLACES},
        {1, 1, NAN, 1, PLACES},
    };
    uint64_t random = 2;
    tile t = {0};
    tile_make(&t, 16, RANDOM, &random);
    memset(t.row, 0, ROWS * 4 * t.quads);
    memset(t.dot, 0, sizeof t.dot);
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        for (size_t r = 0; r < ROWS; r++) {
            t.row_threshold[r] = cases[i].row_threshold;
            t.column_threshold[r] = cases[i].column_threshold;
        }
        for (size_t c = 0; c < COLUMNS; c++) {
            t.bias[c] = cases[i].bias;
            t.margin[c] = cases[i].margin;
        }
        if (check_hits(&t) != cases[i].hits)
            fail_msg("case %zu: not %zu hits", i, cases[i].hits);
    }
    tile_release(&t);
}

/* ---- pairs ----------------------------------------------------------------------------------- */

/* Rows begin one byte into their memory: no table gets more alignment than it may expect. */
static int8_t *draw_row(size_t bytes, code_kind kind, int side, uint64_t *random)
{
    int8_t *code = malloc(bytes + 1);
    assert_non_null(code);
    for (size_t i = 0; i < bytes; i++)
        code[1 + i] = draw_code(kind, side, i, random);
    return code;
}

enum { PAIRS_MOST = 32 };

/* A row and some others, in the plain, and what their products are. */
typedef struct pair_job {
    size_t lead, tail, count;
    int8_t *x, *row[PAIRS_MOST];
    kin_pair_row y[PAIRS_MOST];
    int32_t cross[PAIRS_MOST], tail_dot[PAIRS_MOST];
} pair_job;

static void pair_job_make(pair_job *self, code_kind kind, uint64_t *random)
{
    size_t lead = self->lead, tail = self->tail;
    self->x = draw_row(2 * lead + tail, kind, 0, random);
    for (size_t i = 0; i < self->count; i++) {
        self->row[i] = draw_row(2 * lead + tail, kind, 1, random);
        const int8_t *a = self->x + 1, *b = self->row[i] + 1;
        self->y[i] = (kin_pair_row){(uint8_t *)self->row[i] + 1, plain_sum(b, 2 * lead),
                                    plain_sum(b + 2 * lead, tail)};
        self->cross[i] = plain_dot(a, b + lead, lead) + plain_dot(a + lead, b, lead);
        self->tail_dot[i] = plain_dot(a + 2 * lead, b + 2 * lead, tail);
    }
}

/* Lifts all rows as a table wants them; a second time brings them back. */
static void pair_job_lift(pair_job *self, uint8_t bias)
{
    for (size_t k = 1; k <= 2 * self->lead + self->tail; k++) {
        ((uint8_t *)self->x)[k] ^= bias;
        for (size_t i = 0; i < self->count; i++)
            ((uint8_t *)self->row[i])[k] ^= bias;
    }
}

static void check_pairs(size_t lead, size_t tail, size_t count, code_kind kind, uint64_t *random)
{
    pair_job job = {.lead = lead, .tail = tail, .count = count};
    pair_job_make(&job, kind, random);
    for (const kin_scan_kernels *const *table = kin_scan_kernels_all(); *table; table++) {
        int32_t cross[PAIRS_MOST], tail_dot[PAIRS_MOST];
        pair_job_lift(&job, (*table)->row_bias);
        (*table)->pairs((uint8_t *)job.x + 1, job.y, count, lead, tail, cross, tail_dot);
        pair_job_lift(&job, (*table)->row_bias);
        for (size_t i = 0; i < count; i++)
            if (cross[i] != job.cross[i] || tail_dot[i] != job.tail_dot[i])
                fail_msg("%s, lead %zu, tail %zu, pair %zu: %d and %d, wanted %d and %d",
                         (*table)->name, lead, tail, i, cross[i], tail_dot[i], job.cross[i],
                         job.tail_dot[i]);
    }
    for (size_t i = 0; i < count; i++)
        free(job.row[i]);
    free(job.x);
}

static void test_pairs(void **state)
{
    (void)state;
    uint64_t random = 43;
    for (size_t lead = 64; lead <= 640; lead += 64)
        for (size_t tail = 0; tail <= 448; tail += 64)
            for (int kind = 0; kind < CODE_KINDS; kind++)
                check_pairs(lead, tail, test_random_below(&random, 6), (code_kind)kind, &random);
    check_pairs(64, 128, 32, RANDOM, &random);
    check_pairs(256, 0, 32, RANDOM, &random);
}

static void test_longest_pairs(void **state)
{
    (void)state;
    uint64_t random = 44;
    for (int kind = 0; kind < CODE_KINDS; kind++) {
        check_pairs(32768, 32768, 2, (code_kind)kind, &random);
        check_pairs(64, 65536 - 64, 2, (code_kind)kind, &random);
    }
    check_pairs(65536, 0, 2, RANDOM, &random);
    check_pairs(65536, 0, 2, EDGES, &random);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void test_tables(void **state)
{
    (void)state;
    const kin_scan_kernels *const *table = kin_scan_kernels_all();
    assert_ptr_equal(kin_scan_kernels_best(), table[0]);
    size_t count = 0;
    for (; table[count]; count++) {
        assert_true(table[count]->row_bias == 0 || table[count]->row_bias == 0x80);
        for (size_t earlier = 0; earlier < count; earlier++)
            assert_string_not_equal(table[count]->name, table[earlier]->name);
    }
    assert_string_equal(table[count - 1]->name, "portable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiles),         cmocka_unit_test(test_longest_tiles),
        cmocka_unit_test(test_interleave),    cmocka_unit_test(test_no_quads),
        cmocka_unit_test(test_thresholds),    cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_longest_pairs), cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
