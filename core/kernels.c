/*
 * The choice among the tables of kernels: once a process, by what the CPU can do.
 */
#include "core/kernels.h"
#include "core/kernels_cpu.h"

const kin_kernels *const *kin_kernels_all(void)
{
    static const kin_kernels *table[4];
    if (!__atomic_load_n(&table[0], __ATOMIC_ACQUIRE)) {
        const kin_kernels *found[4] = {0};
        int count = 0;
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512f"))
            found[count++] = &kin_kernels_avx512;
        /* F16C is older than AVX2: every CPU with the one has the other */
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            found[count++] = &kin_kernels_avx2;
#endif
        found[count] = &kin_kernels_portable;
        /* racing first calls write the same values; the first entry, which readers test, last */
        for (int i = 3; i >= 0; i--)
            __atomic_store_n(&table[i], found[i], __ATOMIC_RELEASE);
    }
    return table;
}

const kin_kernels *kin_kernels_best(void)
{
    return kin_kernels_all()[0];
}
