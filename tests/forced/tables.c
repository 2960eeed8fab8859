/*
 * Kernels of the caller's choice, for a `kin` that tests alone build.
 *
 *     FORCED_TABLES=portable|avx2|avx512 build/release/tests/kin_forced build ...
 *
 * The linker's --wrap gives the calls of kin_kernels_best, kin_scan_kernels_best and kin_gemm_best
 * to the functions here: the product has no such switch, and reads no such variable. Of each kind
 * the first table is taken whose name begins with the value. Where this CPU has none of a kind the
 * process ends with 77.
 */
#include "core/gemm_tables.h"
#include "core/kernels.h"
#include "scan/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const kin_kernels *__wrap_kin_kernels_best(void);
const kin_scan_kernels *__wrap_kin_scan_kernels_best(void);
const kin_gemm_table *__wrap_kin_gemm_best(void);

/* The place of the table, by the first member of all of them: the name. */
static size_t forced(const void *const *tables, const char *what)
{
    const char *wanted = getenv("FORCED_TABLES");
    if (!wanted || !*wanted)
        return 0;
    for (size_t i = 0; tables[i]; i++) {
        const char *name;
        memcpy(&name, tables[i], sizeof name);
        if (strncmp(name, wanted, strlen(wanted)) == 0)
            return i;
    }
    fprintf(stderr, "no %s '%s' on this CPU\n", what, wanted);
    _Exit(77);
}

const kin_kernels *__wrap_kin_kernels_best(void)
{
    return kin_kernels_all()[forced((const void *const *)kin_kernels_all(), "kernels")];
}

const kin_scan_kernels *__wrap_kin_scan_kernels_best(void)
{
    return kin_scan_kernels_all()[forced((const void *const *)kin_scan_kernels_all(), "scan")];
}

const kin_gemm_table *__wrap_kin_gemm_best(void)
{
    return kin_gemm_all()[forced((const void *const *)kin_gemm_all(), "products")];
}
