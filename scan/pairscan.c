/*
 * The scan of a cluster pair (scan/pairscan.h): row panels against panels, and their hits.
 *
 * Tiles compare in units of s^2, s the step of the leading codes: a tile's integers are used as
 * they are. With tau_x the threshold of row x, f the factor of the two modality masks and rho the
 * coarse losses, the tile cannot exclude a pair for the row when
 *     f (s^2 dot + tail_x tail_y + rho + bias_x + bias_y) >= tau_x,
 * that is  v + bias_y / s^2 >= (tau_x / f - rho - bias_x) / s^2,  v = dot + (tail_x / s)(tail_y /
 * s). rho is made of the largest loss and norm in the column's cluster, so that it is a term of
 * the row.
 */
#include "core/memory.h"
#include "scan/pairscan_state.h"

#include <stdlib.h>
#include <string.h>

/* With DENSE_HITS or more of a tile's 384 pairs, its low and tail codes are multiplied as tiles
 * as well: that is cheaper than pair by pair. */
enum { DENSE_HITS = 96 };

size_t kin_pairscan_bytes(const kin_codes *codes, size_t capacity)
{
    size_t modalities = codes->fused.catalog->modality_count;
    size_t bytes = kin_size_add(sizeof(kin_pairscan),
                                kin_size_mul(KIN_PANEL_ROWS + KIN_CLUSTER_MAX, codes->stride));
    bytes = kin_size_add(bytes, kin_size_mul(KIN_PANEL_ROWS, codes->rotation.lead));
    bytes = kin_size_add(bytes, kin_size_mul(capacity, sizeof(int32_t)));
    bytes = kin_size_add(bytes, kin_size_mul(codes->fused.d, sizeof(double))); /* the query */
    bytes = kin_size_add(bytes, kin_rescore_workspace_bytes(capacity, modalities));
    return kin_size_add(bytes, kin_rows_bytes(1, capacity, modalities));
}

/* The terms that approximate codes have in common: fine losses are 0, and columns do not
 * collect. */
static void set_constant_columns(kin_pairscan *self)
{
    columns *to = &self->column;
    memset(to, 0, sizeof *to);
    for (size_t c = 0; c < COLUMNS; c++) {
        to->margin[c] = NAN;
        to->threshold[c] = to->tolerance[c] = INFINITY;
    }
}

int kin_pairscan_new(kin_pairscan **out, const kin_scan *scan, kin_error *err)
{
    const kin_codes *codes = scan->codes;
    const kin_catalog *catalog = codes->fused.catalog;
    size_t capacity = scan->collectors->capacity;
    kin_pairscan *self = kin_alloc_zero(1, sizeof *self);
    if (!self)
        return kin_fail_alloc(err, "a pair scan", sizeof *self);
    self->scan = scan;
    self->kernels = kin_scan_kernels_best();
    if (codes->approximate)
        set_constant_columns(self);
    self->dense_row_panel = kin_alloc_zero(KIN_PANEL_ROWS, codes->stride);
    self->dense_panel = kin_alloc_zero(KIN_CLUSTER_MAX, codes->stride);
    self->gathered_row_panel = kin_alloc_zero(KIN_PANEL_ROWS, codes->rotation.lead);
    self->candidate = kin_alloc(capacity, sizeof *self->candidate);
    int rc = 0;
    if (!self->dense_row_panel || !self->gathered_row_panel || !self->dense_panel ||
        !self->candidate)
        rc = kin_fail_alloc(err, "a pair scan", kin_pairscan_bytes(codes, capacity));
    if (rc == 0)
        rc = kin_query_init(&self->query, catalog, err);
    if (rc == 0)
        rc = kin_rescore_workspace_init(&self->workspace, capacity, catalog->modality_count, err);
    if (rc == 0)
        rc = kin_rows_init(&self->best, 1, scan->collectors->k, catalog->modality_count, err);
    if (rc == 0)
        *out = self;
    else
        kin_pairscan_free(self);
    return rc;
}

void kin_pairscan_free(kin_pairscan *self)
{
    if (!self)
        return;
    free(self->dense_row_panel);
    free(self->gathered_row_panel);
    free(self->dense_panel);
    free(self->candidate);
    kin_query_release(&self->query);
    kin_rescore_workspace_release(&self->workspace);
    kin_rows_release(&self->best);
    free(self);
}

const kin_scan_counts *kin_pairscan_counts(const kin_pairscan *self)
{
    return &self->counts;
}

/* ---- sides ---------------------------------------------------------------------------------- */

/* The columns of approximate codes lie ready. */
static void set_approximate_columns(kin_pairscan *self, size_t b)
{
    const kin_code_columns *from = &self->scan->codes->column;
    size_t first = self->scan->codes->panel_start[b] * KIN_PANEL_COLUMNS;
    self->tail_unit = from->tail_norm + first;
    self->bias_unit = from->bias_unit + first;
    self->bias = from->bias + first;
    self->step = from->step + first;
    self->coarse_most = from->coarse_most[b];
    self->norm_most = from->norm_most[b];
}

