/*
 * Fuzz target options: command lines and environments against every command's table, sizes, sources
 * of vectors (job/options.h, core/catalog.h).
 *
 * Input: a byte that chooses the command, then texts ended by newlines: arguments up to an empty
 * one, then entries of the environment.
 */
#include "core/catalog.h"
#include "fuzz.h"
#include "job/options_value.h"
#include "tools/command.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS_MAX = 64, ROOM = 1 << 16 };

static size_t commands;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_start();
    while (kin_commands[commands])
        commands++;
    return 0;
}

/* A warning is a line. */
static void hear(void *self, const char *text)
{
    (void)self;
    fuzz_want(*text && fuzz_is_plain((kin_span){text, strlen(text)}));
}

/* ---- what was parsed ------------------------------------------------------------------------- */

static void check_limits(const kin_option *option, double value)
{
    fuzz_want(isfinite(value));
    fuzz_want(!kin_option_limited(option) || (value >= option->min && value <= option->max));
}

static void check_choice(const kin_option *option, int value)
{
    fuzz_want(value >= 0);
    for (int i = 0; i <= value; i++)
        fuzz_want(option->choices[i] != NULL);
}

static void check_list(const kin_text_list *list)
{
    fuzz_want(list->count <= KIN_LIST_MAX);
    for (size_t i = 0; i < list->count; i++)
        fuzz_want(list->item[i] && *list->item[i]);
}

static void check_value(const kin_option *option, const void *field)
{
    if (option->type == KIN_OPTION_INT)
        check_limits(option, (double)*(const int64_t *)field);
    else if (option->type == KIN_OPTION_BYTES && *(const uint64_t *)field > 0)
        check_limits(option, (double)*(const uint64_t *)field);
    else if (option->type == KIN_OPTION_REAL)
        check_limits(option, *(const double *)field);
    else if (option->type == KIN_OPTION_CHOICE)
        check_choice(option, *(const int *)field);
    else if (option->type == KIN_OPTION_LIST)
        check_list(field);
}

/* How many options a table has. */
static size_t options_of(const kin_option_table *table)
{
    kin_option_walk walk = {0};
    while (kin_options_next(table, &walk))
        continue;
    return walk.number;
}

static void check_json(const kin_option_table *table, const void *values)
{
    json_t *json = kin_options_json(table, values, true);
    fuzz_want(json && json_object_size(json) == options_of(table));
    char *text = json_dumps(json, JSON_COMPACT);
    json_t *again = text ? json_loads(text, 0, NULL) : NULL;
    fuzz_want(again && json_object_size(again) == options_of(table));
    json_decref(again);
    free(text);
    json_decref(json);
}

/* ---- one command line ------------------------------------------------------------------------ */

static bool parse(const kin_option_table *table, int argc, char **argv, char **environment)
{
    kin_error err = {0};
    kin_operands operands;
    bool help;
    void *values = malloc(table->bytes);
    if (!values)
        abort();
    int rc =
        arguments_parse(table, values, argc, argv, environment, &operands, &help, hear, NULL, &err);
    bool good = fuzz_outcome(rc, &err, FUZZ_USAGE);
    /* defaults may lie outside of the limits ("by size" is 0): only what differs from them was
     * parsed */
    for (kin_option_walk walk = {0}; good && !help && kin_options_next(table, &walk);) {
        const void *field = kin_option_field(&walk, values);
        if (!kin_option_same(walk.option, field, kin_option_field(&walk, table->defaults)))
            check_value(walk.option, field);
    }
    fuzz_want(!good || kin_options_check(table, values, &err) == 0);
    if (good) {
        fuzz_want(operands.count <= KIN_OPERANDS_MAX);
        check_json(table, values);
    }
    free(values);
    return good;
}

/* ---- texts on their own ---------------------------------------------------------------------- */

static void parse_size(const char *text)
{
    kin_error err = {0};
    uint64_t bytes, again;
    char shown[32];
    if (!fuzz_outcome(kin_bytes_parse(&bytes, text, &err), &err, FUZZ_USAGE))
        return;
    fuzz_want(bytes <= INT64_MAX);
    kin_bytes_text(bytes, shown);
    fuzz_want(fuzz_outcome(kin_bytes_parse(&again, shown, &err), &err, 0));
    fuzz_want(again == bytes);
}

