/*
 * Two groups meet (scan/meeting.h).
 *
 * Tiles compare in units of s^2, s the step of the leading codes, so that a tile's integers are used
 * as they come. With `tau` a floor, f the factor of the two groups' patterns and rho the coarse
 * losses, a pair has to be looked at for the row's sake when
 *     f (s^2 dot + tail_x tail_y + rho + bias_x + bias_y) >= tau_x,
 * which is v + bias_y / s^2 >= (tau_x / f - rho - bias_x) / s^2 with v = dot + (tail_x / s)(tail_y / s).
 * rho takes the largest loss and norm of the column's group, so that it belongs to the row.
 */
#include "scan/meeting.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The rounding of a tile's floats, in units of W: some ten operations on numbers below 4. */
static const float tile_rounding = 4e-6f;

/* Up to FEW_HITS of a row's 32 pairs are estimated one by one. From DENSE_HITS of a tile's 384 on, its low
 * and tail codes are multiplied as tiles too, which is cheaper than pair by pair. */
enum { LOW_STEPS = 254, COLUMNS = KIN_GROUP_MAX, FEW_HITS = 3, DENSE_HITS = 72 };

/* The column side of a meeting, value by value, so that a row meets many columns at a time. */
typedef struct columns {
    float tail_unit[COLUMNS], bias_unit[COLUMNS], gap[COLUMNS]; /* for tiles */
    float floor[COLUMNS];                                       /* INFINITY: does not collect */
    float bias[COLUMNS], norm[COLUMNS], tail_norm[COLUMNS], step[COLUMNS]; /* kin_code_facts */
    float coarse[COLUMNS], fine[COLUMNS], tail_loss[COLUMNS];
} columns;

struct kin_meeting {
    const kin_scan *scan;
    const kin_scan_kernels *kernels;
    kin_scan_counts counts;

    /* the meeting under way */
    size_t first_row, first_column; /* of the groups, in the order */
    size_t rows, column_count;
    bool rows_collect, columns_collect;
    float factor;
    float coarse_most, norm_most; /* of the columns */
    columns column;

    /* the strip under way */
    size_t strip; /* its first row, within the group */
    float strip_tail[KIN_STRIP_ROWS], row_bar[KIN_STRIP_ROWS], column_bar[KIN_STRIP_ROWS];
    uint8_t *strip_code; /* [lead / 4][KIN_STRIP_ROWS][4] */
    bool dense_strip_ready;
    uint8_t *dense_strip; /* [stride / 4][KIN_STRIP_ROWS][4] high, low and tail */

    /* columns for dense tiles, made when the first one turns up */
    uint32_t dense_panel_ready; /* bit p: panel p is in dense_panel */
    int8_t *dense_panel;        /* [panels][stride / 4][KIN_PANEL_COLUMNS][4] low, high and tail */
    int32_t dense_lead_sum[COLUMNS], dense_tail_sum[COLUMNS];

    /* the tile under way, by strip row and column of the panel */
    kin_tile tile;
    int32_t cross[KIN_STRIP_ROWS][KIN_PANEL_COLUMNS], tail[KIN_STRIP_ROWS][KIN_PANEL_COLUMNS];
    /* one row of it */
    kin_pair_row pair_row[KIN_PANEL_COLUMNS];                            /* [hits] */
    int32_t pair_cross[KIN_PANEL_COLUMNS], pair_tail[KIN_PANEL_COLUMNS]; /* [hits] */
    float estimate[KIN_PANEL_COLUMNS], error[KIN_PANEL_COLUMNS];

    /* canonical scores under way */
    kin_query query;
    int32_t *candidate; /* [2 * capacity] */
    kin_rescore_space space;
    kin_rows best; /* one row */
};

size_t kin_meeting_bytes(const kin_codes *codes, size_t capacity)
{
    size_t modalities = codes->fused.catalog->modality_count;
    size_t bytes = kin_size_add(sizeof(kin_meeting),
                                kin_size_mul(KIN_STRIP_ROWS + KIN_GROUP_MAX, codes->stride));
    bytes = kin_size_add(bytes, kin_size_mul(2 * capacity, sizeof(int32_t)));
    bytes = kin_size_add(bytes, kin_rescore_space_bytes(capacity, modalities));
    return kin_size_add(bytes, kin_rows_bytes(1, capacity, modalities));
}

