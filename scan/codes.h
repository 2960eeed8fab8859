#ifndef KIN_SCAN_CODES_H
#define KIN_SCAN_CODES_H
/*
 * Rows as int8 codes, and upper bounds of what the codes lose.
 *
 * A rotated row z = [p; t] (scan/rotation.h) is stored as
 *     p  ~  s high + (s / 254) low      s: one step for all rows, so that a tile's integers compare
 *     t  ~  step tail                   step: the row's own
 * A tile multiplies `high`; `low` and `tail` refine the pairs that the tile leaves. The loss of
 * each stage is measured for each row, and the errors of centring and rotation are added. So for
 * any two rows x and y, <.,.> their fused inner product (scan/fused.h):
 *
 *   coarse:  <x, y> <= s^2 high.high + tail_x tail_y + coarse_x norm_y + coarse_y norm_x
 *                      + bias_x + bias_y
 *   fine:   |<x, y> - (s^2 high.high + s^2/254 cross + step_x step_y tail.tail + bias_x + bias_y)|
 *                   <= kin_codes_error(x, y)
 *
 * Both follow from |<x,y> - <x^,y^>| <= |x - x^| |y^| + |x| |y - y^|. Norms and losses are rounded
 * up. The coarse bound holds for real numbers; scan/codes_pair.h adds the rounding of
 * floats.
 */
#include "core/rows.h"
#include "scan/clustering.h"
#include "scan/codes_pair.h"
#include "scan/fused.h"
#include "scan/kernels.h"
#include "scan/rotation.h"

enum { KIN_LOW_STEPS = 254 }; /* of the low codes in one of the high codes */

/* The terms of a row in both bounds; lengths in fused space, of which no row is longer than 1. */
typedef struct kin_code_terms {
    float bias;       /* <mean, u> - <mean, mean> / 2, u the fused row */
    float norm;       /* upper bound of the lengths of z, of its code and of the centred row */
    float tail_norm;  /* upper bound of the lengths of t and of its code */
    float coarse;     /* upper bound of what `high` loses of p, rotation included */
    float fine;       /* upper bound of what `high` and `low` lose of p, rotation included */
    float tail_loss;  /* upper bound of what the tail's codes lose of t */
    float step;       /* of the tail's codes */
    float tolerance;  /* upper bound of the error of a collected estimate of the row */
    int32_t lead_sum; /* of the high and low codes */
    int32_t tail_sum;
} kin_code_terms;

/* The column side of approximate rows, panel by panel, as the kernels read it. The places behind a
 * cluster's rows hold 0, and NaN as their bias. */
typedef struct kin_code_columns {
    float *tail_norm;               /* [panels][KIN_PANEL_COLUMNS]; owned, as the others */
    float *bias;                    /* [panels][KIN_PANEL_COLUMNS] */
    float *bias_unit;               /* [panels][KIN_PANEL_COLUMNS] bias / s^2 */
    float *step;                    /* [panels][KIN_PANEL_COLUMNS] */
    float *coarse_most, *norm_most; /* [clusters] of the rows */
} kin_code_columns;

typedef struct kin_codes {
    kin_fused fused;
    size_t rows;        /* of the catalog that are going to be encoded */
    kin_axes axes;      /* of most variance, for the clustering; count 0: all dimensions serve */
    float *packed_axes; /* the first of them as a right side (core/gemm.h); owned */
    kin_rotation rotation;
    kin_clustering clustering;
    uint8_t row_bias;        /* of the kernels: what codes of rows and row panels are XORed with */
    size_t stride;           /* bytes of a row: 2 lead + tail */
    bool approximate;        /* losses are not bounds (kin_codes_options) */
    float lead_step;         /* s */
    float tail_unit;         /* factor of tail norms in tiles, on either side */
    float rounding;          /* of an estimate: a dozen operations on numbers below 4 */
    uint8_t *row;            /* [clustering.count][stride] high, low, tail, ^ row_bias; owned */
    kin_code_terms *terms;   /* [clustering.count]; owned */
    size_t *panel_start;     /* [clusters + 1] first panel of each cluster; owned */
    int8_t *panel;           /* [panels][lead / 4][KIN_PANEL_COLUMNS][4] high, plain; owned */
    int32_t *panel_sum;      /* [panels][KIN_PANEL_COLUMNS]; owned */
    kin_code_columns column; /* NULL for codes that are bounds */
    /* the same codes as row panels; NULL for approximate codes */
    size_t *row_panel_start; /* [clusters + 1] first row panel of each cluster; owned */
    uint8_t *row_panel;      /* [row panels][lead / 4][KIN_PANEL_ROWS][4] high ^ row_bias; owned */
} kin_codes;

