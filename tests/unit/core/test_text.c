/*
 * Texts in memory: whole, or not there.
 */
#include "core/text.h"

#include "support/test.h"

static void test_stream(void **state)
{
    (void)state;
    char *text, expected[16];
    size_t bytes;
    FILE *out = kin_text_stream(&text, &bytes);
    assert_non_null(out);
    for (int i = 0; i < 1000; i++)
        fprintf(out, "%03d", i);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(bytes, 3000);
    assert_int_equal(strlen(text), 3000);
    for (int i = 0; i < 1000; i++) {
        snprintf(expected, sizeof expected, "%03d", i);
        assert_memory_equal(text + (size_t)i * 3, expected, 3);
    }
    free(text);
}

static void test_empty(void **state)
{
    (void)state;
    char *text;
    size_t bytes;
    assert_int_equal(fclose(kin_text_stream(&text, &bytes)), 0);
    assert_string_equal(text, "");
    assert_int_equal(bytes, 0);
    free(text);
}

/* A piece that cannot be had is no text at all, also when later pieces could be had. */
static void test_refused_piece(void **state)
{
    (void)state;
    kin_text_buffer buffer = {0};
    assert_int_equal(kin_text_add(&buffer, "abc", 3), 0);
    assert_int_equal(kin_text_add(&buffer, "", SIZE_MAX), -1);
    assert_null(buffer.text);
    assert_int_equal(kin_text_add(&buffer, "def", 3), -1);
    assert_null(buffer.text);
    assert_int_equal(buffer.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_refused_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