int kin_meeting_new(kin_meeting **out, const kin_scan *scan, kin_error *err)
{
    const kin_codes *codes = scan->codes;
    const kin_catalog *catalog = codes->fused.catalog;
    size_t capacity = scan->collectors->capacity;
    kin_meeting *self = kin_alloc_zero(1, sizeof *self);
    if (!self)
        return kin_fail_alloc(err, "a meeting", sizeof *self);
    self->scan = scan;
    self->kernels = kin_scan_kernels_best();
    self->dense_strip = kin_alloc_zero(KIN_STRIP_ROWS, codes->stride);
    self->dense_panel = kin_alloc_zero(KIN_GROUP_MAX, codes->stride);
    self->candidate = kin_alloc(2 * capacity, sizeof *self->candidate);
    int rc = 0;
    if (!self->dense_strip || !self->dense_panel || !self->candidate)
        rc = kin_fail_alloc(err, "a meeting", kin_meeting_bytes(codes, capacity));
    if (rc == 0)
        rc = kin_query_init(&self->query, catalog, err);
    if (rc == 0)
        rc = kin_rescore_space_init(&self->space, capacity, catalog->modality_count, err);
    if (rc == 0)
        rc = kin_rows_init(&self->best, 1, scan->collectors->k, catalog->modality_count, err);
    if (rc == 0)
        *out = self;
    else
        kin_meeting_free(self);
    return rc;
}

void kin_meeting_free(kin_meeting *self)
{
    if (!self)
        return;
    free(self->dense_strip);
    free(self->dense_panel);
    free(self->candidate);
    kin_query_release(&self->query);
    kin_rescore_space_release(&self->space);
    kin_rows_release(&self->best);
    free(self);
}

const kin_scan_counts *kin_meeting_counts(const kin_meeting *self)
{
    return &self->counts;
}

void kin_scan_counts_add(kin_scan_counts *self, const kin_scan_counts *other)
{
    self->pairs += other->pairs;
    self->tiles += other->tiles;
    self->tiles_left += other->tiles_left;
    self->refined += other->refined;
    self->collected += other->collected;
    self->too_coarse += other->too_coarse;
    self->settled += other->settled;
    self->settled_pairs += other->settled_pairs;
}

/* ---- bars ---------------------------------------------------------------------------------------- */

static float unit(const kin_meeting *self)
{
    float step = self->scan->codes->lead_step;
    return step * step;
}

/* What a row's candidates have to reach; INFINITY where it does not collect. */
static float floor_of(const kin_meeting *self, size_t at, bool collects)
{
    return collects ? self->scan->collectors->floor[at - self->scan->first] : INFINITY;
}

/* Follows a column's floor. Its gap is NaN where it does not collect: never reached. */
static void set_floor(kin_meeting *self, size_t c)
{
    columns *to = &self->column;
    to->floor[c] = floor_of(self, self->first_column + c, self->columns_collect);
    to->gap[c] =
        self->columns_collect ? to->bias_unit[c] - to->floor[c] / self->factor / unit(self) : NAN;
}

/* A strip row's bars: what v has to reach for the row's sake (the floor) and for a column's. */
static void set_bars(kin_meeting *self, size_t r)
{
    size_t at = self->first_row + self->strip + r;
    const kin_code_facts *facts = &self->scan->codes->facts[at];
    float rho = facts->coarse * self->norm_most + self->coarse_most * facts->norm + tile_rounding;
    self->column_bar[r] = -(rho + facts->bias) / unit(self);
    self->row_bar[r] =
        self->rows_collect
            ? (floor_of(self, at, true) / self->factor - rho - facts->bias) / unit(self)
            : NAN;
}

static void set_columns(kin_meeting *self)
{
    const kin_codes *codes = self->scan->codes;
    columns *to = &self->column;
    self->coarse_most = self->norm_most = 0;
    for (size_t c = 0; c < self->column_count; c++) {
        const kin_code_facts *facts = &codes->facts[self->first_column + c];
        to->tail_unit[c] = facts->tail_norm / codes->lead_step;
        to->bias_unit[c] = facts->bias / unit(self);
        to->bias[c] = facts->bias;
        to->norm[c] = facts->norm;
        to->tail_norm[c] = facts->tail_norm;
        to->step[c] = facts->step;
        to->coarse[c] = facts->coarse;
        to->fine[c] = facts->fine;
        to->tail_loss[c] = facts->tail_loss;
        self->coarse_most = fmaxf(self->coarse_most, facts->coarse);
        self->norm_most = fmaxf(self->norm_most, facts->norm);
        set_floor(self, c);
    }
    for (size_t c = self->column_count; c % KIN_PANEL_COLUMNS != 0; c++) {
        to->tail_unit[c] = 0;
        to->bias_unit[c] = to->gap[c] = NAN;
    }
}

