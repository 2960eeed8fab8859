/*
 * Every table of scan/kernels.h against the portable one, bit for bit: random and extreme codes,
 * thresholds that are met exactly or missed by one bit, thresholds that are NaN or infinite;
 * estimates with thresholds and tolerances of the same sorts, and lists of values.
 *
 *     kernels_check [BEST]
 *
 * BEST is the table that has to be the best one found: by default "neon" on aarch64, and any
 * elsewhere. Ends with 1 after a difference, and by a signal where a kernel reads or writes past
 * its arrays.
 *
 * It needs no more than scan/kernels*.c and libc, so that a cross compiler without any of the
 * project's libraries can build it; ./tools/check-extras runs it in an emulator.
 */
#include "scan/kernels.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    ROWS = KIN_PANEL_ROWS,
    COLUMNS = KIN_PANEL_COLUMNS,
    QUADS_MAX = 16384 / 4,
    LEAD_MAX = 16384,
    PAIRS = 5,
};

/* How codes are chosen. The last makes products beyond 2^24 that differ: their floats are
 * rounded. */
enum kind { RANDOM, EXTREMES, EQUAL, OPPOSED, NEARLY_EQUAL, KINDS };
static const char *const kind_name[KINDS] = {"random", "all +-127 at random", "all 127",
                                             "127 against -127", "120 to 127"};

typedef int32_t products[ROWS][COLUMNS];

typedef struct counts {
    long calls;
    long hits;
    long misses;
    long differences;
} counts;

/* ---- random numbers and memory --------------------------------------------------------------- */

static uint64_t random_state = 1;

/* SplitMix64. */
static uint32_t random_below(uint32_t limit)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) >> 32) % limit;
}

static float random_float(float limit)
{
    return limit * (float)random_below(1u << 24) / (1 << 24);
}

/* The end of `bytes` of memory behind which nothing may be touched. */
static void *wall_behind(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t whole = (bytes + page - 1) / page * page;
    char *start =
        mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED || mprotect(start + whole, page, PROT_NONE) != 0) {
        perror("kernels_check");
        exit(2);
    }
    return start + whole;
}

static int8_t choose_code(enum kind kind, bool column_side)
{
    switch (kind) {
    case RANDOM:
        return (int8_t)((int)random_below(255) - 127);
    case EXTREMES:
        return random_below(2) ? 127 : -127;
    case OPPOSED:
        return column_side ? -127 : 127;
    case NEARLY_EQUAL:
        return (int8_t)(120 + (int)random_below(8));
    default:
        return 127;
    }
}

static void fill(int8_t *code, size_t count, enum kind kind, bool column_side)
{
    for (size_t i = 0; i < count; i++)
        code[i] = choose_code(kind, column_side);
}

/* The row side as a table wants it. */
static void lift(uint8_t *out, const int8_t *code, size_t count, uint8_t bias)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)code[i] ^ bias;
}

/* ---- tiles ----------------------------------------------------------------------------------- */

typedef struct tile_case {
    enum kind kind;
    size_t quads;
    int8_t *row;     /* [quads][ROWS][4] as they are */
    uint8_t *lifted; /* the same for one table */
    int8_t *column;  /* [quads][COLUMNS][4] */
    int32_t sum[COLUMNS];
    float row_tail[ROWS], row_threshold[ROWS], column_threshold[ROWS];
    float tail[COLUMNS], bias[COLUMNS], margin[COLUMNS];
} tile_case;

typedef struct tile_memory {
    int8_t *row, *column; /* where each ends */
    uint8_t *lifted;
    kin_tile *tile;
    products *dot;
} tile_memory;

static float special(void)
{
    static const float value[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f};
    return value[random_below(sizeof value / sizeof *value)];
}

static float next_above(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = x == 0 ? 1 : x > 0 ? bits + 1 : bits - 1;
    memcpy(&x, &bits, sizeof bits);
    return x;
}

/* A threshold for a row some of whose columns come to `value`: met exactly, missed by a bit, or
 * special. */
static float choose_bar(float value)
{
    switch (random_below(8)) {
    case 0:
        return special();
    case 1:
    case 2:
        return INFINITY; /* so that the other threshold decides */
    case 3:
    case 4:
        return next_above(value);
    default:
        return value;
    }
}

