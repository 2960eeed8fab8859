#ifndef KIN_EXACT_EXACT_STATE_H
#define KIN_EXACT_EXACT_STATE_H
/*
 * Private to exact/: the certified engine between its parts.
 *
 *   plan.c      what a run is going to take
 *   exact.c     the run, block by block
 *   rounds.c    which cluster pairs are scanned when, and progress
 *   emit.c      rows are reranked and emitted to the sink
 */
#include "exact/exact.h"
#include "exact/schedule.h"
#include "scan/pairscan.h"
#include "scan/reranker.h"

/* What each thread works with. */
typedef struct kin_exact_worker {
    kin_pairscan *pairscan;
    kin_reranker *reranker;
    uint64_t pairs_scored;
} kin_exact_worker;

struct kin_exact {
    const kin_catalog *catalog;
    kin_exact_options options;
    kin_exact_plan plan;
    kin_exact_report report;
    int threads;
    kin_codes codes;
    kin_schedule schedule;
    kin_collectors collectors;
    kin_scan scan;
    kin_exact_worker *worker;   /* [threads] */
    double work_done, work_all; /* roughly, in pairs that a tile excludes */
};

/* Chooses capacity, block_rows and rerank_rows for the budget there is, and checks that they fit. */
int kin_exact_make_plan(kin_exact *self, kin_error *err);

/* What a pair costs in the scheduled pair scans, and what a candidate costs in the end, as many times
 * a pair that a tile excludes. Rough, and for nothing but progress. */
enum { ALIKE_COST = 16, CANDIDATE_COST = 150 };

/* The work of the whole run, and that so much of it is done. */
double kin_exact_all_work(const kin_exact *self);
void kin_exact_report_progress(kin_exact *self, double work, const kin_monitor *monitor);

/* Scans every cluster pair: each cluster with itself, with those most like it, then the others. */
int kin_exact_run_rounds(kin_exact *self, const kin_monitor *monitor, kin_error *err);

/* All rows of clusters first .. last - 1 into the sink, some at a time between looks at the monitor. */
int kin_exact_rerank_rows(kin_exact *self, size_t first, size_t last, kin_row_sink sink,
                          const kin_monitor *monitor, kin_error *err);

#endif
