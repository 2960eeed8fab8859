#ifndef KIN_KIN_CALL_H
#define KIN_KIN_CALL_H
/*
 * A call of the library: its work on a thread of its own, its callbacks on the caller's.
 *
 * Why a thread: OpenMP hangs in the thread that forked a process whose parent used it, and works in
 * a new one; counts of threads, the locale and the mask of signals that are set in a thread are
 * that thread's, so the caller's stay; and the caller waits where signals reach it, and may be
 * asked whether to stop.
 */
#include "core/monitor.h"
#include "kin/kin.h"
#include <locale.h>

typedef struct kin_call {
    /* What is done there; its result is the call's. */
    int (*run)(void *work, const kin_monitor *monitor, kin_error *err);
    void *work;
    bool in_turn;           /* one of these at a time in the process; others wait */
    kin_callback *callback; /* may be NULL */
    void *self;             /* its first argument */
} kin_call;

/* Runs it to its end. *err (may be NULL) is written on failure alone. */
int kin_call_run(const kin_call *self, kin_error *err);

/* For what is done on the caller's thread: from begin to end it has the C locale, so that numbers
 * in messages look the same everywhere. */
locale_t kin_locale_begin(void);
void kin_locale_end(locale_t before);

/* For the work itself: from now on it uses so many threads, 0: what the machine has. KIN_E_MEMORY
 * where the system does not start them. */
int kin_call_threads(int64_t threads, kin_error *err);

#endif
