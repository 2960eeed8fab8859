/*
 * tools/arguments: every type with its limits and messages, the order of the sources, comments and
 * deprecated names in the environment, hints to the nearest name, --help and JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "job/options.h"
#include "tools/command.h"

typedef struct sample {
    int64_t top_k;
    int64_t seed;
    uint64_t memory;
    double share;
    double free_real;
    int engine;
    bool force;
    const char *out;
    kin_text_list modality;
} sample;

static const char *const engines[] = {"auto", "exact", "stream", "join", "hnsw", "ivf", NULL};
static const sample defaults = {.top_k = 200, .seed = 1, .share = 0.5};

#define FIELD(type_, name_, field_)                                                                \
    .name = (name_), .type = KIN_OPTION_##type_, .offset = offsetof(sample, field_)

static const kin_option options[] = {
    {FIELD(INT, "top-k", top_k), .min = 1, .max = 10000, .unit = "N", .help = "neighbours per item",
     .similarity = "SIMILARITY_TOP_K", .deprecated = "SIMILARITY_K"},
    {FIELD(INT, "seed", seed), .min = 0, .max = 0x1p63, .unit = "S",
     .help = "of everything random"},
    {FIELD(BYTES, "memory", memory), .min = 64 << 20, .max = 0x1p43, .unit = "SIZE",
     .help = "memory to use", .default_text = "what the machine has", .run_only = true},
    {FIELD(REAL, "share", share), .min = 0, .max = 1, .help = "a share"},
    {FIELD(REAL, "free-real", free_real), .help = "any number"},
    {FIELD(CHOICE, "engine", engine), .choices = engines, .help = "how to compute"},
    {FIELD(FLAG, "force", force), .help = "replace", .run_only = true},
    {FIELD(TEXT, "out", out), .unit = "DIR", .help = "where to", .run_only = true},
    {FIELD(LIST, "modality", modality), .unit = "NAME=FILE[:WEIGHT]", .help = "vectors"},
    KIN_OPTIONS_END,
};

static const kin_option_group group = {NULL, options, 0};
static const kin_option_table table = {&group, 1, &defaults, sizeof defaults};

/* The last run, for the asserts. */
static sample values;
static kin_operands operands;
static kin_error fault;
static bool help;
static char warned[512];
static int warnings;
static char environment_text[8][200];

static void note(void *self, const char *text)
{
    (void)self;
    warnings++;
    snprintf(warned, sizeof warned, "%s", text);
}

enum { WORDS_MAX = 80 };

/* Parses the blank-separated words of `line` under the environment entries, parted by '|'. */
static int parse(const char *line, const char *environment)
{
    static char words[2000];
    char *argv[WORDS_MAX + 1];
    char *entries[9];
    int argc = 0;
    int count = 0;
    char *rest;
    snprintf(words, sizeof words, "%s", line);
    for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
        argv[argc++] = w;
    for (const char *from = environment; *from && count < 8; count++) {
        size_t length = strcspn(from, "|");
        snprintf(environment_text[count], sizeof environment_text[count], "%.*s", (int)length,
                 from);
        entries[count] = environment_text[count];
        from += length + (from[length] == '|');
    }
    entries[count] = NULL;
    memset(&fault, 0, sizeof fault);
    warnings = 0;
    warned[0] = '\0';
    return arguments_parse(&table, &values, argc, argv, entries, &operands, &help, note, NULL,
                           &fault);
}

static void accept(const char *line, const char *environment)
{
    int rc = parse(line, environment);
    if (rc != 0)
        print_error("%s [%s]: %s\n", line, environment, fault.message);
    assert_int_equal(rc, 0);
}

static void refuse(const char *line, const char *environment, const char *message)
{
    assert_int_equal(parse(line, environment), KIN_E_USAGE);
    assert_string_equal(fault.message, message);
    assert_true(fault.hint[0] != '\0');
}

static void test_defaults(void **state)
{
    (void)state;
    accept("", "");
    assert_memory_equal(&values, &defaults, sizeof values);
    assert_int_equal(operands.count, 0);
    assert_false(help);
}

