/*
 * The kernels for the dot product extension of Armv8.2 (SDOT), compiled for it function by
 * function, so that the file needs no flags and only a CPU that has it ever enters them.
 *
 * SDOT multiplies signed by signed bytes: rows need no lift. It also takes one quad out of a
 * register of four for all columns, so that a register of rows is loaded once and never broadcast.
 * A tile is taken 12 rows by 8 columns at a time: 24 accumulators, 3 registers of rows and 2 of
 * columns, of the 32 there are. Each step of four dimensions is 5 loads for 24 products, and no
 * product waits for the one before it.
 */
#include "scan/kernels_cpu.h"

#if defined(__aarch64__)
#include <arm_neon.h>

/* The whole architecture and not only "+dotprod": GCC 12 defines the intrinsics for this one,
 * and does not inline them into functions for less. */
#define DOTPROD __attribute__((target("arch=armv8.2-a+dotprod")))

/* acc += four rows times eight columns. Written out, as a lane has to be a constant without the
 * optimizer's help; inlined always, or the accumulators would live in memory. */
DOTPROD static inline __attribute__((always_inline)) void
add_four_rows(int32x4_t acc[4][2], int8x16_t rows, int8x16_t left, int8x16_t right)
{
    acc[0][0] = vdotq_laneq_s32(acc[0][0], left, rows, 0);
    acc[0][1] = vdotq_laneq_s32(acc[0][1], right, rows, 0);
    acc[1][0] = vdotq_laneq_s32(acc[1][0], left, rows, 1);
    acc[1][1] = vdotq_laneq_s32(acc[1][1], right, rows, 1);
    acc[2][0] = vdotq_laneq_s32(acc[2][0], left, rows, 2);
    acc[2][1] = vdotq_laneq_s32(acc[2][1], right, rows, 2);
    acc[3][0] = vdotq_laneq_s32(acc[3][0], left, rows, 3);
    acc[3][1] = vdotq_laneq_s32(acc[3][1], right, rows, 3);
}

/* The products of all rows with eight columns, from c on. */
DOTPROD static void block(const uint8_t *a, const int8_t *b, size_t quads, int c,
                          int32_t out[KIN_PANEL_ROWS][KIN_PANEL_COLUMNS])
{
    int32x4_t acc[KIN_PANEL_ROWS][2];
#pragma GCC unroll 12
    for (int r = 0; r < KIN_PANEL_ROWS; r++)
        acc[r][0] = acc[r][1] = vdupq_n_s32(0);
    b += 4 * (size_t)c;
    for (size_t q = 0; q < quads; q++) {
        int8x16_t left = vld1q_s8(b);
        int8x16_t right = vld1q_s8(b + 16);
#pragma GCC unroll 3
        for (size_t r = 0; r < KIN_PANEL_ROWS; r += 4)
            add_four_rows(acc + r, vreinterpretq_s8_u8(vld1q_u8(a + 4 * r)), left, right);
        a += KIN_PANEL_ROWS * 4;
        b += KIN_PANEL_COLUMNS * 4;
    }
#pragma GCC unroll 12
    for (int r = 0; r < KIN_PANEL_ROWS; r++) {
        vst1q_s32(&out[r][c], acc[r][0]);
        vst1q_s32(&out[r][c + 4], acc[r][1]);
    }
}

DOTPROD static void dots_neon(const uint8_t *row_code, const int8_t *panel_code,
                              const int32_t *panel_sum, size_t quads,
                              int32_t out[KIN_PANEL_ROWS][KIN_PANEL_COLUMNS])
{
    (void)panel_sum; /* rows are not lifted */
    for (int c = 0; c < KIN_PANEL_COLUMNS; c += 8)
        block(row_code, panel_code, quads, c, out);
}

/* Which of four columns a row hits, from c on, all ones or none; the operations are those of the
 * portable `reaches`. A fused multiply-add would round once less. */
