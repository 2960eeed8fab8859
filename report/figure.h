#ifndef KIN_REPORT_FIGURE_H
#define KIN_REPORT_FIGURE_H
/*
 * Figures of pages, each beside a table of its numbers: plots in two forms, histograms, shares of a
 * whole.
 */
#include "compare/summary.h"
#include "report/page.h"
#include "report/plot.h"

/* A plot as a figure, in forms that fit half a page and a phone; their margins are set here.
 * `legend`: units of height below the axis for a legend, 0 for none. */
void kin_figure_plot(FILE *out, plot_drawing *drawing, double legend);

/* Values in [0, 1] by twentieths, with the mean; folded up below, the same as a table. Values less
 * than `low` have another colour. */
typedef struct figure_histogram {
    const char *id, *title, *value, *counted; /* "recall of a row", "row" */
    const kin_summary *summary;
    double low;
} figure_histogram;
void kin_figure_histogram_write(FILE *out, const figure_histogram *self);

/* Shares of a whole as one bar, and a table that is its legend. Nothing where they have no sum
 * above 0. */
typedef struct figure_share {
    const char *name;
    const char *color;     /* name of a CSS variable */
    const char *note;      /* or NULL */
    double value;          /* >= 0 */
    page_label value_text; /* "" to leave it out */
} figure_share;
void kin_figure_stack(FILE *out, const char *title, const figure_share *share, size_t count);

#endif
