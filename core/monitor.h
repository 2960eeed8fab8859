#ifndef KIN_CORE_MONITOR_H
#define KIN_CORE_MONITOR_H
/*
 * The monitor of a run: progress, messages and cancellation as callbacks of the caller.
 *
 * A library function prints nothing and handles no signal: it reports here, and looks here whether
 * it is to stop. Every callback may be NULL, and so may the monitor itself. Callbacks are called
 * from the thread that called the function, one at a time.
 */
#include "core/error.h"
#include <stdbool.h>
#include <stddef.h>

typedef enum kin_level {
    KIN_LEVEL_INFO,
    KIN_LEVEL_WARNING,
} kin_level;

typedef struct kin_monitor {
    void *self; /* the callbacks' first argument */
    void (*progress)(void *self, size_t done,
                     size_t total); /* work done, in items; from 0 again for each attempt */
    void (*stage)(void *self, const char *name); /* a stage begins: "search" ... */
    bool (*stopped)(void *self);                 /* whether to stop */
    void (*message)(void *self, kin_level level, const char *text); /* one line, no line end */
} kin_monitor;

/* KIN_E_STOPPED once the monitor says so, else 0. */
int kin_monitor_check(const kin_monitor *self, kin_error *err);

void kin_monitor_progress(const kin_monitor *self, size_t done, size_t total);
void kin_monitor_stage(const kin_monitor *self, const char *name);

/* Formats one line, without a line end, and passes it on. */
void kin_monitor_message(const kin_monitor *self, kin_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Seconds of a monotonic clock, for how long something took. */
double kin_clock_seconds(void);

#endif
