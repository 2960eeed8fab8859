/*
 * core/error: codes, messages and hints, texts that are cut, and NULL records.
 */
#include "support/test.h"

#include <errno.h>

static void test_fill(void **state)
{
    (void)state;
    kin_error err = {0};
    int rc = kin_fail(&err, KIN_E_DATA, "100 % literal", "%s: row %d", "a.npy", 7);
    assert_int_equal(rc, KIN_E_DATA);
    assert_int_equal(err.code, KIN_E_DATA);
    assert_string_equal(err.message, "a.npy: row 7");
    assert_string_equal(err.hint, "100 % literal");
    assert_int_equal(kin_fail(NULL, KIN_E_IO, "hint", "%d", 1), KIN_E_IO);
    assert_int_equal(kin_fail_alloc(NULL, "rows", 10), KIN_E_MEMORY);
    test_refused(kin_fail_alloc(&err, "rows", 12345), &err, KIN_E_MEMORY,
                 "rows: the system refused 12345 bytes");
}

static void test_errno_is_told_and_kept(void **state)
{
    (void)state;
    kin_error err = {0};
    errno = ENOENT;
    test_refused(kin_fail_errno(&err, KIN_E_NOINPUT, "hint", "%s", "x"), &err, KIN_E_NOINPUT,
                 "x: No such file or directory");
    assert_int_equal(errno, ENOENT);
}

/* What is to be done follows from errno where it can; what the caller would say comes last. */
static void test_hints_fit_errno(void **state)
{
    (void)state;
    static const struct {
        int number;
        const char *hint;
    } known[] = {{ENOSPC, "make room"},    {EDQUOT, "quota"},        {EFBIG, "ulimit -f"},
                 {EMFILE, "ulimit -n"},    {ENFILE, "open files"},   {EACCES, "permissions"},
                 {EPERM, "permissions"},   {EROFS, "another"},       {EIO, "disk"},
                 {ENOMEM, "free memory"},  {ENOLCK, "lock"},         {ENAMETOOLONG, "shorter"},
                 {ENOENT, "the caller's"}, {EINVAL, "the caller's"}, {EPIPE, "the caller's"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        kin_error err = {0};
        errno = known[i].number;
        int rc = kin_fail_errno(&err, KIN_E_CANTOUT, "the caller's", "g");
        assert_int_equal(errno, known[i].number);
        assert_int_equal(rc, known[i].number == ENOMEM ? KIN_E_MEMORY : KIN_E_CANTOUT);
        assert_int_equal(err.code, rc);
        assert_non_null(strstr(err.hint, known[i].hint));
        assert_non_null(strstr(err.message, strerror(known[i].number)));
    }
}

/* A file that is there is not missing because the process or its disk is in trouble. */
static void test_codes_fit_errno(void **state)
{
    (void)state;
    static const int trouble[] = {EMFILE, ENFILE, EIO};
    for (size_t i = 0; i < sizeof trouble / sizeof *trouble; i++) {
        kin_error err = {0};
        errno = trouble[i];
        assert_int_equal(kin_fail_errno(&err, KIN_E_NOINPUT, "hint", "x"), KIN_E_IO);
        assert_int_equal(err.code, KIN_E_IO);
    }
    errno = EACCES;
    assert_int_equal(kin_fail_errno(NULL, KIN_E_NOINPUT, "hint", "x"), KIN_E_NOINPUT);
    errno = ENOMEM;
    assert_int_equal(kin_fail_errno(NULL, KIN_E_NOINPUT, "hint", "x"), KIN_E_MEMORY);
}

/* Every length around the limits: the text ends in dots exactly when it was cut. */
static void test_cuts_are_marked(void **state)
{
    (void)state;
    for (size_t length = KIN_HINT_MAX - 6; length < KIN_MESSAGE_MAX + 6; length++) {
        char text[KIN_MESSAGE_MAX + 8];
        struct {
            kin_error err;
            char guard[8];
        } box;
        memset(&box, '#', sizeof box);
        memset(text, 'a', length);
        text[length] = '\0';
        errno = EINVAL; /* a number without a hint of its own */
        for (int with_errno = 0; with_errno < 2; with_errno++) {
            if (with_errno)
                kin_error_set_errno(&box.err, KIN_E_IO, text, "%s", text);
            else
                kin_error_set(&box.err, KIN_E_IO, text, "%s", text);
            size_t wanted = length + (with_errno ? strlen(": Invalid argument") : 0);
            size_t kept = wanted < KIN_MESSAGE_MAX ? wanted : KIN_MESSAGE_MAX - 1;
            assert_int_equal(strlen(box.err.message), kept);
            assert_int_equal(strcmp(box.err.message + kept - 3, "...") == 0, kept < wanted);
            assert_int_equal(strcmp(box.err.hint + strlen(box.err.hint) - 3, "...") == 0,
                             length >= KIN_HINT_MAX);
            assert_memory_equal(box.guard, "########", sizeof box.guard);
        }
    }
}

/* Names and values come as they are: a message stays one line that steers no terminal. */
static void test_messages_are_lines(void **state)
{
    (void)state;
    static const struct {
        const char *name, *line;
    } text[] = {
        {"a\nb\r\tc", "a?b??c"},
        {"\x1b[31mred\x7f", "?[31mred?"},
        {"\xc2\x85nel\xc2\x9b", "?nel?"},
        {"\xe2\x80\xa8ls\xe2\x80\xa9", "?ls?"},
        {"\xc2\xa0 ok \xc3\xa9", "\xc2\xa0 ok \xc3\xa9"},
        {"\xff\x9b", "\xff\x9b"},
        {"cut \xe2\x80", "cut \xe2\x80"},
    };
    for (size_t i = 0; i < TEST_COUNT(text); i++) {
        kin_error err = {0};
        kin_error_set(&err, KIN_E_DATA, text[i].name, "%s", text[i].name);
        assert_string_equal(err.message, text[i].line);
        assert_string_equal(err.hint, text[i].line);
        errno = EINVAL;
        kin_error_set_errno(&err, KIN_E_IO, text[i].name, "%s", text[i].name);
        assert_memory_equal(err.message, text[i].line, strlen(text[i].line));
        assert_string_equal(err.hint, text[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_errno_is_told_and_kept),
        cmocka_unit_test(test_hints_fit_errno),
        cmocka_unit_test(test_codes_fit_errno),
        cmocka_unit_test(test_cuts_are_marked),
        cmocka_unit_test(test_messages_are_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
