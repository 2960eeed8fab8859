/*
 * One line instead of a process that hangs where the limits on memory are too low for OpenBLAS.
 *
 * OpenBLAS maps a buffer per thread in a constructor, before main and for every command, and asks
 * again without end where the system refuses one. A function in .preinit_array runs before the
 * constructors of all libraries: it maps the same buffers one by one, returns them untouched, and
 * ends the process where one is refused. It asks the system itself, so that every kind of limit
 * counts: RLIMIT_AS, RLIMIT_DATA and overcommit. Cost: two system calls a thread.
 *
 * It leaves out the loader: a limit on address space that does not hold the libraries (about 60
 * MiB) is answered by the loader, in one line, before any code of this program runs.
 */
#include "core/error.h"
#include "core/threads.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    THREADS_MAX = 128,      /* that an OpenBLAS of a distribution is built for; Debian's: 64 */
    SPARE_BYTES = 16 << 20, /* what the libraries' constructors and main take besides */
};

/* A sanitizer may start later than this runs. */
#define BEFORE_ALL __attribute__((no_sanitize("address", "undefined", "thread")))

/* How many buffers OpenBLAS maps at its start: one for each thread that it would use by itself, as
 * its OpenMP build counts them. */
BEFORE_ALL static int count_buffers(char **environment)
{
    static const char name[] = "OMP_NUM_THREADS=";
    long processors = sysconf(_SC_NPROCESSORS_CONF);
    int count = processors > 0 && processors < THREADS_MAX ? (int)processors : THREADS_MAX;
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, sizeof name - 1) == 0) {
            int wanted = atoi(*environment + sizeof name - 1);
            return wanted > 0 && wanted < count ? wanted : count;
        }
    return count;
}

/* Whether `count` buffers and what is spared fit, all at once: one large mapping would be refused
 * on a small machine that grants the same bytes in pieces. */
BEFORE_ALL static bool buffers_fit(size_t count)
{
    const size_t bytes = KIN_BLAS_BUFFER_BYTES;
    void *mapped[THREADS_MAX + 1];
    size_t held = 0;
    bool refused = false;
    for (; held <= count && !refused; held += !refused) {
        size_t wanted = held < count ? bytes : SPARE_BYTES;
        long at = syscall(SYS_mmap, NULL, wanted, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0L);
        refused = at == -1;
        mapped[held] = (void *)at; /* NOLINT(performance-no-int-to-ptr) */
    }
    while (held > 0) {
        held--;
        syscall(SYS_munmap, mapped[held], held < count ? bytes : SPARE_BYTES);
    }
    return !refused;
}

BEFORE_ALL static void guard_memory(int argc, char **argv, char **environment)
{
    (void)argc;
    (void)argv;
    char text[512];
    int count = count_buffers(environment);
    if (buffers_fit((size_t)count))
        return;
    int length = snprintf(
        text, sizeof text,
        "ERROR OpenBLAS maps %zu MiB of address space at its start, for %d thread%s: the limits "
        "on memory do not leave as much\n"
        "hint: raise the limits (ulimit -v, ulimit -d)%s\n",
        ((size_t)count * KIN_BLAS_BUFFER_BYTES + SPARE_BYTES) >> 20, count, count == 1 ? "" : "s",
        count == 1 ? "" : ", or set OMP_NUM_THREADS=1");
    ssize_t written = write(STDERR_FILENO, text, (size_t)length);
    (void)written;
    _exit(-KIN_E_MEMORY);
}

typedef void start_function(int argc, char **argv, char **environment);
__attribute__((section(".preinit_array"), used)) static start_function *const before_libraries =
    guard_memory;