static void parse_source(const char *text)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    kin_error err = {0};
    kin_source source;
    if (!fuzz_outcome(kin_source_parse(&source, text, &err), &err, FUZZ_USAGE))
        return;
    size_t length = strlen(source.name);
    fuzz_want(length >= 1 && length < KIN_NAME_MAX && strspn(source.name, letters) == length);
    fuzz_want(source.path && *source.path && strstr(text, source.path));
    fuzz_want(source.weight >= KIN_WEIGHT_MIN && source.weight <= KIN_WEIGHT_MAX);
    kin_source_release(&source);
    fuzz_want(!source.path);
}

static void find_nearest(const char *text)
{
    const char *names[64];
    size_t count = 0;
    for (size_t c = 0; c < commands; c++)
        names[count++] = kin_commands[c]->name;
    names[count] = NULL;
    const char *found = kin_nearest(text, names);
    bool known = !found;
    for (size_t c = 0; c < count; c++)
        known = known || found == names[c];
    fuzz_want(known);
}

/* ---- input ----------------------------------------------------------------------------------- */

/* The texts of an input, each in memory of its own, so that a byte too far is seen. */
static size_t split(char **out, const char *text, size_t size)
{
    size_t count = 0;
    for (size_t at = 0; at < size && count < TEXTS_MAX;) {
        const char *newline = memchr(text + at, '\n', size - at);
        size_t length = newline ? (size_t)(newline - text) - at : size - at;
        out[count] = strndup(text + at, length);
        if (!out[count++])
            abort();
        at += length + 1;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text[TEXTS_MAX + 1];
    if (size < 1)
        return 0;
    const kin_option_table *table = kin_commands[data[0] % commands]->options;
    size_t count = split(text, (const char *)data + 1, size - 1);
    size_t arguments = 0;
    while (arguments < count && text[arguments][0] != '\0')
        arguments++;
    for (size_t i = 0; i < count; i++) {
        parse_size(text[i]);
        parse_source(text[i]);
        arguments_know(table, text[i]);
    }
    if (count > 0)
        find_nearest(text[0]);
    text[count] = NULL;
    /* an empty text ended the arguments */
    char **environment = text + (arguments < count ? arguments + 1 : count);
    fuzz_open_monitor();
    parse(table, (int)arguments, text, environment);
    fuzz_close_monitor();
    for (size_t i = 0; i < count; i++)
        free(text[i]);
    return 0;
}

/* ---- mutations ------------------------------------------------------------------------------- */

static const char *const value_text[] = {
    "",         "0",
    "1",        "-1",
    "200",      "9223372036854775808",
    "1e9",      "0.97",
    "nan",      "inf",
    "0x10",     "8G",
    "8GB",      "8gib",
    "1.5K",     "65537T",
    "yes",      "off",
    "auto",     "text=t.npy:0.6",
    "t.npy",    "a=b=c:1",
    ":60%",     "t=x:0,6",
    "a;b",      " 5 # five",
    "--out",    "\x1b[2J",
    "\xc2\x85",
};

/* "--name" with a value in one of the ways to give it, or an entry of the environment. */
static size_t any_text(char out[200], const kin_option_table *table, uint32_t *state)
{
    static const char *const form[] = {"--%s\n%s\n", "--%s=%s\n", "KIN_%s=%s\n", "--%s\n"};
    size_t number = fuzz_below(state, options_of(table));
    kin_option_walk walk = {0};
    while (kin_options_next(table, &walk) && walk.number < number)
        continue;
    const char *name = walk.option->name;
    const char *value = value_text[fuzz_below(state, sizeof value_text / sizeof *value_text)];
    size_t way = fuzz_below(state, 4);
    int used = snprintf(out, 200, form[way], name, value);
    for (char *c = out; way == 2 && *c && *c != '='; c++)
        *c = *c == '-' ? '_' : *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    return (size_t)used;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
    uint32_t state = seed | 1;
    char new[200];
    if (size == 0 || fuzz_below(&state, 2))
        return LLVMFuzzerMutate(data, size, most);
    size_t length = any_text(new, kin_commands[data[0] % commands]->options, &state);
    size_t at = 1 + fuzz_below(&state, size);
    while (at < size && data[at - 1] != '\n' && at > 1) /* between two texts */
        at--;
    return fuzz_splice(data, size, most, at, 0, new, length);
}