/* Mostly numbers, now and then what only the bounds of empty rows are. */
static void choose_floats(float *out, size_t count, float limit)
{
    for (size_t i = 0; i < count; i++)
        out[i] = random_below(24) ? random_float(limit) : special();
}

/* Thresholds that columns taken at random meet exactly; rounded twice, as the kernels are to do. */
static void choose_bars(tile_case *t, const products dot)
{
    for (int r = 0; r < ROWS; r++) {
        uint32_t c = random_below(COLUMNS);
        float product = t->row_tail[r] * t->tail[c];
        float v = (float)dot[r][c] + product;
        t->row_threshold[r] = choose_bar(v + t->bias[c]);
        t->column_threshold[r] = choose_bar(v + t->margin[c]);
    }
}

static void choose_tile(tile_case *t, const kin_scan_kernels *portable, products dot)
{
    fill(t->row, t->quads * ROWS * 4, t->kind, false);
    fill(t->column, t->quads * COLUMNS * 4, t->kind, true);
    memset(t->sum, 0, sizeof t->sum);
    for (size_t i = 0; i < t->quads * COLUMNS * 4; i++)
        t->sum[i / 4 % COLUMNS] += t->column[i];
    choose_floats(t->row_tail, ROWS, 300.0f);
    choose_floats(t->tail, COLUMNS, 300.0f);
    choose_floats(t->bias, COLUMNS, 50000.0f);
    choose_floats(t->margin, COLUMNS, 50000.0f);
    portable->dots((const uint8_t *)t->row, t->column, t->sum, t->quads, dot);
    choose_bars(t, (const int32_t(*)[COLUMNS])dot);
}

static size_t run_tile(const kin_scan_kernels *table, const tile_case *t, kin_tile *out)
{
    kin_row_panel row_panel = {t->lifted, t->row_tail, t->row_threshold, t->column_threshold};
    kin_panel panel = {t->column, t->sum, t->tail, t->bias, t->margin};
    lift(t->lifted, t->row, t->quads * ROWS * 4, table->row_bias);
    return table->tile(&row_panel, &panel, t->quads, out);
}

/* The same hits, and the same dots where there are any. */
static bool same_tiles(const kin_tile *a, const kin_tile *b, size_t hits)
{
    return hits == 0 || (memcmp(a->mask, b->mask, sizeof a->mask) == 0 &&
                         memcmp(a->dot, b->dot, sizeof a->dot) == 0);
}

static void differs(counts *n, const char *table, const char *kernel, enum kind kind, size_t size)
{
    if (n->differences++ < 10)
        printf("%s: %s differ from the portable ones, %s, size %zu\n", table, kernel,
               kind_name[kind], size);
}

static void compare_tile(const kin_scan_kernels *table, const tile_case *t, const tile_memory *m,
                         const kin_tile *expected, size_t hits, const products dot, counts *n)
{
    products *out = m->dot - 1;
    kin_tile *tile = m->tile - 1;
    size_t found = run_tile(table, t, tile);
    if (found != hits || !same_tiles(tile, expected, hits))
        differs(n, table->name, "hits", t->kind, t->quads);
    memset(out, 0x55, sizeof *out);
    table->dots(t->lifted, t->column, t->sum, t->quads, *out);
    if (memcmp(out, dot, sizeof *out) != 0)
        differs(n, table->name, "dots", t->kind, t->quads);
    n->calls += 2;
    n->hits += (long)hits;
    n->misses += (long)(ROWS * COLUMNS - hits);
}

static void check_tile(const kin_scan_kernels *const *tables, const kin_scan_kernels *portable,
                       const tile_memory *m, enum kind kind, size_t quads, counts *n)
{
    tile_case t = {.kind = kind, .quads = quads};
    products dot;
    kin_tile expected;
    t.row = m->row - quads * ROWS * 4;
    t.lifted = m->lifted - quads * ROWS * 4;
    t.column = m->column - quads * COLUMNS * 4;
    choose_tile(&t, portable, dot);
    size_t hits = run_tile(portable, &t, &expected);
    for (int i = 0; tables[i] != portable; i++)
        compare_tile(tables[i], &t, m, &expected, hits, (const int32_t(*)[COLUMNS])dot, &n[i]);
}

