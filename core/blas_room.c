/*
 * The buffers of OpenBLAS, taken before they are needed.
 *
 * OpenBLAS has one pool of buffers per process: it maps a buffer where none is free, never unmaps
 * one, and asks again without end where the system refuses. Here the system is asked first, by
 * mapping as much and returning it; then the pool is made to hold as many buffers as T threads can
 * want at once: one per thread for products that OpenBLAS shares among threads itself, one per
 * caller for products inside of parallel regions. Cost: address space, no memory.
 */
#include "core/counted.h"
#include "core/memory.h"
#include "core/threads.h"

#include <cblas.h>
#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

/* OpenBLAS's own, in no header: weak, as a build may keep them to itself. */
extern void *blas_memory_alloc(int purpose) __attribute__((weak));
extern void blas_memory_free(void *buffer) __attribute__((weak));

/* Whether the system maps `count` buffers at once. None is kept. */
static bool can_map(void **buffer, size_t count)
{
    size_t held = 0;
    for (; held < count; held++) {
        buffer[held] = mmap(NULL, KIN_BLAS_BUFFER_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (buffer[held] == MAP_FAILED)
            break;
    }
    for (size_t i = 0; i < held; i++)
        munmap(buffer[i], KIN_BLAS_BUFFER_BYTES);
    return held == count;
}

/* Makes the pool hold a free buffer for each of `callers`, beside those of OpenBLAS's own
 * threads. */
static void take(void **buffer, size_t callers)
{
    int threads = omp_get_max_threads();
    if (threads > openblas_get_num_threads()) {
        openblas_set_num_threads(threads);
        omp_set_num_threads(threads); /* lowered before to what OpenBLAS is built for */
    }
    if (!blas_memory_alloc || !blas_memory_free)
        return;
    for (size_t i = 0; i < callers; i++)
        buffer[i] = blas_memory_alloc(0);
    for (size_t i = 0; i < callers; i++)
        blas_memory_free(buffer[i]);
}

int kin_blas_room(kin_error *err)
{
    static size_t pool; /* buffers that were taken for callers */
    int threads = omp_get_max_threads(), own = openblas_get_num_threads();
    /* one to spare: LAPACK may hold a buffer while it calls a product */
    size_t callers = (size_t)threads + 1;
    size_t more = threads > own ? (size_t)(threads - own) : 0;
    if (threads > KIN_BLAS_THREADS_MAX)
        return kin_fail(err, KIN_E_MEMORY, "lower --threads",
                        "OpenBLAS has places for the buffers of %d threads, %d are asked for",
                        KIN_BLAS_THREADS_MAX, threads);
    if (callers <= pool)
        return 0;
    size_t count = callers - pool + more;
    void **buffer = kin_alloc(callers + more, sizeof *buffer);
    if (!buffer)
        return kin_fail_alloc(err, "OpenBLAS's buffers", (callers + more) * sizeof *buffer);
    bool fits = can_map(buffer, count);
    if (fits) {
        take(buffer, callers);
        pool = callers;
    }
    free(buffer);
    if (fits)
        return 0;
    return kin_fail(err, KIN_E_MEMORY,
                    "raise the limits on memory (ulimit -v, ulimit -d), or lower --threads",
                    "OpenBLAS needs %zu MiB more of address space for %s than the limits leave",
                    count * KIN_BLAS_BUFFER_BYTES >> 20, kin_count((size_t)threads, "thread").text);
}
