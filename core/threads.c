#include "core/threads.h"
#include "core/cgroup.h"
#include "core/memory.h"

#include <cblas.h>
#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

int kin_threads_default(void)
{
    static int initial; /* before kin_threads_set changed it: OMP_NUM_THREADS or all processors */
    if (initial == 0)
        initial = omp_get_max_threads();
    int threads = initial;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) < threads)
        threads = CPU_COUNT(&set);
    int quota = kin_cgroup_cpus();
    if (quota > 0 && quota < threads)
        threads = quota;
    return threads > 0 ? threads : 1;
}

void kin_threads_set(int threads)
{
    int fallback = kin_threads_default();
    int wanted = threads > 0 ? threads : fallback;
    int limit = omp_get_thread_limit();
    omp_set_dynamic(0);
    /* OpenBLAS waits for ever for threads that OMP_THREAD_LIMIT keeps from it */
    omp_set_num_threads(wanted < limit ? wanted : limit);
}

int kin_threads_used(void)
{
    return omp_get_max_threads();
}

const char *kin_blas_config(void)
{
    return openblas_get_config();
}

const char *kin_blas_core(void)
{
    return openblas_get_corename();
}

const char *kin_blas_threading(void)
{
    static const char *const name[] = {"serial", "pthread", "openmp"};
    int kind = openblas_get_parallel();
    return kind >= 0 && kind < 3 ? name[kind] : "unknown";
}

int kin_blas_room(kin_error *err)
{
    const size_t buffer_bytes = (size_t)192 << 20; /* and what malloc maps around it */
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return 0;
    size_t used = kin_memory_mapped();
    size_t needed = kin_size_mul((size_t)omp_get_max_threads(), buffer_bytes);
    size_t left = limit.rlim_cur > used ? limit.rlim_cur - used : 0;
    if (left >= needed)
        return 0;
    return kin_fail(
        err, KIN_E_MEMORY, "raise the limit on address space (ulimit -v), or lower --threads",
        "OpenBLAS needs %zu MiB of address space for %d threads, the limit leaves %zu MiB",
        needed >> 20, omp_get_max_threads(), left >> 20);
}

const char *kin_cpu_name(void)
{
    static char name[128];
    FILE *file = name[0] ? NULL : fopen("/proc/cpuinfo", "re");
    char line[256];
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon)
            continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(name, sizeof name, "%.127s", colon + 2);
        break;
    }
    if (file)
        fclose(file);
    if (!name[0])
        snprintf(name, sizeof name, "unknown");
    return name;
}
