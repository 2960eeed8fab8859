#ifndef KIN_REPORT_COMPARE_JSON_H
#define KIN_REPORT_COMPARE_JSON_H
/*
 * A comparison as the document of `kin compare --json`.
 */
#include "compare/comparison.h"

#include <jansson.h>

/* docs/METRICS.md has every key. New reference; NULL where memory is refused. */
json_t *kin_comparison_json(const kin_comparison *self);

#endif
