/*
 * core/lines and core/table: ends of lines, marks, UTF-8, row numbers, the index from text to
 * line, tables and their faults.
 */
#include "core/lines.h"
#include "core/table.h"
#include "support/test.h"

static kin_span span(const char *text)
{
    return text ? (kin_span){text, strlen(text)} : (kin_span){"", 0};
}

static void open_text(kin_lines *lines, const void *text, size_t bytes)
{
    kin_error err;
    test_write(test_path("lines"), text, bytes);
    test_ok(kin_lines_open(lines, test_path("lines"), &err), &err);
}

static void test_ends_of_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
        const char *line[3];
    } files[] = {
        {"", 0, {0}},
        {"a", 1, {"a"}},
        {"a\n", 1, {"a"}},
        {"a\nb\nc", 3, {"a", "b", "c"}},
        {"a\r\nb\r\n", 2, {"a", "b"}},
        {"a\r\rb\r\r\n", 1, {"a\r\rb\r"}},
        {"\n\n", 2, {"", ""}},
        {"\r\n", 1, {""}},
        {"\xef\xbb\xbf"
         "a\nb",
         2,
         {"a", "b"}},
        {"\xef\xbb\xbf", 0, {0}},
        {"\xc3\xa9\n\xe2\x82\xac\n\xf0\x9f\x91\x9f",
         3,
         {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x91\x9f"}},
    };
    for (size_t f = 0; f < TEST_COUNT(files); f++) {
        kin_lines lines;
        open_text(&lines, files[f].text, strlen(files[f].text));
        assert_int_equal(lines.count, files[f].count);
        for (size_t i = 0; i < lines.count; i++)
            assert_true(kin_span_equal(kin_lines_at(&lines, i), span(files[f].line[i])));
        kin_lines_close(&lines);
    }
}

/* Bytes that are no UTF-8, each behind one good line and at the very end of the file. */
static void test_not_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\xff",
        "\x80",
        "\xc3",
        "\xc3(",
        "\xc0\xaf",
        "\xe0\x80\xaf",
        "\xe2\x82",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf0\x9f\x91",
        "\xf0\x80\x80\xaf",
        "caf\xe9",
    };
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        kin_error err = {0};
        kin_lines lines;
        char text[64];
        snprintf(text, sizeof text, "good\n%s", bad[i]);
        test_write_text(test_path("lines"), text);
        test_refused(kin_lines_open(&lines, test_path("lines"), &err), &err, KIN_E_DATA,
                     "lines: line 2 is not UTF-8 text (byte 0x");
        assert_null(lines.start);
    }
    kin_error err = {0};
    kin_lines lines;
    test_write(test_path("lines"), "a\0b\n", 4);
    test_refused(kin_lines_open(&lines, test_path("lines"), &err), &err, KIN_E_DATA, "line 1");
    test_refused(kin_lines_open(&lines, test_path("none"), &err), &err, KIN_E_NOINPUT, "none");
}

static void test_numbers(void **state)
{
    (void)state;
    kin_error err;
    kin_lines lines;
    kin_line_index index;
    test_ok(kin_lines_number(&lines, 12345, &err), &err);
    test_ok(kin_line_index_init(&index, &lines, NULL, 1, &err), &err);
    for (size_t i = 0; i < 12345; i++) {
        char text[8];
        snprintf(text, sizeof text, "%zu", i);
        assert_true(kin_span_equal(kin_lines_at(&lines, i), span(text)));
        assert_int_equal(kin_line_index_find(&index, span(text)), i);
    }
    assert_int_equal(kin_line_index_find(&index, span("12345")), -1);
    assert_int_equal(kin_line_index_find(&index, span("01")), -1);
    assert_int_equal(kin_line_index_find(&index, span("")), -1);
    kin_line_index_release(&index);
    kin_lines_close(&lines);
}

static void test_index_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"a\nb\nc\nb\n", "f: id 'b' of line 4 stands in line 2 already"},
        {"a\n\nc\n", "f: line 2 has no id"},
        {"a\nb\r\nb\n", "f: id 'b' of line 3 stands in line 2 already"},
        {"\n", "f: line 1 has no id"},
    };
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        kin_error err = {0};
        kin_lines lines;
        kin_line_index index;
        open_text(&lines, bad[i].text, strlen(bad[i].text));
        test_refused(kin_line_index_init(&index, &lines, "f", 1, &err), &err, KIN_E_DATA,
                     bad[i].message);
        assert_null(index.slot);
        kin_lines_close(&lines);
    }
}

static void test_table(void **state)
{
    (void)state;
    kin_error err;
    kin_table table;
    test_write_text(test_path("t.tsv"), "id\ttitle\timage\r\n7\t\ta.png\r\n8\tShoe, red\t\r\n");
    test_ok(kin_table_open(&table, test_path("t.tsv"), &err), &err);
    assert_true(table.columns == 3 && table.lines.count == 3);
    assert_int_equal(kin_table_column(&table, "title"), 1);
    assert_int_equal(kin_table_column(&table, "titl"), -1);
    assert_true(kin_span_equal(kin_table_cell(&table, 0, 0), span("7")));
    assert_true(kin_span_equal(kin_table_cell(&table, 0, 1), span("")));
    assert_true(kin_span_equal(kin_table_cell(&table, 0, 2), span("a.png")));
    assert_true(kin_span_equal(kin_table_cell(&table, 1, 1), span("Shoe, red")));
    assert_true(kin_span_equal(kin_table_cell(&table, 1, 2), span("")));
    kin_table_close(&table);
}

static void test_table_refuses(void **state)
{
    (void)state;
    char many[800] = "c0";
    for (int i = 1; i <= KIN_COLUMNS_MAX; i++)
        snprintf(many + strlen(many), 16, "\tc%d", i);
    const struct {
        const char *text, *message;
    } bad[] = {
        {"", "t.tsv: empty file"},
        {"id\ttitle\n1\ta\n2\n", "t.tsv: line 3 has 1 cells, the header has 2"},
        {"id\ttitle\n1\ta\tb\n", "line 2 has 3 cells"},
        {"id\ttitle\n\n", "line 2 has 1 cells"},
        {"id\ttitle\tid\n", "the column 'id' stands twice"},
        {"id\t\n1\t\n", "column 2 has no name"},
        {"\n", "column 1 has no name"},
        {many, "65 columns, the limit is 64"},
        {"id\n\xff\n", "line 2 is not UTF-8"},
    };
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        kin_error err = {0};
        kin_table table;
        test_write_text(test_path("t.tsv"), bad[i].text);
        test_refused(kin_table_open(&table, test_path("t.tsv"), &err), &err, KIN_E_DATA,
                     bad[i].message);
        assert_null(table.lines.start);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_of_lines), cmocka_unit_test(test_not_utf8),
        cmocka_unit_test(test_numbers),       cmocka_unit_test(test_index_refuses),
        cmocka_unit_test(test_table),         cmocka_unit_test(test_table_refuses),
    };
    return cmocka_run_group_tests(tests, test_folder_make, test_folder_remove);
}
