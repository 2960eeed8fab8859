/*
 * report/pairs_text: what COPY and a JSON reader take for the same ids and numbers, whatever ids
 * hold; numbers that give the same float back; a stream that takes no more.
 */
#include "report/pairs_text.h"
#include "support/test.h"

#include <math.h>

enum { ITEMS = 6, PAIRS = 1000 };

/* Ids as lines of a file may hold them; kin build refuses those with control characters. */
static const char ids[] =
    "a b\nta\tb\nback\\slash\\N\n\"quoted\" 'id'\n\xe6\x97\xa5\xf0\x9f\x8e\x81\n\x01\x7f\n";

static void open_graph(kin_graph *graph)
{
    kin_error err;
    *graph = (kin_graph){.n = ITEMS, .k = ITEMS - 1, .modality_count = 2};
    strcpy(graph->modality[0], "text");
    strcpy(graph->modality[1], "ima\"ge");
    test_write_text(test_path("ids.txt"), ids);
    test_ok(kin_lines_open(&graph->ids, test_path("ids.txt"), &err), &err);
    assert_int_equal(graph->ids.count, ITEMS);
}

static char *write_rows(kin_pairs_format format, const kin_pair_rows *rows)
{
    kin_graph graph;
    kin_error err;
    char *out = NULL;
    size_t bytes;
    open_graph(&graph);
    kin_pairs_text text = {
        .graph = &graph, .out = kin_text_stream(&out, &bytes), .path = "p", .format = format};
    const kin_pair_sink sink = kin_pairs_text_sink(&text);
    assert_non_null(text.out);
    kin_pairs_text_begin(&text);
    test_ok(sink.write(sink.self, rows, &err), &err);
    assert_int_equal(fclose(text.out), 0);
    kin_pairs_text_release(&text);
    kin_graph_close(&graph);
    return out;
}

static const int32_t item[] = {0, 1, 2, 3, 4, 5}, neighbor[] = {1, 2, 3, 4, 5, 0},
                     rank[] = {1, 2, 3, 10000, 5, 6};
static const float score[] = {1, 0.1f, -1e-30f, 123456.789f, 0, 1.0f / 3};
static const float cosine[2][6] = {{1, 0.5f, -0.25f, NAN, 0, 0.1f}, {NAN, NAN, NAN, 1, 1, 1}};
static const kin_pair_rows few = {6, item, neighbor, rank, score, {cosine[0], cosine[1]}};

static void test_tsv(void **state)
{
    (void)state;
    char *text = write_rows(KIN_PAIRS_TSV, &few);
    assert_string_equal(text,
                        "item\tneighbor\trank\tscore\tcosine_text\tcosine_ima\"ge\n"
                        "a b\tta\\tb\t1\t1\t1\t\\N\n"
                        "ta\\tb\tback\\\\slash\\\\N\t2\t0.100000001\t0.5\t\\N\n"
                        "back\\\\slash\\\\N\t\"quoted\" 'id'\t3\t-1e-30\t-0.25\t\\N\n"
                        "\"quoted\" 'id'\t\xe6\x97\xa5\xf0\x9f\x8e\x81\t10000\t123456.789\t\\N\t1\n"
                        "\xe6\x97\xa5\xf0\x9f\x8e\x81\t\x01\x7f\t5\t0\t0\t1\n"
                        "\x01\x7f\ta b\t6\t0.333333343\t0.100000001\t1\n");
    free(text);
}

static void test_jsonl(void **state)
{
    static const char *const id[] = {
        "a b",     "ta\tb", "back\\slash\\N", "\"quoted\" 'id'", "\xe6\x97\xa5\xf0\x9f\x8e\x81",
        "\x01\x7f"};
    (void)state;
    char *text = write_rows(KIN_PAIRS_JSONL, &few), *line = text;
    for (size_t i = 0; i < 6; i++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        json_t *pair = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL);
        json_t *cosines = json_object_get(pair, "cosine");
        assert_non_null(pair);
        assert_string_equal(json_string_value(json_object_get(pair, "item")), id[i]);
        assert_string_equal(json_string_value(json_object_get(pair, "neighbor")), id[(i + 1) % 6]);
        assert_int_equal(json_integer_value(json_object_get(pair, "rank")), rank[i]);
        assert_true((float)json_number_value(json_object_get(pair, "score")) == score[i]);
        for (size_t m = 0; m < 2; m++) {
            const json_t *value = json_object_get(cosines, m == 0 ? "text" : "ima\"ge");
            assert_non_null(value);
            assert_int_equal(json_is_null(value), isnan(cosine[m][i]));
            assert_true(isnan(cosine[m][i]) || (float)json_number_value(value) == cosine[m][i]);
        }
        assert_int_equal(json_object_size(pair), 5);
        assert_int_equal(json_object_size(cosines), 2);
        json_decref(pair);
        line = end + 1;
    }
    assert_int_equal(*line, '\0');
    free(text);
}

/* Any float32 is read back as it was, and lines are in order whatever thread made them. */
static void test_numbers(void **state)
{
    static int32_t many_item[PAIRS], many_rank[PAIRS];
    static float many[PAIRS];
    (void)state;
    for (uint32_t i = 0; i < PAIRS; i++) {
        uint32_t bits = i * 2654435761u;
        memcpy(&many[i], &bits, sizeof bits);
        if (i % 2 == 0) /* of the size that scores have, and what rounds up to one digit more */
            many[i] =
                i % 10 == 0 ? 1 - (float)i * 0x1p-24f : (float)((int32_t)bits >> 3) * 0x1p-28f;
        many[i] = isfinite(many[i]) ? many[i] : 1;
        many_item[i] = (int32_t)(i % ITEMS);
        many_rank[i] = (int32_t)i + 1;
    }
    const kin_pair_rows rows = {PAIRS, many_item, many_item, many_rank, many, {many, many}};
    char *text = write_rows(KIN_PAIRS_TSV, &rows), *line = strchr(text, '\n') + 1;
    for (int32_t i = 0; i < PAIRS; i++, line = strchr(line, '\n') + 1) {
        char *cell = strchr(strchr(line, '\t') + 1, '\t') + 1, *end;
        assert_int_equal(strtol(cell, &end, 10), i + 1);
        for (int column = 0; column < 3; column++) {
            assert_int_equal(*end, '\t');
            char wanted[32];
            int length = snprintf(wanted, sizeof wanted, "%.9g", (double)many[i]);
            assert_memory_equal(end + 1, wanted, length);
            assert_true(strtof(end + 1, &end) == many[i]);
        }
        assert_int_equal(*end, '\n');
    }
    free(text);
}

static void test_full(void **state)
{
    kin_graph graph;
    kin_error err;
    (void)state;
    open_graph(&graph);
    kin_pairs_text text = {.graph = &graph, .out = fopen("/dev/full", "w"), .path = "p.tsv"};
    const kin_pair_sink sink = kin_pairs_text_sink(&text);
    assert_non_null(text.out);
    setvbuf(text.out, NULL, _IONBF, 0);
    test_refused(sink.write(sink.self, &few, &err), &err, KIN_E_IO, "p.tsv cannot be written: ");
    fclose(text.out);
    kin_pairs_text_release(&text);
    kin_graph_close(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tsv),
        cmocka_unit_test(test_jsonl),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
