/*
 * Encodes rows (scan/codes_encode.h).
 *
 * Every loss is measured on the row itself, in float32 sums; their own error, below d 2^-23 of the
 * sum, and the roundings of centring and rotation are added. So bounds hold for the codes as they
 * are stored. Blocks of BLOCK_ROWS rows pass through a thread's buffers; only codes and terms
 * stay. Cost of a row: reading it, kin_rotation_apply, and one pass over its coordinates for each
 * code.
 */
#include "scan/codes_encode.h"
#include "core/memory.h"
#include "core/score.h"
#include "scan/codes_fit.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>

enum { BLOCK_ROWS = 96, CODE_MAX = 127, LANES = 16, AHEAD = 2 };

/* Of a centred fused row, with its roundings. */
static const float length_most = 2.01f;

/* Workspace of one thread. */
typedef struct encoder {
    float *y;         /* [BLOCK_ROWS][d] centred rows */
    float *z;         /* [BLOCK_ROWS][lead + tail] rotated rows */
    float *workspace; /* [BLOCK_ROWS][max(lead, KIN_CODE_ALIGN)] */
    float *left;      /* [lead + tail] what the codes leave */
    int8_t *code;     /* [stride] */
    float *bias;      /* [BLOCK_ROWS] */
    float *length;    /* [BLOCK_ROWS] of the centred rows */
} encoder;

size_t kin_codes_encoder_floats(const kin_codes *codes)
{
    const kin_rotation *r = &codes->rotation;
    size_t out = r->lead + r->tail;
    return kin_size_add(kin_size_mul(BLOCK_ROWS, r->d + out + r->lead + KIN_CODE_ALIGN + 2),
                        kin_size_add(out, codes->stride / sizeof(float)));
}

/* The workspace of this thread within that of all. */
static void encoder_place(encoder *self, const kin_codes *codes, float *workspace)
{
    float *memory = workspace + (size_t)omp_get_thread_num() * kin_codes_encoder_floats(codes);
    const kin_rotation *r = &codes->rotation;
    size_t out = r->lead + r->tail;
    self->y = memory;
    self->z = self->y + BLOCK_ROWS * r->d;
    self->workspace = self->z + BLOCK_ROWS * out;
    self->left = self->workspace + BLOCK_ROWS * (r->lead + KIN_CODE_ALIGN);
    self->bias = self->left + out;
    self->length = self->bias + BLOCK_ROWS;
    self->code = (int8_t *)(self->length + BLOCK_ROWS);
}