/* Approximate codes: a pair whose factor is this many times the row's own is scored canonically,
 * because the row's tolerance holds its own factor. Weights that are far apart make such pairs,
 * of rows that share only the lighter modality. */
#define KIN_FACTOR_DOUBTFUL 4.0f

/* Whether that goes for pairs of this factor. */
static inline bool kin_codes_doubtful(const kin_codes *self, float factor, float own_factor)
{
    return self->approximate && factor > KIN_FACTOR_DOUBTFUL * own_factor;
}

/* The square of the leading codes' step: what one unit of their products is worth. */
static inline float kin_codes_unit(const kin_codes *self)
{
    return self->lead_step * self->lead_step;
}

/* The coarse bound of a pair, with as much of its tails as tiles allow for. */
static inline float kin_codes_bound(const kin_codes *self, const kin_code_terms *x,
                                    const kin_code_terms *y, int32_t lead_dot)
{
    float tails = self->tail_unit * self->tail_unit * x->tail_norm * y->tail_norm;
    return kin_codes_unit(self) * ((float)lead_dot + tails) +
           kin_pair_lead_loss(x->coarse, x->norm, y->coarse, y->norm) + (x->bias + y->bias);
}

/* Its estimate. */
static inline float kin_codes_estimate(const kin_codes *self, const kin_code_terms *x,
                                       const kin_code_terms *y, int32_t lead_dot, int32_t cross,
                                       int32_t tail_dot)
{
    float unit = kin_codes_unit(self);
    return kin_pair_estimate(unit, lead_dot, unit / KIN_LOW_STEPS, cross, x->step * y->step,
                             tail_dot, x->bias + y->bias);
}

/* Upper bound of the error of a pair's estimate. The products low.low, which no estimate holds,
 * are at most the product of what `high` loses of both rows. */
static inline float kin_codes_error(const kin_codes *self, const kin_code_terms *x,
                                    const kin_code_terms *y)
{
    return x->fine * y->norm + y->fine * x->norm + x->tail_loss * y->tail_norm +
           y->tail_loss * x->tail_norm + (x->coarse + x->fine) * (y->coarse + y->fine) +
           self->rounding;
}

/* What the rotation and the codes are made for. */
typedef struct kin_codes_options {
    size_t top_k;
    size_t lead; /* leading dimensions: a multiple of 64 up to KIN_LEAD_MAX; 0: choose */
    float slack; /* 1; tests make it 0 to show that the bounds are needed */
    /* Quantiles instead of upper bounds: losses other than `coarse` are 0, `coarse` and
     * `tolerance` are three standard deviations (estimate_terms, scan/codes_encode.c). There are
     * no row panels. */
    bool approximate;
    /* [n] not 0: the row is not encoded, another one stands for it; or NULL; the caller's. Given
     * to kin_codes_init too, it is left out of the sample and of what the codes are said to take */
    const uint8_t *leave_out;
    kin_clustering *clustering; /* used instead of a new one, and emptied; or NULL */
} kin_codes_options;

/* Learns the rotation from a sample, after which the kin_codes_*_bytes are known. The catalog
 * has to outlive the codes. KIN_E_DATA where a row is no unit row: the file was written over. */
int kin_codes_init(kin_codes *self, const kin_catalog *catalog, const kin_codes_options *options,
                   kin_error *err);

/* Clusters and encodes all rows. Same codes for any number of threads. */
int kin_codes_encode(kin_codes *self, const kin_codes_options *options, const kin_monitor *monitor,
                     kin_error *err);
void kin_codes_release(kin_codes *self);

/* The coarse bound allows for fraction * tail_x tail_y, 0 < fraction <= 1. Below 1 it is a
 * quantile and no upper bound (docs/JOIN.md). */
void kin_codes_set_tail_fraction(kin_codes *self, float fraction);

/* Bytes of the codes of all rows; of the workspace of clustering, before them; of encoding,
 * beside them. */
size_t kin_codes_bytes(const kin_codes *self);
size_t kin_codes_clustering_work_bytes(const kin_codes *self);
size_t kin_codes_encode_work_bytes(const kin_codes *self);

#endif
