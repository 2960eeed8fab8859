/*
 * job/show and job/why: a monitor that says so stops them, at whatever look, and nothing is
 * left allocated (the sanitizers see to that).
 */
#include "support/test.h"

#include "compare/why.h"
#include "core/catalog.h"
#include "job/show.h"

enum { N = 70000, D = 3, K = 1 }; /* more items than why looks at between two questions */

typedef struct world {
    kin_catalog catalog;
    kin_graph graph;
    int32_t *indices;
    float *data;
    uint16_t *cosine;
} world;

/* Says "stop" at question number `at`, counted from 1; 0: never. */
typedef struct asked {
    size_t at, count;
} asked;

static bool stopped(void *self)
{
    asked *a = self;
    return ++a->count == a->at;
}

static void fill_graph(world *w)
{
    kin_graph *g = &w->graph;
    *g = (kin_graph){.n = N, .k = K, .pairs = N, .modality_count = 2};
    g->directory = strdup("g");
    g->indptr = calloc(N + 1, sizeof *g->indptr);
    w->indices = calloc(N, sizeof *w->indices);
    w->data = calloc(N, sizeof *w->data);
    w->cosine = calloc(N, sizeof *w->cosine);
    assert_true(g->directory && g->indptr && w->indices && w->data && w->cosine);
    for (size_t i = 0; i < N; i++) {
        g->indptr[i + 1] = (int64_t)i + 1;
        w->indices[i] = (int32_t)((i + 1) % N);
    }
    g->indices = w->indices;
    g->data = w->data;
    g->cosine[0] = g->cosine[1] = w->cosine;
    strcpy(g->modality[0], "text");
    strcpy(g->modality[1], "image");
    assert_int_equal(kin_lines_number(&g->ids, N, NULL), 0);
    g->manifest = json_pack("{s:[{s:f}, {s:f}]}", "modalities", "weight", 0.5, "weight", 0.5);
    assert_non_null(g->manifest);
}

static void set_up(world *w)
{
    static const char *const name[] = {"text", "image"};
    kin_source source[2] = {0};
    uint64_t state = 1;
    kin_error err;
    float *x = calloc(N * D, sizeof *x);
    assert_non_null(x);
    fill_graph(w);
    for (size_t m = 0; m < 2; m++) {
        for (size_t i = 0; i < N * D; i++)
            x[i] = (float)test_random_normal(&state);
        test_write_npy(test_path("%s.npy", name[m]), KIN_F32, N, D, x);
        source[m].path = strdup(test_path("%s.npy", name[m]));
        source[m].weight = 0.5;
        strcpy(source[m].name, name[m]);
    }
    kin_catalog_options options = {.source = source, .source_count = 2};
    test_ok(kin_catalog_open(&w->catalog, &options, &err), &err);
    for (size_t m = 0; m < 2; m++)
        kin_source_release(&source[m]);
    free(x);
}

static void tear_down(world *w)
{
    kin_catalog_close(&w->catalog);
    kin_lines_close(&w->graph.ids);
    json_decref(w->graph.manifest);
    free(w->graph.directory);
    free(w->graph.indptr);
    free(w->indices);
    free(w->data);
    free(w->cosine);
}

/* Runs one of the two with a monitor that stops at question `at`. Returns how often it was
 * asked. */
static size_t run(world *w, bool why, size_t at)
{
    static const size_t row[] = {0, 5, N - 1};
    asked self = {.at = at};
    kin_monitor monitor = {.self = &self, .stopped = stopped};
    kin_show data;
    kin_why facts;
    kin_error err;
    int rc =
        why ? kin_why_find(&facts, &w->graph, &w->catalog, 1, 2, &monitor, &err)
            : kin_show_init(&data, &w->graph, &w->catalog, row, TEST_COUNT(row), 4, &monitor, &err);
    if (rc == 0 && !why)
        kin_show_release(&data);
    if (at == 0)
        test_ok(rc, &err);
    else
        test_refused(rc, &err, KIN_E_STOPPED, "stopped by a signal");
    return self.count;
}

static void test_every_look(void **state)
{
    world w = {0};
    (void)state;
    set_up(&w);
    for (int why = 0; why < 2; why++) {
        size_t looks = run(&w, why, 0);
        assert_true(looks >= (why ? 4 : 2)); /* each pass at least */
        for (size_t at = 1; at <= looks; at++)
            assert_int_equal(run(&w, why, at), at);
    }
    tear_down(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_look),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
