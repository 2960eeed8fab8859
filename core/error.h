#ifndef KIN_CORE_ERROR_H
#define KIN_CORE_ERROR_H
/*
 * Errors: one list of codes, and one record that says what went wrong and what to do about it.
 *
 * Every function that can fail returns 0 or a negative kin_code and takes `kin_error *err` last.
 * `err` may be NULL. It is written only on failure, by the function that found the fault; callers
 * pass it through untouched, so that the message names the place closest to the cause.
 * A code is the negative of the process exit status that the command gives for it. Codes and record
 * are part of the library's interface: kin/kin.h has them.
 */

#include "kin/kin.h"
#include <errno.h>
#include <stdbool.h>

/* Fills *err (unless NULL) and has the value `code`, so that callers can `return kin_fail(...)`.
 * `hint` is plain text; the format and what follows are printf's. Too long a text is cut and ends
 * in "..."; control characters, as names in it may have, become "?". Macros, so that compilers and
 * analysers see at the call that the value is not 0. */
#define kin_fail(err, code, hint, ...)                                                             \
    (kin_error_set((err), (code), (hint), __VA_ARGS__), (int)(code))

/* kin_fail for a failed system call: appends strerror(errno) to the message. Where errno itself
 * says what is to be done (the disk is full, too many files are open, ...) the hint is
 * kin_errno_hint's and `hint` is not used: give one that fits the call and every other errno. The
 * code is kin_errno_code's: a refusal of memory is never damage and never a missing file. */
#define kin_fail_errno(err, code, hint, ...)                                                       \
    (kin_error_set_errno((err), (code), (hint), __VA_ARGS__), (int)kin_errno_code(errno, (code)))

/* The hint of a call on a file that exists, for errnos that kin_errno_hint does not know. */
extern const char kin_disk_hint[];

/* What to do about a failure of this number, NULL where that depends on the call. */
const char *kin_errno_hint(int number);

/* The code of a failure of this number at a call whose other failures are `code`: memory is
 * KIN_E_MEMORY anywhere; a file that is there and cannot be opened for want of descriptors, or
 * because of its disk, is KIN_E_IO and not KIN_E_NOINPUT. */
static inline kin_code kin_errno_code(int number, kin_code code)
{
    if (number == ENOMEM)
        return KIN_E_MEMORY;
    bool there = number == EMFILE || number == ENFILE || number == EIO;
    return there && code == KIN_E_NOINPUT ? KIN_E_IO : code;
}

/* kin_fail(KIN_E_MEMORY) for an allocation of `bytes` for `what` that malloc refused. */
#define kin_fail_alloc(err, what, bytes)                                                           \
    (kin_error_set_alloc((err), (what), (bytes)), (int)KIN_E_MEMORY)

void kin_error_set(kin_error *err, kin_code code, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void kin_error_set_errno(kin_error *err, kin_code code, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void kin_error_set_alloc(kin_error *err, const char *what, unsigned long long bytes);

#endif
