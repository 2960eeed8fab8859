#ifndef KIN_CORE_CPU_LEVEL_H
#define KIN_CORE_CPU_LEVEL_H
/*
 * Whether this CPU runs what kin is compiled for, x86-64-v3, for files that are compiled for any
 * x86-64: hence all of it stands here. 1 on other architectures.
 */
#if defined(__x86_64__)
#include <cpuid.h>

#define KIN_CPU_TOO_OLD                                                                            \
    "this kin is built for x86-64-v3 CPUs (AVX2, BMI2, FMA, F16C); this CPU is older"
#define KIN_CPU_HINT "run it on a CPU of 2015 or later (Intel Haswell, AMD Excavator and newer)"

/* F16C, LZCNT and MOVBE are asked of CPUID itself: not every compiler's cpu_supports names them. */
static inline int kin_cpu_fits(void)
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2") ||
        !__builtin_cpu_supports("popcnt") || !__builtin_cpu_supports("sse4.2"))
        return 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_F16C) || !(c & bit_MOVBE))
        return 0;
    return __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & bit_LZCNT);
}
#endif

#endif
