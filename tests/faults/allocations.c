/*
 * Refuses memory: a library to preload, in which malloc and its kin fail at a chosen place, once or
 * from there on, while the rest of the program is as it is. tests/cli/allocations.py drives it.
 *
 * What is counted: every call of an allocating function from main() on, by any caller: the program,
 * jansson, zlib, FAISS (by way of operator new), and libc itself for strdup, vasprintf, fopen or
 * open_memstream. Not counted is what a program can do nothing about: libgomp ends the process when
 * it has no memory, OpenBLAS asks again without end, the dynamic loader and libgcc's unwinder
 * abort; and what is no product: cmocka, and the functions of a test program itself, whose places
 * in the file tests/cli/allocations.py names.
 *
 * A trial is a process of its own, forked in front of main(), or of one test function of a cmocka
 * program. Before the trials the same work runs once undisturbed and notes where each allocation
 * comes from: trials are then made of the first allocations of every call stack, or of all.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* glibc's own names of what is put in front of here. */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *old, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);

enum { RANGES_MAX = 4096, STACK_MAX = 24, ALLOCATIONS_MAX = 1 << 22 };

/* ---- whose code an address is ---------------------------------------------------------------- */

typedef struct range {
    uintptr_t start, end;
} range;

static range uncounted[RANGES_MAX]; /* who may allocate without a count */
static size_t uncounted_count;
static range own[RANGES_MAX]; /* of them, the test program's own functions */
static size_t own_count;
static range cxx[4]; /* the C++ library */
static size_t cxx_count;
static range program; /* the executable */

static bool in(const range *list, size_t count, uintptr_t address)
{
    for (size_t i = 0; i < count; i++)
        if (address >= list[i].start && address < list[i].end)
            return true;
    return false;
}

static void add(range *list, size_t *count, uintptr_t start, uintptr_t end)
{
    if (*count < RANGES_MAX)
        list[(*count)++] = (range){start, end};
}

static int note_object(struct dl_phdr_info *info, size_t size, void *unused)
{
    static const char *const names[] = {"libgomp",   "libopenblas", "libgfortran",
                                        "libcmocka", "libquadmath", "ld-linux",
                                        "libgcc_s",  "/ld-",        "fault_allocations"};
    (void)size;
    (void)unused;
    bool is_program = info->dlpi_name[0] == '\0', is_uncounted = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        is_uncounted = is_uncounted || strstr(info->dlpi_name, names[i]);
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + part->p_vaddr;
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
            continue;
        if (is_uncounted)
            add(uncounted, &uncounted_count, start, start + part->p_memsz);
        if (strstr(info->dlpi_name, "libstdc++") && cxx_count < sizeof cxx / sizeof *cxx)
            add(cxx, &cxx_count, start, start + part->p_memsz);
        if (is_program && !program.end)
            program = (range){start, start + part->p_memsz};
    }
    return 0;
}

/* The program's base, for the ranges of the file, which count from it. */
static int note_base(struct dl_phdr_info *info, size_t size, void *base)
{
    (void)size;
    if (info->dlpi_name[0] == '\0') {
        *(uintptr_t *)base = info->dlpi_addr;
        return 1;
    }
    return 0;
}

static void read_own(const char *path)
{
    uintptr_t base = 0, start, bytes;
    FILE *file = path ? fopen(path, "re") : NULL;
    dl_iterate_phdr(note_base, &base);
    while (file && fscanf(file, "%lx %lx", &start, &bytes) == 2) {
        add(own, &own_count, base + start, base + start + bytes);
        add(uncounted, &uncounted_count, base + start, base + start + bytes);
    }
    if (file)
        fclose(file);
}

/* ---- counting and refusing ------------------------------------------------------------------- */

/* Shared with the process that made this one. */
typedef struct board {
    atomic_size_t asked;             /* allocations that were counted */
    atomic_size_t refused;           /* of them */
    uint64_t stack[ALLOCATIONS_MAX]; /* where each came from, of the undisturbed run */
} board;

static board *shared;
static bool armed, noting, sticky;
static size_t refuse_at;
static _Thread_local bool inside; /* the unwinder allocates too */

static uint64_t hash_stack(void)
{
    void *frame[STACK_MAX];
    inside = true;
    int depth = backtrace(frame, STACK_MAX);
    inside = false;
    uint64_t hash = 1469598103934665603u;
    for (int i = 0; i < depth; i++)
        hash = (hash ^ (uintptr_t)frame[i]) * 1099511628211u;
    return hash;
}

/* Whether the innermost function of the program is the test's own: it need not look at what it gets
 * from libc or jansson. Where C++ allocates it never is. */
