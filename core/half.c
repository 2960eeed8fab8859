/*
 * float32 <-> float16 by integer arithmetic on the bits: the same on every CPU and under every
 * rounding mode, a few nanoseconds a value. Bulk reading of float16 files is core/kernels.c's.
 */
#include "core/half.h"

#include <string.h>

/* value / 2^shift, to nearest, ties to even; 1 <= shift <= 31. */
static uint32_t shift_to_even(uint32_t value, unsigned shift)
{
    uint32_t half = UINT32_C(1) << (shift - 1);
    uint32_t odd = (value >> shift) & 1;
    return (value + half - 1 + odd) >> shift;
}

uint16_t kin_half_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t rest = bits & 0x7fffffff;
    if (rest > 0x7f800000) /* NaN */
        return (uint16_t)(sign | 0x7e00 | (rest >> 13 & 0x3ff));
    if (rest >= 0x47800000) /* 2^16 and more */
        return (uint16_t)(sign | 0x7c00);
    /* Normal in float16: the exponent moves from bias 127 to 15, and a carry out of the mantissa
     * raises it, up to infinity, as rounding asks for. */
    if (rest >= 0x38800000)
        return (uint16_t)(sign | shift_to_even(rest - ((127 - 15) << 23), 13));
    unsigned exponent = rest >> 23;
    if (exponent < 102) /* below 2^-25, half of the smallest subnormal */
        return (uint16_t)sign;
    uint32_t mantissa = (rest & 0x7fffff) | 0x800000;
    return (uint16_t)(sign | shift_to_even(mantissa, 126 - exponent));
}

float kin_half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = half >> 10 & 0x1f;
    uint32_t mantissa = half & 0x3ff;
    uint32_t bits;
    if (exponent == 0x1f) {
        bits = sign | 0x7f800000 | (mantissa ? 0x400000 | mantissa << 13 : 0);
    } else if (exponent > 0) {
        bits = sign | (exponent + 127 - 15) << 23 | mantissa << 13;
    } else { /* zero or subnormal: mantissa * 2^-24, a float holds it exactly */
        float magnitude = (float)mantissa * 0x1p-24f;
        memcpy(&bits, &magnitude, sizeof bits);
        bits |= sign;
    }
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
