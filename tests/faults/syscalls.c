/*
 * A library to be preloaded into kin: system calls that change or take something, one of which
 * fails, stops or kills the process (tests/cli/kin_faults.py runs it).
 *
 * Calls are counted that the first thread makes (others come at any time), in the command itself or
 * in a library that works for it (zlib, jansson, FAISS), not those of the loader and of libraries
 * that start up. What libc does inside of fopen(3) and fclose(3) is not seen: these are counted
 * themselves. Not for programs with sanitizers.
 *
 *     TEST_CALLS=FILE      appends the name of each call to FILE, a line each
 *     TEST_FAULT=N:WHAT    the N-th call (from 1) does WHAT: a number, which becomes its errno;
 *                          "kill" or "stop", a signal before the call
 *     TEST_FAULT_CALL=NAME only calls of this name are counted
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long fault_at;
static int fault_errno, fault_signal;
static const char *only;
static int record = -1;
static long counted;
static __thread bool inside; /* the looking up of a symbol makes calls of its own */

__attribute__((constructor)) static void start(void)
{
    const char *fault = getenv("TEST_FAULT");
    const char *calls = getenv("TEST_CALLS");
    only = getenv("TEST_FAULT_CALL");
    if (fault) {
        char *what;
        fault_at = strtol(fault, &what, 10);
        what += *what == ':';
        fault_signal = strcmp(what, "kill") == 0   ? SIGKILL
                       : strcmp(what, "stop") == 0 ? SIGSTOP
                                                   : 0;
        fault_errno = atoi(what);
    }
    if (calls)
        record = (int)syscall(SYS_openat, AT_FDCWD, calls,
                              O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    /* out of the way of the descriptors that the program gets */
    if (record >= 0) {
        int high = (int)syscall(SYS_fcntl, record, F_DUPFD_CLOEXEC, 500);
        syscall(SYS_close, record);
        record = high;
    }
}

/* Whether the code at this address is the command's, or works for it. */
static bool is_counted(const void *caller)
{
    Dl_info info;
    if (dladdr(caller, &info) == 0 || !info.dli_fname)
        return false;
    const char *slash = strrchr(info.dli_fname, '/');
    const char *name = slash ? slash + 1 : info.dli_fname;
    return strcmp(name, "kin") == 0 || strncmp(name, "libz.so", 7) == 0 ||
           strncmp(name, "libjansson", 10) == 0 || strncmp(name, "libfaiss", 8) == 0;
}

/* Counts the call; whether it is to fail, with errno. */
static bool fails(const char *name, const void *caller)
{
    if (inside || (only && strcmp(name, only) != 0) || gettid() != getpid())
        return false;
    inside = true;
    bool ours = is_counted(caller);
    inside = false;
    if (!ours)
        return false;
    long number = __atomic_add_fetch(&counted, 1, __ATOMIC_SEQ_CST);
    if (record >= 0) {
        char line[64];
        int length = snprintf(line, sizeof line, "%s\n", name);
        syscall(SYS_write, record, line, length);
    }
    if (number != fault_at)
        return false;
    if (fault_signal)
        raise(fault_signal);
    if (!fault_errno)
        return false;
    errno = fault_errno;
    return true;
}

/* The function of this name behind this library. */
static void *next(const char *name)
{
    inside = true;
    void *found = dlsym(RTLD_NEXT, name);
    inside = false;
    return found;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): a list of parameters takes none */

/* A function that fails with `failed` before it does anything. */
#define CALL(type, name, failed, parameters, arguments)                                            \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*real) parameters;                                                             \
        if (!real)                                                                                 \
            *(void **)&real = next(#name);                                                         \
        if (fails(#name, __builtin_return_address(0)))                                             \
            return failed;                                                                         \
        return real arguments;                                                                     \
    }

/* One that has done its work when it fails: a descriptor or a stream is closed in any case. */
#define CLOSING(type, name, parameter)                                                             \
    int name(type parameter)                                                                       \
    {                                                                                              \
        static int (*real)(type);                                                                  \
        if (!real)                                                                                 \
            *(void **)&real = next(#name);                                                         \
        if (!fails(#name, __builtin_return_address(0)))                                            \
            return real(parameter);                                                                \
        int saved = errno;                                                                         \
        real(parameter);                                                                           \
        errno = saved;                                                                             \
        return -1;                                                                                 \
    }

/* open(2) and its kin, whose last argument is there for new files only: these are counted as
 * "create". */
#define OPENING(name, parameters, arguments)                                                       \
    int name parameters                                                                            \
    {                                                                                              \
        static int(*real) parameters;                                                              \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                    \
        va_end(rest);                                                                              \
        if (!real)                                                                                 \
            *(void **)&real = next(#name);                                                         \
        if (fails(flags & O_CREAT ? "create" : #name, __builtin_return_address(0)))                \
            return -1;                                                                             \
        return real arguments;                                                                     \
    }

/* Whether a call on a stream is one to fail: behind the log's stream and streams in memory is
 * nothing that could. A stream remembers that it failed. */
static bool stream_fails(const char *name, FILE *file, const void *caller)
{
    if (file == stderr || !file || fileno(file) < 0 || !fails(name, caller))
        return false;
    file->_flags |= 0x20; /* _IO_ERR_SEEN: what ferror(3) asks */
    return true;
}

#define STREAM(type, name, failed, parameters, arguments)                                          \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*real) parameters;                                                             \
        if (!real)                                                                                 \
            *(void **)&real = next(#name);                                                         \
        if (stream_fails(#name, file, __builtin_return_address(0)))                                \
            return failed;                                                                         \
        return real arguments;                                                                     \
    }

/* NOLINTEND(bugprone-macro-parentheses) */

STREAM(size_t, fwrite, 0, (const void *data, size_t size, size_t count, FILE *file),
       (data, size, count, file))
STREAM(int, fflush, EOF, (FILE * file), (file))
OPENING(open, (const char *path, int flags, ...), (path, flags, mode))
OPENING(open64, (const char *path, int flags, ...), (path, flags, mode))
OPENING(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode))
OPENING(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode))
CALL(FILE *, fopen, NULL, (const char *path, const char *mode), (path, mode))
CALL(FILE *, fopen64, NULL, (const char *path, const char *mode), (path, mode))
CALL(FILE *, fdopen, NULL, (int fd, const char *mode), (fd, mode))
CALL(DIR *, opendir, NULL, (const char *path), (path))
CALL(DIR *, fdopendir, NULL, (int fd), (fd))
CALL(int, mkdir, -1, (const char *path, mode_t mode), (path, mode))
CALL(int, mkdirat, -1, (int at, const char *path, mode_t mode), (at, path, mode))
CALL(char *, mkdtemp, NULL, (char *path), (path))
CALL(int, mkstemp, -1, (char *path), (path))
CALL(int, mkstemp64, -1, (char *path), (path))
CALL(int, mkostemp, -1, (char *path, int flags), (path, flags))
CALL(ssize_t, read, -1, (int fd, void *data, size_t bytes), (fd, data, bytes))
CALL(ssize_t, pread, -1, (int fd, void *data, size_t bytes, off_t at), (fd, data, bytes, at))
CALL(ssize_t, write, -1, (int fd, const void *data, size_t bytes), (fd, data, bytes))
CALL(ssize_t, pwrite, -1, (int fd, const void *data, size_t bytes, off_t at), (fd, data, bytes, at))
STREAM(size_t, fread, 0, (void *data, size_t size, size_t count, FILE *file),
       (data, size, count, file))
CALL(int, ftruncate, -1, (int fd, off_t bytes), (fd, bytes))
CALL(int, ftruncate64, -1, (int fd, off_t bytes), (fd, bytes))
CALL(int, posix_fallocate, errno, (int fd, off_t at, off_t bytes), (fd, at, bytes))
CALL(int, posix_fallocate64, errno, (int fd, off_t at, off_t bytes), (fd, at, bytes))
CALL(int, fallocate, -1, (int fd, int mode, off_t at, off_t bytes), (fd, mode, at, bytes))
CALL(int, fsync, -1, (int fd), (fd))
CALL(int, fdatasync, -1, (int fd), (fd))
CALL(int, msync, -1, (void *data, size_t bytes, int flags), (data, bytes, flags))
CALL(int, rename, -1, (const char *from, const char *to), (from, to))
CALL(int, renameat, -1, (int in, const char *from, int at, const char *to), (in, from, at, to))
CALL(int, renameat2, -1, (int in, const char *from, int at, const char *to, unsigned flags),
     (in, from, at, to, flags))
CALL(int, linkat, -1, (int in, const char *from, int at, const char *to, int flags),
     (in, from, at, to, flags))
CALL(int, flock, -1, (int fd, int operation), (fd, operation))
CALL(int, unlink, -1, (const char *path), (path))
CALL(int, unlinkat, -1, (int at, const char *path, int flags), (at, path, flags))
CALL(int, rmdir, -1, (const char *path), (path))
CALL(int, remove, -1, (const char *path), (path))
CALL(int, chmod, -1, (const char *path, mode_t mode), (path, mode))
CALL(int, fchmod, -1, (int fd, mode_t mode), (fd, mode))
CALL(void *, mmap, MAP_FAILED,
     (void *at, size_t bytes, int protection, int flags, int fd, off_t from),
     (at, bytes, protection, flags, fd, from))
CALL(void *, mmap64, MAP_FAILED,
     (void *at, size_t bytes, int protection, int flags, int fd, off_t from),
     (at, bytes, protection, flags, fd, from))
CLOSING(int, close, fd)
CLOSING(FILE *, fclose, file)
CLOSING(DIR *, closedir, folder)