static void test_forms(void **state)
{
    (void)state;
    accept("a --top-k 7 b --engine=join --force --out d --modality x --modality=y=z:1 - -- --top-k",
           "");
    assert_int_equal(values.top_k, 7);
    assert_int_equal(values.engine, 3);
    assert_true(values.force);
    assert_string_equal(values.out, "d");
    assert_int_equal(values.modality.count, 2);
    assert_string_equal(values.modality.item[0], "x");
    assert_string_equal(values.modality.item[1], "y=z:1");
    assert_int_equal(operands.count, 4);
    assert_string_equal(operands.item[0], "a");
    assert_string_equal(operands.item[1], "b");
    assert_string_equal(operands.item[2], "-");
    assert_string_equal(operands.item[3], "--top-k");
    accept("--force=false --out=--odd", "KIN_FORCE=1");
    assert_false(values.force);
    assert_string_equal(values.out, "--odd");
    accept("--out -", "");
    assert_string_equal(values.out, "-");
}

static void test_help(void **state)
{
    (void)state;
    accept("--top-k nonsense --help", "");
    assert_true(help);
    accept("--nonsense -h", "");
    assert_true(help);
    accept("-- --help", "");
    assert_false(help);
    assert_int_equal(operands.count, 1);
}

static void test_whole_numbers(void **state)
{
    (void)state;
    refuse("--top-k 0", "", "--top-k 0: must be 1 to 10000");
    refuse("--top-k=10001", "", "--top-k 10001: must be 1 to 10000");
    refuse("--top-k -1", "", "--top-k -1: must be 1 to 10000");
    refuse("--top-k 99999999999999999999", "", "--top-k 99999999999999999999: must be 1 to 10000");
    refuse("--seed 99999999999999999999", "", "--seed 99999999999999999999: does not fit 64 bits");
    refuse("--seed -1", "", "--seed -1: must be 0 or more");
    static const char *const bad[] = {"abc", "1x", "1.0", "0x10", "1e3", "+", "-", "1,000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[40];
        char message[80];
        snprintf(line, sizeof line, "--top-k=%s", bad[i]);
        snprintf(message, sizeof message, "--top-k %s: not a whole number", bad[i]);
        refuse(line, "", message);
    }
    refuse("--top-k=", "", "--top-k : not a whole number");
    assert_string_equal(fault.hint, "--top-k N: neighbours per item");
    accept("--seed 9223372036854775807", "");
    assert_true(values.seed == INT64_MAX);
    accept("--top-k 10000", "");
    assert_int_equal(values.top_k, 10000);
}

static void test_reals(void **state)
{
    (void)state;
    accept("--share 1e-3 --free-real -1e30", "");
    assert_true(values.share == 1e-3 && values.free_real == -1e30);
    refuse("--share 1.5", "", "--share 1.5: must be 0 to 1");
    refuse("--share nan", "", "--share nan: not a number");
    refuse("--free-real inf", "", "--free-real inf: not a number");
    refuse("--share 0.5x", "", "--share 0.5x: not a number");
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"8G", 8ull << 30},
        {"8g", 8ull << 30},
        {"8GiB", 8ull << 30},
        {"8gib", 8ull << 30},
        {"1.5G", 3ull << 29},
        {"512M", 512ull << 20},
        {"64K", 65536},
        {"1T", 1ull << 40},
        {"1P", 1ull << 50},
        {"123", 123},
        {"0", 0},
        {"0.25K", 256},
        {"0.1G", 107374182},
        {"8191P", 8191ull << 50},
        {"8GB", 8ull << 30},
        {"8gb", 8ull << 30},
        {"8Gi", 8ull << 30},
        {"8gi", 8ull << 30},
        {"8 GB", 8ull << 30},
        {"512mb", 512ull << 20},
        {"64kB", 65536},
        {"123B", 123},
        {"1.5Gb", 3ull << 29},
    };
    static const char *const bad[] = {
        "",    "G",   "-1G", "8GBB", "8iB",  "8Q",    "1.G",  "8Gi B", " 8G",
        "1.5", ".5G", "8Bi", "1e9",  "0x10", "8GiBs", "8Gbi", "1.5B",  "0.1234567890123456789G"};
    uint64_t bytes;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(kin_bytes_parse(&bytes, good[i].text, &fault), 0);
        assert_true(bytes == good[i].bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char message[80];
        snprintf(message, sizeof message, "'%s': not a size", bad[i]);
        assert_int_equal(kin_bytes_parse(&bytes, bad[i], &fault), KIN_E_USAGE);
        assert_string_equal(fault.message, message);
    }
    assert_int_equal(kin_bytes_parse(&bytes, "8192P", &fault), KIN_E_USAGE);
    assert_string_equal(fault.message, "'8192P': too large a size");
    assert_int_equal(kin_bytes_parse(&bytes, "99999999999999999999", &fault), KIN_E_USAGE);
    refuse("--memory 1M", "", "--memory 1M: must be 64M to 8T");
    refuse("--memory 8X", "", "--memory 8X: not a size");
    accept("--memory 64M", "");
    assert_true(values.memory == 64 << 20);
}

