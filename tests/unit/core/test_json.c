/*
 * Documents while jansson's allocations are refused one by one, and from one on: NULL or whole when
 * they are built, KIN_E_MEMORY or whole when they are read.
 */
#include "core/json.h"

#include "support/test.h"

#include <math.h>

/* ---- allocations that are refused ------------------------------------------------------------ */

static size_t asked, refused_at;
static bool sticky;

static void *counted(size_t bytes)
{
    asked++;
    bool refuse = refused_at > 0 && (asked == refused_at || (sticky && asked > refused_at));
    return refuse ? NULL : malloc(bytes);
}

static void arm(size_t at, bool and_after)
{
    asked = 0;
    refused_at = at;
    sticky = and_after;
}

/* ---- building -------------------------------------------------------------------------------- */

static json_t *build(void)
{
    json_t *out = json_object();
    json_t *list = json_array();
    for (int i = 0; i < 20; i++)
        kin_json_append(&list, kin_json_real(i == 3 ? (double)NAN : i));
    kin_json_set(&out, "list", list);
    kin_json_set(&out, "text",
                 kin_json_text("a\xff"
                               "b\xc3\xa9"));
    kin_json_set(&out, "path", kin_json_path("/a\xff"));
    kin_json_merge(&out, json_pack("{s:i, s:{s:s}}", "one", 1, "deep", "key", "value"));
    json_t *rest = kin_json_without(out, "one", "nothing");
    kin_json_set(&rest, "last", kin_json_path("/whole"));
    json_decref(out);
    return rest;
}

static const char whole[] = "{\"list\":[0.0,1.0,2.0,null,4.0,5.0,6.0,7.0,8.0,9.0,10.0,11.0,12.0,13."
                            "0,14.0,15.0,16.0,17.0,18.0,"
                            "19.0],\"text\":\"a\xef\xbf\xbd"
                            "b\xc3\xa9\",\"path\":null,\"deep\":{\"key\":\"value\"},"
                            "\"last\":\"/whole\"}";

static void test_built_whole_or_not_at_all(void **state)
{
    (void)state;
    size_t allocations = 0, refused = 0;
    for (size_t at = 0; at == 0 || at <= allocations; at++)
        for (int all = 0; all < 2; all++) {
            arm(at, all);
            json_t *document = build();
            char *text = kin_json_dump(document, JSON_COMPACT);
            allocations = at == 0 ? asked : allocations;
            arm(0, false);
            assert_true(at > 0 || text);
            if (text)
                assert_string_equal(text, whole);
            refused += !text;
            free(text);
            json_decref(document);
        }
    assert_true(allocations > 40);
    assert_true(refused >= 2 * allocations - 8); /* realloc-like growth may do without */
    print_message("%zu allocations, %zu trials refused\n", allocations, refused);
}

/* A document that lacks something takes nothing more, and makes what holds it NULL too. */
static void test_missing_stays_missing(void **state)
{
    (void)state;
    json_t *lost = json_object();
    kin_json_set(&lost, "key", NULL);
    assert_null(lost);
    kin_json_set(&lost, "key", json_true());
    kin_json_append(&lost, json_true());
    kin_json_merge(&lost, json_object());
    assert_null(lost);
    assert_null(kin_json_without(lost, "key", NULL));
    assert_null(kin_json_dump(lost, 0));
    json_t *list = json_array();
    kin_json_append(&list, lost);
    assert_null(list);
    json_t *other = json_object();
    kin_json_merge(&other, lost);
    assert_null(other);
    assert_null(json_pack("{s:i, s:o, s:o}", "a", 1, "lost", lost, "b", json_integer(2)));
}

/* ---- reading --------------------------------------------------------------------------------- */

static void read_under_refusals(const char *text, kin_code without)
{
    kin_error err = {0};
    json_t *expected = NULL, *found;
    size_t allocations = 0;
    int rc = kin_json_load(&expected, text, strlen(text), "DIR/manifest.json", "mend it", &err);
    assert_int_equal(rc, without);
    for (size_t at = 0; at == 0 || at <= allocations; at++)
        for (int all = 0; all < 2; all++) {
            arm(at, all);
            rc = kin_json_load(&found, text, strlen(text), "DIR/manifest.json", "mend it", &err);
            allocations = at == 0 ? asked : allocations;
            arm(0, false);
            if (rc == 0)
                assert_true(json_equal(found, expected));
            else if (rc == KIN_E_MEMORY && at > 0)
                test_refused(rc, &err, KIN_E_MEMORY, "DIR/manifest.json");
            else
                test_refused(rc, &err, without, "DIR/manifest.json: line");
            assert_true(rc == 0 || !found);
            json_decref(found);
        }
    assert_true(allocations > 8);
    json_decref(expected);
}

static void test_read_whole_or_refused(void **state)
{
    (void)state;
    read_under_refusals(
        "{\"a name that is longer than sixteen bytes\": \"and so is its value\\u00e9, "
        "which goes on\", \"n\": [123456789012345678, 0.12345678901234567890123, true, "
        "false, null], \"deep\": {\"b\": {}}}",
        KIN_OK);
    read_under_refusals("{\"cut\": [\"in the middle of something that is long", KIN_E_DATA);
    read_under_refusals("{\"twice twice twice twice\": 1, \"twice twice twice twice\": 2}",
                        KIN_E_DATA);
}

static void test_nothing_to_read(void **state)
{
    (void)state;
    kin_error err = {0};
    json_t *found;
    test_refused(kin_json_load(&found, NULL, 0, "DIR/manifest.json", "mend it", &err), &err,
                 KIN_E_DATA, "DIR/manifest.json: line 1");
    assert_null(found);
}

static int count_allocations(void **state)
{
    (void)state;
    json_set_alloc_funcs(counted, free);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_whole_or_not_at_all),
        cmocka_unit_test(test_missing_stays_missing),
        cmocka_unit_test(test_read_whole_or_refused),
        cmocka_unit_test(test_nothing_to_read),
    };
    return cmocka_run_group_tests(tests, count_allocations, NULL);
}
