/*
 * OpenBLAS's type of CPU, mended in the running process.
 *
 * OpenBLAS points to a table of kernels that its constructor chooses, once, by OPENBLAS_CORETYPE or
 * by model numbers. Its own functions for that, gotoblas_dynamic_quit and gotoblas_dynamic_init,
 * are called again with the variable set. The other way, to start the program again with the
 * variable set, needs /proc and leaves debuggers, emulators and the name of the process behind.
 */
#include "core/blas_type.h"
#include "core/random.h"
#include "core/threads.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char variable[] = "OPENBLAS_CORETYPE";

/* OpenBLAS's own, in no header: weak, as a build may keep them to itself or have one type only. */
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

/* ---- what fits ------------------------------------------------------------------------------- */

/* What the kernels of a type use. A name that is not here is of a newer OpenBLAS: it is left
 * alone. */
typedef enum level { LEVEL_SSE_OR_AVX, LEVEL_AVX2, LEVEL_AVX512, LEVEL_UNKNOWN } level;

static const struct {
    const char *name;
    level level;
} types[] = {
    {"Unknown", LEVEL_SSE_OR_AVX},
    {"Generic", LEVEL_SSE_OR_AVX},
    {"Katmai", LEVEL_SSE_OR_AVX},
    {"Coppermine", LEVEL_SSE_OR_AVX},
    {"Northwood", LEVEL_SSE_OR_AVX},
    {"Prescott", LEVEL_SSE_OR_AVX},
    {"Banias", LEVEL_SSE_OR_AVX},
    {"Atom", LEVEL_SSE_OR_AVX},
    {"Core2", LEVEL_SSE_OR_AVX},
    {"Penryn", LEVEL_SSE_OR_AVX},
    {"Dunnington", LEVEL_SSE_OR_AVX},
    {"Nehalem", LEVEL_SSE_OR_AVX},
    {"Athlon", LEVEL_SSE_OR_AVX},
    {"Opteron", LEVEL_SSE_OR_AVX},
    {"Opteron_SSE3", LEVEL_SSE_OR_AVX},
    {"Barcelona", LEVEL_SSE_OR_AVX},
    {"Nano", LEVEL_SSE_OR_AVX},
    {"Bobcat", LEVEL_SSE_OR_AVX},
    {"Sandybridge", LEVEL_SSE_OR_AVX},
    {"Bulldozer", LEVEL_SSE_OR_AVX},
    {"Piledriver", LEVEL_SSE_OR_AVX},
    {"Steamroller", LEVEL_SSE_OR_AVX},
    {"Excavator", LEVEL_AVX2},
    {"Haswell", LEVEL_AVX2},
    {"Zen", LEVEL_AVX2},
    {"SkylakeX", LEVEL_AVX512},
    {"Cooperlake", LEVEL_AVX512},
    {"SapphireRapids", LEVEL_AVX512},
};

static level level_of(const char *type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcasecmp(types[i].name, type) == 0)
            return types[i].level;
    return LEVEL_UNKNOWN;
}

/* What the CPU can do and the system saves. */
static level cpu_level(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return LEVEL_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return LEVEL_AVX2;
#endif
    return LEVEL_SSE_OR_AVX;
}

static const char *fitting_type(level of)
{
    return of == LEVEL_AVX512 ? "SkylakeX" : of == LEVEL_AVX2 ? "Haswell" : NULL;
}

kin_blas_type kin_blas_type_look(void)
{
    kin_blas_type out = {.fit = KIN_BLAS_FITS};
    level most = cpu_level();
    snprintf(out.own, sizeof out.own, "%s", kin_blas_core());
    if (level_of(out.own) < most) {
        out.fit = KIN_BLAS_BELOW;
        out.fitting = fitting_type(most);
    }
    return out;
}

/* ---- changing it ----------------------------------------------------------------------------- */

/* NULL: as OpenBLAS itself chooses. Whether it has taken that type. */
static bool change_type(const char *type)
{
    int failed = type ? setenv(variable, type, 1) : unsetenv(variable);
    if (failed != 0)
        return false;
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    unsetenv(variable);
    return !type || strcasecmp(kin_blas_core(), type) == 0;
}

/* ---- whether products are right -------------------------------------------------------------- */

typedef struct product {
    size_t m, n, k;
    bool a_transposed, b_transposed;
    const float *a, *b;
} product;

static double value(const float *x, size_t rows, size_t columns, bool transposed, size_t row,
                    size_t column)
{
    return (double)(transposed ? x[column * rows + row] : x[row * columns + column]);
}

/* Each of k products and sums may be off by half a unit in the last place of the sum of
 * magnitudes. */
static bool product_right(const product *p, float *c)
{
    cblas_sgemm(CblasRowMajor, p->a_transposed ? CblasTrans : CblasNoTrans,
                p->b_transposed ? CblasTrans : CblasNoTrans, (int)p->m, (int)p->n, (int)p->k, 1,
                p->a, (int)(p->a_transposed ? p->m : p->k), p->b,
                (int)(p->b_transposed ? p->k : p->n), 0, c, (int)p->n);
    for (size_t i = 0; i < p->m; i++)
        for (size_t j = 0; j < p->n; j++) {
            double sum = 0, magnitude = 0;
            for (size_t l = 0; l < p->k; l++) {
                double term = value(p->a, p->m, p->k, p->a_transposed, i, l) *
                              value(p->b, p->k, p->n, p->b_transposed, l, j);
                sum += term;
                magnitude += fabs(term);
            }
            if (!(fabs((double)c[i * p->n + j] - sum) <= (double)(p->k + 2) * 0x1p-24 * magnitude))
                return false;
        }
    return true;
}

/* Sizes that no block divides: one for the kernels of small products, one for those of all
 * others. */
static bool products_right(void)
{
    static const size_t size[][3] = {{37, 53, 29}, {101, 113, 97}};
    enum { VALUES = 101 * 113 };
    float *x = malloc(3 * VALUES * sizeof *x);
    bool right = x != NULL;
    if (x)
        kin_random_normals(kin_random_key(1, 1, 1), 2 * VALUES, x);
    for (size_t variant = 0; right && variant < 8; variant++) {
        const size_t *s = size[variant / 4];
        product p = {s[0], s[1], s[2], variant & 1, variant & 2, x, x + VALUES};
        right = product_right(&p, x + 2 * VALUES);
    }
    free(x);
    return right;
}

/* With one thread, which leaves alone whom OpenMP has not started yet. */
static bool products_right_alone(void)
{
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    bool right = kin_blas_room(NULL) == 0 && products_right();
    omp_set_num_threads(threads);
    return right;
}

kin_blas_type kin_blas_type_mend(void)
{
    kin_blas_type out = kin_blas_type_look();
    if (out.fit == KIN_BLAS_FITS || !gotoblas_dynamic_init || !gotoblas_dynamic_quit)
        return out;
    for (level try = cpu_level(); try > level_of(out.own); try--)
        if (change_type(fitting_type(try)) && products_right_alone()) {
            out.fit = KIN_BLAS_MENDED;
            return out;
        }
    change_type(NULL);
    return out;
}
