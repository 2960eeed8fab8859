#ifndef KIN_SUPPORT_KIN_ARRAYS_H
#define KIN_SUPPORT_KIN_ARRAYS_H
/*
 * Arrays for tests of the library, and what is built from them.
 */
#include "kin/kin.h"
#include "support/test.h"

enum { ARRAYS_N = 400, ARRAYS_TEXT = 12, ARRAYS_IMAGE = 7, ARRAYS_K = 9 };

/* Two modalities of bunched rows; the same for a seed. */
typedef struct arrays {
    float text[ARRAYS_N * ARRAYS_TEXT];
    float image[ARRAYS_N * ARRAYS_IMAGE];
} arrays;

void arrays_fill(arrays *self, uint64_t seed);

/* text .6, image .4. The arrays outlive it. */
kin_input *arrays_input(const arrays *self);

/* Writes text.npy and image.npy into the temporary folder, and an input of them. */
kin_input *arrays_files(const arrays *self);

/* All rows of a graph, in new memory. */
typedef struct arrays_rows {
    int64_t *indptr;
    int32_t *indices;
    float *scores;
    uint16_t *cosine[2];
} arrays_rows;

void arrays_read(arrays_rows *out, const kin_graph *graph, int order);
void arrays_release(arrays_rows *self);

/* Fails the test where they differ. */
void arrays_check_same(const arrays_rows *a, const arrays_rows *b);

/* Builds without a callback and reads the rows, best first. */
void arrays_build(arrays_rows *out, const kin_input *input, const char *const *options);

/* As many, open or running: of this process. */
size_t arrays_descriptors(void);
size_t arrays_threads(void);

#endif