static void test_choices_and_flags(void **state)
{
    (void)state;
    refuse("--engine foo", "", "--engine foo: must be auto, exact, stream, join, hnsw or ivf");
    refuse("--engine joim", "", "--engine joim: must be auto, exact, stream, join, hnsw or ivf");
    assert_string_equal(fault.hint, "did you mean join?");
    refuse("--engine JOIN", "", "--engine JOIN: must be auto, exact, stream, join, hnsw or ivf");
    assert_string_equal(fault.hint, "did you mean join?");
    refuse("--force=maybe", "", "--force maybe: must be 1, true, yes, on, 0, false, no or off");
    accept("--force=YES", "");
    assert_true(values.force);
}

static void test_shape_of_the_line(void **state)
{
    (void)state;
    refuse("--topk 3", "", "unknown option --topk");
    assert_string_equal(fault.hint, "did you mean --top-k?");
    refuse("--hepl", "", "unknown option --hepl");
    assert_string_equal(fault.hint, "did you mean --help?");
    refuse("--zzzzzz=3", "", "unknown option --zzzzzz");
    assert_string_equal(fault.hint, "--help lists the options");
    refuse("-k 3", "", "unknown option -k");
    refuse("--top 3", "", "unknown option --top"); /* no abbreviations */
    refuse("--top-k", "", "--top-k: needs a value: N");
    refuse("--top-k --force", "", "--top-k: needs a value: N");
    refuse("--out=", "", "--out : needs a value");
    refuse("--top-k 1 --top-k 2", "", "--top-k: given twice");
    refuse("--force --force", "", "--force: given twice");
}

static void test_too_many(void **state)
{
    char line[2000] = "";
    (void)state;
    for (int i = 0; i <= KIN_LIST_MAX; i++)
        strcat(line, "--modality=a ");
    refuse(line, "", "--modality: given more than 64 times");
    line[0] = '\0';
    for (int i = 0; i <= KIN_OPERANDS_MAX; i++)
        strcat(line, "x ");
    refuse(line, "", "'x': more than 64 operands");
}

static void test_order_of_sources(void **state)
{
    static const char all[] = "SIMILARITY_K=4|SIMILARITY_TOP_K=3|KIN_TOP_K=2";
    (void)state;
    accept("--top-k 1", all);
    assert_int_equal(values.top_k, 1);
    accept("", all);
    assert_int_equal(values.top_k, 2);
    accept("", "SIMILARITY_K=4|SIMILARITY_TOP_K=3");
    assert_int_equal(values.top_k, 3);
    assert_int_equal(warnings, 0);
    accept("", "SIMILARITY_K=4");
    assert_int_equal(values.top_k, 4);
    assert_int_equal(warnings, 1);
    assert_string_equal(warned, "SIMILARITY_K is deprecated: use KIN_TOP_K");
    accept("--top-k 9", "KIN_TOP_K=nonsense"); /* it is not read */
    accept("", "KIN_TOP_KX=5|XKIN_TOP_K=6|KIN_TOP=7");
    assert_int_equal(values.top_k, 200);
}

