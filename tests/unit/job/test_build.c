/*
 * job/build: a graph from two files in one call, for each engine; what goes through the monitor,
 * what the report says; options that are refused before anything is written; a build that is
 * stopped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/graph.h"
#include "job/build.h"
#include "support/test.h"

#include <math.h>

enum { N = 300, D = 16, K = 10 };

/* What the monitor heard. */
typedef struct heard {
    size_t messages, warnings, stages, last_done;
    char all[8000];
    bool stop; /* after the first message */
} heard;

static void hear_message(void *self, kin_level level, const char *text)
{
    heard *to = self;
    to->messages++;
    to->warnings += level == KIN_LEVEL_WARNING;
    assert_null(strchr(text, '\n'));
    size_t used = strlen(to->all);
    snprintf(to->all + used, sizeof to->all - used, "%s\n", text);
}

static void hear_progress(void *self, size_t done, size_t total)
{
    assert_true(done <= total && total == N);
    ((heard *)self)->last_done = done;
}

static void hear_stage(void *self, const char *name)
{
    assert_true(name[0] != '\0');
    ((heard *)self)->stages++;
}

static bool is_stopped(void *self)
{
    const heard *to = self;
    return to->stop && to->messages > 0;
}

static kin_monitor monitor_of(heard *self)
{
    return (kin_monitor){self, hear_progress, hear_stage, is_stopped, hear_message};
}

static kin_source source[2];
static kin_catalog_options catalog = {.source = source, .source_count = 2};

static int make_inputs(void **state)
{
    uint64_t random = 7;
    static float value[N * D];
    if (test_folder_make(state) != 0)
        return -1;
    for (size_t m = 0; m < 2; m++) {
        for (size_t i = 0; i < sizeof value / sizeof *value; i++)
            value[i] = (float)test_random_normal(&random);
        const char *path = test_path(m ? "image.npy" : "text.npy");
        test_write_npy(path, KIN_F32, N, D, value);
        snprintf(source[m].name, sizeof source[m].name, "%s", m ? "image" : "text");
        source[m].path = strdup(path);
        source[m].weight = m ? 0.4 : 0.6;
    }
    return 0;
}

static int remove_inputs(void **state)
{
    for (size_t m = 0; m < 2; m++)
        kin_source_release(&source[m]);
    return test_folder_remove(state);
}

static kin_build_options options_of(kin_engine engine)
{
    static char out[400];
    kin_build_options options = KIN_BUILD_OPTIONS_INIT;
    snprintf(out, sizeof out, "%s", test_path("%s", kin_engine_names[engine]));
    options.out = out;
    options.top_k = K;
    options.engine = (int)engine;
    return options;
}

/* All engines: the same rows where they are proven, an evaluation where they are not. */
static void test_engines(void **state)
{
    (void)state;
    for (kin_engine engine = KIN_ENGINE_EXACT; engine <= KIN_ENGINE_HNSW; engine++) {
        kin_build_options options = options_of(engine);
        kin_build_report report;
        kin_error err = {0};
        heard said = {0};
        kin_monitor monitor = monitor_of(&said);
        kin_graph graph;
        test_ok(kin_build_run(&catalog, &options, &monitor, &report, &err), &err);
        assert_int_equal(report.engine, engine);
        assert_int_equal(report.items, N);
        assert_int_equal(report.items_with_neighbors, N);
        assert_int_equal(report.pairs, N * K);
        assert_true(report.threads > 0 && report.seconds > 0 && report.peak_memory_bytes > 0);
        assert_int_equal(report.result.attempt > 0, engine >= KIN_ENGINE_JOIN);
        assert_true(report.result.attempt == 0 || report.result.met);
        assert_int_equal(said.last_done, N);
        assert_int_equal(said.warnings, 0);
        assert_non_null(strstr(said.all, "Modality text: "));
        assert_int_equal(strstr(said.all, "Recall ") != NULL, engine >= KIN_ENGINE_JOIN);
        test_ok(kin_graph_open(&graph, options.out, &err), &err);
        assert_int_equal(graph.n, N);
        kin_graph_close(&graph);
    }
    assert_true(test_same_files(test_path("exact/graph.npz"), test_path("stream/graph.npz")));
}

