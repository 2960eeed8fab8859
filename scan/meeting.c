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
#include "core/memory.h"
#include "scan/meeting_state.h"

#include <stdlib.h>

/* From DENSE_HITS of a tile's 384 on, its low and tail codes are multiplied as tiles too, which is cheaper
 * than pair by pair. */
enum { DENSE_HITS = 96 };

size_t kin_meeting_bytes(const kin_codes *codes, size_t capacity)
{
    size_t modalities = codes->fused.catalog->modality_count;
    size_t bytes = kin_size_add(sizeof(kin_meeting),
                                kin_size_mul(KIN_STRIP_ROWS + KIN_GROUP_MAX, codes->stride));
    bytes = kin_size_add(bytes, kin_size_mul(capacity, sizeof(int32_t)));
    bytes = kin_size_add(bytes, kin_size_mul(codes->fused.d, sizeof(double))); /* the query */
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
    self->candidate = kin_alloc(capacity, sizeof *self->candidate);
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

/* ---- sides ---------------------------------------------------------------------------------------- */

static void set_columns(kin_meeting *self)
{
    const kin_codes *codes = self->scan->codes;
    columns *to = &self->column;
    self->coarse_most = self->norm_most = 0;
    for (size_t c = 0; c < self->column_count; c++) {
        const kin_code_facts *facts = &codes->facts[self->first_column + c];
        to->tail_unit[c] = facts->tail_norm / codes->lead_step;
        to->bias_unit[c] = facts->bias / kin_meeting_unit(self);
        to->bias[c] = facts->bias;
        to->norm[c] = facts->norm;
        to->tail_norm[c] = facts->tail_norm;
        to->step[c] = facts->step;
        to->coarse[c] = facts->coarse;
        to->fine[c] = facts->fine;
        to->tail_loss[c] = facts->tail_loss;
        to->tolerance[c] = facts->tolerance;
        self->coarse_most = fmaxf(self->coarse_most, facts->coarse);
        self->norm_most = fmaxf(self->norm_most, facts->norm);
        kin_meeting_set_floor(self, c);
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
            kin_meeting_set_bars(self, r);
        } else {
            self->strip_tail[r] = 0;
            self->row_bar[r] = self->column_bar[r] = NAN;
        }
    }
}

/* ---- tiles ---------------------------------------------------------------------------------------- */

/* The hits of strip row r and the panel whose first column is `column`: refined and collected. */
static void refine(kin_meeting *self, size_t r, size_t column)
{
    const kin_codes *codes = self->scan->codes;
    size_t at = self->first_row + self->strip + r;
    const kin_code_facts *x = &codes->facts[at];
    const columns *y = &self->column;
    kin_refine_row row = {kin_meeting_unit(self),
                          kin_meeting_unit(self) / LOW_STEPS,
                          self->factor,
                          codes->rounding,
                          x->bias,
                          x->norm,
                          x->tail_norm,
                          x->step,
                          x->coarse,
                          x->fine,
                          x->tail_loss,
                          kin_meeting_floor(self, at, self->rows_collect),
                          x->tolerance};
    kin_refine_columns panel = {y->bias + column,      y->norm + column,   y->tail_norm + column,
                                y->step + column,      y->coarse + column, y->fine + column,
                                y->tail_loss + column, y->floor + column,  y->tolerance + column};
    kin_products product = {self->tile.dot[r], self->cross[r], self->tail[r]};
    self->kernels->refine(&row, &panel, &product, self->tile.mask[r], &self->refined);
    if (self->refined.row_wants | self->refined.column_wants)
        kin_meeting_collect(self, r, column);
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
        kin_meeting_multiply_tile(self, p);
    else
        kin_meeting_multiply_hits(self, column);
    for (size_t r = 0; r < KIN_STRIP_ROWS; r++)
        if (self->tile.mask[r] != 0)
            refine(self, r, column);
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
