#include "kin/turn.h"
#include "core/blas_type.h"
#include "core/outdir.h"

#include <pthread.h>
#include <time.h>

enum { LOOK_NS = 50 * 1000 * 1000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t left = PTHREAD_COND_INITIALIZER;
static bool taken;

/* In a child, whose only thread is the one that forked. */
static void begin_anew(void)
{
    lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    left = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    taken = false;
    kin_outdir_forget_all();
}

/* Before the first turn: OpenBLAS gets the type of CPU that fits, as the command gives it. */
static void prepare(void)
{
    pthread_atfork(NULL, NULL, begin_anew);
    kin_blas_type_mend();
}

int kin_turn_take(const kin_monitor *monitor, kin_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int rc = 0;
    pthread_once(&once, prepare);
    pthread_mutex_lock(&lock);
    while (taken && rc == 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&left, &lock, &until);
        rc = kin_monitor_check(monitor, err);
    }
    taken = taken || rc == 0;
    pthread_mutex_unlock(&lock);
    return rc;
}

void kin_turn_leave(void)
{
    pthread_mutex_lock(&lock);
    taken = false;
    pthread_cond_signal(&left);
    pthread_mutex_unlock(&lock);
}
