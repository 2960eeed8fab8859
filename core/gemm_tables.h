#ifndef KIN_CORE_GEMM_TABLES_H
#define KIN_CORE_GEMM_TABLES_H
/*
 * Private to core/gemm*.c, their tests and benchmarks: the kernels of core/gemm.h, one table per
 * kind of CPU. All give the same bits.
 */
#include "core/gemm.h"

enum { KIN_GEMM_ROWS = 12 }; /* of a panel of the left side */

typedef struct kin_gemm_table {
    const char *name; /* "portable", "avx2", "avx512", "neon" */

    /* The first `rows` (1 to KIN_GEMM_ROWS) rows and `columns` (16 or KIN_GEMM_COLUMNS) columns of
     * a tile from panels of both sides, `depth` long. Rows of the left panel up to the next of 1,
     * 4, 8 and 12 are read. */
    void (*tile)(size_t rows, size_t columns, size_t depth,
                 const float *left /* [depth][KIN_GEMM_ROWS] */,
                 const float *right /* [depth][KIN_GEMM_COLUMNS] */, kin_gemm_mode mode,
                 float *c /* [rows][stride], `columns` of each */, size_t stride);
} kin_gemm_table;

extern const kin_gemm_table kin_gemm_portable;
#if defined(__x86_64__)
extern const kin_gemm_table kin_gemm_avx2;
extern const kin_gemm_table kin_gemm_avx512;
#elif defined(__aarch64__)
extern const kin_gemm_table kin_gemm_neon;
#endif

/* The best table for this CPU, chosen at the first call. */
const kin_gemm_table *kin_gemm_best(void);

/* The tables this CPU can run, best first, ended by NULL. The last one is always "portable". */
const kin_gemm_table *const *kin_gemm_all(void);

/* kin_gemm_packed with a table of the caller's choice. */
void kin_gemm_packed_with(const kin_gemm_table *table, size_t m, size_t n, size_t k,
                          kin_gemm_side a, const float *packed, kin_gemm_mode mode, float *c,
                          size_t stride);

#endif
