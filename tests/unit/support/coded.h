#ifndef KIN_SUPPORT_CODED_H
#define KIN_SUPPORT_CODED_H
/*
 * What tests of scan/codes share: a sample with its codes, and its fused rows in long double.
 */
#include "sample.h"
#include "scan/codes.h"
#include "test.h"

/* A sanitized build takes many times as long: it tests a part. */
enum { CODED_SETS = TEST_SANITIZED ? 36 : 270, SANITIZED = TEST_SANITIZED };

typedef struct coded {
    sample s;
    size_t d; /* of a fused row */
    long double weight_sum;
    long double *fused; /* [n][d]; owned */
    kin_codes codes;
    int8_t *code; /* [clustering.count][stride] without the kernels' bias; owned */
} coded;

/* Makes a sample and encodes it; a failure fails the test. `lead` and `slack` as in
 * kin_codes_options. */
void coded_make(coded *self, const sample_spec *spec, size_t lead, float slack);

/* The same with values instead of bounds (kin_codes_options). */
void coded_make_approximate(coded *self, const sample_spec *spec, size_t lead);

/* What coded_make does, of a catalog of one modality with these very values. */
void coded_make_rows(coded *self, const float *x /* [n][d] */, size_t n, size_t d, size_t lead);
void coded_release(coded *self);

/* Set number `set` of 0 .. CODED_SETS - 1: kinds, policies, weights, types, and sizes on both sides
 * of where axes are learnt; and the number of leading dimensions to ask for. */
sample_spec coded_draw(size_t set, size_t *lead, uint64_t *random);

/* The fused inner product of two items. */
long double coded_product(const coded *self, size_t i, size_t j);

/* The sum of products of codes. */
int32_t coded_dot(const int8_t *x, const int8_t *y, size_t d);

#endif
