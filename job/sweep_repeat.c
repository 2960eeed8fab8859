/*
 * Points of a sweep near the cheapest, run again (declared in job/sweep_repeat.h).
 *
 * The answer of a sweep is the cheapest of the points that reach the target, and seconds of one run
 * are noise to some per cent and on a busy machine to more. So those points run again in turn: a
 * machine whose speed drifts slows all of them. Of a point's runs the least counts, and the most
 * says how far its seconds are to be trusted.
 */
#include "job/sweep_repeat.h"
#include "job/sweep_front.h"
#include "job/sweep_points.h"

#include <math.h>

enum { RUNS = 3 };

/* Points that take more than this many times the least are no rivals. */
static const double near = 1.5;

static double least_seconds(const sweep *self)
{
    double least = INFINITY;
    for (size_t i = 0; i < self->count; i++)
        if (kin_sweep_reaches(self, &self->point[i]))
            least = fmin(least, self->point[i].seconds);
    return least;
}

static int run_again(sweep *self, sweep_point *point, sweep_again again, void *made, kin_error *err)
{
    double seconds = 0;
    int rc = again(self, made, point, &seconds, err);
    if (rc != 0)
        return rc;
    seconds += point->shared_seconds;
    point->seconds = fmin(point->seconds, seconds);
    point->most_seconds = fmax(point->most_seconds, seconds);
    point->runs++;
    return 0;
}

int kin_sweep_repeat_near(sweep *self, size_t first, sweep_again again, void *made, kin_error *err)
{
    char text[SWEEP_TEXT];
    int rc = 0;
    for (int run = 1; run < RUNS && rc == 0; run++) {
        double least = least_seconds(self);
        for (size_t i = first; i < self->count && rc == 0; i++)
            if (kin_sweep_reaches(self, &self->point[i]) && self->point[i].seconds <= near * least)
                rc = run_again(self, &self->point[i], again, made, err);
    }
    for (size_t i = first; i < self->count && rc == 0; i++)
        if (self->point[i].runs > 1)
            kin_monitor_message(self->monitor, KIN_LEVEL_INFO, "%s: %.2f to %.2f s in %d runs",
                                kin_sweep_point_options(&self->point[i], text),
                                self->point[i].seconds, self->point[i].most_seconds,
                                self->point[i].runs);
    return rc;
}
