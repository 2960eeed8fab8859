#ifndef KIN_EXACT_EXACT_STATE_H
#define KIN_EXACT_EXACT_STATE_H
/*
 * Private to exact/: the certified engine.
 *
 *   exact.c     set-up, and the run block by block
 *   plan.c      memory: capacity, rows of a block, rows reranked together
 *   schedule.c  the cluster pairs that are scanned first
 *   guess.c     thresholds guessed from a sample
 *   again.c     guesses set, and rows scanned again whose guesses were too high
 *   rounds.c    all cluster pairs, round by round, and progress
 *   emit.c      rows reranked and emitted to the sink
 */
#include "exact/exact.h"
#include "exact/guess.h"
#include "exact/schedule.h"
#include "scan/duplicates.h"
#include "scan/pairscan.h"
#include "scan/reranker.h"

/* The workspace of one thread. */
typedef struct kin_exact_worker {
    kin_pairscan *pairscan;
    kin_reranker *reranker;
    kin_expander expander;
    float *values; /* of guesses (exact/guess.h) */
    uint64_t pairs_scored;
} kin_exact_worker;

struct kin_exact {
    const kin_catalog *catalog;
    kin_exact_options options;
    kin_exact_plan plan;
    kin_exact_report report;
    int threads;
    kin_duplicates duplicates;
    kin_guess guess;
    float *guessed; /* [rows of the block] thresholds that nothing proves yet; NULL: none */
    size_t k;       /* of collectors: K + 1, a row being a candidate of its own */
    kin_codes codes;
    kin_schedule schedule;
    kin_collectors collectors;
    kin_scan scan;
    kin_exact_worker *worker;   /* [threads] */
    double work_done, work_all; /* in units of a pair that a tile excludes */
};

/* What a refusal advises. */
extern const char kin_exact_plan_hint[];

/* Chooses capacity, block_rows and rerank_rows for the budget. KIN_E_MEMORY if nothing fits. */
int kin_exact_make_plan(kin_exact *self, kin_error *err);

/* The cost of a pair in a scheduled pair scan, and of a candidate that is reranked, in units of a
 * pair that a tile excludes. For progress alone. */
enum { ALIKE_COST = 16, CANDIDATE_COST = 150 };

/* The work of the whole run; and a report that `work` more of it is done. */
double kin_exact_all_work(const kin_exact *self);
void kin_exact_report_progress(kin_exact *self, double work, const kin_monitor *monitor);

/* Scans every cluster pair: each cluster with itself, with those most like it, then the others. */
int kin_exact_run_rounds(kin_exact *self, const kin_monitor *monitor, kin_error *err);

/* Guesses thresholds for the rows of clusters first .. last - 1, where that pays. */
int kin_exact_set_guesses(kin_exact *self, size_t first, size_t last, const kin_monitor *monitor,
                          kin_error *err);

/* Scans those again whose candidates do not prove the guess. */
int kin_exact_scan_again(kin_exact *self, const kin_monitor *monitor, kin_error *err);

/* Reranks the rows of clusters first .. last - 1 and emits them to the sink. */
int kin_exact_rerank_rows(kin_exact *self, size_t first, size_t last, kin_row_sink sink,
                          const kin_monitor *monitor, kin_error *err);

#endif
