/*
 * The application as a library: a graph is built, compared, shown, explained and verified, an index
 * built and searched, without the command. Options out of range are refused, messages go to the
 * monitor alone, and nothing is written to stdout or stderr.
 */
#include "job/build.h"
#include "job/compare.h"
#include "job/index.h"
#include "job/info.h"
#include "job/query.h"
#include "job/show.h"
#include "job/verify.h"
#include "job/why.h"
#include "support/test.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

enum { N = 300, D = 12, K = 5 };

/* What a monitor was told. */
typedef struct heard {
    size_t messages, warnings;
    char last[KIN_MESSAGE_MAX];
} heard;

static void hear(void *self, kin_level level, const char *text)
{
    heard *h = self;
    h->messages++;
    h->warnings += level == KIN_LEVEL_WARNING;
    snprintf(h->last, sizeof h->last, "%s", text);
}

static void write_vectors(void)
{
    static float x[N * D];
    uint64_t random = 3;
    for (size_t i = 0; i < N * D; i++)
        x[i] = (float)test_random_normal(&random);
    test_write_npy(test_path("text.npy"), KIN_F32, N, D, x);
}

static void build(const char *out, int engine)
{
    kin_source source = {.name = "text", .path = strdup(test_path("text.npy")), .weight = 1};
    const kin_catalog_options catalog = {.source = &source, .source_count = 1};
    kin_build_options options = KIN_BUILD_OPTIONS_INIT;
    kin_error err;
    options.out = out;
    options.top_k = K;
    options.engine = engine;
    test_ok(kin_build_run(&catalog, &options, NULL, NULL, &err), &err);
    kin_source_release(&source);
}

/* Runs of everything below leave both streams empty. */
static int stream_of[2], saved[2];

static int set_up(void **state)
{
    if (test_folder_make(state) != 0)
        return -1;
    for (int s = 0; s < 2; s++) {
        stream_of[s] = open(test_path("stream%d", s), O_RDWR | O_CREAT, 0600);
        saved[s] = dup(s + 1);
    }
    return stream_of[0] < 0 || stream_of[1] < 0 || saved[0] < 0 || saved[1] < 0 ? -1 : 0;
}

static void silence(void)
{
    fflush(NULL);
    for (int s = 0; s < 2; s++)
        dup2(stream_of[s], s + 1);
}

static void unsilence(void)
{
    fflush(NULL);
    for (int s = 0; s < 2; s++) {
        dup2(saved[s], s + 1);
        assert_int_equal(lseek(stream_of[s], 0, SEEK_END), 0);
    }
}

static void test_build(void **state)
{
    (void)state;
    write_vectors();
    silence();
    build(test_path("exact"), KIN_ENGINE_EXACT);
    build(test_path("join"), KIN_ENGINE_JOIN);
    unsilence();
}

static void test_compare(void **state)
{
    heard h = {0};
    const kin_monitor monitor = {.self = &h, .message = hear};
    kin_compare_options options = KIN_COMPARE_OPTIONS_INIT;
    kin_comparison found;
    kin_error err;
    (void)state;
    options.graph = test_path("join");
    options.reference = test_path("exact");
    options.gates.min_recall = 0.5;
    silence();
    test_ok(kin_compare_run(&found, &options, NULL, &err), &err);
    assert_true(found.has_recall && found.recall.exhaustive && found.recall.evaluated == N);
    assert_int_equal(found.gate_count, 1);
    test_ok(kin_comparison_gates_error(&found, &err), &err);
    kin_comparison_release(&found);
    options.reference = test_path("join"); /* no truth: a warning */
    test_ok(kin_compare_run(&found, &options, &monitor, &err), &err);
    assert_int_equal(h.warnings, 1);
    assert_int_equal(found.warning_count, 1);
    assert_string_equal(h.last, found.warning[0]);
    kin_comparison_release(&found);
    options.reference = NULL;
    options.sample = 50;
    test_ok(kin_compare_run(&found, &options, NULL, &err), &err);
    assert_true(found.computed && found.recall.evaluated == 50);
    kin_comparison_release(&found);
    unsilence();
}

static void test_refusals(void **state)
{
    kin_compare_options options = KIN_COMPARE_OPTIONS_INIT;
    kin_comparison found;
    kin_show_options few = KIN_SHOW_OPTIONS_INIT;
    kin_show shown;
    kin_error err;
    (void)state;
    options.graph = test_path("join");
    test_refused(kin_compare_run(&found, &options, NULL, &err), &err, KIN_E_USAGE,
                 "nothing to compare with is given");
    options.top_k = 20000;
    test_refused(kin_compare_run(&found, &options, NULL, &err), &err, KIN_E_USAGE, "top-k");
    options.top_k = 0;
    options.reference = test_path("nothing");
    test_refused(kin_compare_run(&found, &options, NULL, &err), &err, KIN_E_NOINPUT, "nothing");
    few.neighbors = 0;
    test_refused(kin_show_run(&shown, NULL, &few, NULL, &err), &err, KIN_E_USAGE, "neighbors");
}

