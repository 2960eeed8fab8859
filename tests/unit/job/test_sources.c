/*
 * What a manifest says of modalities, as sources are read from it: nothing of it is believed
 * unseen.
 */
#include "job/sources.h"
#include "support/test.h"

static void test_bad_modalities(void **state)
{
    (void)state;
    static const struct {
        const char *manifest, *message;
    } bad[] = {
        {"{}", "names 0 modalities"},
        {"{'modalities': []}", "names 0 modalities"},
        {"{'modalities': {'a': 1}}", "names 0 modalities"},
        {"{'modalities': [1,1,1,1,1,1,1,1,1]}", "names 9 modalities, needs 1 to 8"},
        {"{'modalities': [7]}", "modality 0 has no name"},
        {"{'modalities': [{'name': '', 'file': 'a'}]}", "modality 0 has no name"},
        {"{'modalities': [{'name': 'a2345678901234567890123456789012', 'file': 'a'}]}",
         "no name of 1 to 31 bytes"},
        {"{'modalities': [{'name': 'a', 'file': 'a'}, {'name': 'a', 'file': 'b'}]}",
         "two modalities"},
        {"{'modalities': [{'name': 'a'}]}", "no file of modality a"},
        {"{'modalities': [{'name': 'a', 'file': 'a', 'weight': 0}]}",
         "weight of modality a is 0, must be 1e-06 to 1e+06"},
        {"{'modalities': [{'name': 'a', 'file': 'a', 'weight': -1}]}",
         "weight of modality a is -1"},
        {"{'modalities': [{'name': 'a', 'file': 'a', 'weight': 1e300}]}",
         "weight of modality a is 1e+300"},
    };
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        kin_error err = {0};
        kin_source source[KIN_MODALITIES_MAX];
        size_t count = 7;
        char text[300];
        snprintf(text, sizeof text, "%s", bad[i].manifest);
        for (char *c = text; *c; c++)
            *c = *c == '\'' ? '"' : *c;
        json_t *manifest = json_loads(text, 0, NULL);
        assert_non_null(manifest);
        test_refused(kin_sources_from_manifest(source, &count, manifest, &err), &err, KIN_E_DATA,
                     bad[i].message);
        assert_int_equal(count, 0);
        json_decref(manifest);
    }
}

static void test_good_modalities(void **state)
{
    (void)state;
    kin_error err = {0};
    kin_source source[KIN_MODALITIES_MAX];
    size_t count;
    json_t *manifest = json_pack("{s:[{s:s, s:s, s:f}, {s:s, s:s}], s:{s:{s:s}}}", "modalities",
                                 "name", "text", "file", "t.npy", "weight", 0.6, "name", "image",
                                 "file", "i.npy", "run", "sources", "text", "/nowhere/t.npy");
    test_ok(kin_sources_from_manifest(source, &count, manifest, &err), &err);
    assert_int_equal(count, 2);
    assert_string_equal(source[0].name, "text");
    assert_string_equal(source[0].path, "t.npy"); /* the absolute path is not there */
    assert_true(source[0].weight == 0.6 && source[1].weight == 1);
    kin_sources_release(source, count);
    json_decref(manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_modalities),
        cmocka_unit_test(test_good_modalities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
