/*
 * core/source: NAME=FILE[:WEIGHT] in every spelling, and the words for each fault.
 */
#include "core/catalog.h"
#include "support/test.h"

static void test_good(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *path;
        double weight;
    } good[] = {
        {"text=text.npy:0.6", "text", "text.npy", 0.6},
        {"text=text.npy", "text", "text.npy", 1},
        {"text.npy", "text", "text.npy", 1},
        {"data/dir.v2/my-text.npy:2", "my-text", "data/dir.v2/my-text.npy", 2},
        {"a=b=c.npy", "a", "b=c.npy", 1},
        {"a=x:y.npy:1e-6", "a", "x:y.npy", 1e-6},
        {"a=x:y.npy", "a", "x:y.npy", 1},
        {"a=x.npy:1e6", "a", "x.npy", 1e6},
        {"a=0.6.npy", "a", "0.6.npy", 1},
        {"a=2,5 x.npy:2", "a", "2,5 x.npy", 2},
        {"a=x.npy:9/y.fbin", "a", "x.npy:9/y.fbin", 1},
        {"a=x y=z.npy", "a", "x y=z.npy", 1},
        {"a=x.npy.gz", "a", "x.npy.gz", 1},
        {"a=x.npy_old:2", "a", "x.npy_old", 2},
        {"a=x.fbin~", "a", "x.fbin~", 1},
        {"v.1.fbin", NULL, NULL, 0}, /* the stem v.1 is no name */
        {"dir=1/text.npy", "dir", "1/text.npy", 1},
        {"abcdefghijklmnopqrstuvwxyzABCDE=x", "abcdefghijklmnopqrstuvwxyzABCDE", "x", 1},
    };
    for (size_t i = 0; i < TEST_COUNT(good); i++) {
        kin_error err = {0};
        kin_source source;
        int rc = kin_source_parse(&source, good[i].text, &err);
        if (!good[i].name) {
            test_refused(rc, &err, KIN_E_USAGE, "the name 'v.1'");
            continue;
        }
        test_ok(rc, &err);
        assert_string_equal(source.name, good[i].name);
        assert_string_equal(source.path, good[i].path);
        assert_true(source.weight == good[i].weight);
        kin_source_release(&source);
        assert_null(source.path);
    }
}

static void test_bad(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"", "modality '': no file is named"},
        {"text=", "no file is named"},
        {"text=:0.5", "no file is named"},
        {"=x.npy", "the name '' is not 1 to 31"},
        {"te xt=x.npy", "the name 'te xt'"},
        {"t\xc3\xa4xt=x.npy", "is not 1 to 31 of A-Z a-z 0-9 _ -"},
        {"abcdefghijklmnopqrstuvwxyzABCDEF=x", "is not 1 to 31"},
        {"dir/a=b.npy", "the name 'a=b'"},
        {"text=x.npy:0", "weight 0, must be 1e-06 to 1e+06"},
        {"text=x.npy:-1", "weight -1, must be"},
        {"text=x.npy:9e-7", "weight 9e-07"},
        {"text=x.npy:1.1e6", "weight 1.1e+06"},
        {"text=x.npy:nan", "weight nan"},
        {"text=x.npy:inf", "weight inf"},
        {"a=x.npy:", "the weight '' is not a number"},
        {"a=x.npy: 5", "the weight ' 5' is not a number"},
        {"a=x.npy:0,6", "the weight '0,6' is not a number"},
        {"a=x.npy:60%", "the weight '60%' is not a number"},
        {"x.f16bin:60 %", "the weight '60 %' is not a number"},
        {"a=x.npy:0.6x", "the weight '0.6x' is not a number"},
        {"a=x.npy@0.6", "the weight '@0.6' is not a number"},
        {"a=x.npy*0.6", "the weight '*0.6' is not a number"},
        {"a=x.npy 0.6", "the weight ' 0.6' is not a number"},
        {"a=x.npy=0.6", "the weight '=0.6' is not a number"},
        {"0.6:a=x.npy", "the weight stands in front"},
        {"a:0.6=x.npy", "the weight stands in front"},
        {"0.6*a=x.npy", "the weight stands in front"},
        {"a=0.6:x.npy", "the weight stands in front"},
        {"a=.6*x.npy", "the weight stands in front"},
        {"0.6:x.npy", "the weight stands in front"},
        {"a=x.npy:0.6 b=y.npy:0.4", "names more than one file"},
        {"a=x.npy,b=y.npy", "names more than one file"},
    };
    for (size_t i = 0; i < TEST_COUNT(bad); i++) {
        kin_error err = {0};
        kin_source source;
        test_refused(kin_source_parse(&source, bad[i].text, &err), &err, KIN_E_USAGE,
                     bad[i].message);
        assert_null(source.path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
