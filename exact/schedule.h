#ifndef KIN_EXACT_SCHEDULE_H
#define KIN_EXACT_SCHEDULE_H
/*
 * The schedule: the cluster pairs that are scanned first, each cluster with those most like it.
 *
 * Every cluster names the few clusters of highest mean score. These pairs are laid into rounds,
 * greedily and the most alike first, such that no cluster is in two pairs of a round. After them
 * thresholds are near their final values, and the coarse bound excludes most of the other pairs
 * (exact/rounds.c).
 */
#include "scan/codes.h"

typedef struct kin_schedule {
    size_t rounds;
    size_t *start;   /* [rounds + 1] first pair of each round; owned */
    int32_t *first;  /* [start[rounds]] clusters of each pair, first < second; owned */
    int32_t *second; /* owned */
    size_t clusters;
    size_t *partner_start; /* [clusters + 1]; owned */
    int32_t *partner; /* [partner_start[clusters]] each cluster's partners here, ascending; owned */
} kin_schedule;

/* Same result for any number of threads. Time: clusters^2 lead / 2. */
int kin_schedule_init(kin_schedule *self, const kin_codes *codes, kin_error *err);
void kin_schedule_release(kin_schedule *self);

/* Whether clusters a and b are a pair of one of the rounds. */
bool kin_schedule_has(const kin_schedule *self, size_t a, size_t b);

#endif
