/*
 * One line instead of "Illegal instruction" on a CPU that lacks what the rest is compiled for
 * (x86-64-v3: AVX2, BMI, FMA, F16C and the like). This file alone is compiled for plain x86-64,
 * and runs before main and before the constructors without a priority. Exit status: that of a
 * machine that lacks memory, KIN_E_MEMORY.
 */
#if defined(__x86_64__)
#include "core/error.h"

#include <cpuid.h>
#include <unistd.h>

/* F16C, LZCNT and MOVBE are asked of CPUID itself: not every compiler's cpu_supports names them. */
static int supports_v3(void)
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

__attribute__((constructor(101))) static void guard_cpu(void)
{
    static const char text[] =
        "ERROR this kin is built for x86-64-v3 CPUs (AVX2, BMI2, FMA, F16C); this CPU is older\n"
        "hint: run it on a CPU of 2015 or later (Intel Haswell, AMD Excavator and newer)\n";
    if (supports_v3())
        return;
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(-KIN_E_MEMORY);
}
#endif