static void set_bound_columns(kin_pairscan *self)
{
    const kin_codes *codes = self->scan->codes;
    columns *to = &self->column;
    self->coarse_most = self->norm_most = 0;
    for (size_t c = 0; c < self->column_count; c++) {
        const kin_code_terms *terms = &codes->terms[self->first_column + c];
        to->tail_unit[c] = terms->tail_norm * codes->tail_unit;
        to->bias_unit[c] = terms->bias / kin_codes_unit(self->scan->codes);
        to->bias[c] = terms->bias;
        to->norm[c] = terms->norm;
        to->tail_norm[c] = terms->tail_norm;
        to->step[c] = terms->step;
        to->coarse[c] = terms->coarse;
        to->fine[c] = terms->fine;
        to->tail_loss[c] = terms->tail_loss;
        to->tolerance[c] = terms->tolerance;
        self->coarse_most = fmaxf(self->coarse_most, terms->coarse);
        self->norm_most = fmaxf(self->norm_most, terms->norm);
        kin_pairscan_set_column_threshold(self, c);
    }
    for (size_t c = self->column_count; c % KIN_PANEL_COLUMNS != 0; c++) {
        to->tail_unit[c] = 0;
        to->bias_unit[c] = to->margin[c] = NAN;
    }
    self->tail_unit = to->tail_unit;
    self->bias_unit = to->bias_unit;
    self->bias = to->bias;
    self->step = to->step;
}

/* Cluster b's rows become the columns. Returns how many panels they are. */
static size_t set_columns(kin_pairscan *self, size_t b)
{
    const kin_codes *codes = self->scan->codes;
    self->first_column = codes->clustering.start[b];
    self->column_count = codes->clustering.start[b + 1] - self->first_column;
    self->dense_panel_ready = 0;
    if (codes->approximate)
        set_approximate_columns(self, b);
    else
        set_bound_columns(self);
    return codes->panel_start[b + 1] - codes->panel_start[b];
}

/* Sets tails and thresholds of the row panel under way; the places behind its rows have no hits. */
static void set_row_terms(kin_pairscan *self)
{
    const kin_codes *codes = self->scan->codes;
    /* approximate columns hold lengths as they are */
    float unit = codes->approximate ? codes->tail_unit * codes->tail_unit : codes->tail_unit;
    self->dense_row_panel_ready = false;
    for (size_t r = 0; r < self->row_panel_rows; r++) {
        self->row_panel_tail[r] = codes->terms[self->at[r]].tail_norm * unit;
        kin_pairscan_set_row_thresholds(self, r);
    }
    for (size_t r = self->row_panel_rows; r < KIN_PANEL_ROWS; r++) {
        self->row_panel_tail[r] = 0;
        self->row_threshold[r] = self->column_threshold[r] = NAN;
    }
}

/* Rows `row` and on of cluster a, at most KIN_PANEL_ROWS. */
static void set_row_panel(kin_pairscan *self, size_t a, size_t row)
{
    const kin_codes *codes = self->scan->codes;
    size_t left = self->rows - row, number = codes->row_panel_start[a] + row / KIN_PANEL_ROWS;
    self->row_panel_rows = left < KIN_PANEL_ROWS ? left : KIN_PANEL_ROWS;
    self->row_panel_code = codes->row_panel + number * codes->rotation.lead * KIN_PANEL_ROWS;
    for (size_t r = 0; r < self->row_panel_rows; r++) {
        self->at[r] = self->first_row + row + r;
        self->slot[r] = self->at[r] - self->scan->first;
    }
    set_row_terms(self);
}

/* Copies the codes of rows of any clusters side by side. */
static void gather_row_panel(kin_pairscan *self, const size_t *at, const size_t *slot, size_t count)
{
    const kin_codes *codes = self->scan->codes;
    self->row_panel_rows = count;
    self->row_panel_code = self->gathered_row_panel;
    for (size_t r = 0; r < count; r++) {
        self->at[r] = at[r];
        self->slot[r] = slot[r];
        kin_interleave(codes->row + at[r] * codes->stride, codes->rotation.lead, 0, KIN_PANEL_ROWS,
                       r, self->gathered_row_panel);
    }
    set_row_terms(self);
}

/* ---- tiles ---------------------------------------------------------------------------------- */

/* The tolerance of an estimate without the factor that the row's tolerance holds. */
static float doubt(const kin_pairscan *self, const kin_code_terms *row)
{
    return row->tolerance / self->own_factor;
}

/* The hits of row r and the panel whose first column is `column`: refined and collected. */
static void refine(kin_pairscan *self, size_t r, size_t column)
{
    const kin_scan *scan = self->scan;
    const kin_code_terms *x = &scan->codes->terms[self->at[r]];
    const columns *y = &self->column;
    float unit = kin_codes_unit(scan->codes);
    kin_refine_row row = {
        unit,         unit / KIN_LOW_STEPS,
        self->factor, self->doubtful ? doubt(self, x) : scan->codes->rounding,
        x->bias,      x->norm,
        x->tail_norm, x->step,
        x->coarse,    x->fine,
        x->tail_loss, self->rows_collect ? scan->collectors->threshold[self->slot[r]] : INFINITY,
        x->tolerance};
    kin_refine_columns panel = {
        self->bias + column,   y->norm + column,      y->tail_norm + column,
        self->step + column,   y->coarse + column,    y->fine + column,
        y->tail_loss + column, y->threshold + column, y->tolerance + column};
    kin_products product = {self->tile.dot[r], self->cross[r], self->tail[r]};
    self->kernels->refine(&row, &panel, &product, self->tile.mask[r], &self->refined);
    if (self->refined.row_hits | self->refined.column_hits)
        kin_pairscan_collect(self, r, column);
}

