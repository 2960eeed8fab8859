/*
 * Rounds of meetings (exact/exact_state.h), and progress by the work done.
 */
#include "exact/exact_state.h"

#include <omp.h>

/* Every group meets itself. */
static void meet_themselves(kin_exact *self)
{
#pragma omp parallel for schedule(dynamic) num_threads(self->threads)
    for (size_t g = 0; g < self->codes.order.groups; g++)
        kin_meeting_run(self->meeting[omp_get_thread_num()], g, g);
}

/* One round of the meetings that come first. */
static void meet_alike(kin_exact *self, size_t round)
{
    const kin_schedule *schedule = &self->schedule;
#pragma omp parallel for schedule(dynamic) num_threads(self->threads)
    for (size_t i = schedule->start[round]; i < schedule->start[round + 1]; i++)
        kin_meeting_run(self->meeting[omp_get_thread_num()], (size_t)schedule->first[i],
                        (size_t)schedule->second[i]);
}

/* Group g meets g XOR round, where they have not met yet. */
static void meet_others(kin_exact *self, size_t round)
{
    size_t groups = self->codes.order.groups;
#pragma omp parallel for schedule(dynamic) num_threads(self->threads)
    for (size_t g = 0; g < groups; g++) {
        size_t other = g ^ round;
        if (other > g && other < groups && !kin_schedule_has(&self->schedule, g, other))
            kin_meeting_run(self->meeting[omp_get_thread_num()], g, other);
    }
}

/* A block's meetings, seen as so many of mean size; and all of its work. */
static double meetings_work(const kin_exact *self, double meetings)
{
    double rows = (double)self->codes.order.count / (double)self->codes.order.groups;
    return meetings * rows * rows;
}

double kin_exact_all_work(const kin_exact *self)
{
    double groups = (double)self->codes.order.groups;
    double alike = groups / 2 + (double)self->schedule.start[self->schedule.rounds];
    double block = groups > 0 ? meetings_work(self, groups * groups / 2 + ALIKE_COST * alike) : 0;
    return block * (double)self->plan.blocks +
           (double)self->catalog->n * (double)self->options.top_k * CANDIDATE_COST;
}

/* Progress is told in rows, though rows come in one go at the end of a block: by the work done. */
void kin_exact_tell(kin_exact *self, double work, const kin_monitor *monitor)
{
    self->work_done += work;
    double share = self->work_done / self->work_all;
    double n = (double)self->catalog->n;
    kin_monitor_progress(monitor, (size_t)(n * (share < 0.999 ? share : 0.999)), self->catalog->n);
}

int kin_exact_run_rounds(kin_exact *self, const kin_monitor *monitor, kin_error *err)
{
    size_t groups = self->codes.order.groups, alike = self->schedule.rounds, others = 1;
    while (others < groups)
        others *= 2;
    for (size_t round = 0; round < alike + others; round++) {
        int rc = kin_monitor_check(monitor, err);
        if (rc != 0)
            return rc;
        double meetings = (double)groups / 2;
        if (round == 0) {
            meet_themselves(self);
            meetings *= ALIKE_COST;
        } else if (round <= alike) {
            meet_alike(self, round - 1);
            meetings = ALIKE_COST *
                       (double)(self->schedule.start[round] - self->schedule.start[round - 1]);
        } else {
            meet_others(self, round - alike);
            meetings *= (double)groups / (double)others; /* some have nobody to meet */
        }
        kin_exact_tell(self, groups > 0 ? meetings_work(self, meetings) : 0, monitor);
    }
    return 0;
}