/* Rows strip .. strip + KIN_STRIP_ROWS - 1 of the group; those behind its end reach nothing. */
static void set_strip(kin_meeting *self, size_t strip)
{
    const kin_codes *codes = self->scan->codes;
    self->strip = strip;
    self->dense_strip_ready = false;
    for (size_t r = 0; r < KIN_STRIP_ROWS; r++) {
        if (strip + r < self->rows) {
            size_t at = self->first_row + strip + r;
            self->strip_tail[r] = codes->facts[at].tail_norm / codes->lead_step;
            set_bars(self, r);
        } else {
            self->strip_tail[r] = 0;
            self->row_bar[r] = self->column_bar[r] = NAN;
        }
    }
}

/* ---- collecting ---------------------------------------------------------------------------------- */

/* Scores a crowded row's candidates canonically and leaves it the k best. */
static void settle(kin_meeting *self, size_t at)
{
    const kin_scan *scan = self->scan;
    size_t row = at - scan->first;
    float weight_sum = (float)scan->codes->fused.weight_sum;
    size_t count = kin_collectors_list(scan->collectors, row, self->candidate);
    kin_query_set_row(&self->query, (size_t)scan->codes->order.row[at]);
    kin_rescore(&self->query, self->candidate, count, &self->space, &self->best, 0);
    for (size_t i = 0; i < self->best.filled[0]; i++)
        self->best.score[i] /= weight_sum;
    kin_collectors_settle(scan->collectors, row, self->best.neighbor, self->best.score,
                          self->best.filled[0]);
    self->counts.settled++;
    self->counts.settled_pairs += count;
}

/* Gives the row at `at` a candidate that reaches its floor; true when that raised the floor. */
static bool add(kin_meeting *self, size_t at, size_t other, float estimate)
{
    const kin_scan *scan = self->scan;
    size_t row = at - scan->first;
    self->counts.collected++;
    if (!kin_collectors_add(scan->collectors, row, estimate, scan->codes->order.row[other]))
        return false;
    if (kin_collectors_weigh(scan->collectors, row))
        settle(self, at);
    return true;
}

/* The canonical score as an estimate; false where there is no pair. */
static bool score_in_full(kin_meeting *self, size_t at, size_t other, float *estimate)
{
    const kin_codes *codes = self->scan->codes;
    float score;
    float cosine[KIN_MODALITIES_MAX];
    self->counts.too_coarse++;
    kin_query_set_row(&self->query, (size_t)codes->order.row[at]);
    if (!kin_query_score(&self->query, (size_t)codes->order.row[other], &score, cosine))
        return false;
    *estimate = score / (float)codes->fused.weight_sum;
    return true;
}

/* The estimate of strip row r, whose facts are x, with column i of the panel whose first is `column`,
 * and how far off it may be. */
static inline void estimate_pair(kin_meeting *self, const kin_code_facts *x, size_t r,
                                 size_t column, size_t i)
{
    const columns *from = &self->column;
    size_t c = column + i;
    kin_code_facts y = {.norm = from->norm[c],
                        .tail_norm = from->tail_norm[c],
                        .coarse = from->coarse[c],
                        .fine = from->fine[c],
                        .tail_loss = from->tail_loss[c]};
    float lead = unit(self), low = lead / LOW_STEPS;
    float value = lead * (float)self->tile.dot[r][i] + low * (float)self->cross[r][i] +
                  x->step * from->step[c] * (float)self->tail[r][i] + (x->bias + from->bias[c]);
    self->estimate[i] = self->factor * value;
    self->error[i] = self->factor * kin_codes_error(self->scan->codes, x, &y);
}

/* A refined pair of strip row r and a column: to whoever's floor it may reach. */
static void collect(kin_meeting *self, size_t r, size_t column, float estimate, float error)
{
    const kin_code_facts *facts = self->scan->codes->facts;
    size_t at = self->first_row + self->strip + r;
    size_t other = self->first_column + column;
    bool row_wants = estimate + error >= floor_of(self, at, self->rows_collect);
    bool column_wants = estimate + error >= self->column.floor[column];
    bool fine = (!row_wants || error <= facts[at].tolerance) &&
                (!column_wants || error <= facts[other].tolerance);
    if (!fine && !score_in_full(self, at, other, &estimate))
        return;
    if (row_wants && add(self, at, other, estimate))
        set_bars(self, r);
    if (column_wants && add(self, other, at, estimate))
        set_floor(self, column);
}

