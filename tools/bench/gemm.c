/*
 * kin's matrix products beside OpenBLAS's, on the shapes that kin has.
 *
 *     bench-gemm [REPETITIONS]
 *
 * One thread: processor seconds, so that other load counts little. OpenBLAS and every table of
 * core/gemm.h that this CPU can run take turns. Prints, for each shape, medians in 10^9 operations
 * a second (a product and a sum are two), and kin's best table as a share of OpenBLAS. The right
 * side is packed once where kin does so too; where not, the best table's column is kin_gemm.
 */
#include "core/blas_type.h"
#include "core/gemm_tables.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/threads.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONTENDERS_MAX = 6, REPETITIONS_MAX = 100 };
static const double operations_least = 3e8; /* of a measurement */

/* A product m x n x k. */
static const struct shape {
    const char *what;
    size_t m, n, k;
    bool a_transposed, b_transposed, packed_once;
} shapes[] = {
    {"rows onto 256 reflectors", 128, 256, 896, false, false, true},
    {"rows onto 128 reflectors", 128, 128, 896, false, false, true},
    {"reflected rows", 128, 896, 256, false, false, true},
    {"k-means", 256, 1024, 32, false, true, true},
    {"gates of clusters", 64, 344, 195, false, true, true},
    {"gates, 256 leading", 64, 512, 259, false, true, true},
    {"one cluster with all", 1, 5800, 195, false, true, true},
    {"a sample's coordinates", 4096, 272, 896, false, true, false},
    {"axes from coordinates", 272, 896, 4096, true, false, false},
    {"stream, 128 rows", 128, 512, 512, false, true, false},
    {"stream, 1024 rows", 1024, 512, 512, false, true, false},
    {"square", 1024, 1024, 1024, false, true, false},
};

typedef struct data {
    const struct shape *shape;
    kin_gemm_side a, b;
    float *c, *packed, *workspace;
} data;

static float *numbers(uint64_t purpose, size_t count)
{
    float *x = kin_alloc(count, sizeof *x);
    if (!x) {
        fputs("bench-gemm: out of memory\n", stderr);
        exit(1);
    }
    kin_random_normals(kin_random_key(1, purpose, 0), count, x);
    return x;
}

static double processor_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void multiply(const data *with, const kin_gemm_table *table)
{
    size_t m = with->shape->m, n = with->shape->n, k = with->shape->k;
    if (!table) {
        cblas_sgemm(CblasRowMajor, with->a.transposed ? CblasTrans : CblasNoTrans,
                    with->b.transposed ? CblasTrans : CblasNoTrans, (int)m, (int)n, (int)k, 1,
                    with->a.x, (int)with->a.stride, with->b.x, (int)with->b.stride, 0, with->c,
                    (int)n);
        return;
    }
    if (!with->shape->packed_once && table == kin_gemm_best()) {
        kin_gemm(m, n, k, with->a, with->b, KIN_GEMM_SET, with->c, n, with->workspace);
        return;
    }
    if (!with->shape->packed_once)
        kin_gemm_pack(k, n, with->b, with->packed);
    kin_gemm_packed_with(table, m, n, k, with->a, with->packed, KIN_GEMM_SET, with->c, n);
}

/* 10^9 operations a second. */
static double rate(const data *with, const kin_gemm_table *table)
{
    const struct shape *shape = with->shape;
    double operations = 2.0 * (double)shape->m * (double)shape->n * (double)shape->k;
    size_t times = 1 + (size_t)(operations_least / operations);
    double start = processor_seconds();
    for (size_t i = 0; i < times; i++)
        multiply(with, table);
    return operations * (double)times / (processor_seconds() - start) / 1e9;
}

static int ascending(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* OpenBLAS is contender 0, the tables are the others. The first turn only warms up. */
static void compare(const data *with, size_t repetitions)
{
    static double rates[CONTENDERS_MAX][REPETITIONS_MAX];
    const kin_gemm_table *const *tables = kin_gemm_all();
    size_t contenders = 1;
    while (tables[contenders - 1])
        contenders++;
    for (size_t turn = 0; turn <= repetitions; turn++)
        for (size_t i = 0; i < contenders; i++) {
            double one = rate(with, i > 0 ? tables[i - 1] : NULL);
            if (turn > 0)
                rates[i][turn - 1] = one;
        }
    printf("%-26s %4zu x %4zu x %4zu ", with->shape->what, with->shape->m, with->shape->n,
           with->shape->k);
    for (size_t i = 0; i < contenders; i++) {
        qsort(rates[i], repetitions, sizeof(double), ascending);
        printf("%10.1f", rates[i][repetitions / 2]);
    }
    printf("%9.2f\n", rates[1][repetitions / 2] / rates[0][repetitions / 2]);
}

static void run(const struct shape *shape, size_t repetitions)
{
    size_t m = shape->m, n = shape->n, k = shape->k;
    float *a = numbers(1, m * k), *b = numbers(2, k * n);
    data with = {.shape = shape,
                 .a = {a, shape->a_transposed ? m : k, shape->a_transposed},
                 .b = {b, shape->b_transposed ? k : n, shape->b_transposed},
                 .c = numbers(3, m * n),
                 .packed = numbers(4, kin_gemm_packed_floats(k, n)),
                 .workspace = numbers(5, KIN_GEMM_WORKSPACE)};
    kin_gemm_pack(k, n, with.b, with.packed);
    compare(&with, repetitions);
    free(a);
    free(b);
    free(with.c);
    free(with.packed);
    free(with.workspace);
}

int main(int argc, char **argv)
{
    long repetitions = argc > 1 ? strtol(argv[1], NULL, 10) : 9;
    if (argc > 2 || repetitions < 1 || repetitions > REPETITIONS_MAX) {
        fputs("usage: bench-gemm [REPETITIONS], 1 to 100\n", stderr);
        return 2;
    }
    if (!getenv("OPENBLAS_CORETYPE"))
        kin_blas_type_mend();
    kin_threads_set(1);
    printf("%s, one thread, %ld repetitions\n%-46s ", kin_cpu_name(), repetitions,
           "10^9 operations a second, medians");
    printf("%10s", kin_blas_core());
    for (const kin_gemm_table *const *table = kin_gemm_all(); *table; table++)
        printf("%10s", (*table)->name);
    printf("%9s\n", "share");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        run(&shapes[i], (size_t)repetitions);
    return 0;
}
