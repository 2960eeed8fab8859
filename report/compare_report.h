#ifndef KIN_REPORT_COMPARE_REPORT_H
#define KIN_REPORT_COMPARE_REPORT_H
/*
 * A comparison as a table for the terminal, a JSON document and a textfile for Prometheus.
 */
#include "compare/comparison.h"

#include <stdio.h>

void kin_comparison_print(const kin_comparison *self, FILE *to);

/* The document of --json (docs/METRICS.md). New reference; NULL where memory is refused. */
json_t *kin_comparison_json(const kin_comparison *self);

/* Writes the textfile at `path` in one rename. `success`: all gates are met by a reference that
 * fits; otherwise the time of the last success is taken over from the file that is there. */
int kin_comparison_write_prom(const kin_comparison *self, const char *path, bool success,
                              kin_error *err);

#endif
