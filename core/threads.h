#ifndef KIN_CORE_THREADS_H
#define KIN_CORE_THREADS_H
/*
 * How many threads, and what the machine and its BLAS are.
 */
#include "core/error.h"

/* OpenBLAS built for M threads has places for 2 M + 512 buffers (0.3.21, driver/others/memory.c:
 * NUM_BUFFERS and newmemory) and corrupts memory beyond them. Its own threads take at most M: so
 * many others, and one to spare, always have theirs. */
enum { KIN_BLAS_THREADS_MAX = 512 };

/* The least of CPU affinity, the cgroup's quota (rounded up), OMP_NUM_THREADS as OpenMP read it and
 * KIN_BLAS_THREADS_MAX; at least 1. */
int kin_threads_default(void);

/* From now on OpenMP and BLAS use this many, at most OMP_THREAD_LIMIT; 0 means
 * kin_threads_default(). */
void kin_threads_set(int threads);

/* The number in use. */
int kin_threads_used(void);

/* OpenBLAS: "OpenBLAS 0.3.21 ..." and the name of the kernels it runs ("SkylakeX", "Haswell"). */
const char *kin_blas_config(void);
const char *kin_blas_core(void);

/* "openmp", "pthread" or "serial". */
const char *kin_blas_threading(void);

/* The buffer that OpenBLAS maps for a thread and hardly touches. x86-64; less elsewhere. */
#define KIN_BLAS_BUFFER_BYTES ((size_t)0x8001000)

/* Takes the buffers that OpenBLAS needs for the threads in use, so that none is taken later: it
 * asks again without end for one that the system refuses. KIN_E_MEMORY where the system does not
 * grant them (ulimit -v, ulimit -d, overcommit), and for more than KIN_BLAS_THREADS_MAX threads. To
 * be called before the first product, from outside of parallel regions. */
int kin_blas_room(kin_error *err);

/* KIN_E_MEMORY where the system does not start the threads in use (ulimit -u, pids of a control
 * group, stacks): OpenMP would end the process. To be called before the first parallel region. */
int kin_threads_check(kin_error *err);

/* The CPU's own name for itself, from /proc/cpuinfo. */
const char *kin_cpu_name(void);

#endif
