/*
 * Codes of a catalog's rows (scan/codes.h): learn, cluster, encode, set tolerances.
 *
 *   codes_fit.c      what a sample teaches: mean, axes, how many dimensions lead, the leading step
 *   codes_encode.c   rows through the rotation, block by block
 *
 * Time: every row is read twice, once for the clustering and once for its codes. Memory: 4 lead +
 * tail bytes a row and 44 more.
 */
#include "scan/codes.h"
#include "core/memory.h"
#include "scan/codes_encode.h"
#include "scan/codes_fit.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

int kin_codes_init(kin_codes *self, const kin_catalog *catalog, const kin_codes_options *options,
                   kin_error *err)
{
    *self = (kin_codes){.approximate = options->approximate};
    kin_fused_init(&self->fused, catalog);
    for (size_t i = 0; i < catalog->n; i++)
        self->rows += kin_codes_takes_part(catalog, options, i);
    int rc = kin_codes_fit_learn(self, options, err);
    kin_codes_set_tail_fraction(self, 1);
    self->row_bias = kin_scan_kernels_best()->row_bias;
    self->stride = 2 * self->rotation.lead + self->rotation.tail;
    if (rc != 0)
        kin_codes_release(self);
    return kin_catalog_settle(catalog, rc, err);
}

size_t kin_codes_encode_work_bytes(const kin_codes *self)
{
    size_t floats = kin_size_mul((size_t)omp_get_max_threads(), kin_codes_encoder_floats(self));
    return kin_size_mul(floats, sizeof(float));
}

size_t kin_codes_clustering_work_bytes(const kin_codes *self)
{
    size_t n = self->fused.catalog->n, axes = kin_codes_fit_coordinates(self);
    return kin_size_add(
        kin_size_add(kin_size_mul(n, axes * sizeof(float)), kin_clustering_work_bytes(n, axes)),
        kin_codes_encode_work_bytes(self));
}

/* Clusters all rows by their coordinates along the first axes. */
static int make_clustering(kin_codes *self, const uint8_t *leave_out, float *workspace,
                           const kin_monitor *monitor, kin_error *err)
{
    size_t n = self->fused.catalog->n, axes = kin_codes_fit_coordinates(self);
    float *coordinate = kin_alloc(kin_size_mul(n, axes), sizeof *coordinate);
    if (!coordinate)
        return kin_fail_alloc(err, "the order of rows", kin_size_mul(n, axes * sizeof(float)));
    int rc = kin_codes_encode_coordinates(self, workspace, coordinate, err);
    if (rc == 0)
        rc = kin_clustering_init(&self->clustering, self->fused.catalog, leave_out, coordinate,
                                 axes, monitor, err);
    free(coordinate);
    return rc;
}

/* A row's tolerance: 1.3 times the upper bound of the error of a pair (kin_codes_error), of two
 * rows with its terms or of it and a row of mean terms, whichever is larger. A pair whose error
 * is above its row's tolerance is scored canonically. */
static void set_tolerances(kin_codes *self, float slack)
{
    size_t n = self->clustering.count;
    kin_code_terms mean = {0};
    self->rounding = slack * 3e-6f;
    for (size_t i = 0; i < n; i++) {
        const kin_code_terms *terms = &self->terms[i];
        mean.norm += terms->norm / (float)n;
        mean.tail_norm += terms->tail_norm / (float)n;
        mean.coarse += terms->coarse / (float)n;
        mean.fine += terms->fine / (float)n;
        mean.tail_loss += terms->tail_loss / (float)n;
    }
    for (size_t i = 0; i < n; i++) {
        kin_code_terms *terms = &self->terms[i];
        float like = kin_codes_error(self, terms, terms);
        float other = kin_codes_error(self, terms, &mean);
        unsigned modality_mask = self->fused.catalog->present[self->clustering.row[i]];
        terms->tolerance = 1.3f * (like > other ? like : other) * self->fused.factor[modality_mask];
    }
}

/* Where each cluster's panels or row panels of `width` rows begin: [clusters + 1], NULL without
 * memory. */
static size_t *count_tiles(const kin_clustering *clustering, size_t width)
{
    size_t *start = kin_alloc(clustering->clusters + 1, sizeof *start);
    if (start)
        start[0] = 0;
    for (size_t g = 0; g < clustering->clusters && start; g++) {
        size_t rows = clustering->start[g + 1] - clustering->start[g];
        start[g + 1] = start[g] + (rows + width - 1) / width;
    }
    return start;
}

/* Columns behind a cluster's rows reach nothing: their bias is NaN. */
static bool allocate_columns(kin_code_columns *self, size_t columns, size_t clusters)
{
    self->tail_norm = kin_alloc_zero(columns, sizeof *self->tail_norm);
    self->bias = kin_alloc_zero(columns, sizeof *self->bias);
    self->bias_unit = kin_alloc(columns, sizeof *self->bias_unit);
    self->step = kin_alloc_zero(columns, sizeof *self->step);
    self->coarse_most = kin_alloc_zero(clusters, sizeof *self->coarse_most);
    self->norm_most = kin_alloc_zero(clusters, sizeof *self->norm_most);
    for (size_t c = 0; c < columns && self->bias_unit; c++)
        self->bias_unit[c] = NAN;
    return self->tail_norm && self->bias && self->bias_unit && self->step && self->coarse_most &&
           self->norm_most;
}

