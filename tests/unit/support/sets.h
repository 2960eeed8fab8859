#ifndef KIN_SUPPORT_SETS_H
#define KIN_SUPPORT_SETS_H
/*
 * What tests of engines over many sets share: sets that are drawn by number, the oracle's rows of
 * them, and a sink that wants every row exactly once.
 */
#include "sample.h"
#include "test.h"

/* A sanitized build takes many times as long: it tests a tenth of the sets. */
enum { SETS_SANITIZED = TEST_SANITIZED };
#define SETS_SHARE(count) (SETS_SANITIZED ? ((count) + 9) / 10 : (count))

/* ---- sets ------------------------------------------------------------------------------------ */

/* How large a set may get. */
typedef struct set_limits {
    const size_t *dimension; /* [dimensions] what a modality's is drawn from */
    size_t dimensions;
    size_t least, most; /* items */
    double work;        /* n^2 times (d + 50) of each modality; `least` comes first */
} set_limits;

/* Set number `set`: every kind with every policy and every sort of weights comes up. */
sample_spec set_draw(size_t set, const set_limits *limits, uint64_t *random);

/* K for it: 1 .. n - 1, and everything for each fourth set. */
size_t set_draw_k(size_t set, size_t n, uint64_t *random);

/* ---- truth ----------------------------------------------------------------------------------- */

/* The oracle's rows of a sample, all of them. */
typedef struct truth {
    size_t k;
    size_t *count;     /* [n] */
    oracle_pair *pair; /* [n][k] */
} truth;

truth truth_make(const oracle *o, size_t k);
void truth_free(truth *self);
const oracle_pair *truth_row(const truth *self, size_t i);

/* ---- a strict sink --------------------------------------------------------------------------- */

/* Keeps the rows of a catalog in memory, to be read again. A row out of range, or out of its
 * sequence, fails the test. */
typedef struct taker {
    kin_rows rows;
    size_t n;
    uint32_t *taken; /* [n] how often each row came */
    size_t taken_count;
    size_t calls, refuse_at; /* that call, from 1, is refused with KIN_E_IO; 0: none */
} taker;

void taker_init(taker *self, const sample *s, size_t k);
void taker_release(taker *self);
kin_row_sink taker_sink(taker *self);

#endif