static float sum_squares(const float *x, size_t d)
{
    float lane[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= d; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += x[i + l] * x[i + l];
    for (; i < d; i++)
        sum += x[i] * x[i];
    for (size_t l = 0; l < LANES; l++)
        sum += lane[l];
    return sum;
}

/* The length of x, no less than it is. */
static float length_above(const float *x, size_t d)
{
    return sqrtf(sum_squares(x, d)) * (1 + (float)d * 0x1p-23f + 0x1p-22f);
}

/* Loads fused rows, centred, with their lengths and biases. Returns the
 * first row that is none: no fused row is longer than 1, and so no centred one longer than 2.
 * SIZE_MAX: all are. */
static size_t load_rows(const kin_codes *self, const int32_t *row, size_t count, encoder *e)
{
    size_t none = SIZE_MAX;
    const kin_rotation *r = &self->rotation;
    double half = 0.5 * kin_kernels_best()->dot[KIN_F32](r->mean, r->mean, r->d);
    for (size_t i = 0; i < count; i++) {
        float *y = e->y + i * r->d;
        if (i + AHEAD < count)
            kin_catalog_prefetch(self->fused.catalog, (size_t)row[i + AHEAD]);
        kin_fused_row(&self->fused, (size_t)row[i], y);
        e->bias[i] = (float)(kin_kernels_best()->dot[KIN_F32](r->mean, y, r->d) - half);
        for (size_t k = 0; k < r->d; k++)
            y[k] -= r->mean[k];
        e->length[i] = length_above(y, r->d);
        if (!(e->length[i] <= length_most) && none == SIZE_MAX)
            none = (size_t)row[i];
    }
    return none;
}

/* ---- coordinates ---- */

int kin_codes_encode_coordinates(const kin_codes *self, float *workspace, float *coordinate,
                                 kin_error *err)
{
    size_t n = self->fused.catalog->n, axes = kin_codes_fit_coordinates(self), none = SIZE_MAX;
#pragma omp parallel reduction(min : none)
    {
        encoder e;
        encoder_place(&e, self, workspace);
#pragma omp for schedule(dynamic)
        for (size_t first = 0; first < n; first += BLOCK_ROWS) {
            int32_t row[BLOCK_ROWS];
            size_t count = n - first < BLOCK_ROWS ? n - first : BLOCK_ROWS;
            for (size_t i = 0; i < count; i++)
                row[i] = (int32_t)(first + i);
            size_t bad = load_rows(self, row, count, &e);
            none = bad < none ? bad : none;
            if (bad == SIZE_MAX)
                kin_codes_fit_project(self, e.y, count, coordinate + first * axes);
        }
    }
    return none < SIZE_MAX ? kin_catalog_fail_row(self->fused.catalog, none, err) : 0;
}

/* ---- codes ---------------------------------------------------------------------------------- */

static int32_t sum_codes(const int8_t *code, size_t count)
{
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += code[i];
    return sum;
}

/* Nearest multiples of `step` as codes; `left` is what they leave of x, and may be x. */
static void quantise(const float *x, size_t d, float step, int8_t *restrict code, float *left)
{
    float inverse = 1 / step;
    for (size_t i = 0; i < d; i++) {
        float q = rintf(x[i] * inverse);
        q = q > CODE_MAX ? CODE_MAX : q < -CODE_MAX ? -CODE_MAX : q;
        code[i] = (int8_t)q;
        left[i] = x[i] - q * step;
    }
}

/* The leading part: high and low codes. Returns what both leave; *coarse is what `high` leaves. */
static float encode_lead(const kin_codes *self, const float *z, int8_t *code, float *left,
                         float *coarse)
{
    size_t lead = self->rotation.lead;
    quantise(z, lead, self->lead_step, code, left);
    *coarse = length_above(left, lead);
    quantise(left, lead, self->lead_step / KIN_LOW_STEPS, code + lead, left);
    return length_above(left, lead);
}

/* The largest |x[i]|. */
static float greatest(const float *x, size_t d)
{
    float lane[LANES] = {0}, most = 0;
    size_t i = 0;
    for (; i + LANES <= d; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] = fabsf(x[i + l]) > lane[l] ? fabsf(x[i + l]) : lane[l];
    for (; i < d; i++)
        most = fabsf(x[i]) > most ? fabsf(x[i]) : most;
    for (size_t l = 0; l < LANES; l++)
        most = lane[l] > most ? lane[l] : most;
    return most;
}

/* The tail: codes in the row's own step. Returns what they leave. */
static float encode_tail(const kin_codes *self, const float *z, int8_t *code, float *left,
                         kin_code_terms *terms)
{
    size_t tail = self->rotation.tail;
    float most = greatest(z, tail);
    /* less has an inverse that float32 cannot hold, and is nothing to any bound */
    terms->step = most > 0x1p-60f ? most / CODE_MAX : 1;
    terms->tail_norm = length_above(z, tail);
    quantise(z, tail, terms->step, code, left);
    return length_above(left, tail);
}

/* Terms of an approximate row. What codes leave out points in no particular direction: the
 * standard deviation of its part in <x, y> is the product of lengths over sqrt(dimensions).
 * `tolerance` is three of these, for two rows such as this one. `coarse` is three for the high
 * codes, which a tile multiplies: without it a tail of no length would leave no distance between a
 * row's bound and its threshold.
 *
 * A row that lacks the heavy modality (a large factor) lies near the mean, and most of its pairs
 * are with rows of length 1, whose codes leave out more in proportion. */
static void estimate_terms(const kin_codes *self, kin_code_terms *terms, float coarse, float fine,
                           float tail_loss, float factor)
{
    const kin_rotation *r = &self->rotation;
    float lead = 2 * fine * fine * terms->norm * terms->norm + coarse * coarse * coarse * coarse;
    float tail = 2 * tail_loss * tail_loss * terms->tail_norm * terms->tail_norm;
    float leading = (float)(r->lead < r->d ? r->lead : r->d), others = (float)r->d - leading;
    float square = lead / leading + (others > 0 ? tail / others : 0);
    float longer = factor > KIN_FACTOR_DOUBTFUL && terms->norm < 1 ? 1 / terms->norm : 1;
    terms->tolerance = 3 * factor * (longer * sqrtf(square) + 1e-6f);
    terms->coarse = 3 * coarse / sqrtf(leading);
    terms->fine = terms->tail_loss = 0;
}

static void encode_row(const kin_codes *self, size_t at, const float *z, float length, float slack,
                       const encoder *e)
{
    const kin_rotation *r = &self->rotation;
    kin_code_terms *terms = &self->terms[at];
    int8_t *code = e->code;
    float coarse;
    float fine = encode_lead(self, z, code, e->left, &coarse);
    float tail_loss = encode_tail(self, z + r->lead, code + 2 * r->lead, e->left, terms);
    float rounding = (float)(r->relative_error * length + 4 * 0x1p-24);
    terms->norm = (length_above(z, r->lead + r->tail) + coarse + tail_loss + rounding) *
                  (float)(1 + r->skew + 0x1p-20);
    terms->tail_norm += tail_loss;
    rounding += (float)r->skew * terms->norm;
    terms->coarse = slack * (coarse + rounding);
    terms->fine = slack * (fine + rounding);
    terms->tail_loss = slack * tail_loss;
    if (self->approximate)
        estimate_terms(self, terms, coarse, fine, tail_loss,
                       self->fused.factor[self->fused.catalog->present[self->clustering.row[at]]]);
    terms->lead_sum = sum_codes(code, 2 * r->lead);
    terms->tail_sum = sum_codes(code + 2 * r->lead, r->tail);
}

/* Codes of a row as the row side of products has them. */
static void copy_lifted(const int8_t *restrict code, size_t count, uint8_t bias,
                        uint8_t *restrict out)
{
    for (size_t k = 0; k < count; k++)
        out[k] = (uint8_t)code[k] ^ bias;
}

/* A row's codes to where they belong: its row, and its places in its cluster's panels and row
 * panels. */
static void place_row(kin_codes *self, size_t at, size_t cluster, const int8_t *code)
{
    size_t lead = self->rotation.lead, i = at - self->clustering.start[cluster];
    size_t panel = self->panel_start[cluster] + i / KIN_PANEL_COLUMNS;
    size_t column = i % KIN_PANEL_COLUMNS;
    copy_lifted(code, self->stride, self->row_bias, self->row + at * self->stride);
    kin_interleave(code, lead, 0, KIN_PANEL_COLUMNS, column,
                   self->panel + panel * lead * KIN_PANEL_COLUMNS);
    if (self->row_panel && self->row_panel_start) {
        size_t row_panel = self->row_panel_start[cluster] + i / KIN_PANEL_ROWS;
        kin_interleave(code, lead, self->row_bias, KIN_PANEL_ROWS, i % KIN_PANEL_ROWS,
                       self->row_panel + row_panel * lead * KIN_PANEL_ROWS);
    }
    self->panel_sum[panel * KIN_PANEL_COLUMNS + column] = sum_codes(code, lead);
}

/* Returns the first row that is none, as load_rows does. */
static size_t encode_block(kin_codes *self, size_t first, size_t count, float slack, encoder *e)
{
    const kin_rotation *r = &self->rotation;
    size_t cluster = kin_clustering_cluster_of(&self->clustering, first);
    size_t none = load_rows(self, self->clustering.row + first, count, e);
    if (none < SIZE_MAX)
        return none;
    kin_rotation_apply(r, e->y, count, e->z, e->workspace);
    for (size_t i = 0; i < count; i++) {
        size_t at = first + i;
        while (at >= self->clustering.start[cluster + 1])
            cluster++;
        self->terms[at].bias = e->bias[i];
        encode_row(self, at, e->z + i * (r->lead + r->tail), e->length[i], slack, e);
        place_row(self, at, cluster, e->code);
    }
    return SIZE_MAX;
}

int kin_codes_encode_rows(kin_codes *self, float *workspace, float slack,
                          const kin_monitor *monitor, kin_error *err)
{
    size_t n = self->clustering.count;
    size_t stretch =
        (size_t)omp_get_max_threads() * 64 * BLOCK_ROWS; /* between looks at the monitor */
    int rc = 0;
    for (size_t from = 0; from < n && rc == 0; from += stretch) {
        size_t to = n - from < stretch ? n : from + stretch, none = SIZE_MAX;
#pragma omp parallel reduction(min : none)
        {
            encoder e;
            encoder_place(&e, self, workspace);
#pragma omp for schedule(dynamic)
            for (size_t first = from; first < to; first += BLOCK_ROWS) {
                size_t count = to - first < BLOCK_ROWS ? to - first : BLOCK_ROWS;
                size_t bad = encode_block(self, first, count, slack, &e);
                none = bad < none ? bad : none;
            }
        }
        rc = none < SIZE_MAX ? kin_catalog_fail_row(self->fused.catalog, none, err)
                             : kin_monitor_check(monitor, err);
    }
    return rc;
}
