/*
 * The library as a guest in a process: it may be stopped at any moment, used in children that were
 * forked after their parent used it, and called from many threads; the counts of threads, the
 * locale, the streams, the mask of signals and the umask stay the host's; a hundred builds leave
 * nothing behind.
 */
#include "support/kin_arrays.h"

#include <fcntl.h>
#include <locale.h>
#include <malloc.h>
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static arrays vectors;
static arrays_rows wanted;

static const char *const join[] = {"top-k=9", "engine=join", NULL};

static int set_up(void **state)
{
    if (test_folder_make(state) != 0)
        return -1;
    arrays_fill(&vectors, 3);
    kin_input *input = arrays_input(&vectors);
    arrays_build(&wanted, input, join);
    kin_input_free(input);
    return 0;
}

static int tear_down(void **state)
{
    arrays_release(&wanted);
    return test_folder_remove(state);
}

/* 0 where a build has the rows that it had at the start. */
static int build_again(const char *const *options)
{
    kin_graph *graph = NULL;
    kin_error err;
    int64_t indptr[ARRAYS_N + 1];
    int32_t indices[ARRAYS_N * ARRAYS_K];
    float scores[ARRAYS_N * ARRAYS_K];
    kin_input *input = arrays_input(&vectors);
    int rc = kin_build(&graph, input, options, test_path("."), NULL, NULL, &err);
    if (rc == 0)
        rc = kin_graph_rows(graph, 0, ARRAYS_N, KIN_ORDER_SCORE, indptr, indices, scores, NULL,
                            &err);
    if (rc == 0)
        rc = memcmp(indptr, wanted.indptr, sizeof indptr) != 0 ||
             memcmp(indices, wanted.indices, (size_t)indptr[ARRAYS_N] * sizeof *indices) != 0 ||
             memcmp(scores, wanted.scores, (size_t)indptr[ARRAYS_N] * sizeof *scores) != 0;
    if (rc == 0)
        kin_graph_free(graph);
    kin_input_free(input);
    return rc;
}

/* ---- children -------------------------------------------------------------------------------- */

static int wait_for(pid_t child)
{
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_fork(void **state)
{
    const int rounds = TEST_SANITIZED ? 5 : 20;
    (void)state;
    for (int round = 0; round < rounds; round++) {
        assert_int_equal(build_again(join), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            alarm(300); /* one that hangs is an answer too */
            _exit(build_again(join) != 0);
        }
        assert_int_equal(wait_for(child), 0);
    }
}

static void *keep_building(void *stop)
{
    while (!*(volatile bool *)stop)
        if (build_again(join) != 0)
            return stop;
    return NULL;
}

/* Of a parent in the middle of a build of another thread's: its turn is not there in the child. */
static void test_fork_during_a_build(void **state)
{
    pthread_t builder;
    void *failed = NULL;
    volatile bool stop = false;
    (void)state;
    assert_int_equal(pthread_create(&builder, NULL, keep_building, (void *)&stop), 0);
    for (int round = 0; round < 10; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            alarm(300);
            _exit(build_again(join) != 0);
        }
        assert_int_equal(wait_for(child), 0);
    }
    stop = true;
    pthread_join(builder, &failed);
    assert_null(failed);
}

/* ---- threads --------------------------------------------------------------------------------- */

static void *build_thrice(void *result)
{
    int failed = 0;
    for (int round = 0; round < 3; round++)
        failed += build_again(join) != 0;
    *(int *)result = failed;
    return NULL;
}

static void test_pool(void **state)
{
    enum { CALLERS = 6 };
    pthread_t thread[CALLERS];
    int result[CALLERS];
    (void)state;
    for (size_t t = 0; t < CALLERS; t++)
        assert_int_equal(pthread_create(&thread[t], NULL, build_thrice, &result[t]), 0);
    for (size_t t = 0; t < CALLERS; t++) {
        pthread_join(thread[t], NULL);
        assert_int_equal(result[t], 0);
    }
}

static void test_counts_of_threads(void **state)
{
    static const char *const options[][4] = {{"top-k=9", "engine=join", "threads=1", NULL},
                                             {"top-k=9", "engine=join", "threads=2", NULL},
                                             {"top-k=9", "engine=join", "threads=3", NULL}};
    (void)state;
    omp_set_num_threads(5);
    omp_set_dynamic(1);
    for (size_t i = 0; i < TEST_COUNT(options); i++) {
        assert_int_equal(build_again(options[i]), 0);
        assert_int_equal(omp_get_max_threads(), 5);
        assert_int_equal(omp_get_dynamic(), 1);
    }
    omp_set_dynamic(0);
    omp_set_num_threads(2);
}

/* ---- stopping -------------------------------------------------------------------------------- */

/* Stops at the event that `left` comes down to. */
static int stop_after(void *left, int event, const char *text, size_t done, size_t total)
{
    (void)event, (void)text, (void)done, (void)total;
    return --*(int *)left <= 0;
}

static void test_stopped(void **state)
{
    static const char *const engine[] = {"engine=exact", "engine=stream", "engine=join",
                                         "engine=hnsw"};
    size_t stopped = 0, descriptors = arrays_descriptors();
    (void)state;
    kin_input *input = arrays_input(&vectors);
    for (int round = 0; round < 30; round++) {
        kin_graph *graph = NULL;
        kin_error err;
        int left = 1 + round / 4 * 2;
        const char *options[] = {"top-k=9", engine[round % 4], "memory=1G", NULL};
        int rc = kin_build(&graph, input, options, test_path("."), stop_after, &left, &err);
        assert_true(rc == 0 || rc == KIN_E_STOPPED);
        assert_int_equal(rc == 0, graph != NULL);
        stopped += rc != 0;
        kin_graph_free(graph);
        assert_int_equal(build_again(join), 0);
    }
    assert_true(stopped >= 10);
    assert_int_equal(arrays_descriptors(), descriptors);
    kin_input_free(input);
}

