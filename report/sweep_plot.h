#ifndef KIN_REPORT_SWEEP_PLOT_H
#define KIN_REPORT_SWEEP_PLOT_H
/*
 * The plot on the page of `kin sweep --out`: recall against seconds.
 */
#include "job/sweep.h"
#include <stdio.h>

/* The plot, once wide and once narrow, of which the style sheet shows one. */
void sweep_plot(FILE *out, const sweep *self);

#endif
