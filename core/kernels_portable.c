/*
 * The portable kernels, complete on their own: what every other table is tested against, bit for
 * bit.
 */
#include "core/half.h"
#include "core/kernels.h"
#include "core/kernels_cpu.h"

#include <stdint.h>
#include <string.h>

static void widen_f32(float *out, const void *in, size_t count)
{
    memcpy(out, in, count * sizeof *out);
}

static void widen_f16(float *out, const void *in, size_t count)
{
    const unsigned char *bytes = in;
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, bytes + 2 * i, sizeof half);
        out[i] = kin_half_to_float(half);
    }
}

static void widen_f64(float *out, const void *in, size_t count)
{
    const unsigned char *bytes = in;
    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, bytes + 8 * i, sizeof value);
        out[i] = (float)value;
    }
}

static void widen_i8(float *out, const void *in, size_t count)
{
    const signed char *bytes = in;
    for (size_t i = 0; i < count; i++)
        out[i] = (float)bytes[i];
}

static void narrow(uint16_t *out, const float *in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = kin_half_from_float(in[i]);
}

double kin_lanes_sum(const double lane[KIN_LANES])
{
    double sum[KIN_LANES / 2];
    for (int l = 0; l < KIN_LANES / 2; l++)
        sum[l] = lane[l] + lane[l + KIN_LANES / 2];
    for (int width = KIN_LANES / 4; width > 0; width /= 2)
        for (int l = 0; l < width; l++)
            sum[l] += sum[l + width];
    return sum[0];
}

void kin_lanes_add(double lane[KIN_LANES], const float *x, const float *y, size_t count)
{
    for (size_t l = 0; l < count; l++)
        lane[l] += (double)x[l] * (double)y[l];
}

void kin_lanes_add_wide(double lane[KIN_LANES], const double *x, const float *y, size_t count)
{
    for (size_t l = 0; l < count; l++)
        lane[l] += x[l] * (double)y[l];
}

#define WIDEN_DOUBLE_PORTABLE(suffix, element_bytes)                                               \
    static void widen_double_##suffix(double *out, const void *in, size_t count)                   \
    {                                                                                              \
        float block[KIN_LANES];                                                                    \
        const unsigned char *bytes = in;                                                           \
        for (size_t i = 0; i < count; i += KIN_LANES) {                                            \
            size_t part = count - i < KIN_LANES ? count - i : KIN_LANES;                           \
            widen_##suffix(block, bytes + i * (element_bytes), part);                              \
            for (size_t l = 0; l < part; l++)                                                      \
                out[i + l] = block[l];                                                             \
        }                                                                                          \
    }

WIDEN_DOUBLE_PORTABLE(f32, 4)
WIDEN_DOUBLE_PORTABLE(f16, 2)
WIDEN_DOUBLE_PORTABLE(f64, 8)
WIDEN_DOUBLE_PORTABLE(i8, 1)

/* One dot product per type and kind of x: a block of KIN_LANES elements at a time is widened and
 * added. */
#define DOT_PORTABLE(name, suffix, x_type, add, element_bytes)                                     \
    static double name##_##suffix(const x_type *x, const void *y, size_t d)                        \
    {                                                                                              \
        double lane[KIN_LANES] = {0};                                                              \
        float block[KIN_LANES];                                                                    \
        const unsigned char *bytes = y;                                                            \
        for (size_t i = 0; i < d; i += KIN_LANES) {                                                \
            size_t count = d - i < KIN_LANES ? d - i : KIN_LANES;                                  \
            widen_##suffix(block, bytes + i * (element_bytes), count);                             \
            add(lane, x + i, block, count);                                                        \
        }                                                                                          \
        return kin_lanes_sum(lane);                                                                \
    }

DOT_PORTABLE(dot, f32, float, kin_lanes_add, 4)
DOT_PORTABLE(dot, f16, float, kin_lanes_add, 2)
DOT_PORTABLE(dot, f64, float, kin_lanes_add, 8)
DOT_PORTABLE(dot, i8, float, kin_lanes_add, 1)
DOT_PORTABLE(wide, f32, double, kin_lanes_add_wide, 4)
DOT_PORTABLE(wide, f16, double, kin_lanes_add_wide, 2)
DOT_PORTABLE(wide, f64, double, kin_lanes_add_wide, 8)
DOT_PORTABLE(wide, i8, double, kin_lanes_add_wide, 1)

static void dots(const float *x, const float *const *y, size_t count, size_t d, double *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = dot_f32(x, y[i], d);
}

static void dots_wide(const float *x, const double *const *y, size_t count, size_t d, double *out)
{
    for (size_t i = 0; i < count; i++)
        out[i] = wide_f32(y[i], x, d);
}

const kin_kernels kin_kernels_portable = {
    .name = "portable",
    .dot = {[KIN_F32] = dot_f32, [KIN_F16] = dot_f16, [KIN_F64] = dot_f64, [KIN_I8] = dot_i8},
    .dot_wide =
        {[KIN_F32] = wide_f32, [KIN_F16] = wide_f16, [KIN_F64] = wide_f64, [KIN_I8] = wide_i8},
    .dots = dots,
    .dots_wide = dots_wide,
    .widen =
        {[KIN_F32] = widen_f32, [KIN_F16] = widen_f16, [KIN_F64] = widen_f64, [KIN_I8] = widen_i8},
    .widen_double = {[KIN_F32] = widen_double_f32,
                     [KIN_F16] = widen_double_f16,
                     [KIN_F64] = widen_double_f64,
                     [KIN_I8] = widen_double_i8},
    .narrow = narrow,
};

const char *kin_dtype_name(kin_dtype type)
{
    static const char *const name[KIN_DTYPE_COUNT] = {"float32", "float16", "float64", "int8"};
    return name[type];
}

size_t kin_dtype_bytes(kin_dtype type)
{
    static const size_t bytes[KIN_DTYPE_COUNT] = {4, 2, 8, 1};
    return bytes[type];
}
