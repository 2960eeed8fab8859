#include "core/threads.h"
#include "core/cgroup.h"

#include <cblas.h>
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int kin_threads_default(void)
{
    static _Atomic int
        initial; /* before kin_threads_set changed it: OMP_NUM_THREADS or all processors */
    if (initial == 0)
        initial = omp_get_max_threads();
    int threads = initial;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) < threads)
        threads = CPU_COUNT(&set);
    int quota = kin_cgroup_cpus();
    if (quota > 0 && quota < threads)
        threads = quota;
    if (threads > KIN_BLAS_THREADS_MAX)
        threads = KIN_BLAS_THREADS_MAX;
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

/* Waits until the one that made it lets go of the lock. */
static void *wait_for_lock(void *self)
{
    pthread_mutex_t *lock = self;
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

int kin_threads_check(kin_error *err)
{
    int count = omp_get_max_threads() - 1, started = 0, refusal = 0;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_t *thread = malloc((size_t)(count > 0 ? count : 1) * sizeof *thread);
    if (!thread)
        return kin_fail_alloc(err, "threads", (size_t)count * sizeof *thread);
    pthread_mutex_lock(&lock); /* all of them are there at once before the first may end */
    while (started < count && refusal == 0) {
        refusal = pthread_create(&thread[started], NULL, wait_for_lock, &lock);
        started += refusal == 0;
    }
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    free(thread);
    if (refusal == 0)
        return 0;
    return kin_fail(
        err, KIN_E_MEMORY,
        "lower --threads, or raise the limits (ulimit -u, ulimit -v, pids of the cgroup)",
        "the system starts %d of %d threads: %s", started + 1, count + 1, strerror(refusal));
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