/* Within one cluster every pair is in the square twice, and each row with itself: drops the hits
 * on the diagonal and below it. Returns the number left. */
static size_t drop_below_diagonal(kin_tile *tile, size_t first, size_t column)
{
    size_t count = 0;
    for (size_t r = 0; r < KIN_PANEL_ROWS; r++) {
        size_t row = first + r;
        size_t below = row < column ? 0 : row - column + 1; /* columns up to the row's own */
        tile->mask[r] &= below < KIN_PANEL_COLUMNS ? UINT32_MAX << below : 0;
        count += (size_t)__builtin_popcount(tile->mask[r]);
    }
    return count;
}

/* The row panel under way against panel p of the columns' cluster. `above`: the row panel's
 * first row within the same cluster, of whose pairs each is scanned once; SIZE_MAX: all pairs. */
static void scan_panel(kin_pairscan *self, size_t cluster, size_t p, size_t above)
{
    const kin_codes *codes = self->scan->codes;
    size_t lead = codes->rotation.lead, column = p * KIN_PANEL_COLUMNS;
    size_t panel_at = codes->panel_start[cluster] + p;
    kin_row_panel row_panel = {self->row_panel_code, self->row_panel_tail, self->row_threshold,
                               self->column_threshold};
    kin_panel panel = {codes->panel + panel_at * lead * KIN_PANEL_COLUMNS,
                       codes->panel_sum + panel_at * KIN_PANEL_COLUMNS, self->tail_unit + column,
                       self->bias_unit + column, self->column.margin + column};
    size_t hits = self->kernels->tile(&row_panel, &panel, lead / 4, &self->tile);
    self->counts.tiles++;
    if (hits > 0 && above != SIZE_MAX)
        hits = drop_below_diagonal(&self->tile, above, column);
    if (hits == 0)
        return;
    self->counts.tiles_left++;
    self->counts.refined += hits;
    bool dense = hits >= DENSE_HITS;
    if (dense)
        kin_pairscan_multiply_tile(self, p);
    else
        kin_pairscan_multiply_hits(self, column);
    for (size_t r = 0; r < self->row_panel_rows; r++)
        if (self->tile.mask[r] != 0)
            refine(self, r, column);
}

static bool collects(const kin_scan *scan, size_t cluster)
{
    const size_t *start = scan->codes->clustering.start;
    return start[cluster] >= scan->first &&
           start[cluster + 1] <= scan->first + scan->collectors->rows;
}

void kin_pairscan_run(kin_pairscan *self, size_t a, size_t b)
{
    const kin_codes *codes = self->scan->codes;
    const kin_clustering *clustering = &codes->clustering;
    self->rows_collect = collects(self->scan, a);
    self->columns_collect = collects(self->scan, b);
    self->factor = codes->fused.factor[clustering->modality_mask[a] & clustering->modality_mask[b]];
    self->first_row = clustering->start[a];
    self->rows = clustering->start[a + 1] - self->first_row;
    if ((!self->rows_collect && !self->columns_collect) || self->factor == 0)
        return;
    size_t panels = set_columns(self, b);
    self->counts.pairs +=
        a == b ? self->rows * (self->rows - 1) / 2 : self->rows * self->column_count;
    for (size_t row = 0; row < self->rows; row += KIN_PANEL_ROWS) {
        set_row_panel(self, a, row);
        for (size_t p = a == b ? row / KIN_PANEL_COLUMNS : 0; p < panels; p++)
            scan_panel(self, b, p, a == b ? row : SIZE_MAX);
    }
}

void kin_pairscan_probe(kin_pairscan *self, unsigned modality_mask, const size_t *at,
                        const size_t *slot, size_t count, size_t cluster)
{
    const kin_codes *codes = self->scan->codes;
    self->rows_collect = true;
    self->columns_collect = false;
    self->factor = codes->fused.factor[modality_mask & codes->clustering.modality_mask[cluster]];
    self->own_factor = codes->fused.factor[modality_mask];
    self->doubtful = kin_codes_doubtful(codes, self->factor, self->own_factor);
    if (self->factor == 0)
        return;
    size_t panels = set_columns(self, cluster);
    self->counts.pairs += count * self->column_count;
    for (size_t first = 0; first < count; first += KIN_PANEL_ROWS) {
        size_t left = count - first;
        gather_row_panel(self, at + first, slot + first,
                         left < KIN_PANEL_ROWS ? left : KIN_PANEL_ROWS);
        for (size_t p = 0; p < panels; p++)
            scan_panel(self, cluster, p, SIZE_MAX);
    }
}
