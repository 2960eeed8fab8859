/*
 * Vectors that are written over in their mapped file while an engine reads them: at every kind of
 * moment, with every kind of value, every engine ends and says that its input has changed, or ends
 * in order and leaves that to the look at its inputs that follows. None crashes, hangs, or takes
 * such values for recall to be mended.
 */
#include "ann/faiss_build.h"
#include "ann/faiss_search.h"
#include "ann/join.h"
#include "core/threads.h"
#include "exact/exact.h"
#include "exact/stream.h"
#include "job/tune.h"
#include "support/test.h"

#include <fcntl.h>
#include <math.h>
#include <unistd.h>

enum { N = 700, D = 96, OTHER_D = 12, K = 8, NPY_HEADER = 128 };

/* ---- who writes ------------------------------------------------------------------------------ */

typedef enum pattern { NANS, INFINITE, ZEROS, HUGE_VALUES, OTHERS, PATTERNS } pattern;

static const char *const pattern_name[] = {"NaN", "infinite", "zeros", "huge", "other values"};

typedef struct world {
    kin_catalog catalog;
    char path[512];
    unsigned char *file; /* as it was */
    size_t bytes;
    size_t events;  /* of the run at hand */
    size_t when;    /* the event at which the file is written over; SIZE_MAX: never */
    size_t restore; /* the event at which it gets its bytes back; SIZE_MAX: not in the run */
    pattern pattern;
} world;

static world w;

/* Over the file as it lies, through another descriptor: the mapping shows it at once. */
static void overwrite(const void *data, size_t bytes, size_t at)
{
    int fd = open(w.path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, bytes, (off_t)at), (ssize_t)bytes);
    close(fd);
}

static void spoil(void)
{
    static const float value[] = {NAN, INFINITY, 0, 3e38f, 0};
    size_t count = (size_t)N * D;
    float *x = malloc(count * sizeof *x);
    uint64_t random = 77;
    assert_non_null(x);
    for (size_t i = 0; i < count; i++)
        x[i] = w.pattern == OTHERS ? (float)test_random_normal(&random) * 5 : value[w.pattern];
    overwrite(x, count * sizeof *x, NPY_HEADER);
    free(x);
}

static void restore(void)
{
    overwrite(w.file, w.bytes, 0);
}

static void event(void)
{
    if (w.events == w.when)
        spoil();
    if (w.events == w.restore)
        restore();
    w.events++;
}

static void on_progress(void *self, size_t done, size_t total)
{
    (void)self, (void)done, (void)total;
    event();
}

static void on_stage(void *self, const char *name)
{
    (void)self, (void)name;
    event();
}

static bool on_look(void *self)
{
    (void)self;
    event();
    return false;
}

static const kin_monitor monitor = {.progress = on_progress, .stage = on_stage, .stopped = on_look};

/* ---- who reads ------------------------------------------------------------------------------- */

static int run_stream(kin_row_sink sink, kin_error *err)
{
    kin_stream_options options = {.top_k = K, .micro_batch = 200};
    return kin_stream_run(&w.catalog, NULL, &options, sink, &monitor, err);
}

static int run_exact(kin_row_sink sink, kin_error *err)
{
    kin_exact *engine = NULL;
    kin_exact_options options = {.top_k = K, .slack = 1};
    event();
    int rc = kin_exact_new(&engine, &w.catalog, &options, err);
    if (rc == 0)
        rc = kin_exact_run(engine, sink, &monitor, err);
    kin_exact_free(engine);
    return rc;
}

static int run_join(kin_row_sink sink, kin_error *err)
{
    kin_join *join = NULL;
    kin_join_options options = KIN_JOIN_OPTIONS_INIT;
    options.top_k = K;
    bool escalated;
    event();
    int rc = kin_join_new(&join, &w.catalog, &options, err);
    if (rc == 0)
        rc = kin_join_encode(join, &monitor, err);
    if (rc == 0)
        rc = kin_join_tune(join, &monitor, err);
    if (rc == 0)
        rc = kin_join_run(join, sink, &monitor, err);
    if (rc == 0)
        rc = kin_join_escalate(join, &escalated, &monitor, err);
    kin_join_free(join);
    return rc;
}

