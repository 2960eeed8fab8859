#ifndef KIN_REPORT_COMPARE_PROM_H
#define KIN_REPORT_COMPARE_PROM_H
/*
 * Numbers of a comparison for Prometheus, as the textfile collector of its node exporter reads them
 * (text format 0.0.4).
 */
#include "compare/comparison.h"

#include <stdio.h>

/* Writes the gauges. `success`: when a comparison of this graph last met all of its gates, in
 * seconds since 1970; NaN: not known. */
void kin_comparison_prom(const kin_comparison *self, double success, FILE *out);

/* Reads that time from an earlier textfile: NaN in *success where it has none of this graph.
 * KIN_E_MEMORY. */
int kin_comparison_prom_success(double *success, const kin_comparison *self, FILE *earlier,
                                kin_error *err);

#endif
