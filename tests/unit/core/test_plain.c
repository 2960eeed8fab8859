/*
 * core/plain: what must not reach a terminal becomes "?", everything else stays as it is, and a cut
 * text ends in dots behind a whole character.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/plain.h"

static const struct {
    const char *text, *wanted;
} cases[] = {
    {"", ""},
    {"plain", "plain"},
    {"Stra\xc3\x9f"
     "e \xe4\xb8\xad\xf0\x9f\x8d\x8e",
     "Stra\xc3\x9f"
     "e \xe4\xb8\xad\xf0\x9f\x8d\x8e"},
    {"\x1b[31m\a\t\r\n\x01\x7f", "?[31m??????"},
    {"\xc2\x80\xc2\x85\xc2\x9b\xc2\x9f\xc2\xa0", "????\xc2\xa0"},
    {"\x9b"
     "2J\xff\xc2",
     "?2J??"},
    {"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xe2\x80\xae\xe2\x80\xaf",
     "\xe2\x80\xa7????\xe2\x80\xaf"},
    {"\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa", "\xe2\x81\xa5??\xe2\x81\xaa"},
    {"\xc0\x9b\xe0\x80\x9b", "?????"}, /* overlong forms are no characters */
};

static void test_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char in_place[64], *written = NULL;
        size_t bytes = 0;
        kin_span span = {cases[i].text, strlen(cases[i].text)};
        snprintf(in_place, sizeof in_place, "%s", cases[i].text);
        kin_plain_in_place(in_place);
        assert_string_equal(in_place, cases[i].wanted);
        FILE *out = open_memstream(&written, &bytes);
        assert_non_null(out);
        kin_plain_write(out, span);
        assert_int_equal(fclose(out), 0);
        assert_string_equal(written, cases[i].wanted);
        free(written);
        assert_string_equal(kin_plain(cases[i].text).text, cases[i].wanted);
    }
    assert_string_equal(kin_plain(NULL).text, "?");
    assert_string_equal(kin_plain_span((kin_span){"a\0b", 3}).text, "a?b");
}

/* Texts around the limit, of characters of 1 to 4 bytes. */
static void test_cut(void **state)
{
    static const char *const character[] = {"x", "\xc3\x9f", "\xe4\xb8\xad", "\xf0\x9f\x8d\x8e"};
    (void)state;
    for (size_t c = 0; c < 4; c++)
        for (size_t length = PLAIN_MAX - 9; length < PLAIN_MAX + 9; length++) {
            char text[PLAIN_MAX + 32] = "";
            size_t bytes = strlen(character[c]), used = 0;
            while (used + bytes <= length) {
                memcpy(text + used, character[c], bytes);
                used += bytes;
            }
            text[used] = '\0';
            plain_text out = kin_plain(text);
            size_t shown = strlen(out.text);
            if (used < PLAIN_MAX) {
                assert_string_equal(out.text, text);
                continue;
            }
            assert_true(shown < PLAIN_MAX && shown + bytes >= PLAIN_MAX - 1);
            assert_string_equal(out.text + shown - 3, "...");
            assert_int_equal((shown - 3) % bytes, 0);
            assert_memory_equal(out.text, text, shown - 3);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
