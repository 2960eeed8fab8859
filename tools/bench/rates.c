/*
 * How fast this machine multiplies: the rates that tools/bench/exact holds the engines against.
 *
 *     bench-rates DEPTH [THREADS [REPETITIONS]]
 *
 *   sgemm      OpenBLAS, 4096 x 4096 products of vectors of DEPTH dimensions
 *   gemm       kin's own (core/gemm.h), the same
 *   s8s8s32    oneDNN's int8 gemm, the same and those of the leads below; where it is installed
 *   tile       kin's integer kernels on full tiles that lie in the cache, thresholds never reached,
 *              for every table that this CPU can run
 *
 * All on the same number of OpenMP threads, taking turns repetition by repetition. Prints JSON:
 * operations (a product and a sum are two) a second, one number a repetition.
 */
#include "core/blas_type.h"
#include "core/gemm_tables.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/threads.h"
#include "scan/kernels.h"

#include <cblas.h>
#include <jansson.h>
#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef KIN_BENCH_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

enum {
    ROWS = 4096, /* of both factors of a gemm */
    DEPTH_MAX = 65536,
    REPETITIONS_MAX = 100,
    TASKS_MAX = 16,
    PANEL_BYTES = 256 << 10, /* of a thread: in L2, not in L1 */
    ROW_PANELS = 16,
};
static const size_t lead[] = {128, 512};
enum { LEADS = sizeof lead / sizeof *lead };
static const double seconds_least = 0.1; /* of a measurement of tiles */

/* What the multiplications read and write; the gemms use it in turns. */
typedef struct data {
    size_t depth; /* the largest that fits */
    float *x, *y;
    int8_t *a, *b;
    void *product;    /* [ROWS][ROWS] float or int32 */
    float *workspace; /* [KIN_GEMM_WORKSPACE] */
} data;

/* The tiles of one thread. */
typedef struct tiles {
    uint8_t *row_panel; /* [ROW_PANELS][quads][KIN_PANEL_ROWS][4] */
    int8_t *panel;      /* [panels][quads][KIN_PANEL_COLUMNS][4] */
    int32_t sum[KIN_PANEL_COLUMNS];
    float tail[KIN_PANEL_COLUMNS], never[KIN_PANEL_ROWS];
} tiles;

/* One thing to measure. run returns the seconds and sets the operations; negative: failed. */
typedef struct task {
    const char *what, *kernels;
    size_t depth;
    const kin_scan_kernels *table;
    size_t passes; /* over all tiles */
    double (*run)(struct task *self, const data *with, double *operations);
    double rate[REPETITIONS_MAX];
} task;

static void die(const char *message)
{
    fprintf(stderr, "bench-rates: %s\n", message);
    exit(1);
}

static void *room(size_t count, size_t item_bytes)
{
    void *memory = kin_alloc(count, item_bytes);
    if (!memory)
        die("out of memory");
    return memory;
}

/* Codes in [-127, 127], as kin's are. */
static int8_t *random_codes(uint64_t purpose, size_t count)
{
    int8_t *code = room(count, 1);
    uint64_t key = kin_random_key(1, purpose, 0);
    for (size_t i = 0; i < count; i++)
        code[i] = (int8_t)((int)(kin_random_bits(key, i) % 255) - 127);
    return code;
}

/* ---- gemm ------------------------------------------------------------------------------------ */

static double run_sgemm(task *self, const data *with, double *operations)
{
    blasint rows = ROWS, depth = (blasint)self->depth;
    double start = omp_get_wtime();
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, rows, depth, 1, with->x, depth,
                with->y, depth, 0, with->product, rows);
    *operations = 2.0 * ROWS * ROWS * (double)self->depth;
    return omp_get_wtime() - start;
}

static double run_gemm(task *self, const data *with, double *operations)
{
    double start = omp_get_wtime();
    kin_gemm(ROWS, ROWS, self->depth, (kin_gemm_side){with->x, self->depth, false},
             (kin_gemm_side){with->y, self->depth, true}, KIN_GEMM_SET, with->product, ROWS,
             with->workspace);
    *operations = 2.0 * ROWS * ROWS * (double)self->depth;
    return omp_get_wtime() - start;
}

#ifdef KIN_BENCH_ONEDNN
static double run_onednn(task *self, const data *with, double *operations)
{
    dnnl_dim_t depth = (dnnl_dim_t)self->depth;
    int32_t offset = 0;
    double start = omp_get_wtime();
    dnnl_status_t status = dnnl_gemm_s8s8s32('N', 'T', 'F', ROWS, ROWS, depth, 1, with->a, depth, 0,
                                             with->b, depth, 0, 0, with->product, ROWS, &offset);
    *operations = 2.0 * ROWS * ROWS * (double)self->depth;
    return status == dnnl_success ? omp_get_wtime() - start : -1;
}

