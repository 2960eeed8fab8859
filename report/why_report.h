#ifndef KIN_REPORT_WHY_REPORT_H
#define KIN_REPORT_WHY_REPORT_H
/*
 * What kin why found of a pair of items, for people and for programs.
 */
#include "compare/why.h"

#include <stdio.h>

/* Some thirty lines. Control characters of ids and titles are escaped. */
void kin_why_print(const kin_why *self, FILE *out);

/* The document of --json (docs/FORMATS.md). New reference; NULL where memory is refused. */
json_t *kin_why_json(const kin_why *self);

#endif
