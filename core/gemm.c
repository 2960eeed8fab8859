/*
 * Packing and blocking of matrix products (core/gemm.h).
 *
 * Blocks as in BLIS (Van Zee and van de Geijn, ACM Trans. Math. Softw. 41, 2015), the sides
 * exchanged: a panel of 12 rows of a, 12 KiB for a pass of 256 k, is packed on the stack and stays
 * in L1, while the panels of b stream past it from L2. A pass is a whole number of chunks, so that
 * where it ends changes no bit. Both sides are packed k by k: a kernel reads them in order.
 * Cost: m n k multiply-adds at the rate of the CPU, and m k + k n moves for packing.
 */
#include "core/gemm_tables.h"
#include "core/memory.h"

#include <string.h>

enum {
    ROWS = KIN_GEMM_ROWS,
    COLUMNS = KIN_GEMM_COLUMNS,
    HALF = COLUMNS / 2,
    BLOCK_ROWS = 32 * ROWS,
    PIECE_ROWS = 4 * ROWS,
};

/* Multiply-adds from which on threads are worth waking: some 20 microseconds' on one. */
static const double shared_least = 1 << 20;

/* ---- packing --------------------------------------------------------------------------------- */

typedef float four __attribute__((vector_size(16)));

static inline four load_four(const float *x)
{
    four out;
    memcpy(&out, x, sizeof out);
    return out;
}

/* out[l * width + r] = x[r * stride + l] for four r and four l. */
static inline void transpose_four(const float *x, size_t stride, float *out, size_t width)
{
    four a = load_four(x), b = load_four(x + stride);
    four c = load_four(x + 2 * stride), d = load_four(x + 3 * stride);
    four ac_low = __builtin_shufflevector(a, c, 0, 4, 1, 5);
    four bd_low = __builtin_shufflevector(b, d, 0, 4, 1, 5);
    four ac_high = __builtin_shufflevector(a, c, 2, 6, 3, 7);
    four bd_high = __builtin_shufflevector(b, d, 2, 6, 3, 7);
    four line[4] = {__builtin_shufflevector(ac_low, bd_low, 0, 4, 1, 5),
                    __builtin_shufflevector(ac_low, bd_low, 2, 6, 3, 7),
                    __builtin_shufflevector(ac_high, bd_high, 0, 4, 1, 5),
                    __builtin_shufflevector(ac_high, bd_high, 2, 6, 3, 7)};
    for (size_t l = 0; l < 4; l++)
        memcpy(out + l * width, &line[l], sizeof line[l]);
}

/* Places 0 .. count - 1 of a panel of `width` places from as many rows of x, the others zero. */
static void pack_rows(const float *x, size_t stride, size_t count, size_t depth, float *out,
                      size_t width)
{
    size_t r = 0;
    for (; r + 4 <= count; r += 4) {
        size_t l = 0;
        for (; l + 4 <= depth; l += 4)
            transpose_four(x + r * stride + l, stride, out + l * width + r, width);
        for (; l < depth; l++)
            for (size_t i = r; i < r + 4; i++)
                out[l * width + i] = x[i * stride + l];
    }
    for (; r < width; r++)
        for (size_t l = 0; l < depth; l++)
            out[l * width + r] = r < count ? x[r * stride + l] : 0;
}

/* The same from as many columns of x. */
static inline __attribute__((always_inline)) void
pack_columns(const float *x, size_t stride, size_t count, size_t depth, float *out, size_t width)
{
    for (size_t l = 0; l < depth; l++) {
        memcpy(out + l * width, x + l * stride, count * sizeof *out);
        memset(out + l * width + count, 0, (width - count) * sizeof *out);
    }
}

/* Lines first .. first + count - 1 of a side (rows of a, columns of b), k from .. from + depth - 1.
 * `along`: k is what lies side by side in memory. */