static bool is_for_test(void *caller)
{
    void *frame[STACK_MAX];
    if (own_count == 0 || in(&program, 1, (uintptr_t)caller) ||
        in(cxx, cxx_count, (uintptr_t)caller))
        return false;
    inside = true;
    int depth = backtrace(frame, STACK_MAX), i = 0;
    inside = false;
    while (i < depth && !in(&program, 1, (uintptr_t)frame[i]))
        i++;
    return i < depth && in(own, own_count, (uintptr_t)frame[i] - 1);
}

static bool refuse(void *caller)
{
    if (!armed || inside || in(uncounted, uncounted_count, (uintptr_t)caller) ||
        is_for_test(caller))
        return false;
    size_t n = atomic_fetch_add(&shared->asked, 1) + 1;
    if (noting && n <= ALLOCATIONS_MAX)
        shared->stack[n - 1] = hash_stack();
    bool no = refuse_at > 0 && (n == refuse_at || (sticky && n > refuse_at));
    if (no) {
        atomic_fetch_add(&shared->refused, 1);
        errno = ENOMEM;
    }
    return no;
}

void *malloc(size_t bytes)
{
    return refuse(__builtin_return_address(0)) ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    return refuse(__builtin_return_address(0)) ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes)
{
    return bytes > 0 && refuse(__builtin_return_address(0)) ? NULL : __libc_realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return refuse(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, bytes);
}

void *memalign(size_t alignment, size_t bytes)
{
    return refuse(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes)
{
    void *memory = refuse(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, bytes);
    if (memory)
        *out = memory;
    return memory ? 0 : ENOMEM;
}

static void arm(size_t at, bool all_after, bool note)
{
    shared->asked = shared->refused = 0;
    refuse_at = at;
    sticky = all_after;
    noting = note;
    armed = true;
}

static void prepare(void)
{
    void *warm[4];
    backtrace(warm, 4); /* loads libgcc */
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        abort();
    dl_iterate_phdr(note_object, NULL);
    read_own(getenv("ALLOCATIONS_OWN"));
    unsetenv("LD_PRELOAD"); /* not for what the program starts */
}

/* A trial that hangs ends by a signal: of its processor time, or (where it waits) of a clock that a
 * busy machine does not reach. */
static void limit_time(double usual_seconds)
{
    rlim_t most = 60 + (rlim_t)(20 * usual_seconds);
    struct rlimit limit = {most, most};
    setrlimit(RLIMIT_CPU, &limit);
    alarm(20 * (unsigned)most);
    limit = (struct rlimit){0, 0};
    setrlimit(RLIMIT_CORE, &limit);
}

/* ---- trials of main() ------------------------------------------------------------------------ */

static void on_crash(int number);

typedef int main_function(int argc, char **argv, char **environment);
static main_function *real_main;

static void stdio_to(const char *path, int descriptor)
{
    FILE *file = path ? fopen(path, descriptor == 1 ? "w" : "w+") : NULL;
    if (!file || dup2(fileno(file), descriptor) < 0)
        _exit(99);
    fclose(file);
}

static int descriptor_of(const char *variable)
{
    const char *text = getenv(variable);
    return text ? atoi(text) : -1;
}

/* The numbers of the first allocation of every call stack, of the run before. */
static void print_stacks(FILE *out)
{
    size_t asked = shared->asked < ALLOCATIONS_MAX ? shared->asked : ALLOCATIONS_MAX;
    for (size_t i = 0; i < asked; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = shared->stack[j] == shared->stack[i];
        if (!seen)
            fprintf(out, "%zu ", i + 1);
    }
    fputs("\n", out);
}

typedef struct trial {
    size_t at;
    int all_after, note;
} trial;

/* The work in a process of its own; what waitpid says of it, -1 where there was none. */
static int try_work(const trial *self, int ask, int answer, int argc, char **argv,
                    char **environment)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        close(ask);
        close(answer);
        stdio_to(getenv("ALLOCATIONS_STDOUT"), 1);
        stdio_to(getenv("ALLOCATIONS_STDERR"), 2);
        limit_time(0);
        if (getenv("ALLOCATIONS_TRACE"))
            signal(SIGSEGV, on_crash);
        arm(self->at, self->all_after, self->note);
        exit(real_main(argc, argv, environment));
    }
    return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

/* "AT STICKY NOTE" a line on descriptor ALLOCATIONS_ASK: the work with that allocation refused, and
 * "STATUS ASKED REFUSED" on ALLOCATIONS_ANSWER. "stacks": print_stacks. */