static void check_tiles(const kin_scan_kernels *const *tables, const kin_scan_kernels *portable,
                        counts *n)
{
    tile_memory m = {.row = wall_behind(QUADS_MAX * ROWS * 4),
                     .column = wall_behind(QUADS_MAX * COLUMNS * 4),
                     .lifted = wall_behind(QUADS_MAX * ROWS * 4),
                     .tile = wall_behind(sizeof(kin_tile)),
                     .dot = wall_behind(sizeof(products))};
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t quads = 1; quads <= 70; quads++)
            for (int again = 0; again < 3; again++)
                check_tile(tables, portable, &m, (enum kind)kind, quads, n);
        check_tile(tables, portable, &m, (enum kind)kind, QUADS_MAX, n);
    }
}

/* ---- pairs ----------------------------------------------------------------------------------- */

typedef struct pairs_memory {
    int8_t *x, *y; /* where each ends */
    uint8_t *lifted, *lifted_y;
    int32_t *cross, *tail_dot;
} pairs_memory;

static int32_t sum_of(const int8_t *code, size_t count)
{
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += code[i];
    return sum;
}

static void check_pairs_of(const kin_scan_kernels *const *tables, const kin_scan_kernels *portable,
                           const pairs_memory *m, enum kind kind, size_t lead, size_t tail,
                           counts *n)
{
    size_t bytes = 2 * lead + tail;
    int8_t *x = m->x - bytes;
    uint8_t *lifted = m->lifted - bytes;
    kin_pair_row y[PAIRS];
    int32_t cross[PAIRS], tail_dot[PAIRS];
    int32_t *out_cross = m->cross - PAIRS;
    int32_t *out_tail = m->tail_dot - PAIRS;
    fill(x, bytes, kind, false);
    fill(m->y - PAIRS * bytes, PAIRS * bytes, kind, true);
    for (size_t i = 0; i < PAIRS; i++) {
        const int8_t *code = m->y - (PAIRS - i) * bytes;
        y[i] = (kin_pair_row){(const uint8_t *)code, sum_of(code, 2 * lead),
                              sum_of(code + 2 * lead, tail)};
    }
    portable->pairs((const uint8_t *)x, y, PAIRS, lead, tail, cross, tail_dot);
    for (int i = 0; tables[i] != portable; i++) {
        lift(lifted, x, bytes, tables[i]->row_bias);
        lift(m->lifted_y - PAIRS * bytes, m->y - PAIRS * bytes, PAIRS * bytes, tables[i]->row_bias);
        for (size_t k = 0; k < PAIRS; k++)
            y[k].code = m->lifted_y - (PAIRS - k) * bytes;
        memset(out_cross, 0x55, sizeof cross);
        memset(out_tail, 0x55, sizeof tail_dot);
        tables[i]->pairs(lifted, y, PAIRS, lead, tail, out_cross, out_tail);
        n[i].calls++;
        if (memcmp(out_cross, cross, sizeof cross) != 0 ||
            memcmp(out_tail, tail_dot, sizeof tail_dot) != 0)
            differs(&n[i], tables[i]->name, "pairs", kind, bytes);
    }
}

static void check_pairs(const kin_scan_kernels *const *tables, const kin_scan_kernels *portable,
                        counts *n)
{
    pairs_memory m = {.x = wall_behind(3 * LEAD_MAX),
                      .y = wall_behind(PAIRS * 3 * LEAD_MAX),
                      .lifted = wall_behind(3 * LEAD_MAX),
                      .lifted_y = wall_behind(PAIRS * 3 * LEAD_MAX),
                      .cross = wall_behind(PAIRS * sizeof(int32_t)),
                      .tail_dot = wall_behind(PAIRS * sizeof(int32_t))};
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t lead = 1; lead <= 5; lead++)
            for (size_t tail = 0; tail <= 5; tail++)
                check_pairs_of(tables, portable, &m, (enum kind)kind, lead * KIN_CODE_ALIGN,
                               tail * KIN_CODE_ALIGN, n);
        check_pairs_of(tables, portable, &m, (enum kind)kind, LEAD_MAX, LEAD_MAX, n);
    }
}

/* ---- refined pairs --------------------------------------------------------------------------- */

enum { COLUMN_PARTS = 9, MASKS = 3000 };

