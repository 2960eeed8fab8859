#ifndef KIN_SCAN_CODES_H
#define KIN_SCAN_CODES_H
/*
 * Rows as int8 codes, and bounds of what the codes lost.
 *
 * A rotated row z = [p; t] (scan/rotation.h) is kept as
 *     p  ~  s high + (s / 254) low      s: one step for all rows, so that a tile's integers compare
 *     t  ~  step tail                   step: the row's own
 * `high` is what a tile multiplies; `low` and `tail` refine the pairs that are left. For each row it is
 * measured what each stage leaves out, and the error of centring and rotation is added, so that
 * for any two rows x and y, <.,.> their fused inner product (scan/fused.h):
 *
 *   coarse:  <x, y> <= s^2 high.high + tail_x tail_y + coarse_x norm_y + coarse_y norm_x + bias_x + bias_y
 *   fine:   |<x, y> - (s^2 high.high + s^2/254 cross + step_x step_y tail.tail + bias_x + bias_y)|
 *                   <= kin_codes_error(x, y)
 *
 * The coarse bound is one of real numbers: who computes it in floats adds for that (scan/pairscan_collect.c).
 * From |<x,y> - <x^,y^>| <= |x - x^| |y^| + |x| |y - y^|. Norms and losses are rounded outward.
 */
#include "core/rows.h"
#include "scan/clustering.h"
#include "scan/fused.h"
#include "scan/kernels.h"
#include "scan/rotation.h"

typedef struct kin_code_terms {
    float bias;       /* <mean, u> - <mean, mean> / 2 */
    float norm;       /* no less than the lengths of z, of its code and of the centred row */
    float tail_norm;  /* no less than the lengths of t and of its code */
    float coarse;     /* no less than what `high` alone loses of p, rotation included */
    float fine;       /* no less than what `high` and `low` lose of p, rotation included */
    float tail_loss;  /* no less than what the tail's codes lose of t */
    float step;       /* of the tail's codes */
    float tolerance;  /* of a refined value, that most pairs with similar rows keep */
    int32_t lead_sum; /* of the high and low codes */
    int32_t tail_sum;
} kin_code_terms;

typedef struct kin_codes {
    kin_fused fused;
    kin_axes axes; /* of most variance, for the order; count 0 where all dimensions serve */
    kin_rotation rotation;
    kin_clustering clustering;
    uint8_t row_bias;      /* of the kernels: what codes of rows and row panels are XORed with */
    size_t stride;         /* bytes of a row: 2 lead + tail */
    bool approximate;      /* losses are not bounds (kin_codes_options) */
    float lead_step;       /* s */
    float tail_unit;       /* what tails are multiplied with for tiles */
    float rounding;        /* of a refined value: a dozen operations on numbers below 4 */
    uint8_t *row;          /* [clustering.count][stride] high, low, tail, ^ row_bias; owned */
    kin_code_terms *terms; /* [clustering.count]; owned */
    size_t *panel_start;   /* [clusters + 1] first panel of each cluster; owned */
    int8_t *panel;         /* [panels][lead / 4][KIN_PANEL_COLUMNS][4] high, plain; owned */
    int32_t *panel_sum;    /* [panels][KIN_PANEL_COLUMNS]; owned */
    /* the same codes as row panels; NULL for approximate codes */
    size_t *row_panel_start; /* [clusters + 1] first row panel of each cluster; owned */
    uint8_t *row_panel;      /* [row panels][lead / 4][KIN_PANEL_ROWS][4] high ^ row_bias; owned */
} kin_codes;

/* Of approximate codes: from so many times a row's own factor on its pairs are scored in full, as its tolerance, which has the
 * row's own, says nothing of them. Weights that are far apart make such pairs: of rows that share the lighter modality
 * alone. */
#define KIN_FACTOR_DOUBTFUL 4.0f

/* How far a refined value may be from the pair's inner product. low.low is not in it: that is at most
 * the product of what `high` loses of both. */
static inline float kin_codes_error(const kin_codes *self, const kin_code_terms *x,
                                    const kin_code_terms *y)
{
    return x->fine * y->norm + y->fine * x->norm + x->tail_loss * y->tail_norm +
           y->tail_loss * x->tail_norm + (x->coarse + x->fine) * (y->coarse + y->fine) +
           self->rounding;
}

/* What is to be known before a plan can be made: the rotation, chosen for top-k rows. */
typedef struct kin_codes_options {
    size_t top_k;
    size_t lead; /* leading dimensions: a multiple of 64 up to KIN_LEAD_MAX; 0: choose */
    float slack; /* 1; tests make it 0 to show that the bounds are needed */
    /* Estimates instead of bounds: of the losses only the coarse one counts, as a quantile of what it takes
     * of a pair; a row's tolerance is a quantile of its estimates' error (scan/codes_encode.c, estimate_terms); and
     * there are no row panels (rows are picked out of their clusters). */
    bool approximate;
    const uint8_t
        *leave_out; /* [n] other than 0: not encoded, another row stands for it; or NULL */
    kin_clustering *clustering; /* taken over instead of ordering the rows; or NULL */
} kin_codes_options;

/* Learns the rotation from a sample; the rest is empty. Then bytes can be told. */
int kin_codes_init(kin_codes *self, const kin_catalog *catalog, const kin_codes_options *options,
                   kin_error *err);

/* Orders and encodes all rows. */
/* The order is emptied where one was given. */
int kin_codes_encode(kin_codes *self, const kin_codes_options *options, const kin_monitor *monitor,
                     kin_error *err);
void kin_codes_release(kin_codes *self);

/* The part of tail_x tail_y that the coarse bound allows for. With less than 1 it is no bound any more but
 * what pairs that matter stay below for the most part. */
void kin_codes_set_tail_fraction(kin_codes *self, float share);

/* Bytes of all codes of n rows, and of what encoding takes beside and before them. */
size_t kin_codes_bytes(const kin_codes *self);
size_t kin_codes_clustering_work_bytes(const kin_codes *self);
size_t kin_codes_encode_work_bytes(const kin_codes *self);

#endif
