#ifndef KIN_SCAN_CODES_ENCODE_H
#define KIN_SCAN_CODES_ENCODE_H
/*
 * Private to scan/codes*.c: all rows through the rotation, block by block, on all threads.
 *
 * Both functions fail with what kin_catalog_fail_row says of the first row that is no fused row
 * any more: the file was written over.
 */
#include "scan/codes.h"

/* Floats of one thread's workspace. */
size_t kin_codes_encoder_floats(const kin_codes *self);

/* The coordinates by which rows are clustered (scan/codes_fit.h), of all rows of the catalog. */
int kin_codes_encode_coordinates(const kin_codes *self, float *workspace /* [threads][floats] */,
                                 float *coordinate /* [n][coordinates] */, kin_error *err);

/* Codes and terms of all rows of the clustering, into the arrays that are there; the tolerances
 * of codes with bounds are not set. */
int kin_codes_encode_rows(kin_codes *self, float *workspace /* [threads][floats] */, float slack,
                          const kin_monitor *monitor, kin_error *err);

#endif