/* The mask of call number i: single columns, none, all, a half, and any. */
static uint32_t choose_mask(uint32_t i)
{
    static const uint32_t mask[] = {0, UINT32_MAX, 0xffff, 0xffff0000};
    if (i < 32)
        return 1u << i;
    return i < 36 ? mask[i - 32] : random_below(UINT32_MAX);
}

static kin_refine_row choose_row(void)
{
    return (kin_refine_row){.lead = random_float(2e-5f),
                            .low = random_float(1e-7f),
                            .factor = 0.5f + random_float(1),
                            .rounding = random_float(4e-6f),
                            .bias = random_float(0.2f),
                            .norm = random_float(1),
                            .tail_norm = random_float(0.5f),
                            .step = random_float(0.002f),
                            .coarse = random_float(0.02f),
                            .fine = random_float(1e-4f),
                            .tail_loss = random_float(0.004f)};
}

/* As large as a row's: where one product is far below the other, fusing would not show. */
static void choose_column(float part[COLUMN_PARTS][COLUMNS], int c)
{
    kin_refine_row other = choose_row();
    part[0][c] = other.bias;
    part[1][c] = other.norm;
    part[2][c] = other.tail_norm;
    part[3][c] = other.step;
    part[4][c] = other.coarse;
    part[5][c] = other.fine;
    part[6][c] = other.tail_loss;
}

/* Thresholds and tolerances for columns of which this is what was found: the last two of their
 * parts. */
static void choose_floors(kin_refine_row *row, float part[COLUMN_PARTS][COLUMNS],
                          const kin_refined *found)
{
    for (int c = 0; c < COLUMNS; c++) {
        part[7][c] = choose_bar(found->estimate[c] + found->error[c]);
        part[8][c] = choose_bar(found->error[c]);
    }
    row->threshold = part[7][random_below(COLUMNS)];
    row->tolerance = part[8][random_below(COLUMNS)];
}

static void check_refine(const kin_scan_kernels *const *tables, const kin_scan_kernels *portable,
                         counts *n)
{
    float(*part)[COLUMNS] = (float(*)[COLUMNS])wall_behind(COLUMN_PARTS * sizeof *part);
    int32_t(*dot)[COLUMNS] = (int32_t(*)[COLUMNS])wall_behind(3 * sizeof *dot);
    kin_refined *out = (kin_refined *)wall_behind(sizeof *out) - 1;
    part -= COLUMN_PARTS;
    dot -= 3;
    kin_refine_columns columns = {part[0], part[1], part[2], part[3], part[4],
                                  part[5], part[6], part[7], part[8]};
    kin_products product = {dot[0], dot[1], dot[2]};
    for (uint32_t i = 0; i < MASKS; i++) {
        kin_refine_row row = choose_row();
        kin_refined expected;
        uint32_t mask = choose_mask(i);
        uint32_t most = i % 2 ? 1u << 30 : 1u << 17; /* the longest there are; usual ones */
        for (int c = 0; c < COLUMNS; c++)
            choose_column(part, c);
        for (int k = 0; k < 3 * COLUMNS; k++)
            dot[k / COLUMNS][k % COLUMNS] = (int32_t)random_below(2 * most) - (int32_t)most;
        portable->refine(&row, &columns, &product, mask, &expected);
        choose_floors(&row, part, &expected);
        portable->refine(&row, &columns, &product, mask, &expected);
        for (int t = 0; tables[t] != portable; t++) {
            memset(out, 0x55, sizeof *out);
            tables[t]->refine(&row, &columns, &product, mask, out);
            n[t].calls++;
            if (memcmp(out, &expected, sizeof *out) != 0)
                differs(&n[t], tables[t]->name, "estimates", RANDOM, i);
        }
    }
}

/* ---- lists ----------------------------------------------------------------------------------- */

enum { LIST_MAX = 320 };

/* A few values that often tie, and some between them. */
static float choose_value(void)
{
    return random_below(2) ? random_float(1) : (float)random_below(5) / 4;
}

