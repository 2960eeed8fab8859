#ifndef KIN_REPORT_SWEEP_COMMAND_H
#define KIN_REPORT_SWEEP_COMMAND_H
/*
 * What a sweep suggests: points as commands to type, and ties as a sentence.
 */
#include "job/sweep.h"

#include <stdio.h>

/* The whole command that builds the catalog with this setting, its parts joined by `between` (" ",
 * or " \\\n  " for a line each); the caller frees, NULL without memory. */
char *kin_sweep_command(const sweep *self, const sweep_point *point, const char *between);

/* Names the points that tie with the answer in a sentence that goes on from `before`, with `after`
 * at its end; writes nothing where there is none. The text needs no quoting on a page. */
void kin_sweep_write_ties(FILE *out, const sweep *self, const char *before, const char *after);

#endif
