#ifndef KIN_EXACT_SCHEDULE_H
#define KIN_EXACT_SCHEDULE_H
/*
 * The cluster pairs that are scanned first: each cluster with the clusters most like it.
 *
 * Every cluster names the few clusters of highest mean score, and those pairs are laid into rounds, in
 * each of which no cluster is twice. Thresholds are then near their final value before the bulk of all
 * pairs starts, most of which the coarse bound ends.
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
