/*
 * A FAISS file opened by a process of its own (tools/index_reader.h), whose address space is
 * bounded by the file's size: what makes FAISS crash or ask for all memory there is named as damage
 * here.
 */
#include "tools/index_reader.h"
#include "ann/faiss_api.h"
#include "core/file.h"
#include "tools/no_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char damaged[] = "the folder is damaged: build it again";

/* What the reading process answers. */
typedef struct reader_answer {
    int rc;
    kin_error err;
} reader_answer;

enum { SLACK = 64 << 20 };

/* Whether that much memory can be had now. */
static bool is_free(size_t bytes)
{
    void *memory = malloc(bytes);
    bool free_now = memory != NULL;
    free(memory);
    return free_now;
}

/* Bounds the address space by what a file of that size can need; false where it is bounded more
 * tightly already. */
static bool bound_memory(size_t bytes)
{
    enum { FACTOR = 4 };
    unsigned long long pages = 0;
    struct rlimit limit;
    FILE *sizes = fopen("/proc/self/statm", "re");
    bool known = sizes && fscanf(sizes, "%llu", &pages) == 1 && getrlimit(RLIMIT_AS, &limit) == 0;
    if (sizes)
        fclose(sizes);
    if (!known)
        return false;
    rlim_t most = pages * (rlim_t)sysconf(_SC_PAGESIZE) + FACTOR * (rlim_t)bytes + SLACK;
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur <= most)
        return false;
    limit.rlim_cur = most;
    return setrlimit(RLIMIT_AS, &limit) == 0;
}

/* The reading process: opens the file and writes how that went. Never returns. */
static void read_and_answer(const kin_index_file *file, int to)
{
    reader_answer answer = {0};
    kin_faiss *faiss = NULL;

    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    signal(SIGBUS, SIG_DFL);
    no_memory_release(); /* an answer, not an end */
    bool bounded = bound_memory(file->bytes);
    for (int tries = 0; tries == 0 || (tries == 1 && answer.rc == KIN_E_MEMORY); tries++)
        answer.rc = /* twice: a moment without memory is no damage */
            kin_faiss_read(&faiss, file->dir, file->name, file->ivf, file->d, file->vectors,
                           &answer.err);
    if (answer.rc == KIN_E_MEMORY && bounded && is_free(SLACK / 2 + file->bytes))
        answer.rc = kin_fail(&answer.err, KIN_E_DATA, damaged,
                             "%s/%s asks for more memory than its %zu bytes explain",
                             file->dir->path, file->name, file->bytes);
    ssize_t written = write(to, &answer, sizeof answer); /* in one piece: less than PIPE_BUF */
    _exit(written == (ssize_t)sizeof answer ? 0 : 1);
}

/* The failure of a process that ended with `status` and without an answer. Signals that a process
 * brings on itself are the file's doing. Others come from outside: SIGKILL from the kernel where
 * the machine has no memory left. */
static int fail_ended(int status, const char *path, const char *name, kin_error *err)
{
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    bool own = number == SIGSEGV || number == SIGBUS || number == SIGABRT || number == SIGFPE ||
               number == SIGILL || number == SIGTRAP || number == SIGSYS;
    if (number == SIGKILL)
        return kin_fail(err, KIN_E_MEMORY, "free memory on this machine, or its cgroup",
                        "%s/%s: the process that reads it was killed", path, name);
    if (number && !own)
        return kin_fail(err, KIN_E_AGAIN, "run it again",
                        "%s/%s: the process that reads it was ended by signal %d", path, name,
                        number);
    return kin_fail(err, KIN_E_DATA, damaged, "%s/%s: FAISS ends with %s %d when it reads it", path,
                    name, number ? "signal" : "status", number ? number : WEXITSTATUS(status));
}

int index_reader_open(void *self, const kin_index_file *file, kin_error *err)
{
    int ends[2];
    (void)self;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return kin_fail_errno(err, KIN_E_IO, "raise the limit of open files: ulimit -n",
                              "%s/%s cannot be read by FAISS", file->dir->path, file->name);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        read_and_answer(file, ends[1]);
    int reason = errno;
    close(ends[1]);
    reader_answer answer;
    bool answered =
        child > 0 && KIN_RETRY(read(ends[0], &answer, sizeof answer)) == (ssize_t)sizeof answer;
    close(ends[0]);
    errno = reason;
    if (child < 0)
        return kin_fail_errno(err, KIN_E_MEMORY, "free memory, or raise the limit of processes",
                              "%s/%s: no process can be started to read it", file->dir->path,
                              file->name);
    int status = 0;
    (void)KIN_RETRY(waitpid(child, &status, 0));
    if (!answered)
        return fail_ended(status, file->dir->path, file->name, err);
    if (answer.rc != 0 && err)
        *err = answer.err;
    return answer.rc;
}
