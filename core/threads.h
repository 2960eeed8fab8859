#ifndef KIN_CORE_THREADS_H
#define KIN_CORE_THREADS_H
/*
 * How many threads, and what the machine and its BLAS are.
 */
#include "core/error.h"

/* The least of CPU affinity, the cgroup's quota (rounded up) and OMP_NUM_THREADS as OpenMP read
 * it; at least 1. */
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

/* KIN_E_MEMORY where a limit on address space (ulimit -v) leaves too little for OpenBLAS: it takes
 * 128 MiB a thread at its first call, hardly touches them, and tries for ever if refused. To be
 * asked before the first call. */
int kin_blas_room(kin_error *err);

/* The CPU's own name for itself, from /proc/cpuinfo. */
const char *kin_cpu_name(void);

#endif
