/*
 * compare/memory_graph: exact rows of three items as a graph of six.
 */
#include "support/test.h"

#include "compare/memory_graph.h"

enum { N = 6, K = 3, M = 2 };

static kin_graph like;

static int make_like(void **state)
{
    (void)state;
    like = (kin_graph){.n = N, .k = K, .modality_count = M};
    strcpy(like.modality[0], "text");
    strcpy(like.modality[1], "image");
    like.manifest = json_pack("{s:s}", "kind", "graph");
    return kin_lines_number(&like.ids, N, NULL);
}

static int drop_like(void **state)
{
    (void)state;
    kin_graph_close(&like);
    return 0;
}

/* Items 1, 4 and 5 with two neighbours, none and three. */
static const int32_t asked[] = {1, 4, 5};

static kin_rows exact_rows(size_t modalities)
{
    static const uint32_t filled[] = {2, 0, 3};
    static const int32_t neighbor[] = {3, 0, -7, -7, -7, -7, 0, 1, 2};
    static const float score[] = {0.9f, 0.25f, -7, -7, -7, -7, 1, 0.5f, -0.5f};
    static const float cosine[] = {0.5f, -7, -7, -7, -7, -7, 1, 0.1f, 0}; /* not taken over */
    kin_rows rows;
    kin_error err;
    test_ok(kin_rows_init(&rows, 3, K, modalities, &err), &err);
    rows.count = 3;
    memcpy(rows.filled, filled, sizeof filled);
    memcpy(rows.neighbor, neighbor, sizeof neighbor);
    memcpy(rows.score, score, sizeof score);
    for (size_t m = 0; m < modalities; m++)
        memcpy(rows.cosine[m], cosine, sizeof cosine);
    return rows;
}

static void test_rows_become_a_graph(void **state)
{
    static const int64_t indptr[] = {0, 0, 2, 2, 2, 2, 5};
    static const int32_t indices[] = {3, 0, 0, 1, 2};
    static const float data[] = {0.9f, 0.25f, 1, 0.5f, -0.5f};
    kin_rows rows = exact_rows(M);
    kin_graph graph;
    kin_neighbor row[K];
    kin_error err;

    (void)state;
    test_ok(kin_memory_graph_init(&graph, &rows, asked, &like, &err), &err);
    assert_null(rows.filled);
    assert_null(rows.neighbor);
    assert_int_equal(graph.n, N);
    assert_int_equal(graph.k, K);
    assert_int_equal(graph.pairs, 5);
    assert_memory_equal(graph.indptr, indptr, sizeof indptr);
    assert_memory_equal(graph.indices, indices, sizeof indices);
    assert_memory_equal(graph.data, data, sizeof data);
    assert_string_equal(graph.modality[1], "image");
    assert_int_equal(graph.modality_count, M);
    assert_null(graph.cosine[0]);
    assert_int_equal(kin_graph_row(&graph, 4, row), 0);
    assert_int_equal(kin_graph_row(&graph, 5, row), 3);
    assert_int_equal(row[2].row, 2);
    assert_true(row[2].score == -0.5f);
    kin_graph_close(&graph);

    kin_span id = kin_lines_at(&like.ids, 5); /* what was lent is still there */
    assert_true(kin_span_equal(id, (kin_span){"5", 1}));
    assert_string_equal(json_string_value(json_object_get(like.manifest, "kind")), "graph");
}

/* A sink without room for cosines keeps the rest. */
static void test_a_sink_without_cosines(void **state)
{
    kin_rows rows = exact_rows(1), all;
    kin_error err;

    (void)state;
    test_ok(kin_rows_init(&all, 4, K, 0, &err), &err);
    kin_row_sink sink = kin_rows_sink(&all);
    test_ok(sink.write(sink.self, 1, &rows, &err), &err);
    assert_int_equal(all.count, 4);
    assert_int_equal(all.filled[3], 3);
    assert_int_equal(all.neighbor[3 * K + 2], 2);
    kin_rows_release(&rows);
    kin_rows_release(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_become_a_graph),
        cmocka_unit_test(test_a_sink_without_cosines),
    };
    return cmocka_run_group_tests(tests, make_like, drop_like);
}
