#ifndef KIN_COMPARE_LOSS_ADVICE_H
#define KIN_COMPARE_LOSS_ADVICE_H
/*
 * Between the two halves of the loss split: why neighbours were lost (loss.c), and what would have
 * helped (loss_advice.c).
 */
#include "compare/loss.h"

/* What a knob would have to be set to for one lost neighbour: of KIN_LOSS_DEPTH the candidates, of
 * KIN_LOSS_NOT_LOOKED_AT the sigmas. A build has indexes or a join, so a split has needs of one
 * kind. */
typedef struct kin_loss_needs {
    size_t count;
    float *value; /* [count] INFINITY: further than was looked, or never */
} kin_loss_needs;

/* Fills out->advice from the counts in *out. Sorts the needs. */
int kin_loss_advise(kin_loss *out, kin_loss_needs *needs, const kin_graph *graph,
                    const kin_trace *trace, kin_error *err);

#endif
