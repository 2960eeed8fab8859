/*
 * An OpenBLAS that knows no CPU, for tests and measurements: a library to preload.
 *
 *     LD_PRELOAD=build/release/tests/libold_blas.so kin build ...
 *
 * Where OPENBLAS_CORETYPE is not set OpenBLAS takes the CPU for Prescott, as Debian's 0.3.21 does
 * on a Xeon that is newer than it, and runs the kernels for that. OLD_BLAS_WRONG=TYPE: products
 * with the kernels for TYPE are wrong.
 */
#define _GNU_SOURCE
#include <cblas.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void gotoblas_dynamic_init(void);

static void *original(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    return found;
}

void gotoblas_dynamic_init(void)
{
    void (*init)(void);
    *(void **)&init = original("gotoblas_dynamic_init");
    const char *set = getenv("OPENBLAS_CORETYPE");
    bool chosen = set && *set;
    if (!chosen)
        setenv("OPENBLAS_CORETYPE", "Prescott", 1);
    init();
    if (!chosen)
        unsetenv("OPENBLAS_CORETYPE");
}

void cblas_sgemm(OPENBLAS_CONST enum CBLAS_ORDER order, OPENBLAS_CONST enum CBLAS_TRANSPOSE ta,
                 OPENBLAS_CONST enum CBLAS_TRANSPOSE tb, OPENBLAS_CONST blasint m,
                 OPENBLAS_CONST blasint n, OPENBLAS_CONST blasint k, OPENBLAS_CONST float alpha,
                 OPENBLAS_CONST float *a, OPENBLAS_CONST blasint lda, OPENBLAS_CONST float *b,
                 OPENBLAS_CONST blasint ldb, OPENBLAS_CONST float beta, float *c,
                 OPENBLAS_CONST blasint ldc)
{
    __typeof__(&cblas_sgemm) sgemm;
    *(void **)&sgemm = original("cblas_sgemm");
    sgemm(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    const char *wrong = getenv("OLD_BLAS_WRONG");
    if (wrong && strstr(wrong, openblas_get_corename()))
        c[(m - 1) * ldc + n - 1] += 1;
}
