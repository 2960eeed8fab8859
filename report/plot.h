#ifndef KIN_REPORT_PLOT_H
#define KIN_REPORT_PLOT_H
/*
 * Plots for pages: an inline SVG with axes, lines, markers, bars and labels.
 *
 *     plot p = {.out = page, .id = "times", .width = 920, .height = 480,
 *               .left = 64, .right = 24, .top = 20, .bottom = 52,
 *               .x = {.scale = PLOT_LOG, .label = "seconds"},
 *               .y = {.scale = PLOT_MISSES, .label = "recall"}};
 *     kin_plot_fit(&p.x, seconds, n);              ends and ticks from the values
 *     kin_plot_fit(&p.y, recall, n);
 *     kin_plot_begin(&p, "Recall by time", "What it shows, in a sentence or two.");
 *     kin_plot_series_begin(&p, "m0");             colour: the page's CSS variable --m0
 *     kin_plot_line(&p, seconds, recall, n);
 *     kin_plot_marker(&p, PLOT_CIRCLE, true, seconds[0], recall[0], "4.2 s, recall 0.971");
 *     kin_plot_label(&p, seconds[0], recall[0], "600");
 *     kin_plot_series_end(&p);
 *     kin_plot_end(&p);
 *
 * Nothing runs and nothing is fetched; every text is escaped. Colours come from CSS variables, so a
 * plot follows the page into the dark and onto paper: the page's style sheet has --ink, --soft,
 * --line and --card (report/page.css has them) and contains report/plot.css. Colour never says
 * anything alone: give series different shapes and labels, and put a table of the numbers beside
 * the plot.
 *
 * A plot is as wide as its box on the page, and its letters shrink with it. So plot_write draws it
 * twice, wide and narrow, and report/plot.css shows one.
 */
#include "report/plot_axis.h"

#include <stdio.h>

enum { PLOT_BOXES_MAX = 256 };

/* A place taken on the drawing, in its units. */
typedef struct plot_box {
    double left, top, right, bottom;
} plot_box;

typedef struct plot {
    FILE *out;                       /* the page; the caller's, who looks at ferror */
    const char *id;                  /* of the element, unique on its page, [a-z0-9-] */
    const char *css_class;           /* "wide", "narrow" or NULL: always shown */
    double width, height;            /* units: pixels of CSS at natural size */
    double left, right, top, bottom; /* margins around the frame */
    plot_axis x, y;
    size_t box_count;             /* begun with 0 */
    plot_box box[PLOT_BOXES_MAX]; /* of markers and labels, which later labels keep clear of */
} plot;

typedef enum plot_shape {
    PLOT_CIRCLE,
    PLOT_SQUARE,
    PLOT_TRIANGLE,
    PLOT_DIAMOND,
    PLOT_STAR,
    PLOT_RING, /* around another marker */
    PLOT_SHAPES,
} plot_shape;

typedef enum plot_anchor { PLOT_START, PLOT_MIDDLE, PLOT_END } plot_anchor;

/* Where a value lies on the drawing. */
double kin_plot_x(const plot *self, double value);
double kin_plot_y(const plot *self, double value);

/* ---- drawing -------------------------------------------------------------------------------- */

/* Opens the element, with a title and a description for who cannot see it, and draws both axes. */
void kin_plot_begin(const plot *self, const char *title, const char *description);
void kin_plot_end(const plot *self);

/* What stands between has a colour: the name of a CSS variable without its dashes ("m0",
 * "soft"). */
void kin_plot_series_begin(const plot *self, const char *color);
void kin_plot_series_end(const plot *self);

/* A line through points, in their order. */
void kin_plot_line(const plot *self, const double *x /* [count] */, const double *y, size_t count);

/* The same as steps, level first: y[i] holds from x[i] to x[i + 1]; broad and pale. */
void kin_plot_steps(const plot *self, const double *x /* [count] */, const double *y, size_t count);

/* A thin upright line at x, from one y to another: how sure a point is. */
void kin_plot_whisker(const plot *self, double x, double from, double to);

/* A bar of a histogram: x from `from` to `to`, as high as y. `title` (or NULL) is shown when
 * pointed at, here and below. */
void kin_plot_bar(const plot *self, double from, double to, double y, const char *title);

/* A dashed line across the frame at a value of y (or of x), named at its end; of x on the side that
 * has room. */
void kin_plot_rule_y(plot *self, double y, const char *text);
void kin_plot_rule_x(plot *self, double x, const char *text);

/* Filled or hollow. */
void kin_plot_marker(plot *self, plot_shape shape, bool filled, double x, double y,
                     const char *title);

/* A text beside the point, on the side where it covers no marker and no other label drawn before:
 * draw all markers first. False, and nothing drawn, where there is no such side. */
bool kin_plot_label(plot *self, double x, double y, const char *text);

/* A text at a place of the drawing, in its units. */
void kin_plot_text(const plot *self, double left, double base, plot_anchor anchor,
                   const char *text);

/* Where the next entry of a legend goes, in units of the drawing. */
typedef struct plot_legend {
    double first; /* left end of a line */
    double left, base;
    double room; /* an entry with less before the right edge begins a line */
} plot_legend;

/* An entry of a legend: a marker and its name. */
void kin_plot_key(const plot *self, plot_legend *legend, plot_shape shape, const char *text);

/* ---- a plot for wide and for narrow windows -------------------------------------------------- */

/* Size and margins. */
typedef struct plot_form {
    double width, height, left, right, top, bottom;
} plot_form;

typedef struct plot_drawing {
    const char *id, *title, *description;
    plot_form wide, narrow;
    plot_axis x, y;
    void (*draw)(plot *self, const void *data); /* between the axes and the end */
    const void *data;
} plot_drawing;

/* Draws both; the style sheet shows one. */
void kin_plot_write(FILE *out, const plot_drawing *self);

#endif
