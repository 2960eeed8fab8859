#ifndef KIN_EXACT_GUESS_H
#define KIN_EXACT_GUESS_H
/*
 * Thresholds guessed from a sample, so that the scan collects little from its first pair on.
 *
 * Where rows have no structure, a row that collects from a stream in no order takes
 * K (1 + ln(n / K)) candidates to keep K, and refines many times as many pairs. So before the scan
 * each row is compared with a sample of m rows, evenly spaced in the clustering, by the leading
 * codes alone: about `expected` of them are among its K best. The threshold is guessed to be the
 * sample's value of a rank some standard deviations further down, so that 1.7 K are collected.
 *
 * A guess proves nothing. After the scan, a row's guess was right if K of its candidates prove a
 * threshold at least as high (kin_collectors_prove): then every pair that was dropped was below
 * the final threshold too. The other rows, less than one in a hundred, are scanned again.
 *
 * Cost: 2 expected / K of the pairs' tiles, and selecting a value of m for each row.
 */
#include "scan/codes.h"

typedef struct kin_guess {
    const kin_codes *codes;
    size_t count;       /* rows of the sample; 0: guessing does not pay */
    size_t rank;        /* of the value that becomes a threshold */
    size_t panels;      /* of rows of one modality mask each */
    uint8_t *mask;      /* [panels]; owned */
    uint32_t *rows;     /* [panels] of each; owned */
    int8_t *panel;      /* [panels][lead / 4][KIN_PANEL_COLUMNS][4] as in kin_codes; owned */
    int32_t *panel_sum; /* [panels][KIN_PANEL_COLUMNS]; owned */
    float *bias;        /* [panels][KIN_PANEL_COLUMNS]; owned */
} kin_guess;

/* The number of rows sampled for rows of k candidates among `rows`; 0 where that does not pay. */
size_t kin_guess_sample(size_t rows, size_t k, size_t lead, size_t tail);

/* Takes the sample. The codes have to outlive it. */
int kin_guess_init(kin_guess *self, const kin_codes *codes, size_t k, kin_error *err);
void kin_guess_release(kin_guess *self);

/* Bytes of the sample, and of the workspace of a thread. */
size_t kin_guess_bytes(const kin_codes *codes, size_t sample);
size_t kin_guess_work_bytes(size_t sample);

/* Guesses of the rows of a cluster, in units of W. */
void kin_guess_run(const kin_guess *self, size_t cluster, float *workspace,
                   float *out /* [rows of the cluster] */);

#endif