DOTPROD static inline uint32x4_t reaches_neon(const kin_row_panel *row_panel,
                                              const kin_panel *panel, int r, int c, int32x4_t dot)
{
    float32x4_t product = vmulq_f32(vdupq_n_f32(row_panel->tail[r]), vld1q_f32(panel->tail + c));
    float32x4_t v = vaddq_f32(vcvtq_f32_s32(dot), product);
    float32x4_t own = vaddq_f32(v, vld1q_f32(panel->bias + c));
    float32x4_t other = vaddq_f32(v, vld1q_f32(panel->margin + c));
    return vorrq_u32(vcgeq_f32(own, vdupq_n_f32(row_panel->row_threshold[r])),
                     vcgeq_f32(other, vdupq_n_f32(row_panel->column_threshold[r])));
}

/* The mask of one row of 32 columns: every lane keeps the bit of its column, and as no two share
 * one, their sum holds them all. */
DOTPROD static uint32_t mask_neon(const kin_row_panel *row_panel, const kin_panel *panel, int r,
                                  const int32_t dot[KIN_PANEL_COLUMNS])
{
    static const uint32_t first_bits[4] = {1, 2, 4, 8};
    uint32x4_t bits = vld1q_u32(first_bits);
    uint32x4_t found = vdupq_n_u32(0);
    for (int c = 0; c < KIN_PANEL_COLUMNS; c += 4) {
        uint32x4_t hit = reaches_neon(row_panel, panel, r, c, vld1q_s32(dot + c));
        found = vorrq_u32(found, vandq_u32(hit, bits));
        bits = vshlq_n_u32(bits, 4);
    }
    return vaddvq_u32(found);
}

DOTPROD static size_t tile_neon(const kin_row_panel *row_panel, const kin_panel *panel,
                                size_t quads, kin_tile *out)
{
    dots_neon(row_panel->code, panel->code, panel->sum, quads, out->dot);
    for (int r = 0; r < KIN_PANEL_ROWS; r++)
        out->mask[r] = mask_neon(row_panel, panel, r, out->dot[r]);
    return kin_tile_hits(out);
}

/* x . y over d dimensions, a multiple of 64, spread over four lanes. */
DOTPROD static inline int32x4_t part(const uint8_t *x, const uint8_t *y, size_t d)
{
    int32x4_t acc[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    for (size_t k = 0; k < d; k += 64) {
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) {
            int8x16_t a = vreinterpretq_s8_u8(vld1q_u8(x + k + 16 * i));
            int8x16_t b = vreinterpretq_s8_u8(vld1q_u8(y + k + 16 * i));
            acc[i] = vdotq_s32(acc[i], a, b);
        }
    }
    return vaddq_s32(vaddq_s32(acc[0], acc[1]), vaddq_s32(acc[2], acc[3]));
}

DOTPROD static void pairs_neon(const uint8_t *x, const kin_pair_row *y, size_t count, size_t lead,
                               size_t tail, int32_t *cross, int32_t *tail_dot)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *code = y[i].code;
        cross[i] = vaddvq_s32(vaddq_s32(part(x, code + lead, lead), part(x + lead, code, lead)));
        tail_dot[i] = vaddvq_s32(part(x + 2 * lead, code + 2 * lead, tail));
    }
}

DOTPROD static void refine_neon(const kin_refine_row *row, const kin_refine_columns *columns,
                                const kin_products *product, uint32_t mask, kin_refined *out)
{
    kin_refine_approximate(row, columns, product, out->estimate, out->error);
    kin_refine_bits(row, columns, mask, out);
}

const kin_scan_kernels kin_scan_neon = {.name = "neon",
                                        .row_bias = 0,
                                        .tile = tile_neon,
                                        .dots = dots_neon,
                                        .pairs = pairs_neon,
                                        .refine = refine_neon,
                                        .append = kin_append,
                                        .compact = kin_compact,
                                        .reaching = kin_reaching};

#else
typedef int kin_scan_kernels_arm_is_empty_elsewhere;
#endif
