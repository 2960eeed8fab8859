/*
 * report/shell: what is written for a shell means the same to it. Words are given to real ones.
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
#include "report/shell.h"

static char *word_of(const char *text, size_t length)
{
    char *written = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&written, &bytes);
    assert_non_null(out);
    kin_shell_word(out, (kin_span){text, length});
    assert_int_equal(fclose(out), 0);
    assert_int_equal(strlen(written), bytes);
    return written;
}

/* What `shell` makes of a word, as its bytes in hexadecimal; the word is on one line of plain
 * text. */
static void check(const char *shell, const char *text, size_t length)
{
    char *word = word_of(text, length), command[8192], seen[1024] = "";
    char *seen_on_terminal = strdup(word);
    assert_non_null(seen_on_terminal);
    kin_plain_in_place(seen_on_terminal);
    assert_string_equal(seen_on_terminal, word);
    free(seen_on_terminal);
    snprintf(command, sizeof command,
             "%s <<'END_OF_SCRIPT'\nprintf %%s %s | od -An -v -tx1 | tr -d ' \\n'\nEND_OF_SCRIPT\n",
             shell, word);
    FILE *in = popen(command, "r"); // NOLINT(cert-env33-c): a shell is what is tested
    assert_non_null(in);
    size_t got = fread(seen, 1, sizeof seen - 1, in);
    seen[got] = '\0';
    assert_int_equal(pclose(in), 0);
    assert_int_equal(got, 2 * length);
    for (size_t i = 0; i < length; i++) {
        char hex[3];
        snprintf(hex, sizeof hex, "%02x", (unsigned char)text[i]);
        assert_memory_equal(seen + 2 * i, hex, 2);
    }
    free(word);
}

static const char *const words[] = {
    "",           "plain-1.npy", "two words",
    "it's",       "'",           "\"quoted\" $HOME `id` $(id) \\n \\",
    "*?[a]{b,c}", "~root",       "#no",
    "=ls",        "a=b:0.6",     "!!",
    ";|&<>()",    "Gru\xc3\x9f",
};

/* Only shells that know $'...'. */
static const char *const escaped[] = {
    "a\nb",
    "\n",
    "tab\there",
    "\x1b[31mred\x07",
    "it's\x1b\\ and \"more\" $HOME",
    "\x9b\xff\xc3",
    "\xc2\x9b"
    "31m",
    "\x1b"
    "7",
    "\xe2\x80\xae"
    "turned",
};

static void test_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        check("sh", words[i], strlen(words[i]));
        check("bash", words[i], strlen(words[i]));
    }
    for (size_t i = 0; i < sizeof escaped / sizeof *escaped; i++)
        check("bash", escaped[i], strlen(escaped[i]));
}

/* Every byte, alone and in company. */
static void test_bytes(void **state)
{
    char all[255], one[3] = "a?b";
    (void)state;
    for (int c = 1; c < 256; c++) {
        all[c - 1] = (char)c;
        one[1] = (char)c;
        char *word = word_of(one, 3);
        assert_string_equal(kin_plain(word).text, word);
        free(word);
    }
    check("bash", all, sizeof all);
}

static void test_dashes(void **state)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    (void)state;
    assert_non_null(out);
    kin_shell_operand(out, " ", "-x");
    kin_shell_operand(out, " ", "-a b");
    kin_shell_operand(out, " ", "x");
    kin_shell_option(out, " ", "item", (kin_span){"--x", 3});
    kin_shell_option(out, " ", "item", (kin_span){"x y", 3});
    kin_shell_option(out, " ", "item", (kin_span){"", 0});
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, " ./-x ./'-a b' x --item=--x --item 'x y' --item ''");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_dashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