/* ---- tiles --------------------------------------------------------------------------------------- */

/* The cross and tail products of row r's hits, pair by pair. */
static void multiply_pairs(kin_meeting *self, size_t r, size_t column)
{
    const kin_codes *codes = self->scan->codes;
    size_t count = 0;
    for (uint32_t left = self->tile.mask[r]; left != 0; left &= left - 1) {
        size_t at = self->first_column + column + (size_t)__builtin_ctz(left);
        const kin_code_facts *facts = &codes->facts[at];
        self->pair_row[count++] =
            (kin_pair_row){codes->row + at * codes->stride, facts->lead_sum, facts->tail_sum};
    }
    size_t row = self->first_row + self->strip + r;
    self->kernels->pairs(codes->row + row * codes->stride, self->pair_row, count,
                         codes->rotation.lead, codes->rotation.tail, self->pair_cross,
                         self->pair_tail);
    count = 0;
    for (uint32_t left = self->tile.mask[r]; left != 0; left &= left - 1, count++) {
        int c = __builtin_ctz(left);
        self->cross[r][c] = self->pair_cross[count];
        self->tail[r][c] = self->pair_tail[count];
    }
}

static void make_dense_strip(kin_meeting *self)
{
    const kin_codes *codes = self->scan->codes;
    const uint8_t *row = codes->row + (self->first_row + self->strip) * codes->stride;
    for (size_t r = 0; r < KIN_STRIP_ROWS && self->strip + r < self->rows; r++)
        kin_interleave(row + r * codes->stride, codes->stride, 0, KIN_STRIP_ROWS, r,
                       self->dense_strip);
    self->dense_strip_ready = true;
}

static void make_dense_panel(kin_meeting *self, size_t p)
{
    const kin_codes *codes = self->scan->codes;
    size_t lead = codes->rotation.lead, stride = codes->stride;
    int8_t *to = self->dense_panel + p * KIN_PANEL_COLUMNS * stride;
    for (size_t i = 0; i < KIN_PANEL_COLUMNS; i++) {
        size_t c = p * KIN_PANEL_COLUMNS + i;
        if (c >= self->column_count)
            break;
        const uint8_t *code = codes->row + (self->first_column + c) * stride;
        kin_interleave(code + lead, lead, codes->row_bias, KIN_PANEL_COLUMNS, i, to);
        kin_interleave(code, lead, codes->row_bias, KIN_PANEL_COLUMNS, i,
                       to + lead * KIN_PANEL_COLUMNS);
        kin_interleave(code + 2 * lead, codes->rotation.tail, codes->row_bias, KIN_PANEL_COLUMNS, i,
                       to + 2 * lead * KIN_PANEL_COLUMNS);
        self->dense_lead_sum[c] = codes->facts[self->first_column + c].lead_sum;
        self->dense_tail_sum[c] = codes->facts[self->first_column + c].tail_sum;
    }
    self->dense_panel_ready |= 1u << p;
}

/* The cross and tail products of a whole tile. */
static void multiply_tile(kin_meeting *self, size_t p)
{
    const kin_codes *codes = self->scan->codes;
    size_t lead = codes->rotation.lead, tail = codes->rotation.tail;
    if (!self->dense_strip_ready)
        make_dense_strip(self);
    if (!(self->dense_panel_ready >> p & 1))
        make_dense_panel(self, p);
    const int8_t *panel = self->dense_panel + p * KIN_PANEL_COLUMNS * codes->stride;
    size_t column = p * KIN_PANEL_COLUMNS;
    self->kernels->dots(self->dense_strip, panel, self->dense_lead_sum + column, lead / 2,
                        self->cross);
    self->kernels->dots(self->dense_strip + 2 * lead * KIN_STRIP_ROWS,
                        panel + 2 * lead * KIN_PANEL_COLUMNS, self->dense_tail_sum + column,
                        tail / 4, self->tail);
}

/* The hits of strip row r and the panel whose first column is `column`: refined and collected. Where
 * there are more than a few, the whole panel is estimated, which the compiler does many at a time. */