static void check_append(const kin_scan_kernels *const *tables, const kin_scan_kernels *portable,
                         counts *n)
{
    float *value = (float *)wall_behind(COLUMNS * sizeof *value) - COLUMNS;
    int32_t *id = (int32_t *)wall_behind(COLUMNS * sizeof *id) - COLUMNS;
    for (uint32_t i = 0; i < MASKS; i++) {
        uint32_t mask = choose_mask(i);
        float values[COLUMNS] = {0}, expected[COLUMNS] = {0};
        int32_t ids[COLUMNS] = {0}, expected_ids[COLUMNS] = {0};
        for (int32_t c = 0; c < COLUMNS; c++) {
            value[c] = 1 + choose_value();
            id[c] = 1 + c;
        }
        portable->append(value, id, mask, expected, expected_ids);
        for (int t = 0; tables[t] != portable; t++) {
            memset(values, 0, sizeof values);
            memset(ids, 0, sizeof ids);
            tables[t]->append(value, id, mask, values, ids);
            n[t].calls++;
            if (memcmp(values, expected, sizeof values) != 0 ||
                memcmp(ids, expected_ids, sizeof ids) != 0)
                differs(&n[t], tables[t]->name, "appended lists", RANDOM, i);
        }
    }
}

/* The lists end at `value` and `id`. */
static void check_keep_of(const kin_scan_kernels *const *tables, const kin_scan_kernels *portable,
                          float *value, int32_t *id, size_t count, counts *n)
{
    float list[LIST_MAX], expected[LIST_MAX];
    int32_t expected_ids[LIST_MAX];
    float least = random_below(8) ? choose_value() : special();
    for (size_t i = 0; i < count; i++) {
        expected[i] = list[i] = choose_value();
        expected_ids[i] = (int32_t)i;
    }
    size_t kept = portable->compact(expected, expected_ids, count, least);
    for (int t = 0; tables[t] != portable; t++) {
        memcpy(value - count, list, count * sizeof *list);
        for (size_t i = 0; i < count; i++)
            (id - count)[i] = (int32_t)i;
        n[t].calls += 2;
        if (tables[t]->reaching(value - count, count, least) != kept ||
            tables[t]->compact(value - count, id - count, count, least) != kept ||
            memcmp(value - count, expected, kept * sizeof *value) != 0 ||
            memcmp(id - count, expected_ids, kept * sizeof *id) != 0)
            differs(&n[t], tables[t]->name, "kept lists", RANDOM, count);
    }
}

static void check_keep(const kin_scan_kernels *const *tables, const kin_scan_kernels *portable,
                       counts *n)
{
    float *value = wall_behind(LIST_MAX * sizeof *value);
    int32_t *id = wall_behind(LIST_MAX * sizeof *id);
    for (int again = 0; again < 10; again++) {
        for (size_t count = 0; count <= 70; count++)
            check_keep_of(tables, portable, value, id, count, n);
        check_keep_of(tables, portable, value, id, LIST_MAX, n);
    }
}

/* ---- the tables ------------------------------------------------------------------------------ */

static const char *expected_best(int argc, char **argv)
{
    if (argc > 1)
        return argv[1];
#if defined(__aarch64__)
    return "neon";
#else
    return NULL;
#endif
}

static bool report(const char *name, const counts *n)
{
    printf("%s: %ld calls, %ld hits and %ld misses, %ld differences\n", name, n->calls, n->hits,
           n->misses, n->differences);
    return n->differences == 0 && n->hits > 0 && n->misses > 0;
}

int main(int argc, char **argv)
{
    const kin_scan_kernels *const *tables = kin_scan_kernels_all();
    const char *best = expected_best(argc, argv);
    counts n[8] = {0};
    int last = 0;
    while (tables[last + 1])
        last++;
    const kin_scan_kernels *portable = tables[last];
    bool good = strcmp(portable->name, "portable") == 0 && kin_scan_kernels_best() == tables[0] &&
                last < (int)(sizeof n / sizeof *n);
    if (!good) {
        puts("the list of tables is not what its header promises");
        return 1;
    }
    check_tiles(tables, portable, n);
    check_pairs(tables, portable, n);
    check_refine(tables, portable, n);
    check_append(tables, portable, n);
    check_keep(tables, portable, n);
    printf("portable: %s\n", last > 0 ? "the others are compared with it" : "the only table");
    for (int i = 0; i < last; i++)
        good = report(tables[i]->name, &n[i]) && good;
    if (best && strcmp(best, tables[0]->name) != 0) {
        printf("the best table is %s and not %s\n", tables[0]->name, best);
        good = false;
    }
    return good ? 0 : 1;
}