static void test_show_and_why(void **state)
{
    kin_show_options options = KIN_SHOW_OPTIONS_INIT;
    const kin_why_options why = KIN_WHY_OPTIONS_INIT;
    kin_graph graph;
    kin_show shown;
    kin_why found;
    kin_error err;
    (void)state;
    test_ok(kin_graph_open(&graph, test_path("exact"), &err), &err);
    options.items_shown = 3;
    silence();
    test_ok(kin_show_run(&shown, &graph, &options, NULL, &err), &err);
    assert_int_equal(shown.count, 3);
    assert_int_equal(shown.item[0].lane[0].count, K);
    kin_show_release(&shown);
    test_ok(kin_why_run(&found, &graph, "7", "7", &why, NULL, &err), &err);
    assert_int_equal(found.code, KIN_WHY_SAME_ITEM);
    test_refused(kin_why_run(&found, &graph, "7", "none", &why, NULL, &err), &err, KIN_E_DATA,
                 "has no item 'none'");
    unsilence();
    kin_graph_close(&graph);
}

static int count_answer(void *self, const kin_answer *answer, kin_error *err)
{
    (void)err;
    *(size_t *)self += 1;
    assert_string_equal(answer->label, "0");
    assert_int_equal(answer->rows->filled[0], K);
    return 0;
}

/* Of each type; those of FAISS's are searched. */
static void test_index(void **state)
{
    heard h = {0};
    size_t answers = 0;
    const kin_monitor monitor = {.self = &h, .message = hear};
    const kin_answer_sink sink = {.self = &answers, .write = count_answer};
    kin_index_run_options options = KIN_INDEX_RUN_OPTIONS_INIT;
    kin_query_options query = KIN_QUERY_OPTIONS_INIT;
    kin_index_report report;
    char source[PATH_MAX];
    kin_error err;
    (void)state;
    snprintf(source, sizeof source, "text=%s", test_path("text.npy"));
    options.modality = (kin_text_list){1, {source}};
    options.top_k = query.top_k = K;
    query.item = (kin_text_list){1, {"0"}};
    silence();
    for (options.type = KIN_INDEX_IVF; options.type <= KIN_INDEX_JOIN; options.type++) {
        options.out = query.folder = test_path("index-%s", kin_index_run_types[options.type]);
        test_ok(kin_index_run(&options, &monitor, &report, &err), &err);
        assert_int_equal(report.items, N);
        assert_string_equal(report.first_id, "0");
        assert_true(report.seconds > 0 && report.peak_memory_bytes > 0);
        kin_index_report_release(&report);
        if (options.type != KIN_INDEX_JOIN)
            test_ok(kin_query_run(&query, &sink, NULL, &err), &err);
    }
    assert_int_equal(answers, 2);
    assert_int_equal(h.messages, 8); /* a modality, the start and the index, but of join */
    assert_int_equal(h.warnings, 0);
    test_refused(kin_query_run(&query, &sink, NULL, &err), &err, KIN_E_USAGE, "answers no query");
    unsilence();
}

static bool always(void *self)
{
    (void)self;
    return true;
}

static void test_index_refusals(void **state)
{
    const kin_monitor stopped = {.stopped = always};
    kin_index_run_options options = KIN_INDEX_RUN_OPTIONS_INIT;
    char source[PATH_MAX];
    kin_error err;
    (void)state;
    snprintf(source, sizeof source, "text=%s", test_path("text.npy"));
    test_refused(kin_index_run(&options, NULL, NULL, &err), &err, KIN_E_USAGE, "--out is missing");
    options.out = test_path("refused");
    test_refused(kin_index_run(&options, NULL, NULL, &err), &err, KIN_E_USAGE, "0 modalities");
    options.modality = (kin_text_list){1, {source}};
    options.type = KIN_INDEX_JOIN + 1;
    test_refused(kin_index_run(&options, NULL, NULL, &err), &err, KIN_E_USAGE, "type: choice 3");
    options.type = KIN_INDEX_JOIN;
    options.index.links = 1;
    test_refused(kin_index_run(&options, NULL, NULL, &err), &err, KIN_E_USAGE, "links");
    options.index.links = 32;
    test_refused(kin_index_run(&options, &stopped, NULL, &err), &err, KIN_E_STOPPED, "");
    assert_false(test_exists(options.out));
}

static int count_graph(void *self, const kin_graph *graph, const kin_graph_facts *facts,
                       kin_error *err)
{
    (void)err;
    *(size_t *)self += graph->n;
    assert_int_equal(facts->empty_rows, 0);
    return 0;
}

static int count_vectors(void *self, const kin_matrix *matrix, const health *facts, kin_error *err)
{
    (void)err;
    *(size_t *)self += matrix->n;
    assert_int_equal(facts->zero_rows, 0);
    return 0;
}

static void test_verify_and_info(void **state)
{
    heard h = {0};
    size_t items = 0;
    const kin_monitor monitor = {.self = &h, .message = hear};
    const kin_verify_options options = KIN_VERIFY_OPTIONS_INIT;
    const kin_info_sink sink = {.self = &items, .graph = count_graph, .vectors = count_vectors};
    kin_error err;
    (void)state;
    silence();
    test_ok(kin_verify_run(test_path("exact"), &options, &monitor, &err), &err);
    assert_int_equal(h.messages, 6);
    test_ok(kin_info_run(test_path("exact"), &sink, &err), &err);
    test_ok(kin_info_run(test_path("text.npy"), &sink, &err), &err);
    assert_int_equal(items, 2 * N);
    unsilence();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_build),           cmocka_unit_test(test_compare),
        cmocka_unit_test(test_refusals),        cmocka_unit_test(test_show_and_why),
        cmocka_unit_test(test_index),           cmocka_unit_test(test_index_refusals),
        cmocka_unit_test(test_verify_and_info),
    };
    return cmocka_run_group_tests(tests, set_up, test_folder_remove);
}