static void refine(kin_meeting *self, size_t r, size_t column, bool dense)
{
    size_t at = self->first_row + self->strip + r;
    const kin_code_facts *x = &self->scan->codes->facts[at];
    float floor = floor_of(self, at, self->rows_collect);
    const float *column_floor = self->column.floor + column;
    bool few = __builtin_popcount(self->tile.mask[r]) <= FEW_HITS;
    if (!dense)
        multiply_pairs(self, r, column);
    for (size_t i = 0; i < KIN_PANEL_COLUMNS && !few; i++)
        estimate_pair(self, x, r, column, i);
    for (uint32_t left = self->tile.mask[r]; left != 0; left &= left - 1) {
        size_t i = (size_t)__builtin_ctz(left);
        if (few)
            estimate_pair(self, x, r, column, i);
        float reach = self->estimate[i] + self->error[i];
        if ((reach >= floor) | (reach >= column_floor[i]))
            collect(self, r, column + i, self->estimate[i], self->error[i]);
    }
}

/* Within one group every pair stands twice in the square, and rows on its diagonal: keeps the pairs
 * above it. Returns how many. */
static size_t keep_above_diagonal(kin_tile *tile, size_t strip, size_t column)
{
    size_t count = 0;
    for (size_t r = 0; r < KIN_STRIP_ROWS; r++) {
        size_t row = strip + r;
        size_t below = row < column ? 0 : row - column + 1; /* columns up to the row's own */
        tile->mask[r] &= below < KIN_PANEL_COLUMNS ? UINT32_MAX << below : 0;
        count += (size_t)__builtin_popcount(tile->mask[r]);
    }
    return count;
}

static void meet_panel(kin_meeting *self, size_t rows_group, size_t group, size_t p)
{
    const kin_codes *codes = self->scan->codes;
    size_t lead = codes->rotation.lead, column = p * KIN_PANEL_COLUMNS;
    size_t panel_at = codes->panel_start[group] + p;
    size_t strip_at = codes->strip_start[rows_group] + self->strip / KIN_STRIP_ROWS;
    kin_strip strip = {codes->strip + strip_at * lead * KIN_STRIP_ROWS, self->strip_tail,
                       self->row_bar, self->column_bar};
    kin_panel panel = {codes->panel + panel_at * lead * KIN_PANEL_COLUMNS,
                       codes->panel_sum + panel_at * KIN_PANEL_COLUMNS,
                       self->column.tail_unit + column, self->column.bias_unit + column,
                       self->column.gap + column};
    size_t hits = self->kernels->tile(&strip, &panel, lead / 4, &self->tile);
    self->counts.tiles++;
    if (hits > 0 && rows_group == group)
        hits = keep_above_diagonal(&self->tile, self->strip, column);
    if (hits == 0)
        return;
    self->counts.tiles_left++;
    self->counts.refined += hits;
    bool dense = hits >= DENSE_HITS;
    if (dense)
        multiply_tile(self, p);
    for (size_t r = 0; r < KIN_STRIP_ROWS; r++)
        if (self->tile.mask[r] != 0)
            refine(self, r, column, dense);
}

static bool collects(const kin_scan *scan, size_t group)
{
    const size_t *start = scan->codes->order.start;
    return start[group] >= scan->first && start[group + 1] <= scan->first + scan->collectors->rows;
}

void kin_meeting_run(kin_meeting *self, size_t a, size_t b)
{
    const kin_codes *codes = self->scan->codes;
    const kin_order *order = &codes->order;
    self->rows_collect = collects(self->scan, a);
    self->columns_collect = collects(self->scan, b);
    self->factor = codes->fused.factor[order->pattern[a] & order->pattern[b]];
    self->first_row = order->start[a];
    self->first_column = order->start[b];
    self->rows = order->start[a + 1] - self->first_row;
    self->column_count = order->start[b + 1] - self->first_column;
    if ((!self->rows_collect && !self->columns_collect) || self->factor == 0)
        return;
    size_t panels = codes->panel_start[b + 1] - codes->panel_start[b];
    self->counts.pairs +=
        a == b ? self->rows * (self->rows - 1) / 2 : self->rows * self->column_count;
    self->dense_panel_ready = 0;
    set_columns(self);
    for (size_t strip = 0; strip < self->rows; strip += KIN_STRIP_ROWS) {
        set_strip(self, strip);
        for (size_t p = a == b ? strip / KIN_PANEL_COLUMNS : 0; p < panels; p++)
            meet_panel(self, a, b, p);
    }
}
