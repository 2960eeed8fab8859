/*
 * One line instead of "Illegal instruction" on a CPU that lacks what the rest is compiled for
 * (x86-64-v3: AVX2, BMI, FMA, F16C and the like). This file alone is compiled for plain x86-64,
 * and runs before main and before the constructors without a priority. Exit status: that of a
 * machine that lacks memory, KIN_E_MEMORY.
 */
#if defined(__x86_64__)
#include "core/cpu_level.h"
#include "core/error.h"

#include <unistd.h>

__attribute__((constructor(101))) static void guard_cpu(void)
{
    static const char text[] = "ERROR " KIN_CPU_TOO_OLD "\nhint: " KIN_CPU_HINT "\n";
    if (kin_cpu_fits())
        return;
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    _exit(-KIN_E_MEMORY);
}
#endif
