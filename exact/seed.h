#ifndef KIN_EXACT_SEED_H
#define KIN_EXACT_SEED_H
/*
 * The meetings that come first: each group with the groups most like it.
 *
 * Every group names the few groups of highest mean score, and those meetings are laid into rounds, in
 * each of which no group meets twice. Floors are then near their final height before the bulk of all
 * meetings starts, most of which the coarse bound ends.
 */
#include "scan/codes.h"

typedef struct kin_seed {
    size_t rounds;
    size_t *start;   /* [rounds + 1] first meeting of each round; owned */
    int32_t *first;  /* [start[rounds]] groups that meet, first < second; owned */
    int32_t *second; /* owned */
    size_t groups;
    size_t *met_start; /* [groups + 1]; owned */
    int32_t *met;      /* [met_start[groups]] whom each group meets here, ascending; owned */
} kin_seed;

/* Same result for any number of threads. Time: groups^2 lead / 2. */
int kin_seed_init(kin_seed *self, const kin_codes *codes, kin_error *err);
void kin_seed_release(kin_seed *self);

/* Whether groups a and b meet in one of the rounds. */
bool kin_seed_has(const kin_seed *self, size_t a, size_t b);

#endif
