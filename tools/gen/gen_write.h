#ifndef KIN_TOOLS_GEN_GEN_WRITE_H
#define KIN_TOOLS_GEN_GEN_WRITE_H
/*
 * Made-up rows into .npy files, by all threads, in memory that does not grow with the rows.
 */
#include "core/kernels.h"
#include "core/rows.h"

/* Where rows come from: `rows` is called by several threads at once, for blocks in any order. */
typedef struct gen_rows {
    void *self;
    int (*rows)(void *self, size_t modality, size_t first, size_t count,
                float *out /* [count][d] */, kin_error *err);
} gen_rows;

/* Writes `path`: n x d of `dtype` (KIN_F32 or KIN_F16, rounded to nearest even; KIN_E_DATA where a
 * value would become infinite). The monitor is told `done_before` + rows written of `total`. */
int gen_write_matrix(const char *path, gen_rows source, size_t modality, size_t n, size_t d,
                     kin_dtype dtype, const kin_monitor *monitor, size_t done_before, size_t total,
                     kin_error *err);

/* Writes `directory`/ids.txt: "item-0000001" ... */
int gen_write_ids(const char *directory, size_t n, kin_error *err);

#endif