static int run_index(const kin_index_options *options, kin_row_sink sink, kin_error *err)
{
    kin_index *index = NULL;
    kin_search_options search = {.top_k = K};
    tune_options tune = {.target = 0.97, .seed = 1};
    tuning tuned = {0};
    event();
    int rc = kin_index_build(&index, &w.catalog, options, &monitor, err);
    if (rc == 0)
        rc = kin_tune_search(&tuned, &search, index, &w.catalog, &tune, &monitor, err);
    if (rc == 0)
        rc = kin_search_all(index, &search, sink, &monitor, err);
    kin_tuning_release(&tuned);
    kin_index_free(index);
    return rc;
}

static int run_hnsw(kin_row_sink sink, kin_error *err)
{
    kin_index_options options = KIN_INDEX_OPTIONS_INIT;
    options.type = KIN_INDEX_HNSW;
    return run_index(&options, sink, err);
}

static int run_fused(kin_row_sink sink, kin_error *err)
{
    kin_index_options options = KIN_INDEX_OPTIONS_INIT;
    options.type = KIN_INDEX_HNSW;
    options.space = KIN_SPACE_FUSED;
    return run_index(&options, sink, err);
}

static int run_ivf(kin_row_sink sink, kin_error *err)
{
    kin_index_options options = KIN_INDEX_OPTIONS_INIT;
    options.type = KIN_INDEX_IVF;
    return run_index(&options, sink, err);
}

static int run_projected(kin_row_sink sink, kin_error *err)
{
    kin_index_options options = KIN_INDEX_OPTIONS_INIT;
    options.type = KIN_INDEX_IVF;
    options.project = 8;
    options.project_centre = true;
    return run_index(&options, sink, err);
}

static const struct reader {
    const char *name;
    int (*run)(kin_row_sink sink, kin_error *err);
} readers[] = {{"stream", run_stream},      {"exact", run_exact}, {"join", run_join},
               {"hnsw", run_hnsw},          {"fused", run_fused}, {"ivf", run_ivf},
               {"projected", run_projected}};

/* ---- both ------------------------------------------------------------------------------------ */

static int run(const struct reader *reader, size_t when, size_t back, pattern with, kin_error *err)
{
    kin_rows rows;
    test_ok(kin_rows_init(&rows, N, K, w.catalog.modality_count, err), err);
    w.events = 0;
    w.when = when;
    w.restore = back;
    w.pattern = with;
    int rc = reader->run(kin_rows_sink(&rows), err);
    kin_rows_release(&rows);
    return rc;
}

/* How many moments a run has. */
static size_t count_events(const struct reader *reader)
{
    kin_error err;
    test_ok(run(reader, SIZE_MAX, SIZE_MAX, OTHERS, &err), &err);
    return w.events;
}

static void check(const struct reader *reader, size_t when, pattern with)
{
    kin_error err;
    int rc = run(reader, when, SIZE_MAX, with, &err);
    if (when != SIZE_MAX && w.events <= when) /* the moments of a run depend on who takes what */
        spoil();
    if (rc == 0) /* what the command asks before it publishes */
        rc = kin_catalog_unchanged(&w.catalog, &err);
    if (rc != KIN_E_AGAIN)
        print_message("%s: %s at moment %zu\n", reader->name, pattern_name[with], when);
    test_refused(rc, &err, KIN_E_AGAIN, "m0.npy changed while it was read");
    restore();
    test_ok(kin_catalog_unchanged(&w.catalog, &err), &err);
}

static void test_every_moment(void **state)
{
    (void)state;
    for (size_t r = 0; r < TEST_COUNT(readers); r++) {
        size_t last = count_events(&readers[r]) - 1;
        for (int p = 0; p < PATTERNS; p++)
            for (size_t part = 0; part <= 3; part++)
                check(&readers[r], last * part / 3, (pattern)p);
    }
}

