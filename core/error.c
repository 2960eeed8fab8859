#include "core/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Ends a text that did not fit in `size` bytes with dots, so that a cut is seen as a cut. */
static void mark_cut(char *text, size_t size, int wanted)
{
    if (wanted >= (int)size)
        memcpy(text + size - 4, "...", 4);
}

static void fill(kin_error *err, kin_code code, const char *hint, const char *format, va_list args)
{
    err->code = code;
    mark_cut(err->message, sizeof err->message,
             vsnprintf(err->message, sizeof err->message, format, args));
    mark_cut(err->hint, sizeof err->hint, snprintf(err->hint, sizeof err->hint, "%s", hint));
}

int kin_fail(kin_error *err, kin_code code, const char *hint, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        fill(err, code, hint, format, args);
        va_end(args);
    }
    return code;
}

int kin_fail_errno(kin_error *err, kin_code code, const char *hint, const char *format, ...)
{
    int saved = errno;
    if (err) {
        va_list args;
        va_start(args, format);
        fill(err, code, hint, format, args);
        va_end(args);
        size_t used = strlen(err->message);
        size_t room = sizeof err->message - used;
        mark_cut(err->message + used, room,
                 snprintf(err->message + used, room, ": %s", strerror(saved)));
    }
    errno = saved;
    return code;
}

int kin_fail_alloc(kin_error *err, const char *what, unsigned long long bytes)
{
    return kin_fail(err, KIN_E_MEMORY, "free memory on this machine, or give a smaller --memory",
                    "%s: the system refused %llu bytes", what, bytes);
}
