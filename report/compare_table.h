#ifndef KIN_REPORT_COMPARE_TABLE_H
#define KIN_REPORT_COMPARE_TABLE_H
/*
 * A comparison as a terse table for a terminal.
 */
#include "compare/comparison.h"

#include <stdio.h>

/* Control characters of names are replaced. */
void kin_comparison_print(const kin_comparison *self, FILE *out);

#endif