/* Without VNNI oneDNN adds up pairs in 16 bits, which overflow. */
static bool onednn_is_exact(const data *with, size_t depth)
{
    task probe = {.depth = depth};
    double operations;
    if (run_onednn(&probe, with, &operations) < 0)
        die("oneDNN refused s8s8s32");
    for (size_t i = 0; i < ROWS; i++) { /* a diagonal */
        int32_t dot = 0;
        for (size_t k = 0; k < depth; k++)
            dot += with->a[i * depth + k] * with->b[i * depth + k];
        if (dot != ((const int32_t *)with->product)[i * ROWS + i])
            return false;
    }
    return true;
}
#endif

/* ---- tiles ----------------------------------------------------------------------------------- */

static size_t panel_count(size_t depth)
{
    return PANEL_BYTES / (depth * KIN_PANEL_COLUMNS);
}

static void tiles_init(tiles *self, size_t depth, uint8_t row_bias)
{
    size_t row_panel_bytes = ROW_PANELS * KIN_PANEL_ROWS * depth;
    self->row_panel = (uint8_t *)random_codes(1, row_panel_bytes);
    for (size_t i = 0; i < row_panel_bytes; i++)
        self->row_panel[i] ^= row_bias;
    self->panel = random_codes(2, panel_count(depth) * KIN_PANEL_COLUMNS * depth);
    memset(self->sum, 0, sizeof self->sum); /* wrong, and as quick as right ones */
    memset(self->tail, 0, sizeof self->tail);
    for (size_t r = 0; r < KIN_PANEL_ROWS; r++)
        self->never[r] = INFINITY;
}

/* Every row_panel with every panel, `passes` times; returns the hits, of which there must be
 * none. */
static size_t multiply_tiles(const tiles *self, const task *as)
{
    size_t quads = as->depth / 4, hits = 0;
    kin_tile left;
    for (size_t pass = 0; pass < as->passes; pass++)
        for (size_t s = 0; s < ROW_PANELS; s++) {
            kin_row_panel row_panel = {.code = self->row_panel + s * KIN_PANEL_ROWS * as->depth,
                                       .tail = self->tail,
                                       .row_threshold = self->never,
                                       .column_threshold = self->never};
            for (size_t p = 0; p < panel_count(as->depth); p++) {
                kin_panel panel = {.code = self->panel + p * KIN_PANEL_COLUMNS * as->depth,
                                   .sum = self->sum,
                                   .tail = self->tail,
                                   .bias = self->tail,
                                   .margin = self->tail};
                hits += as->table->tile(&row_panel, &panel, quads, &left);
            }
        }
    return hits;
}

static double time_tiles(const task *self)
{
    double start = 0, end = 0;
    size_t hits = 0;
#pragma omp parallel reduction(+ : hits)
    {
        tiles own;
        tiles_init(&own, self->depth, self->table->row_bias);
#pragma omp barrier
#pragma omp single
        start = omp_get_wtime();
        hits = multiply_tiles(&own, self);
#pragma omp barrier
#pragma omp single
        end = omp_get_wtime();
        free(own.row_panel);
        free(own.panel);
    }
    if (hits > 0)
        die("a tile reached a threshold of infinity");
    return end - start;
}

