/*
 * core/counted: one is one, and everything else is many.
 */
#include "support/test.h"

#include "core/counted.h"

static void test_counts(void **state)
{
    static const struct {
        size_t count;
        const char *noun, *wanted;
    } cases[] = {
        {0, "item", "0 items"},
        {1, "item", "1 item"},
        {2, "item", "2 items"},
        {11, "short row", "11 short rows"},
        {1, "query", "1 query"},
        {3, "query", "3 queries"},
        {1, "modality", "1 modality"},
        {2, "modality", "2 modalities"},
        {2, "day", "2 days"},
        {SIZE_MAX, "noun of just as many bytes as there may ",
         "18446744073709551615 noun of just as many bytes as there may s"},
    };
    (void)state;
    for (size_t i = 0; i < TEST_COUNT(cases); i++) {
        assert_string_equal(kin_count(cases[i].count, cases[i].noun).text, cases[i].wanted);
        assert_string_equal(kin_noun(cases[i].count, cases[i].noun).text,
                            strchr(cases[i].wanted, ' ') + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
