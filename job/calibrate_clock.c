/*
 * The clock of a calibration (declared in job/calibrate_clock.h).
 */
#include "job/calibrate_clock.h"
#include "core/cgroup.h"
#include "core/threads.h"

#include <omp.h>
#include <time.h>

static double processor_seconds(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int kin_calibrate_processors(void)
{
    int threads = kin_threads_used(), most = omp_get_num_procs(), quota = kin_cgroup_cpus();
    most = quota > 0 && quota < most ? quota : most;
    return threads < most ? threads : most;
}

double kin_calibrate_seconds(void)
{
    return processor_seconds(CLOCK_PROCESS_CPUTIME_ID) / kin_calibrate_processors();
}

double kin_calibrate_thread_seconds(void)
{
    return processor_seconds(CLOCK_THREAD_CPUTIME_ID);
}

double kin_calibrate_least(double before, double now)
{
    return before > 0 && before < now ? before : now;
}

size_t kin_calibrate_runs(double products)
{
    return products < 0x1p31 ? CALIBRATE_RUNS : 1;
}

static int forget(void *self, size_t first, const kin_rows *rows, kin_error *err)
{
    (void)self;
    (void)first;
    (void)rows;
    (void)err;
    return 0;
}

kin_row_sink kin_calibrate_sink(void)
{
    return (kin_row_sink){.write = forget};
}