static double run_tiles(task *self, const data *with, double *operations)
{
    (void)with;
    double seconds = time_tiles(self);
    while (seconds < seconds_least && self->passes < SIZE_MAX / 4) {
        self->passes *= 2;
        seconds = time_tiles(self);
    }
    double tile = 2.0 * KIN_PANEL_ROWS * KIN_PANEL_COLUMNS * (double)self->depth;
    *operations =
        tile * (double)(ROW_PANELS * panel_count(self->depth) * self->passes) * kin_threads_used();
    return seconds;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static size_t list_tasks(task out[TASKS_MAX], size_t depth)
{
    size_t count = 0;
    out[count++] =
        (task){.what = "sgemm", .kernels = kin_blas_core(), .depth = depth, .run = run_sgemm};
    out[count++] =
        (task){.what = "gemm", .kernels = kin_gemm_best()->name, .depth = depth, .run = run_gemm};
#ifdef KIN_BENCH_ONEDNN
    for (size_t i = 0; i < LEADS; i++)
        out[count++] =
            (task){.what = "s8s8s32", .kernels = "onednn", .depth = lead[i], .run = run_onednn};
    out[count++] =
        (task){.what = "s8s8s32", .kernels = "onednn", .depth = depth, .run = run_onednn};
#endif
    for (const kin_scan_kernels *const *table = kin_scan_kernels_all(); *table; table++)
        for (size_t i = 0; i < LEADS && count < TASKS_MAX; i++)
            out[count++] = (task){.what = "tile",
                                  .kernels = (*table)->name,
                                  .depth = lead[i],
                                  .table = *table,
                                  .passes = 1,
                                  .run = run_tiles};
    return count;
}

/* In turns, so that a machine whose speed drifts slows all; the first turn only warms up. */
static void measure(task *tasks, size_t count, const data *with, size_t repetitions)
{
    for (size_t turn = 0; turn <= repetitions; turn++)
        for (size_t i = 0; i < count; i++) {
            double operations = 0;
            double seconds = tasks[i].run(&tasks[i], with, &operations);
            if (seconds < 0)
                die("a gemm failed");
            if (turn > 0)
                tasks[i].rate[turn - 1] = operations / seconds;
        }
}

static json_t *onednn_json(const data *with, size_t depth)
{
#ifdef KIN_BENCH_ONEDNN
    char version[32];
    const dnnl_version_t *is = dnnl_version();
    snprintf(version, sizeof version, "%d.%d.%d", is->major, is->minor, is->patch);
    return json_pack("{s:s, s:b}", "version", version, "exact", onednn_is_exact(with, depth));
#else
    (void)with;
    (void)depth;
    return json_null();
#endif
}

static json_t *task_json(const task *self, size_t repetitions)
{
    json_t *rates = json_array();
    for (size_t i = 0; i < repetitions; i++)
        kin_json_append(&rates, json_real(self->rate[i]));
    return json_pack("{s:s, s:s, s:I, s:o}", "what", self->what, "kernels", self->kernels, "depth",
                     (json_int_t)self->depth, "operations_per_second", rates);
}

static void print(const task *tasks, size_t count, const data *with, size_t repetitions)
{
    json_t *rates = json_array();
    for (size_t i = 0; i < count; i++)
        kin_json_append(&rates, task_json(&tasks[i], repetitions));
    json_t *all = json_pack("{s:i, s:s, s:s, s:s, s:i, s:o, s:o}", "threads", kin_threads_used(),
                            "blas", kin_blas_config(), "blas_core", kin_blas_core(), "best_kernels",
                            kin_scan_kernels_best()->name, "rows", ROWS, "onednn",
                            onednn_json(with, with->depth), "rates", rates);
    char *text = kin_json_dump(all, JSON_INDENT(2));
    if (!text || puts(text) < 0)
        die("the answer cannot be written");
    free(text);
    json_decref(all);
}

static size_t whole(const char *text, size_t least, size_t most)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || value < least || value > most)
        die("DEPTH is 4 to 65536, THREADS 0 to 1024, REPETITIONS 1 to 100");
    return (size_t)value;
}

int main(int argc, char **argv)
{
    if (!getenv("OPENBLAS_CORETYPE"))
        kin_blas_type_mend();
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: bench-rates DEPTH [THREADS [REPETITIONS]]\n");
        return 2;
    }
    size_t depth = whole(argv[1], 4, DEPTH_MAX);
    size_t repetitions = argc > 3 ? whole(argv[3], 1, REPETITIONS_MAX) : 5;
    kin_threads_set(argc > 2 ? (int)whole(argv[2], 0, 1024) : 0);

    size_t deepest = depth > lead[LEADS - 1] ? depth : lead[LEADS - 1];
    data with = {.depth = depth,
                 .x = room(ROWS, depth * sizeof(float)),
                 .y = room(ROWS, depth * sizeof(float)),
                 .a = random_codes(3, ROWS * deepest),
                 .b = random_codes(4, ROWS * deepest),
                 .product = room(ROWS, ROWS * sizeof(int32_t)),
                 .workspace = room(KIN_GEMM_WORKSPACE, sizeof(float))};
    kin_random_normals(kin_random_key(1, 5, 0), ROWS * depth, with.x);
    kin_random_normals(kin_random_key(1, 6, 0), ROWS * depth, with.y);

    static task tasks[TASKS_MAX];
    size_t count = list_tasks(tasks, depth);
    measure(tasks, count, &with, repetitions);
    print(tasks, count, &with, repetitions);
    free(with.x);
    free(with.y);
    free(with.a);
    free(with.b);
    free(with.product);
    free(with.workspace);
    return 0;
}
