/*
 * The kernel of matrix products in plain C: what the others' bits are.
 *
 * fmaf is an instruction where the compiler may use one, and a function of libm's with the same
 * result where not: slow there, and for old CPUs alone.
 */
#include "core/gemm_tables.h"

#include <math.h>

enum { ROWS = KIN_GEMM_ROWS, COLUMNS = KIN_GEMM_COLUMNS, CHUNK = KIN_GEMM_CHUNK };

static void update(kin_gemm_mode mode, size_t columns, const float *sum, float *c)
{
    for (size_t j = 0; j < columns; j++)
        c[j] = mode == KIN_GEMM_SET ? sum[j] : mode == KIN_GEMM_ADD ? c[j] + sum[j] : c[j] - sum[j];
}

static void tile(size_t rows, size_t columns, size_t depth, const float *left, const float *right,
                 kin_gemm_mode mode, float *c, size_t stride)
{
    for (size_t from = 0; from < depth; from += CHUNK) {
        size_t end = depth - from < CHUNK ? depth : from + CHUNK;
        for (size_t i = 0; i < rows; i++) {
            float sum[COLUMNS] = {0};
            for (size_t l = from; l < end; l++)
                for (size_t j = 0; j < COLUMNS; j++)
                    sum[j] = fmaf(left[l * ROWS + i], right[l * COLUMNS + j], sum[j]);
            update(mode == KIN_GEMM_SET && from > 0 ? KIN_GEMM_ADD : mode, columns, sum,
                   c + i * stride);
        }
    }
}

const kin_gemm_table kin_gemm_portable = {"portable", tile};