static void pack_panel(kin_gemm_side side, bool along, size_t first, size_t count, size_t from,
                       size_t depth, float *out, size_t width)
{
    if (along)
        pack_rows(side.x + first * side.stride + from, side.stride, count, depth, out, width);
    else if (count == ROWS && width == ROWS) /* numbers that the compiler knows: moves, no calls */
        pack_columns(side.x + from * side.stride + first, side.stride, ROWS, depth, out, ROWS);
    else if (count == COLUMNS && width == COLUMNS)
        pack_columns(side.x + from * side.stride + first, side.stride, COLUMNS, depth, out,
                     COLUMNS);
    else
        pack_columns(side.x + from * side.stride + first, side.stride, count, depth, out, width);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t kin_gemm_packed_floats(size_t k, size_t n)
{
    return kin_size_mul(k, kin_size_add(n, COLUMNS - 1) / COLUMNS * COLUMNS);
}

void kin_gemm_pack(size_t k, size_t n, kin_gemm_side b, float *packed)
{
    for (size_t j = 0; j < n; j += COLUMNS)
        pack_panel(b, b.transposed, j, least(COLUMNS, n - j), 0, k, packed + j * k, COLUMNS);
}

/* ---- products -------------------------------------------------------------------------------- */

/* Some columns of c, and a pass of k. */
typedef struct pass {
    const kin_gemm_table *table;
    kin_gemm_side a;
    size_t from, depth;  /* of k */
    const float *packed; /* the first panel at `from` ... */
    size_t panel_floats; /* ... and how far the next one is */
    kin_gemm_mode mode;
    float *c; /* [][columns] */
    size_t columns, stride;
} pass;

/* A tile that is narrower than a panel, by way of one that is not. */
static void edge_tile(const pass *self, size_t rows, size_t columns, const float *left,
                      const float *right, float *c)
{
    _Alignas(64) float whole[ROWS * COLUMNS] = {0};
    for (size_t i = 0; i < rows && self->mode != KIN_GEMM_SET; i++)
        memcpy(whole + i * COLUMNS, c + i * self->stride, columns * sizeof *c);
    self->table->tile(rows, columns > HALF ? COLUMNS : HALF, self->depth, left, right, self->mode,
                      whole, COLUMNS);
    for (size_t i = 0; i < rows; i++)
        memcpy(c + i * self->stride, whole + i * COLUMNS, columns * sizeof *c);
}

/* Rows first .. last - 1 of c. */
static void multiply(const pass *self, size_t first, size_t last)
{
    _Alignas(64) float left[KIN_GEMM_DEPTH * ROWS];
    for (size_t i = first; i < last; i += ROWS) {
        size_t rows = least(ROWS, last - i);
        const float *right = self->packed;
        float *c = self->c + i * self->stride;
        pack_panel(self->a, !self->a.transposed, i, rows, self->from, self->depth, left, ROWS);
        for (size_t j = 0; j < self->columns; j += COLUMNS, right += self->panel_floats)
            if (self->columns - j >= COLUMNS)
                self->table->tile(rows, COLUMNS, self->depth, left, right, self->mode, c + j,
                                  self->stride);
            else
                edge_tile(self, rows, self->columns - j, left, right, c + j);
    }
}

/* What a pass does to c: only the first may set it. */
static kin_gemm_mode mode_of(kin_gemm_mode mode, size_t from)
{
    return mode == KIN_GEMM_SET && from > 0 ? KIN_GEMM_ADD : mode;
}

static void clear(size_t m, size_t n, float *c, size_t stride)
{
    for (size_t i = 0; i < m; i++)
        memset(c + i * stride, 0, n * sizeof *c);
}

void kin_gemm_packed_with(const kin_gemm_table *table, size_t m, size_t n, size_t k,
                          kin_gemm_side a, const float *packed, kin_gemm_mode mode, float *c,
                          size_t stride)
{
    if (k == 0 && mode == KIN_GEMM_SET)
        clear(m, n, c, stride);
    for (size_t i = 0; i < m; i += BLOCK_ROWS) /* c's rows stay in the cache from pass to pass */
        for (size_t j = 0; j < n; j += KIN_GEMM_WIDTH)
            for (size_t from = 0; from < k; from += KIN_GEMM_DEPTH) {
                pass one = {.table = table,
                            .a = a,
                            .from = from,
                            .depth = least(KIN_GEMM_DEPTH, k - from),
                            .packed = packed + j * k + from * COLUMNS,
                            .panel_floats = k * COLUMNS,
                            .mode = mode_of(mode, from),
                            .c = c + j,
                            .columns = least(KIN_GEMM_WIDTH, n - j),
                            .stride = stride};
                multiply(&one, i, least(m, i + BLOCK_ROWS));
            }
}

void kin_gemm_packed(size_t m, size_t n, size_t k, kin_gemm_side a, const float *packed,
                     kin_gemm_mode mode, float *c, size_t stride)
{
    kin_gemm_packed_with(kin_gemm_best(), m, n, k, a, packed, mode, c, stride);
}

/* One pass of kin_gemm on all threads of a parallel region: b's panels from column j on are packed
 * first. Threads wait for each other once: a pass packs into one half of the workspace while the
 * pass before it may still be read in the other. */
static void multiply_shared(const pass *self, kin_gemm_side b, size_t j, size_t m, float *packed)
{
#pragma omp for schedule(static) nowait
    for (size_t at = 0; at < self->columns; at += COLUMNS)
        pack_panel(b, b.transposed, j + at, least(COLUMNS, self->columns - at), self->from,
                   self->depth, packed + at * self->depth, COLUMNS);
#pragma omp barrier
#pragma omp for schedule(dynamic) nowait
    for (size_t i = 0; i < m; i += PIECE_ROWS)
        multiply(self, i, least(m, i + PIECE_ROWS));
}

void kin_gemm(size_t m, size_t n, size_t k, kin_gemm_side a, kin_gemm_side b, kin_gemm_mode mode,
              float *c, size_t stride, float *workspace)
{
    const kin_gemm_table *table = kin_gemm_best();
    if (k == 0 && mode == KIN_GEMM_SET)
        clear(m, n, c, stride);
#pragma omp parallel if ((double)m * (double)n * (double)k > shared_least)
    for (size_t j = 0, turn = 0; j < n; j += KIN_GEMM_WIDTH)
        for (size_t from = 0; from < k; from += KIN_GEMM_DEPTH, turn++) {
            size_t depth = least(KIN_GEMM_DEPTH, k - from);
            float *packed = workspace + turn % 2 * (KIN_GEMM_WORKSPACE / 2);
            pass one = {.table = table,
                        .a = a,
                        .from = from,
                        .depth = depth,
                        .packed = packed,
                        .panel_floats = depth * COLUMNS,
                        .mode = mode_of(mode, from),
                        .c = c + j,
                        .columns = least(KIN_GEMM_WIDTH, n - j),
                        .stride = stride};
            multiply_shared(&one, b, j, m, packed);
        }
}
