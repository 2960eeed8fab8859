/*
 * The axes of a plot (declared in report/plot_axis.h): round ends, round ticks, and where a value
 * lies.
 *
 * An axis of misses is a logarithmic one of 1 - value, run backwards. So all that is known here
 * about it is how the two are turned into each other.
 */
#include "report/plot_axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The share of an axis of misses that lies between `high` and 1, where it has both. */
static const double gap = 0.1;

/* Rounding may leave a value a little outside of the step it stands for. */
static const double slack = 1e-9;

/* ---- numbers --------------------------------------------------------------------------------- */

/* With so many decimals, and commas between thousands. */
static void number_text(char out[PLOT_TICK_TEXT], double value, int decimals)
{
    char plain[PLOT_TICK_TEXT];
    int length = snprintf(plain, sizeof plain, "%.*f", decimals > 0 ? decimals : 0, value);
    if (length < 0 || (size_t)length + (size_t)length / 3 >= sizeof plain) {
        snprintf(out, PLOT_TICK_TEXT, "%.3g", value);
        return;
    }
    size_t sign = plain[0] == '-', whole = strcspn(plain, "."), at = 0;
    for (size_t i = 0; plain[i] != '\0'; i++) {
        if (i > sign && i < whole && (whole - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = plain[i];
    }
    out[at] = '\0';
}

/* The exponent of the power of ten at or below a value > 0. */
static int decade(double value)
{
    return (int)floor(log10(value) + slack);
}

/* 1, 2 or 5 times a power of ten: the least that is no less than `value`, which is > 0. */
static double round_up(double value)
{
    double unit = pow(10, decade(value)), limit = value * (1 - slack);
    return unit >= limit       ? unit
           : 2 * unit >= limit ? 2 * unit
           : 5 * unit >= limit ? 5 * unit
                               : 10 * unit;
}

/* The same downwards. */
static double round_down(double value)
{
    double unit = pow(10, decade(value)), limit = value * (1 + slack);
    return 5 * unit <= limit ? 5 * unit : 2 * unit <= limit ? 2 * unit : unit;
}

/* ---- ends ------------------------------------------------------------------------------------ */

enum { STEPS_TO_FIT = 6 };

static void fit_linear(plot_axis *axis, double least, double most)
{
    if (least == most) {
        double room = least != 0 ? fabs(least) / 2 : 1;
        least -= room;
        most += room;
    }
    double step = round_up((most - least) / STEPS_TO_FIT);
    axis->low = floor(least / step + slack) * step;
    axis->high = ceil(most / step - slack) * step;
}

static void fit_log(double *low, double *high, double least, double most)
{
    *low = round_down(least);
    *high = round_up(most);
    if (*low >= *high * (1 - slack)) {
        *low = round_down(least * 0.7);
        *high = round_up(most * 1.4);
    }
}

void kin_plot_fit(plot_axis *axis, const double *value, size_t count)
{
    double least = INFINITY, most = -INFINITY;
    bool misses = axis->scale == PLOT_MISSES;
    axis->one = false;
    for (size_t i = 0; i < count; i++) {
        axis->one = axis->one || (misses && value[i] >= 1);
        if (isnan(value[i]) || (misses && value[i] >= 1) ||
            (axis->scale == PLOT_LOG && value[i] <= 0))
            continue;
        least = fmin(least, value[i]);
        most = fmax(most, value[i]);
    }
    if (least > most) /* nothing to go by */
        least = most = misses ? 0.9 : 1;
    if (axis->scale == PLOT_LINEAR) {
        fit_linear(axis, least, most);
    } else if (axis->scale == PLOT_LOG) {
        fit_log(&axis->low, &axis->high, least, most);
    } else {
        fit_log(&axis->high, &axis->low, 1 - most, 1 - least);
        axis->high = 1 - axis->high;
        axis->low = 1 - axis->low;
    }
}

/* ---- ticks ----------------------------------------------------------------------------------- */

static size_t ticks_linear(plot_tick *tick, const plot_axis *axis, size_t most)
{
    double step = round_up((axis->high - axis->low) / (double)most);
    double first = ceil(axis->low / step - slack);
    size_t count = 0;
    for (; count < PLOT_TICKS_MAX; count++) {
        double value = (first + (double)count) * step;
        if (value > axis->high + slack * step)
            break;
        tick[count].value = value;
        number_text(tick[count].text, value, -decade(step));
    }
    return count;
}

/* What a decade is marked with: from many to few. */
static const char *const ladder[] = {"123456789", "125", "13", "1"};

/* Writes those of every `stride`-th decade between low and high, or only counts them (NULL). */
static size_t walk_decades(plot_tick *tick, double low, double high, const char *rungs, int stride,
                           bool misses)
{
    size_t count = 0;
    int last = decade(high);
    for (int e = decade(low); e <= last; e++)
        for (const char *rung = rungs; *rung && e % stride == 0; rung++) {
            double value = (*rung - '0') * pow(10, e);
            if (value < low * (1 - slack) || value > high * (1 + slack))
                continue;
            if (tick && count < PLOT_TICKS_MAX) {
                tick[count].value = misses ? 1 - value : value;
                number_text(tick[count].text, tick[count].value, -e);
            }
            count++;
        }
    return count;
}

/* With the most marks that are not too many; beyond the last rung, every second decade and so
 * on. */
static size_t ticks_log(plot_tick *tick, double low, double high, size_t most, bool misses)
{
    size_t rung = 0, rungs = sizeof ladder / sizeof *ladder;
    int stride = 1;
    most = most < PLOT_TICKS_MAX ? most : PLOT_TICKS_MAX;
    while (walk_decades(NULL, low, high, ladder[rung], stride, misses) > most) {
        stride += rung + 1 == rungs;
        rung += rung + 1 < rungs;
    }
    return walk_decades(tick, low, high, ladder[rung], stride, misses);
}

size_t kin_plot_ticks(plot_tick tick[PLOT_TICKS_MAX], const plot_axis *axis, size_t most)
{
    most = most > 1 ? most : 2;
    if (axis->scale == PLOT_LINEAR)
        return ticks_linear(tick, axis, most);
    if (axis->scale == PLOT_LOG)
        return ticks_log(tick, axis->low, axis->high, most, false);
    size_t count = ticks_log(tick, 1 - axis->high, 1 - axis->low, most - axis->one, true);
    for (size_t i = 0; i < count / 2; i++) { /* the smallest miss is the largest value */
        plot_tick other = tick[i];
        tick[i] = tick[count - 1 - i];
        tick[count - 1 - i] = other;
    }
    if (axis->one && count < PLOT_TICKS_MAX)
        tick[count++] = (plot_tick){.value = 1, .text = "1"};
    return count;
}

/* ---- places ---------------------------------------------------------------------------------- */

double kin_plot_place(const plot_axis *axis, double value)
{
    if (axis->scale == PLOT_LINEAR)
        return (value - axis->low) / (axis->high - axis->low);
    if (axis->scale == PLOT_LOG)
        return log(value / axis->low) / log(axis->high / axis->low);
    if (value >= 1)
        return 1;
    double at = log((1 - axis->low) / (1 - value)) / log((1 - axis->low) / (1 - axis->high));
    return axis->one ? at * (1 - gap) : at;
}