static int allocate(kin_codes *self, kin_error *err)
{
    const kin_clustering *clustering = &self->clustering;
    bool row_panels = !self->approximate;
    self->panel_start = count_tiles(clustering, KIN_PANEL_COLUMNS);
    self->row_panel_start = row_panels ? count_tiles(clustering, KIN_PANEL_ROWS) : NULL;
    if (!self->panel_start || (row_panels && !self->row_panel_start))
        return kin_fail_alloc(err, "codes", clustering->clusters * sizeof *self->panel_start);
    size_t columns = kin_size_mul(self->panel_start[clustering->clusters], KIN_PANEL_COLUMNS);
    self->row = kin_alloc(kin_size_mul(clustering->count, self->stride), 1);
    self->terms = kin_alloc(clustering->count, sizeof *self->terms);
    self->panel = kin_alloc_zero(kin_size_mul(columns, self->rotation.lead), 1);
    self->panel_sum = kin_alloc_zero(columns, sizeof *self->panel_sum);
    if (row_panels) {
        size_t rows = kin_size_mul(self->row_panel_start[clustering->clusters], KIN_PANEL_ROWS);
        self->row_panel = kin_alloc_zero(kin_size_mul(rows, self->rotation.lead), 1);
    }
    bool refused = row_panels ? !self->row_panel
                              : !allocate_columns(&self->column, columns, clustering->clusters);
    if (!self->row || !self->terms || !self->panel || !self->panel_sum || refused)
        return kin_fail_alloc(err, "codes", kin_codes_bytes(self));
    return 0;
}

/* Lays the rows' terms out as columns. */
static void set_columns(kin_codes *self)
{
    const kin_clustering *clustering = &self->clustering;
    kin_code_columns *to = &self->column;
    float unit = 1 / kin_codes_unit(self);
#pragma omp parallel for schedule(static)
    for (size_t g = 0; g < clustering->clusters; g++) {
        size_t first = clustering->start[g], rows = clustering->start[g + 1] - first;
        for (size_t i = 0; i < rows; i++) {
            const kin_code_terms *terms = &self->terms[first + i];
            size_t column = self->panel_start[g] * KIN_PANEL_COLUMNS + i;
            to->tail_norm[column] = terms->tail_norm;
            to->bias[column] = terms->bias;
            to->bias_unit[column] = terms->bias * unit;
            to->step[column] = terms->step;
            to->coarse_most[g] = fmaxf(to->coarse_most[g], terms->coarse);
            to->norm_most[g] = fmaxf(to->norm_most[g], terms->norm);
        }
    }
}

int kin_codes_encode(kin_codes *self, const kin_codes_options *options, const kin_monitor *monitor,
                     kin_error *err)
{
    float *workspace = kin_alloc((size_t)omp_get_max_threads(),
                                 kin_size_mul(kin_codes_encoder_floats(self), sizeof *workspace));
    if (!workspace)
        return kin_fail_alloc(err, "encoding", kin_codes_encode_work_bytes(self));
    int rc = 0;
    if (options->clustering) {
        self->clustering = *options->clustering;
        *options->clustering = (kin_clustering){0};
    } else {
        rc = make_clustering(self, options->leave_out, workspace, monitor, err);
    }
    kin_codes_fit_forget(self);
    if (rc == 0)
        rc = kin_monitor_check(monitor, err);
    if (rc == 0)
        rc = allocate(self, err);
    if (rc == 0)
        rc = kin_codes_encode_rows(self, workspace, options->slack, monitor, err);
    free(workspace);
    if (rc == 0 && self->approximate)
        set_columns(self);
    else if (rc == 0)
        set_tolerances(self, options->slack);
    return rc;
}

/* How many different sets of modalities items have. */
static size_t count_masks(const kin_catalog *catalog)
{
    bool seen[1 << KIN_MODALITIES_MAX] = {false};
    size_t count = 0;
    for (size_t i = 0; i < catalog->n; i++)
        seen[catalog->present[i]] = true;
    for (size_t p = 1; p < sizeof seen; p++)
        count += seen[p];
    return count;
}

size_t kin_codes_bytes(const kin_codes *self)
{
    size_t n = self->rows;
    /* a cluster's last panel is half empty, on average; of clusters there are about n / 256, and
     * one for every modality mask of few rows */
    size_t columns = kin_size_add(n, n / 256 * (KIN_PANEL_COLUMNS / 2) + KIN_CLUSTER_MAX +
                                         count_masks(self->fused.catalog) * KIN_PANEL_COLUMNS);
    size_t bytes = kin_size_add(kin_size_mul(n, self->stride + sizeof *self->terms),
                                kin_size_mul(columns, self->rotation.lead + sizeof(int32_t)));
    size_t side = self->approximate ? 4 * sizeof(float) : self->rotation.lead;
    bytes = kin_size_add(bytes, kin_size_mul(columns, side));
    return kin_size_add(bytes, kin_clustering_bytes(self->fused.catalog->n));
}

void kin_codes_set_tail_fraction(kin_codes *self, float fraction)
{
    self->tail_unit = sqrtf(fraction) / self->lead_step;
}

void kin_codes_release(kin_codes *self)
{
    kin_codes_fit_forget(self);
    kin_rotation_release(&self->rotation);
    kin_clustering_release(&self->clustering);
    free(self->row);
    free(self->terms);
    free(self->panel_start);
    free(self->panel);
    free(self->panel_sum);
    free(self->column.tail_norm);
    free(self->column.bias);
    free(self->column.bias_unit);
    free(self->column.step);
    free(self->column.coarse_most);
    free(self->column.norm_most);
    free(self->row_panel_start);
    free(self->row_panel);
    *self = (kin_codes){0};
}
