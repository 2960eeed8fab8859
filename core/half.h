#ifndef KIN_CORE_HALF_H
#define KIN_CORE_HALF_H
/*
 * IEEE 754 binary16 ("float16") as its 16 bits, and back. Both directions are the standard's, bit
 * for bit what NumPy and the F16C instructions give, on every CPU.
 */
#include <stdint.h>

/* Nearest float16, ties to even; beyond 65504 (from 65520 on) infinity; NaN stays NaN (quiet, the
 * upper bits of its payload kept); below 2^-14 subnormal, below 2^-25 (and there itself) zero. */
uint16_t kin_half_from_float(float value);

/* Exact. A signalling NaN becomes a quiet one. */
float kin_half_to_float(uint16_t half);

#endif