/* Neither monitor nor report is needed. */
static void test_alone(void **state)
{
    (void)state;
    kin_build_options options = options_of(KIN_ENGINE_AUTO);
    kin_error err = {0};
    test_ok(kin_build_run(&catalog, &options, NULL, NULL, &err), &err);
    test_refused(kin_build_run(&catalog, &options, NULL, NULL, &err), &err, KIN_E_CANTOUT,
                 "exists already");
    options.force = true;
    test_ok(kin_build_run(&catalog, &options, NULL, NULL, &err), &err);
}

static void test_refused_options(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_build_options options = options_of(KIN_ENGINE_EXACT);
    options.out = NULL;
    test_refused(kin_build_run(&catalog, &options, NULL, NULL, &err), &err, KIN_E_USAGE,
                 "--out is missing");
    options = options_of(KIN_ENGINE_EXACT);
    options.top_k = 0;
    test_refused(kin_build_run(&catalog, &options, NULL, NULL, &err), &err, KIN_E_USAGE,
                 "must be 1 to 10000");
    options = options_of(KIN_ENGINE_EXACT);
    options.target_recall = 1.5;
    test_refused(kin_build_run(&catalog, &options, NULL, NULL, &err), &err, KIN_E_USAGE,
                 "target-recall");
    options = options_of(KIN_ENGINE_EXACT);
    options.engine = 99;
    test_refused(kin_build_run(&catalog, &options, NULL, NULL, &err), &err, KIN_E_USAGE,
                 "engine: choice 99");
    options = options_of(KIN_ENGINE_EXACT);
    options.index.seed = -1;
    test_refused(kin_build_run(&catalog, &options, NULL, NULL, &err), &err, KIN_E_USAGE, "seed");
    options = options_of(KIN_ENGINE_EXACT);
    options.trace_rows = 5;
    test_refused(kin_build_run(&catalog, &options, NULL, NULL, &err), &err, KIN_E_USAGE,
                 "--trace-rows");
    assert_false(test_exists(options_of(KIN_ENGINE_EXACT).out));
}

/* A caller's sources are checked before the output folder is claimed. */
static void test_refused_sources(void **state)
{
    (void)state;
    const struct {
        const char *name, *message;
        double weight;
    } bad[] = {{"", "not a name", 1},
               {"..", "not a name", 1},
               {"a/b", "not a name", 1},
               {"a\nb", "not a name", 1},
               {"\xff", "not a name", 1},
               {"text", "weight 0", 0},
               {"text", "weight 1e+308", 1e308},
               {"text", "weight -1", -1},
               {"text", "weight nan", NAN},
               {"text", "no file is named", 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        kin_error err = {0};
        kin_build_options options = options_of(KIN_ENGINE_EXACT);
        kin_source one = *catalog.source;
        kin_catalog_options from = catalog;
        from.source = &one;
        from.source_count = 1;
        snprintf(one.name, sizeof one.name, "%s", bad[i].name);
        one.weight = bad[i].weight;
        if (strcmp(bad[i].message, "no file is named") == 0)
            one.path = NULL;
        test_refused(kin_build_run(&from, &options, NULL, NULL, &err), &err, KIN_E_USAGE,
                     bad[i].message);
        memset(one.name, 'a', sizeof one.name); /* no NUL */
        one.weight = 1;
        test_refused(kin_build_run(&from, &options, NULL, NULL, &err), &err, KIN_E_USAGE,
                     "not a name");
        from.source = NULL;
        test_refused(kin_build_run(&from, &options, NULL, NULL, &err), &err, KIN_E_USAGE,
                     "0 modalities");
        assert_false(test_exists(options.out));
    }
}

static void test_stopped(void **state)
{
    (void)state;
    for (kin_engine engine = KIN_ENGINE_EXACT; engine <= KIN_ENGINE_HNSW; engine++) {
        kin_build_options options = options_of(engine);
        kin_error err = {0};
        heard said = {.stop = true};
        kin_monitor monitor = monitor_of(&said);
        kin_build_report report = {.items = 77};
        assert_int_equal(kin_build_run(&catalog, &options, &monitor, &report, &err), KIN_E_STOPPED);
        assert_int_equal(report.items, 77);
        assert_false(test_exists(options.out));
    }
}

#define WITH_INPUTS(test) cmocka_unit_test_setup_teardown(test, make_inputs, remove_inputs)

int main(int argc, char **argv)
{
    (void)argc;
    test_calm_threads(argv);
    const struct CMUnitTest tests[] = {
        WITH_INPUTS(test_engines),         WITH_INPUTS(test_alone),
        WITH_INPUTS(test_refused_options), WITH_INPUTS(test_refused_sources),
        WITH_INPUTS(test_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
