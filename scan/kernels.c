/*
 * The choice among the tables of kernels: at run time, by the features that the CPU reports.
 */
#include "scan/kernels_cpu.h"

#include <stdbool.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

#if defined(__x86_64__)
/* CPUID leaf 7.1, EAX bit 4 (Intel SDM, volume 2A): not every compiler has a name for it. */
static bool has_avxvnni(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax >> 4 & 1);
}
#endif

const kin_scan_kernels *const *kin_scan_kernels_all(void)
{
    enum { TABLES_MAX = 5 };
    static const kin_scan_kernels *table[TABLES_MAX];
    if (!__atomic_load_n(&table[0], __ATOMIC_ACQUIRE)) {
        const kin_scan_kernels *found[TABLES_MAX] = {0};
        int count = 0;
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni"))
            found[count++] = &kin_scan_avx512vnni;
        if (__builtin_cpu_supports("avx2") && has_avxvnni())
            found[count++] = &kin_scan_avxvnni;
        if (__builtin_cpu_supports("avx2"))
            found[count++] = &kin_scan_avx2;
#elif defined(__aarch64__)
        /* optional in Armv8.2 and absent before: the system says whether this CPU has them */
        if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP)
            found[count++] = &kin_scan_neon;
#endif
        found[count] = &kin_scan_portable;
        /* racing first calls write the same values; the first entry, which readers test, last */
        for (int i = TABLES_MAX - 1; i >= 0; i--)
            __atomic_store_n(&table[i], found[i], __ATOMIC_RELEASE);
    }
    return table;
}

const kin_scan_kernels *kin_scan_kernels_best(void)
{
    return kin_scan_kernels_all()[0];
}
