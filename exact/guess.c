/*
 * Guessed thresholds (exact/guess.h): the sample as panels, and its values for every row.
 *
 * A value leaves out what the codes lose and the tails' product, hundredths of a standard
 * deviation: it need not be right, only good.
 */
#include "exact/guess.h"
#include "core/memory.h"
#include "scan/collector.h"

#include <math.h>
#include <stdlib.h>

/* Of the sample, so many are among a row's K best. The guess is the value that DEVIATIONS
 * standard deviations more reach: one row in a hundred has fewer than K that good. */
static const double expected = 8, deviations = 2.8;

/* With fewer neighbours the sample would cost more than it saves. */
enum { NEIGHBOURS_LEAST = 64, ROWS_LEAST = 1024 };

/* What guessing saves of a row's refinements and candidates, in products of a tile for each of its
 * k, where no tail is left, that is, no structure was seen. Where there is some, near clusters are
 * scanned first, and a sample costs as much as it saves. */
static const double saved = 2e4;

/* What rows of nothing in common have; below every score in units of W. */
static const float no_pair = -4;

size_t kin_guess_sample(size_t rows, size_t k, size_t lead, size_t tail)
{
    if (tail > 0 || k < NEIGHBOURS_LEAST || rows < ROWS_LEAST)
        return 0;
    size_t sample = (size_t)(expected * (double)rows / (double)k) + 1;
    return sample < rows / 4 && (double)sample * (double)lead <= saved * (double)k ? sample : 0;
}

/* Upper bound of the panels: each modality mask may leave one half empty. */
static size_t panels_most(size_t sample)
{
    return sample / KIN_PANEL_COLUMNS + 1 + ((size_t)1 << KIN_MODALITIES_MAX);
}

size_t kin_guess_bytes(const kin_codes *codes, size_t sample)
{
    if (sample == 0)
        return 0;
    size_t column = codes->rotation.lead + sizeof(int32_t) + sizeof(float);
    return kin_size_mul(panels_most(sample), KIN_PANEL_COLUMNS * column + 5);
}

size_t kin_guess_work_bytes(size_t sample)
{
    size_t columns = sample > 0 ? panels_most(sample) * KIN_PANEL_COLUMNS : 0;
    return kin_size_mul(columns, KIN_PANEL_ROWS * sizeof(float));
}

static void place(kin_guess *self, size_t at, unsigned modality_mask)
{
    const kin_codes *codes = self->codes;
    size_t lead = codes->rotation.lead;
    if (self->panels == 0 || self->mask[self->panels - 1] != modality_mask ||
        self->rows[self->panels - 1] == KIN_PANEL_COLUMNS) {
        self->mask[self->panels] = (uint8_t)modality_mask;
        self->rows[self->panels++] = 0;
    }
    size_t p = self->panels - 1, column = self->rows[p]++;
    const uint8_t *code = codes->row + at * codes->stride;
    int32_t sum = 0;
    for (size_t k = 0; k < lead; k++)
        sum += (int8_t)(code[k] ^ codes->row_bias);
    kin_interleave(code, lead, codes->row_bias, KIN_PANEL_COLUMNS, column,
                   self->panel + p * lead * KIN_PANEL_COLUMNS);
    self->panel_sum[p * KIN_PANEL_COLUMNS + column] = sum;
    self->bias[p * KIN_PANEL_COLUMNS + column] = codes->terms[at].bias;
}

int kin_guess_init(kin_guess *self, const kin_codes *codes, size_t k, kin_error *err)
{
    size_t rows = codes->clustering.count;
    size_t sample = kin_guess_sample(rows, k, codes->rotation.lead, codes->rotation.tail);
    size_t panels = panels_most(sample), columns = panels * KIN_PANEL_COLUMNS;
    *self = (kin_guess){.codes = codes, .count = sample};
    if (sample == 0)
        return 0;
    double among = (double)k * (double)sample / (double)rows;
    self->rank = (size_t)ceil(among + deviations * sqrt(among));
    self->mask = kin_alloc(panels, 1);
    self->rows = kin_alloc(panels, sizeof *self->rows);
    self->panel = kin_alloc_zero(columns, codes->rotation.lead);
    self->panel_sum = kin_alloc_zero(columns, sizeof *self->panel_sum);
    self->bias = kin_alloc_zero(columns, sizeof *self->bias);
    if (!self->mask || !self->rows || !self->panel || !self->panel_sum || !self->bias) {
        kin_guess_release(self);
        return kin_fail_alloc(err, "a sample", kin_guess_bytes(codes, sample));
    }
    for (size_t i = 0, cluster = 0; i < sample; i++) {
        size_t at = i * rows / sample;
        while (at >= codes->clustering.start[cluster + 1])
            cluster++;
        place(self, at, codes->clustering.modality_mask[cluster]);
    }
    return 0;
}

void kin_guess_release(kin_guess *self)
{
    free(self->mask);
    free(self->rows);
    free(self->panel);
    free(self->panel_sum);
    free(self->bias);
    *self = (kin_guess){0};
}

/* A row panel: its number and its rows. */
typedef struct row_side {
    size_t number, first, count;
    unsigned modality_mask;
} row_side;

/* The values of a row panel with sample panel p, [count][columns]. */
static void set_values(const kin_guess *self, const row_side *rows, size_t p, float *value,
                       size_t columns)
{
    const kin_codes *codes = self->codes;
    size_t lead = codes->rotation.lead;
    float unit = kin_codes_unit(codes);
    float factor = codes->fused.factor[rows->modality_mask & self->mask[p]];
    const float *bias = self->bias + p * KIN_PANEL_COLUMNS;
    int32_t dot[KIN_PANEL_ROWS][KIN_PANEL_COLUMNS];
    kin_scan_kernels_best()->dots(codes->row_panel + rows->number * lead * KIN_PANEL_ROWS,
                                  self->panel + p * lead * KIN_PANEL_COLUMNS,
                                  self->panel_sum + p * KIN_PANEL_COLUMNS, lead / 4, dot);
    for (size_t r = 0; r < rows->count; r++) {
        float *to = value + r * columns + p * KIN_PANEL_COLUMNS;
        float own = codes->terms[rows->first + r].bias;
        for (size_t c = 0; c < KIN_PANEL_COLUMNS; c++)
            to[c] = factor * (unit * (float)dot[r][c] + (own + bias[c]));
        for (size_t c = factor > 0 ? self->rows[p] : 0; c < KIN_PANEL_COLUMNS; c++)
            to[c] = no_pair;
    }
}

void kin_guess_run(const kin_guess *self, size_t cluster, float *workspace, float *out)
{
    const kin_codes *codes = self->codes;
    const kin_clustering *clustering = &codes->clustering;
    size_t first = clustering->start[cluster], rows = clustering->start[cluster + 1] - first;
    size_t columns = self->panels * KIN_PANEL_COLUMNS;
    for (size_t row = 0; row < rows; row += KIN_PANEL_ROWS) {
        row_side side = {codes->row_panel_start[cluster] + row / KIN_PANEL_ROWS, first + row,
                         rows - row < KIN_PANEL_ROWS ? rows - row : KIN_PANEL_ROWS,
                         clustering->modality_mask[cluster]};
        for (size_t p = 0; p < self->panels; p++)
            set_values(self, &side, p, workspace, columns);
        for (size_t r = 0; r < side.count; r++)
            out[row + r] = kin_value_reached(workspace + r * columns, columns, self->rank,
                                             codes->terms[first + row + r].tolerance);
    }
}
