#ifndef KIN_SCAN_CODES_FIT_H
#define KIN_SCAN_CODES_FIT_H
/*
 * Private to scan/codes*.c: axes, rotation, leading dimensions and step, learnt from a sample.
 */
#include "scan/codes.h"

/* Whether row i of the catalog is one to encode. */
static inline bool kin_codes_takes_part(const kin_catalog *catalog,
                                        const kin_codes_options *options, size_t i)
{
    return catalog->present[i] && !(options->leave_out && options->leave_out[i]);
}

/* Draws the sample and sets axes, rotation and lead_step. `self` holds the fused rows and
 * nothing else. */
int kin_codes_fit_learn(kin_codes *self, const kin_codes_options *options, kin_error *err);

/* The number of coordinates by which rows are clustered. */
size_t kin_codes_fit_coordinates(const kin_codes *self);

/* The coordinates of centred rows. Serial. */
void kin_codes_fit_project(const kin_codes *self, const float *y /* [count][d] */, size_t count,
                           float *out /* [count][coordinates] */);

/* Frees what only ordering needs. */
void kin_codes_fit_forget(kin_codes *self);

#endif