static int serve(int argc, char **argv, char **environment)
{
    char line[64];
    int ask = descriptor_of("ALLOCATIONS_ASK"), answer = descriptor_of("ALLOCATIONS_ANSWER");
    FILE *in_file = fdopen(ask, "r"), *out = fdopen(answer, "w");
    while (in_file && out && fgets(line, sizeof line, in_file)) {
        trial next = {0};
        if (strcmp(line, "stacks\n") == 0) {
            print_stacks(out);
        } else if (sscanf(line, "%zu %d %d", &next.at, &next.all_after, &next.note) == 3) {
            int status = try_work(&next, ask, answer, argc, argv, environment);
            if (status < 0)
                return 97;
            fprintf(out, "%d %zu %zu\n", status, shared->asked, shared->refused);
        } else {
            return 98;
        }
        fflush(out);
    }
    return 0;
}

/* ---- trials of cmocka's tests ---------------------------------------------------------------- */

enum { TRIAL_CRASH = 251, TRIAL_OWN_CRASH = 252, TRIAL_UNCAUGHT = 253 };

typedef int (*fixture)(void **state);
struct CMUnitTest { /* as cmocka.h has it */
    const char *name;
    void (*test)(void **state);
    fixture setup, teardown;
    void *initial_state;
};
typedef int group_function(const char *name, const struct CMUnitTest *tests, size_t count,
                           fixture setup, fixture teardown);

/* NOLINTBEGIN(bugprone-signal-handler): backtrace was called before, and the process ends */
/* A signal that is a finding. The innermost frame of the program says whether the product or the
 * test is to blame: a test need not look at what memory it got. */
static void on_crash(int number)
{
    void *frame[64];
    armed = false;
    int depth = backtrace(frame, 64);
    for (int i = 0; i < depth; i++) {
        uintptr_t at = (uintptr_t)frame[i];
        if (at < program.start || at >= program.end)
            continue;
        bool mine = in(own, own_count, at - 1);
        if (!mine || number == SIGABRT) {
            dprintf(2, "signal %d\n", number);
            backtrace_symbols_fd(frame, depth, 2);
        }
        _exit(mine ? TRIAL_OWN_CRASH : TRIAL_CRASH);
    }
    backtrace_symbols_fd(frame, depth, 2);
    _exit(TRIAL_CRASH);
}
/* NOLINTEND(bugprone-signal-handler) */

static bool keep_handlers;

static bool is_kept(int number)
{
    return keep_handlers && (number == SIGSEGV || number == SIGBUS || number == SIGFPE ||
                             number == SIGILL || number == SIGABRT);
}

/* FAISS threw in a parallel region, which no exception may leave. The command ends itself before
 * (tools/no_memory.h); the library has no such right, so that this is all a unit program can come
 * to. */
static void on_uncaught(void)
{
    _exit(TRIAL_UNCAUGHT);
}

static void catch_uncaught(void)
{
    void (*(*set_terminate)(void (*)(void)))(void) =
        (void (*(*)(void (*)(void)))(void))dlsym(RTLD_NEXT, "_ZSt13set_terminatePFvvE");
    if (set_terminate)
        set_terminate(on_uncaught);
}

/* cmocka takes crashes for failed tests: not here. */
int sigaction(int number, const struct sigaction *action, struct sigaction *before)
{
    static int (*real)(int, const struct sigaction *, struct sigaction *);
    if (!real)
        real = (int (*)(int, const struct sigaction *, struct sigaction *))dlsym(RTLD_NEXT,
                                                                                 "sigaction");
    return real(number, is_kept(number) ? NULL : action, before);
}

void (*signal(int number, void (*handler)(int)))(int)
{
    static void (*(*real)(int, void (*)(int)))(int);
    if (!real)
        real = (void (*(*)(int, void (*)(int)))(int))dlsym(RTLD_NEXT, "signal");
    return is_kept(number) ? SIG_DFL : real(number, handler);
}

typedef struct unit {
    group_function *run;
    const char *group;
    const struct CMUnitTest *test;
    fixture setup, teardown;
    size_t trials, findings, own_crashes, uncaught;
    double seconds; /* of processor time, undisturbed */
} unit;

/* One test of the group in a process of its own; its wait status. */
static int try_unit(const unit *self, size_t at, bool all_after, bool note)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        const char *words = getenv("ALLOCATIONS_STDERR");
        if (words) {
            stdio_to("ALLOCATIONS_STDOUT", 1);
            stdio_to("ALLOCATIONS_STDERR", 2);
        }
        limit_time(self->seconds);
        for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
            signal(crashes[i], on_crash);
        keep_handlers = true;
        catch_uncaught();
        arm(at, all_after, note);
        int failed = self->run(self->group, self->test, 1, self->setup, self->teardown);
        armed = false;
        _exit(failed ? 1 : 0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    return status;
}

