#ifndef KIN_JOB_VERIFY_INDEX_H
#define KIN_JOB_VERIFY_INDEX_H
/*
 * Private to job/verify.c: the parts of an index folder whose checksums held.
 */
#include "job/verify.h"

#include <jansson.h>

int kin_verify_index(const kin_dir *dir, const json_t *manifest, const kin_verify_options *options,
                     const kin_monitor *monitor, kin_error *err);

#endif