static void test_environment_values(void **state)
{
    (void)state;
    accept("", "KIN_TOP_K=|SIMILARITY_TOP_K=  ");
    assert_int_equal(values.top_k, 200);
    accept("", "KIN_TOP_K= # five|SIMILARITY_TOP_K=6 # six");
    assert_int_equal(values.top_k, 6);
    accept("", "KIN_TOP_K=\t 50 \t# rows a batch # more");
    assert_int_equal(values.top_k, 50);
    accept("", "KIN_OUT=a#b");
    assert_string_equal(values.out, "a#b");
    accept("", "KIN_FORCE=on|KIN_ENGINE=hnsw|KIN_MEMORY=1G|KIN_FREE_REAL=-2");
    assert_true(values.force && values.engine == 4 && values.memory == 1 << 30);
    accept("", "KIN_MODALITY=a=1.npy:2 ; b=2.npy;; # both");
    assert_int_equal(values.modality.count, 2);
    assert_string_equal(values.modality.item[0], "a=1.npy:2");
    assert_string_equal(values.modality.item[1], "b=2.npy");
    accept("--modality c", "KIN_MODALITY=a;b");
    assert_int_equal(values.modality.count, 1);
    refuse("", "KIN_TOP_K=abc", "KIN_TOP_K=abc: not a whole number");
    refuse("", "KIN_TOP_K=0 # none", "KIN_TOP_K=0: must be 1 to 10000");
    refuse("", "SIMILARITY_TOP_K=1e2", "SIMILARITY_TOP_K=1e2: not a whole number");
    refuse("", "KIN_ENGINE=fast",
           "KIN_ENGINE=fast: must be auto, exact, stream, join, hnsw or ivf");
}

static void test_known_names(void **state)
{
    (void)state;
    assert_true(arguments_know(&table, "KIN_FREE_REAL"));
    assert_true(arguments_know(&table, "SIMILARITY_TOP_K"));
    assert_true(arguments_know(&table, "SIMILARITY_K"));
    assert_false(arguments_know(&table, "KIN_TOPK"));
    assert_false(arguments_know(&table, "SIMILARITY_SEED"));
}

static void test_nearest(void **state)
{
    static const char *const names[] = {"build", "index", "query", "gen", NULL};
    (void)state;
    assert_string_equal(kin_nearest("biuld", names), "build");
    assert_string_equal(kin_nearest("BUILD", names), "build");
    assert_string_equal(kin_nearest("inedx", names), "index");
    assert_string_equal(kin_nearest("gne", names), "gen");
    assert_string_equal(kin_nearest("queries", names), "query");
    assert_null(kin_nearest("doctor", names));
    assert_null(kin_nearest("", names));
    assert_null(kin_nearest("x", names));
    assert_null(kin_nearest("a very long text that is longer than any name can be at all", names));
}

static void test_help_text(void **state)
{
    char *text = arguments_help(&table);
    (void)state;
    assert_non_null(text);
    assert_non_null(strstr(text, "  --top-k N                 neighbours per item (1 to 10000;"));
    assert_non_null(strstr(text, "SIMILARITY_TOP_K)"));
    assert_non_null(strstr(text, "auto)"));
    assert_non_null(strstr(text, "(64M to 8T; default: what the machine"));
    assert_non_null(strstr(text, "  --force  "));
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 80);
    free(text);
}

static void test_json(void **state)
{
    (void)state;
    accept("--out d\xff --modality a --engine join", "");
    json_t *some = kin_options_json(&table, &values, false);
    json_t *all = kin_options_json(&table, &values, true);
    char *text = json_dumps(some, JSON_COMPACT);
    assert_string_equal(text, "{\"top_k\":200,\"seed\":1,\"share\":0.5,\"free_real\":0.0,"
                              "\"engine\":\"join\",\"modality\":[\"a\"]}");
    assert_string_equal(json_string_value(json_object_get(all, "out")), "d\xef\xbf\xbd");
    assert_true(json_is_false(json_object_get(all, "force")));
    free(text);
    json_decref(some);
    json_decref(all);
}

/* The defaults of every command are a document with a key for each option: numbers that are none
 * are null. */
static void test_json_of_commands(void **state)
{
    (void)state;
    for (size_t c = 0; kin_commands[c]; c++) {
        const kin_option_table *of = kin_commands[c]->options;
        json_t *json = kin_options_json(of, of->defaults, true);
        kin_option_walk walk = {0};
        while (kin_options_next(of, &walk))
            continue;
        assert_int_equal(json_object_size(json), walk.number);
        json_decref(json);
    }
    json_t *json =
        kin_options_json(command_compare.options, command_compare.options->defaults, true);
    assert_true(json_is_null(json_object_get(json, "min_recall")));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_reals),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_choices_and_flags),
        cmocka_unit_test(test_shape_of_the_line),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_order_of_sources),
        cmocka_unit_test(test_environment_values),
        cmocka_unit_test(test_known_names),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_help_text),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_of_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