/* A file that is as it was when it is checked: what was met under way is an error all the same. */
static void test_there_and_back(void **state)
{
    (void)state;
    for (size_t r = 0; r < TEST_COUNT(readers); r++) {
        size_t last = count_events(&readers[r]) - 1;
        for (size_t when = 0; when < last; when += 1 + last / 5) {
            kin_error err;
            int rc = run(&readers[r], when, when + 1, NANS, &err);
            assert_true(rc == 0 || rc == KIN_E_AGAIN || rc == KIN_E_INTERNAL);
            restore(); /* where it ended before */
            test_ok(kin_catalog_unchanged(&w.catalog, &err), &err);
        }
    }
}

/* One row is enough, wherever it lies: no sample need see it. */
static void test_one_row(void **state)
{
    (void)state;
    const float bad = NAN;
    for (size_t r = 0; r < TEST_COUNT(readers); r++)
        for (size_t row = 0; row < N; row += N - 1) {
            overwrite(&bad, sizeof bad, NPY_HEADER + (row * D + 3) * sizeof bad);
            check(&readers[r], SIZE_MAX, NANS);
        }
}

/* What an engine that met such a row says, and what becomes of other failures. */
static void test_settle(void **state)
{
    (void)state;
    kin_error err;
    int rc = kin_catalog_fail_row(&w.catalog, 7, &err);
    test_refused(rc, &err, KIN_E_INTERNAL, "m0.npy: row 7 is not what it was");
    assert_int_equal(kin_catalog_settle(&w.catalog, KIN_E_DATA, &err), KIN_E_DATA);
    w.pattern = ZEROS;
    spoil();
    rc = kin_catalog_fail_row(&w.catalog, 7, &err);
    test_refused(rc, &err, KIN_E_AGAIN, "m0.npy changed while it was read");
    assert_int_equal(kin_catalog_settle(&w.catalog, KIN_E_DATA, &err), KIN_E_DATA);
    assert_int_equal(kin_catalog_settle(&w.catalog, 0, &err), 0);
    restore();
}

/* Twelve clusters. */
static void write_rows(const char *path, size_t d, uint64_t random)
{
    enum { CENTRES = 12 };
    float *centre = malloc(CENTRES * d * sizeof *centre), *x = malloc(N * d * sizeof *x);
    assert_true(centre && x);
    for (size_t i = 0; i < CENTRES * d; i++)
        centre[i] = (float)test_random_normal(&random);
    for (size_t i = 0; i < N * d; i++)
        x[i] = centre[i / d % CENTRES * d + i % d] + 0.5f * (float)test_random_normal(&random);
    test_write_npy(path, KIN_F32, N, d, x);
    free(centre);
    free(x);
}

static int make_world(void **state)
{
    kin_error err;
    kin_source source[] = {{.name = "m0", .weight = 1}, {.name = "m1", .weight = 0.5}};
    if (test_folder_make(state) != 0)
        return -1;
    kin_threads_set(2);
    snprintf(w.path, sizeof w.path, "%s", test_path("m0.npy"));
    source[0].path = w.path;
    source[1].path = (char *)(uintptr_t)test_path("m1.npy");
    write_rows(source[0].path, D, 5);
    write_rows(source[1].path, OTHER_D, 6);
    test_ok(kin_catalog_open(&w.catalog,
                             &(kin_catalog_options){.source = source, .source_count = 2}, &err),
            &err);
    w.file = test_read(w.path, &w.bytes);
    return w.bytes == NPY_HEADER + sizeof(float) * N * D ? 0 : -1;
}

static int drop_world(void **state)
{
    kin_catalog_close(&w.catalog);
    free(w.file);
    return test_folder_remove(state);
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_moment),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_one_row),
        cmocka_unit_test(test_settle),
    };
    test_calm_threads(argv);
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