static void evaluate_unit(unit *self, size_t at, bool all_after)
{
    int status = try_unit(self, at, all_after, false);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    self->trials++;
    self->own_crashes += code == TRIAL_OWN_CRASH;
    self->uncaught += code == TRIAL_UNCAUGHT;
    if (code == 0 || code == 1 || code == TRIAL_OWN_CRASH || code == TRIAL_UNCAUGHT)
        return;
    self->findings++;
    printf("FINDING %s %zu %s: %s %d\n", self->test->name, at, all_after ? "sticky" : "once",
           code < 0 ? "signal" : "status", code < 0 ? -code : code);
    fflush(stdout);
}

/* At most `most` numbers of allocations to try: the first of every call stack, evenly chosen where
 * there are more; with `every`, all allocations come behind them. */
static size_t choose(size_t *out, size_t most, bool every)
{
    size_t asked = shared->asked < ALLOCATIONS_MAX ? shared->asked : ALLOCATIONS_MAX, count = 0;
    size_t *first = __libc_malloc((asked + 1) * sizeof *first);
    for (size_t i = 0; i < asked; i++) {
        bool seen = false;
        for (size_t j = 0; j < count && !seen && !every; j++)
            seen = shared->stack[first[j]] == shared->stack[i];
        if (!seen)
            first[count++] = i;
    }
    size_t chosen = count < most ? count : most;
    for (size_t i = 0; i < chosen; i++)
        out[i] = first[i * count / chosen] + 1;
    free(first);
    return chosen;
}

static double processor_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static size_t number_of(const char *variable, size_t otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

/* Of processor time, for the trials of one test. */
static double seconds_of(void)
{
    const char *text = getenv("ALLOCATIONS_SECONDS");
    return text ? atof(text) : 1e9;
}

static void run_unit(unit *self)
{
    size_t most = number_of("ALLOCATIONS_MOST", SIZE_MAX), asked, chosen;
    bool every = number_of("ALLOCATIONS_EVERY", 0);
    size_t *at = __libc_malloc(ALLOCATIONS_MAX * sizeof *at);
    double before = processor_seconds(), seconds = seconds_of();
    int status = try_unit(self, 0, false, true);
    double once = processor_seconds() - before;
    asked = shared->asked;
    self->seconds = once;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        printf("FINDING %s undisturbed: wait status %d\n", self->test->name, status);
        self->findings++;
    }
    double afford = seconds / 2 / (once > 0.001 ? once : 0.001);
    most = afford < (double)most ? (size_t)afford : most;
    most = most > ALLOCATIONS_MAX ? ALLOCATIONS_MAX : most;
    chosen = choose(at, most, every);
    for (size_t i = 0; i < chosen; i++) {
        evaluate_unit(self, at[i], false);
        evaluate_unit(self, at[i], true);
    }
    printf("%-44s %7zu allocations, %6zu tried, %zu findings, %zu crashes of the test's own, %zu "
           "exceptions in parallel regions\n",
           self->test->name, asked, self->trials, self->findings, self->own_crashes,
           self->uncaught);
    fflush(stdout);
    free(at);
}

int _cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count,
                            fixture setup, fixture teardown)
{
    group_function *run = (group_function *)dlsym(RTLD_NEXT, "_cmocka_run_group_tests");
    const char *only = getenv("ALLOCATIONS_ONLY");
    int findings = 0;
    prepare();
    for (size_t i = 0; i < count; i++) {
        unit self = {run, group, &tests[i], setup, teardown, 0, 0, 0, 0, 600};
        char name[200];
        size_t at;
        char how[16];
        if (only && sscanf(only, "%199s %zu %15s", name, &at, how) == 3) {
            if (strcmp(name, tests[i].name) == 0)
                printf("wait status %d\n", try_unit(&self, at, strcmp(how, "sticky") == 0, false));
            continue;
        }
        run_unit(&self);
        findings += self.findings > 0;
    }
    return findings;
}

/* ---- the start ------------------------------------------------------------------------------- */

static int serve_main(int argc, char **argv, char **environment)
{
    prepare();
    return serve(argc, argv, environment);
}

int __libc_start_main(main_function *entry, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    typeof(&__libc_start_main) real =
        (typeof(&__libc_start_main))dlsym(RTLD_NEXT, "__libc_start_main");
    real_main = entry;
    bool served = getenv("ALLOCATIONS_ASK");
    return real(served ? serve_main : entry, argc, argv, init, fini, rtld_fini, stack_end);
}
