#include "core/monitor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int kin_monitor_check(const kin_monitor *self, kin_error *err)
{
    if (self && self->stopped && self->stopped(self->self))
        return kin_fail(err, KIN_E_STOPPED, "nothing was written", "stopped by a signal");
    return 0;
}

void kin_monitor_progress(const kin_monitor *self, size_t done, size_t total)
{
    if (self && self->progress)
        self->progress(self->self, done, total);
}

void kin_monitor_stage(const kin_monitor *self, const char *name)
{
    if (self && self->stage)
        self->stage(self->self, name);
}

/* Most lines fit here; a longer one, of long paths, takes memory, and is cut where that is
 * refused. */
enum { LINE_BYTES = 1024 };

void kin_monitor_message(const kin_monitor *self, kin_level level, const char *format, ...)
{
    char line[LINE_BYTES];
    char *whole = NULL;
    va_list arguments, again;
    if (!self || !self->message)
        return;
    va_start(arguments, format);
    va_copy(again, arguments);
    if (vsnprintf(line, sizeof line, format, arguments) >= LINE_BYTES &&
        vasprintf(&whole, format, again) < 0)
        whole = NULL;
    va_end(again);
    va_end(arguments);
    self->message(self->self, level, whole ? whole : line);
    free(whole);
}

double kin_clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
