#ifndef KIN_REPORT_PLOT_AXIS_H
#define KIN_REPORT_PLOT_AXIS_H
/*
 * Axes of plots (report/plot.h): round ends, round ticks, and where a value lies.
 */
#include <stdbool.h>
#include <stddef.h>

enum { PLOT_TICKS_MAX = 24, PLOT_TICK_TEXT = 24 };

typedef enum plot_scale {
    PLOT_LINEAR,
    PLOT_LOG,    /* values > 0 */
    PLOT_MISSES, /* values <= 1, spread by log(1 - value): 0.9, 0.99 and 0.999 are as far apart */
} plot_scale;

/* One axis. Values outside low .. high lie outside the frame: nothing is clamped. */
typedef struct plot_axis {
    plot_scale scale;
    double low, high;  /* values at the ends, low < high; PLOT_MISSES: high < 1 */
    bool one;          /* PLOT_MISSES: the far end is 1, set apart from `high` by a gap */
    const char *label; /* what is measured, with its unit */
} plot_axis;

/* Ends that are round numbers and hold all values; NaN is passed over. Of a linear axis they
 * include 0 only if a value does. One value, or none, gets room on both sides. */
void kin_plot_fit(plot_axis *axis, const double *value /* [count] */, size_t count);

typedef struct plot_tick {
    double value;
    char text[PLOT_TICK_TEXT]; /* "0.95", "20,000" */
} plot_tick;

/* Round numbers between the ends, ascending, about `most` of them and at most PLOT_TICKS_MAX: 1, 2
 * or 5 times a power of ten apart on a linear axis, such numbers themselves on a logarithmic one.
 * Returns how many. */
size_t kin_plot_ticks(plot_tick tick[PLOT_TICKS_MAX], const plot_axis *axis, size_t most);

/* Where a value lies: 0 at the low end, 1 at the other; less and more beyond them. */
double kin_plot_place(const plot_axis *axis, double value);

#endif
