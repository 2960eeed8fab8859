/*
 * Encoding rows (scan/codes.h). What is learnt from a sample stands in scan/codes_fit.c.
 *
 * Every loss is measured on the very row, in float32 sums whose own error is less than d 2^-23 of
 * them and is added; so are the roundings of centring and rotation. Blocks of rows go through a
 * thread's buffers: only codes stay.
 * Time per row: reading it twice (once for the order), and kin_rotation_apply. Memory: 4 lead + tail
 * bytes a row and 44 more.
 */
#include "scan/codes.h"
#include "core/memory.h"
#include "core/score.h"
#include "scan/codes_fit.h"

#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_ROWS = 128, CODE_MAX = 127, LOW_STEPS = 254, LANES = 16 };

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

static size_t encoder_floats(const kin_codes *codes)
{
    const kin_rotation *r = &codes->rotation;
    size_t out = r->lead + r->tail;
    return kin_size_add(kin_size_mul(BLOCK_ROWS, r->d + out + r->lead + KIN_CODE_ALIGN + 2),
                        kin_size_add(out, codes->stride / sizeof(float)));
}

static void encoder_place(encoder *self, const kin_codes *codes, float *memory)
{
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

/* Fused rows, centred; their length and <mean, u> - <mean, mean> / 2 beside them. Returns the first row that
 * is none: no fused row is longer than 1, and so no centred one longer than 2. SIZE_MAX: all are. */
static size_t load_rows(const kin_codes *self, const int32_t *row, size_t count, encoder *e)
{
    size_t none = SIZE_MAX;
    const kin_rotation *r = &self->rotation;
    double half = 0.5 * kin_kernels_best()->dot[KIN_F32](r->mean, r->mean, r->d);
    for (size_t i = 0; i < count; i++) {
        float *y = e->y + i * r->d;
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

/* ---- clustering ------------------------------------------------------------------------------------- */

size_t kin_codes_clustering_work_bytes(const kin_codes *self)
{
    size_t n = self->fused.catalog->n, axes = kin_codes_fit_coordinates(self);
    size_t threads = (size_t)omp_get_max_threads();
    return kin_size_add(
        kin_size_add(kin_size_mul(n, axes * sizeof(float)), kin_clustering_work_bytes(n, axes)),
        kin_size_mul(threads, encoder_floats(self) * sizeof(float)));
}

/* Orders all rows by their coordinates along the first axes. */
static int make_clustering(kin_codes *self, const uint8_t *leave_out, float *memory, kin_error *err)
{
    size_t n = self->fused.catalog->n, axes = kin_codes_fit_coordinates(self);
    float *coordinate = kin_alloc(kin_size_mul(n, axes), sizeof *coordinate);
    if (!coordinate)
        return kin_fail_alloc(err, "the order of rows", kin_size_mul(n, axes * sizeof(float)));
    size_t none = SIZE_MAX;
#pragma omp parallel reduction(min : none)
    {
        encoder e;
        encoder_place(&e, self, memory + (size_t)omp_get_thread_num() * encoder_floats(self));
        omp_set_num_threads(1); /* a BLAS call from here uses this thread alone */
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
    int rc = none < SIZE_MAX ? kin_catalog_fail_row(self->fused.catalog, none, err)
                             : kin_clustering_init(&self->clustering, self->fused.catalog,
                                                   leave_out, coordinate, axes, err);
    free(coordinate);
    return rc;
}

/* ---- codes ------------------------------------------------------------------------------------- */

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
    quantise(left, lead, self->lead_step / LOW_STEPS, code + lead, left);
    return length_above(left, lead);
}

/* The tail: codes in the row's own step. Returns what they leave. */
static float encode_tail(const kin_codes *self, const float *z, int8_t *code, float *left,
                         kin_code_terms *terms)
{
    size_t tail = self->rotation.tail;
    float most = 0;
    for (size_t i = 0; i < tail; i++)
        most = fabsf(z[i]) > most ? fabsf(z[i]) : most;
    /* less has an inverse that float32 cannot hold, and is nothing to any bound */
    terms->step = most > 0x1p-60f ? most / CODE_MAX : 1;
    terms->tail_norm = length_above(z, tail);
    quantise(z, tail, terms->step, code, left);
    return length_above(left, tail);
}

/* What the codes leave out points in no particular direction: of <x, y> it takes about the product of
 * lengths over sqrt(dimensions). The tolerance is three times that, for two rows such as this one; and
 * tiles, which see high codes alone, allow for three times what these leave out. Without that a tail of
 * no length would leave nothing between a row's bound and its threshold, which is closer.
 *
 * A row that lacks the heavy modality of a catalog (a large factor) lies near the mean, and most of its pairs are with
 * longer rows, of length 1, whose codes leave out more in proportion. */
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

/* A row's codes to where they belong: its row, and its places in its cluster's panels and row panels. */
static void place_row(kin_codes *self, size_t at, size_t cluster, const int8_t *code)
{
    size_t lead = self->rotation.lead, i = at - self->clustering.start[cluster];
    size_t panel = self->panel_start[cluster] + i / KIN_PANEL_COLUMNS;
    size_t column = i % KIN_PANEL_COLUMNS;
    uint8_t *row = self->row + at * self->stride;
    for (size_t k = 0; k < self->stride; k++)
        row[k] = (uint8_t)code[k] ^ self->row_bias;
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

/* What a row's pairs with similar rows stay below: somewhat above its error with its own like, and
 * with the average row. */
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

/* Where each cluster's panels or row panels of `width` rows begin: [clusters + 1], NULL without memory. */
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
    if (!self->row || !self->terms || !self->panel || !self->panel_sum ||
        (row_panels && !self->row_panel))
        return kin_fail_alloc(err, "codes", kin_codes_bytes(self));
    return 0;
}

static int encode_all(kin_codes *self, float *memory, float slack, const kin_monitor *monitor,
                      kin_error *err)
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
            encoder_place(&e, self, memory + (size_t)omp_get_thread_num() * encoder_floats(self));
            omp_set_num_threads(1); /* a BLAS call from here uses this thread alone */
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

int kin_codes_encode(kin_codes *self, const kin_codes_options *options, const kin_monitor *monitor,
                     kin_error *err)
{
    float *memory = kin_alloc((size_t)omp_get_max_threads(),
                              kin_size_mul(encoder_floats(self), sizeof *memory));
    if (!memory)
        return kin_fail_alloc(err, "encoding", kin_codes_encode_work_bytes(self));
    int rc = 0;
    if (options->clustering) {
        self->clustering = *options->clustering;
        *options->clustering = (kin_clustering){0};
    } else {
        rc = make_clustering(self, options->leave_out, memory, err);
    }
    kin_codes_fit_forget(self);
    if (rc == 0)
        rc = kin_monitor_check(monitor, err);
    if (rc == 0)
        rc = allocate(self, err);
    if (rc == 0)
        rc = encode_all(self, memory, options->slack, monitor, err);
    free(memory);
    if (rc == 0 && !self->approximate)
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
    size_t n = self->fused.catalog->n;
    /* a cluster's last panel is half empty, on average; of clusters there are about n / 256, and one for
     * every modality mask of few rows */
    size_t columns = kin_size_add(n, n / 256 * (KIN_PANEL_COLUMNS / 2) + KIN_CLUSTER_MAX +
                                         count_masks(self->fused.catalog) * KIN_PANEL_COLUMNS);
    size_t bytes = kin_size_add(kin_size_mul(n, self->stride + sizeof *self->terms),
                                kin_size_mul(columns, self->rotation.lead + sizeof(int32_t)));
    if (!self->approximate)
        bytes = kin_size_add(bytes, kin_size_mul(columns, self->rotation.lead));
    return kin_size_add(bytes, kin_clustering_bytes(n));
}

size_t kin_codes_encode_work_bytes(const kin_codes *self)
{
    size_t threads = (size_t)omp_get_max_threads();
    return kin_size_mul(threads, encoder_floats(self) * sizeof(float));
}

void kin_codes_set_tail_fraction(kin_codes *self, float share)
{
    self->tail_unit = sqrtf(share) / self->lead_step;
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
    free(self->row_panel_start);
    free(self->row_panel);
    *self = (kin_codes){0};
}
