#ifndef KIN_EXACT_SCHEDULE_H
#define KIN_EXACT_SCHEDULE_H
/*
 * The cluster pairs that are scanned first: each group with the groups most like it.
 *
 * Every group names the few groups of highest mean score, and those pairs are laid into rounds, in
 * each of which no group is twice. Thresholds are then near their final value before the bulk of all
 * pairs starts, most of which the coarse bound ends.
 */
#include "scan/codes.h"

typedef struct kin_schedule {
    size_t rounds;
    size_t *start;   /* [rounds + 1] first pair of each round; owned */
    int32_t *first;  /* [start[rounds]] groups of each pair, first < second; owned */
    int32_t *second; /* owned */
    size_t groups;
    size_t *partner_start; /* [groups + 1]; owned */
    int32_t *partner; /* [partner_start[groups]] each group's partners here, ascending; owned */
} kin_schedule;

/* Same result for any number of threads. Time: groups^2 lead / 2. */
int kin_schedule_init(kin_schedule *self, const kin_codes *codes, kin_error *err);
void kin_schedule_release(kin_schedule *self);

/* Whether groups a and b are a pair of one of the rounds. */
bool kin_schedule_has(const kin_schedule *self, size_t a, size_t b);

#endif
