/*
 * All cluster pairs of a block, round by round, and progress by the work done
 * (exact/exact_state.h).
 *
 * First each cluster against itself, then the rounds of the schedule, then round r: cluster g
 * against g XOR r, but for the pairs of the schedule. Every pair is scanned once.
 */
#include "exact/exact_state.h"

#include <omp.h>

/* Every cluster against itself. */
static void scan_each(kin_exact *self)
{
#pragma omp parallel for schedule(dynamic) num_threads(self->threads)
    for (size_t g = 0; g < self->codes.clustering.clusters; g++)
        kin_pairscan_run(self->worker[omp_get_thread_num()].pairscan, g, g);
}

/* One round of the schedule. */
static void scan_alike(kin_exact *self, size_t round)
{
    const kin_schedule *schedule = &self->schedule;
#pragma omp parallel for schedule(dynamic) num_threads(self->threads)
    for (size_t i = schedule->start[round]; i < schedule->start[round + 1]; i++)
        kin_pairscan_run(self->worker[omp_get_thread_num()].pairscan, (size_t)schedule->first[i],
                         (size_t)schedule->second[i]);
}

/* Cluster g against g XOR round, but for the pairs of the schedule. */
static void scan_others(kin_exact *self, size_t round)
{
    size_t clusters = self->codes.clustering.clusters;
#pragma omp parallel for schedule(dynamic) num_threads(self->threads)
    for (size_t g = 0; g < clusters; g++) {
        size_t other = g ^ round;
        if (other > g && other < clusters && !kin_schedule_has(&self->schedule, g, other))
            kin_pairscan_run(self->worker[omp_get_thread_num()].pairscan, g, other);
    }
}

/* The work of so many cluster pairs of mean size. */
static double pairs_work(const kin_exact *self, double pairs)
{
    double rows = (double)self->codes.clustering.count / (double)self->codes.clustering.clusters;
    return pairs * rows * rows;
}

double kin_exact_all_work(const kin_exact *self)
{
    double clusters = (double)self->codes.clustering.clusters;
    double alike = clusters / 2 + (double)self->schedule.start[self->schedule.rounds];
    double block =
        clusters > 0 ? pairs_work(self, clusters * clusters / 2 + ALIKE_COST * alike) : 0;
    return block * (double)self->plan.blocks +
           (double)self->codes.clustering.count * (double)self->options.top_k * CANDIDATE_COST;
}

/* Progress is reported in rows, in proportion to the work done: rows come at the end of a block. */
void kin_exact_report_progress(kin_exact *self, double work, const kin_monitor *monitor)
{
    self->work_done += work;
    double share = self->work_done / self->work_all;
    double n = (double)self->catalog->n;
    kin_monitor_progress(monitor, (size_t)(n * (share < 0.999 ? share : 0.999)), self->catalog->n);
}

int kin_exact_run_rounds(kin_exact *self, const kin_monitor *monitor, kin_error *err)
{
    size_t clusters = self->codes.clustering.clusters, alike = self->schedule.rounds, others = 1;
    while (others < clusters)
        others *= 2;
    for (size_t round = 0; round < alike + others; round++) {
        int rc = kin_monitor_check(monitor, err);
        if (rc != 0)
            return rc;
        double pairs = (double)clusters / 2;
        if (round == 0) {
            scan_each(self);
            pairs *= ALIKE_COST;
        } else if (round <= alike) {
            scan_alike(self, round - 1);
            pairs = ALIKE_COST *
                    (double)(self->schedule.start[round] - self->schedule.start[round - 1]);
        } else {
            scan_others(self, round - alike);
            pairs *= (double)clusters / (double)others; /* some clusters have no partner */
        }
        kin_exact_report_progress(self, clusters > 0 ? pairs_work(self, pairs) : 0, monitor);
    }
    return 0;
}
