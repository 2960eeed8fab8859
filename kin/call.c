/*
 * A call's two threads (kin/call.h): the worker leaves what it has to say in a mailbox of one place
 * and waits until it was taken; the caller takes it and passes it on. Progress is not waited for:
 * the caller looks at the latest, some 20 times a second.
 */
#include "kin/call.h"
#include "core/memory.h"
#include "core/threads.h"
#include "kin/turn.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { STACK_BYTES = 8 << 20, TICK_NS = 50 * 1000 * 1000 };

/* What the two threads share. */
typedef struct mailbox {
    const kin_call *call;
    pthread_mutex_t lock;
    pthread_cond_t news, taken; /* for the caller; for the worker */
    bool full;                  /* an event waits to be taken */
    int event;
    const char *text;
    bool moved; /* progress that was not passed on yet */
    size_t done, total;
    bool finished;
    atomic_bool stop; /* the callback said so */
    int rc;           /* of the work, with its error */
    kin_error err;
} mailbox;

/* ---- the worker ------------------------------------------------------------------------------ */

static void post(mailbox *self, int event, const char *text)
{
    pthread_mutex_lock(&self->lock);
    self->event = event;
    self->text = text;
    self->full = true;
    pthread_cond_signal(&self->news);
    while (self->full)
        pthread_cond_wait(&self->taken, &self->lock);
    pthread_mutex_unlock(&self->lock);
}

static void hear_progress(void *self, size_t done, size_t total)
{
    mailbox *box = self;
    pthread_mutex_lock(&box->lock);
    box->done = done;
    box->total = total;
    box->moved = true;
    pthread_mutex_unlock(&box->lock);
}

static void hear_stage(void *self, const char *name)
{
    post(self, KIN_EVENT_STAGE, name);
}

static void hear_message(void *self, kin_level level, const char *text)
{
    post(self, level == KIN_LEVEL_WARNING ? KIN_EVENT_WARNING : KIN_EVENT_INFO, text);
}

static bool hear_whether_to_stop(void *self)
{
    return atomic_load(&((mailbox *)self)->stop);
}

locale_t kin_locale_begin(void)
{
    /* glibc has this one locale ready-made: nothing is allocated, and nothing can be refused */
    return uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0));
}

void kin_locale_end(locale_t before)
{
    uselocale(before);
}

/* The work in its turn, in the C locale: that of the host has no part in what is parsed and
 * written. */
static int work(mailbox *self, const kin_monitor *monitor, kin_error *err)
{
    const kin_call *call = self->call;
    locale_t before = kin_locale_begin();
    int rc = call->in_turn ? kin_turn_take(monitor, err) : 0;
    if (rc == 0) {
        rc = call->run(call->work, monitor, err);
        kin_memory_trim();
        if (call->in_turn)
            kin_turn_leave();
    }
    kin_locale_end(before);
    return rc;
}

static void *work_thread(void *shared)
{
    mailbox *self = shared;
    const kin_monitor monitor = {.self = self,
                                 .progress = hear_progress,
                                 .stage = hear_stage,
                                 .stopped = hear_whether_to_stop,
                                 .message = hear_message};
    int rc = work(self, self->call->callback ? &monitor : NULL, &self->err);
    pthread_mutex_lock(&self->lock);
    self->rc = rc;
    self->finished = true;
    pthread_cond_signal(&self->news);
    pthread_mutex_unlock(&self->lock);
    return NULL;
}

/* Signals are the host's: none is delivered to the worker and to those that it starts, but for
 * those that say that this very thread is at fault. */
static int start(pthread_t *thread, mailbox *self)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t blocked, before;
    pthread_attr_t attributes;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        sigdelset(&blocked, own[i]);
    int refusal = pthread_attr_init(&attributes);
    if (refusal != 0)
        return refusal;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    refusal = pthread_create(thread, &attributes, work_thread, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return refusal;
}

/* ---- the caller ------------------------------------------------------------------------------ */

/* Passes one event on; called without the lock. */
static void pass(mailbox *self, int event, const char *text, size_t done, size_t total)
{
    if (self->call->callback(self->call->self, event, text, done, total) != 0)
        atomic_store(&self->stop, true);
}

/* Waits for news, for one tick at most; true when there are none. */
static bool tick(mailbox *self)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!self->full && !self->finished)
        if (pthread_cond_timedwait(&self->news, &self->lock, &until) != 0)
            break;
    return !self->full && !self->finished;
}

/* Until the work is done: what it says, and ticks. Progress goes before what came after it. */
static void attend(mailbox *self)
{
    pthread_mutex_lock(&self->lock);
    for (bool done = false; !done;) {
        bool quiet = tick(self), moved = self->moved, full = self->full;
        size_t at = self->done, total = self->total;
        done = self->finished && !full;
        self->moved = false;
        pthread_mutex_unlock(&self->lock);
        if (moved)
            pass(self, KIN_EVENT_PROGRESS, NULL, at, total);
        else if (quiet)
            pass(self, KIN_EVENT_TICK, NULL, 0, 0);
        if (full)
            pass(self, self->event, self->text, 0, 0);
        pthread_mutex_lock(&self->lock);
        if (full) {
            self->full = false;
            pthread_cond_signal(&self->taken);
        }
    }
    pthread_mutex_unlock(&self->lock);
}

static void init(mailbox *self)
{
    pthread_condattr_t steady;
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->news, &steady);
    pthread_cond_init(&self->taken, NULL);
    pthread_condattr_destroy(&steady);
}

static void release(mailbox *self)
{
    pthread_cond_destroy(&self->taken);
    pthread_cond_destroy(&self->news);
    pthread_mutex_destroy(&self->lock);
}

int kin_call_run(const kin_call *self, kin_error *err)
{
    mailbox box = {.call = self};
    pthread_t thread;
    init(&box);
    int refusal = start(&thread, &box);
    if (refusal != 0) {
        release(&box);
        return kin_fail(err, KIN_E_MEMORY, "raise the limits (ulimit -u, ulimit -v)",
                        "no thread can be started: %s", strerrordesc_np(refusal));
    }
    if (self->callback)
        attend(&box);
    pthread_join(thread, NULL);
    release(&box);
    if (box.rc != 0 && err)
        *err = box.err;
    return box.rc;
}

int kin_call_threads(int64_t threads, kin_error *err)
{
    kin_threads_set((int)threads);
    return kin_threads_check(err);
}