static int wait_a_moment(void *self, int event, const char *text, size_t done, size_t total)
{
    (void)text, (void)done, (void)total;
    if (event == KIN_EVENT_STAGE)
        usleep(200000);
    (void)self;
    return 0;
}

static void *build_slowly(void *unused)
{
    kin_graph *graph = NULL;
    (void)unused;
    kin_input *input = arrays_input(&vectors);
    kin_build(&graph, input, join, test_path("."), wait_a_moment, NULL, NULL);
    kin_graph_free(graph);
    kin_input_free(input);
    return NULL;
}

/* One that waits for its turn is stopped there. */
static void test_stopped_in_the_queue(void **state)
{
    pthread_t other;
    kin_graph *graph = NULL;
    kin_error err;
    int left = 1;
    (void)state;
    kin_input *input = arrays_input(&vectors);
    assert_int_equal(pthread_create(&other, NULL, build_slowly, NULL), 0);
    usleep(50000);
    test_refused(kin_build(&graph, input, join, test_path("."), stop_after, &left, &err), &err,
                 KIN_E_STOPPED, "");
    pthread_join(other, NULL);
    kin_input_free(input);
}

/* ---- the host's state ------------------------------------------------------------------------ */

static void test_streams_and_modes(void **state)
{
    struct stat status;
    sigset_t before, after;
    (void)state;
    int silent = open(test_path("silent"), O_RDWR | O_CREAT, 0600), out = dup(1), err = dup(2);
    mode_t mask = umask(027);
    fflush(NULL);
    dup2(silent, 1);
    dup2(silent, 2);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    int rc = build_again(join);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    fflush(NULL);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    assert_int_equal(umask(mask), 027);
    assert_int_equal(rc, 0);
    assert_int_equal(fstat(silent, &status), 0);
    assert_int_equal(status.st_size, 0);
    for (int number = 1; number < NSIG; number++)
        assert_int_equal(sigismember(&before, number), sigismember(&after, number));
    close(silent);
    test_remove(test_path("silent"));
}

/* A locale that writes a comma, made here where the system has the sources of one. */
static bool use_comma(void)
{
    char command[1024];
    const char *folder = test_path("locales");
    if (setlocale(LC_ALL, "de_DE.UTF-8"))
        return true;
    mkdir(folder, 0700);
    snprintf(command, sizeof command,
             "localedef -c -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", folder);
    return system(command) == 0 && setenv("LOCPATH", folder, 1) == 0 &&
           setlocale(LC_ALL, "de_DE.UTF-8");
}

static void test_locale(void **state)
{
    static const char *const options[] = {"top-k=9", "engine=join", "target-recall=0.95",
                                          "max-empty=0.5", NULL};
    kin_graph *graph = NULL;
    kin_error err;
    char *manifest = NULL, number[16];
    (void)state;
    if (!use_comma())
        skip();
    snprintf(number, sizeof number, "%.1f", 0.5);
    assert_string_equal(number, "0,5");
    kin_input *input = arrays_input(&vectors);
    assert_int_equal(kin_input_add_array(input, "c", 0.5e-6, vectors.text, KIN_F32, 9, 4, 16, &err),
                     KIN_E_USAGE);
    assert_non_null(strstr(err.message, "5e-07"));
    test_ok(kin_build(&graph, input, options, test_path("."), NULL, NULL, &err), &err);
    test_ok(kin_graph_manifest(graph, &manifest, &err), &err);
    assert_non_null(strstr(manifest, "\"target_recall\": 0.95"));
    assert_non_null(strstr(manifest, "\"weight\": 0.6"));
    assert_int_equal(build_again(join), 0);
    snprintf(number, sizeof number, "%.1f", 0.5);
    assert_string_equal(number, "0,5");
    setlocale(LC_ALL, "C");
    kin_string_free(manifest);
    kin_graph_free(graph);
    kin_input_free(input);
    test_remove(test_path("locales"));
}

/* ---- a hundred builds ------------------------------------------------------------------------ */

static size_t resident_bytes(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %zu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void test_hundred_builds(void **state)
{
    static const char *const engine[] = {"engine=exact", "engine=stream", "engine=join",
                                         "engine=hnsw"};
    (void)state;
    kin_input *input = arrays_input(&vectors);
    size_t descriptors = 0, threads = 0, resident = 0;
    for (int round = 0; round < 100; round++) {
        kin_graph *graph = NULL;
        kin_error err;
        const char *options[] = {"top-k=9", engine[round % 4], NULL};
        test_ok(kin_build(&graph, input, options, test_path("."), NULL, NULL, &err), &err);
        kin_graph_free(graph);
        if (round == 19) {
            descriptors = arrays_descriptors();
            threads = arrays_threads();
            resident = resident_bytes();
        }
    }
    assert_int_equal(arrays_descriptors(), descriptors);
    assert_in_range(arrays_threads(), 1, threads);
    if (!TEST_SANITIZED && !getenv("LD_PRELOAD")) /* allocators that keep what is freed */
        assert_in_range(resident_bytes(), 1, resident + (4 << 20));
    kin_input_free(input);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_fork_during_a_build),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_counts_of_threads),
        cmocka_unit_test(test_stopped),
        cmocka_unit_test(test_stopped_in_the_queue),
        cmocka_unit_test(test_streams_and_modes),
        cmocka_unit_test(test_locale),
        cmocka_unit_test(test_hundred_builds),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
