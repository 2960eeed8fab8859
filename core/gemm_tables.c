/*
 * The choice among the tables of matrix products' kernels: once a process, by what the CPU can do.
 */
#include "core/gemm_tables.h"

const kin_gemm_table *const *kin_gemm_all(void)
{
    static const kin_gemm_table *table[4];
    if (!__atomic_load_n(&table[0], __ATOMIC_ACQUIRE)) {
        const kin_gemm_table *found[4] = {0};
        int count = 0;
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512f"))
            found[count++] = &kin_gemm_avx512;
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            found[count++] = &kin_gemm_avx2;
#elif defined(__aarch64__)
        found[count++] = &kin_gemm_neon; /* every CPU of the architecture has it */
#endif
        found[count] = &kin_gemm_portable;
        /* racing first calls write the same values; the first entry, which readers test, last */
        for (int i = 3; i >= 0; i--)
            __atomic_store_n(&table[i], found[i], __ATOMIC_RELEASE);
    }
    return table;
}

const kin_gemm_table *kin_gemm_best(void)
{
    return kin_gemm_all()[0];
}
