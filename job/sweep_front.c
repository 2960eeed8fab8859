/*
 * Which points of a sweep matter (declared in job/sweep_front.h).
 */
#include "job/sweep_front.h"

#include <math.h>
#include <stdlib.h>

static int by_recall(const void *a, const void *b)
{
    const sweep_point *x = a, *y = b;
    if (x->recall != y->recall)
        return x->recall < y->recall ? -1 : 1;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

void kin_sweep_order(sweep *self)
{
    double least = INFINITY; /* seconds of those with more recall, or as much in less time */
    qsort(self->point, self->count, sizeof *self->point, by_recall);
    for (size_t i = self->count; i-- > 0;) {
        self->point[i].pareto = self->point[i].seconds < least;
        least = fmin(least, self->point[i].seconds);
    }
}

bool kin_sweep_reaches(const sweep *self, const sweep_point *point)
{
    return point->lower >= self->options->target_recall;
}

bool kin_sweep_same_seconds(const sweep_point *a, const sweep_point *b)
{
    return a->seconds <= b->most_seconds && b->seconds <= a->most_seconds;
}

/* An engine's settings have one order of effort. */
static bool less_effort(const sweep_point *a, const sweep_point *b)
{
    return a->engine == b->engine && a->space == b->space && a->target <= b->target &&
           a->candidates <= b->candidates;
}

static bool is_able(const sweep *self, const sweep_point *point)
{
    return point->engine != KIN_ENGINE_EXACT && kin_sweep_reaches(self, point);
}

const sweep_point *kin_sweep_answer(const sweep *self)
{
    const sweep_point *best = NULL, *least;
    for (size_t i = 0; i < self->count; i++)
        if (is_able(self, &self->point[i]) && (!best || self->point[i].seconds < best->seconds))
            best = &self->point[i];
    least = best;
    for (size_t i = 0; i < self->count && best; i++)
        if (is_able(self, &self->point[i]) && kin_sweep_same_seconds(&self->point[i], best) &&
            less_effort(&self->point[i], least))
            least = &self->point[i];
    return least;
}

bool kin_sweep_ties(const sweep *self, const sweep_point *point)
{
    const sweep_point *answer = kin_sweep_answer(self);
    return answer && point != answer && is_able(self, point) &&
           kin_sweep_same_seconds(point, answer);
}

const sweep_point *kin_sweep_exact(const sweep *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->point[i].engine == KIN_ENGINE_EXACT)
            return &self->point[i];
    return NULL;
}

bool kin_sweep_prefers_exact(const sweep *self)
{
    const sweep_point *exact = kin_sweep_exact(self), *answer = kin_sweep_answer(self);
    return exact && (!answer || exact->seconds <= answer->most_seconds);
}
