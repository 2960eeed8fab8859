#include "core/error.h"
#include "core/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char kin_disk_hint[] = "check the file system it lies on";

/* Ends a text that did not fit its `size` bytes with dots, so that a cut is seen as a cut. */
static void mark_cut(char *text, size_t size, size_t wanted)
{
    static const char dots[] = "...";
    if (wanted >= size)
        memcpy(text + size - sizeof dots, dots, sizeof dots);
}

/* Makes a text one line, whatever the names and values in it hold: "?" for each character that is
 * none of a line. Bytes that are no UTF-8, as paths may have them, stay. */
static void make_line(char *text)
{
    size_t left = strlen(text);
    char *to = text;
    for (const char *from = text; left > 0;) {
        size_t whole = kin_utf8_length(from, left);
        size_t bytes = whole ? whole : 1;
        if (whole && kin_is_control(kin_utf8_character(from, whole))) {
            *to++ = '?';
        } else {
            memmove(to, from, bytes);
            to += bytes;
        }
        from += bytes;
        left -= bytes;
    }
    *to = '\0';
}

static void fill(kin_error *err, kin_code code, const char *hint, const char *format, va_list args)
{
    err->code = code;
    int wanted = vsnprintf(err->message, sizeof err->message, format, args);
    mark_cut(err->message, sizeof err->message, (size_t)wanted);
    make_line(err->message);
    wanted = snprintf(err->hint, sizeof err->hint, "%s", hint);
    mark_cut(err->hint, sizeof err->hint, (size_t)wanted);
    make_line(err->hint);
}

void kin_error_set(kin_error *err, kin_code code, const char *hint, const char *format, ...)
{
    if (!err)
        return;
    va_list args;
    va_start(args, format);
    fill(err, code, hint, format, args);
    va_end(args);
}

const char *kin_errno_hint(int number)
{
    switch (number) {
    case ENOSPC:
        return "make room on the disk, or choose a place on another one";
    case EDQUOT:
        return "make room in your disk quota, or choose a place on another disk";
    case EFBIG:
        return "raise the limit on the size of files: ulimit -f";
    case EMFILE:
        return "raise the limit on open files: ulimit -n";
    case ENFILE:
        return "the system has too many open files: end other programs, or raise fs.file-max";
    case EACCES:
    case EPERM:
        return "check the permissions of the path and of the folders above it";
    case EROFS:
        return "this file system may only be read: choose a place on another one";
    case EIO:
        return "the disk or its file system fails: look at the system's log, or use another disk";
    case ENOMEM:
        return "free memory on this machine, or raise its limits: ulimit -v, ulimit -d";
    case ENOLCK:
        return "this file system locks no files: choose a place on another one";
    case ENAMETOOLONG:
        return "choose a shorter name";
    case ELOOP:
        return "name the file or folder itself, not a symbolic link";
    default:
        return NULL;
    }
}

void kin_error_set_errno(kin_error *err, kin_code code, const char *hint, const char *format, ...)
{
    int saved = errno;
    if (!err)
        return;
    const char *known = kin_errno_hint(saved);
    va_list args;
    va_start(args, format);
    fill(err, kin_errno_code(saved, code), known ? known : hint, format, args);
    va_end(args);
    size_t used = strlen(err->message);
    int more = snprintf(err->message + used, sizeof err->message - used, ": %s", strerror(saved));
    mark_cut(err->message, sizeof err->message, used + (size_t)more);
    errno = saved;
}

void kin_error_set_alloc(kin_error *err, const char *what, unsigned long long bytes)
{
    kin_error_set(err, KIN_E_MEMORY, "free memory on this machine, or give a smaller --memory",
                  "%s: the system refused %llu bytes", what, bytes);
}
